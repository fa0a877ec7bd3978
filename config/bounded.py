"""The targets of a route that are within its bounds and those of a client's key: what is left, and where nothing is."""

from collections.abc import Iterator
from typing import NamedTuple

from .client_key import ClientKey
from .errors import ConfigError
from .labels import boundary, outside
from .model import Config
from .origin import Path, shown_name
from .route import Route
from .target import Target

ANY = "*"
"""Stands for all routes, or all targets, that a key may ask."""


class NothingLeft(NamedTuple):
    """Bounds that no target is within.

    Attributes:
        path: The way to the setting.
        message: What is wrong.
        hint: What to do about it.
    """

    path: Path
    message: str
    hint: str


def may_route(key: ClientKey, name: str) -> bool:
    """May this key ask this route?"""
    return ANY in key.routes or name in key.routes


def targets_within(config: Config, route: Route, key: ClientKey | None = None) -> list[Target]:
    """The targets of a route that a call may ask: all that are within its bounds.

    Args:
        key: The key of the client that asks; None: none.
    """
    drawn = [boundary(route.require, route.avoid, "the route")]
    if key is not None:
        drawn.append(boundary(key.require, key.avoid, "the key"))
    return [
        target
        for placed in config.placed(route)
        if outside((target := config.target(placed.reference)).labels, (*placed.boundaries, *drawn)) is None
    ]


def circular(config: Config) -> Iterator[tuple[Path, str]]:
    """Routes that name themselves, by way of others or at once."""
    for name, route in config.routes.items():
        try:
            config.placed(route)
            for tier in route.on.values():
                config.standing_by(tier)
        except ConfigError as error:
            yield ("routes", name, "targets"), str(error)


def nothing_left(config: Config) -> Iterator[NothingLeft]:
    """Routes, and keys of clients, of which no target may be asked at all."""
    empty = set[str]()
    for name, route in config.routes.items():
        if not targets_within(config, route):
            empty.add(name)
            setting = "require" if route.require else "avoid" if route.avoid else "targets"
            yield NothingLeft(("routes", name, setting), "no target of the route is within its bounds", _HINT)
    for key_name, key in config.serve.keys.items() if config.serve else ():
        if not (key.require or key.avoid):
            continue
        path: Path = ("serve", "keys", key_name, "require" if key.require else "avoid")
        asked = [name for name in config.routes if may_route(key, name) and name not in empty]
        left = [name for name in asked if targets_within(config, config.routes[name], key)]
        for name in asked:
            if name not in left and (name in key.routes or not (left or key.models)):
                message = f"no target of the route {shown_name(name)} is within these bounds"
                yield NothingLeft(path, message, _HINT)


_HINT = "label a target of it so, or require less"
