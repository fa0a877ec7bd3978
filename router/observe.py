"""Telling others what happens, without letting them harm it.

Observers run in a thread of their own, one notice after another, behind a bounded queue: one that raises is counted and
told of once in the log, one that hangs only loses notices. Nothing is built when nobody observes.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from .report import AttemptReport, Report

QUEUE_MAX = 10_000
"""So many notices wait for slow observers; later ones are dropped and counted."""


class AttemptEnded(msgspec.Struct, frozen=True):
    """One try at one target is over, or has been left."""

    call_id: str
    route: str
    attempt: AttemptReport


class CallEnded(msgspec.Struct, frozen=True):
    """A call is over; its report is final."""

    report: Report


Notice: TypeAlias = AttemptEnded | CallEnded
Observer: TypeAlias = Callable[[Notice], None]


class Observers:
    """The observers of one Router.

    Attributes:
        raised: How often one of them raised.
        dropped: How many notices they were too slow for.
    """

    def __init__(self, observers: Sequence[Observer], on_raised: Callable[[str], None]) -> None:
        self._observers = tuple(observers)
        self._on_raised = on_raised
        self._waiting: deque[Notice | None] = deque()
        self._ready = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self.raised = 0
        self.dropped = 0

    def __bool__(self) -> bool:
        return bool(self._observers)

    def tell(self, notice: Notice) -> None:
        """Hand a notice over; returns at once."""
        if len(self._waiting) >= QUEUE_MAX:
            self.dropped += 1
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="understudy-observers", daemon=True)
            self._thread.start()
        self._waiting.append(notice)
        self._ready.release()

    def close(self, wait_s: float = 1.0) -> None:
        """Let them have what waits, for at most so long."""
        if self._thread is not None:
            self._waiting.append(None)
            self._ready.release()
            self._thread.join(wait_s)
            self._thread = None

    def _run(self) -> None:
        while True:
            self._ready.acquire()
            notice = self._waiting.popleft()
            if notice is None:
                return
            for observer in self._observers:
                try:
                    observer(notice)
                except Exception as error:  # noqa: BLE001 - whatever it raises is not the call's concern
                    self.raised += 1
                    if self.raised == 1:
                        self._on_raised(type(error).__name__)
