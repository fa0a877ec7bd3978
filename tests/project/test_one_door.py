"""aiohttp is imported in `providers/http` and nowhere else: at import time, in functions, for types, and by name.

That is its client. Its server has a door of its own, `gateway/shells`, which may take `aiohttp.web` and nothing else.
"""

import ast
from collections.abc import Iterator

import pytest
from sources import Module, modules

BEHIND_THE_DOOR = ("aiohttp", "aiohttp_socks", "python_socks", "aiohappyeyeballs")
DOOR = "standby.providers.http"
SERVERS_DOOR = "standby.gateway.shells"
SERVER = "aiohttp.web"
ASKED_WHETHER_INSTALLED = {"standby.config.flaws": "aiohttp_socks"}
"""A name that is looked up, not imported."""


def is_one(name: str) -> bool:
    return name.split(".")[0] in BEHIND_THE_DOOR


def named(module: Module) -> Iterator[tuple[str, int]]:
    """What a module imports of it, or names in a string as one imports or patches it, with the line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if is_one(alias.name))
        elif isinstance(node, ast.ImportFrom) and not node.level and is_one(node.module or ""):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((each, node.lineno) for each in (node.value,) if is_one(each) and " " not in each)


@pytest.mark.parametrize("name", [name for name in modules() if not f"{name}.".startswith(f"{DOOR}.")])
def test_aiohttp_stands_behind_one_door(name: str) -> None:
    module = modules()[name]
    for other, line in named(module):
        if f"{name}.".startswith(f"{SERVERS_DOOR}.") and other == SERVER:
            continue
        assert ASKED_WHETHER_INSTALLED.get(name) == other, f"{module.place}:{line} names {other}: leave it to {DOOR}"


def test_what_is_behind_the_door_is_seen() -> None:
    seen = {other for name, module in modules().items() if name.startswith(DOOR) for other, _ in named(module)}
    names = {"aiohttp", "aiohttp.client_proto.ResponseHandler", "aiohttp_socks", "aiohttp.streams.StreamReader"}
    assert names <= seen


def test_the_server_is_seen_at_its_door() -> None:
    seen = {other for name, module in modules().items() if name.startswith(SERVERS_DOOR) for other, _ in named(module)}
    assert seen == {SERVER}
