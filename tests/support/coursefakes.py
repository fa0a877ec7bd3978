"""What a `Course` is told of, made of nothing: targets with a health and budgets, jitter that can be foretold."""

import random
from dataclasses import dataclass, field

from standby.config import Retry
from standby.providers.capabilities import Capabilities
from standby.router.health.refusal import Refusal
from standby.router.health.return_line import ReturnLine

from standby import ErrorKind, ProviderError


class Middling(random.Random):
    """Draws the same share of every range, so that jitter can be foretold."""

    def __init__(self, share: float) -> None:
        super().__init__(0)
        self.share = share

    def random(self) -> float:
        return self.share


@dataclass
class Health:
    """When a target is left alone: `(from, to, why, told)`; not told: the end is not known."""

    spans: list[tuple[float, float, str, bool]] = field(default_factory=list)

    def refusal(self, now_s: float) -> Refusal | None:
        for from_s, to_s, why, told in self.spans:
            if from_s <= now_s < to_s:
                return Refusal(why, "", to_s if told else None)
        return None


@dataclass
class Fake:
    """A target as one of the two sees it. What it pays is its own, what it is belongs to both."""

    label: str
    dialect: str
    capabilities: Capabilities
    retry: Retry
    first_delta_s: float
    health: Health
    hedgeable: bool
    retries_left: int
    hedges_left: int = 2
    only_on: ErrorKind | None = None
    first_delta_held: bool = False
    returning: ReturnLine | None = None
    row: int = 0  # calls that have failed since the last answer

    @property
    def takes_prefill(self) -> bool:
        return self.capabilities.prefill in ("plain", "echoed")

    def refusal(self, now_s: float, fingerprint: object = None) -> Refusal | None:
        return self.health.refusal(now_s)

    def failed_in_row(self, now_s: float) -> int:
        return self.row

    def try_pay_retry(self, now_s: float) -> bool:
        paid = self.retries_left > 0
        self.retries_left -= 1 if self.retries_left else 0
        return paid

    def give_up(self, error: ProviderError, now_s: float) -> None:
        """Nothing is parked for it."""

    def has_other_credential(self, error: ProviderError, now_s: float) -> bool:
        return False

    def try_pay_hedge(self, now_s: float) -> bool:
        if not self.hedgeable or self.refusal(now_s) is not None:
            return False
        paid = self.hedges_left > 0
        self.hedges_left -= 1 if self.hedges_left else 0
        return paid


@dataclass(frozen=True)
class Relayed:
    """What was delivered, as far as the rules look at it."""

    plain: bool = False
    only_reasoning: bool = False
