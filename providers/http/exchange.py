"""One request and its response: the head, then the body's bytes as they come.

Whatever came before a failure is handed out before the failure is raised: the end marker of a stream often travels in
the packet before a reset. A body ends cleanly, by `b""`, only when HTTP says so, or when the connection was closed
on a body without framing (`framed` is False then, and the end proves nothing).
"""

import asyncio
from typing import TYPE_CHECKING

from ..errors import ErrorKind, ProviderError
from ..provider import ResponseHead
from .exceptions import let_go
from .inflater import Inflater
from .way import Answer, is_framed

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

BODY_MAX_BYTES = 256 * 1024 * 1024
"""No answer of a model is longer than this, decoded: a longer one is an attack, or a mistake in base_url."""

DRAIN_S = 0.05
"""Maximum time for the rest of a finished body; after it, its connection is closed instead of kept."""


class HttpExchange:
    """A response that is being read. Ends with `close` or `release`; both are idempotent and never wait.

    Attributes:
        head: Status, headers, and when they came.
        reused: It came over a connection that had been kept alive.
    """

    __slots__ = (
        "_content", "_drain", "_failure", "_open", "_response", "_rest", "_settled", "_taken", "head", "reused",
    )  # fmt: skip

    def __init__(self, response: Answer, open_exchanges: "set[HttpExchange]", now_s: float) -> None:
        self.head = _head(response, now_s)
        self.reused = response.reused
        self._response = response
        self._content = response.body
        self._taken = 0
        self._failure: ProviderError | None = None
        self._rest: list[bytes] = []  # what had come before the failure, from the last piece to the next one
        self._drain: asyncio.TimerHandle | None = None
        self._settled = False  # nothing more is wanted of it
        self._open = open_exchanges
        open_exchanges.add(self)

    @property
    def framed(self) -> bool:
        """HTTP itself says where the body ends, so that a clean end is proven."""
        return is_framed(self.head.status, self.head.headers)

    @property
    def line(self) -> "ResponseHandler | None":
        """The connection that it comes over."""
        return self._response.line

    @property
    def ended(self) -> bool:
        """The body's clean end is known, and all before it was read: `read` would give `b""` at once."""
        return self._failure is None and self._content.ended()

    async def read(self) -> bytes:
        """The next bytes of the body, decoded, at most 64 KiB; `b""` at its clean end. One reader at a time.

        Where more than that was there at once, the loop turns before the rest of it is given.

        Raises:
            ProviderError: `disconnected` when the connection was lost before the body's first byte, `truncated` when
                it was lost later, `protocol` when the body breaks HTTP, its encoding, or the bound of 256 MiB; or the
                error given to `interrupt`. The socket is closed then.
            asyncio.CancelledError: The task was cancelled. The socket is closed then, too.
        """
        if self._failure is not None:
            return await self._before_failure()
        content = self._content
        try:
            arrival = content.arrival()
            while arrival is not None:
                await arrival
                arrival = None if content.buffer else content.arrival()
            data = content.take()
        except Exception as error:  # noqa: BLE001 - every error becomes ours, by the table
            data = self._rest_before(error)
            let_go(error)
        except BaseException:
            self.close()
            raise
        if data:
            self._taken += len(data)
            if self._taken > BODY_MAX_BYTES:
                self._fail(ErrorKind.PROTOCOL, "the body is longer than 256 MiB")
            return data
        if self._failure is not None:
            raise self._failure
        self._forget()
        return data

    async def read_until(self, until_s: float) -> bytes | None:
        """As `read`; None when nothing has come by then, on the loop's clock: nothing is lost or closed.

        None also, sooner, when what has come gives nothing without more of it.
        """
        try:
            async with asyncio.timeout_at(until_s):
                while self._must_wait and (arrival := self._content.arrival()) is not None:
                    await arrival  # a `read` that is cancelled closes the socket
        except TimeoutError:
            return None
        except Exception:  # noqa: BLE001, S110 - the read below raises it as ours
            pass
        except BaseException:
            self.close()
            raise
        return await self._given()

    async def _given(self) -> bytes | None:
        """What has come gives this; None: nothing without more of it."""
        return await self.read()

    def pending(self) -> bool:
        """Are there bytes in memory that `read` would give without waiting for the network?"""
        return bool(self._content.buffer or self._rest)

    @property
    def _must_wait(self) -> bool:
        """Only the network can give `read` something."""
        return self._failure is None

    def interrupt(self, error: ProviderError) -> None:
        """Let the read that waits, or else the next one, raise this error. The first interruption holds."""
        if self._failure is None:
            self._failure = error
            if self._content.is_eof():
                self._content.drop()
            else:
                self._content.set_exception(error)
        elif self._rest:
            self._failure, self._rest = error, []

    def close(self) -> None:
        """Give the response up: the socket is closed at once, even if the body had ended and left it free.

        A complete but unusable response may belong to an earlier request. Reusing its connection would then shift
        every later response by one.
        """
        given_up, self._settled = not self._settled, True
        self._rest = []
        self._forget()
        if self._response.is_over:
            if given_up:
                self._response.spoil()
            return
        self.interrupt(ProviderError(ErrorKind.CANCELLED, "the exchange was closed"))
        self._response.abort()

    def release(self) -> None:
        """Nothing more will be read: keep the connection if the rest of the body comes within 50 ms, else close it."""
        if self._response.is_over:
            self._settled = True
            self._forget()
        elif self._failure is not None:
            self.close()
        elif self._drain is None:
            self._settled = True
            self._content.on_eof(self._forget)  # aiohttp itself puts the connection into its pool at that moment
            self._drain = asyncio.get_running_loop().call_later(DRAIN_S, self.close)

    def _rest_before(self, error: Exception) -> bytes:
        """Remember the failure, and give what had come before it: aiohttp's reader would drop that."""
        rest: list[bytes] = []
        if self._failure is None:
            while self.pending():
                rest.append(self._content.take())
            self._fail(*self._verdict(began=self._taken > 0 or bool(rest)))
        self.close()
        self._rest = rest[:0:-1]
        return rest[0] if rest else b""

    async def _before_failure(self) -> bytes:
        """What is left of that, piece by piece; then the failure."""
        if self._rest:
            await asyncio.sleep(0)
        if self._rest:
            return self._rest.pop()
        assert self._failure is not None
        raise self._failure

    def _verdict(self, *, began: bool) -> tuple[ErrorKind, str]:
        if self._response.breaks_http:
            return ErrorKind.PROTOCOL, "the body is not valid HTTP/1.1"
        if began:
            return ErrorKind.TRUNCATED, "the connection was lost within the body"
        return ErrorKind.DISCONNECTED, "the connection was lost between the head and the body"

    def _fail(self, kind: ErrorKind, detail: str) -> None:
        self._failure = ProviderError(kind, detail)
        self._content.drop()
        self.close()

    def _forget(self) -> None:
        self._open.discard(self)
        if self._drain is not None:
            self._drain.cancel()
            self._drain = None


class InflatingExchange(HttpExchange):
    """An exchange with a compressed body."""

    __slots__ = ("_inflated", "_inflater")

    def __init__(self, response: Answer, open_exchanges: set[HttpExchange], now_s: float, encoding: str) -> None:
        super().__init__(response, open_exchanges, now_s)
        self._inflater = Inflater(encoding)
        self._inflated = 0

    async def read(self) -> bytes:
        piece = await self._given()
        while piece is None:
            piece = await self._more()
        return piece

    async def _given(self) -> bytes | None:
        pending = self._inflater.pending
        if pending or (self._inflated and super().pending()):
            try:
                await asyncio.sleep(0)  # as between the pieces of a body that is not compressed
            except BaseException:
                self.close()
                raise
        return self._piece() or None if pending else await self._more()

    async def _more(self) -> bytes | None:
        """Feed the next bytes of the body; what can be taken then, `b""` at its end; None: nothing yet."""
        data = await super().read()
        if data:
            self._inflater.feed(data)
        elif self._inflater.complete:
            return b""
        else:
            self._fail(ErrorKind.TRUNCATED, "the body ends within its compressed data")
        return self._piece() or None

    def _piece(self) -> bytes:
        """What can be taken now."""
        piece = self._take()
        self._inflated += len(piece)
        if self._inflated > BODY_MAX_BYTES:
            self._inflater.drop()
            self._fail(ErrorKind.PROTOCOL, "the body is longer than 256 MiB")
        return piece

    @property
    def ended(self) -> bool:
        return self._inflater.complete and not self._inflater.pending and super().ended

    def pending(self) -> bool:
        return self._inflater.pending or super().pending()

    @property
    def _must_wait(self) -> bool:
        return not self._inflater.pending and super()._must_wait

    def interrupt(self, error: ProviderError) -> None:
        if self._failure is None:
            self._inflater.drop()
        super().interrupt(error)

    def _take(self) -> bytes:
        try:
            return self._inflater.take()
        except ProviderError as error:
            self._inflater.drop()
            self._fail(error.kind, error.detail)
            return b""


def exchange(response: Answer, open_exchanges: set[HttpExchange], now_s: float) -> HttpExchange:
    """The exchange for a response, once its head has come.

    Args:
        now_s: The wall clock, in epoch seconds.
    """
    encoding = response.headers.get("content-encoding")
    if encoding is None or encoding.strip().lower() in ("", "identity"):
        return HttpExchange(response, open_exchanges, now_s)
    return InflatingExchange(response, open_exchanges, now_s, encoding)


def _head(response: Answer, now_s: float) -> ResponseHead:
    found = response.headers
    headers = dict(zip(map(str.lower, found), found.values(), strict=False))
    if len(headers) != len(found):  # a name came several times, and may be told once
        headers = {name: ", ".join(found.getall(name)) for name in headers}
    return ResponseHead(response.status, headers, now_s)
