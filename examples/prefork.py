"""standby in synchronous workers that a parent process forks: one event loop and one Router in each worker.

A Router belongs to the process and the loop that entered it, and says so (`WrongLoop`) when it is used in another. So
nothing is made before the fork: the first call of a worker makes its own, and the worker's end closes it.
"""

import asyncio
import atexit
import os
import threading

from standby import Answer, Router


class Worker:
    """The Router of this process, for synchronous code; one call at a time, as such workers have it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: int | None = None
        self._runner: asyncio.Runner | None = None
        self._router: Router | None = None

    def complete(self, question: str, route: str) -> Answer:
        """A whole answer. Health and connections are kept from call to call."""
        with self._lock:
            if self._process != os.getpid():
                self._open()
            assert self._runner is not None
            assert self._router is not None
            return self._runner.run(self._router.complete(question, route=route))

    def _open(self) -> None:
        self._process = os.getpid()
        self._runner = asyncio.Runner()
        self._router = Router.from_yaml(os.environ["STANDBY_CONFIG"])
        self._runner.run(self._router.__aenter__())
        atexit.register(self._close)

    def _close(self) -> None:
        if self._process == os.getpid() and self._runner is not None and self._router is not None:
            self._runner.run(self._router.aclose())
            self._runner.close()


worker = Worker()
