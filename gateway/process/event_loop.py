"""The event loop of a process of the gateway: uvloop's where it is installed (the extra `speed`), else asyncio's."""

import asyncio
import time
from importlib.util import find_spec


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make a fresh one, whose clock is exact."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    import uvloop

    class Loop(uvloop.Loop):
        """uvloop's own clock stands still within a turn of the loop, and knows milliseconds: too coarse for reports."""

        def time(self) -> float:
            return time.monotonic()

    loop: asyncio.AbstractEventLoop = Loop()
    return loop
