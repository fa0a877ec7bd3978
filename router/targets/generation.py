"""One generation of a Router's configuration: its live targets and their route targets, until its last call is over.

A reload makes a new generation at once; calls in flight finish on theirs, with its connections, and then it closes.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Protocol

from msgspec.structs import replace

from ...config.labels import Boundary, boundary, outside
from ...config.model import Config
from ...config.placed import Placed
from ...config.route import Route
from ...config.target import Target
from ...providers.errors import DISPOSITIONS, Disposition, ErrorKind
from ...providers.http.idle import Ways
from ...providers.transport import TransportFactory
from ..limits.ledger import Ledger
from ..limits.retry_budget import TokenBudget
from .call_targets import CallTargets
from .live_target import LiveTarget
from .memory import Memory
from .record import Identity
from .route_target import RouteTarget
from .target_transport import close_all


class OpenCall(Protocol):
    """A call that has begun and not ended."""

    def close(self) -> None:
        """End it, because the Router closes."""
        ...


class Generation:
    """What was made from one configuration.

    Args:
        number: Counts the configurations of a Router, from 1.
        memory: What is remembered of targets.
        clock: The loop's.
        ledger_of: What was spent on a route, by its name.
        on_brought: Called when a call has brought a target along that is not known.
        on_closing: Called with a live target that was given up and still has to be waited for.
        ways: The idle connections of all generations.
        transport: Makes the transport of each target; None: it is the standard one.

    Attributes:
        calls: The calls that are open on it; a dict, because it keeps their order.
        retired: A newer generation serves new calls.
    """

    def __init__(
        self,
        number: int,
        config: Config,
        memory: Memory,
        clock: Callable[[], float],
        hedge_budgets: dict[object, TokenBudget],
        environment: Mapping[str, str] = os.environ,
        *,
        ledger_of: Callable[[object], Ledger] | None = None,
        on_brought: Callable[[], None] = lambda: None,
        on_closing: Callable[[LiveTarget], None] = lambda live: None,
        ways: Ways | None = None,
        transport: TransportFactory | None = None,
    ) -> None:
        self.number, self.config = number, config
        self.calls: dict[OpenCall, None] = {}
        self.retired = False
        self._memory, self._clock, self._environment = memory, clock, environment
        self._ways, self._transport, self._on_closing = ways, transport, on_closing
        self._hedge_budgets, self._ledger_of, self._on_brought = hedge_budgets, ledger_of, on_brought
        self._live: dict[object, LiveTarget] = {}  # of targets that are configured
        self.brought = CallTargets(self._brought, self._forget, self._remember)
        self._inherited: tuple[Identity, ...] = ()
        self._given_back = False
        self._route_targets: dict[object, tuple[RouteTarget, ...]] = {}

    def route_targets(
        self,
        route: Route,
        name: object,
        overrides: dict[str, float] | None = None,
        spends: object = None,
        within: Boundary | None = None,
    ) -> tuple[RouteTarget, ...]:
        """The route targets of a route's targets, in its order.

        Args:
            name: What the route targets are kept under; None when the route is this call's own.
            spends: The route whose budgets such a call is paid from; None: of none.
            within: The bounds of the call, beside those of the route; None: none.
        """
        if overrides or name is None or within is not None:
            return self._made_for_route(route, name, overrides, spends if name is None else name, within)
        route_targets = self._route_targets.get(name)
        if route_targets is None:
            route_targets = self._route_targets[name] = self._made_for_route(route, name, None, name)
        return route_targets

    def live(self, reference: str | Target) -> LiveTarget:
        """The one live target that a configured reference means, made at its first use."""
        found = self._live.get(reference) if isinstance(reference, str) else None
        if found is None:
            target = self.config.target(reference)
            identity = _identity(target)
            found = self._live.get(identity)
            if found is None:
                found = self._live[identity] = self.brought.take(identity) or self._made(target)
            if isinstance(reference, str):
                self._live[reference] = found
        return found

    def live_of_call(self, reference: str | Target) -> LiveTarget:
        """The one live target that a call's own reference means: a configured one, or one that is kept by last use."""
        if isinstance(reference, str):
            if reference in self._live or reference in self.config.targets:
                return self.live(reference)
            target = self.brought.target(reference, self.config.target)
        else:
            target = reference
        identity = _identity(target)
        return self._live.get(identity) or self.brought.live(target, identity, self._clock())

    def all_live(self) -> tuple[LiveTarget, ...]:
        """Every target: the configured ones, those of the routes, and those that calls have brought along of late."""
        for name in self.config.targets:
            self.live(name)
        for name, route in self.config.routes.items():
            self.route_targets(route, name)
        return self._made_so_far()

    def inherit(self, before: "Generation") -> None:
        """Keep what is remembered of the targets of an older configuration, which may be those of this one."""
        self._inherited = tuple(live.remembered_as for live in dict.fromkeys(before._live.values()))
        for identity in self._inherited:
            self._memory.take(identity)

    def resize(self, older: "Generation") -> None:
        """Let calls that wait on an older generation wait within the limits of this one: the queue is the same."""
        waited_for = [live for live in older._made_so_far() if live.limits.queue]
        if not waited_for:
            return
        sizes = {(live.label, live.remembered_as): live.sizes for live in self.all_live()}
        for live in waited_for:
            mine = sizes.get((live.label, live.remembered_as), live.sizes)
            if mine != live.sizes:
                live.sizes = mine
                live.limits.queue.wake_first()

    def dispositions(self, route: Route) -> dict[ErrorKind, Disposition]:
        """The table of what may follow an error, with what the route says otherwise."""
        if not route.errors:
            return DISPOSITIONS
        table = dict(DISPOSITIONS)
        for kind, handling in route.errors.items():
            row = table[kind]
            table[kind] = replace(
                row, retry=handling.retry or row.retry, ask_another=handling.ask_another or row.ask_another
            )
        return table

    def close(self) -> None:
        """End its calls, and close every connection of theirs, as far as nothing has to be waited for. Idempotent."""
        for call in tuple(self.calls):
            call.close()
        for live in self._made_so_far():
            live.close()

    async def aclose(self) -> None:
        """Close it, and wait until its sockets are gone. Idempotent, also after a cancellation."""
        self.close()
        await close_all(live.aclose for live in self._made_so_far())

    def over(self) -> None:
        """No call is open on it, and it is retired: what is remembered of its targets is given back. Idempotent."""
        self.brought.clear()
        if self._given_back:
            return
        self._given_back = True
        for live in dict.fromkeys(self._live.values()):
            live.health.no_longer_known_as(live.label)
        now_s = self._clock()
        for identity in (*self._inherited, *(live.remembered_as for live in dict.fromkeys(self._live.values()))):
            self._memory.give_back(identity, now_s)

    def _made_so_far(self) -> tuple[LiveTarget, ...]:
        return tuple(dict.fromkeys((*self._live.values(), *self.brought)))

    def _made(self, target: Target) -> LiveTarget:
        return LiveTarget(target, self._memory.take, self._environment, self._ways, self._transport)

    def _brought(self, target: Target) -> LiveTarget:
        self._on_brought()
        return self._made(target)

    def _remember(self, live: LiveTarget) -> None:
        live.forgotten = False
        live.health.known_as(live.label)
        self._memory.take(live.remembered_as)

    def _forget(self, live: LiveTarget) -> None:
        live.close()
        if live.closes_later:
            self._on_closing(live)
        live.forgotten = True
        live.health.no_longer_known_as(live.label)
        self._memory.give_back(live.remembered_as, self._clock())

    def _made_for_route(
        self,
        route: Route,
        name: object,
        overrides: dict[str, float] | None,
        spends: object,
        within: Boundary | None = None,
    ) -> tuple[RouteTarget, ...]:
        config = self.config
        budget = self._hedge_budgets.get(spends)
        if budget is None:
            budget = TokenBudget(hedge_ratio(route))
            if spends is not None:
                self._hedge_budgets[spends] = budget
        ledger = None if self._ledger_of is None or spends is None else self._ledger_of(spends)
        live_of = self.live_of_call if name is None else self.live
        drawn = (boundary(route.require, route.avoid, "the route"), within)

        def route_target(placed: Placed, tier: int, only_on: ErrorKind | None = None) -> RouteTarget:
            live = live_of(placed.reference)
            return RouteTarget(
                live, route, config.limits, config.retry, budget,
                tier=tier, only_on=only_on, overrides=overrides, ledger=ledger,
                outside=outside(live.target.labels, (*placed.boundaries, *drawn)),
            )  # fmt: skip

        route_targets = [route_target(placed, placed.tier) for placed in config.placed(route)]
        last = len(route.targets)
        for kind, tier in route.on.items():
            route_targets += [route_target(placed, last, kind) for placed in config.standing_by(tier)]
        return tuple(route_targets)


def hedge_ratio(route: Route) -> float:
    """How many hedges each call of a route earns."""
    return 0.0 if route.hedge is None else route.hedge.budget_ratio


def _identity(target: Target) -> tuple[object, ...]:
    """Which configuration a target has: two that are alike in all of it share their connections."""
    return (*_plain(target), id(target.connector), *(repr(sorted(part.items())) for part in _mappings(target)))


_MAPPINGS = tuple(field.name for field in fields(Target) if field.default_factory is dict)
"""Fields that cannot be compared as they are. A connector is compared by identity, since it belongs to the caller."""
_mappings = attrgetter(*_MAPPINGS)
_plain = attrgetter(*(field.name for field in fields(Target) if field.name not in (*_MAPPINGS, "connector")))
