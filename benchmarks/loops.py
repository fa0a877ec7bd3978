"""The event loop and the core that a process of the benchmark runs on."""

import asyncio
import os
import resource
from importlib.util import find_spec

LOOPS = ("uvloop", "asyncio") if find_spec("uvloop") else ("asyncio",)
"""The kinds of event loop there are, the default first."""


def new_loop(kind: str) -> asyncio.AbstractEventLoop:
    """A fresh event loop of this kind."""
    if kind == "uvloop":
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return loop
    return asyncio.new_event_loop()


def cores() -> list[int]:
    """The cores that may be used; none where a process cannot be pinned to one."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(core: int | None) -> None:
    """Run this process on one core alone; None: wherever the system likes."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def raise_file_limit() -> int:
    """Allow this process as many open files as the system lets it; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
