"""The one transport of a target: requests in, responses out, over a pool of connections.

Nothing else in the product opens a connection to a provider. It never follows a redirect, keeps no cookie, never
retries, and trusts no variable of the environment unless told to. No exception of aiohttp leaves it. It sets no clock
but the one on connecting: how long an answer may take, and stall, is the caller's to say.
"""

import asyncio
import io
import re
import ssl
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import msgspec
from multidict import CIMultiDict

from ..errors import ErrorKind, MissingExtraError, ProviderError
from ..files import CERTIFICATES_BYTES_MAX, UnreadableFile, read_bounded
from ..provider import WireRequest
from .address import Address, address, is_socks, proxy_url
from .connector import PooledConnector, Response, descriptor
from .exceptions import fault, let_go
from .exchange import Exchange, exchange
from .forked import let_go_when_forked
from .idle import Idle
from .keep_alive import KeptResponse, ask, head, merged

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey

__all__ = ["Exchange", "Transport", "TransportOptions"]

READ_BUFFER_BYTES = 64 * 1024
"""A consumer that stops reading holds at most twice this, and one read more, of one response."""

CONNECT_MIN_S, CONNECT_MAX_S = 0.001, 3600.0
"""aiohttp takes a limit of zero, or less, for none."""

BYTES_MAX = 2**20
"""A longer body is handed to aiohttp as a file, so that it is written in pieces."""

ADDRESSES_MAX = 64
HEADS_MAX = 64
WHOLE_ENCODINGS = "gzip, deflate"
CONSTANT_HEADERS = {"User-Agent": "standby", "Accept": "*/*", "Accept-Encoding": "identity"}
"""On the session, so that aiohttp adds none of its own per request. A stream is never asked for compressed: its
pieces would wait for each other in the compressor."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class TransportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a target is reached.

    Attributes:
        proxy: `http://`, `https://`, `socks5://` (names are resolved here) or `socks5h://` (by the proxy); with user
            and password if it needs them. The SOCKS ones need the extra `socks`.
        connector: The caller's own, used as it is and never closed; it excludes a SOCKS proxy.
        trust_env: Take a proxy from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY. Never credentials from netrc.
        ca_file: Certificates (PEM) to trust instead of the system's.
        client_cert: A client's certificate with its key (PEM, without a password).
        connections_max: The most connections at a time; further requests wait within their `connect_s`.
        keepalive_s: So long a connection may lie idle: less than servers wait, or they close it as we ask.
        max_age_s: On an older connection no exchange begins, so that a provider which moves is followed.
        headers: Sent with every request, unless the request has its own.
    """

    proxy: str | None = None
    connector: aiohttp.BaseConnector | None = None
    trust_env: bool = False
    ca_file: str | None = None
    client_cert: str | None = None
    connections_max: int = 1000
    keepalive_s: float = 10.0
    max_age_s: float = 300.0
    headers: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return "TransportOptions(***)"  # a proxy's URL and the headers may hold secrets


class Transport:
    """The connections to one target. Belongs to the event loop of its first request.

    Args:
        idle: Where its idle connections lie, with those of others that are reached in the same way.

    Attributes:
        closed: Nothing can be opened any more.

    Raises:
        ValueError: The proxy is no URL that can be used, or given together with a connector that it excludes.
        MissingExtraError: A SOCKS proxy, without the extra `socks`.
    """

    def __init__(self, options: TransportOptions, idle: Idle | None = None) -> None:
        self._options, self._idle = options, idle
        self._proxy = None if options.proxy is None else proxy_url(options.proxy)
        if is_socks(self._proxy):
            if options.connector is not None:
                raise ValueError("a connector of your own excludes a SOCKS proxy, which is a connector too")
            _require_socks()
        self._session: aiohttp.ClientSession | None = None
        self._pool: PooledConnector | None = None
        self._tls: ssl.SSLContext | bool = True
        self._starting = asyncio.Lock()
        self.closed = False
        self._exchanges: set[Exchange] = set()
        self._addresses: dict[str, Address] = {}
        self._keys: dict[str, ConnectionKey] = {}  # by URL: where its connections lie in the pool
        self._constant: CIMultiDict[str] = _checked(CONSTANT_HEADERS | dict(options.headers))
        self._heads: dict[object, _Head] = {}  # by URL and headers
        self._timeout = _timeout(5.0)
        let_go_when_forked(self)

    @property
    def open_exchanges(self) -> int:
        """Responses that were neither read to their end, nor closed or released."""
        return len(self._exchanges)

    @property
    def open_connections(self) -> int:
        """Connections of our own pool: in use, being made, or idle."""
        return 0 if self._pool is None else self._pool.acquired + self._pool.idle

    async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> Exchange:
        """Send a request and wait for the head of its response, whatever its status.

        Args:
            connect_s: Until a connection stands, in seconds: a free place in the pool, DNS, TCP, TLS and proxy
                together. Nothing limits the wait for the head: cancel the task.
            expect_stream: False: a body that comes as a whole, which may be compressed.

        Raises:
            ProviderError: `connect`, `dns`, `tls`: no connection; `local` when the cause is on our side, a proxy
                included. `disconnected`: it was closed before a byte of an answer. `protocol`: the answer is no HTTP,
                or (`local`) the request cannot be sent. `closed`: the transport was closed.
            asyncio.CancelledError: The task was cancelled. The socket is closed.
        """
        session = self._session or await self._start()
        to = self._addresses.get(wire.url) or self._address(wire.url)
        if self._timeout.connect != connect_s:
            self._timeout = _timeout(connect_s)
        body = wire.body
        response: aiohttp.ClientResponse | KeptResponse | None = None
        try:
            key, pool = self._keys.get(wire.url), self._pool
            if key is not None and pool is not None:
                start = self._kept_head(wire, to, expect_stream=expect_stream)
                if start is not None:
                    response = await ask(pool, key, start, body, to.where, READ_BUFFER_BYTES)
            response = response or await session.request(
                wire.method,
                to.url,
                data=(body if len(body) <= BYTES_MAX else io.BytesIO(body)) or None,
                headers=_headers(wire, expect_stream=expect_stream),
                allow_redirects=False,
                proxy=to.proxy,
                ssl=self._tls,
                timeout=self._timeout,
            )
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            failure = ProviderError(ErrorKind.CONNECT, "the connector was closed", local=True)  # aiohttp cancels waits
        except Exception as error:  # noqa: BLE001 - every error becomes ours, by the table
            failure = error if isinstance(error, ProviderError) else fault(error, to.where, via=to.via)
            let_go(error)
        else:
            assert isinstance(response, (KeptResponse, Response))
            if self.closed:
                response.close()
                failure = _closed()
            elif response.status == 407:
                response.close()
                words = "the proxy wants a user and a password, or others"
                failure = ProviderError(ErrorKind.CONNECT, words, status=407, local=True)
            else:
                if isinstance(response, Response) and self._pool is not None and to.proxy is None and response.key:
                    self._keys[wire.url] = response.key
                return exchange(response, self._exchanges)
        try:
            raise _closed() if self.closed else failure
        finally:
            del failure  # it holds this frame, with the headers in it

    def _kept_head(self, wire: WireRequest, to: Address, *, expect_stream: bool) -> bytes | None:
        """The head of a request over a connection that lies idle; None when the session must send it."""
        if wire.method != "POST" or len(wire.body) > BYTES_MAX:
            return None
        lasting = type(wire.headers) is MappingProxyType
        known = wire.url, expect_stream, id(wire.headers) if lasting else tuple(wire.headers.items())
        start = self._heads.get(known)
        if start is None:
            if len(self._heads) >= HEADS_MAX:
                self._heads.clear()
            headers = merged(self._constant, _headers(wire, expect_stream=expect_stream))
            start = self._heads[known] = _Head(head(to.url, headers), wire.headers)
        return start.sent

    def close(self) -> None:
        """Close everything that is open, and open no more; a reader gets `cancelled`. Idempotent.

        The sockets are closed with the loop's next rounds.
        """
        self.closed = True
        for unfinished in list(self._exchanges):
            unfinished.close()
        if self._pool is not None:
            self._pool.abandon()
        if self._session is not None:
            self._session.detach()
            self._session = None

    async def aclose(self) -> None:
        """Close, and wait until the sockets are gone. Idempotent, also after a cancellation."""
        self.close()
        if self._pool is not None:
            await self._pool.close()
        await asyncio.sleep(0)  # what was just aborted closes its socket on the loop's next round

    async def _start(self) -> aiohttp.ClientSession:
        async with self._starting:
            if self.closed:
                raise _closed()
            if self._session is not None:
                return self._session
            options = self._options
            if options.ca_file or options.client_cert:
                self._tls = await asyncio.to_thread(_tls_context, options.ca_file, options.client_cert)
            if self.closed:
                raise _closed()
            if options.connector is None:
                self._pool = self._new_pool()
            self._session = aiohttp.ClientSession(
                connector=options.connector or self._pool,
                connector_owner=options.connector is None,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._constant,
                auto_decompress=False,
                read_bufsize=READ_BUFFER_BYTES,
                response_class=Response,
                timeout=self._timeout,
            )
            return self._session

    def descriptors(self) -> set[int]:
        """Those of its sockets; on a caller's connector, of those that are in use."""
        connector = self._pool or self._options.connector
        found = set() if connector is None else {descriptor(line) for line in connector._acquired}
        found.update(descriptor(exchange.line) for exchange in self._exchanges)
        if self._pool is not None:
            found |= self._pool.descriptors()
        return found

    def _new_pool(self) -> PooledConnector:
        options = self._options
        settings: dict[str, Any] = {
            "limit": options.connections_max,
            "keepalive_s": options.keepalive_s,
            "max_age_s": options.max_age_s,
            "idle": self._idle,
        }
        if self._proxy is None or not is_socks(self._proxy):
            return PooledConnector(**settings)
        from .socks import SocksConnector

        return SocksConnector(self._proxy, **settings)

    def _address(self, text: str) -> Address:
        if len(self._addresses) >= ADDRESSES_MAX:
            self._addresses.clear()
            self._keys.clear()
        found = address(text, proxy=self._proxy, trust_env=self._options.trust_env)
        self._addresses[text] = found
        return found


class _Head(NamedTuple):
    """A request's head.

    Attributes:
        sent: As it is sent, up to its length; None: the session must send it.
        headers: What it was made of, held so that no others can have their `id`.
    """

    sent: bytes | None
    headers: Mapping[str, str]


def _closed() -> ProviderError:
    return ProviderError(ErrorKind.CLOSED, "the transport was closed", local=True)


def _timeout(connect_s: float) -> aiohttp.ClientTimeout:
    limit_s = min(max(CONNECT_MIN_S, connect_s), CONNECT_MAX_S)  # in this order, so that NaN becomes the minimum
    return aiohttp.ClientTimeout(total=None, connect=limit_s, ceil_threshold=CONNECT_MAX_S)


def _headers(wire: WireRequest, *, expect_stream: bool) -> CIMultiDict[str]:
    """A request's own headers, checked. A whole body may come compressed."""
    headers = _checked(wire.headers)
    if not expect_stream:
        headers.setdefault("Accept-Encoding", WHOLE_ENCODINGS)
    return headers


def _checked(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Headers that can be sent as they are; of a name in several spellings, the last value.

    Raises:
        ProviderError: One cannot. aiohttp would let some of these through, and its errors show the value.
    """
    checked: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        if not _is_header_name(name):
            raise ProviderError(ErrorKind.PROTOCOL, "a request header's name is not valid", local=True)
        if not (value.isascii() and (value.isprintable() or value.replace("\t", " ").isprintable())):
            words = f"the value of the request header {name} holds a line end, a control character or a non-ASCII one"
            raise ProviderError(ErrorKind.PROTOCOL, words, local=True)
        checked[name] = value
    return checked


@lru_cache
def _is_header_name(name: str) -> bool:
    return _HEADER_NAME.fullmatch(name) is not None


def _tls_context(ca_file: str | None, client_cert: str | None) -> ssl.SSLContext:
    """Verified TLS of at least 1.2, from files: called in a thread, once."""
    try:
        what = f"ca_file {ca_file}"
        if ca_file is not None:
            read_bounded(ca_file, CERTIFICATES_BYTES_MAX)  # OpenSSL would wait for a pipe, and read a device for ever
        context = ssl.create_default_context(cafile=ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if client_cert is not None:
            what = f"client_cert {client_cert}"
            read_bounded(client_cert, CERTIFICATES_BYTES_MAX)
            context.load_cert_chain(client_cert, password="")  # else OpenSSL would ask for one on the terminal
    except OSError as error:
        reason = str(error).removeprefix("cannot be read: ") if isinstance(error, UnreadableFile) else error.strerror
        failure = ProviderError(ErrorKind.TLS, f"{what} cannot be used: {reason}", local=True)
    else:
        return context
    raise failure


def _require_socks() -> None:
    try:
        from . import socks  # noqa: F401 - tried early, so that what is missing is said before the first request
    except ImportError:
        raise MissingExtraError("a SOCKS proxy", "socks") from None
