"""The targets that calls bring along, kept by last use: a service may give each call a key, or a header, of its own.

One that is used again soon finds its connections, and what is known of it. One that is not is forgotten after a while,
or when too many others have been used since: its connections are closed, and what `Memory` keeps is all that stays.
"""

import math
from collections.abc import Callable, Iterator

from ...config.target import Target
from .live_target import LiveTarget

KEPT_MAX = 256
"""Maximum targets kept that no open call uses: their idle connections take a quarter of the 1,024 files that a process
may usually have open."""

KEPT_S = 60.0
"""Time that they are kept after their last use. Idle connections live for 10 s, and without one little is gained."""


class CallTargets:
    """The targets that calls have brought along to one generation.

    Args:
        make: Makes a live target.
        forget: Takes each one that is forgotten.
        remember: Takes one that was forgotten before the call that has brought it began.
    """

    def __init__(
        self,
        make: Callable[[Target], LiveTarget],
        forget: Callable[[LiveTarget], None],
        remember: Callable[[LiveTarget], None],
    ) -> None:
        self._make, self._forget, self._remember = make, forget, remember
        self._known: dict[object, LiveTarget] = {}
        self._unused: dict[LiveTarget, None] = {}  # by no open call; the one that was not used for longest is the first
        self._references: dict[str, Target] = {}  # what a text means

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[LiveTarget]:
        return iter(self._known.values())

    def target(self, reference: str, make: Callable[[str], Target]) -> Target:
        """The target that a text means."""
        found = self._references.get(reference)
        if found is None:
            if len(self._references) >= KEPT_MAX:
                self._references.clear()
            found = self._references[reference] = make(reference)
        return found

    def live(self, target: Target, identity: object, now_s: float) -> LiveTarget:
        """The live target of this identity, made if it is not known, or not any more."""
        live = self._known.get(identity)
        if live is None:
            live = self._known[identity] = self._make(target)
            live.identity = identity
            self._unused[live] = None
            self.sweep(now_s, spared=live)
        elif live in self._unused:
            self._unused[live] = self._unused.pop(live)
        live.used_s = now_s
        return live

    def take(self, identity: object) -> LiveTarget | None:
        """Give one up for good, to be kept elsewhere."""
        live = self._known.pop(identity, None)
        if live is not None:
            live.identity = None
            self._unused.pop(live, None)
        return live

    def begun(self, live: LiveTarget) -> None:
        """A call that uses it is open. One that is kept elsewhere is passed over."""
        if live.identity is None:
            return
        live.calls += 1
        self._unused.pop(live, None)
        if live.forgotten:
            self._known.setdefault(live.identity, live)
            self._remember(live)

    def ended(self, live: LiveTarget, now_s: float) -> None:
        """That call is over."""
        if live.identity is None:
            return
        live.calls -= 1
        if live.calls:
            return
        if self._known.get(live.identity) is live:
            live.used_s = now_s
            self._unused[live] = None
            self.sweep(now_s)
        else:
            self._forget(live)

    def clear(self) -> None:
        """Forget all that no open call uses."""
        self.sweep(math.inf)

    def sweep(self, now_s: float, spared: LiveTarget | None = None) -> None:
        """Forget those that were not used for too long, and the longest unused of too many."""
        while self._unused:
            live = next(iter(self._unused))
            if live is spared or (len(self._unused) <= KEPT_MAX and now_s - live.used_s < KEPT_S):
                return
            del self._unused[live]
            if self._known.get(live.identity) is live:
                del self._known[live.identity]
            self._forget(live)
