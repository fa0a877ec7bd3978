"""The targets of a route, each once and with its tier: those of the routes that it names stand in their place.

The policy of a call is that of the route that is asked. Of a route that is named count its targets, their order
and tiers, and its bounds, which hold for them here, too. Targets that several of these give are asked once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from ..providers import registry
from .errors import ConfigError
from .labels import Boundary, boundary, outside
from .route import Route
from .target import Target


class Placed(NamedTuple):
    """One target of a route.

    Attributes:
        place: Of the entry that gives it, in the route's own list: `(2,)`, or `(2, 0)` for the first of the tier at 2.
        reference: What means the target.
        tier: Its tier.
        boundaries: Bounds of the routes that have named it.
    """

    place: tuple[int, ...]
    reference: str | Target
    tier: int = 0
    boundaries: tuple[Boundary, ...] = ()


def route_named(reference: object, targets: Mapping[str, object], routes: Mapping[str, object]) -> bool:
    """Does this entry of a route mean another route? A name means a target or a provider first."""
    return (
        isinstance(reference, str)
        and reference in routes
        and reference not in targets
        and reference.partition("/")[0] not in registry.names()
    )


class Placing:
    """Places the targets of routes.

    Args:
        targets, routes: As configured.
        target: The target that a reference means.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        routes: Mapping[str, Route],
        target: Callable[[str | Target], Target],
    ) -> None:
        self._targets, self._routes, self._target = targets, routes, target

    def of(self, route: Route) -> tuple[Placed, ...]:
        """All targets of a route, in its order.

        Raises:
            ConfigError: A route names itself, by way of others or at once.
        """
        tiers = self._tiers(route, ())
        placed = [each._replace(tier=number) for number, tier in enumerate(tiers) for each in tier]
        return tuple(self._each_once(placed)) if self._names_route(route.targets) else tuple(placed)

    def standing_by(self, tier: Iterable[str | Target]) -> tuple[Placed, ...]:
        """The targets that stand by for one kind of error, likewise."""
        route = Route(tuple(tier))
        return self.of(route)

    def spelled_out(self, route: Route) -> Route:
        """The same route with targets alone, without those that are outside the bounds of a route that it names."""
        if not any(map(self._names_route, (route.targets, *route.on.values()))):
            return route
        tiers: dict[int, list[str | Target]] = {}
        for placed in self.of(route):
            if not self._is_outside(placed):
                tiers.setdefault(placed.tier, []).append(placed.reference)
        entries = (tier[0] if len(tier) == 1 else tuple(tier) for tier in tiers.values())
        on = {kind: tuple(each.reference for each in self.standing_by(tier)) for kind, tier in route.on.items()}
        return replace(route, targets=tuple(entries), on=on)

    def _tiers(self, route: Route, through: tuple[str, ...]) -> list[list[Placed]]:
        tiers: list[list[Placed]] = []
        side_by_side = route.select != "priority"
        for number, entry in enumerate(route.targets):
            if isinstance(entry, str | Target):
                tiers += self._entry((number,), entry, through)
                side_by_side = side_by_side and len(tiers[-1]) == 1
            else:
                inside = [self._entry((number, at), each, through) for at, each in enumerate(entry)]
                tiers.append([each for found in inside for tier in found for each in tier])
                side_by_side = False
        return [[each for tier in tiers for each in tier]] if side_by_side else tiers

    def _entry(self, place: tuple[int, ...], entry: str | Target, through: tuple[str, ...]) -> list[list[Placed]]:
        """The tiers that one entry gives."""
        if not isinstance(entry, str) or not route_named(entry, self._targets, self._routes):
            return [[Placed(place, entry)]]
        if entry in through:
            raise ConfigError(f"the route {entry!r} names itself: {' > '.join((*through, entry))}")
        route = self._routes[entry]
        drawn = boundary(route.require, route.avoid, f"the route {entry}")
        more = () if drawn is None else (drawn,)
        return [
            [Placed(place, each.reference, 0, (*each.boundaries, *more)) for each in tier]
            for tier in self._tiers(route, (*through, entry))
        ]

    def _names_route(self, entries: Iterable[object]) -> bool:
        return any(
            self._names_route(entry) if isinstance(entry, list | tuple)
            else route_named(entry, self._targets, self._routes)
            for entry in entries
        )  # fmt: skip

    def _each_once(self, placed: list[Placed]) -> Iterator[Placed]:
        """The first of those that mean the same; rather one that is within its bounds than one that is not."""
        known: dict[object, Placed] = {}
        for each in placed:
            key = each.reference if isinstance(each.reference, str) else id(each.reference)
            first = known.setdefault(key, each)
            if first is not each and self._is_outside(first) and not self._is_outside(each):
                known[key] = each
        yield from (each for each in placed if any(each is kept for kept in known.values()))

    def _is_outside(self, placed: Placed) -> bool:
        return outside(self._target(placed.reference).labels, placed.boundaries) is not None
