"""Tells of the changes of one target's health: one notice for each name under which the target is configured."""

from collections.abc import Callable

from ..result.reasons import ChangeReason
from .credentials import Credentials
from .snapshot import HealthChanged, HealthState


class Announcer:
    """What was told last of one target and its keys, so that each change is told once.

    Attributes:
        names: What the notices call the target, and how many targets are configured under each name.
        state: What was told last.
    """

    __slots__ = ("_listener", "_parked", "names", "state")

    def __init__(self, listener: Callable[[HealthChanged], None]) -> None:
        self._listener = listener
        self.state: HealthState = "closed"
        self._parked: set[str] = set()
        self.names: dict[str, int] = {}

    def know(self, name: str) -> None:
        """One target more is configured under this name."""
        self.names[name] = self.names.get(name, 0) + 1

    def forget(self, name: str) -> None:
        """One target less is."""
        self.names[name] -= 1
        if not self.names[name]:
            del self.names[name]

    def target(self, state: HealthState, reason: ChangeReason, until_s: float | None, now_s: float) -> None:
        """The target is in this state now."""
        was, self.state = self.state, state
        if state != was:
            self._tell(was, state, reason, until_s, now_s, None)

    def credentials(self, credentials: Credentials, reason: ChangeReason, now_s: float) -> None:
        """Its keys are parked, or not, as they are now. An only key is the target's own affair."""
        if len(credentials.all) == 1:
            return
        for credential in credentials.all:
            name, park = credential.name, credential.park
            if park is not None and name not in self._parked:
                self._parked.add(name)
                self._tell("closed", "parked", reason, park.until_s, now_s, name)
            elif park is None and name in self._parked:
                self._parked.remove(name)
                # It is the target that answers too slowly, not the key.
                back: ChangeReason = "answered" if reason == "slow" else reason
                self._tell("parked", "closed", back, None, now_s, name)

    def _tell(
        self,
        was: HealthState,
        now: HealthState,
        reason: ChangeReason,
        until_s: float | None,
        at_s: float,
        credential: str | None,
    ) -> None:
        for name in tuple(self.names):
            self._listener(HealthChanged(name, was, now, reason, until_s, at_s, credential))
