"""What is remembered of a target for as long as a Router lives, whatever becomes of its configuration.

It belongs to what the target is: its endpoint, its model, its credential. A reload, or a second name for the same
thing, does not make a sick target well.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

from ..config.model import Config
from ..providers.secret import Secret
from .budget import TokenBudget
from .credentials import Credential
from .health import TargetHealth
from .latency import Latency
from .limits import TargetLimits
from .snapshot import HealthChanged
from .spend import WALL_CLOCK, Ledger, WallClock


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
        credentials = [Credential(place, renewable=not isinstance(key, Secret)) for place, key in enumerate(keys)]
        self.health = TargetHealth(config.health, rng, on_change, credentials)
        self.retry_budget = TokenBudget(config.retry.budget_ratio, config.retry.budget_floor_per_s, saved=10.0)
        self.latency, self.single_latency = Latency(), Latency()
        self.limits, self.ledger = TargetLimits(), Ledger(wall)
        self.prefill_shown: bool | None = None
