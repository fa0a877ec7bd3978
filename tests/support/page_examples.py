"""The examples of a page of the documentation: what they are, and whether they do what they show."""

import doctest
import os
import re
import subprocess
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.DONT_ACCEPT_BLANKLINE


def examples(page: str, *, kept: bool = False) -> list[tuple[tuple[str, ...], str]]:
    """Each console block, with the files that stand before it under the same heading, or on the page if `kept`."""
    found = []
    files: list[str] = []
    for section in re.split(r"^## ", page, flags=re.MULTILINE):
        files = files if kept else []
        for kind, text in FENCE.findall(section):
            if kind == "yaml":
                files.append(text)
            else:
                found.append((tuple(files), text))
    return found


def check_example(files: tuple[str, ...], example: str, folder: Path, path: str) -> None:
    """Do what an example does, in a folder with its files, and compare what comes with what it shows."""
    commands = [line[2:] for line in example.splitlines() if line.startswith("$ ")]
    shown = "".join(line for line in example.splitlines(keepends=True) if not line.startswith("$ "))
    for file in files:
        name = file.partition("\n")[0].removeprefix("# ")
        (folder / name).write_text(file, encoding="utf-8")
    done = subprocess.run(
        ["bash", "-c", "\n".join(commands)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    got = done.stdout.decode()
    assert doctest.OutputChecker().check_output(shown, got, ALIKE), got
