"""An answer over a connection: rendered bytes, each piece in one write."""

from collections.abc import Callable
from typing import Literal

from ..http import Fields
from .connection import Connection, Shared
from .rendering import BODILESS, CHUNKED, CLOSE, KEEP_ALIVE, chunk, head, last_chunks


class SocketReply:
    """A `Reply`.

    Args:
        http10: The client speaks HTTP/1.0: a body without a length ends with the connection.
        head_only: The client asked for the head alone.
        keep_alive: The client would use the connection again.
        body_is_read: Tells whether the request is read to its end; if not, nothing can follow it.
    """

    __slots__ = (
        "_body_is_read",
        "_chunks",
        "_connection",
        "_head_only",
        "_http10",
        "_keep_alive",
        "_shared",
        "_state",
        "goes_on",
    )

    def __init__(
        self,
        connection: Connection,
        shared: Shared,
        *,
        http10: bool,
        head_only: bool,
        keep_alive: bool,
        body_is_read: Callable[[], bool],
    ) -> None:
        self._connection, self._shared = connection, shared
        self._http10, self._head_only, self._keep_alive = http10, head_only, keep_alive
        self._body_is_read = body_is_read
        self._chunks = False
        self._state: Literal["new", "started", "ended"] = "new"
        self.goes_on = False

    @property
    def started(self) -> bool:
        """Whether a status has been sent."""
        return self._state != "new"

    @property
    def ended(self) -> bool:
        """Whether all has been sent, or nothing more will be."""
        return self._state == "ended"

    async def whole(self, status: int, fields: Fields, body: bytes) -> None:
        """Send an answer with its length, and end."""
        if self._state != "new" or self._connection.is_paused:
            await self._begin()
        self.goes_on = self._may_go_on()
        length = "" if status in BODILESS else f"content-length: {len(body)}\r\n"
        data = head(status, fields, f"{self._shared.date()}{length}{self._connection_line()}")
        self._state = "ended"
        self._connection.write(data if self._head_only or status in BODILESS else data + body)

    async def start(self, status: int, fields: Fields, data: bytes = b"") -> None:
        """Send the head of an answer, and the first piece of its body."""
        await self._begin()
        self._chunks = not self._http10 and status not in BODILESS
        self.goes_on = self._chunks and self._may_go_on()
        framing = CHUNKED if self._chunks else ""
        first = head(status, fields, f"{self._shared.date()}{framing}{self._connection_line()}")
        self._head_only = self._head_only or status in BODILESS
        self._state = "started"
        self._connection.write(first + self._framed(data) if data else first)
        if self._connection.is_paused:
            await self._connection.drained()

    async def chunk(self, data: bytes) -> None:
        """Send a piece of the body, and wait while the client is behind."""
        if self._state != "started":
            raise RuntimeError("a piece of an answer that is not under way")
        if data and not self._head_only:
            self._connection.write(self._framed(data))
            if self._connection.is_paused:
                await self._connection.drained()

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece, and end."""
        if self._state != "started":
            raise RuntimeError("the end of an answer that is not under way")
        self._state = "ended"
        if not self._head_only and (data or self._chunks):
            self._connection.write(last_chunks(data) if self._chunks else data)

    def close_behind(self) -> None:
        """Let nothing follow this answer on its connection."""
        self._keep_alive = False

    def abort(self) -> None:
        """Leave the answer unfinished: the connection closes behind what was sent."""
        if self._state != "ended":
            self.goes_on = False
            if self._state == "started" and not self._chunks:
                self._connection.reset_at_close()
            self._state = "ended"

    async def _begin(self) -> None:
        if self._state != "new":
            raise RuntimeError("a second answer to one request")
        if self._connection.is_paused:
            await self._connection.drained()  # the answer to an earlier one has not been taken

    def _framed(self, data: bytes) -> bytes:
        if self._head_only:
            return b""
        return chunk(data) if self._chunks else data

    def _may_go_on(self) -> bool:
        return self._keep_alive and not self._shared.leaving and self._body_is_read()

    def _connection_line(self) -> str:
        if not self.goes_on:
            return CLOSE
        return KEEP_ALIVE if self._http10 else ""
