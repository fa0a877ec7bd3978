"""Transports for httpx clients: what an SDK sends to its provider is answered in this process, by the gateway.

There is no socket. What is not served is a 404 of the gateway's own, and nothing ever goes to the network. The SDKs'
HTTP client has two names, `httpx` and, in its newer fork, `httpx2`; a transport works with both, given which.

Of httpx's time-outs that of `read` applies, as on a socket: a silence of that length ends the wait, and closes what is
open at providers. Nothing is connected, nothing waits for a pool, and a request is taken in whole.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Literal, TypeAlias

from multidict import CIMultiDict

from ...config.errors import ConfigError
from ...providers.errors import MissingExtraError
from ...router.result.errors import RouterClosed
from ...router.router import Router
from ...router.threads.feed import Feed
from ...router.threads.home import Home, home_of
from ..http import Handler, Request
from ..ingress import DIALECTS
from .answering import Note, no_note
from .bodies import unfit_body
from .feed_reply import Head, Part, Unfinished, feeding
from .rendering import BODILESS

Library: TypeAlias = Literal["httpx", "httpx2"]

LIBRARIES: tuple[Library, ...] = ("httpx2", "httpx")
"""The newer one first: OpenAI's and Anthropic's SDKs take it since their versions 3 and 2."""

BODY_BYTES_MAX = 1 << 40
"""In one process a body has no limit of its own."""

_DROPPED = frozenset(
    (
        "accept-encoding", "api-key", "authorization", "connection", "content-length", "cookie", "host",
        "proxy-authorization", "transfer-encoding", "x-api-key", "x-goog-api-key",
    )
)  # fmt: skip
"""Headers that hold an SDK's own key, or that belong to a connection."""


_EXTENSIONS: Mapping[str, bytes] = {"http_version": b"HTTP/1.1"}


def library_of(name: Library | None) -> Any:
    """The HTTP client of this name; None: the newest one that is there.

    Raises:
        MissingExtraError: It is not installed.
        ConfigError: There is no such one.
    """
    if name is not None and name not in LIBRARIES:
        raise ConfigError(f"library must be {' or '.join(map(repr, LIBRARIES))}")
    for each in LIBRARIES if name is None else (name,):
        try:
            return import_module(each)
        except ModuleNotFoundError:
            continue
    raise MissingExtraError("a client in process", "httpx")


class _Transport:
    """What both transports have in common: the home of the Router, and the requests that go there."""

    def __init__(self, router: Router, handler: Handler, library: Any, note: Note = no_note) -> None:
        self._home: Home | None = home_of(router)
        self._handler, self._library, self._note = handler, library, note

    def _ask(self, request: Any, body: bytes) -> Feed[Part]:
        """Begin to answer a request of the client's."""
        if self._home is None:
            raise RuntimeError("this client was closed")
        headers = CIMultiDict([pair for pair in request.headers.multi_items() if pair[0] not in _DROPPED])
        refused = unfit_body(headers, BODY_BYTES_MAX)

        async def refuse() -> bytes:
            assert refused is not None
            raise refused

        url = request.url
        asked = Request(
            request.method,
            served_path(url.raw_path.partition(b"?")[0].decode("latin-1")),
            headers=headers,
            query=url.query.decode("latin-1"),
            body=body if refused is None else refuse,
        )
        try:
            return Feed(self._home.loop, feeding(self._handler, asked, self._note))
        except RouterClosed as closed:
            raise self._failure(closed, request) from None

    def _answered(self, head: Part, request: Any, body: Any) -> Any:
        assert isinstance(head, Head)
        fields = list(head.fields)
        if head.is_whole:
            data = b"" if head.status in BODILESS else head.data
            if head.status not in BODILESS:
                fields.append(("content-length", str(len(data))))
            body = self._library.ByteStream(b"" if request.method == "HEAD" else data)
        return self._library.Response(head.status, headers=fields, stream=body, extensions=dict(_EXTENSIONS))

    def _failure(self, error: Exception, request: Any) -> Exception:
        """What the client is told of an answer that broke off: what it would be told of a connection."""
        if isinstance(error, Unfinished):
            words = "peer closed connection without sending complete message body (incomplete chunked read)"
            return self._library.RemoteProtocolError(words, request=request)  # type: ignore[no-any-return]
        if isinstance(error, RouterClosed):
            return self._library.ConnectError("the Router is closed", request=request)  # type: ignore[no-any-return]
        return error

    def _timed_out(self, request: Any) -> Exception:
        return self._library.ReadTimeout("nothing came within the time for a read", request=request)  # type: ignore[no-any-return]

    def _move_out(self) -> Any:
        """Let the home go: the thread that ends with it, if there is one that ends."""
        home, self._home = self._home, None
        return None if home is None else home.thread


class Transport(_Transport):
    """For an `httpx.Client`: an answer is waited for in the thread that asks."""

    def handle_request(self, request: Any) -> Any:
        """Answer a request."""
        feed = self._ask(request, request.read())
        try:
            first = self.pieces(feed, request)
            return self._answered(first[0], request, _streams(self._library)[0](self, feed, request, first))
        except BaseException:
            feed.leave()
            raise

    def pieces(self, feed: Feed[Part], request: Any) -> list[Part]:
        """What comes next; empty at the end."""
        try:
            found = feed.take(_read_s(request))
        except (Unfinished, RouterClosed) as error:
            raise self._failure(error, request) from None
        if found is None:
            raise self._timed_out(request)
        return found

    def close(self) -> None:
        """Ask nothing more."""
        thread = self._move_out()
        if thread is not None and thread.stopping:
            thread.join()

    def __enter__(self) -> "Transport":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class AsyncTransport(_Transport):
    """For an `httpx.AsyncClient`, in any event loop of asyncio."""

    async def handle_async_request(self, request: Any) -> Any:
        """Answer a request."""
        feed = self._ask(request, await request.aread())
        try:
            first = await self.pieces(feed, request)
            return self._answered(first[0], request, _streams(self._library)[1](self, feed, request, first))
        except BaseException:
            feed.leave()
            raise

    async def pieces(self, feed: Feed[Part], request: Any) -> list[Part]:
        """What comes next; empty at the end."""
        read_s = _read_s(request)
        timeout = asyncio.timeout(read_s)
        try:
            async with timeout:
                return await feed.take_async()
        except TimeoutError:
            raise self._timed_out(request) from None
        except (Unfinished, RouterClosed) as error:
            raise self._failure(error, request) from None

    async def aclose(self) -> None:
        """Ask nothing more."""
        thread = self._move_out()
        if thread is not None and thread.stopping:
            await asyncio.wrap_future(thread.over)

    async def __aenter__(self) -> "AsyncTransport":
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()


class _Body:
    """The body of an answer as a stream of the library's. Leaving it, or dropping it, closes what is open upstream."""

    def __init__(self, transport: Any, feed: Feed[Part], request: Any, first: list[Part]) -> None:
        self._transport, self._feed, self._request = transport, feed, request
        head = first[0]
        assert isinstance(head, Head)
        self._first = [head.data, *first[1:]]
        weakref.finalize(self, feed.leave).atexit = False

    def __iter__(self) -> Iterator[bytes]:
        found: list[Any] = self._first
        while found:
            if data := b"".join(found):
                yield data
            found = self._transport.pieces(self._feed, self._request)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        found: list[Any] = self._first
        while found:
            if data := b"".join(found):
                yield data
            found = await self._transport.pieces(self._feed, self._request)

    def close(self) -> None:
        self._feed.leave()

    async def aclose(self) -> None:
        self._feed.leave()


@cache
def _streams(library: Any) -> tuple[Any, Any]:
    """The classes of bodies, as streams of this library, which wants them to be of its own."""
    return (
        type("Body", (_Body, library.SyncByteStream), {}),
        type("AsyncBody", (_Body, library.AsyncByteStream), {}),
    )


def served_path(path: str) -> str:
    """The path of a gateway that an SDK means: its base URL may have another beginning, or none."""
    begins = path.find("/v1/")
    if begins >= 0:
        return path[begins:]
    return f"/v1{path}" if f"/v1{path}" in DIALECTS else path


def _read_s(request: Any) -> float | None:
    limits: Mapping[str, float | None] = request.extensions.get("timeout", {})
    return limits.get("read")
