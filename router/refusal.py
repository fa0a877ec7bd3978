"""Why a target is left alone."""

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """Why a target may not be asked now.

    Attributes:
        reason: `breaker_open`, `parked`, `probing`, `isolated`, `returning`, or that of a limit.
        until_s: When it may be asked again; None: when the probe that is out comes back, or a person says so.
    """

    reason: str
    detail: str
    until_s: float | None
