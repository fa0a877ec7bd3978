"""Choose the one kind of error for a call without an answer: of several, the most useful to its caller. Pure."""

from collections.abc import Sequence

from ...providers.errors import ErrorKind
from ..result.reasons import SkipReason
from ..result.report import Skipped

_MOST_USEFUL = (
    ErrorKind.CONTENT_FILTER,
    ErrorKind.CONTEXT_LENGTH,
    ErrorKind.BAD_REQUEST,
    ErrorKind.RATE_LIMITED,
    ErrorKind.OVERLOADED,
    ErrorKind.QUOTA_EXHAUSTED,
    ErrorKind.AUTH,
    ErrorKind.NOT_FOUND,
    ErrorKind.REFUSED_HERE,
    ErrorKind.INVALID_ANSWER,
    ErrorKind.SERVER_ERROR,
    ErrorKind.FIRST_TOKEN_TIMEOUT,
    ErrorKind.TIMEOUT,
)
"""When attempts failed for several reasons: what the caller can change comes first, then what time will change."""

_BACK_BY_ITSELF: frozenset[SkipReason] = frozenset(("breaker_open", "probing", "returning"))
"""Why health refuses a target that failed, and that time alone will bring back."""


def most_useful(kinds: set[ErrorKind], else_: ErrorKind) -> ErrorKind:
    """The one of several kinds that helps the caller most."""
    if len(kinds) == 1:
        return next(iter(kinds))
    return next((kind for kind in _MOST_USEFUL if kind in kinds), else_)


def unavailable_kind(skipped: Sequence[Skipped], parked_for: set[ErrorKind]) -> ErrorKind:
    """What a call failed with in which no target could be asked.

    Args:
        parked_for: The kinds that targets are parked for now: each is as good as failed with its own.
    """
    reasons = {skip.reason for skip in skipped}
    if reasons - {"misconfigured", "out_of_bounds"} == {"no_key"}:
        return ErrorKind.AUTH
    if "limit" in reasons:
        return ErrorKind.RATE_LIMITED
    if reasons & _BACK_BY_ITSELF:
        parked_for = parked_for | {ErrorKind.OVERLOADED}
    if parked_for:
        return most_useful(parked_for, ErrorKind.OVERLOADED)
    if "budget" in reasons:
        return ErrorKind.BUDGET
    return ErrorKind.ISOLATED if "isolated" in reasons else ErrorKind.UNSUPPORTED
