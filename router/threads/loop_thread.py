"""An event loop in a thread of its own. It ends when it is asked to, and at the latest with the interpreter.

The thread is a daemon, so that no program waits for it. A forked process has no such thread, and a copy of the loop
that nothing can be done with.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from ...providers.http.forked import let_go_when_forked
from .interpreter import ENDING_S, end_with_the_interpreter


class LoopThread:
    """An event loop in a thread of its own.

    Args:
        enter: Called in the loop before anything else. What it raises, making the object raises.
        leave: Awaited in the loop at its end.

    Attributes:
        loop: Its event loop.
        over: Done once the loop is closed.
    """

    def __init__(self, enter: Callable[[], None], leave: Callable[[], Awaitable[None]]) -> None:
        self.loop = asyncio.new_event_loop()
        self.over: Future[None] = Future()
        self._enter, self._leave = enter, leave
        self._begun: Future[None] = Future()
        self._stop = asyncio.Event()
        self._stopping = False
        self._process = os.getpid()
        self._executor = ThreadPoolExecutor(thread_name_prefix="standby-loop")
        self.loop.set_default_executor(self._executor)
        self._thread = threading.Thread(target=self._run, name="standby-loop", daemon=True)
        end_with_the_interpreter(self)
        let_go_when_forked(self)
        try:
            self._thread.start()
        except RuntimeError:  # the machine has no thread to give, or the interpreter ends
            self.loop.close()
            raise
        try:
            self._begun.result()
        except BaseException:  # among others, the keyboard's interrupt of the wait
            self.stop()
            raise

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stopping

    def stop(self) -> None:
        """Ask it to end. From any thread, also from a finalizer: it returns at once."""
        self._stopping = True
        if self._process == os.getpid():
            with suppress(RuntimeError):  # it has ended already
                self.loop.call_soon_threadsafe(self._stop.set)

    def join(self, wait_s: float = ENDING_S) -> None:
        """Wait until it has ended, for at most so long; in its own thread, not at all."""
        if self._process == os.getpid() and threading.current_thread() is not self._thread:
            with suppress(TimeoutError):
                self.over.result(wait_s)

    def descriptors(self) -> Iterator[int]:
        """Those of the loop's poll, and of what wakes it, where it shows them."""
        if not self.loop.is_closed():
            for name in ("_selector", "_ssock", "_csock"):
                if (held := getattr(self.loop, name, None)) is not None:
                    yield held.fileno()

    def _run(self) -> None:
        loop = self.loop
        try:
            try:
                loop.run_until_complete(self._live())
            finally:
                loop.run_until_complete(_leave_nothing())
        finally:
            self._executor.shutdown(wait=False)
            loop.close()
            self.over.set_result(None)
            if not self._begun.done():
                self._begun.set_exception(RuntimeError("the loop ended before it had begun"))

    async def _live(self) -> None:
        if self._entered():
            await self._stop.wait()
            await self._leave()

    def _entered(self) -> bool:
        try:
            self._enter()
        except Exception as error:  # noqa: BLE001 - told in the thread that waits for it
            self._begun.set_exception(error)
            return False
        self._begun.set_result(None)
        return True


async def _leave_nothing() -> None:
    """Cancel what still runs in this loop, and what was about to begin."""
    await asyncio.sleep(0)  # what other threads have handed over begins
    here = asyncio.current_task()
    if rest := [task for task in asyncio.all_tasks() if task is not here]:
        for task in rest:
            task.cancel()
        await asyncio.wait(rest, timeout=ENDING_S)
    await asyncio.get_running_loop().shutdown_asyncgens()
