"""Why a target is left alone."""

import msgspec

from .reasons import RefusalReason


class Refusal(msgspec.Struct, frozen=True):
    """Why a target may not be asked now.

    Attributes:
        until_s: When it may be asked again; None: when the probe that is out comes back, or a person says so.
    """

    reason: RefusalReason
    detail: str
    until_s: float | None
