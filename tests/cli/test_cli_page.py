"""docs/cli.md and docs/drills.md: their examples do what they show, and the list of exit codes is whole."""

import re
from pathlib import Path

import pytest
from standby.cli.exits import ExitCode

from commands import run
from page_examples import DOCS, check_example, examples

PAGE = (DOCS / "cli.md").read_text(encoding="utf-8")
DRILLS = (DOCS / "drills.md").read_text(encoding="utf-8")
EXAMPLES = [*examples(PAGE), *examples(DRILLS, kept=True)]


@pytest.mark.parametrize(("files", "example"), EXAMPLES, ids=[text.partition("\n")[0][:60] for _, text in EXAMPLES])
def test_an_example_does_what_it_shows(
    files: tuple[str, ...], example: str, path: str, nobody_is_configured: Path
) -> None:
    check_example(files, example, nobody_is_configured, path)


def test_there_are_examples_of_every_command() -> None:
    shown = {command for _, example in examples(PAGE) for command in re.findall(r"standby (\w+)", example)}
    assert {"demo", "ask", "chat", "check", "drill", "explain", "key", "providers", "schema"} <= shown


def test_the_list_of_exit_codes_is_whole() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, flags=re.MULTILINE)}
    assert listed == set(ExitCode)


def test_the_page_of_drills_lists_every_option() -> None:
    listed = set(re.findall(r"^\| `(--[a-z-]+)", DRILLS, flags=re.MULTILINE))
    known = {option for option in run("drill", "--help").stdout.split() if option.startswith("--")}
    assert listed == known - {"--help"}
