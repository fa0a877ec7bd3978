"""How a call ends badly: one tree of exceptions, each with the report of what was tried.

They survive pickling and copying, and hold no prompt, no key and no provider's sentence. A partial answer lives in
`StreamInterrupted.partial` and nowhere else.
"""

from collections.abc import Sequence
from typing import Any

from ..providers.errors import ErrorKind, ProviderError, UnderstudyError
from .report import Report


class WrongLoop(UnderstudyError, RuntimeError):
    """A Router was used outside the event loop, or the process, that entered it."""


class StreamBusy(UnderstudyError, RuntimeError):
    """Two consumers read one stream at a time; each delta would reach only one of them."""


class CallFailed(UnderstudyError):
    """A call ended without a whole answer.

    Attributes:
        kind: The most useful reason for the caller.
        report: What was tried, and why others were not.
    """

    kind: ErrorKind
    report: Report


class AllTargetsFailed(CallFailed, ExceptionGroup[ProviderError]):
    """Every target that could be asked was asked, and none gave an answer. Its parts are the attempts' errors."""

    def __new__(cls, kind: ErrorKind, report: Report, errors: Sequence[ProviderError]) -> "AllTargetsFailed":
        group = super().__new__(cls, _sentence("no target gave an answer", kind, report), list(errors))
        group.kind, group.report = kind, report
        return group

    def __init__(self, kind: ErrorKind, report: Report, errors: Sequence[ProviderError]) -> None:
        """Everything is set in `__new__`, as exception groups ask."""

    def derive(self, excs: Sequence[Any], /) -> "AllTargetsFailed":  # type: ignore[override]
        """A group of some of the errors, for `split` and `subgroup`."""
        return AllTargetsFailed(self.kind, self.report, list(excs))

    def __reduce__(self) -> tuple[Any, ...]:
        return AllTargetsFailed, (self.kind, self.report, self.exceptions)


class _PlainFailure(CallFailed):
    """A failed call that is no group."""

    said = "the call failed"

    def __init__(self, kind: ErrorKind, report: Report) -> None:
        super().__init__(_sentence(self.said, kind, report))
        self.kind, self.report = kind, report

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.kind, self.report)


class RequestRejected(_PlainFailure):
    """A provider refused the request itself; asking others would not help, or would be shopping for a laxer one."""

    said = "the request was refused and nobody else was asked"


class NoTargetAvailable(_PlainFailure):
    """Nobody could be asked: every target was skipped, or the deadline came first. The report says why for each."""

    said = "no target could be asked"


class StreamInterrupted(CallFailed):
    """An answer broke off after its first delta had been delivered, and could not be gone on with.

    Attributes:
        partial: The text that was delivered.
    """

    def __init__(self, kind: ErrorKind, report: Report, partial: str) -> None:
        super().__init__(_sentence("the answer broke off", kind, report))
        self.kind, self.report, self.partial = kind, report, partial

    def __reduce__(self) -> tuple[Any, ...]:
        return StreamInterrupted, (self.kind, self.report, self.partial)


def _sentence(said: str, kind: ErrorKind, report: Report) -> str:
    facts = [line.strip() for line in report.lines()]
    return f"{said}: {kind.value}" + (f" [{'; '.join(facts)}]" if facts else "")
