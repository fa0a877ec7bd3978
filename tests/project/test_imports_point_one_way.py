"""Imports point one way, from the command line down to the providers, and in no circle. Read from the source."""

import ast
from collections.abc import Iterator, Mapping

import pytest
from sources import Module, modules, packages

MAY_IMPORT: dict[str, set[str]] = {
    "providers": set(),
    "config": {"providers"},
    "router": {"config", "providers"},
    "simulator": {"providers"},
    "simulator/drill": {"config", "providers", "router"},  # a drill plays the simulator against the real router
    "gateway": {"config", "providers", "router"},
    "cli": {"config", "gateway", "providers", "router", "simulator", "standby"},
    "standby": {"cli", "config", "gateway", "providers", "router", "simulator"},  # the face
}
"""Room by room, which others it may know. A room that is not here fails the test: say where it stands."""

INSIDE: dict[str, tuple[str, ...]] = {
    "providers": (
        "registry",
        "dialects",
        "http",
        "fitting",
        "knowledge",
        "quirks",
        "mapping",
        "refusals",
        "serving",
        "providers",
        "codecs",
    ),
    "config": ("config", "examples"),
    "router": ("threads", "router", "engine", "targets", "failover", "limits", "notices", "health", "result"),
    "gateway": ("supervising", "in_process", "mounted", "running", "serve", "process", "shells", "gateway"),
    "simulator": ("drill", "simulator", "serving", "dialects", "scenario", "virtual"),
}
"""The sub-rooms of each room, each of which may know those behind it. A room's own name stands for the modules that are
in none of them, and the name of one such module for that one alone: it stands at the door."""


def room_of(name: str) -> str:
    """The room that a module stands in; the face's own modules stand in `standby`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and f"standby.{parts[1]}" in packages() else parts[0]


def sub_room_of(name: str) -> str:
    """The sub-room that a module stands in, by its last name."""
    room, parts = room_of(name), name.split(".")[2:]
    inside = INSIDE.get(room, ())
    if not parts:
        return inside[0] if inside else room  # the room's face
    if name in packages() or len(parts) > 1 or parts[0] in inside:
        return parts[0]
    return room


def allowed(module: Module) -> set[str]:
    """The other rooms that a module may know."""
    room = room_of(module.name)
    return MAY_IMPORT.get(f"{room}/{sub_room_of(module.name)}", MAY_IMPORT[room])


def imported(module: Module, *, at_import: bool = False) -> Iterator[tuple[str, int]]:
    """The modules of ours that a module names, with the line; only those loaded with it if `at_import`."""
    for node in _statements(module.tree, at_import=at_import):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _ours(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.package.split(".")
                above = above[: len(above) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield from _ours(whole if whole in modules() else base, node.lineno)


def _ours(name: str, line: int) -> Iterator[tuple[str, int]]:
    if name == "standby" or name.startswith("standby."):
        yield name, line


def _statements(node: ast.AST, *, at_import: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if at_import and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if at_import and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _statements(child, at_import=at_import)


@pytest.mark.parametrize("name", modules())
def test_a_module_imports_only_rooms_below_its_own(name: str) -> None:
    module = modules()[name]
    room = room_of(name)
    for other, line in imported(module):
        assert other in modules(), f"{module.place}:{line} imports {other}, which is not in the package"
        assert room_of(other) in {room, *allowed(module)}, f"{module.place}:{line}: {room} may not import {other}"


@pytest.mark.parametrize("name", [name for name in modules() if room_of(name) in INSIDE])
def test_a_module_imports_only_sub_rooms_below_its_own(name: str) -> None:
    module = modules()[name]
    order = INSIDE[room_of(name)]
    for other, line in imported(module):
        if room_of(other) == room_of(name):
            here, there = sub_room_of(name), sub_room_of(other)
            assert order.index(there) >= order.index(here), f"{module.place}:{line}: {here} may not import {there}"


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """A way from a module back to itself; empty when there is none."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name not in done:
            for other in sorted(graph.get(name, ())):
                if found := visit(other, (*path, name)):
                    return found
            done.add(name)
        return []

    return next(filter(None, (visit(name, ()) for name in graph)), [])


def test_no_module_imports_itself_by_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for name, module in modules().items():
        needs = set()
        for other, _ in imported(module, at_import=True):
            parents = {other.rsplit(".", cut)[0] for cut in range(other.count(".") + 1)}
            # A parent's __init__ runs first; those above the importing module itself are already under way.
            needs |= {each for each in parents if each == other or not f"{name}.".startswith(f"{each}.")}
        graph[name] = needs - {name}
    assert circle(graph) == []


def test_no_file_knows_itself_by_a_circle_of_imports_in_functions_and_for_types_either() -> None:
    files = {name: module for name, module in modules().items() if name not in packages()}
    graph = {
        name: {other for other, _ in imported(module) if other in files and other != name}
        for name, module in files.items()
    }
    assert circle(graph) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_every_room_has_its_place_in_the_order() -> None:
    rooms = {room_of(name) for name in modules()}
    top = {room for room in MAY_IMPORT if "/" not in room}
    assert rooms == top, f"say in MAY_IMPORT what these may import: {rooms ^ top}"


def test_every_sub_room_has_its_place_in_the_order() -> None:
    folders = {name.split(".", 2)[2] for name in packages() if name.count(".") > 1}
    assert all("." not in folder for folder in folders)
    for room, order in INSIDE.items():
        seen = {sub_room_of(name) for name in modules() if room_of(name) == room}
        assert seen == set(order), f"say in INSIDE where these stand: {seen ^ set(order)}"


def test_the_direction_test_sees_what_it_forbids() -> None:
    config = modules()["standby.config.target"]
    assert "standby.providers.errors" in {name for name, _ in imported(config)}
    assert "router" not in allowed(config)
