"""The record of a target: its state that outlives its configuration, for the life of the Router.

It belongs to what the target is: its endpoint, its model, its credential. A reload, or a second name for the same
thing, does not make a sick target well.
"""

import random
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from ...config.model import Config
from ...config.target import Target
from ...providers.secret import Secret
from ...providers.wall_clock import WALL_CLOCK, WallClock
from ..health.credentials import Credential
from ..health.latency import Latency
from ..health.snapshot import HealthChanged, HealthSnapshot, ParkSnapshot
from ..health.target_health import TargetHealth
from ..limits.ledger import Ledger
from ..limits.limiter import TargetLimits
from ..limits.retry_budget import TokenBudget

Hold: TypeAlias = Literal["lasting", "passing"]
"""Why a record is held: money of a budget or a person's word; or what passes by itself."""


class Identity(NamedTuple):
    """What a target is.

    Attributes:
        keys: Each key, or where it comes from.
    """

    provider: str
    base_url: str
    model: str
    keys: tuple[object, ...]


class TargetRecord:
    """Health, retry budget, use, spending and history of one target.

    Attributes:
        single_latency: Of answers that come as one JSON body: all of one is there, or nothing.
        prefill_shown: Whether its last answer has shown that what is known of `prefill` holds; None: there was none.

    Args:
        keys: Those of its identity.
        on_change: Told of every change of its health.
        wall: The calendar of its budgets.
    """

    __slots__ = ("health", "latency", "ledger", "limits", "prefill_shown", "retry_budget", "single_latency")

    def __init__(
        self,
        config: Config,
        rng: random.Random,
        on_change: Callable[[HealthChanged], None],
        keys: tuple[object, ...],
        wall: WallClock = WALL_CLOCK,
    ) -> None:
        credentials = [Credential(index, renewable=not isinstance(key, Secret)) for index, key in enumerate(keys)]
        self.health = TargetHealth(config.health, rng, on_change, credentials)
        self.retry_budget = TokenBudget(config.retry.budget_ratio, config.retry.budget_floor_per_s, saved=10.0)
        self.latency, self.single_latency = Latency(), Latency()
        self.limits, self.ledger = TargetLimits(), Ledger(wall)
        self.prefill_shown: bool | None = None

    def follow(self, config: Config) -> None:
        """Decide by this configuration from now on; what was seen of the target stays."""
        self.health.follow(config.health)
        self.retry_budget.follow(config.retry.budget_ratio, config.retry.budget_floor_per_s)

    def hold(self, now_s: float) -> Hold | None:
        """Why it is not to be forgotten though nothing uses it from now on; None: nothing is lost with it."""
        if self.lasts(now_s):
            return "lasting"
        sound = self._is_well(now_s) and not self.limits.holds(now_s) and self.retry_budget.full(now_s)
        return None if sound else "passing"

    def lasts(self, now_s: float) -> bool:
        """Was money of a budget spent, that is not to be spent again, or does a person keep it from being asked?"""
        return self.ledger.holds() or self.health.state(now_s) == "isolated"

    @property
    def left_alone_until_s(self) -> float:
        """When all parks are over, and its breaker admits a probe; in the past if nothing is in the way."""
        health = self.health
        opened_s = health.breaker.until_s if health.breaker.state == "open" else 0.0
        return max([opened_s, *(park.until_s for _, park in health.parks())])

    def snapshot(self, target: Target, now_s: float) -> HealthSnapshot:
        """How it stands at this instant, as this target. Reading changes nothing."""
        health, latency = self.health, self.latency
        breaker = health.breaker
        window = breaker.window(now_s)
        refusal = health.refusal(now_s)
        counted = target.budget_day is not None or target.budget_month is not None
        spent = self.ledger.spent() if counted else (None, None)
        return HealthSnapshot(
            target=target.label,
            state=health.state(now_s),
            reason=health.reason(now_s),
            until_s=None if refusal is None else refusal.until_s,
            at_s=now_s,
            probing=health.probing,
            share=health.share(now_s),
            failures=breaker.in_row,
            calls=window.calls,
            failure_ratio=window.failure_ratio,
            slow_ratio=window.slow_ratio,
            parks=tuple(ParkSnapshot(park.kind, park.until_s, park.times, name) for name, park in health.parks()),
            first_delta_ewma_s=latency.ewma_s,
            first_delta_p50_s=latency.percentile_s(50),
            first_delta_p95_s=latency.percentile_s(95),
            first_delta_p99_s=latency.percentile_s(99),
            tokens_per_s=latency.tokens_per_s,
            retry_tokens=self.retry_budget.available(now_s),
            at_wall_s=self.ledger.wall(),
            spent_day=spent[0],
            spent_month=spent[1],
            budget_day=target.budget_day,
            budget_month=target.budget_month,
        )

    def _is_well(self, now_s: float) -> bool:
        """Is nothing wrong with its health, and has nothing been of late?"""
        health = self.health
        window = health.breaker.window(now_s)
        troubled = health.doubts.failed_in_row(now_s) or window.failure_ratio or window.slow_ratio
        return health.calm and not troubled and health.returning is None and health.share(now_s) >= 1.0
