"""A wait that ends at an instant, or sooner when another task ends it."""

import asyncio

from ...providers.opaque import Opaque


class Pause(Opaque):
    """One wait at a time."""

    loop: asyncio.AbstractEventLoop
    ended: bool = False
    _wake: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> bool:
        """A task waits in it now."""
        return self._wake is not None

    async def until(
        self,
        until_s: float,
        also: "dict[asyncio.Future[None], tuple[float, float]] | None" = None,
        rank: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Wait until then.

        Args:
            until_s: On the loop's clock.
            also: Waking the future in it ends the wait too.
            rank: What the future is entered with.
        """
        loop = self.loop
        while not self.ended and (now_s := loop.time()) < until_s:  # uvloop's timers may ring a little early
            self._wake = wake = loop.create_future()
            timer = loop.call_at(max(until_s, now_s + 0.0005), _ring, wake)
            if also is not None:
                also[wake] = rank
            try:
                await wake
            finally:
                timer.cancel()
                self._wake = None
                if also is not None:
                    also.pop(wake, None)
            if also is not None:
                return

    def interrupt(self) -> None:
        """End the present wait."""
        if self._wake is not None:
            _ring(self._wake)

    def end(self) -> None:
        """End the wait, and every later one."""
        self.ended = True
        if self._wake is not None:
            _ring(self._wake)


def _ring(wake: "asyncio.Future[None]") -> None:
    if not wake.done():
        wake.set_result(None)
