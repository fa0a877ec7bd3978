"""What a key may use: requests and tokens a minute, requests in flight, money a day and a month.

The counting is the router's own (`limits`), of which a key is one more user. What is full refuses here, with a hint,
and never queues: the client is another machine, whose SDK knows how to wait.
"""

from math import ceil
from typing import Literal, NamedTuple, TypeAlias

from ..config.client_key import ClientKey
from ..providers.wall_clock import WALL_CLOCK, WallClock
from ..router.limits.ledger import Budgets, Ledger, Reservation
from ..router.limits.limiter import Left, Limited, Permit, Sizes, TargetLimits
from .http import Fields
from .refused import Refused, waiting

Limit: TypeAlias = Literal["requests", "tokens", "concurrency", "budget"]

LIMITED_BY = "x-standby-limited-by"

_UNKNOWN_WAIT_S = 1.0
"""The hint where it is not known when a request in flight ends."""

_SPENT = 1e-9
"""The least that a request may cost: with a budget used up to the last cent, nothing more goes."""

_COST_WEIGHT = 0.2
_NO_BUDGETS = Budgets()


class Sized(NamedTuple):
    """The limits of a key, as the router's limiter takes them."""

    sizes: Sizes
    budgets: Budgets

    @classmethod
    def of(cls, key: ClientKey) -> "Sized":
        return cls(
            Sizes(key.concurrency, key.requests_per_min, key.tokens_per_min), Budgets(key.budget_day, key.budget_month)
        )


class Grant:
    """The right to one request. Settled exactly once; doing it again does nothing."""

    __slots__ = ("_permit", "_reservation", "_usage")

    def __init__(self, usage: "KeyUsage", permit: Permit, reservation: Reservation) -> None:
        self._usage, self._permit = usage, permit
        self._reservation: Reservation | None = reservation

    def settle(self, now_s: float, tokens: int | None, cost: float | None) -> None:
        """The request is over.

        Args:
            tokens: How many it has used; None: about as many as were thought.
            cost: What it has cost, in USD; None: about as much as was set aside.
        """
        reservation, self._reservation = self._reservation, None
        if reservation is None:
            return
        try:
            if cost is not None:
                self._usage.learn_cost(cost)
            reservation.settle(reservation.cost if cost is None else cost)
        finally:
            self._permit.release(now_s, tokens)


class KeyUsage:
    """The use of one key. It outlives a reload of the configuration.

    Attributes:
        limits: Requests, tokens and what is in flight.
        ledger: The money spent.
    """

    __slots__ = ("_usual_cost", "ledger", "limits")

    def __init__(self, wall: WallClock = WALL_CLOCK) -> None:
        self.limits, self.ledger = TargetLimits(), Ledger(wall)
        self._usual_cost = 0.0

    def admit(self, sized: Sized, tokens: int, cost: float, now_s: float) -> Grant | Refused:
        """Take what one request needs, or say why it is refused.

        Args:
            tokens: What it will probably use.
            cost: What it may cost, in USD, as far as that is known. Not less is set aside than requests usually cost.
        """
        refused = self.limits.refusal(sized.sizes, tokens, now_s)
        if refused is not None:
            return self._refused(self._limit(sized.sizes, now_s), refused, sized, now_s)
        cost = max(cost, self._usual_cost)
        if sized.budgets != _NO_BUDGETS:
            refused = self.ledger.refusal(sized.budgets, max(cost, _SPENT), now_s)
            if refused is not None:
                return self._refused("budget", refused, sized, now_s)
        reservation = self.ledger.reserve(cost)
        return Grant(self, self.limits.take(sized.sizes, tokens, now_s), reservation)

    def learn_cost(self, cost: float) -> None:
        """A request has cost this much."""
        self._usual_cost += _COST_WEIGHT * (cost - self._usual_cost)

    def fields(self, sized: Sized, now_s: float) -> Fields:
        """What is left, for the head of every answer: `x-ratelimit-…`."""
        requests, tokens = self.limits.left(sized.sizes, now_s)
        return (*_told("requests", requests), *_told("tokens", tokens))

    def _limit(self, sizes: Sizes, now_s: float) -> Limit:
        """The limit that is in the way."""
        if sizes.concurrency is not None and self.limits.in_flight >= sizes.concurrency:
            return "concurrency"
        requests, _ = self.limits.left(sizes, now_s)
        return "requests" if requests is not None and requests.left < 1 else "tokens"

    def _refused(self, by: Limit, limited: Limited, sized: Sized, now_s: float) -> Refused:
        wait_s = _UNKNOWN_WAIT_S if limited.until_s is None else limited.until_s - now_s
        final = (("x-should-retry", "false"),) if by == "budget" and limited.until_s is not None else ()
        message = f"this gateway's own limit for the key: {limited.detail}"
        fields = (*waiting(wait_s), (LIMITED_BY, by), *final, *self.fields(sized, now_s))
        return Refused(429, by, message, fields)


def _told(unit: str, left: Left | None) -> Fields:
    if left is None:
        return ()
    return (
        (f"x-ratelimit-limit-{unit}", str(left.limit)),
        (f"x-ratelimit-remaining-{unit}", str(left.left)),
        (f"x-ratelimit-reset-{unit}", f"{ceil(left.reset_s)}s"),
    )
