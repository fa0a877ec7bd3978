"""`${NAME?}`: a target whose variable is not set is left out of its file, and load and check say so."""

from pathlib import Path
from typing import Any

import pytest
from standby.config import Config, ConfigFileError, Secret, json_schema, load, warnings
from standby.config.origin import Path as SettingPath
from standby.config.origin import target_of

FILE = """
targets:
  a: {provider: openai, model: m, key: "${A_KEY}"}
  b: {provider: mistral, key: "${B_KEY?}"}
  c: {provider: ollama, model: m, base_url: "${C_URL?}"}
routes:
  chat:
    targets: [b, [a, c], {provider: openai, model: n, key: "${D_KEY?}"}]
    on: {context_length: [c], timeout: [b, a]}
"""
OUT = {
    ("targets", "b"): "the environment variable B_KEY is not set",
    ("targets", "c"): "the environment variable C_URL is empty",
    ("routes", "chat", "targets", 2): "the environment variable D_KEY is not set",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("B_KEY", "D_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("A_KEY", "a-key")
    monkeypatch.setenv("C_URL", "")


def loaded(text: str = FILE, **more: Any) -> Config:
    Path("standby.yaml").write_text(text, encoding="utf-8")
    return load("standby.yaml", env_file=None, **more)


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        loaded(text)
    return [str(problem) for problem in caught.value.problems]


def test_targets_whose_variables_are_missing_are_in_no_route_and_a_warning_says_so() -> None:
    with pytest.warns(UserWarning, match="left out") as told:
        config = loaded()
    assert list(config.targets) == ["a"]
    assert config.routes["chat"].targets == (("a",),)
    assert {str(kind): tier for kind, tier in config.routes["chat"].on.items()} == {"timeout": ("a",)}
    said = (
        "standby.yaml: targets.b is left out: the environment variable B_KEY is not set;"
        " targets.c is left out: the environment variable C_URL is empty;"
        " routes.chat.targets[2] is left out: the environment variable D_KEY is not set"
    )
    assert ([str(warning.message) for warning in told], told[0].filename) == ([said], __file__)
    assert config.origin is not None
    assert config.origin.left_out == OUT


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_check_tells_of_each_with_its_place() -> None:
    assert [str(problem) for problem in warnings(loaded(), {})] == [
        "standby.yaml:4:6: targets.b: is left out: the environment variable B_KEY is not set",
        "standby.yaml:5:6: targets.c: is left out: the environment variable C_URL is empty",
        "standby.yaml:8:14: routes.chat.targets: only one target of it can be asked: there is no other to fail over to",
        "standby.yaml:8:26: routes.chat.targets[2]: is left out: the environment variable D_KEY is not set",
    ]


def test_with_its_variable_it_is_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("B_KEY", "b-key"), ("C_URL", "http://localhost:1"), ("D_KEY", "d-key")):
        monkeypatch.setenv(name, value)
    config = loaded()
    assert config.targets["b"].key == Secret("b-key")
    assert config.targets["c"].base_url == "http://localhost:1"
    assert len(config.routes["chat"].placed()) == 4
    assert config.origin is not None
    assert not config.origin.left_out


def test_a_variable_in_a_file_of_variables_counts() -> None:
    Path("keys.env").write_text("B_KEY=from-a-file\nC_URL=http://c\nD_KEY=d\n", encoding="utf-8")
    Path("standby.yaml").write_text(FILE, encoding="utf-8")
    assert load("standby.yaml", env_file="keys.env").targets["b"].key == Secret("from-a-file")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_setting_from_elsewhere_needs_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDBY_TARGETS__B__KEY", "from-elsewhere")
    config = loaded()
    assert config.targets["b"].key == Secret("from-elsewhere")
    assert "c" not in config.targets


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("there", "left"), [({}, None), ({"K1": "k1"}, 1), ({"K2": "k2"}, 1), ({"K1": "k1", "K2": "k2"}, 2)]
)
def test_of_several_keys_those_that_are_there_are_used(
    monkeypatch: pytest.MonkeyPatch, there: dict[str, str], left: int | None
) -> None:
    for name, value in there.items():
        monkeypatch.setenv(name, value)
    both = '{provider: openai, keys: ["${K1?}", "${K2?}"]}'
    config = loaded(f"targets:\n  a: {{provider: koala}}\n  b: {both}\n")
    found = config.targets.get("b")
    assert (None if found is None else len(found.keys)) == left


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_keys_that_are_there_do_not_make_up_for_an_address_that_is_not() -> None:
    written = '{provider: openai, base_url: "${C_URL?}", keys: ["${A_KEY}", "${B_KEY?}"]}'
    assert list(loaded(f"targets:\n  a: {{provider: koala}}\n  b: {written}\n").targets) == ["a"]


def test_nothing_left_is_an_error() -> None:
    missing = "the environment variable B_KEY is not set"
    spare = 'targets:\n  b: {provider: mistral, key: "${B_KEY?}"}\n'
    assert refused(spare) == [f"standby.yaml: targets.b is left out: {missing}"]
    assert refused(
        f"{spare}  a: {{provider: koala}}\nroutes:\n  x: {{targets: [[b], b]}}\n  y: {{targets: [a]}}\n"
    ) == [f"standby.yaml:5:16: routes.x.targets: every target of it is left out: {missing}"]


@pytest.mark.parametrize(
    "text",
    [
        'limits: {stall_s: "${X?}"}\n',
        'routes: {r: {targets: ["${X?}"]}}\n',
        'targets: {a: {provider: "${X?}"}}\n',
        'targets: {a: {provider: openai, model: "${X?}"}}\n',
        'targets: {a: "${X?}"}\n',
        'serve: {keys: {k: {keys: ["${X?}"]}}}\n',
    ],
)
def test_only_what_a_target_can_be_left_out_for_is_optional(text: str) -> None:
    assert any("${NAME?} stands for a key, an address or the like of a target" in problem for problem in refused(text))


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (("targets", "a", "key"), ("targets", "a")),
        (("targets", "a", "keys", 0), ("targets", "a")),
        (("targets", "a", "headers", "x"), ("targets", "a")),
        (("routes", "r", "targets", 0, "key"), ("routes", "r", "targets", 0)),
        (("routes", "r", "targets", 0, 1, "keys", 2), ("routes", "r", "targets", 0, 1)),
        (("routes", "r", "on", "timeout", 1, "key"), ("routes", "r", "on", "timeout", 1)),
        (("routes", "r", "targets", 0), None),
        (("routes", "r", "targets", 0, 1), None),
        (("routes", "r", "on", "timeout", 0), None),
        (("limits", "stall_s"), None),
        (("targets", "a"), None),
    ],
)
def test_the_target_that_a_setting_belongs_to(path: SettingPath, target: SettingPath | None) -> None:
    assert target_of(path) == target


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_gateway_may_name_a_target_that_is_left_out() -> None:
    digest = "0" * 64
    serve = f'serve: {{keys: {{k: {{digests: ["sha256:{digest}"], models: [b]}}}}, aliases: {{other: b}}}}\n'
    assert "b" not in loaded(FILE + serve).targets


def test_the_schema_takes_it_where_a_number_is_due() -> None:
    assert r"(\?|:-[^}]*)?" in json_schema()["$defs"]["Reference"]["pattern"]
