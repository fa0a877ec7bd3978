"""The server: aiohttp's low-level one reads requests, a handler answers them, and the answers go out as our own bytes.

aiohttp's parser is the strictest of those that were tried, and its handlers are cancelled when their client has gone.
It has no clock for a head or a body that never comes, and none for a client that takes nothing: these are kept here.
Nothing of a request reaches a log: that one is malformed is told to `note`, without its bytes.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web

from ...config import Clients
from ..http import ClientGone, Handler, Request, RequestRefused
from .answering import Note, no_note
from .bodies import read_body
from .connection import Connection, Inward, Shared
from .connections import Connections
from .rendering import JSON, refusal_body
from .socket_reply import SocketReply
from .unfit import unfit_head

LINGER_S = 10.0
"""So long what is left of a body that was not read is taken in, so that its client can read why."""

FIELD_BYTES_MAX = 8190
"""Maximum size of one header; all of them together may have more."""

ALWAYS_ANSWERED = ("/health", "/ready")
"""Paths that the cap on requests in flight does not concern: a server that is busy is neither dead nor gone."""

RETRY_AFTER = (("retry-after", "1"),)


class HttpServer:
    """Answers requests by a handler. Made in the event loop that it serves in; `protocol` makes its connections.

    Args:
        clients: Limits of what clients may send.
        always: Paths that are answered however many requests are in flight.
        note: Called with what the handler does not see.
    """

    def __init__(
        self,
        handler: Handler,
        clients: Clients = Clients(),  # noqa: B008 - frozen
        *,
        always: Collection[str] = ALWAYS_ANSWERED,
        note: Note = no_note,
    ) -> None:
        self._handler, self._clients, self._note = handler, clients, note
        self._always = frozenset(always)
        self._loop = asyncio.get_running_loop()
        self._book: Connections[Connection] = Connections(
            clients.connections_max, head_s=clients.head_s, stalled_s=clients.stalled_s
        )
        self._web = web.Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            logger=_quiet(note),
            keepalive_timeout=clients.keep_alive_s,
            lingering_time=LINGER_S,
            auto_decompress=False,
            max_line_size=clients.url_bytes_max,
            max_field_size=min(FIELD_BYTES_MAX, clients.headers_bytes_max),
            max_headers=clients.headers_max,
        )
        self._shared = Shared(
            book=self._book,
            inner=self._web,
            note=lambda what: note(what, None),
            changed=self._changed,
            clock=self._loop.time,
        )
        self._in_flight = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._news: list[asyncio.Future[None]] = []

    def protocol(self) -> asyncio.Protocol:
        """Make the protocol of a new connection."""
        return Connection(self._shared)

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._book)

    @property
    def in_flight(self) -> int:
        """How many requests have not been answered to their end."""
        return self._in_flight

    def leave(self) -> None:
        """Let every answer from now on close its connection."""
        self._shared.leaving = True

    def close_idle(self) -> None:
        """Close the connections on which no request is under way."""
        for connection in self._book.idle:
            connection.close()

    async def emptied(self) -> None:
        """Wait until no connection is left and no handler runs."""
        while self._book or self._in_flight:
            news: asyncio.Future[None] = self._loop.create_future()
            self._news.append(news)
            await news

    def abort(self) -> None:
        """Cut every connection off. The handlers are cancelled; `emptied` waits for them."""
        for connection in self._book.every:
            connection.abort()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; nothing but a cancellation leaves it."""
        if not isinstance(transport := incoming.transport, Inward):
            return _CLOSES  # the client went before its request was looked at
        connection = transport.connection
        connection.request_began()
        reply = SocketReply(
            connection,
            self._shared,
            http10=incoming.version < (1, 1),
            head_only=incoming.method == "HEAD",
            keep_alive=incoming.keep_alive,
            body_is_read=incoming.content.is_eof,
        )
        self._in_flight += 1
        try:
            await self._answer(incoming, connection, reply)
        finally:
            self._in_flight -= 1
            connection.request_ended(goes_on=reply.goes_on)
            if self._news and not self._in_flight:
                self._changed()
        return _GOES_ON if reply.goes_on else _CLOSES

    async def _answer(self, incoming: web.BaseRequest, connection: Connection, reply: SocketReply) -> None:
        try:
            request = _request(incoming, connection, partial(read_body, incoming, connection, self._clients))
            if (refused := self._unfit(incoming, request.path)) is not None:
                reply.close_behind()
                raise refused
            await self._handler(request, reply)
            if not reply.ended:
                raise RuntimeError("the handler left its answer unfinished")
        except ClientGone:
            reply.abort()
        except RequestRefused as refused:
            await self._refuse(refused, reply)
        except Exception as error:  # noqa: BLE001 - a bug of the gateway's costs one answer, and is told
            self._note("fault", error)
            await self._fail(reply)

    def _unfit(self, incoming: web.BaseRequest, path: str) -> RequestRefused | None:
        """Look at what the parser lets pass: why this request is not answered, if so."""
        clients = self._clients
        if self._in_flight > clients.in_flight_max and path not in self._always:
            self._note("in_flight_full", None)
            return RequestRefused(503, "The server has as many requests as it may have. Try again.", RETRY_AFTER)
        size = sum([len(name) + len(value) for name, value in incoming.raw_headers])
        return unfit_head(
            incoming.method, incoming.version, incoming.raw_path, incoming.headers, clients.headers_bytes_max, size
        )

    async def _refuse(self, refused: RequestRefused, reply: SocketReply) -> None:
        if reply.started:
            reply.abort()
            return
        self._note("refused", None)
        with suppress(ClientGone):
            await reply.whole(refused.status, (*JSON, *refused.fields), refusal_body(refused))

    async def _fail(self, reply: SocketReply) -> None:
        if reply.started:
            reply.abort()
            return
        failed = RequestRefused(500, "The gateway failed to answer.")
        with suppress(ClientGone):
            await reply.whole(failed.status, JSON, refusal_body(failed))

    def _changed(self) -> None:
        """Note that a connection has opened or closed, or that the last handler has ended."""
        if self._sweeper is None and self._book:
            self._sweeper = self._loop.call_later(self._book.sweep_s, self._sweep)
        elif self._sweeper is not None and not self._book:
            self._sweeper.cancel()
            self._sweeper = None
        news, self._news = self._news, []
        for each in news:
            if not each.done():
                each.set_result(None)

    def _sweep(self) -> None:
        """Close the connections that are overdue."""
        self._sweeper = self._loop.call_later(self._book.sweep_s, self._sweep)
        for connection, why in self._book.overdue(self._loop.time()):
            if why == "head":
                self._note("head_timeout", None)
                connection.time_out()
                continue
            if why == "stalled":
                self._note("stalled", None)
            connection.abort()


class _Sent(web.StreamResponse):
    """What aiohttp gets in place of an answer, which is on its way already: whether the connection goes on."""

    def __init__(self, *, goes_on: bool) -> None:
        super().__init__()
        self._goes_on = goes_on

    @property
    def keep_alive(self) -> bool:
        return self._goes_on

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send no head."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send no end."""


_GOES_ON, _CLOSES = _Sent(goes_on=True), _Sent(goes_on=False)


def _request(incoming: web.BaseRequest, connection: Connection, read: Callable[[], Any]) -> Request:
    """Make a handler's request of aiohttp's."""
    path = incoming.raw_path
    if not path.startswith("/") and path != "*":
        path = incoming.rel_url.raw_path_qs or "/"  # the form that clients use towards a proxy: the whole URL
    path, _, query = path.partition("?")
    return Request(
        incoming.method,
        path,
        query=query,
        headers=incoming.headers,
        body=read if incoming.can_read_body or not incoming.content.is_eof() else b"",
        peer=connection.peer,
        tls=connection.tls,
    )


def _quiet(note: Note) -> logging.Logger:
    """Make a logger for aiohttp that passes nothing on: its messages show bytes of requests, keys among them."""
    logger = logging.Logger("standby.gateway", logging.INFO)
    logger.propagate = False
    logger.addHandler(_Faults(note))
    return logger


class _Faults(logging.Handler):
    """Tells of errors that aiohttp would log, except those of parsing: these are told where they are answered."""

    def __init__(self, note: Note) -> None:
        super().__init__()
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not hasattr(error, "code"):  # those of parsing have a status, and are answered
            self._note("fault", error)
