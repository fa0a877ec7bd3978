"""One connection of a client: it stands between the transport and aiohttp's protocol, and keeps the clocks' books.

aiohttp parses what comes, and sees no transport but an `Inward`. Answers are written past it, as bytes; so what it does
write is its own: that a request is malformed, with bytes of the request in it. These words are replaced by ours.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from ...providers.wall_clock import WALL_CLOCK, WallClock
from ..http import ClientGone, RequestRefused
from .connections import Connections
from .rendering import Dates, refusal

WRITE_HIGH_BYTES = 64 * 1024
"""So much may be written and not yet taken before the handler waits: a stream stops when its client does."""

FULL = RequestRefused(503, "The server has as many connections as it may have. Try again.", (("retry-after", "1"),))
TOO_SLOW = RequestRefused(408, "The head of the request did not come in time.")
MALFORMED = RequestRefused(400, "The request is not valid HTTP/1.1, or its head is larger than this server takes.")


@dataclass(slots=True, kw_only=True)
class Shared:
    """What all connections of one server share.

    Attributes:
        book: The connections and their clocks.
        inner: Makes aiohttp's protocol for a new one.
        note: Called with what happened to a client: `connections_full`, `malformed`.
        changed: Called when a connection has opened or closed.
        leaving: The server is about to end: every answer closes its connection.
    """

    book: "Connections[Connection]"
    inner: Callable[[], asyncio.Protocol]
    note: Callable[[str], None]
    changed: Callable[[], None]
    clock: Callable[[], float]
    wall: WallClock = WALL_CLOCK
    dates: Dates = field(default_factory=Dates)
    leaving: bool = False

    def date(self) -> str:
        """Give the line of the header `date`."""
        return self.dates.line(self.wall())


class Inward(asyncio.Transport):
    """The transport of a connection, as aiohttp sees it.

    Attributes:
        connection: The one behind it.
    """

    __slots__ = ("_closing", "_outer", "connection")

    def __init__(self, connection: "Connection", outer: asyncio.Transport) -> None:
        super().__init__()
        self.connection, self._outer = connection, outer
        self._closing = False

    def write(self, data: object) -> None:
        """Answer as malformed whatever aiohttp answers by itself."""
        if not self._closing:
            self.connection.refuse_malformed()

    def writelines(self, list_of_data: object) -> None:
        self.write(list_of_data)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.connection.close_behind()

    def abort(self) -> None:
        self._closing = True
        self._outer.abort()

    def is_closing(self) -> bool:
        return self._closing or self._outer.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._outer.get_extra_info(name, default)

    def is_reading(self) -> bool:
        return self._outer.is_reading()

    def pause_reading(self) -> None:
        self._outer.pause_reading()

    def resume_reading(self) -> None:
        if not self._closing:
            self._outer.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._outer.get_write_buffer_size()

    def can_write_eof(self) -> bool:
        return False


class Connection(asyncio.Protocol):
    """A protocol around aiohttp's.

    Attributes:
        peer: The client's address, without its port; empty on a unix socket.
        tls: It speaks TLS.
    """

    __slots__ = (
        "_at_rest", "_at_work", "_inner", "_paused", "_refused", "_shared", "_transport", "_waiting", "peer", "tls",
    )  # fmt: skip

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._inner: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._at_rest = True  # no byte of a next request has come
        self._at_work = False  # a request has its handler
        self._paused = False
        self._refused = False  # what came was no request, and nothing that follows is one
        self._waiting: list[asyncio.Future[None]] = []
        self.peer, self.tls = "", False

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's are none by descent
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        self.tls = transport.get_extra_info("sslcontext") is not None
        shared = self._shared
        try:
            surplus = shared.book.surplus()
        except LookupError:
            shared.note("connections_full")
            transport.write(refusal(FULL, shared.date()))
            transport.close()
            return
        if surplus is not None:
            surplus.close()
        transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        shared.book.opened(self)
        self._inner = shared.inner()
        self._inner.connection_made(Inward(self, transport))
        shared.changed()

    def data_received(self, data: bytes) -> None:
        if self._inner is None or self._refused:
            return
        if self._at_rest:
            self._at_rest = False
            self._shared.book.head_began(self, self._shared.clock())
        self._inner.data_received(data)

    def eof_received(self) -> None:
        """Take a client that sends no more as gone. If it takes nothing either, what is written would never leave."""
        if self._at_work:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._inner is None:
            return
        inner, self._inner = self._inner, None
        self._shared.book.closed(self)
        inner.connection_lost(exc)  # which cancels the handler, before its writing could fail
        self._wake(ClientGone("the client has gone"))
        self._shared.changed()

    def pause_writing(self) -> None:
        self._paused = True
        if self._inner is not None:
            self._shared.book.stalled(self, self._shared.clock())
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._paused = False
        if self._inner is not None:
            self._shared.book.flows(self)
            self._inner.resume_writing()
        self._wake(None)

    # What a request and its answer do.

    def request_began(self) -> None:
        """Note that a request has its handler: what comes now is its body, or a next one behind it."""
        self._at_rest = False
        self._at_work = True
        self._shared.book.request_began(self)

    def request_ended(self, *, goes_on: bool) -> None:
        """Note that its answer is written; then comes the next request, or the end of the connection."""
        self._at_rest = goes_on
        self._at_work = False
        self._shared.book.request_ended(self, self._shared.clock(), goes_on=goes_on)

    def write(self, data: bytes) -> None:
        """Write bytes of an answer.

        Raises:
            ClientGone: The connection is closed, or about to be.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ClientGone("the client has gone")
        transport.write(data)

    @property
    def is_paused(self) -> bool:
        """Is more written than the client has taken in?"""
        return self._paused

    async def drained(self) -> None:
        """Wait until the client takes in again.

        Raises:
            ClientGone: It went instead.
        """
        if self._paused:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    def refuse_malformed(self) -> None:
        """Answer that what came is no request. What else comes is passed over."""
        if self._transport is not None and not self._refused:
            self._refused = True
            self._shared.note("malformed")
            self._transport.write(refusal(MALFORMED, self._shared.date()))

    def close_behind(self) -> None:
        """Close behind what was written. After a refusal the client may still send, and must be able to read why."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._refused and transport.can_write_eof():
            transport.write_eof()
            transport.resume_reading()
            self._shared.book.lingers(self, self._shared.clock())
        else:
            transport.close()

    def reset_at_close(self) -> None:
        """Let the connection end with a reset, for an answer that only the end of the connection would end."""
        sock: Any = None if self._transport is None else self._transport.get_extra_info("socket")
        if sock is not None and sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    # What the server does.

    def unsent(self) -> int:
        """Count the bytes that are written and not yet taken by the operating system."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def time_out(self) -> None:
        """Tell the client that the head did not come, and close."""
        if self._transport is not None:
            if not self._transport.is_closing():
                self._transport.write(refusal(TOO_SLOW, self._shared.date()))
            self.close()

    def close(self) -> None:
        """Close an idle connection; one that takes in nothing is cut off."""
        if self._transport is not None:
            if self._transport.get_write_buffer_size():
                self._transport.abort()
            else:
                self._transport.close()

    def abort(self) -> None:
        """Cut the connection off, and with it whatever it is at."""
        if self._transport is not None:
            self._transport.abort()

    def _wake(self, error: ClientGone | None) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                if error is None:
                    each.set_result(None)
                else:
                    each.set_exception(error)
