"""How late the event loop is: measured now and then, beside the requests."""

import asyncio
from collections.abc import Callable

EVERY_S = 0.5


class LagMeter:
    """Measures as long as it is open. Made in the event loop.

    Args:
        tell: Takes how late it was, in seconds.
        every_s: So often.
    """

    def __init__(self, tell: Callable[[float], None], every_s: float = EVERY_S) -> None:
        self._tell, self._every_s = tell, every_s
        self._loop = asyncio.get_running_loop()
        self._timer = self._next()

    def close(self) -> None:
        """Measure no more."""
        self._timer.cancel()

    def _next(self) -> asyncio.TimerHandle:
        return self._loop.call_later(self._every_s, self._measure, self._loop.time() + self._every_s)

    def _measure(self, due_s: float) -> None:
        self._tell(max(0.0, self._loop.time() - due_s))
        self._timer = self._next()
