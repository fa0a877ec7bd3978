"""One log line per call, by structlog, without touching the application's configuration.

When the application has configured structlog, its way holds. When it has not, structlog's own default would print to
standard output, which is no place for a library: then the line goes to the standard logger `standby`, which is
silent until a handler listens. The line holds the report's facts: no key, no prompt, no completion.

Whatever a logger, processor, handler or filter of the application raises is counted and told once, through the event
loop's exception handler, and never passed on: a log that cannot be written costs no call its answer. So is a
`CancelledError`: a task is cancelled where it waits, and a log does not wait, so that it comes from a future that was
looked at. What ends the process (`KeyboardInterrupt`, `SystemExit`) is no failure of the log, and goes on.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVarTuple

from ..health.snapshot import HealthChanged
from ..result.report import AttemptReport, Report
from .observers import NoticeCounts

LOGGER = "standby"

Facts = TypeVarTuple("Facts")


def _guarded(write: "Callable[[CallLog, *Facts], None]") -> "Callable[[CallLog, *Facts], None]":
    """What writing raises is the log's own affair."""

    @wraps(write)
    def guarded(self: "CallLog", /, *facts: *Facts) -> None:
        try:
            write(self, *facts)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the application's own logging may raise anything
            self._failed(error)

    return guarded


class CallLog:
    """Writes the lines. structlog is imported when a Router is entered, not with the package, nor on a failure.

    Args:
        loop: Its exception handler is told of the first failure to write.
        counts: Where every failure to write is counted.
    """

    __slots__ = ("_counts", "_logger", "_loop", "_standard")

    def __init__(self, loop: asyncio.AbstractEventLoop, counts: NoticeCounts) -> None:
        self._loop, self._counts = loop, counts
        self._standard: logging.Logger | None = None
        logger = self._configured()
        self._logger = self._own() if logger is None else logger

    def _configured(self) -> Any:
        """The application's logger; None: it has configured none, or its factory raised."""
        import structlog

        try:
            return structlog.get_logger(LOGGER).bind() if structlog.is_configured() else None
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the application's factory may raise anything
            self._failed(error)
            return None

    def _own(self) -> Any:
        import structlog

        self._standard = standard = logging.getLogger(LOGGER)
        if not standard.handlers:
            standard.addHandler(logging.NullHandler())
        return structlog.wrap_logger(
            standard,
            processors=[structlog.processors.KeyValueRenderer(key_order=["event"])],
            wrapper_class=structlog.stdlib.BoundLogger,
        ).bind()

    @_guarded
    def told(self, event: str, detail: str) -> None:
        """Write an event of the Router itself: information, or a warning when something was refused."""
        write = self._logger.warning if event.endswith(("refused", "lost")) else self._logger.info
        write(event, detail=detail)

    @_guarded
    def observer_raised(self, what: str) -> None:
        """Write `standby.observer_raised`, once a Router."""
        self._logger.warning("standby.observer_raised", error=what)

    @_guarded
    def alert(self, attempt: AttemptReport) -> None:
        """Write `standby.alert`, a warning: an attempt failed of what only a person can mend."""
        self._logger.warning(
            "standby.alert",
            target=attempt.target,
            model=attempt.model,
            kind=attempt.kind and attempt.kind.value,
            status=attempt.status,
            code=attempt.native_code,
            detail=attempt.detail,
        )

    @_guarded
    def health_changed(self, change: HealthChanged) -> None:
        """Write `standby.health`: a warning when a target or a key is asked no more, else information."""
        worse = change.now in ("open", "parked", "isolated")
        write = self._logger.warning if worse else self._logger.info
        write(
            "standby.health",
            target=change.target,
            was=change.was,
            now=change.now,
            reason=str(change.reason),  # the bare word of an error kind
            for_s=change.until_s and round(change.until_s - change.at_s, 1),
            credential=change.credential,
        )

    @_guarded
    def call_ended(self, report: Report) -> None:
        """Write `standby.call`: a warning for a failed call, else information."""
        failed = report.outcome == "failed"
        if self._standard is not None and not self._standard.isEnabledFor(logging.WARNING if failed else logging.INFO):
            return
        write = self._logger.warning if failed else self._logger.info
        usage = report.usage
        write(
            "standby.call",
            call_id=report.call_id,
            route=report.route,
            outcome=report.outcome,
            kind=report.kind and report.kind.value,
            target=report.target,
            model=report.model,
            first_delta_s=report.first_delta_s and round(report.first_delta_s, 4),
            ended_s=report.ended_s and round(report.ended_s, 4),
            input_tokens=usage and usage.input_tokens,
            output_tokens=usage and usage.output_tokens,
            attempts=[attempt.line() for attempt in report.attempts],
            skipped=[skip.line() for skip in report.skipped],
        )

    def _failed(self, error: BaseException) -> None:
        """Count it; report the first one to the loop on its next turn, outside the running call.

        Only the class is told: its text and its frames may hold what was to be written.
        """
        self._counts.log_raised += 1
        if self._counts.log_raised == 1:
            words = (
                f"standby's log cannot be written: {type(error).__name__}. Calls go on without it; "
                "Router.notices counts what is lost"
            )
            try:
                self._loop.call_soon_threadsafe(self._tell, words)
            except RuntimeError:  # the loop is closed
                _print(words)

    def _tell(self, words: str) -> None:
        try:
            self._loop.call_exception_handler({"message": words})
        except Exception:  # noqa: BLE001 - asyncio's own handler writes to a log, which may be the broken one
            _print(words)


def _print(words: str) -> None:
    """The last resort of a log that is broken. There may be no standard error either."""
    with suppress(Exception):
        sys.stderr.write(words + "\n")
