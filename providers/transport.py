"""What a Router needs of a transport: requests out, responses in. `http` holds the standard one, over aiohttp.

A transport of another kind answers from memory, records what passes, or takes another road: it is an object with the
two methods of `Transport`, and its responses have the parts of `Exchange`. Nothing here does I/O.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec

from .errors import ErrorKind, ProviderError
from .provider import ResponseHead, WireRequest
from .wall_clock import WALL_CLOCK, WallClock


class TransportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a target is reached.

    Attributes:
        proxy: `http://`, `https://`, `socks5://` (names are resolved here) or `socks5h://` (by the proxy); with user
            and password if it needs them. The SOCKS ones need the extra `socks`.
        connector: The caller's own connector of aiohttp, used as it is and never closed; it excludes a SOCKS proxy.
        trust_env: Take a proxy from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY. Never credentials from netrc.
        ca_file: Certificates (PEM) to trust instead of the system's.
        client_cert: A client's certificate with its key (PEM, without a password).
        connections_max: Maximum connections at a time; further requests wait within their `connect_s`.
        keepalive_s: Maximum idle time of a connection: less than servers wait, or they close it as we ask.
        max_age_s: On an older connection no exchange begins, so that a provider which moves is followed.
        headers: Sent with every request, unless the request has its own.
        wall: Says when a response came, for the dates in it.
        idle: Where the standard transport keeps idle connections, with those of other targets that are reached in the
            same way; None: by themselves. For the standard transport alone.
    """

    proxy: str | None = None
    connector: Any = None
    trust_env: bool = False
    ca_file: str | None = None
    client_cert: str | None = None
    connections_max: int = 1000
    keepalive_s: float = 10.0
    max_age_s: float = 300.0
    headers: Mapping[str, str] = {}
    wall: WallClock = WALL_CLOCK
    idle: Any = None

    def __repr__(self) -> str:
        return "TransportOptions(***)"  # a proxy's URL and the headers may hold secrets


class Exchange(Protocol):
    """A response whose head has come, for one reader. Ends with `close` or `release`, each of which may follow either.

    All that has come before a failure is read before the failure is raised.
    """

    @property
    def head(self) -> ResponseHead:
        """Status and headers, and when they came."""
        ...

    @property
    def framed(self) -> bool:
        """The wire itself says where the body ends, so that a clean end proves that it is whole."""
        ...

    @property
    def ended(self) -> bool:
        """Would `read` give `b""` at once? False where only a read can tell: that costs a read, and is no error."""
        ...

    async def read(self) -> bytes:
        """The next bytes of the body, decoded, at most 64 KiB; `b""` at its clean end.

        Raises:
            ProviderError: `disconnected` before the body's first byte, `truncated` behind it, `protocol` for a body
                that is none; or the error given to `interrupt`.
        """
        ...

    async def read_until(self, until_s: float) -> bytes | None:
        """As `read`; None when nothing has come by then, on the loop's clock: nothing is lost or closed.

        None also, sooner, when what has come gives nothing without more of it.
        """
        ...

    def interrupt(self, error: ProviderError) -> None:
        """Let the read that waits, or else the next one, raise this error. The first interruption holds."""
        ...

    def close(self) -> None:
        """Give the response up, and its connection with it: nothing more may be generated, or billed. Never waits."""
        ...

    def release(self) -> None:
        """Nothing more will be read, and the connection may be kept. Never waits."""
        ...


class Transport(Protocol):
    """The way to one target. Belongs to the event loop of its first request."""

    async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> Exchange:
        """Send a request and wait for the head of its response, whatever its status. Follow no redirect.

        Args:
            connect_s: Maximum time until a connection stands, in seconds. The wait for the head has no limit of its
                own: it ends with the task.
            expect_stream: False: a body that comes as a whole.

        Raises:
            ProviderError: There is no response, and why. Any other exception counts as a bug of the transport.
            asyncio.CancelledError: The task was cancelled, and nothing is left open.
        """
        ...

    async def aclose(self) -> None:
        """Close everything, and wait until it is gone. Idempotent, also after a cancellation.

        A target that is asked again behind it gets another transport.
        """
        ...


TransportFactory: TypeAlias = Callable[[TransportOptions], Transport]
"""Makes the transport of one target, at its first request."""


async def refusal_body(exchange: Exchange, limit: int) -> bytes:
    """The body of a refusal, at most `limit` bytes of it. Bound it in time with `interrupt`.

    A body that is cut, or interrupted, is what came until then: with its status it says more than the cut.

    Raises:
        ProviderError: `cancelled`, given to `interrupt`, and no other.
    """
    body = b""
    try:
        while len(body) < limit and (data := await exchange.read()):
            body += data
    except ProviderError as error:
        if error.kind is ErrorKind.CANCELLED:
            raise
    exchange.release()
    return body[:limit]


def redirection(head: ResponseHead) -> ProviderError | None:
    """Why a redirect is an error, and where it points to; None for any other status.

    It is never followed: the key, and the prompt, would go with it.
    """
    if head.status not in (301, 302, 303, 307, 308):
        return None
    target = re.match(r"https?://[A-Za-z0-9.\-]{1,253}(:[0-9]{1,5})?(?=[/?#]|$)", head.headers.get("location", ""))
    advice = f"base_url should probably begin with {target[0]}" if target else "check base_url"
    return ProviderError(ErrorKind.PROTOCOL, f"redirected, which is never followed; {advice}", status=head.status)
