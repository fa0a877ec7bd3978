"""`.env`: beside a YAML file it answers references and moves nothing; without one, or named, it is a layer."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from standby.config import ConfigFileError, Route, load
from standby.config import warnings as advice
from standby.providers.secret import Secret

from canaries import CANARY_KEY, assert_no_canary

FILE = "targets:\n  a: {provider: openai, model: m, key: '${A_KEY}', base_url: 'https://right.test'}\n"
MOVING = "STANDBY_TARGETS__A__BASE_URL=https://elsewhere.test\nSTANDBY_TARGETS__A__PROXY=http://elsewhere.test:1\n"
HINT = "set it in the environment or in the file, or name .env (env_file=, --env-file)"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("STANDBY_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("A_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


def _named(monkeypatch: pytest.MonkeyPatch) -> object:
    return "u.yaml"


def _by_variable(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("STANDBY_CONFIG", "u.yaml")
    return None


def _by_its_usual_name(monkeypatch: pytest.MonkeyPatch) -> object:
    Path("u.yaml").rename("standby.yaml")
    return None


@pytest.mark.parametrize("chosen", [_named, _by_variable, _by_its_usual_name])
def test_beside_a_file_it_answers_references_and_moves_no_target(
    chosen: Callable[[pytest.MonkeyPatch], str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("u.yaml").write_text(FILE)
    Path(".env").write_text(f"A_KEY=from-dotenv\n{MOVING}")
    path = chosen(monkeypatch)
    with pytest.warns(UserWarning, match="ignored beside") as told:
        config = load(path)
    target = config.targets["a"]
    assert (target.base_url, target.proxy, target.key) == ("https://right.test", None, Secret("from-dotenv"))
    file = path or ("u.yaml" if "STANDBY_CONFIG" in os.environ else "standby.yaml")
    words = f"holds STANDBY_TARGETS__A__BASE_URL and another setting, ignored beside {file}"
    assert [str(warning.message) for warning in told] == [f".env: {words}; {HINT}"]
    assert told[0].filename == __file__
    assert f".env: {words}; {HINT}" in [str(problem) for problem in advice(config)]


def test_when_it_is_named_it_is_a_layer_below_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("u.yaml").write_text(FILE)
    Path(".env").write_text(f"A_KEY=from-dotenv\n{MOVING}")
    monkeypatch.setenv("STANDBY_TARGETS__A__PROXY", "http://proxy.test:1")
    target = load("u.yaml", env_file=".env").targets["a"]
    assert (target.base_url, target.proxy) == ("https://elsewhere.test", "http://proxy.test:1")
    assert load("u.yaml", env_file=Path(".env")).targets["a"].base_url == "https://elsewhere.test"


def test_without_a_file_it_is_a_layer() -> None:
    Path(".env").write_text("STANDBY_ROUTES__R__TARGETS=koala\n")
    assert load().routes == {"r": Route(("koala",))}
    assert load(env_file=None).routes == {}


@pytest.mark.parametrize("category", [UserWarning, Warning])
def test_an_application_that_makes_errors_of_warnings_still_gets_its_configuration(
    category: type[Warning], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("u.yaml").write_text(FILE)
    Path(".env").write_text(f"A_KEY=k\n{MOVING}")
    assert load("u.yaml").targets["a"].base_url == "https://right.test"  # as they are in this suite


def test_nothing_is_told_of_a_file_without_settings() -> None:
    Path("u.yaml").write_text(FILE)
    Path(".env").write_text("A_KEY=k\nSTANDBY_OPENAI_BASE_URL=https://h\nSTANDBY_LIMITS__STALL_S=\nOTHER=1\n")
    origin = load("u.yaml").origin
    assert origin is not None
    assert origin.ignored == ()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A_KEY='p$HOME'", "p$HOME"),
        ("A_KEY=p${HOME}q", "p${HOME}q"),
        ('A_KEY="${OTHER}"', "${OTHER}"),
        ("A_KEY=${GONE:-default}", "${GONE:-default}"),
        ("export A_KEY=plain", "plain"),
        ("A_KEY=$1$salt$hash", "$1$salt$hash"),
    ],
)
def test_what_it_holds_is_taken_as_it_stands(line: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "put in by mistake")
    Path("u.yaml").write_text(FILE)
    Path(".env").write_text(f"OTHER={CANARY_KEY}\n{line}\n")
    assert load("u.yaml").targets["a"].key == Secret(value)


def test_a_folder_of_its_name_is_an_environment_of_another_sort() -> None:
    Path(".env").mkdir()
    Path("u.yaml").write_text(FILE.replace("${A_KEY}", "k"))
    assert load("u.yaml").targets["a"].key == Secret("k")
    with pytest.raises(ConfigFileError, match=r"\.env: cannot be read: Is a directory"):
        load("u.yaml", env_file=".env")


def test_problems_show_no_value() -> None:
    Path("u.yaml").write_text(FILE)
    Path(".env").write_text(f"A_KEY={CANARY_KEY}\nSTANDBY_LIMITS__STALL_S={CANARY_KEY}\n")
    with pytest.warns(UserWarning, match="ignored beside") as told:
        config = load("u.yaml")
    assert_no_canary([str(warning.message) for warning in told])
    assert_no_canary([str(problem) for problem in advice(config)])
