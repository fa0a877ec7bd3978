"""docs/gateway.md: its commands and programs run as they stand, its files are fine, and its tables are whole."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from standby.config import Config
from standby.gateway import openapi
from standby.gateway.metrics import Metrics

from components import need
from page_examples import DOCS, check_example, examples

PAGE = (DOCS / "gateway.md").read_text(encoding="utf-8")
PATIENCE_S = 60
EXAMPLES = examples(PAGE)


def blocks(kind: str) -> list[str]:
    """The blocks of a kind, in the order of the page."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


PROGRAMS = [block for block in blocks("python") if block.startswith(("from ", "import "))]


class Addresses(NamedTuple):
    """Where the gateway of the tests stands for the one of the page."""

    said: str
    clients: str
    operators: str

    def put_into(self, text: str) -> str:
        return text.replace("http://127.0.0.1:8080", self.clients).replace("http://127.0.0.1:8081", self.operators)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """The gateway of the first minute, on ports that are free."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "standby", "serve", "--port", "0", "--quiet"],
        cwd=tmp_path_factory.mktemp("gateway"), env=kept, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        said = ""
        while "model=" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        clients, operators = re.findall(r"http://127\.0\.0\.1:\d+", said)[:2]
        yield Addresses(said, clients, operators)
    finally:
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)


def test_the_first_minute_says_what_it_shows(gateway: Addresses) -> None:
    (shown,) = re.findall(r"^\$ standby serve\n(.*)$", PAGE, flags=re.MULTILINE)
    pattern = re.sub(r"\d{4,}", r"\\d+", re.escape(shown))
    assert re.search(f"^{pattern}$", gateway.said, flags=re.MULTILINE), gateway.said
    first = [line for line in PROGRAMS[0].splitlines() if line][:2]
    for line in first:
        assert gateway.put_into(line) in gateway.said


@pytest.mark.parametrize("place", range(len(blocks("sh"))))
def test_a_command_works_as_it_stands(gateway: Addresses, place: int) -> None:
    need("curl")
    commands = gateway.put_into(blocks("sh")[place])
    done = subprocess.run(
        ["bash", "-e", "-c", commands], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("place", range(len(PROGRAMS)))
def test_a_program_works_as_it_stands(gateway: Addresses, place: int) -> None:
    program = gateway.put_into(PROGRAMS[place])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "simulat" in done.stdout


@pytest.mark.parametrize(("files", "example"), EXAMPLES, ids=[text.partition("\n")[0][:60] for _, text in EXAMPLES])
def test_a_file_is_checked_as_shown(
    files: tuple[str, ...], example: str, path: str, nobody_is_configured: Path
) -> None:
    check_example(files, example, nobody_is_configured, path)


def test_each_file_is_checked_in_an_example() -> None:
    assert {file for files, _ in EXAMPLES for file in files} == set(blocks("yaml"))
    assert len(blocks("sh")) >= 3


def table(heading: str) -> list[list[str]]:
    """The words in code in the first cell of each row of the first table below a heading, or that begins so."""
    _, found, rest = PAGE.partition(heading)
    assert found, heading
    rest = found + rest if found.startswith("|") else rest
    rows = re.search(r"^\|.*\n\|[-|]+\n((?:\|.*\n)+)", rest, re.MULTILINE)
    assert rows
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in rows[1].splitlines()]


@pytest.mark.parametrize(
    ("heading", "paths"), [("## What is served", openapi.CLIENTS), ("## Operators", openapi.ADMIN)]
)  # fmt: skip
def test_the_tables_of_paths_are_whole(heading: str, paths: dict[str, object]) -> None:
    named = {word.split(" ")[-1] for row in table(heading) for word in row}
    described = {path.replace("{model}", "NAME").replace("{target}", "NAME") for path in paths}
    assert {name.partition("?")[0] for name in named} | {"/health"} == described | {"/health"}


def test_the_table_of_counters_is_whole() -> None:
    metrics = Metrics(lambda: Config(), lambda: (), lambda: 0, "1")
    known = set(re.findall(r"^# TYPE (\S+) ", metrics.render().decode(), flags=re.MULTILINE))
    assert {name for row in table("| Counter") for name in row} == known
