"""Alerts to an operator, for causes that only a person can mend: once per cause and target, and again after a while."""

from ...providers.errors import ErrorKind
from ..result.report import AttemptReport

AGAIN_AFTER_S = 600.0
"""A cause that goes on is told again after so long: often enough to be seen, too rarely to flood a log."""
KEPT_MAX = 256
"""Maximum number of causes that are remembered; beyond it the one that was told first is forgotten."""


class Alerts:
    """Which alerts were told, and when."""

    __slots__ = ("_told_s",)

    def __init__(self) -> None:
        self._told_s: dict[tuple[str, ErrorKind | None, str | None], float] = {}

    def tell(self, attempt: AttemptReport, now_s: float) -> bool:
        """Note down that the alert of this attempt is told now; False: it was told less than `AGAIN_AFTER_S` ago."""
        cause = (attempt.target, attempt.kind, attempt.native_code)
        told_s = self._told_s.get(cause)
        if told_s is not None and now_s - told_s < AGAIN_AFTER_S:
            return False
        self._told_s.pop(cause, None)
        if len(self._told_s) >= KEPT_MAX:
            del self._told_s[next(iter(self._told_s))]
        self._told_s[cause] = now_s
        return True
