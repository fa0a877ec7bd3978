"""Slow start: a target that is back takes a small share of its calls first, and soon all of them."""

_SHARE_MIN = 0.1


class SlowStart:
    """How much of its usual share of calls a target should take. Pure: the clock is handed in.

    Attributes:
        from_s: When it began to rise; None: it takes its full share.
    """

    __slots__ = ("_lasts_s", "from_s")

    def __init__(self, lasts_s: float) -> None:
        self._lasts_s = lasts_s
        self.from_s: float | None = None

    def follow(self, lasts_s: float) -> None:
        """Last so long from now on."""
        self._lasts_s = lasts_s
        if not lasts_s:
            self.from_s = None

    def begin(self, now_s: float) -> None:
        """The target is back."""
        self.from_s = now_s if self._lasts_s else None

    def share(self, now_s: float) -> float:
        """From a tenth at its beginning to 1 at its end."""
        if self.from_s is None:
            return 1.0
        passed = (now_s - self.from_s) / self._lasts_s
        if passed >= 1.0:
            self.from_s = None  # it is over for good: later readers need not ask the clock
            return 1.0
        return _SHARE_MIN + (1.0 - _SHARE_MIN) * max(passed, 0.0)
