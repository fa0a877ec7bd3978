"""Requests and responses by aiohttp's insides: kept connections that are looked at, heads that are put together once.

Taken where `privates` finds a release that was tested, with every name in place.
"""

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
from yarl import URL

from ..provider import WireRequest
from . import way
from .address import Address
from .connector import PooledConnector
from .headers import merged, request_headers
from .keep_alive import KeptResponse, ask, head
from .response import Response
from .sockets import descriptor
from .way import BYTES_MAX, Timeouts, WayOptions, in_pieces, new_session

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey

HEADS_MAX = 64


class PrivateWay:
    """The way that is fast.

    Attributes:
        pool: Its connections; None: a caller's connector has them.
    """

    def __init__(self, options: WayOptions) -> None:
        self._options = options
        self.pool = None if options.connector is not None else _pool(options)
        self._connector: aiohttp.BaseConnector | PooledConnector | None = self.pool or options.connector
        assert self._connector is not None
        self._session: aiohttp.ClientSession | None = new_session(options, self._connector, Response)
        self._timeouts = Timeouts()
        self._keys: dict[str, ConnectionKey] = {}  # by URL: where its connections lie in the pool
        self._heads: dict[object, _Head] = {}  # by URL and headers

    @property
    def in_use(self) -> int:
        """Connections of our own that carry an exchange, or are being made."""
        return 0 if self.pool is None else self.pool.acquired

    @property
    def open(self) -> int:
        """Those, and the ones that lie idle."""
        return 0 if self.pool is None else self.pool.acquired + self.pool.idle

    def ask_kept(
        self, wire: WireRequest, to: Address, *, expect_stream: bool
    ) -> Coroutine[Any, Any, KeptResponse | None] | None:
        """Ask over a connection that lies idle, if there is one; None: only the session can send this."""
        key, pool = self._keys.get(wire.url), self.pool
        if key is None or pool is None:
            return None
        start = self._kept_head(wire, to.url, expect_stream=expect_stream)
        return None if start is None else ask(pool, key, start, wire.body, to.where, way.READ_BUFFER_BYTES)

    async def ask(self, wire: WireRequest, to: Address, *, connect_s: float, expect_stream: bool) -> Response:
        """Send a request and wait for the head of its response."""
        pool = self.pool
        assert self._session is not None
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
        assert isinstance(response, Response)
        if pool is not None and to.proxy is None and response.line is not None:
            known = getattr(response.line, "key", None)
            if known is not None:
                self._keys[wire.url] = known
        return response

    def forget(self) -> None:
        """Forget where the connections of each URL lie."""
        self._keys.clear()

    def abandon(self) -> None:
        """Close every connection at once. Idempotent."""
        if self.pool is not None:
            self.pool.abandon()
        if self._session is not None:
            self._session.detach()
            self._session = None

    async def close(self) -> None:
        """Close every connection, and wait until their sockets are gone. Idempotent, also after a cancellation."""
        self.abandon()
        if self.pool is not None:
            await self.pool.close()

    def descriptors(self) -> set[int]:
        """Those of its sockets; on a caller's connector, of those that are in use."""
        assert self._connector is not None
        found = {descriptor(line) for line in self._connector._acquired}
        return found if self.pool is None else found | self.pool.descriptors()

    def _kept_head(self, wire: WireRequest, url: URL, *, expect_stream: bool) -> bytes | None:
        """The head of a request over a connection that lies idle; None when the session must send it."""
        if wire.method != "POST" or len(wire.body) > BYTES_MAX:
            return None
        headers = wire.headers
        known = wire.url, expect_stream, id(headers) if wire.lasting else tuple(headers.items())
        start = self._heads.get(known)
        if start is None:
            if len(self._heads) >= HEADS_MAX:
                self._heads.clear()
            whole = merged(self._options.constant, request_headers(wire, expect_stream=expect_stream))
            start = self._heads[known] = _Head(head(url, whole), headers)
        return start.sent


class _Head(NamedTuple):
    """A request's head.

    Attributes:
        sent: As it is sent, up to its length; None: the session must send it.
        headers: What it was made of, held so that no others can have their `id`.
    """

    sent: bytes | None
    headers: Mapping[str, str]


def _pool(options: WayOptions) -> PooledConnector:
    settings: dict[str, Any] = {
        "limit": options.reach.connections_max,
        "keepalive_s": options.reach.keepalive_s,
        "max_age_s": options.reach.max_age_s,
        "idle": options.reach.idle,
    }
    if options.socks is None:
        return PooledConnector(**settings)
    from .private_socks import SocksConnector

    return SocksConnector(options.socks, **settings)
