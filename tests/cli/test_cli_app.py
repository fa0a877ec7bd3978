"""The commands together: help, version, and what becomes of a bug."""

import pytest
from standby.cli import main, providers

from canaries import CANARY_KEY
from commands import run
from standby import __version__


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"standby {__version__}\n"


def test_alone_it_shows_what_it_can_do() -> None:
    ended = run()
    assert ended.exit_code == 0
    assert all(
        command in ended.stdout for command in ("ask", "chat", "demo", "check", "explain", "providers", "schema")
    )


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["explain", "a", "b"], ["ask", "Hi", "--deadline", "soon"], ["--nope"]]
)
def test_a_wrong_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert "Usage: standby" in written.err


def test_a_bug_is_told_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy() -> tuple[str, ...]:
        raise RuntimeError(CANARY_KEY)

    monkeypatch.setattr(providers.registry, "names", buggy)
    ended = run("providers")
    assert (ended.exit_code, ended.stdout) == (70, "")
    assert ended.stderr.startswith("standby: unexpected RuntimeError: a bug in standby or in a plug-in of it\n")
    assert "--debug" in ended.stderr
    assert CANARY_KEY not in ended.stderr


def test_with_debug_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy() -> tuple[str, ...]:
        raise RuntimeError("the cause")

    monkeypatch.setattr(providers.registry, "names", buggy)
    ended = run("--debug", "providers")
    assert ended.exit_code == 70
    assert "RuntimeError: the cause" in ended.stderr
    assert "Traceback" in ended.stderr
