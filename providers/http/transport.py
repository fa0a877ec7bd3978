"""The one transport of a target: requests in, responses out, over a pool of connections.

Nothing else in the product opens a connection to a provider. It never follows a redirect, keeps no cookie, never
retries, and trusts no variable of the environment unless told to. No exception of aiohttp leaves it. It sets no clock
but the one on connecting: how long an answer may take, and stall, is the caller's to say.

There are two ways to use aiohttp, and one is chosen with the first request: see `privates`.
"""

import asyncio
import ssl

from multidict import CIMultiDict

from ..errors import ErrorKind, MissingExtraError, ProviderError
from ..provider import WireRequest
from ..transport import TransportOptions
from .address import Address, address, is_socks, proxy_url
from .exceptions import fault, let_go
from .exchange import HttpExchange, exchange
from .forked import let_go_when_forked
from .headers import CONSTANT_HEADERS, checked
from .privates import obstacle, tell
from .sockets import descriptor
from .tls import tls_context
from .way import Way, WayOptions

ADDRESSES_MAX = 64

_PROXY_REFUSES = 407


class HttpTransport:
    """The connections to one target. Belongs to the event loop of its first request.

    Attributes:
        closed: Nothing can be opened any more.

    Raises:
        ValueError: The proxy is no URL that can be used, or given together with a connector that it excludes.
        MissingExtraError: A SOCKS proxy, without the extra `socks`.
    """

    def __init__(self, options: TransportOptions) -> None:
        self._options = options
        self._proxy = None if options.proxy is None else proxy_url(options.proxy)
        if is_socks(self._proxy):
            if options.connector is not None:
                raise ValueError("a connector of your own excludes a SOCKS proxy, which is a connector too")
            _require_socks()
        self._way: Way | None = None
        self._starting = asyncio.Lock()
        self.closed = False
        self._exchanges: set[HttpExchange] = set()
        self._addresses: dict[str, Address] = {}
        self._constant: CIMultiDict[str] = checked(CONSTANT_HEADERS | dict(options.headers))
        let_go_when_forked(self)

    @property
    def open_exchanges(self) -> int:
        """Responses that were neither read to their end, nor closed or released."""
        return len(self._exchanges)

    @property
    def connections_in_use(self) -> int:
        """Connections of our own that carry an exchange, or are being made."""
        return 0 if self._way is None else self._way.in_use

    @property
    def open_connections(self) -> int:
        """Those, and the ones that lie idle."""
        return 0 if self._way is None else self._way.open

    async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> HttpExchange:
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
        if self.closed:
            raise _closed()
        way = self._way or await self._start()
        to = self._addresses.get(wire.url) or self._address(wire.url)
        try:
            kept = way.ask_kept(wire, to, expect_stream=expect_stream)
            answer = None if kept is None else await kept
            if answer is None:
                answer = await way.ask(wire, to, connect_s=connect_s, expect_stream=expect_stream)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            failure = ProviderError(ErrorKind.CONNECT, "the connector was closed", local=True)  # aiohttp cancels waits
        except Exception as error:  # noqa: BLE001 - every error becomes ours, by the table
            failure = error if isinstance(error, ProviderError) else fault(error, to.where, via=to.via)
            let_go(error)
        else:
            if not (self.closed or answer.status == _PROXY_REFUSES):
                return exchange(answer, self._exchanges, self._options.wall())
            answer.abort()
            failure = self._refusal()
        try:
            raise _closed() if self.closed else failure
        finally:
            del failure  # it holds this frame, with the headers in it

    def _refusal(self) -> ProviderError:
        """Why nothing is made of a response whose head has come."""
        if self.closed:
            return _closed()
        words = "the proxy wants a user and a password, or others"
        return ProviderError(ErrorKind.CONNECT, words, status=_PROXY_REFUSES, local=True)

    def close(self) -> None:
        """Close everything that is open, and open no more; a reader gets `cancelled`. Idempotent.

        The sockets are closed with the loop's next rounds.
        """
        self.closed = True
        for unfinished in list(self._exchanges):
            unfinished.close()
        if self._way is not None:
            self._way.abandon()

    async def aclose(self) -> None:
        """Close, and wait until the sockets are gone. Idempotent, also after a cancellation."""
        self.close()
        if self._way is not None:
            await self._way.close()
        await asyncio.sleep(0)  # what was just aborted closes its socket on the loop's next round

    async def _start(self) -> Way:
        async with self._starting:
            if self.closed:
                raise _closed()
            if self._way is not None:
                return self._way
            options = self._options
            tls: ssl.SSLContext | bool = True
            if options.ca_file or options.client_cert:
                tls = await asyncio.to_thread(tls_context, options.ca_file, options.client_cert)
            if self.closed:
                raise _closed()
            self._way = _new_way(
                WayOptions(
                    reach=options,
                    constant=self._constant,
                    tls=tls,
                    socks=self._proxy if is_socks(self._proxy) else None,
                )
            )
            return self._way

    def descriptors(self) -> set[int]:
        """Those of its sockets; on a caller's connector, of those that are in use."""
        found = set() if self._way is None else self._way.descriptors()
        found.update(descriptor(exchange.line) for exchange in self._exchanges)
        return found

    def _address(self, text: str) -> Address:
        if len(self._addresses) >= ADDRESSES_MAX:
            self._addresses.clear()
            if self._way is not None:
                self._way.forget()
        found = address(text, proxy=self._proxy, trust_env=self._options.trust_env)
        self._addresses[text] = found
        return found


def _new_way(options: WayOptions) -> Way:
    why = obstacle(socks=options.socks is not None)
    if why is None:
        from .private_way import PrivateWay

        return PrivateWay(options)  # pyright: ignore[reportReturnType] - to it, a cached property of aiohttp is none
    from .public_way import PublicWay

    tell(why)
    return PublicWay(options)


def _closed() -> ProviderError:
    return ProviderError(ErrorKind.CLOSED, "the transport was closed", local=True)


def _require_socks() -> None:
    try:
        from . import socks  # noqa: F401 - tried early, so that what is missing is said before the first request
    except ImportError:
        raise MissingExtraError("a SOCKS proxy", "socks") from None
