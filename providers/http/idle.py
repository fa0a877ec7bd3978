"""Connections that lie idle, shared by all targets that are reached in the same way.

A service may give each call a key, or a header, of its own: each is a target by itself, with its own session, limits
and answers in flight. A connection belongs to none of them once its answer has ended: whatever tells one target from
another is in the head of each request. So what lies idle is there for all, as long as one is left that could use it.

Two targets are reached in the same way when address and proxy are the same, and neither brings certificates of its own:
those are read anew for each target, so that a reload renews them. aiohttp compares host, TLS and proxy once more.
"""

from collections import defaultdict, deque
from collections.abc import Hashable
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ConnectionKey


class Pool(Protocol):
    """What shares idle connections: a connector of aiohttp, which closes those that have lain idle for too long."""

    def _cleanup(self) -> None: ...


class Idle(defaultdict["ConnectionKey", "deque[tuple[ResponseHandler, float]]"]):
    """The idle connections of one way, in the shape that aiohttp keeps them in: the one that lies there longest first.

    Attributes:
        users: The pools that share it and are not closed.
    """

    def __init__(self) -> None:
        super().__init__(deque)
        self.users: WeakKeyDictionary[Pool, None] = WeakKeyDictionary()


class Ways:
    """The idle connections of each way, for as long as a pool uses them. Of one event loop."""

    def __init__(self) -> None:
        self._idle: WeakValueDictionary[Hashable, Idle] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._idle)

    def idle(self, way: Hashable) -> Idle:
        """What lies idle of this way."""
        found = self._idle.get(way)
        if found is None:
            found = self._idle[way] = Idle()
        return found
