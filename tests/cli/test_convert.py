"""`standby convert litellm`: twenty configurations become ours, pass the check, and lose no line unnamed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from standby.cli.foreign_yaml import BYTES_MAX
from standby.config import Config, load

from commands import run

FILES = sorted((Path(__file__).parents[1] / "fixtures" / "litellm").glob("*.yaml"))
REFERENCE = re.compile(r"\$\{(\w+)\}")

pytestmark = pytest.mark.shows_canaries  # the fixtures hold what looks like keys, on purpose


def converted(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[str, Config]:
    """What a file becomes, and as it is loaded."""
    done = run("convert", "litellm", str(file))
    assert done.exit_code == 0, done.stderr
    for name in REFERENCE.findall(done.stdout):
        url = name == "AZURE_FRANCE" or name == "AZURE_SWEDEN"
        monkeypatch.setenv(name, "https://r.openai.azure.com" if url else "k-" + "a" * 40)
    ours = tmp_path / "standby.yaml"
    ours.write_text(done.stdout, encoding="utf-8")
    checked = run("check", str(ours))
    assert checked.exit_code == 0, checked.stdout
    return done.stdout, load(ours)


def of(name: str) -> Path:
    return next(file for file in FILES if file.stem == name)


def targets(config: Config, route: str) -> Any:
    return config.routes[route].targets


def test_there_are_twenty() -> None:
    assert len(FILES) == 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_comes_out_passes_the_check_and_holds_no_secret(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text, config = converted(file, monkeypatch, tmp_path)
    assert config.routes
    assert "THIS-STANDS-IN-THE-FILE" not in text
    for line in re.findall(r"^#   line (\d+): \S+", text, re.MULTILINE):
        assert 1 <= int(line) <= len(file.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_setting_that_is_not_known_is_named_wherever_it_stands(file: Path, tmp_path: Path) -> None:
    """In each mapping that is written on one line, one after another, an unknown setting takes the first place."""
    text = file.read_text(encoding="utf-8")
    for path, node in mappings(yaml.compose(text)):
        if not node.flow_style or not node.value or re.search(FREE, path):
            continue
        at = node.start_mark.index + 1
        other = tmp_path / "config.yaml"
        other.write_text(f"{text[:at]}no_such_setting: 1, {text[at:]}", encoding="utf-8")
        done = run("convert", "litellm", str(other))
        assert done.exit_code == 0
        told = re.findall(r"^#   line \d+: (.+?): ", done.stdout, re.MULTILINE)
        assert any(
            each == f"{path}.no_such_setting" or f"{path}.".startswith((f"{each}.", f"{each}[")) for each in told
        )


FREE = r"extra_headers|extra_body"
"""What stands here is the provider's own affair, and carried over whatever it is."""


def mappings(node: yaml.Node, path: str = "") -> Iterator[tuple[str, yaml.MappingNode]]:
    if isinstance(node, yaml.MappingNode):
        yield path, node
        for name, value in node.value:
            yield from mappings(value, f"{path}.{name.value}" if path else name.value)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield from mappings(value, f"{path}[{place}]")


LEFT: dict[str, list[str]] = {
    "one_model": [],
    "fallbacks_that_go_round": [],
    "default_fallbacks": [],
    "order": [],
    "two_regions_of_azure": [],
    "own_servers": [],
    "windows_and_policies": [
        "line 7: router_settings.content_policy_fallbacks[1].nothing",
        "line 8: router_settings.enable_pre_call_checks",
    ],
    "cooldowns": ["line 7: router_settings.retry_after", "line 8: router_settings.retry_policy"],
    "cost_and_prices": ["line 10: model_list[1].model_info.input_cost_per_token"],
    "budgets": [
        "line 3: model_list[1].litellm_params.budget_duration",
        "line 3: model_list[1].litellm_params.max_budget",
        "line 7: router_settings.provider_budget_config.openai",
        "line 8: litellm_settings.budget_duration",
        "line 8: litellm_settings.max_budget",
    ],
    "aliases": [
        "line 6: router_settings.model_group_alias.gpt-4-hidden.hidden",
        "line 7: router_settings.model_group_alias.nowhere",
    ],
    "not_only_chat": [
        *(f"line {number + 2}: model_list[{number}]" for number in range(1, 5)),
        "line 8: litellm_settings.fallbacks[0].chat[0]",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_each_line_that_was_not_carried_over_is_named(name: str) -> None:
    done = run("convert", "litellm", str(of(name)))
    told = re.findall(r"^#   (line \d+: \S+): ", done.stdout, re.MULTILINE)
    assert told == LEFT[name]
    assert f"{len(told)} line" in done.stderr


def test_what_was_carried_over_means_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def loaded(name: str) -> Config:
        return converted(of(name), monkeypatch, tmp_path)[1]

    config = loaded("fallbacks_that_go_round")
    assert targets(config, "lead") == (("lead-1",), ("spare-1",))
    assert targets(config, "spare") == (("spare-1",), ("lead-1",))
    assert (config.retry.attempts, config.limits.deadline_s, config.limits.complete_deadline_s) == (4, 45, 45)
    config = loaded("order")
    assert targets(config, "chat") == (("chat-2",), ("chat-1", "chat-3"))
    config = loaded("default_fallbacks")
    assert targets(config, "b") == (("b-1",), ("last-1",))
    assert targets(config, "last") == (("last-1",),)
    config = loaded("weights_and_latency")
    assert config.routes["chat"].select == "latency"
    config = loaded("windows_and_policies")
    assert {kind.value: tier for kind, tier in config.routes["small"].on.items()} == {
        "context_length": ("large-1",), "content_filter": ("lax-1",),
    }  # fmt: skip
    config = loaded("cooldowns")
    assert (config.retry.attempts, config.health.failures_in_row, config.health.open_s) == (1, 3, 90)
    config = loaded("budgets")
    assert (config.targets["a-1"].budget_day, config.targets["b-1"].budget_month) == (10, 300)
    config = loaded("cost_and_prices")
    price = config.targets["chat-1"].price
    assert price is not None
    assert (price.input, price.output) == (2.5, 10)
    config = loaded("defaults_of_requests")
    steady = config.targets["steady-1"]
    assert steady.parameters == {"temperature": 0, "max_tokens": 800, "seed": 7}
    assert (steady.total_s, steady.first_delta_s, steady.concurrency, steady.tokens_per_min) == (120, 15, 20, 200_000)
    assert config.serve is not None
    assert config.serve.routes["steady"].unsupported == "drop"
    config = loaded("wildcards")
    assert config.serve is not None
    assert config.serve.keys["master"].models == ("anthropic/*", "openai/*")
    config = loaded("keys_in_the_file")
    assert config.targets["chat-1"].headers["X-Team"] == "core"
    assert sorted(config.targets["chat-1"].headers) == ["OpenAI-Organization", "X-Api-Token", "X-Team"]


TENFOLD = [f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcde", "bcdef", strict=True)]
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(TENFOLD)
BROKEN = {
    "no YAML": ("model_list: [", "is no YAML"),
    "nothing in it": ("", "lists no model"),
    "no model of ours": ("model_list: [{model_name: a, litellm_params: {model: sagemaker/a}}]", "lists no model"),
    "a list": ("- 1", "lists no model"),
    "too large": ("#" * (BYTES_MAX + 1), "larger than"),
    "a bomb": (BOMB, "more levels or parts"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_converted_says_why(case: str, tmp_path: Path) -> None:
    text, why = BROKEN[case]
    file = tmp_path / "config.yaml"
    file.write_text(text)
    done = run("convert", "litellm", str(file))
    assert (done.exit_code, done.stdout) == (2, "")
    assert why in " ".join(done.stderr.split())


def test_a_file_is_written_once(tmp_path: Path) -> None:
    out = tmp_path / "standby.yaml"
    assert run("convert", "litellm", str(of("one_model")), "--output", str(out)).exit_code == 0
    assert out.read_text().startswith("# Converted from one_model.yaml")
    done = run("convert", "litellm", str(of("one_model")), "--output", str(out))
    assert (done.exit_code, "is there already" in done.stderr) == (2, True)
    missing = run("convert", "litellm", str(tmp_path / "nothing.yaml"))
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (2, True)


PAGES = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["openrouter", "portkey", "bifrost"])
def test_the_file_on_a_page_for_those_who_come_passes_the_check(
    page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (PAGES / f"from-{page}.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    for name in REFERENCE.findall(shown):
        monkeypatch.setenv(name, f"k-{name}-" + "a" * 40)
    ours = tmp_path / "standby.yaml"
    ours.write_text(shown, encoding="utf-8")
    assert run("check", str(ours)).exit_code == 0
