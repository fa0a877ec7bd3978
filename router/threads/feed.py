"""What a task in one event loop hands to one reader elsewhere, in a thread without a loop or in another loop.

It goes over in batches: a reader that is woken takes all that has come by then, so that a fast answer does not cost a
change of threads for each of its words. Its task waits while the reader is behind.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

from ...providers.bare import bare
from ...providers.errors import ErrorKind
from ..result.errors import RouterClosed, WrongLoop
from ..result.report import Report
from .handover import Handover

T = TypeVar("T")

HELD_MAX = 65_536
"""Units that wait for the reader before the task waits: bytes, as many as in the gateway's server."""

LOOK_S = 1.0
"""How often a reader looks whether the loop that it waits for is still there: a loop that ends tells nothing."""


class Feed(Generic[T]):
    """What one task hands to one reader.

    The task ends when the reader has left. A reader that may be dropped leaves by a finalizer: the task itself holds
    the feed.

    Args:
        loop: Where the task runs.
        work: Its coroutine function. It calls `put`.
        most: Units that wait for the reader before `put` waits.

    Raises:
        RouterClosed: The loop is closed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[["Feed[T]"], Coroutine[Any, Any, None]],
        most: int = HELD_MAX,
    ) -> None:
        self._loop, self._work = loop, work
        self._process = os.getpid()
        self._handover: Handover[T] = Handover(most)
        self._task: asyncio.Task[None] | None = None
        self._left = False
        if runs_here(loop):
            self._begin()
        else:
            try:
                loop.call_soon_threadsafe(self._begin)
            except RuntimeError:  # the loop is closed
                raise closed() from None

    def __len__(self) -> int:
        """How many items wait for the reader."""
        return len(self._handover)

    # In the task

    async def put(self, item: T, units: int = 1) -> None:
        """Hand an item over, and wait while the reader is behind."""
        handover = self._handover
        self._wake(handover.give(item, units))
        while handover.is_full:
            room = self._loop.create_future()
            if handover.wait_for_room(partial(self._call, _set, room)):
                await room

    def _begin(self) -> None:
        if not self._left:
            self._task = self._loop.create_task(self._work(self))
            self._task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        error = closed() if task.cancelled() else task.exception()  # to a reader that has left, it is all the same
        if error is not None:
            bare(error)
        self._wake(self._handover.end(error))

    def _wake(self, wake: Callable[[], object] | None) -> None:
        if wake is not None:
            try:
                wake()
            except RuntimeError:  # the loop of the reader is closed
                self._cancel()

    # In the reader

    def take(self, wait_s: float | None = None) -> list[T] | None:
        """Take what has come, and wait if nothing has; empty at the end. In a thread that runs no event loop.

        Args:
            wait_s: Wait at most so long, and give None then: it may be called again.

        Raises:
            StreamBusy: Another reader waits.
            RouterClosed: The loop has ended.
            WrongLoop: The task could never run: its loop is that of this very thread, or of another process.
        """
        ready = threading.Event()
        wake = ready.set
        try:
            if runs_here(self._loop):
                raise WrongLoop("this thread runs the Router's event loop, which would stand still: ask asynchronously")
            until_s = None if wait_s is None else time.monotonic() + wait_s
            if self._must_wait(wake):
                while not ready.wait(LOOK_S if until_s is None else min(LOOK_S, until_s - time.monotonic())):
                    self._look()
                    if until_s is not None and time.monotonic() >= until_s:
                        self._handover.forget(wake)
                        return None
            return self._taken()
        except BaseException as error:
            self._handover.forget(wake)
            bare(error)
            raise

    async def take_async(self) -> list[T]:
        """Take what has come, and wait if nothing has; empty at the end. It may be cancelled, and called again.

        Raises:
            StreamBusy: Another reader waits.
            RouterClosed: The loop has ended.
        """
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        is_here = loop is self._loop
        wake: Callable[[], object] = partial(_set, ready)
        if not is_here:
            wake = partial(loop.call_soon_threadsafe, wake)
        try:
            if self._must_wait(wake):
                if is_here:
                    await ready
                while not ready.done():
                    await asyncio.wait([ready], timeout=LOOK_S)
                    if not ready.done():
                        self._look()
            return self._taken()
        except BaseException as error:
            self._handover.forget(wake)
            bare(error)
            raise

    def leave(self) -> None:
        """Want no more: the task is cancelled. From any thread, also from a finalizer; idempotent."""
        if not self._left and self._process == os.getpid():
            self._left = True
            self._call(self._cancel)

    def _must_wait(self, wake: Callable[[], object]) -> bool:
        if self._process != os.getpid():
            raise WrongLoop("this answer was begun before the process was forked: ask anew in each worker")
        return self._handover.take_or_wait(wake)

    def _taken(self) -> list[T]:
        found, wake = self._handover.take()
        if wake is not None:
            wake()
        error = self._handover.error
        if not found and error is not None:
            raise error
        return found

    def _look(self) -> None:
        if self._loop.is_closed() and not self._handover.over:
            raise closed()

    # In either

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function in the task's loop: at once, or as soon as it turns."""
        if runs_here(self._loop):
            function(*arguments)
        else:
            with suppress(RuntimeError):  # the loop is closed, and nothing of it is open
                self._loop.call_soon_threadsafe(function, *arguments)


def closed() -> RouterClosed:
    """What a call is told of which nothing is known any more: the loop that it ran in has ended."""
    return RouterClosed(ErrorKind.CLOSED, Report("-", "-", [], "failed", ErrorKind.CLOSED))


def runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    """Is this the event loop of this very thread?"""
    return asyncio._get_running_loop() is loop


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
