"""What is watched of a simulated world besides its calls: everybody's health, and what is written to the log.

A target is shut for what an attempt at it has reported, and for nothing else; and only an answer opens it again.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from ..providers.errors import ErrorKind
from ..router.log import LOGGER
from ..router.report import Report
from ..router.snapshot import HealthChanged

if TYPE_CHECKING:
    from .drill_callers import Heard

Blame = Callable[[str, int | None, str], None]

_AT_ONCE_S = 0.002
_KINDS = frozenset(kind.value for kind in ErrorKind)


class _Failure(msgspec.Struct, frozen=True):
    """An attempt that failed, on the loop's clock."""

    target: str
    kind: str
    at_s: float


class HealthWatch:
    """Holds every change of anybody's health against the attempts of all calls.

    Args:
        blame: Told of what must not be.
    """

    def __init__(self, blame: Blame) -> None:
        self._blame = blame
        self._failures: list[_Failure] = []
        self._shut: list[HealthChanged] = []

    def changed(self, change: HealthChanged) -> None:
        """Somebody's health has changed."""
        if change.now == "closed" and change.reason != "answered":
            self._blame("I23", None, f"{change.target} is back, though it did not answer: {change.reason}")
        if change.now in ("open", "parked") and change.reason in _KINDS:
            self._shut.append(change)

    def over(self, heard: "Heard", report: Report) -> None:
        """A call is over: keep how its attempts failed."""
        for attempt in report.attempts:
            if attempt.kind is not None and attempt.ended_s is not None:
                self._failures.append(_Failure(attempt.target, attempt.kind.value, heard.began_s + attempt.ended_s))

    def settle(self, stalled_s: float) -> None:
        """All calls are over: was everybody shut for a reason (I24)?

        Args:
            stalled_s: How long the process stood still in all: instants are no better known than that.
        """
        for change in self._shut:
            waits = change.reason == ErrorKind.RATE_LIMITED.value  # it is parked once its tries are used up
            known = any(
                failure.target == change.target
                and failure.kind == change.reason
                and (waits or abs(failure.at_s - change.at_s) <= _AT_ONCE_S + stalled_s)
                for failure in self._failures
            )
            if not known:
                words = f"{change.target} is {change.now} after {change.reason}, and no attempt failed so"
                self._blame("I24", None, words)


class _Listener(logging.Handler):
    """Looks for what must not be logged."""

    def __init__(self, secrets: dict[str, str], blame: Blame) -> None:
        super().__init__(logging.DEBUG)
        self._secrets, self._blame = secrets, blame

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        for secret, invariant in self._secrets.items():
            if secret in line:
                self._blame(invariant, None, f"the log shows {secret[:4]}…")


@contextmanager
def log_watched(secrets: dict[str, str], blame: Blame) -> Iterator[None]:
    """While it holds, every line of the log is read.

    Args:
        secrets: What no line may hold, and the invariant that it would break.
    """
    logger, listener = logging.getLogger(LOGGER), _Listener(secrets, blame)
    level, propagate = logger.level, logger.propagate
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
        logger.propagate = propagate
