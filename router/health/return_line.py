"""Slow start for waiting calls: they come back to a target one after another, not all at the instant of its return.

The line begins slowly, moves the faster the more the target answers, and each failure halves its speed: how much a
target can take that was down a moment ago is not known. A call that did not wait is not in it. Pure: the clock is
handed in.
"""

from .refusal import Refusal

_PER_S = 4.0
"""Calls per second at which the line begins to move."""
_PER_S_MIN = 0.1
_RISE_PER_S = 0.1
"""Increase with each answer: fast where many are answered, gently where few are."""
_CAREFUL_RISE_PER_S = 0.02
"""The same, once a failure has shown where its capacity ends."""
_LOOK_AGAIN_S = 1.0
"""Maximum wait given to a call: the speed may have changed by then."""


class ReturnLine:
    """The line of one return of one target.

    Args:
        lasts_s: How long the target's slow start lasts.
    """

    __slots__ = ("_at_s", "_began_s", "_joined", "_lasts_s", "_passed", "_per_s", "_rise_per_s")

    def __init__(self, lasts_s: float, now_s: float) -> None:
        self._lasts_s = lasts_s
        self._joined = 0
        self._passed = 1.0  # as many places, from the first on, may ask: the first at once
        self._per_s, self._rise_per_s = _PER_S, _RISE_PER_S
        self._began_s = self._at_s = now_s

    def join(self) -> int:
        """The next place in it, from 1."""
        self._joined += 1
        return self._joined

    def due_s(self, place: int, now_s: float) -> float:
        """When this place should ask, or at least look again; not after `now_s`: now."""
        ahead = place - self._passed_by(now_s)
        return now_s if ahead <= 0 else now_s + min(ahead / self._per_s, _LOOK_AGAIN_S)

    def answered(self, now_s: float) -> None:
        """The target has given an answer."""
        self._move(now_s)
        self._per_s += self._rise_per_s

    def failed(self, now_s: float) -> None:
        """The target has failed."""
        self._move(now_s)
        self._per_s, self._rise_per_s = max(_PER_S_MIN, self._per_s / 2), _CAREFUL_RISE_PER_S

    def is_over(self, now_s: float) -> bool:
        """Slow start is over, and no call has to wait any more."""
        return self._passed_by(now_s) >= self._joined and now_s - self._began_s >= self._lasts_s

    def _move(self, now_s: float) -> None:
        self._passed, self._at_s = self._passed_by(now_s), now_s

    def _passed_by(self, now_s: float) -> float:
        return self._passed + (now_s - self._at_s) * self._per_s


class Turns:
    """Where one call stands in the lines of the targets that it waited for."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[int, tuple[ReturnLine, int]] = {}

    def join(self, target: int, line: ReturnLine | None) -> None:
        """Stand in the target's line, if there is one, from now on. A place that is held in it already is kept.

        Args:
            line: The target's; None: there is none.
        """
        if line is not None and ((held := self._held.get(target)) is None or held[0] is not line):
            self._held[target] = (line, line.join())

    def refusal(self, target: int, line: ReturnLine | None, now_s: float) -> Refusal | None:
        """Why it is not yet this call's turn at the target; None when it is, or when there is no line to stand in.

        Args:
            line: The target's; None: there is none.
        """
        held = self._held.get(target)
        if line is None or held is None or held[0] is not line:
            return None
        due_s = line.due_s(held[1], now_s)
        if due_s <= now_s:
            return None
        return Refusal("returning", "it is just back, and the waiting calls ask one after another", due_s)
