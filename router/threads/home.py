"""Where a Router lives, for callers in any thread and any event loop: what they ask for runs there.

A Router that is entered lives in the loop that has entered it. Any other one gets a loop in a thread of its own with
the first call, which ends with the last that holds its home, or with the interpreter. A forked process begins afresh,
with a thread of its own, and with what its Router has learnt by itself.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar, Unpack

from ...providers.bare import bare, door
from ...providers.chat import Messages
from ...providers.errors import StandbyError
from ..engine.call import Call
from ..engine.options import CallOptions
from ..result.errors import WrongLoop
from ..result.events import StreamEvent
from ..router import Router, loop_of, move_out
from .feed import LOOK_S, Feed, closed, runs_here
from .loop_thread import LoopThread

T = TypeVar("T")

BATCHES_MAX = 64
"""Batches of a stream that wait for its reader before the provider is read no further."""


class Home:
    """The event loop that a Router lives in, for callers in other threads and loops. `home_of` gives it.

    Attributes:
        router: It.
        thread: The one of its own, if it has got one.
    """

    def __init__(self, router: Router) -> None:
        self.router = router
        self.thread: LoopThread | None = None
        self._process = os.getpid()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the Router lives in, from now on if it had none.

        Raises:
            RouterClosed: The Router was closed where it lived.
        """
        found = loop_of(self.router)
        if found is None:
            with _lock:
                if self._process != os.getpid():  # the thread stayed with the parent
                    self._process, self.thread = os.getpid(), None
                found = loop_of(self.router) or self._move_in()
        return found

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the Router lives, and wait for what it gives. In a thread that runs no such loop.

        Leaving the wait, by a `KeyboardInterrupt` too, cancels the coroutine.

        Raises:
            RouterClosed: The Router was closed meanwhile, or before.
            WrongLoop: This thread runs the Router's loop, which would stand still.
        """
        future: Future[T] | None = None
        try:
            future = self._begin(coroutine)
            while True:
                try:
                    return future.result(LOOK_S)
                except TimeoutError:
                    if future.done():  # the coroutine itself has raised it
                        raise
                    _look(self.router)
        except CancelledError:
            raise closed() from None
        except BaseException as error:
            bare(error)
            raise
        finally:
            if future is not None:
                future.cancel()

    @door
    async def run_async(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the Router lives, and wait for what it gives. In any event loop.

        Raises:
            RouterClosed: The Router was closed meanwhile, or before.
        """
        if self.loop is asyncio.get_running_loop():
            return await coroutine
        waiting = asyncio.wrap_future(self._begin(coroutine))
        try:
            while not waiting.done():
                await asyncio.wait([waiting], timeout=LOOK_S)
                if not waiting.done():
                    _look(self.router)
            if waiting.cancelled():
                raise closed()
            return waiting.result()
        finally:
            waiting.cancel()

    def stream(self, messages: Messages, **options: Unpack[CallOptions]) -> Feed[Sequence[StreamEvent]]:
        """Begin a call whose answer is read elsewhere, a few batches at a time; see `Router.begin`."""

        async def begun(feed: Feed[Sequence[StreamEvent]]) -> None:
            await relay(self.router.begin(messages, **options), feed)

        return Feed(self.loop, begun, BATCHES_MAX)

    def close(self) -> None:
        """End the thread of its own, if there is one, and wait for it: all calls end, all connections are closed."""
        if (thread := self.thread) is not None:
            thread.stop()
            thread.join()

    def _move_in(self) -> asyncio.AbstractEventLoop:
        if self.thread is not None and self.thread.stopping:
            raise closed()
        router = self.router
        self.thread = _THREADS[router] = thread = LoopThread(router.enter, lambda: move_out(router))
        weakref.finalize(self, thread.stop).atexit = False  # the thread sees to that by itself
        return thread.loop

    def _begin(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        try:
            loop = self.loop
            if runs_here(loop):
                raise WrongLoop("this thread runs the Router's event loop, which would stand still: await it there")
            return asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError as error:
            coroutine.close()
            if isinstance(error, StandbyError):
                raise
            raise closed() from None  # the loop has been closed in this very moment
        except BaseException:
            coroutine.close()
            raise


async def relay(call: Call, feed: Feed[Sequence[StreamEvent]]) -> None:
    """Hand the batches of a call over, to its end. What ends it early, the Router's end too, is raised."""
    try:
        while batch := await call.next():
            await feed.put(batch)
    finally:
        call.cancel()


def home_of(router: Router) -> Home:
    """The home of a Router, the same one for all that ask, for as long as one of them holds it."""
    with _lock:
        home = _HOMES.get(router)
        if home is None:
            if (thread := _THREADS.get(router)) is not None and thread.stopping:  # of a home that was dropped just now
                thread.join()
            home = _HOMES[router] = Home(router)
        return home


_THREADS: weakref.WeakKeyDictionary[Router, LoopThread] = weakref.WeakKeyDictionary()
_HOMES: weakref.WeakValueDictionary[Router, Home] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def _look(router: Router) -> None:
    """See whether the loop that is waited for is still there.

    Raises:
        RouterClosed: It is not.
    """
    loop = loop_of(router)
    if loop is None or loop.is_closed():
        raise closed()


def _unlock() -> None:
    """In a fork, the thread that held the lock does not exist."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)
