"""`keys` of a target: several in place of one, in code, files and variables."""

from pathlib import Path

import pytest
from standby.config import Secret, load, warnings

from canaries import CANARY_KEY, assert_no_canary
from standby import ConfigError, Target

ONE, TWO = CANARY_KEY + "1", CANARY_KEY + "2"


def test_texts_become_secrets() -> None:
    target = Target("openai", keys=(ONE, f" {TWO}\n"))
    assert target.keys == (Secret(ONE), Secret(TWO))
    assert_no_canary(target)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"key": ONE, "keys": (TWO,)}, "give one of key, keys and key_file"),
        ({"key_file": "f", "keys": (TWO,)}, "give one of key, keys and key_file"),
        ({"keys": (ONE, ONE)}, "stands twice"),
        ({"keys": (ONE, " ")}, "the key is empty"),
    ],
)
def test_contradictions_are_refused_without_showing_a_key(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Target("openai", **settings)  # type: ignore[arg-type]
    assert_no_canary(caught.value)


def write(folder: Path, keys: str) -> Path:
    file = folder / "u.yaml"
    file.write_text(f"targets:\n  a:\n    provider: openai\n    model: m\n    keys: {keys}\n")
    file.chmod(0o600)
    return file


def test_a_file_refers_to_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST", ONE)
    monkeypatch.setenv("SECOND", TWO)
    config = load(write(tmp_path, "['${FIRST}', '${SECOND}']"))
    assert config.targets["a"].keys == (Secret(ONE), Secret(TWO))
    told = [problem.message for problem in warnings(config, {})]
    assert not [message for message in told if "key" in message]


def test_a_key_that_is_written_out_is_told_at_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST", ONE)
    config = load(write(tmp_path, f"['${{FIRST}}', {TWO}]"))
    told = [str(problem) for problem in warnings(config, {})]
    assert any("u.yaml:5:" in line and "written out" in line and "keys[1]" in line for line in told), told
    assert_no_canary(told)


def test_a_variable_holds_them_with_commas_or_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "[k]")
    for text in (f"{ONE}, {TWO}", f'["{ONE}", "{TWO}"]'):
        monkeypatch.setenv("STANDBY_TARGETS__A__KEYS", text)
        assert load(file).targets["a"].keys == (Secret(ONE), Secret(TWO))
