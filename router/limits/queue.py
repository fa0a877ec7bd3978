"""The queue of calls that wait for a permit: in order, none overtakes, and of bounded length.

Only the first in the queue may take what becomes free. A call that leaves, served or not, frees its place at once, and
the next is woken. Pure: waking is a callback, and no time passes here.
"""

from collections.abc import Callable

QUEUE_MAX = 1000
"""Maximum queue length; beyond it calls are refused at once, instead of waiting longer than any caller likes."""


class Ticket:
    """A place in a queue.

    Attributes:
        tokens: What is waited for, where that is a number of tokens.
    """

    __slots__ = ("_queue", "tokens", "wake")

    def __init__(self, queue: "Queue", wake: Callable[[], None], tokens: int) -> None:
        self._queue: Queue | None = queue
        self.wake = wake
        self.tokens = tokens

    @property
    def queue(self) -> "Queue | None":
        """Where it stands; None once it has left."""
        return self._queue

    def leave(self) -> None:
        """Give the place up. Idempotent."""
        queue, self._queue = self._queue, None
        if queue is not None:
            queue._left(self)


class Queue:
    """The queue for one thing.

    Attributes:
        tokens: What all that wait here want, together.
    """

    __slots__ = ("_tickets", "tokens")

    def __init__(self) -> None:
        self._tickets: dict[Ticket, None] = {}  # in order, and left from anywhere at once
        self.tokens = 0

    def __len__(self) -> int:
        return len(self._tickets)

    @property
    def full(self) -> bool:
        """There is no room for one more."""
        return len(self._tickets) >= QUEUE_MAX

    @property
    def first(self) -> Ticket | None:
        """The ticket that is next."""
        return next(iter(self._tickets), None)

    def join(self, wake: Callable[[], None], tokens: int = 0) -> Ticket:
        """Wait at the end.

        Args:
            wake: Called when it is this one's turn, and again whenever something becomes free while it is.
        """
        assert not self.full
        ticket = Ticket(self, wake, tokens)
        self._tickets[ticket] = None
        self.tokens += tokens
        return ticket

    def wake_first(self) -> None:
        """Something has become free: let the first look."""
        if self._tickets and (first := self.first) is not None:
            first.wake()

    def _left(self, ticket: Ticket) -> None:
        was_first = self.first is ticket
        del self._tickets[ticket]
        self.tokens -= ticket.tokens
        if was_first:
            self.wake_first()
