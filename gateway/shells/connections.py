"""What is known of a server's connections, and which of them have used up their time. Pure: the clock is handed in.

A connection is idle, in a head, in a request, or on its way out. Clocks may close it: the head's, which runs from its
first byte; that of a client that takes nothing of what is written; that of one that was refused and goes on sending;
and aiohttp's for idle ones, which needs nothing of ours. When there are as many as there may be, a new one takes the
place of the one that has been idle for longest.
"""

from collections.abc import Hashable, Iterator, Mapping
from itertools import takewhile
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

SWEEP_S = 1.0
"""How often clocks are looked at; a connection may live this much longer than it may."""

LINGER_S = 2.0
"""So long what comes behind a refused head is passed over. A connection closed before would lose the answer, too."""

SWEEPS_MIN = 4
"""But at least so often within the shortest clock."""


class Peer(Hashable, Protocol):
    """A connection, as far as its clocks need it."""

    def unsent(self) -> int:
        """Count the bytes that are written and not yet taken by the operating system."""
        ...


C = TypeVar("C", bound=Peer)


class Overdue(NamedTuple, Generic[C]):
    """A connection that has used up its time.

    Attributes:
        why: The head did not come; nothing was taken of what was written; or the client of a request that was refused
            goes on sending.
    """

    connection: C
    why: Literal["head", "lingered", "stalled"]


class _Unread(NamedTuple):
    """So many bytes are written and not taken, since when."""

    size: int
    since_s: float


class Connections(Generic[C]):
    """All connections of one server.

    Args:
        most: Maximum connections at a time.
        head_s: Maximum time for a head, from its first byte.
        stalled_s: Maximum time in which nothing that was written is taken.
    """

    def __init__(self, most: int, *, head_s: float, stalled_s: float) -> None:
        self._most, self._head_s, self._stalled_s = most, head_s, stalled_s
        self._open: set[C] = set()
        self._idle: dict[C, None] = {}
        self._heads: dict[C, float] = {}
        self._unread: dict[C, _Unread] = {}
        self._lingering: dict[C, float] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def every(self) -> list[C]:
        """All of them."""
        return list(self._open)

    @property
    def idle(self) -> list[C]:
        """Those without a request, idle for longest first."""
        return list(self._idle)

    @property
    def sweep_s(self) -> float:
        """How long to wait between two looks at the clocks."""
        return min(SWEEP_S, self._head_s / SWEEPS_MIN, self._stalled_s / SWEEPS_MIN)

    def surplus(self) -> C | None:
        """The connection that a new one may take the place of.

        Raises:
            LookupError: There are as many as there may be, and each is at work.
        """
        if len(self._open) < self._most:
            return None
        if not self._idle:
            raise LookupError
        return next(iter(self._idle))

    def opened(self, connection: C) -> None:
        """Count a new connection, which is idle."""
        self._open.add(connection)
        self._idle[connection] = None

    def closed(self, connection: C) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        self._idle.pop(connection, None)
        self._heads.pop(connection, None)
        self._unread.pop(connection, None)
        self._lingering.pop(connection, None)

    def head_began(self, connection: C, now_s: float) -> None:
        """Start the head's clock: the first bytes of a request have come on an idle connection."""
        self._idle.pop(connection, None)
        self._heads[connection] = now_s

    def request_began(self, connection: C) -> None:
        """Stop the head's clock: a request has its handler."""
        self._heads.pop(connection, None)
        self._idle.pop(connection, None)

    def request_ended(self, connection: C, now_s: float, *, goes_on: bool) -> None:
        """Take a connection as idle again, or, if it does not go on, as on its way out."""
        if connection not in self._open:
            return
        if goes_on:
            self._idle[connection] = None
        if size := connection.unsent():
            self._unread[connection] = _Unread(size, now_s)

    def stalled(self, connection: C, now_s: float) -> None:
        """Start the clock of a client that is behind: more is written than its buffers hold."""
        self._unread[connection] = _Unread(connection.unsent(), now_s)

    def flows(self, connection: C) -> None:
        """Stop that clock: what was written is taken."""
        self._unread.pop(connection, None)

    def lingers(self, connection: C, now_s: float) -> None:
        """Take a connection as refused: its client may read why, and has a moment to do so."""
        self._heads.pop(connection, None)
        self._idle.pop(connection, None)
        self._lingering[connection] = now_s

    def overdue(self, now_s: float) -> list[Overdue[C]]:
        """The connections that have used up their time. Cheap: of most only the oldest are looked at."""
        found: list[Overdue[C]] = [
            *(Overdue(each, "head") for each in _older(self._heads, now_s - self._head_s)),
            *(Overdue(each, "lingered") for each in _older(self._lingering, now_s - LINGER_S)),
        ]
        for connection, unread in list(self._unread.items()):
            size = connection.unsent()
            if not size:
                del self._unread[connection]
            elif size != unread.size:
                self._unread[connection] = _Unread(size, now_s)
            elif now_s - unread.since_s >= self._stalled_s:
                found.append(Overdue(connection, "stalled"))
        return found


def _older(since: Mapping[C, float], than_s: float) -> Iterator[C]:
    """Those that began before; the mapping is in the order in which they began."""
    return (each for each, _ in takewhile(lambda item: item[1] <= than_s, since.items()))
