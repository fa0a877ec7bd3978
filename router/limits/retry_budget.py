"""Budgets of retries and hedges: token buckets, so that an outage is not multiplied by extra calls.

Every call earns a share of a token, time may earn some too, and each retry or hedge costs one. Pure, the clock is
handed in.
"""

_ROUNDING = 1e-9  # ten tenths of a token are a token


class TokenBudget:
    """The extra calls that may still be made.

    Args:
        ratio: What a call earns.
        floor_per_s: What a second earns.
        burst: The most that can be saved.
        saved: What is there at the start.
    """

    __slots__ = ("_burst", "_floor_per_s", "_ratio", "_seen_s", "_tokens")

    def __init__(self, ratio: float, floor_per_s: float = 0.0, *, burst: float = 10.0, saved: float = 0.0) -> None:
        self._ratio, self._floor_per_s, self._burst = ratio, floor_per_s, burst
        self._tokens = saved
        self._seen_s: float | None = None

    def follow(self, ratio: float, floor_per_s: float = 0.0) -> None:
        """Change the rate of earning from now on; saved tokens stay."""
        self._ratio, self._floor_per_s = ratio, floor_per_s

    def credit(self) -> None:
        """A call was made: it earns its share."""
        tokens = self._tokens + self._ratio
        self._tokens = tokens if tokens < self._burst else self._burst  # `min` is a call

    def available(self, now_s: float) -> float:
        """How many extra calls there is enough for."""
        if self._seen_s is None:
            return self._tokens
        return min(self._burst, self._tokens + self._floor_per_s * (now_s - self._seen_s))

    def full(self, now_s: float) -> bool:
        """Could no more be saved?"""
        return self.available(now_s) >= self._burst - _ROUNDING

    def affords(self, now_s: float) -> bool:
        """Is there enough for one extra call?"""
        return self.available(now_s) >= 1.0 - _ROUNDING

    def try_acquire(self, now_s: float) -> bool:
        """Pay for one extra call, if there is enough."""
        self._tokens, self._seen_s = self.available(now_s), now_s
        if self._tokens < 1.0 - _ROUNDING:
            return False
        self._tokens -= 1.0
        return True
