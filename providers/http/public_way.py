"""Requests and responses by what aiohttp documents: slower than by its insides, and right.

No connection carries a second exchange, so that no answer can be taken for that of another call: aiohttp's own pool
would hand out one on which bytes came while it lay idle (aio-libs/aiohttp#13656). A caller's connector is used as it
is, with the rules of its own pool.

What is different from the private way is in docs/guarantees.md, promise by promise.
"""

import asyncio
import socket
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy

from ..errors import ErrorKind, ProviderError
from ..provider import WireRequest
from .address import Address
from .exceptions import fault, let_go
from .headers import request_headers
from .public_body import PublicBody
from .sockets import descriptor, made
from .way import UNWIND_TURNS, Timeouts, WayOptions, in_pieces, is_framed, new_session

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection


class Begun:
    """What is known of a request that is being sent.

    Attributes:
        sockets: Those that were made for it.
        connection: aiohttp's, once the request is being sent over it.
        connected: Its connection stands.
        reused: That has carried an exchange before.
    """

    __slots__ = ("connected", "connection", "reused", "sockets")

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.connection: Connection | None = None
        self.connected = self.reused = False

    def close(self) -> None:
        """Close at once what aiohttp would close when all is sent."""
        _shut(self.sockets)
        if self.connection is not None and self.connection.transport is not None:
            self.connection.transport.abort()


_BEGUN: ContextVar[Begun | None] = ContextVar("standby_begun", default=None)
"""The request that the present task, or one that it has begun, is connecting for."""


class _Response(aiohttp.ClientResponse):
    """aiohttp's response, which notes its connection before the head has come, if aiohttp begins it so."""

    async def start(self, connection: "Connection") -> "_Response":
        transport = connection.transport
        if (begun := _BEGUN.get()) is not None:
            begun.connection, begun.connected = connection, True
        try:
            await super().start(connection)
        except BaseException:
            if transport is not None:
                transport.abort()
            raise
        return self


class PublicAnswer:
    """A response by what aiohttp documents of it.

    Attributes:
        body: What comes behind its head.
        line: What it came over.
        reused: The connection had carried an exchange before.
        is_over: The connection is given back.
    """

    def __init__(self, response: aiohttp.ClientResponse, taken: "set[PublicAnswer]", *, reused: bool) -> None:
        self._response, self._taken = response, taken
        self.reused = reused
        connection = response.connection
        self.line: ResponseHandler | None = None if connection is None else connection.protocol
        self.is_over = False
        taken.add(self)
        framed = is_framed(response.status, response.headers)
        self.body = PublicBody(response.content, getattr(self.line, "closed", None), framed=framed)
        self.body.on_eof(self._ended)

    @property
    def status(self) -> int:
        """Of the response."""
        return self._response.status

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Of the response."""
        return self._response.headers

    @property
    def breaks_http(self) -> bool:
        """Has anything come over the connection that is no HTTP?"""
        return self.line is not None and isinstance(self.line.exception(), HttpProcessingError)

    def abort(self) -> None:
        """Give the response up: its socket is closed at once."""
        self._ended()
        self.body.stop()
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._response.close()

    def spoil(self) -> None:
        """Let nothing more come over the connection, although it was given back: on a caller's connector it lives."""
        if self.line is not None:
            self.line.force_close()
            self.line.close()

    def _ended(self) -> None:
        self.is_over = True
        self._taken.discard(self)


class PublicWay:
    """The way that is right on any release of aiohttp."""

    def __init__(self, options: WayOptions) -> None:
        self._options = options
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._connector: aiohttp.BaseConnector = options.connector or self._new_connector()
        traces = [_trace()] if options.connector is not None or options.proxied else []
        self._session: aiohttp.ClientSession | None = new_session(
            options, self._connector, _Response, trace_configs=traces
        )
        self._timeouts = Timeouts()
        self._answers: set[PublicAnswer] = set()
        self._asking = 0
        self._closing: asyncio.Future[Any] | None = None

    @property
    def in_use(self) -> int:
        """Connections of our own that carry an exchange, or are being made."""
        return 0 if self._options.connector is not None else self._asking + len(self._answers)

    @property
    def open(self) -> int:
        """The same: none lies idle."""
        return self.in_use

    def ask_kept(self, wire: WireRequest, to: Address, *, expect_stream: bool) -> None:
        """There are no idle connections."""

    async def ask(self, wire: WireRequest, to: Address, *, connect_s: float, expect_stream: bool) -> PublicAnswer:
        """Send a request and wait for the head of its response, over a connection of its own."""
        assert self._session is not None
        full = 0 < self._options.reach.connections_max <= self.in_use
        begun = Begun()
        token = _BEGUN.set(begun)
        self._asking += 1
        try:
            response = await self._session.request(
                wire.method,
                to.url,
                data=in_pieces(wire.body),
                headers=request_headers(wire, expect_stream=expect_stream),
                allow_redirects=False,
                proxy=to.proxy,
                ssl=self._options.tls,
                timeout=self._timeouts.of(connect_s),
            )
        except Exception as error:  # noqa: BLE001 - every error becomes ours, by the table
            begun.close()
            failure = self._failure(error, to, begun, full=full)
            let_go(error)
        except BaseException:
            begun.close()
            raise
        else:
            return PublicAnswer(response, self._answers, reused=begun.reused)
        finally:
            self._asking -= 1
            _BEGUN.reset(token)
        try:
            raise failure
        finally:
            del failure  # it holds this frame

    def forget(self) -> None:
        """Nothing is remembered of addresses."""

    def abandon(self) -> None:
        """Close every connection at once. Idempotent."""
        for answer in tuple(self._answers):
            answer.abort()
        if self._session is None:
            return
        self._session.detach()
        self._session = None
        if self._options.connector is None:
            _shut(self._sockets)
            self._closing = asyncio.ensure_future(self._connector.close())

    async def close(self) -> None:
        """Close every connection, and wait until their sockets are gone. Idempotent, also after a cancellation."""
        self.abandon()
        if self._closing is not None:
            await asyncio.wait([self._closing])
        for _ in range(UNWIND_TURNS):
            if not self._asking:
                break
            await asyncio.sleep(0)

    def descriptors(self) -> set[int]:
        """Those of its sockets; on a caller's connector, and through a SOCKS proxy, of those that are in use."""
        return {each.fileno() for each in tuple(self._sockets)} | {descriptor(each.line) for each in self._answers}

    def _new_connector(self) -> aiohttp.TCPConnector:
        settings: dict[str, Any] = {"limit": self._options.reach.connections_max, "force_close": True}
        if self._options.socks is None:
            return aiohttp.TCPConnector(socket_factory=self._made, **settings)
        from .socks import socks_connector

        return socks_connector(self._options.socks, **settings)

    def _made(self, info: "AddrInfoType") -> socket.socket:
        new = made(self._sockets, info)
        begun = _BEGUN.get()
        if begun is not None:
            begun.sockets.append(new)
        return new

    def _failure(self, error: Exception, to: Address, begun: Begun, *, full: bool) -> ProviderError:
        if isinstance(error, ProviderError):
            return error
        if full and isinstance(error, TimeoutError):
            most = self._options.reach.connections_max
            words = f"all {most} connections were in use (connections_max)"
            return ProviderError(ErrorKind.CONNECT, words, local=True)
        if self._options.socks is not None and not begun.connected:
            from .socks import socks_fault_within

            return socks_fault_within(error, to.where)
        return fault(error, to.where, via=None if begun.connected else to.via, reused=begun.reused)


def _shut(sockets: "list[socket.socket] | WeakSet[socket.socket]") -> None:
    """Let nothing more go out over these sockets, nor come in: aiohttp closes them, but may send what waits before."""
    for each in tuple(sockets):
        with suppress(OSError):  # it is not connected, or closed already
            each.shutdown(socket.SHUT_RDWR)


def _trace() -> aiohttp.TraceConfig:
    """Notes when a request has its connection, and whether that had been used before."""
    config = aiohttp.TraceConfig()

    async def made_one(session: aiohttp.ClientSession, context: Any, params: Any) -> None:
        if (begun := _BEGUN.get()) is not None:
            begun.connected = True

    async def took_one(session: aiohttp.ClientSession, context: Any, params: Any) -> None:
        if (begun := _BEGUN.get()) is not None:
            begun.connected = begun.reused = True

    config.on_connection_create_end.append(made_one)
    config.on_connection_reuseconn.append(took_one)
    return config
