"""How late the event loop is, and what stands at the moment: taken down now and then, beside the requests."""

import asyncio
from typing import Protocol

EVERY_S = 0.5


class Samples(Protocol):
    """What takes it down."""

    def lagged(self, lag_s: float) -> None:
        """The event loop was so late."""
        ...

    def sample(self) -> None:
        """What stands now is to be taken down."""
        ...


class Sampler:
    """Samples as long as it is open. Made in the event loop.

    Args:
        every_s: So often.
    """

    def __init__(self, samples: Samples, every_s: float = EVERY_S) -> None:
        self._samples, self._every_s = samples, every_s
        self._loop = asyncio.get_running_loop()
        samples.sample()
        self._timer = self._next()

    def close(self) -> None:
        """Sample no more."""
        self._timer.cancel()

    def _next(self) -> asyncio.TimerHandle:
        return self._loop.call_later(self._every_s, self._sample, self._loop.time() + self._every_s)

    def _sample(self, due_s: float) -> None:
        self._samples.lagged(max(0.0, self._loop.time() - due_s))
        self._samples.sample()
        self._timer = self._next()
