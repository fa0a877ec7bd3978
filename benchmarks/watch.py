"""Measure the blocking of an event loop.

The lag is what a service feels: the delay of a timer, whatever kept the loop busy. A step is the CPU time of one
callback without a pause: the blocking by the code that runs in it, and by nothing else on the machine.
"""

import asyncio
import time
from array import array
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from .commands import Delays

TICK_S = 0.002
"""From one look at the clock to the next. uvloop's timers are good to a millisecond."""


@contextmanager
def lag() -> Iterator["array[float]"]:
    """How late a timer was, in seconds, each time it rang. Needs a running loop."""
    late_s, loop = array("d"), asyncio.get_running_loop()

    def look(due_s: float) -> None:
        now_s = time.monotonic()
        late_s.append(max(0.0, now_s - due_s))
        timers.append(loop.call_later(TICK_S, look, now_s + TICK_S))

    timers = deque([loop.call_later(TICK_S, look, time.monotonic() + TICK_S)], maxlen=1)
    try:
        yield late_s
    finally:
        timers.pop().cancel()


@contextmanager
def steps() -> Iterator["array[float]"]:
    """What CPU time each callback took, in seconds. The loop must be asyncio's own."""
    took_s, run = array("d"), asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        began_s = time.thread_time()
        run(handle)
        took_s.append(time.thread_time() - began_s)

    asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]
    try:
        yield took_s
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]


WATCHES = {"lag": lag, "steps": steps}


def delays(seconds: "array[float]") -> Delays:
    """The longest of them."""
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3

    return Delays(len(ordered), at(0.99), at(0.999), at(1.0))
