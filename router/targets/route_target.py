"""A target's route target on a route: the live target with the clocks, retries and defaults that hold for it there."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from ...config.limits import Limits, Retry
from ...config.route import Route
from ...providers.capabilities import Fit
from ...providers.chat import ChatRequest, chat_request
from ...providers.errors import ErrorKind, ProviderError
from ..health.refusal import Refusal
from ..health.return_line import ReturnLine
from ..limits.admission import Admission
from ..limits.bill import Bill
from ..limits.ledger import Budgets, Ledger, Purse
from ..limits.limiter import Sizes
from ..limits.retry_budget import TokenBudget
from ..limits.usage_bounds import UsageBounds
from ..result.report import Report
from .clocks import Clocks
from .live_target import LiveTarget

CONFIDENT = 1.5
"""Factor on the window beyond which an estimated prompt excludes the target."""


class RouteTarget:
    """One target as a call on one route sees it. Clocks: the call's, else the target's, the route's, the defaults.

    Args:
        hedge_budget: What the route's hedges are paid from.
        tier: Which tier of the route it is in.
        only_on: It is asked only after a failure of this kind.
        overrides: Clocks of this call, by name (`connect_s`, `first_delta_s`, `stall_s`, `total_s`).
        ledger: What was spent on the route.
        outside: Why it is outside the bounds of the route, or of the call; None: it is within.

    Attributes:
        fit: How a request is made fit: as the target has it, else the route.
        answer_max: What an answer is bounded to where the request does not say so.
        limited_always: A limit or a budget of its own holds here, whatever its provider tells: a call needs a
            `LimitedRouteTarget`.
        plain_tokens: A request of text alone is answered here if it has no more tokens than this.
        purses: What an attempt here is paid from.
        standing_clocks: Those that would hold if the call had set none.
        takes_any: No request has to be left out here, as far as is known.
    """

    __slots__ = (
        "_defaults", "_hedge", "_hedge_budget", "_room", "answer_max", "capabilities", "clocks", "first_delta_held",
        "first_delta_s", "fit", "label", "limited_always", "live", "only_on", "outside", "plain_tokens", "purses",
        "retry", "standing_clocks", "takes_any", "tier", "weight",
    )  # fmt: skip

    def __init__(
        self,
        live: LiveTarget,
        route: Route,
        limits: Limits,
        retry: Retry,
        hedge_budget: TokenBudget,
        *,
        tier: int = 0,
        only_on: ErrorKind | None = None,
        overrides: Mapping[str, float] | None = None,
        ledger: Ledger | None = None,
        outside: str | None = None,
    ) -> None:
        self.live, self.outside = live, outside
        self.label, self.capabilities = live.label, live.capabilities
        self.retry = route.retry or retry
        self.clocks = _clocks(live, route, limits, overrides or {})
        self.standing_clocks = _clocks(live, route, limits, {}) if overrides else self.clocks
        self.first_delta_s = self.clocks.first_delta_s
        self.first_delta_held = bool(live.target.first_delta_s or (overrides and overrides.get("first_delta_s")))
        self.fit: Fit = live.target.fit or route.fit
        self.only_on = only_on
        self.tier, self.weight = tier, route.weights.get(live.label, 1.0)
        self._hedge, self._hedge_budget = route.hedge, hedge_budget
        purses = [Purse(live.ledger, Budgets(live.target.budget_day, live.target.budget_month))]
        if ledger is not None:
            purses.append(Purse(ledger, Budgets(route.budget_day, route.budget_month)))
        self.purses = tuple(purse for purse in purses if purse.budgets != Budgets())
        self.limited_always = live.sizes != Sizes() or bool(self.purses)
        self._defaults: dict[str, Any] = {**route.parameters, **live.target.parameters}
        own = self._defaults.get("max_tokens")
        self.answer_max = own if isinstance(own, int) else None
        self._room = UsageBounds(self.capabilities.context_window, self.answer_max)
        window = self.capabilities.context_window
        known = self.capabilities.images, self.capabilities.tools, self.capabilities.json_schema
        barred = outside is not None or bool(live.flaw)
        self.takes_any = not barred and window is None and (self.fit == "off" or False not in known)
        self.plain_tokens = -1.0 if barred else math.inf if window is None else window * CONFIDENT

    @property
    def takes_prefill(self) -> bool:
        """Does it go on from a prefill, as far as is known? That it may is enough: its answer must show it."""
        return self.capabilities.prefill in ("plain", "echoed") and self.live.prefill_shown is not False

    @property
    def returning(self) -> ReturnLine | None:
        """The line of the calls that waited for its return; None: it is not just back."""
        return self.live.health.returning

    def refusal(self, now_s: float, fingerprint: Callable[[], bytes] | None = None) -> Refusal | None:
        """Why it may not be asked now; None when it may.

        Args:
            fingerprint: Of the request that it would be asked; None: of any.
        """
        health = self.live.health
        return None if health.calm else health.refusal(now_s, fingerprint)

    def failed_in_row(self, now_s: float) -> int:
        """How many calls have failed here since the last answer."""
        return self.live.health.doubts.failed_in_row(now_s)

    def try_pay_retry(self, now_s: float) -> bool:
        """Pay for one retry from its budget, if there is enough."""
        return self.live.retry_budget.try_acquire(now_s)

    def has_other_credential(self, error: ProviderError, now_s: float) -> bool:
        """After such an error with one of its keys: can it be asked with another at once?"""
        return self.live.health.has_other_credential(error, now_s)

    def credit_hedge(self) -> None:
        """It is asked by a call whose route hedges: that earns a share of a hedge."""
        self._hedge_budget.credit()

    def hedge_after_s(self, *, stream: bool) -> float | None:
        """After how long a silence a second target is asked beside it; None: never, or not enough is known yet."""
        if self._hedge is None:
            return None
        after = self._hedge.after
        return self.live.latency_of(stream=stream).percentile_s(float(after[1:])) if isinstance(after, str) else after

    def try_pay_hedge(self, now_s: float) -> bool:
        """Pay for one hedge, if it is well: from the route's budget of hedges and the target's of extra calls."""
        if self.live.health.breaker.state != "closed" or self.refusal(now_s) is not None:
            return False
        if not self.live.retry_budget.affords(now_s) or not self._hedge_budget.try_acquire(now_s):
            return False
        return self.live.retry_budget.try_acquire(now_s)

    def give_up(self, error: ProviderError, now_s: float) -> None:
        """A call that failed here, with this error last, does not try here again for now."""
        self.live.health.gave_up(error, now_s)

    def admit(
        self,
        chat: ChatRequest,
        total: Report,
        now_s: float,
        fingerprint: Callable[[], bytes] | None = None,
        *,
        last_resort: bool = False,
    ) -> Admission | Refusal:
        """Take all that one attempt needs, or nothing.

        Args:
            total: The report of the call.
            fingerprint: Of the request.
            last_resort: It is asked although it is left alone.
        """
        health = self.live.health
        if not (health.calm or last_resort) and (refusal := health.refusal(now_s, fingerprint)) is not None:
            return refusal
        return Admission(health.admit(now_s))

    def bill(self, chat: ChatRequest, total: Report) -> Bill:
        """The bill of one attempt here, with nothing held for it yet."""
        room = self._room if chat.max_tokens is None else self.room(chat)
        return Bill(chat, self.answer_max, self.live.rates, total, room=room)

    def room(self, chat: ChatRequest) -> UsageBounds:
        """What its provider may say that this request has used."""
        cap = chat.max_tokens
        return self._room if cap is None else UsageBounds(self.capabilities.context_window, cap)

    def with_defaults(self, chat: ChatRequest) -> ChatRequest:
        """The request with the target's and the route's parameters where the caller left them open."""
        if not self._defaults:
            return chat
        left_open = {name: value for name, value in self._defaults.items() if getattr(chat, name, None) in (None, ())}
        return chat_request(chat, **left_open)


def _clocks(live: LiveTarget, route: Route, limits: Limits, overrides: Mapping[str, float]) -> Clocks:
    target = live.target
    thinks = live.capabilities.reasoning if target.reasoning is None else target.reasoning

    def clock(name: str, default: float | None) -> float | None:
        return overrides.get(name) or getattr(target, name) or getattr(route, name, None) or default

    first_delta_s = limits.reasoning_first_delta_s if thinks else limits.first_delta_s
    stall_s = limits.reasoning_stall_s if thinks else limits.stall_s
    return Clocks(
        connect_s=clock("connect_s", limits.connect_s) or limits.connect_s,
        first_delta_s=clock("first_delta_s", first_delta_s) or first_delta_s,
        stall_s=clock("stall_s", stall_s) or stall_s,
        tail_s=limits.tail_s,
        total_s=clock("total_s", limits.total_s),
    )
