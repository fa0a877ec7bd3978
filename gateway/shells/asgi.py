"""An ASGI app around a handler: to mount the gateway into an application, or to run it by a server of that kind.

Such servers do not cancel an app whose client has gone: they say so to an app that asks. So a task here asks, from the
first moment on, and cancels the handler. The clocks, and the limits of a head, are the server's own business.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Any, TypeAlias
from urllib.parse import quote

from multidict import CIMultiDict

from ...config import Clients
from ..http import ClientGone, Fields, Handler, Request, RequestRefused
from .answering import Note, answer, no_note
from .bodies import too_large, unfit_body
from .rendering import BODILESS, field_lines

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Life: TypeAlias = Callable[[], AbstractAsyncContextManager[object]]


class AsgiApp:
    """The gateway as an ASGI app.

    Args:
        clients: Of these limits, that of a body's size is kept.
        note: Called with `fault` and an error of the handler's, and with `refused`.
        life: Entered when the server starts, and left when it ends, where this app is told of either.
    """

    def __init__(
        self,
        handler: Handler,
        clients: Clients = Clients(),  # noqa: B008 - frozen
        *,
        note: Note = no_note,
        life: Life = nullcontext,
    ) -> None:
        self._handler, self._clients, self._note, self._life = handler, clients, note, life

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or live as long as the server does; other protocols are refused."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        arriving = _Arriving(receive, self._clients.body_bytes_max, unfit_body(headers, self._clients.body_bytes_max))
        reply = AsgiReply(send, head_only=scope["method"] == "HEAD")
        client = scope.get("client")
        request = Request(
            scope["method"],
            _path(scope),
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=headers,
            body=arriving.body,
            peer=str(client[0]) if client else "",
            tls=scope.get("scheme") == "https",
        )
        handling = asyncio.create_task(answer(self._handler, request, reply, self._note))
        watching = asyncio.create_task(arriving.watch())
        try:
            await asyncio.wait({handling, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            handling_was_done = handling.done()
            for task in (handling, watching):
                task.cancel()
            ended = await asyncio.gather(handling, watching, return_exceptions=True)
        if handling_was_done and isinstance(ended[0], BaseException):
            raise ended[0]

    async def _live(self, receive: Receive, send: Send) -> None:
        """Take part in the server's life."""
        await receive()  # that it starts
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._life())
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
                raise
            await send({"type": "lifespan.startup.complete"})
            await receive()  # that it ends
        await send({"type": "lifespan.shutdown.complete"})


class _Arriving:
    """What comes from the client: its body, and then that it has gone."""

    def __init__(self, receive: Receive, most: int, refused: RequestRefused | None) -> None:
        self._receive, self._most, self._refused = receive, most, refused
        self._pieces = bytearray()
        self._is_there = asyncio.Event()

    async def body(self) -> bytes:
        """Wait for the whole body.

        Raises:
            RequestRefused: It is compressed or too large.
        """
        if self._refused is None:
            await self._is_there.wait()
        if self._refused is not None:
            raise self._refused
        return bytes(self._pieces)

    async def watch(self) -> None:
        """Take in what comes, until the client has gone."""
        while (message := await self._receive())["type"] != "http.disconnect":
            if self._refused is None:
                self._pieces += message.get("body", b"")
            if len(self._pieces) > self._most:
                self._refused = too_large(self._most)
                self._pieces.clear()
            if self._refused is not None or not message.get("more_body", False):
                self._is_there.set()


class AsgiReply:
    """A `Reply` by ASGI's messages. An answer that is left unfinished is one that the server breaks off."""

    __slots__ = ("_head_only", "_send", "_state")

    def __init__(self, send: Send, *, head_only: bool) -> None:
        self._send, self._head_only = send, head_only
        self._state = "new"

    @property
    def started(self) -> bool:
        """Whether a status has been sent."""
        return self._state != "new"

    async def whole(self, status: int, fields: Fields, body: bytes) -> None:
        """Send an answer with its length."""
        length = () if status in BODILESS else (("content-length", str(len(body))),)
        await self._begin(status, (*fields, *length))
        await self._body(b"" if status in BODILESS else body, more=False)

    async def start(self, status: int, fields: Fields, data: bytes = b"") -> None:
        """Send the head, and the first piece of the body."""
        await self._begin(status, fields)
        await self.chunk(data)

    async def chunk(self, data: bytes) -> None:
        """Send a piece of the body."""
        if self._state != "started":
            raise RuntimeError("a piece of an answer that is not under way")
        if data:
            await self._body(data, more=True)

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece, and end."""
        if self._state != "started":
            raise RuntimeError("the end of an answer that is not under way")
        await self._body(data, more=False)

    def abort(self) -> None:
        """Leave the answer unfinished."""
        self._state = "ended"

    async def _begin(self, status: int, fields: Fields) -> None:
        if self._state != "new":
            raise RuntimeError("a second answer to one request")
        field_lines(fields)  # looks at them
        self._state = "started"
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        await self._pass({"type": "http.response.start", "status": status, "headers": headers})

    async def _body(self, data: bytes, *, more: bool) -> None:
        if not more:
            self._state = "ended"
        await self._pass({"type": "http.response.body", "body": b"" if self._head_only else data, "more_body": more})

    async def _pass(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:
            raise ClientGone("the client has gone") from None


def _path(scope: Message) -> str:
    """Read the path as the client wrote it, from where the app is mounted."""
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"]) if raw is None else raw.decode("latin-1")
    mounted = scope.get("root_path", "")
    return path[len(mounted) :] or "/" if mounted and path.startswith(f"{mounted}/") else path
