"""Mistral's chat: codes of four digits beside a type. Sources: the SDK, recordings, its users' reports."""

from ..errors import ErrorKind
from .rule import rule
from .table import Refusals

MISTRAL = Refusals(
    too_long=(r"too large for model with .{0,40}maximum context", r"prompt contains .{0,40}tokens"),
    own=(
        rule(ErrorKind.NOT_FOUND, "invalid_model 1500"),
        rule(ErrorKind.CONTEXT_LENGTH, "3051"),
        rule(ErrorKind.OVERLOADED, "service_tier_capacity_exceeded", r"service tier capacity exceeded"),
        rule(ErrorKind.CONTEXT_LENGTH, pattern=r"too large for model with", statuses=(400, 422)),
    ),
)
