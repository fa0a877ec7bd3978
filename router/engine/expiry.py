"""Meaning of a clock of an attempt that has run out: a failure of its target, or the call's own hurry. Pure."""

from typing import Literal, TypeAlias

from ...providers.errors import ErrorKind, ProviderError
from ...providers.opaque import Opaque
from ..failover.steps import Cut
from ..targets.clocks import Clocks

ClockName: TypeAlias = Literal["connect_s", "first_delta_s", "stall_s", "total_s"]


class Expiry(Opaque, kw_only=True):
    """A clock of an attempt has run out. All instants are on the loop's clock.

    Attributes:
        limit_s: When it has.
        begun: It was not the clock for the first useful delta any more.
        cut: What the deadline left of the time that the target's own clock for it gives.
        first_by_s, end_by_s, total_by_s: When the first useful delta and when the whole answer must have come, the
            latter by the call's deadline and by either this or `total_s`.
        stalled_by_s: When the clock between deltas would have rung, had the deadline not come before.
        fair_s: So much is a fair part of the deadline: silence of this length up to it is the target's failure.
        standing_clocks: Those that would hold if the call had set none.
    """

    limit_s: float
    begun: bool
    cut: Cut
    first_by_s: float
    end_by_s: float
    total_by_s: float
    stalled_by_s: float
    fair_s: float
    clocks: Clocks
    standing_clocks: Clocks

    def failure(self) -> ProviderError:
        """What the attempt fails with."""
        clocks = self.clocks
        silent = not self.begun and self.limit_s >= self.first_by_s
        if self.limit_s >= self.end_by_s and not silent:
            silent_s = clocks.stall_s - (self.stalled_by_s - self.end_by_s)
            if silent_s >= self.fair_s:
                return ProviderError(ErrorKind.STALLED, f"no useful delta for {silent_s:.3g} s, up to the deadline")
            return ProviderError(ErrorKind.DEADLINE, "the call's deadline came before the end of the answer")
        if self.limit_s >= self.total_by_s and not silent:
            return self._rung(ErrorKind.STALLED, f"not whole after total_s = {clocks.total_s:g} s", "total_s")
        if self.begun:
            return self._rung(ErrorKind.STALLED, f"no useful delta for {clocks.stall_s:g} s", "stall_s")
        if self.cut == "fair":
            return ProviderError(ErrorKind.FIRST_TOKEN_TIMEOUT, "no useful delta in its part of the deadline")
        if self.cut == "short":
            detail = "no useful delta in what was left of the deadline"
            return ProviderError(ErrorKind.FIRST_TOKEN_TIMEOUT, detail, local=True)
        return self._rung(ErrorKind.FIRST_TOKEN_TIMEOUT, "no useful delta within its limit", "first_delta_s")

    def _rung(self, kind: ErrorKind, detail: str, clock: ClockName) -> ProviderError:
        return ProviderError(kind, detail, local=set_by_the_call(clock, self.clocks, self.standing_clocks))


def set_by_the_call(clock: ClockName, clocks: Clocks, standing_clocks: Clocks) -> bool:
    """Has the call alone set this clock, to less than would hold for any other call?"""
    if clocks is standing_clocks:
        return False
    own_s, standing_s = getattr(clocks, clock), getattr(standing_clocks, clock)
    return own_s is not None and (standing_s is None or own_s < standing_s)
