"""One call without a Router, in async code and, for scripts, in synchronous code.

Each call makes a Router, and closes it with the answer. A service keeps one Router instead: health, connections and
budgets live in it.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import suppress
from typing import Unpack

from ..config.errors import NoTargets
from ..config.route import Targets
from ..providers.bare import door
from ..providers.chat import Messages
from ..providers.http.forked import let_go_when_forked
from .engine.call import Call
from .engine.options import CallOptions
from .result.answer import Answer
from .result.errors import StreamBusy, WrongLoop
from .routed_stream import RoutedStream
from .router import Router


@door
def stream(messages: Messages, **options: Unpack[CallOptions]) -> RoutedStream:
    """Ask `targets`, the best first, for an answer as it comes; see `Router.stream`. Use it with `async with`."""
    router = Router(_targets(options))

    def begin() -> Call:
        router.enter()
        return router.begin(messages, **options)

    return RoutedStream(begin, on_close=router.aclose, on_drop=router.close_now)


@door
async def complete(messages: Messages, **options: Unpack[CallOptions]) -> Answer:
    """Ask `targets`, the best first, for a whole answer; see `Router.complete`."""
    async with Router(_targets(options)) as router:
        return await router.complete(messages, **options)


@door
def ask(messages: Messages, **options: Unpack[CallOptions]) -> Answer:
    """Ask for a whole answer, synchronously.

    Raises:
        WrongLoop: An event loop is running: await `complete` there.
        CallFailed: No target gave a whole answer.
    """
    _refuse_running_loop("ask()", "await standby.complete(…)")
    return asyncio.run(complete(messages, **options))


@door
def ask_stream(messages: Messages, **options: Unpack[CallOptions]) -> Iterator[str]:
    """Ask for the text of an answer as it comes, synchronously. Leaving the loop early closes the connection.

    A web server may read it in one thread and drop it in another one, also where an event loop runs.

    Raises:
        WrongLoop: An event loop is running: use `stream` there.
        CallFailed: There is no (more of the) answer to be had.
    """
    _refuse_running_loop("ask_stream()", "async with standby.stream(…)")
    return Pieces(stream(messages, **options))


class Pieces(Iterator[str], AsyncIterable[str]):
    """The text of one answer, piece by piece, for any one thread at a time.

    Where an event loop runs it is read by `async for`, and no other loop is needed. A web framework that takes
    iterables of both kinds does so by itself, and can then cancel the wait for the next piece when its client leaves.
    """

    def __init__(self, opened: RoutedStream) -> None:
        self._reading = reading = Reading(opened)
        weakref.finalize(self, reading.close).atexit = False  # no `__del__`: a collector would take apart both at once

    @door
    def __next__(self) -> str:
        """The next piece.

        Raises:
            CallFailed: There is no (more of the) answer to be had.
            StreamBusy: Another thread waits for the next piece.
            WrongLoop: An event loop is running in this thread.
        """
        if (piece := self._reading.next()) is None:
            raise StopIteration
        return piece

    async def __aiter__(self) -> AsyncIterator[str]:
        try:
            async for piece in self._reading.here():
                yield piece
        finally:
            piece = ""  # what raises here takes this frame along

    @door
    def close(self) -> None:
        """Leave the answer: close what is open upstream. From any thread, also while another one reads; idempotent."""
        self._reading.close()


_OF_THE_PARENT: list["Reading"] = []
"""What was begun before this process was forked: kept, since a collector would take loop and connections apart."""


class Reading:
    """A stream on an event loop of its own, which runs only while its next piece is waited for.

    It is closed by the thread that comes to its end, or else by the one that drops it. Where that one runs an event
    loop, it can run no other, and a thread is made for it. A forked process has a copy that it can do nothing with: the
    loop's poll is one that both processes share.
    """

    def __init__(self, opened: RoutedStream) -> None:
        self._opened, self._text = opened, opened.text()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # which leaves no loop set in the thread
        self._loop: asyncio.AbstractEventLoop | None = None  # made with the first piece
        self._process = 0  # which made it
        self._busy = threading.Lock()
        self._left = False

    def next(self) -> str | None:
        """The next piece; None at the end. Raises as `Pieces` says."""
        if self._left:
            return None
        if self._forked:
            raise WrongLoop("this answer was begun before the process was forked: ask anew in each worker")
        _refuse_running_loop("ask_stream()", "async with standby.stream(…)")
        if not self._busy.acquire(blocking=False):
            raise StreamBusy("this answer is being read already: give each consumer its own call")
        piece: str | None = None
        try:
            piece = self._read()
        finally:
            self._left = self._left or piece is None
            self._busy.release()
            if self._left:
                self._shut()
        return piece

    async def here(self) -> AsyncIterator[str]:
        """All pieces, read on the loop that runs, if none was read elsewhere before."""
        if self._left or self._loop is not None or not self._busy.acquire(blocking=False):
            raise StreamBusy("this answer was read without a loop before: go on in the same way")
        async with self._opened as opened:
            try:
                async for piece in opened.text():
                    yield piece
            finally:
                piece = ""  # as above

    def close(self) -> None:
        """Leave the stream. From any thread; idempotent."""
        self._left = True
        loop = self._loop
        if self._forked:
            _OF_THE_PARENT.append(self)
            return
        if loop is not None and self._busy.locked():
            with suppress(RuntimeError):  # the thread that reads is done, and has closed the loop
                loop.call_soon_threadsafe(self._opened.cancel)
        self._shut()

    def descriptors(self) -> Iterator[int]:
        """Those of the loop's poll, and of what wakes it, where it shows them."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            for name in ("_selector", "_ssock", "_csock"):
                if (held := getattr(loop, name, None)) is not None:
                    yield held.fileno()

    @property
    def _forked(self) -> bool:
        return self._loop is not None and self._process != os.getpid()

    def _read(self) -> str | None:
        if self._loop is None:
            self._process, self._loop = os.getpid(), self._runner.get_loop()
            let_go_when_forked(self)
        return None if self._left else self._runner.run(_next_or_none(self._text))

    def _shut(self) -> None:
        """Close what was opened, unless a thread reads: then that one does so, when it is done."""
        if self._loop is None or not self._busy.acquire(blocking=False):
            return
        if _loop_is_running():
            threading.Thread(target=self._shut_here, name="standby-closing").start()
        else:
            self._shut_here()

    def _shut_here(self) -> None:
        """Close it in this thread. The lock is not given back: nothing follows."""
        self._loop = None
        with self._runner:
            self._runner.run(self._opened.aclose())


def _targets(options: CallOptions) -> Targets:
    targets = options.pop("targets", None)
    if targets is None or (isinstance(targets, list | tuple) and not targets):
        raise NoTargets("no targets: give at least one, for example targets=['koala', 'openai/gpt-5-mini']")
    return targets


async def _next_or_none(pieces: AsyncIterator[str]) -> str | None:
    return await anext(pieces, None)


def _refuse_running_loop(name: str, instead: str) -> None:
    if _loop_is_running():
        raise WrongLoop(f"{name} is for code without an event loop, and one is running here: {instead}")


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
