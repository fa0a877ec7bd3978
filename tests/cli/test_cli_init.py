"""`standby init`: a file that can be used as it is, and with every line of it that is commented out."""

import re
from pathlib import Path

import pytest
from standby.config import load

from canaries import CANARY_KEY
from commands import Invoke

_SETTING = re.compile(r"^( *)# ([a-z_]+: .*)$", re.MULTILINE)


async def test_each_provider_with_a_key_is_a_target(
    invoke: Invoke, nobody_is_configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", CANARY_KEY)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY_KEY)
    ended = await invoke("init")
    assert ended.exit_code == 0, ended
    assert "openai (OPENAI_API_KEY), groq (GROQ_API_KEY)" in ended.stderr
    text = (nobody_is_configured / "standby.yaml").read_text()
    assert CANARY_KEY not in text
    assert load("standby.yaml").routes["default"].targets == ("openai", "groq")
    checked = await invoke("check")
    assert (checked.exit_code, checked.stderr) == (0, "")


async def test_every_line_that_is_commented_out_may_be_put_in(
    invoke: Invoke, nobody_is_configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, CANARY_KEY)
    text = (await invoke("init", "-")).stdout
    every = _SETTING.sub(r"\1\2", text)
    assert every.count("#") == text.count("#") - 4
    (nobody_is_configured / "all.yaml").write_text(every)
    checked = await invoke("check", "all.yaml")
    assert checked.exit_code == 0, checked


async def test_without_any_key_two_examples_stand_there(invoke: Invoke, nobody_is_configured: Path) -> None:
    ended = await invoke("init", "mine.yaml")
    assert "as examples, since no key is set" in ended.stderr
    checked = await invoke("check", "mine.yaml")
    assert "the environment variable OPENAI_API_KEY is not set" in checked.stdout


async def test_a_file_that_is_there_is_left(invoke: Invoke, nobody_is_configured: Path) -> None:
    (nobody_is_configured / "standby.yaml").write_text("targets: {}\n")
    ended = await invoke("init")
    assert (ended.exit_code, "is there already" in ended.stderr) == (2, True)
    assert (nobody_is_configured / "standby.yaml").read_text() == "targets: {}\n"
    assert (await invoke("init", "--force")).exit_code == 0
    assert "routes:" in (nobody_is_configured / "standby.yaml").read_text()


async def test_a_place_that_cannot_be_written_is_told(invoke: Invoke) -> None:
    ended = await invoke("init", "nowhere/standby.yaml")
    assert (ended.exit_code, "nowhere/standby.yaml cannot be written" in ended.stderr) == (2, True)
