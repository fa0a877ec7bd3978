"""A request in, bytes out: what stands between the gateway and the server that carries it.

A `Handler` gets a `Request` and a `Reply`. It answers either whole, or by a start, chunks and an end; or it raises
`RequestRefused` before it has started. Which server stands around it, it does not see: the shells make both.
When the client has gone, the task that runs the handler is cancelled.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from multidict import MultiMapping

Fields: TypeAlias = Sequence[tuple[str, str]]
"""Header fields of an answer, in their order, names in lower case. A shell adds `date`, framing and `connection`."""

ReadBody: TypeAlias = Callable[[], Awaitable[bytes]]


class RequestRefused(Exception):
    """A request cannot be answered, for a reason of HTTP. A handler may tell it in its dialect, or let it pass on.

    Attributes:
        status: The status of the answer: 400, 408, 413, 415, 417, 431, 503.
        reason: A sentence for the client, without anything of the request's.
        fields: Header fields that belong to it, such as `retry-after`.
    """

    def __init__(self, status: int, reason: str, fields: Fields = ()) -> None:
        super().__init__(status, reason)
        self.status, self.reason, self.fields = status, reason, fields


class ClientGone(ConnectionError):
    """Raised by a `Reply` when the connection is closed. The handler's task is about to be cancelled, too."""


class Request:
    """One request, its body perhaps still on its way.

    Attributes:
        method: `GET`, `POST`, …
        path: The path as the client wrote it, percent-encoded, without the query.
        query: What stands behind the `?`, percent-encoded; may be empty.
        headers: Without regard to case; a repeated name keeps all of its values (`getall`).
        peer: The client's address, without its port; empty on a unix socket.
        tls: It came over TLS.
    """

    __slots__ = ("_body", "headers", "method", "path", "peer", "query", "tls")

    def __init__(
        self,
        method: str,
        path: str,
        *,
        headers: MultiMapping[str],
        query: str = "",
        body: bytes | ReadBody = b"",
        peer: str = "",
        tls: bool = False,
    ) -> None:
        self.method, self.path, self.query = method, path, query
        self.headers = headers
        self._body = body
        self.peer, self.tls = peer, tls

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"  # neither headers nor a query: they may hold keys

    async def read(self) -> bytes:
        """Read the whole body, once; the second time it is at hand. A handler that refuses a request need not.

        Raises:
            RequestRefused: It is too large, too slow, compressed or broken.
        """
        body = self._body
        if not isinstance(body, bytes):
            body = self._body = await body()
        return body


class Reply(Protocol):
    """The answer to one request, which ends in one of three ways: `whole`, `end` or `abort`.

    Methods that wait do so while the client takes in nothing, and raise `ClientGone` when it has gone.
    """

    @property
    def started(self) -> bool:
        """Whether a status has been sent, so that no other can be."""
        ...

    async def whole(self, status: int, fields: Fields, body: bytes) -> None:
        """Send an answer with its length, and end."""
        ...

    async def start(self, status: int, fields: Fields, data: bytes = b"") -> None:
        """Send the head of an answer of unknown length, at once, together with the first piece of its body."""
        ...

    async def chunk(self, data: bytes) -> None:
        """Send a piece of the body; without bytes, do nothing."""
        ...

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece of the body, and end it as whole."""
        ...

    def abort(self) -> None:
        """Leave the body unfinished: once the handler is done, the connection closes behind what was sent."""
        ...


Handler: TypeAlias = Callable[[Request, Reply], Awaitable[None]]
"""The gateway, as a server sees it."""
