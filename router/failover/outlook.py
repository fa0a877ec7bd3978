"""While no target may be asked: which one is back first, and which of them have room in their queues. Pure."""

from ...providers.errors import ErrorKind
from ...providers.opaque import Opaque
from ..health.refusal import Refusal
from ..limits.limiter import Limited
from ..limits.queue import Queue


class Outlook(Opaque):
    """Why the targets may not be asked now, one after another.

    Attributes:
        latest_s: When an attempt must begin at the latest.
        queues: Of the targets that are merely full, in the order in which they were looked at.
        parked_for: The kinds of error that targets are parked for.
    """

    latest_s: float
    queues: dict[int, Queue] = {}
    parked_for: set[ErrorKind] = set()
    _backs: list[tuple[float, int]] = []
    _limited: set[int] = set()

    def note(self, index: int, refusal: Refusal) -> None:
        """This target may not be asked now."""
        if refusal.reason == "parked" and refusal.kind is not None:
            self.parked_for.add(refusal.kind)
        if refusal.reason == "isolated":
            return  # an operator wants it so: it is neither waited for nor asked as a last resort
        # A probe that is out, or a place in a queue, comes when it comes: its end wakes the call.
        back_s = self.latest_s if refusal.until_s is None else refusal.until_s
        if refusal.reason == "returning":
            back_s = min(back_s, self.latest_s)  # the target is well, and the line may move faster: hope to the end
        if isinstance(refusal, Limited):
            self._limited.add(index)
            if refusal.queue is not None and back_s <= self.latest_s:
                self.queues[index] = refusal.queue
            elif refusal.until_s is None:
                return  # it is not known when, and there is no room to wait
        self._backs.append((back_s, index))

    def back(self) -> tuple[float, int] | None:
        """When a target may be asked first, and which; None: none in time for an attempt."""
        first = min(self._backs, default=None)
        return None if first is None or first[0] > self.latest_s else first

    def left_alone(self) -> int | None:
        """The target that health alone keeps from being asked, and that is back first; None: there is none."""
        first = min((back for back in self._backs if back[1] not in self._limited), default=None)
        return None if first is None else first[1]
