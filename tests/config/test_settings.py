"""From files, variables and arguments to a `Config`: what wins, what is made of it, and how long it takes."""

import asyncio
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standby.config import Config, Health, Limits, Retry, Route, Target, load, load_off_loop
from standby.config.problems import ConfigFileError
from standby.config.settings import Settings
from standby.providers.secret import Secret

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory and an environment without settings."""
    for name in [name for name in os.environ if name.upper().startswith("STANDBY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str, name: str = "u.yaml") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write_file


MINIMAL = "targets:\n  a: {provider: koala}\n"


def test_settings_and_config_have_the_same_sections() -> None:
    assert set(Settings.model_fields) == set(Config.__dataclass_fields__) - {"origin"}
    assert Settings.model_fields["limits"].default == Limits()
    assert Settings.model_fields["retry"].default == Retry()
    assert Settings.model_fields["health"].default == Health()


def test_a_whole_file_comes_out_as_plain_dataclasses(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "sk-1 ")
    config = load(
        write(
            """
targets:
  a:
    provider: openai/gpt-5
    key: ${KEY}
    base_url: https://a.example/v1
    headers: {X-Number: 010, X-Word: true}
    body: {a: no, b: 010, c: 1.5, d: null, e: [~, true, 'true'], f: 22:22}
    options: {api_version: 2024-10-21}
    parameters: {temperature: 0, max_tokens: 100, stop: [a, '1'], response_format: {type: json_object}}
    capabilities: {tools: no, context_window: 8192, prefill: none}
    proxy: socks5h://u:p@proxy:1080
    trust_env: true
    reasoning: off
    connect_s: 2
    connections_max: 7
routes:
  chat:
    targets: [a, openai/gpt-5-mini, {provider: koala, name: mine}]
    deadline_s: 22.5
    all_open: last_resort
    mid_stream: [replay, restart]
    upstream: single
    ask_another_when_empty: false
    parameters: {top_p: 1}
limits: {total_s: 300}
retry: {attempts: 1}
health: {failures_in_row: 2}
"""
        )
    )
    a = config.targets["a"]
    assert (a.provider, a.model, a.name, a.key) == ("openai", "gpt-5", "a", Secret("sk-1"))
    assert a.headers == {"X-Number": "010", "X-Word": "true"}
    assert a.body == {"a": "no", "b": "010", "c": 1.5, "d": None, "e": [None, True, "true"], "f": "22:22"}
    assert a.options == {"api_version": "2024-10-21"}
    assert a.parameters == {
        "temperature": 0.0, "max_tokens": 100, "stop": ("a", "1"), "response_format": {"type": "json_object"},
    }  # fmt: skip
    assert a.capabilities == {"tools": False, "context_window": 8192, "prefill": "none"}
    assert (a.proxy, a.trust_env, a.reasoning) == ("socks5h://u:p@proxy:1080", True, False)
    assert (a.connect_s, a.connections_max, a.base_url) == (2.0, 7, "https://a.example/v1")
    chat = config.routes["chat"]
    assert chat == Route(
        ("a", "openai/gpt-5-mini", Target("koala", name="mine")),
        deadline_s=22.5,
        all_open="last_resort",
        mid_stream=("replay", "restart"),
        upstream="single",
        ask_another_when_empty=False,
        parameters={"top_p": 1.0},
    )
    assert (config.limits, config.retry) == (Limits(total_s=300), Retry(attempts=1))
    assert config.health == Health(failures_in_row=2)


def test_every_text_that_comes_out_is_a_plain_one(write: Write) -> None:
    config = load(
        write("targets:\n  a: {provider: koala, model: m, headers: {x: y}, body: {k: [v]}, parameters: {stop: [s]}}\n")
    )
    a = config.targets["a"]
    texts = [a.provider, a.model, a.headers["x"], a.body["k"][0], a.parameters["stop"][0], *a.body, *config.routes]
    texts += [a.name, *config.targets, *config.routes["default"].targets]
    assert {type(text) for text in texts} == {str}


def test_targets_without_routes_make_a_default_route_in_the_order_of_the_file(write: Write) -> None:
    config = load(write("targets:\n  z: {provider: koala}\n  a: {provider: openai}\n"))
    assert config.routes == {"default": Route(("z", "a"))}
    assert config.route().targets == ("z", "a")


def test_a_name_of_its_own_is_kept(write: Write) -> None:
    config = load(write("targets:\n  a: {provider: koala, name: mine}\n  b: {provider: koala}\n"))
    assert [target.label for target in config.targets.values()] == ["mine", "b"]


def test_sections_with_all_lines_commented_out_are_empty(write: Write) -> None:
    config = load(write("targets:\n  a: {provider: koala, headers: , body: , parameters: }\nroutes:\nlimits:\n"))
    assert config.limits == Limits()
    assert config.targets["a"].headers == {}


def test_a_route_s_retry_leaves_open_what_the_section_says(write: Write) -> None:
    config = load(
        write(
            "retry: {attempts: 5, backoff_s: 1}\n"
            "routes:\n  r: {targets: [koala], retry: {attempts: 2}}\n  s: {targets: [koala]}\n"
        )
    )
    assert config.routes["r"].retry == Retry(attempts=2, backoff_s=1)
    assert config.routes["s"].retry is None


def test_arguments_go_over_the_environment_it_over_dotenv_it_over_yaml(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(MINIMAL + "limits: {deadline_s: 1, stall_s: 1, connect_s: 1, tail_s: 1}\n")
    write("STANDBY_LIMITS__DEADLINE_S=2\nSTANDBY_LIMITS__STALL_S=2\nSTANDBY_LIMITS__CONNECT_S=2\n", name=".env")
    monkeypatch.setenv("STANDBY_LIMITS__DEADLINE_S", "3")
    monkeypatch.setenv("STANDBY_LIMITS__STALL_S", "3")
    limits = load(file, env_file=".env", limits={"deadline_s": 4}).limits
    assert (limits.deadline_s, limits.stall_s, limits.connect_s, limits.tail_s) == (4, 3, 2, 1)
    assert load(file, env_file=None, limits=Limits(stall_s=9)).limits == Limits(stall_s=9)
    assert load(file, env_file="other.env").limits.connect_s == 1


def test_dotenv_also_fills_references_below_the_environment(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("targets:\n  a: {provider: openai, model: '${MODEL}', key: '${A_KEY}'}\n")
    write("MODEL=from-dotenv\nA_KEY=from-dotenv\n", name=".env")
    monkeypatch.setenv("A_KEY", "from-environment")
    target = load(file).targets["a"]
    assert (target.model, target.key) == ("from-dotenv", Secret("from-environment"))


def test_arguments_may_be_the_classes_themselves(write: Write) -> None:
    connector = object()
    config = load(
        write(MINIMAL),
        targets={"b": Target("openai", key="k", connector=connector)},
        routes={"r": Route(("a", "b"))},
    )
    assert list(config.targets) == ["a", "b"]
    assert config.targets["b"].connector is connector
    assert config.routes == {"r": Route(("a", "b"))}


def test_an_override_saves_a_missing_variable(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("targets:\n  a: {provider: openai, key: '${GONE}'}\n")
    monkeypatch.setenv("STANDBY_TARGETS__A__KEY", "sk-2")
    assert load(file).targets["a"].key == Secret("sk-2")


def test_files_are_looked_for_from_the_folder_of_the_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    file = write(
        "targets:\n  a: {provider: openai, key_file: key.txt, ca_file: /etc/ca.pem, client_cert: ~/c.pem}\n"
        "routes:\n  r: {targets: [a, {provider: openai, key_file: ../k}]}\n",
        name="conf/u.yaml",
    )
    config = load(file)
    a = config.targets["a"]
    assert a.key_file == str(tmp_path / "conf" / "key.txt")
    assert (a.ca_file, a.client_cert) == ("/etc/ca.pem", os.path.expanduser("~/c.pem"))
    inline = config.routes["r"].targets[1]
    assert isinstance(inline, Target)
    assert inline.key_file == str(tmp_path / "conf" / ".." / "k")


def test_without_a_path_the_variable_then_the_working_directory_then_nothing(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load() == Config()
    assert load().origin is None
    write("targets:\n  here: {provider: koala}\n", name="standby.yaml")
    assert list(load().targets) == ["here"]
    monkeypatch.setenv("STANDBY_CONFIG", str(write("targets:\n  there: {provider: koala}\n", name="other.yaml")))
    assert list(load().targets) == ["there"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "limits: {deadline_s: 3}\n", "targets: {}\nroutes: {}\n"])
def test_a_file_without_targets_is_refused(write: Write, text: str) -> None:
    with pytest.raises(ConfigFileError, match="configures no targets and no routes"):
        load(write(text))


def test_a_file_without_targets_is_fine_when_other_sources_have_some(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDBY_TARGETS", '{"a": {"provider": "koala"}}')
    assert list(load(write("limits: {deadline_s: 3}\n")).targets) == ["a"]


def test_the_origin_tells_where_things_stand(write: Write) -> None:
    file = write(MINIMAL)
    origin = load(file).origin
    assert origin is not None
    place = origin.place(("targets", "a", "provider"))
    assert place is not None
    assert (origin.file, place.line, place.column) == (str(file), 2, 17)
    assert origin.place(("nowhere",)) is None


def test_a_config_of_a_file_equals_one_of_code(write: Write) -> None:
    assert load(write(MINIMAL)) == Config(targets={"a": Target("koala", name="a")}, routes={"default": Route(("a",))})


async def test_a_load_off_the_loop_leaves_the_loop_to_others(write: Write) -> None:
    file = write(MINIMAL)
    loads = await asyncio.gather(*(load_off_loop(file, limits={"deadline_s": n}) for n in range(1, 6)))
    assert [config.limits.deadline_s for config in loads] == [1, 2, 3, 4, 5]


async def test_errors_of_a_load_off_the_loop_come_out(write: Write) -> None:
    with pytest.raises(ConfigFileError, match="unknown key"):
        await load_off_loop(write("foo: 1\n"))


def test_the_error_survives_pickling_and_is_no_chain(write: Write) -> None:
    with pytest.raises(ConfigFileError) as caught:
        load(write("foo: 1\nlimits: {deadline_s: x}\n"))
    error: Any = pickle.loads(pickle.dumps(caught.value))
    assert (type(error), error.problems, str(error)) == (ConfigFileError, caught.value.problems, str(caught.value))
    assert isinstance(error, ValueError)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_twenty_targets_load_in_a_blink(write: Write) -> None:
    target = (
        "  t{n}:\n    provider: openai\n    model: m\n    key: ${{KEY:-k}}\n    base_url: https://h{n}.example/v1\n"
        "    headers: {{X-Team: t}}\n    parameters: {{temperature: 0.2}}\n    first_delta_s: 8\n"
    )
    file = write("targets:\n" + "".join(target.format(n=n) for n in range(20)))
    load(file)
    began_s = time.process_time()
    load(file)
    assert time.process_time() - began_s < 0.25  # 15 ms on an idle core; five times the promise, for a busy one
