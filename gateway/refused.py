"""A request that is refused before anything is asked: said once here, and put into words by each protocol."""

from math import ceil
from typing import Literal, TypeAlias

import msgspec

from .http import Fields

Why: TypeAlias = Literal[
    "host", "origin", "content_type", "path", "key_missing", "key_unknown", "key_expired", "keys_differ", "key_in_url",
    "override", "not_allowed", "requests", "tokens", "concurrency", "budget",
]  # fmt: skip
"""What it is refused for, for logs and counters. A client is not told whether its key was unknown or is over."""


class Refused(msgspec.Struct, frozen=True):
    """Why a request is refused.

    Attributes:
        status: The status of the answer.
        why: For logs and counters.
        message: For the client. Holds nothing that it sent, but the names of settings.
        fields: Header fields that belong to the answer.
        param: The part of the request that is wrong, where it is a part.
    """

    status: int
    why: Why
    message: str
    fields: Fields = ()
    param: str | None = None


def waiting(wait_s: float) -> Fields:
    """The hint when to ask again, for both kinds of readers: whole seconds, and milliseconds."""
    wait_ms = max(1, ceil(wait_s * 1000))
    return ("retry-after", str(ceil(wait_ms / 1000))), ("retry-after-ms", str(wait_ms))
