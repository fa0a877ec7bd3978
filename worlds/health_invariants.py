"""Invariants of a simulated world beside its calls: the health of each target, the decoder's steps, and the log.

A target is shut for what an attempt at it has reported, and for nothing else; and only an answer opens it again, or a
person.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import msgspec
from standby.providers.errors import ErrorKind
from standby.router.engine.attempt import Attempt
from standby.router.health.snapshot import HealthChanged
from standby.router.notices.log import LOGGER
from standby.router.result.report import Report
from standby.simulator.virtual.loop import VirtualLoop

from .records import Heard

Blame = Callable[[str, int | None, str], None]

STEP_MAX_BYTES = 64 * 1024
"""No more of an answer is decoded before the loop turns."""

STEP_MAX_S = 0.25
"""Of a processor, for one such step: twelve times what is promised, so that no slow machine is blamed."""

_AT_ONCE_S = 0.002
EXACT_S = 1e-6
"""Sums of instants differ by so much at most."""

_SLOW = "slow"
_LEFT = ErrorKind.CANCELLED.value
_KINDS = frozenset(kind.value for kind in ErrorKind)


class _Failure(msgspec.Struct, frozen=True):
    """An attempt that failed or was slow, on the loop's clock."""

    target: str
    kind: str
    at_s: float


class HealthWatch:
    """Checks every change of a target's health against the attempts of all calls.

    Args:
        blame: Called with each violation.
        slow_call_s: Maximum time to a useful delta; beyond it an attempt is slow.
        keys_fetched: Keys come from callbacks. If the process stands still, a key may come too late: the target then
            takes another before it sends anything.
    """

    def __init__(self, blame: Blame, slow_call_s: float, *, keys_fetched: bool) -> None:
        self._blame, self._slow_call_s, self._keys_fetched = blame, slow_call_s, keys_fetched
        self._failures: list[_Failure] = []
        self._shut: list[HealthChanged] = []

    def changed(self, change: HealthChanged) -> None:
        """Check a change of a target's health."""
        by_hand = change.was == "isolated" or change.reason == "restored"
        if change.now == "closed" and change.reason != "answered" and not by_hand:
            self._blame("I23", None, f"{change.target} is back, though it did not answer: {change.reason}")
        if change.now in ("open", "parked") and change.reason in (*_KINDS, _SLOW):
            self._shut.append(change)

    def over(self, heard: Heard, report: Report) -> None:
        """Keep the failed and the slow attempts of a call that is over."""
        for attempt in report.attempts:
            if attempt.kind is not None and attempt.ended_s is not None:
                self._failures.append(_Failure(attempt.target, attempt.kind.value, heard.began_s + attempt.ended_s))
            instants_s = [at_s for at_s in (attempt.first_delta_s, attempt.ended_s) if at_s is not None]
            if instants_s and min(instants_s) - attempt.began_s >= self._slow_call_s - EXACT_S:
                self._failures += [_Failure(attempt.target, _SLOW, heard.began_s + at_s) for at_s in instants_s]

    def settle(self, stalled_s: float) -> None:
        """Check, once all calls are over, that every target was shut for a reason (I24).

        Args:
            stalled_s: Total time for which the process stood still: it bounds the precision of instants.
        """
        for change in self._shut:
            waits = change.reason == ErrorKind.RATE_LIMITED.value  # it is parked once its tries are used up
            # A target that is shut as slow stays shut as slow, however its probe fails.
            probed = change.was == "half_open" and change.reason == _SLOW
            known = any(
                failure.target == change.target
                and (failure.kind == change.reason or probed)
                and (waits or abs(failure.at_s - change.at_s) <= _AT_ONCE_S + stalled_s)
                for failure in self._failures
            )
            # A refusal that came in the very turn in which its caller left: the report says that the caller left.
            left = waits and any(
                failure.target == change.target and failure.kind == _LEFT and abs(failure.at_s - change.at_s) <= EXACT_S
                for failure in self._failures
            )
            of_key = change.credential is not None and change.reason == ErrorKind.AUTH.value
            if not (known or left) and not (of_key and self._keys_fetched and stalled_s):
                words = f"{change.target} is {change.now} after {change.reason}, and no attempt was so"
                self._blame("I24", None, words)


@contextmanager
def steps_watched(loop: VirtualLoop, blame: Blame, slow: Blame, bytes_max: int = STEP_MAX_BYTES) -> Iterator[None]:
    """Watch each step of decoding: the time it takes, and the bytes of one answer between two turns of the loop (I31).

    Args:
        slow: Told of a step that took too long. The time is of this machine, and may be its own doing.
        bytes_max: Maximum bytes of one answer between two turns.
    """
    decoded = Attempt._decoded
    taken: dict[Attempt, tuple[int, int]] = {}  # in which turn of the loop, and how many bytes in it

    def watched(self: Attempt, data: bytes, *read: Any) -> Any:
        turn, (last, size) = loop.turns, taken.get(self, (-1, 0))
        taken[self] = turn, size = turn, len(data) + (size if last == turn else 0)
        if size > bytes_max:
            blame("I31", None, f"{self.report.target}: {size} bytes were decoded between two turns of the loop")
        began_s = time.thread_time()
        try:
            return decoded(self, data, *read)
        finally:
            took_s = time.thread_time() - began_s
            if took_s > STEP_MAX_S:
                slow("I31", None, f"{self.report.target}: decoding {len(data)} bytes took {took_s:.2f} s")

    with mock.patch.object(Attempt, "_decoded", watched):
        yield


class LogListener(logging.Handler):
    """Looks for secrets in the log."""

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
    """Watch every line of the log.

    Args:
        secrets: Texts that no line may hold, each with the invariant that it would break.
    """
    logger, listener = logging.getLogger(LOGGER), LogListener(secrets, blame)
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
