"""One log line a call, by structlog, without touching anybody's configuration.

When the application has configured structlog, its way holds. When it has not, structlog's own default would print to
standard output, which is no place for a library: then the line goes to the standard logger `understudy`, which is
silent until somebody listens. The line holds the report's facts: no key, no prompt, no completion.
"""

import logging
from typing import Any

from .report import AttemptReport, Report
from .snapshot import HealthChanged

LOGGER = "understudy"


class CallLog:
    """Writes the line. structlog is imported when a Router is entered, not with the package, nor on a failure."""

    __slots__ = ("_logger", "_standard")

    def __init__(self) -> None:
        import structlog

        self._standard: logging.Logger | None = None
        if structlog.is_configured():
            self._logger: Any = structlog.get_logger(LOGGER).bind()
        else:
            self._standard = logging.getLogger(LOGGER)
            if not self._standard.handlers:
                self._standard.addHandler(logging.NullHandler())
            self._logger = structlog.wrap_logger(
                self._standard,
                processors=[structlog.processors.KeyValueRenderer(key_order=["event"])],
                wrapper_class=structlog.stdlib.BoundLogger,
            ).bind()

    def told(self, event: str, detail: str) -> None:
        """Write an event of the Router itself: information, or a warning when something was refused."""
        write = self._logger.warning if event.endswith("refused") else self._logger.info
        write(event, detail=detail)

    def observer_raised(self, what: str) -> None:
        """Write `understudy.observer_raised`, once a Router."""
        self._logger.warning("understudy.observer_raised", error=what)

    def alert(self, attempt: AttemptReport) -> None:
        """Write `understudy.alert`, a warning: an attempt failed of what only a person can mend."""
        self._logger.warning(
            "understudy.alert",
            target=attempt.target,
            model=attempt.model,
            kind=attempt.kind and attempt.kind.value,
            status=attempt.status,
            code=attempt.native_code,
            detail=attempt.detail,
        )

    def health_changed(self, change: HealthChanged) -> None:
        """Write `understudy.health`: a warning when a target or a key is asked no more, else information."""
        worse = change.now in ("open", "parked", "isolated")
        write = self._logger.warning if worse else self._logger.info
        write(
            "understudy.health",
            target=change.target,
            was=change.was,
            now=change.now,
            reason=change.reason,
            for_s=change.until_s and round(change.until_s - change.at_s, 1),
            credential=change.credential,
        )

    def call_ended(self, report: Report) -> None:
        """Write `understudy.call`: a warning for a failed call, else information."""
        failed = report.outcome == "failed"
        if self._standard is not None and not self._standard.isEnabledFor(logging.WARNING if failed else logging.INFO):
            return
        write = self._logger.warning if failed else self._logger.info
        usage = report.usage
        write(
            "understudy.call",
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
