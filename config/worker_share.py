"""The share of a configuration that one of several workers takes: of every limit and budget an equal part. Pure.

Workers do not talk to each other, so what they may use together is never more than was configured; a remainder is left.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from .client_key import ClientKey
from .model import Config
from .route import Route
from .serve import Clients
from .serve_flaws import SHARED_LIMITS
from .target import Target

_Limited = TypeVar("_Limited", Target, Route, ClientKey, Clients)

_MONEY = ("budget_day", "budget_month")
_OF_CLIENTS = ("connections_max", "in_flight_max")
"""Of clients only: how many connections one worker keeps to a target limits no other."""


def share_of(config: Config, workers: int) -> Config:
    """What one of so many workers goes by."""
    serve = config.serve
    if workers == 1 or serve is None:
        return config
    return replace(
        config,
        targets=_each(config.targets, workers),
        routes={name: _route(route, workers) for name, route in config.routes.items()},
        serve=replace(serve, keys=_each(serve.keys, workers), clients=_part(serve.clients, workers)),
    )


def _each(settings: Mapping[str, _Limited], workers: int) -> dict[str, _Limited]:
    return {name: _part(each, workers) for name, each in settings.items()}


def _route(route: Route, workers: int) -> Route:
    """A route's own budgets, and the targets that are written out in it."""

    def part(entry: Any) -> Any:
        if isinstance(entry, Target):
            return _part(entry, workers)
        return tuple(map(part, entry)) if isinstance(entry, list | tuple) else entry

    on = {kind: part(tier) for kind, tier in route.on.items()}
    return replace(_part(route, workers), targets=part(route.targets), on=on)


def _part(settings: _Limited, workers: int) -> _Limited:
    parts: dict[str, Any] = {}
    for name in _OF_CLIENTS if isinstance(settings, Clients) else (*SHARED_LIMITS, *_MONEY):
        limit = getattr(settings, name, None)
        if limit is not None:
            parts[name] = limit / workers if name in _MONEY else max(1, limit // workers)
    return replace(settings, **parts) if parts else settings
