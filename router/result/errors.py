"""The exceptions of a failed call: one tree, each with the report of what was tried.

They survive pickling and copying; printed, logged or pickled, they hold no prompt, no key and no provider's sentence.
A partial answer lives in `StreamInterrupted.partial` and nowhere else; the provider's own words live in the attributes
that say so, and stay in the process that made the call.
"""

from collections.abc import Sequence
from typing import Any

from ...providers.errors import ErrorKind, ProviderError, StandbyError
from .report import Report


class WrongLoop(StandbyError, RuntimeError):
    """Raised when a Router is used outside the event loop or process that entered it, or while it is not entered."""


class StreamBusy(StandbyError, RuntimeError):
    """Raised when two consumers read one stream at a time: each delta would reach only one of them."""


class CallFailed(StandbyError):
    """Raised when a call ends without a whole answer.

    The provider's own words, with our secrets masked, are in the attributes from `provider_message` on: at most 2 KiB
    each, for the caller alone. They may repeat the prompt, so they are in no text, argument, report, log or pickle.

    Attributes:
        kind: The most useful reason for the caller.
        report: The attempts, and why other targets were not asked.
        error: The error of the attempt that decided `kind`; None: no attempt did.
    """

    kind: ErrorKind
    report: Report
    error: ProviderError | None = None

    @property
    def provider_message(self) -> str | None:
        """The provider's words."""
        return None if self.error is None else self.error.provider_message

    @property
    def code(self) -> str | int | None:
        """The provider's own code, or its type of the error, as sent."""
        return None if self.error is None else self.error.code

    @property
    def param(self) -> str | None:
        """The part of the request that the provider says is wrong."""
        return None if self.error is None else self.error.param

    @property
    def status(self) -> int | None:
        """The HTTP status."""
        return None if self.error is None else self.error.status

    @property
    def url(self) -> str | None:
        """Where it was asked, without a query."""
        return None if self.error is None else self.error.url


def decisive(errors: Sequence[ProviderError], kind: ErrorKind) -> ProviderError | None:
    """The last error of this kind."""
    return next((error for error in reversed(errors) if error.kind is kind), None)


class AllTargetsFailed(CallFailed, ExceptionGroup[ProviderError]):
    """Raised when every target that could be asked has failed. Its parts are the errors of the attempts."""

    def __new__(cls, kind: ErrorKind, report: Report, errors: Sequence[ProviderError]) -> "AllTargetsFailed":
        group = super().__new__(cls, _sentence("no target gave an answer", kind, report), list(errors))
        group.kind, group.report, group.error = kind, report, decisive(errors, kind)
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

    def __init__(self, kind: ErrorKind, report: Report, error: ProviderError | None = None) -> None:
        super().__init__(_sentence(self.said, kind, report))
        self.kind, self.report, self.error = kind, report, error

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.kind, self.report, self.error)


class RequestRejected(_PlainFailure):
    """Raised when a provider refuses the request itself: another would refuse it, too, or only be laxer."""

    said = "the request was refused and no other target was asked"


class NoTargetAvailable(_PlainFailure):
    """Raised when no target could be asked: each was skipped, or the deadline came first. The report says why."""

    said = "no target could be asked"


class RouterClosed(_PlainFailure):
    """Raised when the Router was closed before the call had an answer, or before it began: the service shuts down.

    That says nothing about the request: a service answers it with a 503. A stream that has delivered something ends
    with `StreamInterrupted` of kind `closed` instead.
    """

    said = "the Router was closed before the call had an answer"


class StreamInterrupted(CallFailed):
    """Raised when an answer broke off after its first delta, and no `mid_stream` policy could go on with it.

    Attributes:
        partial: The text that was delivered.
    """

    def __init__(self, kind: ErrorKind, report: Report, partial: str, error: ProviderError | None = None) -> None:
        super().__init__(_sentence("the answer broke off", kind, report))
        self.kind, self.report, self.partial, self.error = kind, report, partial, error

    def __reduce__(self) -> tuple[Any, ...]:
        return StreamInterrupted, (self.kind, self.report, self.partial, self.error)


def _sentence(said: str, kind: ErrorKind, report: Report) -> str:
    facts = [line.strip() for line in report.lines()]
    return f"{said}: {kind.value}" + (f" [{'; '.join(facts)}]" if facts else "")
