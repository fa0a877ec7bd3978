"""Imports point one way, from the command line down to the providers, and in no circle. Read from the source."""

import ast
from collections.abc import Iterator

import pytest
from sources import Module, modules, packages

MAY_IMPORT: dict[str, set[str]] = {
    "providers": set(),
    "config": {"providers"},
    "router": {"config", "providers"},
    "simulator": {"providers"},
    "cli": {"config", "providers", "router", "simulator", "standby"},
    "standby": {"cli", "config", "providers", "router", "simulator"},  # the face
}
"""Room by room, which others it may know. A room that is not here fails the test: say where it stands."""

DRILLS_MAY_IMPORT = {"config", "providers", "router"}
"""A drill plays the simulator against the real router: the one place where the simulator knows it."""


def room_of(name: str) -> str:
    """The room that a module stands in; the face's own modules stand in `standby`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and f"standby.{parts[1]}" in packages() else parts[0]


def allowed(module: Module) -> set[str]:
    """The other rooms that a module may know."""
    if module.name.startswith("standby.simulator.drill"):
        return DRILLS_MAY_IMPORT
    return MAY_IMPORT[room_of(module.name)]


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


def test_no_module_imports_itself_by_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for name, module in modules().items():
        needs = set()
        for other, _ in imported(module, at_import=True):
            parents = {other.rsplit(".", cut)[0] for cut in range(other.count(".") + 1)}
            # A parent's __init__ runs first; those above the importing module itself are already under way.
            needs |= {each for each in parents if each == other or not f"{name}.".startswith(f"{each}.")}
        graph[name] = needs - {name}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "imports in a circle: " + " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_every_room_has_its_place_in_the_order() -> None:
    rooms = {room_of(name) for name in modules()}
    assert rooms == set(MAY_IMPORT), f"say in MAY_IMPORT what these may import: {rooms ^ set(MAY_IMPORT)}"


def test_the_direction_test_sees_what_it_forbids() -> None:
    config = modules()["standby.config.model"]
    assert "standby.providers.errors" in {name for name, _ in imported(config)}
    assert "router" not in allowed(config)
