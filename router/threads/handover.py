"""What one side hands over and the other one takes, in batches, whatever threads they are in."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from ..result.errors import StreamBusy

T = TypeVar("T")

Wake = Callable[[], object]


class Handover(Generic[T]):
    """Items on their way from one side to the other, and a way to wake either. It waits for nothing itself.

    Args:
        most: Units of items that may lie there before their giver should wait.

    Attributes:
        over: Nothing more comes.
        error: What it ended with.
    """

    def __init__(self, most: int) -> None:
        self.over = False
        self.error: BaseException | None = None
        self._most = most
        self._lock = threading.Lock()
        self._items: list[T] = []
        self._held = 0
        self._taker: Wake | None = None
        self._giver: Wake | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Whether the giver should wait."""
        return self._held > self._most

    def give(self, item: T, units: int) -> Wake | None:
        """Lay an item down: what wakes the taker, if it waits."""
        with self._lock:
            self._items.append(item)
            self._held += units
            wake, self._taker = self._taker, None
        return wake

    def end(self, error: BaseException | None) -> Wake | None:
        """Say that nothing more comes: what wakes the taker, if it waits."""
        with self._lock:
            self.error, self.over = error, True
            wake, self._taker = self._taker, None
        return wake

    def wait_for_room(self, wake: Wake) -> bool:
        """Be woken when the taker has taken; False: there is room already."""
        with self._lock:
            if self.is_full:
                self._giver = wake
        return self._giver is wake

    def take_or_wait(self, wake: Wake) -> bool:
        """Be woken when something comes; False: something is there already.

        Raises:
            StreamBusy: Another taker waits.
        """
        with self._lock:
            if self._items or self.over:
                return False
            if self._taker is not None:
                raise StreamBusy("this answer is being read already: give each consumer its own call")
            self._taker = wake
        return True

    def forget(self, wake: Wake) -> None:
        """Not be woken any more."""
        with self._lock:
            if self._taker is wake:
                self._taker = None

    def take(self) -> tuple[list[T], Wake | None]:
        """Take all that is there, and what wakes the giver, if it waits."""
        with self._lock:
            found, self._items, self._held = self._items, [], 0
            wake, self._giver = self._giver, None
        return found, wake
