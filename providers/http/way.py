"""Protocols of the two ways to use aiohttp: what a transport needs of its way, and an exchange of a response.

The private way (`private_way`) uses aiohttp from the inside, where a release is known to allow it. The public one
(`public_way`) uses what aiohttp documents, and no more: slower, and with the same promises. `privates` says which.
"""

import io
import ssl
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import msgspec
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ..provider import WireRequest
from ..transport import TransportOptions
from .address import Address

if TYPE_CHECKING:
    import asyncio

    from aiohttp.client_proto import ResponseHandler

READ_BUFFER_BYTES = 64 * 1024
"""A consumer that stops reading holds at most twice this, and one read more, of one response."""

CONNECT_MIN_S, CONNECT_MAX_S = 0.001, 3600.0
"""aiohttp takes a limit of zero, or less, for none."""

BYTES_MAX = 2**20
"""A longer body is handed to aiohttp as a file, so that it is written in pieces."""

UNWIND_TURNS = 100
"""A task that is cancelled while it connects closes its socket within a few turns of the loop; so many are given."""


class Content(Protocol):
    """A body as it comes, for one reader that takes all there is.

    Attributes:
        buffer: What has come and was not taken.
    """

    @property
    def buffer(self) -> "Iterable[bytes]": ...

    def ended(self) -> bool:
        """Everything was taken, and the clean end is known."""
        ...

    def is_eof(self) -> bool:
        """The clean end is known."""
        ...

    def exception(self) -> BaseException | None:
        """What the body has ended with, other than its end."""
        ...

    def set_exception(self, error: BaseException) -> None:
        """Let the body end with this error."""
        ...

    def on_eof(self, callback: Callable[[], None]) -> None:
        """Call this at the clean end: at once, if that was there already."""
        ...

    def arrival(self) -> "asyncio.Future[None] | None":
        """Done as soon as `take` may give more; None: it does so now. One reader at a time.

        Raises:
            Exception: What the body has ended with. Bytes that came before may still be taken.
        """
        ...

    def take(self) -> bytes:
        """What has come and was not taken yet, at most 64 KiB of it; nothing at the end."""
        ...

    def drop(self) -> None:
        """Forget what has come and was not taken."""
        ...


class Answer(Protocol):
    """A response whose head has come.

    Attributes:
        body: What comes behind the head.
        line: What it came over, for as long as that is known.
        reused: The connection had carried an exchange before.
        is_over: The connection is given back.
        breaks_http: Something has come over the connection that is no HTTP.
    """

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> CIMultiDictProxy[str]: ...
    @property
    def body(self) -> Content: ...
    @property
    def line(self) -> "ResponseHandler | None": ...
    @property
    def reused(self) -> bool: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def breaks_http(self) -> bool: ...

    def abort(self) -> None:
        """Give the response up: its socket is closed at once."""
        ...

    def spoil(self) -> None:
        """Let nothing more come over the connection, although it was given back."""
        ...


class Way(Protocol):
    """Requests out and responses in, over connections of its own, or over those of a caller's connector."""

    @property
    def in_use(self) -> int:
        """Connections of our own that carry an exchange, or are being made."""
        ...

    @property
    def open(self) -> int:
        """Those, and the ones that lie idle."""
        ...

    def ask_kept(
        self, wire: WireRequest, to: Address, *, expect_stream: bool
    ) -> Coroutine[Any, Any, Answer | None] | None:
        """As `ask`, over a connection that lies idle. None, at once or in the end: there is none, and nothing was sent.

        It stands beside `ask` so that nearly every request is waited for in one coroutine less.
        """
        ...

    async def ask(self, wire: WireRequest, to: Address, *, connect_s: float, expect_stream: bool) -> Answer:
        """Send a request and wait for the head of its response.

        Raises:
            Exception: Ours or aiohttp's, not yet mapped. No connection is left open.
        """
        ...

    def forget(self) -> None:
        """Forget what was remembered of addresses."""
        ...

    def abandon(self) -> None:
        """Close every connection at once. Idempotent."""
        ...

    async def close(self) -> None:
        """Close every connection, and wait until their sockets are gone. Idempotent, also after a cancellation."""
        ...

    def descriptors(self) -> set[int]:
        """Those of its sockets; on a caller's connector, of those that are in use, as far as they are known."""
        ...


class WayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What both ways are made of.

    Attributes:
        reach: How the target is reached; below it, what was made of that.
        constant: The headers of every request.
        tls: Certificates to trust and to show; True: the system's, and none.
        socks: The SOCKS proxy, if there is one.
    """

    reach: TransportOptions
    constant: CIMultiDict[str]
    tls: ssl.SSLContext | bool
    socks: URL | None

    @property
    def connector(self) -> aiohttp.BaseConnector | None:
        """The caller's own."""
        connector: aiohttp.BaseConnector | None = self.reach.connector
        return connector

    @property
    def proxied(self) -> bool:
        """May a proxy stand in between?"""
        return self.reach.proxy is not None or self.reach.trust_env


class Timeouts:
    """aiohttp's limits for a request, made anew only when another one is asked for."""

    def __init__(self) -> None:
        self._last = timeout(5.0)

    def of(self, connect_s: float) -> aiohttp.ClientTimeout:
        """No limit but one: until a connection stands."""
        if self._last.connect != connect_s:
            self._last = timeout(connect_s)
        return self._last


def timeout(connect_s: float) -> aiohttp.ClientTimeout:
    """A limit on connecting, and no other."""
    limit_s = min(max(CONNECT_MIN_S, connect_s), CONNECT_MAX_S)  # in this order, so that NaN becomes the minimum
    return aiohttp.ClientTimeout(total=None, connect=limit_s, ceil_threshold=CONNECT_MAX_S)


def new_session(
    options: WayOptions, connector: aiohttp.BaseConnector, response_class: type[aiohttp.ClientResponse], **more: Any
) -> aiohttp.ClientSession:
    """A session that keeps no cookie, decodes nothing, and leaves a caller's connector open."""
    return aiohttp.ClientSession(
        connector=connector,
        connector_owner=options.connector is None,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=options.constant,
        auto_decompress=False,
        read_bufsize=READ_BUFFER_BYTES,
        response_class=response_class,
        timeout=timeout(5.0),
        **more,
    )


def in_pieces(body: bytes) -> bytes | io.BytesIO | None:
    """A request's body as aiohttp takes it."""
    return (body if len(body) <= BYTES_MAX else io.BytesIO(body)) or None


def is_framed(status: int, headers: Mapping[str, str]) -> bool:
    """Does HTTP say where the body ends (RFC 9112, 6.3), other than by the end of the connection?

    Args:
        headers: By name; lower case, if case matters to the mapping.
    """
    if "content-length" in headers or status in (204, 304):
        return True
    return headers.get("transfer-encoding", "").rpartition(",")[2].strip().lower() == "chunked"
