"""One timer of the loop for the clocks of all attempts: to arm and to cancel one for each would cost more than health.

It rings at the earliest instant at which a clock may run out, finds those that have, and is armed anew. Clocks that
were stopped or put off in the meantime cost nothing then, and nothing before.
"""

import asyncio
from typing import Protocol

NEVER = float("inf")
LATE_S = 0.05
"""A ring that comes later by this much was held up by the loop: the bytes that came meanwhile are read first."""

LOOK_S = 1e-6
"""Minimum spacing of sweeps per attempt: ten times the cost of looking at one. If thousands run out one after another,
sweeps take at most a tenth of the time, and each clock is noticed some milliseconds later."""


class Watched(Protocol):
    """An attempt with a clock.

    Attributes:
        limit_s: When the running clock runs out, on the loop's clock; `NEVER`: none runs.
    """

    limit_s: float

    def lenient(self, until_s: float) -> None:
        """The loop was late: let no clock run out before then, unless nothing can come in any more."""
        ...

    def expire(self) -> None:
        """The clock has run out."""
        ...


class Watchdog:
    """Watches the clocks of all attempts.

    Attributes:
        rings_s: When it looks next; `until` must announce a clock that runs out sooner.
    """

    __slots__ = ("_loop", "_timer", "_watched", "rings_s")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: dict[Watched, None] = {}  # a dict, because it keeps their order
        self._timer: asyncio.TimerHandle | None = None
        self.rings_s = NEVER

    def over(self, watched: Watched) -> None:
        """Look after this one from now on. Its `limit_s` may change at any time; say so by `until` if it is sooner."""
        self._watched[watched] = None
        if watched.limit_s < self.rings_s:
            self._arm(watched.limit_s)

    def until(self, limit_s: float) -> None:
        """Announce that a clock runs out then. Only needed if that is sooner than before."""
        if limit_s < self.rings_s:
            self._arm(limit_s)

    def no_more(self, watched: Watched) -> None:
        """Look after this one no more. Idempotent."""
        self._watched.pop(watched, None)

    def close(self) -> None:
        """Ring no more."""
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.rings_s = None, NEVER

    def _arm(self, at_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.rings_s = at_s
        self._timer = self._loop.call_at(at_s, self._ring)

    def _ring(self) -> None:
        now_s = self._loop.time()
        late_s = now_s - self.rings_s
        self._timer, self.rings_s = None, NEVER
        earliest_s = NEVER
        for watched in list(self._watched):
            if late_s > LATE_S and watched.limit_s <= now_s:
                watched.lenient(now_s + LATE_S)
            if watched.limit_s <= now_s:
                watched.expire()
            elif watched.limit_s < earliest_s:
                earliest_s = watched.limit_s
        if earliest_s < self.rings_s:
            self._arm(max(earliest_s, now_s + LOOK_S * len(self._watched)))
