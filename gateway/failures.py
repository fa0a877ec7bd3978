"""What a client is told when there is no answer: one table, from the kind of a failure to status and sentence. Pure.

Where a failure comes from decides what is shown. What is wrong with the request itself reaches the client in the
provider's own words. What is wrong with the gateway's account, or with a provider, is told in ours: their words are for
operators.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from ..providers.errors import ErrorKind, ProviderError
from ..providers.serving import Failure
from ..providers.serving import Refused as Unreadable
from ..router.result.errors import AllTargetsFailed, CallFailed, NoTargetAvailable, RequestRejected, StreamInterrupted
from ..router.result.report import Report
from .http import Fields, RequestRefused
from .refused import Refused, waiting

Cause: TypeAlias = Literal["request", "operator", "provider", "limit", "gateway"]
"""Where a failure comes from: what was asked cannot be answered; the gateway's accounts or settings need a person;
providers fail; a limit of the gateway's own; the gateway itself ends."""

LIMITED_BY = "x-standby-limited-by"
SHOULD_RETRY = "x-should-retry"

STATUSES_OF_REQUESTS = frozenset((400, 413, 422))
"""What a provider may say of a request that reaches the client as it is."""

HINT_MAX_S = 86_400.0


class Row(NamedTuple):
    """What is told of one kind of failure.

    Attributes:
        status: The status; of a request's own failure where the provider has said none of `STATUSES_OF_REQUESTS`.
        sentence: Where the provider's words are not shown, or there are none.
        code: A word for programs, where the provider's own is not shown.
    """

    cause: Cause
    status: int
    sentence: str
    code: str | None = None


_UNREACHED = Row("provider", 502, "no provider could be reached")
_BROKEN = Row("provider", 502, "no provider gave a whole answer")
_LATE = Row("provider", 504, "no provider answered in time")

ROWS: Mapping[ErrorKind, Row] = {
    ErrorKind.BAD_REQUEST: Row("request", 400, "the request was refused as it stands"),
    ErrorKind.CONTEXT_LENGTH: Row("request", 400, "the request is too long for the model", "context_length_exceeded"),
    ErrorKind.CONTENT_FILTER: Row("request", 400, "the request was refused by a content filter", "content_filter"),
    ErrorKind.UNSUPPORTED: Row("request", 400, "what is asked cannot be said to the model", "unsupported"),
    ErrorKind.REFUSED_HERE: Row("request", 400, "the model does not take the request as it stands"),
    ErrorKind.AUTH: Row("operator", 502, "a provider refused the gateway's own credentials"),
    ErrorKind.QUOTA_EXHAUSTED: Row("operator", 503, "the gateway's account at a provider is used up"),
    ErrorKind.NOT_FOUND: Row("operator", 502, "a provider does not know the model that the gateway asked for"),
    ErrorKind.BLOCKED: Row("operator", 502, "something between the gateway and a provider refused the request"),
    ErrorKind.CONNECT: _UNREACHED,
    ErrorKind.DNS: _UNREACHED,
    ErrorKind.TLS: _UNREACHED,
    ErrorKind.DISCONNECTED: _BROKEN,
    ErrorKind.TRUNCATED: _BROKEN,
    ErrorKind.PROTOCOL: _BROKEN,
    ErrorKind.EMPTY: _BROKEN,
    ErrorKind.INVALID_ANSWER: _BROKEN,
    ErrorKind.PREFILL_UNSUPPORTED: _BROKEN,
    ErrorKind.SERVER_ERROR: Row("provider", 502, "the providers failed"),
    ErrorKind.UNKNOWN: Row("provider", 502, "the providers failed"),
    ErrorKind.OVERLOADED: Row("provider", 503, "the providers are overloaded"),
    ErrorKind.RATE_LIMITED: Row("provider", 429, "the providers ask to wait"),
    ErrorKind.FIRST_TOKEN_TIMEOUT: _LATE,
    ErrorKind.STALLED: _LATE,
    ErrorKind.TIMEOUT: _LATE,
    ErrorKind.DEADLINE: _LATE,
    ErrorKind.BUDGET: Row("limit", 429, "the gateway's own budget is used up", "budget_exhausted"),
    ErrorKind.ISOLATED: Row("operator", 503, "every target is taken out of service by hand"),
    ErrorKind.CLOSED: Row("gateway", 503, "the gateway is shutting down"),
    ErrorKind.CANCELLED: Row("gateway", 499, "the request was cancelled"),
}
"""The whole table: one row for each kind."""

_WAITED = frozenset((ErrorKind.RATE_LIMITED, ErrorKind.DEADLINE))
"""How a call ends in which nothing could be asked for a limit of ours: at once, or after it has waited in vain."""

_FULL = Row("limit", 429, "the gateway's own limits for its targets are reached")
_UNFIT = Row("operator", 503, "no target can be asked as the gateway is set up")


class Told(NamedTuple):
    """A failure, as it is told.

    Attributes:
        fields: Header fields that belong to it.
        cause: For counters.
    """

    failure: Failure
    fields: Fields
    cause: Cause


def of_call(error: CallFailed, dialect: str, dialect_of: Callable[[str], str], request_id: str) -> Told:
    """What is told of a call that failed.

    Args:
        dialect: The client's: the provider's words for programs are of use only where it speaks the same.
        dialect_of: The dialect of a provider, by its name.
    """
    row = _row(error)
    if row.cause == "request":
        return Told(_of_request(error, row, dialect, dialect_of, request_id), _fields(error, row), row.cause)
    sentence = row.sentence if not error.report.attempts else f"{row.sentence} ({_counted(error.report)})"
    if isinstance(error, StreamInterrupted):
        sentence = f"the answer broke off: {sentence}"
    failure = Failure(
        kind=error.kind, status=row.status, message=_as_sentence(sentence), code=row.code, request_id=request_id
    )
    return Told(failure, _fields(error, row), row.cause)


def of_refusal(refused: Refused, request_id: str) -> Told:
    """What is told of a request that its key, or the door, does not allow."""
    limited = refused.status == 429
    failure = Failure(
        kind=_KINDS.get(refused.status, ErrorKind.BAD_REQUEST),
        status=refused.status,
        message=_as_sentence(refused.message),
        param=refused.param,
        request_id=request_id,
    )
    return Told(failure, refused.fields, "limit" if limited else "request")


def of_http(refused: RequestRefused, request_id: str) -> Told:
    """What is told of a body that could not be taken in."""
    failure = Failure(
        kind=_KINDS.get(refused.status, ErrorKind.BAD_REQUEST),
        status=refused.status,
        message=refused.reason,
        request_id=request_id,
    )
    return Told(failure, refused.fields, "request")


def unreadable(problem: Exception, request_id: str) -> Told:
    """What is told of a body that is no request of its API. Its sentence names the field, and never what it holds."""
    known = problem if isinstance(problem, Unreadable) else None
    failure = Failure(
        kind=ErrorKind.BAD_REQUEST,
        status=400,
        message=_as_sentence(str(problem)),
        code=None if known is None else known.code,
        param=None if known is None else known.param,
        request_id=request_id,
    )
    return Told(failure, (), "request")


def refused(status: int, message: str, request_id: str, *, code: str | None = None, param: str | None = None) -> Told:
    """What is told of a request that this gateway does not answer."""
    failure = Failure(
        kind=_KINDS.get(status, ErrorKind.BAD_REQUEST),
        status=status,
        message=_as_sentence(message),
        code=code,
        param=param,
        request_id=request_id,
    )
    return Told(failure, (), "operator" if status >= 500 else "request")


_KINDS: Mapping[int, ErrorKind] = {
    401: ErrorKind.AUTH,
    403: ErrorKind.AUTH,
    404: ErrorKind.NOT_FOUND,
    408: ErrorKind.TIMEOUT,
    429: ErrorKind.RATE_LIMITED,
    503: ErrorKind.OVERLOADED,
}
"""The kind that a status of the gateway's own stands for."""


def _row(error: CallFailed) -> Row:
    """The row that holds: that of its kind, but for what the gateway itself stands in the way of."""
    row, decisive = ROWS[error.kind], error.error
    if isinstance(error, NoTargetAvailable):
        reasons = {skip.reason for skip in error.report.skipped}
        if error.kind in _WAITED and "limit" in reasons:
            return _FULL
        if error.kind in _WAITED and "budget" in reasons:
            return ROWS[ErrorKind.BUDGET]
        if error.kind is ErrorKind.UNSUPPORTED and "unsupported" not in reasons:
            return _UNFIT
    if decisive is not None and decisive.needs_operator and row.cause == "request":
        return _UNFIT
    return row


def _of_request(
    error: CallFailed, row: Row, dialect: str, dialect_of: Callable[[str], str], request_id: str
) -> Failure:
    """The failure of the request itself, in the provider's words where it said some."""
    said = error.error
    message = (said.provider_message if said is not None else None) or _as_sentence(_with_reasons(row, error.report))
    status = said.status if said is not None and said.status in STATUSES_OF_REQUESTS else row.status
    own = said if said is not None and dialect_of(_provider(said, error.report)) == dialect else None
    code = None if own is None else own.native_code
    if code is None and (own is None or own.native_type is None):
        code = row.code
    return Failure(
        kind=error.kind,
        status=status or row.status,
        message=message,
        code=None if code is None else str(code),
        type=None if own is None else own.native_type,
        param=None if own is None else own.param,
        request_id=request_id,
    )


def _provider(said: ProviderError, report: Report) -> str:
    """The provider that has said it."""
    return next((attempt.provider for attempt in reversed(report.attempts) if attempt.target == said.target), "")


def _with_reasons(row: Row, report: Report) -> str:
    """The sentence, with what the targets lack for this request, each said once."""
    details = dict.fromkeys(
        skip.detail for skip in report.skipped if skip.reason in ("unsupported", "context_window") and skip.detail
    )
    return f"{row.sentence}: {'; '.join(details)}" if details else row.sentence


def _counted(report: Report) -> str:
    kinds = dict.fromkeys(attempt.kind.value for attempt in report.attempts if attempt.kind is not None)
    count = len({attempt.target for attempt in report.attempts})
    return f"{count} {'target was' if count == 1 else 'targets were'} asked: {', '.join(kinds)}"


def _fields(error: CallFailed, row: Row) -> Fields:
    """When to ask again, and whether to."""
    told: list[tuple[str, str]] = []
    if row.status in (429, 503) and (wait_s := _returns_in_s(error.report)) is not None:
        told += waiting(wait_s)
    if row.cause == "limit":
        told.append((LIMITED_BY, "budget" if row is ROWS[ErrorKind.BUDGET] else "target"))
    if isinstance(error, AllTargetsFailed | RequestRejected):
        told.append((SHOULD_RETRY, "false"))
    return tuple(told)


def _returns_in_s(report: Report) -> float | None:
    """When the first target may be asked again, in seconds from the end of the call; None: that is not known."""
    now_s = report.ended_s or 0.0
    back_s = [skip.until_s - now_s for skip in report.skipped if skip.until_s is not None]
    back_s += [
        attempt.ended_s + attempt.hint_s - now_s
        for attempt in report.attempts
        if attempt.hint_s is not None and attempt.ended_s is not None
    ]
    soonest = min((each for each in back_s if each > 0), default=None)
    return None if soonest is None else min(soonest, HINT_MAX_S)


def _as_sentence(text: str) -> str:
    """With a full stop."""
    return text if text.endswith((".", "!", "?")) else text + "."
