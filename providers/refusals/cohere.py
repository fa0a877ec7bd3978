"""Cohere's chat: sentences without codes. Sources: the SDK, Cohere's page of errors (498: blocked, or a bad token)."""

from ..errors import ErrorKind
from .rule import rule
from .table import Refusals

COHERE = Refusals(
    too_long=(r"number of tokens .{0,60}cannot exceed",),
    own=(
        rule(ErrorKind.CONTEXT_LENGTH, pattern=r"^too many tokens", statuses=(400, 413, 422)),
        rule(ErrorKind.QUOTA_EXHAUSTED, pattern=r"limited to [0-9,]+ api calls / month", statuses=(429,)),
        rule(ErrorKind.AUTH, pattern=r"invalid (?:api )?token", statuses=(401, 498)),
        rule(ErrorKind.CONTENT_FILTER, pattern=r"\bblocked\b|\bunsafe\b|\bharmful\b", statuses=(400, 498)),
    ),
)
