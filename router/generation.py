"""One generation of a Router's configuration: its live targets and their seats, until its last call is over.

A reload makes a new generation at once; calls in flight finish on theirs, with its connections, and then it closes.
"""

import os
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec.structs import replace

from ..config.model import Config, Route, Target
from ..providers.errors import DISPOSITIONS, Disposition, ErrorKind
from .budget import TokenBudget
from .live import LiveTarget
from .record import Identity, TargetRecord
from .seat import Seat
from .spend import Ledger


class OpenCall(Protocol):
    """A call that has begun and not ended."""

    def close(self) -> None:
        """End it, because the Router closes."""
        ...


class Generation:
    """What was made from one configuration.

    Args:
        number: Counts the configurations of a Router, from 1.
        record_of: What is remembered of a target, by what it is.
        ledger_of: What was spent on a route, by its name.

    Attributes:
        calls: The calls that are open on it; a dict, because it keeps their order.
        retired: A newer generation serves new calls.
    """

    def __init__(
        self,
        number: int,
        config: Config,
        record_of: Callable[[Identity], TargetRecord],
        hedge_budgets: dict[object, TokenBudget],
        environment: Mapping[str, str] = os.environ,
        *,
        ledger_of: Callable[[object], Ledger] | None = None,
    ) -> None:
        self.number, self.config = number, config
        self.calls: dict[OpenCall, None] = {}
        self.retired = False
        self._record_of, self._environment = record_of, environment
        self._hedge_budgets, self._ledger_of = hedge_budgets, ledger_of
        self._live: dict[object, LiveTarget] = {}
        self._seats: dict[object, tuple[Seat, ...]] = {}

    def seats(self, route: Route, name: object, overrides: dict[str, float] | None = None) -> tuple[Seat, ...]:
        """The seats of a route's targets, in its order.

        Args:
            name: What the seats are kept under; None when the route is this call's own.
        """
        if overrides or name is None:
            return self._seated(route, name, overrides)
        seats = self._seats.get(name)
        if seats is None:
            seats = self._seats[name] = self._seated(route, name, None)
        return seats

    def live(self, reference: str | Target) -> LiveTarget:
        """The one live target that a reference means, made at its first use."""
        found = self._live.get(reference) if isinstance(reference, str) else None
        if found is None:
            target = self.config.target(reference)
            identity = _identity(target)
            found = self._live.get(identity)
            if found is None:
                found = self._live[identity] = LiveTarget(target, self._record_of, self._environment)
            if isinstance(reference, str):
                self._live[reference] = found
        return found

    def all_live(self) -> tuple[LiveTarget, ...]:
        """Every target: the configured ones, those of the routes, and those that calls have brought along."""
        for name in self.config.targets:
            self.live(name)
        for name, route in self.config.routes.items():
            self.seats(route, name)
        return tuple(dict.fromkeys(self._live.values()))

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
        for live in dict.fromkeys(self._live.values()):
            live.close()

    async def aclose(self) -> None:
        """Close it, and wait until its sockets are gone. Idempotent, also after a cancellation."""
        self.close()
        for live in dict.fromkeys(self._live.values()):
            await live.aclose()

    def _seated(self, route: Route, name: object, overrides: dict[str, float] | None) -> tuple[Seat, ...]:
        config = self.config
        budget = self._hedge_budgets.get(name)
        if budget is None:
            budget = TokenBudget(0.0 if route.hedge is None else route.hedge.budget_ratio)
            if name is not None:
                self._hedge_budgets[name] = budget
        ledger = None if self._ledger_of is None or name is None else self._ledger_of(name)
        side_by_side = route.select != "priority" and all(len(place) == 1 for place, _ in route.placed())

        def seat(reference: str | Target, tier: int, only_on: ErrorKind | None = None) -> Seat:
            live = self.live(reference)
            return Seat(
                live, route, config.limits, config.retry, budget,
                tier=tier, only_on=only_on, overrides=overrides, ledger=ledger,
            )  # fmt: skip

        seats = [seat(reference, 0 if side_by_side else place[0]) for place, reference in route.placed()]
        last = len(route.targets)
        seats += [seat(reference, last, kind) for kind, tier in route.on.items() for reference in tier]
        return tuple(seats)


def _identity(target: Target) -> tuple[object, ...]:
    """Which configuration a target has: two that are alike in all of it share their connections."""
    plain = (repr(sorted(part.items())) for part in (target.headers, target.body, target.parameters, target.options))
    return (
        target.provider, target.model, target.name, target.key, target.keys, target.key_file, target.base_url,
        target.proxy, id(target.connector), target.trust_env, target.ca_file, target.client_cert, target.reasoning,
        repr(sorted(target.capabilities.items())), target.connect_s, target.first_delta_s, target.stall_s,
        target.total_s, target.connections_max, target.concurrency, target.requests_per_min, target.tokens_per_min,
        target.price, target.budget_day, target.budget_month, *plain,
    )  # fmt: skip
