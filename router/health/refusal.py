"""Reason why a target may not be asked now."""

import msgspec

from ...providers.errors import ErrorKind
from ..result.reasons import RefusalReason


class Refusal(msgspec.Struct, frozen=True):
    """Why a target may not be asked now.

    Attributes:
        until_s: When it may be asked again; None: when the probe that is out comes back, or a person says so.
        kind: The kind of failure that it is left alone for: it is as good as failed with it. None: it is for none.
    """

    reason: RefusalReason
    detail: str
    until_s: float | None
    kind: ErrorKind | None = None
