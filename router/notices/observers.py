"""Call observers with what happens, without letting them harm it.

Observers run in a thread of their own, one notice after another, behind a bounded queue: one that raises is counted and
told of once in the log, one that hangs only loses notices, which are counted. Nothing is built without observers.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import msgspec

from ...providers.plain import Plain
from ..result.report import AttemptReport, Report

QUEUE_MAX = 10_000
"""Maximum notices that wait for slow observers; later ones are dropped and counted."""


class NoticeCounts(msgspec.Struct):
    """How often a Router could not tell what happened. None of it has cost a call its answer.

    Attributes:
        log_raised: Lines that the application's logging raised at, and that are lost.
        observers_raised: Notices that an observer raised at.
        observers_dropped: Notices that observers were too slow for, or that they were not there for any more.
        listeners_raised: How often a function of `on_health_change` raised.
    """

    log_raised: int = 0
    observers_raised: int = 0
    observers_dropped: int = 0
    listeners_raised: int = 0


class AttemptEnded(Plain, msgspec.Struct, frozen=True):
    """One try at one target is over, or has been left."""

    call_id: str
    route: str
    attempt: AttemptReport


class CallEnded(Plain, msgspec.Struct, frozen=True):
    """A call is over; its report is final."""

    report: Report

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain JSON types."""
        return {"report": self.report.to_dict()}


Notice: TypeAlias = AttemptEnded | CallEnded
Observer: TypeAlias = Callable[[Notice], None]
"""What `Router(observers=[…])` calls with each notice."""


class Observers:
    """The observers of one Router.

    Args:
        on_raised: Told of the first exception of an observer, in the observers' thread.
        counts: Where exceptions and dropped notices are counted.

    Attributes:
        present: There are any.
    """

    def __init__(
        self, observers: Sequence[Observer], on_raised: Callable[[str], None], counts: NoticeCounts | None = None
    ) -> None:
        self._observers = tuple(observers)
        self.present = bool(observers)
        self._on_raised = on_raised
        self._waiting: deque[Notice | None] = deque()
        self._ready = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._closed = False
        self.counts = NoticeCounts() if counts is None else counts

    def tell(self, notice: Notice) -> None:
        """Hand a notice over; returns at once, and raises nothing."""
        if self._closed or len(self._waiting) >= QUEUE_MAX or not self._running():
            self.counts.observers_dropped += 1
            return
        self._waiting.append(notice)
        self._ready.release()

    def close(self, wait_s: float = 1.0) -> None:
        """Let them have what waits, for at most so long; what they have not had by then is dropped."""
        self._closed = True
        if self._thread is not None:
            self._waiting.append(None)
            self._ready.release()
            self._thread.join(wait_s)
            self.counts.observers_dropped += self._drop()
            self._thread = None

    def _running(self) -> bool:
        """Start the thread with the first notice. Where the machine has none to give, a later notice tries again."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="standby-observers", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def _drop(self) -> int:
        """Take away what still waits, so that the thread ends with the notice it is at."""
        if self._thread is None or not self._thread.is_alive():
            return 0
        dropped = 0
        with suppress(IndexError):  # the thread takes from it, too
            while True:
                dropped += self._waiting.popleft() is not None
        return dropped

    def _run(self) -> None:
        while True:
            self._ready.acquire()
            try:
                notice = self._waiting.popleft()
            except IndexError:  # dropped
                return
            if notice is None:
                return
            for observer in self._observers:
                if (raised := _raised_by(observer, notice)) is not None:
                    self.counts.observers_raised += 1
                    if self.counts.observers_raised == 1:
                        self._on_raised(raised)


def _raised_by(observer: Observer, notice: Notice) -> str | None:
    """What the observer raised, by its class alone: the text may be the caller's. None: nothing.

    It is told after the exception is gone, since loggers add the one that is being handled.
    """
    try:
        observer(notice)
    except BaseException as error:  # noqa: BLE001 - the thread is theirs: none may end it for the others
        return type(error).__name__
    return None
