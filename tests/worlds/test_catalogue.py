"""The catalogue of faults in docs/faults.md: every row is there once, and whatever is said to play it exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from worlds.draw import ALL_FAULTS
from worlds.script_faults import SCRIPT_FAULTS

ROOT = Path(__file__).resolve().parents[2]
ROWS = [f"F{number}" for number in (*range(1, 83), *range(91, 98), *range(106, 113))]
"""Those between are faults of a server, and of what several replicas share."""

_ROW = re.compile(r"^\| (F\d+) \|.*$", re.MULTILINE)


def rows(page: str) -> dict[str, str]:
    """The lines of a page that begin with the number of a fault."""
    found = [(match[1], match[0]) for match in _ROW.finditer((ROOT / "docs" / page).read_text(encoding="utf-8"))]
    assert len(found) == len(dict(found)), "a row stands there twice"
    return dict(found)


PLAYED, NOT_PLAYED = rows("faults.md"), rows("guarantees.md")


def by(line: str) -> list[str]:
    """What plays a row."""
    return re.findall(r"`([^`]+)`", line.rsplit("|", 2)[1])


@cache
def names_in(path: str) -> set[str]:
    """The names of the tests in a file below tests/."""
    module = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@cache
def scenes() -> set[str]:
    """The faults that docs/failover.md has in its tables, each of which a test plays on real sockets."""
    text = (ROOT / "docs" / "failover.md").read_text(encoding="utf-8")
    tables = re.findall(r"<!-- faults [^>]*-->\n((?:\|.*\n)+)", text)
    return {name for table in tables for name in re.findall(r"^\| `(\w+)`", table, re.MULTILINE)}


def test_every_row_is_there_once() -> None:
    assert sorted([*PLAYED, *NOT_PLAYED], key=ROWS.index) == ROWS


@pytest.mark.parametrize("row", PLAYED)
def test_what_plays_it_exists(row: str) -> None:
    players = by(PLAYED[row])
    assert players
    for player in players:
        kind, _, name = player.partition(":")
        if kind == "world":
            assert name in ALL_FAULTS
        elif kind == "scene":
            assert name in scenes()
        else:
            path, _, test = player.partition("::")
            assert test.startswith("test_")
            assert test in names_in(path)


def test_every_fault_of_the_worlds_has_its_row() -> None:
    placed = {player.removeprefix("world:"): row for row, line in PLAYED.items() for player in by(line)}
    assert set(ALL_FAULTS) <= placed.keys()
    assert all(f"`world:{fault.name}`" in PLAYED[fault.row] for fault in SCRIPT_FAULTS.values())


@pytest.mark.parametrize("row", NOT_PLAYED)
def test_what_is_not_played_has_a_reason(row: str) -> None:
    assert len(NOT_PLAYED[row].split("|")[3].split()) > 5
