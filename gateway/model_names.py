"""What a request's `model` means: a route, an alias, a target, or `provider/model`, as far as its key may ask it. Pure.

What a key may not ask is as unknown to it as what is not there: the answer is the protocol's 404 for both.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ..config.bounded import ANY, may_route
from ..config.client_key import ClientKey
from ..config.model import Config
from ..config.serve import Serve

NAME_CHARS_MAX = 256


class Meant(NamedTuple):
    """What is to be asked: a route by its name, or one target.

    Attributes:
        route: The name of a route; empty: the target is asked alone.
        target: The name of a target, or `provider/model`.
    """

    route: str = ""
    target: str = ""


def meant(name: str, config: Config, serve: Serve, key: ClientKey) -> Meant | None:
    """What a name means to this key; None when it means nothing.

    A route comes first, then an alias, a target, `provider/model`; and for every other name the alias `*`.
    """
    if len(name) > NAME_CHARS_MAX:
        return None
    if name in config.routes or name in config.targets:
        return _allowed(name, config, key)
    if name != ANY and (alias := serve.aliases.get(name)) is not None:
        return _allowed(alias, config, key)
    found = _allowed(name, config, key)
    others = serve.aliases.get(ANY)
    return found if found is not None or others is None else _allowed(others, config, key)


def _allowed(name: str, config: Config, key: ClientKey) -> Meant | None:
    if name in config.routes:
        return Meant(route=name) if may_route(key, name) else None
    if name in config.targets or "/" in name:
        return Meant(target=name) if may_target(key, name) else None
    return None


def may_target(key: ClientKey, name: str) -> bool:
    """May this key ask this target, or `provider/model`, by itself?"""
    provider, slash, model = name.partition("/")
    if name in key.models or ANY in key.models:
        return True
    return bool(slash and model) and f"{provider}/{ANY}" in key.models


def askable(config: Config, serve: Serve, key: ClientKey) -> Iterator[str]:
    """The names that a key may ask, for `/v1/models`: routes first, then aliases, then targets."""
    yield from (name for name in config.routes if may_route(key, name))
    yield from (name for name in serve.aliases if name != ANY and meant(name, config, serve, key) is not None)
    yield from (name for name in config.targets if name not in config.routes and may_target(key, name))
