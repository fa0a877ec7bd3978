"""Timer that marks a call as slow: one whose first useful delta takes longer than `slow_call_s`."""

import asyncio

from ..health.lease import Lease
from .watchdog import LATE_S


class SlowCall:
    """The timer that marks the lease of an attempt as slow.

    Args:
        at_s: When the attempt is slow, on the loop's clock.
    """

    __slots__ = ("_lease", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, at_s: float, lease: Lease) -> None:
        self._loop, self._lease = loop, lease
        self._timer = loop.call_at(at_s, self._ring, at_s)

    def stop(self) -> None:
        """The first useful delta is there, or never will be. Idempotent."""
        self._timer.cancel()

    def _ring(self, rang_for_s: float) -> None:
        now_s = self._loop.time()
        if now_s < rang_for_s:
            self._arm(rang_for_s)  # uvloop's timers may ring a little early
        elif now_s - rang_for_s > LATE_S:
            self._arm(now_s + LATE_S)  # the loop was late, not the target: let the bytes come in first
        else:
            self._lease.slow = True

    def _arm(self, at_s: float) -> None:
        self._timer = self._loop.call_at(at_s, self._ring, at_s)
