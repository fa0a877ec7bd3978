"""aiohttp stands behind one door, and the table of what is used of its insides says all of it. Read from the source."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standby.providers import http
from standby.providers.http import privates

ROOM = Path(inspect.getfile(http)).parent
TREES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOM.glob("*.py"))}
TABLES = privates.TABLE + privates.SOCKS_TABLE
NAMES = {name for row in TABLES for name in row.names}
ABOUT_CLASSES = {"__init__", "__repr__", "__slots__", "__getattr__"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def foreign(tree: ast.Module) -> set[str]:
    """The names that a module has from aiohttp, or from aiohttp-socks."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aiohttp")
        for alias in node.names
    }


def classes() -> dict[str, ast.ClassDef]:
    return {node.name: node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def stands_on_aiohttp(node: ast.ClassDef) -> bool:
    """Is it derived from a class of aiohttp's, over others of ours too?"""
    theirs = set().union(*map(foreign, TREES.values()))
    for base in node.bases:
        last = ast.unparse(base).rpartition(".")[2]
        if ast.unparse(base).startswith("aiohttp.") or last in theirs:
            return True
        if last in classes() and last != node.name and stands_on_aiohttp(classes()[last]):
            return True
    return False


async def samples() -> list[Any]:
    return [privates._sample(row.of) for row in TABLES]


def used() -> Iterator[tuple[str, str, bool]]:
    """Each private attribute with its place, and whether it is one of `self` in a class that is ours alone."""
    for stem, tree in TREES.items():
        yield from _used(tree, stem, ours=True)


def _used(node: ast.AST, stem: str, *, ours: bool) -> Iterator[tuple[str, str, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = not stands_on_aiohttp(child) if isinstance(child, ast.ClassDef) else ours
        if isinstance(child, ast.Attribute) and is_private(child.attr):
            of_self = isinstance(child.value, ast.Name) and child.value.id in ("self", "cls")
            yield child.attr, f"{stem}:{child.lineno}", of_self and inside
        if isinstance(child, ast.Constant) and isinstance(child.value, str) and is_private(child.value):
            yield child.value, f"{stem}:{child.lineno}", stem == "privates" or "_" + child.value[1:] not in NAMES
        yield from _used(child, stem, ours=inside)


def overridden() -> Iterator[tuple[str, str]]:
    """Each method of a class that stands on one of aiohttp's."""
    for node in classes().values():
        if stands_on_aiohttp(node):
            for each in node.body:
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name not in ABOUT_CLASSES:
                    yield each.name, node.name


async def test_no_private_name_is_used_that_the_table_does_not_name() -> None:
    held = await samples()
    for name, place, ours in used():
        if not ours and any(hasattr(sample, name) for sample in held):
            assert name in NAMES, f"{place} uses {name}, which is aiohttp's: say so in the table of privates"


async def test_no_method_is_overridden_that_the_table_does_not_name() -> None:
    held = await samples()
    for name, kind in overridden():
        if any(hasattr(sample, name) for sample in held):
            assert name in NAMES, f"{kind}.{name} overrides a method of aiohttp's: say so in the table of privates"


def test_the_table_names_nothing_that_is_not_used() -> None:
    there = {node.attr for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    there |= {name for name, _ in overridden()}
    assert sorted(NAMES - there) == []


def test_every_row_says_why_and_what_breaks() -> None:
    assert all(row.names and row.why and row.breaks for row in TABLES)


async def test_the_installed_release_has_every_name() -> None:
    assert privates.missing(TABLES) == []
    assert privates.obstacle(socks=True) is None


@pytest.mark.parametrize(("row", "name"), [(row, name) for row in TABLES for name in row.names])
async def test_a_name_that_is_gone_is_missed(row: privates.Private, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = privates._sample(row.of)

    class Without:
        def __getattr__(self, asked: str) -> Any:
            if asked == name:
                raise AttributeError(asked)
            return getattr(found, asked)

    monkeypatch.setattr(privates, "_sample", lambda of: Without() if of == row.of else found)
    monkeypatch.setattr(privates, "TABLE", (row,))
    assert privates.missing((row,)) == [f"{row.of}.{name}"]


@pytest.mark.parametrize("of", ["aiohttp.nowhere.StreamReader", "aiohttp.streams.Reader"])
async def test_a_class_that_has_moved_is_missed(of: str) -> None:
    assert privates.missing((TABLES[0]._replace(of=of),)) == [of]


async def test_the_test_sees_what_it_looks_for() -> None:
    assert {name for name, _, _ in used()} >= {"_buffer", "_release", "_conns"}
    assert ("data_received", "Line") in set(overridden())
    assert any(not ours for name, _, ours in used() if name == "_size")
