"""docs/cli.md: its examples do what they show, and its list of exit codes is whole."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from understudy.cli.exits import ExitCode

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.DONT_ACCEPT_BLANKLINE


def examples() -> list[tuple[str, str]]:
    """Each console block, with the last file before it under the same heading."""
    found = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE):
        file = ""
        for kind, text in FENCE.findall(section):
            if kind == "yaml":
                file = text
            else:
                found.append((file, text))
    return found


@pytest.fixture
def path(nobody_is_configured: Path) -> str:
    """A PATH on which `understudy` is this checkout's."""
    folder = nobody_is_configured / "bin"
    folder.mkdir()
    command = folder / "understudy"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m understudy "$@"\n')
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize(("file", "example"), examples(), ids=lambda text: text.partition("\n")[0][:60])
def test_an_example_does_what_it_shows(file: str, example: str, path: str, nobody_is_configured: Path) -> None:
    commands = [line[2:] for line in example.splitlines() if line.startswith("$ ")]
    shown = "".join(line for line in example.splitlines(keepends=True) if not line.startswith("$ "))
    if file:
        name = file.partition("\n")[0].removeprefix("# ")
        (nobody_is_configured / name).write_text(file, encoding="utf-8")
    done = subprocess.run(
        ["bash", "-c", "\n".join(commands)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": path, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    got = done.stdout.decode()
    assert doctest.OutputChecker().check_output(shown, got, ALIKE), got


def test_there_are_examples_of_every_command() -> None:
    shown = {command for _, example in examples() for command in re.findall(r"understudy (\w+)", example)}
    assert {"demo", "ask", "chat", "check", "explain", "providers", "schema"} <= shown


def test_the_list_of_exit_codes_is_whole() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, flags=re.MULTILINE)}
    assert listed == set(ExitCode)
