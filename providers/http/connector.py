"""The pool of a target's connections, which are reused only if they were silent while idle.

aiohttp's own pool hands out a connection on which bytes came while it lay idle, and they become the answer to the next
request (aio-libs/aiohttp#13656). Here a connection that received anything while idle, that still holds a part of a
message, or that is readable when its turn comes (data or the end: both mean that it is spent) is closed. Connections
are closed at once, without a farewell: a cancelled call must stop a provider from generating, and billing.

What this module uses of aiohttp's insides stands in the table of `privates`.
"""

import asyncio
import select
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet, ref

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.streams import StreamReader

from ..errors import ErrorKind, ProviderError
from .body import bound
from .idle import Idle
from .sockets import descriptor, made
from .way import UNWIND_TURNS

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey

INTERIM_MAX = 32
"""Interim responses (1xx) before the real one; a server that sends more of them is not going to answer."""


class Quiet:
    """A transport in asyncio's debug mode, where a write that fails is logged with the frame that holds its bytes.

    It writes a view of them, with a repr that shows nothing.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: "bytes | bytearray | memoryview") -> None:
        self._transport.write(memoryview(data))

    def writelines(self, pieces: Any) -> None:
        self.write(b"".join(pieces))


class Line(ResponseHandler):
    """One connection, from the first byte to the last, over all the exchanges that it carries.

    Attributes:
        used: It has carried an exchange before the present one.
        answered: Bytes of an answer to the present request have come.
        born_s: When it was made, on the loop's clock.
        rested_s: When it went into the pool, the last time.
        opened_by: An object of the opener that must live as long as the connection.
        key: What it lies under in the pool.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.used = False
        self.answered = False
        self.born_s = self.rested_s = loop.time()
        self.opened_by: object = None
        self.key: ConnectionKey | None = None
        self._idle = False
        self._watched = False  # what `data_received` has done is looked at
        self._chunks_max = 0
        self._was_paused = False
        self._interim = 0
        self._poll: select.poll | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        quiet = self._loop.get_debug() and type(transport).__module__.startswith("asyncio.")  # uvloop logs no frame
        super().connection_made(cast(asyncio.BaseTransport, Quiet(transport)) if quiet else transport)

    def rest(self) -> None:
        """It goes into the pool: from here on, it must stay silent."""
        self._idle = self._watched = True
        self.rested_s = self._loop.time()

    def wake(self) -> bool:
        """It leaves the pool. Is it fit for another exchange? What made it unfit while it lay idle has closed it."""
        self._idle = self._watched = self.answered = False
        self._interim = 0
        self._was_paused = False
        return not self._readable()

    def data_received(self, data: bytes) -> None:
        if data:  # without data, aiohttp resumes a parser that was paused
            if self._idle:
                self.force_close()
                self.abort()
                return
            self.answered = True
        ResponseHandler.data_received(self, data)
        if self._watched:
            self._look_behind()

    def pause_reading(self) -> None:
        """Pause, at the word of a reader that holds enough."""
        super().pause_reading()
        self._was_paused = self._watched = True

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Resume what was paused, and nothing else: aiohttp would run its parser, on no data, for every HTTP chunk that
        is read from it. That is a quarter of what a delta costs."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """The parser has read a response's head."""
        if 100 <= data[0].code < 200:
            self._interim += 1
            if self._interim > INTERIM_MAX:
                self.abort()
                self.set_exception(BadHttpMessage("too many interim responses"))
                return
        message, reader = data
        if type(reader) is StreamReader:  # else there is no body
            limit, _ = reader.get_read_buffer_limits()
            self._chunks_max = bound(reader, limit)
            # Of a body in chunks, aiohttp bounds the number itself, and one that is here whole grows no more; but an
            # idle connection that gets any answer at all is looked at.
            self._watched = self._idle or not (message.chunked or reader._eof)
        ResponseHandler.feed_data(self, data, size)  # by its name: `super` costs as much as what is called

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let no reader take a reset for the end of its body, nor wait for ever: aiohttp allows both.

        An unframed body that is reset ends cleanly there, and one with a broken chunk does not end at all.
        """
        body = self._payload
        if body is None or body.is_eof():
            super().connection_lost(exc)
            return
        if exc is not None:
            body.set_exception(aiohttp.ClientPayloadError())
        super().connection_lost(exc)
        if not body.is_eof() and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError())

    def close(self) -> None:
        """Close at once: unsent bytes and the farewell of TLS would keep the socket open for as long as it takes."""
        self.abort()

    def _readable(self) -> bool:
        """Does the system hold bytes, or the end of the connection, that the loop has not read yet?"""
        if self._poll is None:
            number = descriptor(self)
            if number < 0:
                return False
            self._poll = select.poll()
            self._poll.register(number, select.POLLIN)
        return bool(self._poll.poll(0))

    def _look_behind(self) -> None:
        """Close an idle connection on which anything came; pause one with a body in many small pieces.

        aiohttp's parser, when it is paused behind a piece of a body, stops at the next one although it was resumed in
        between, and keeps what follows: perhaps the end, behind which nothing comes that would let it go on.
        """
        if self._idle:
            if self._buffer or self._holds_more():
                self.force_close()
                self.abort()
        elif self._payload is not None and not self._reading_paused:
            if self._was_paused:
                ResponseHandler.data_received(self, b"")
            reader = self._payload
            if reader is None or self._reading_paused or reader._eof or self.exception() is not None:
                return
            if len(reader._buffer) > self._chunks_max:
                self.pause_reading()

    def _holds_more(self) -> bool:
        """Behind the end of the answer came the beginning of something else, in the same packet."""
        try:
            return self._parser is not None and self._parser.feed_eof() is not None
        except Exception:  # noqa: BLE001 - whatever it is, it is not the silence of an idle connection
            return True


class PooledConnector(aiohttp.TCPConnector):
    """aiohttp's connector, with the pool's rules above.

    Args:
        keepalive_s: So long a connection may lie idle.
        max_age_s: No exchange begins on an older connection, so that a provider which moves is followed.
        idle: Where its idle connections lie, with those of others; None: by themselves.
        options: Those of `aiohttp.TCPConnector`.

    Attributes:
        connecting: How many requests are about to get a connection.
    """

    def __init__(self, *, keepalive_s: float, max_age_s: float, idle: Idle | None = None, **options: Any) -> None:
        self._sockets: WeakSet[socket.socket] = WeakSet()
        options.setdefault("socket_factory", partial(made, self._sockets))
        super().__init__(keepalive_timeout=keepalive_s, **options)
        self._max_age_s, self._kept_s = max_age_s, keepalive_s
        self.connecting = 0
        self._conns = self._idle = Idle() if idle is None else idle
        self._idle.users[self] = None
        self._gone: list[asyncio.Future[object]] = []
        self._factory = cast("partial[ResponseHandler]", partial(Line, self._loop))

    @property
    def acquired(self) -> int:
        """Connections in use, or being made."""
        return len(self._acquired)

    @property
    def idle(self) -> int:
        """Connections in the pool."""
        return sum(len(lines) for lines in self._conns.values())

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        full = 0 < self._limit <= len(self._acquired)
        self.connecting += 1
        try:
            connection = await super().connect(req, traces, timeout)
        except TimeoutError:
            if not full:
                raise
        else:
            cast(Line, connection.protocol).key = req.connection_key
            return connection
        finally:
            self.connecting -= 1
        raise ProviderError(
            ErrorKind.CONNECT, f"all {self._limit} connections were in use (connections_max)", local=True
        )

    def abandon(self) -> None:
        """Close every connection at once; `close` then waits until their sockets are gone. Idempotent."""
        for each in self._close(abort_ssl=True):
            gone = asyncio.ensure_future(each)
            gone.add_done_callback(_looked_at)
            self._gone.append(gone)

    async def close(self, *, abort_ssl: bool = True) -> None:
        """Close every connection, and wait until their sockets are gone. Idempotent, also after a cancellation."""
        self.abandon()
        if self._gone:
            await asyncio.wait(self._gone)
        await super().close(abort_ssl=abort_ssl)
        for _ in range(UNWIND_TURNS):
            if not self.connecting:
                break
            await asyncio.sleep(0)

    def descriptors(self) -> set[int]:
        """Those of its sockets, also of those that are being connected."""
        idle = (line for lines in self._conns.values() for line, _ in lines)
        return {descriptor(line) for line in idle} | {made.fileno() for made in tuple(self._sockets)}

    def take(self, key: "ConnectionKey") -> Connection | None:
        """A connection that lies idle and is fit for another exchange, taken into use; None when there is none."""
        lines = self._conns.get(key)
        if lines is None:
            return None
        now_s = self._loop.time()
        while lines:
            line, _ = lines.popleft()
            assert isinstance(line, Line)
            if line.is_connected() and now_s - line.rested_s <= self._kept_s and line.wake():
                if not lines:
                    del self._conns[key]
                self._acquired.add(line)
                return Connection(self, key, line, self._loop)
            line.close()
        del self._conns[key]
        return None

    def _close(self, *, abort_ssl: bool = False) -> list[Any]:
        """What lies idle is closed with the last pool that could use it."""
        users = self._idle.users
        users.pop(self, None)
        if self._conns is self._idle and users:
            self._conns = Idle()
            next(iter(users))._cleanup()  # else there might be no clock for what this one has put there
        return super()._close(abort_ssl=abort_ssl)

    def _cleanup(self) -> None:
        """Close what has lain idle for too long; in place, as others look there, too."""
        if self._cleanup_handle is not None:
            self._cleanup_handle.cancel()
            self._cleanup_handle = None
        now_s = self._loop.time()
        for key, lines in tuple(self._conns.items()):
            for _ in range(len(lines)):
                line, since_s = lines.popleft()
                assert isinstance(line, Line)
                if line.is_connected() and now_s - line.rested_s <= self._kept_s:
                    lines.append((line, since_s))
                else:
                    line.close()
            if not lines:
                del self._conns[key]
        if self._conns:
            self._cleanup_handle = self._loop.call_later(self._kept_s, partial(_clean, ref(self)))

    async def _get(self, key: "ConnectionKey", traces: list[Any]) -> Connection | None:
        return self.take(key)

    def _release(self, key: "ConnectionKey", protocol: ResponseHandler, *, should_close: bool = False) -> None:
        assert isinstance(protocol, Line)
        old = self._loop.time() - protocol.born_s > self._max_age_s
        aiohttp.TCPConnector._release(self, key, protocol, should_close=should_close or old)
        protocol.rest()


def _clean(pool: "ref[PooledConnector]") -> None:
    left = pool()
    if left is not None:
        left._cleanup()


def _looked_at(gone: "asyncio.Future[object]") -> None:
    """How a connection went does not matter once it is given up."""
    if not gone.cancelled():
        gone.exception()
