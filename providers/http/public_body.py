"""A response's body by what aiohttp documents: read as it comes by a task, and handed out as `Body` does it.

The task reads ahead, so that what has come before a failure is there to be handed out: aiohttp's reader raises the
failure and gives nothing more. It stops reading when enough waits, so that aiohttp, and then the server, stop too.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import aiohttp

from ..provider import PIECE_MAX_BYTES

AHEAD_MAX_BYTES = 64 * 1024
"""So much may wait here; as much again, and one read more, in aiohttp's reader."""


class PublicBody:
    """What comes of one response, for one reader that takes all there is.

    Args:
        content: aiohttp's reader.
        closed: Done when the connection is lost, with an exception if it was reset; None: aiohttp does not tell.
        framed: HTTP says where the body ends.

    Attributes:
        buffer: What has come and was not taken, in pieces of at most 64 KiB.
    """

    __slots__ = ("_closed", "_content", "_eof", "_error", "_framed", "_on_eof", "_room", "_size", "_task", "_turn",
                 "_waiter", "buffer")  # fmt: skip

    def __init__(self, content: aiohttp.StreamReader, closed: "asyncio.Future[None] | None", *, framed: bool) -> None:
        self._content, self._closed, self._framed = content, closed, framed
        self.buffer: deque[bytes] = deque()
        self._size = 0
        self._eof = False
        self._error: BaseException | None = None
        self._on_eof: list[Callable[[], None]] = []
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._turn: asyncio.Future[None] | None = None
        if closed is not None:
            closed.add_done_callback(self._lost)
        self._task = asyncio.get_running_loop().create_task(self._read_ahead())

    def ended(self) -> bool:
        """Everything was taken, and the clean end is known."""
        return self._eof and not self.buffer and self._error is None

    def is_eof(self) -> bool:
        """The clean end is known."""
        return self._eof

    def exception(self) -> BaseException | None:
        """What the body has ended with, other than its end."""
        return self._error

    def set_exception(self, error: BaseException) -> None:
        """Let the body end with this error."""
        self._error = error
        self._on_eof.clear()
        _wake(self._waiter)

    def on_eof(self, callback: Callable[[], None]) -> None:
        """Call this at the clean end: at once, if that was there already."""
        if self._eof:
            callback()
        else:
            self._on_eof.append(callback)

    def arrival(self) -> "asyncio.Future[None] | None":
        """Done as soon as `take` may give more; None: it does so now. One reader at a time.

        Raises:
            Exception: What the body has ended with. Bytes that came before may still be taken.
        """
        if self._error is not None:
            raise self._error
        if self.buffer or self._eof:
            turn = self._turn
            if turn is not None and turn.done():
                self._turn = turn = None
            return turn
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("another task waits for more of this body already")
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def take(self) -> bytes:
        """What has come and was not taken yet, at most 64 KiB of it; nothing at the end."""
        buffer = self.buffer
        pieces: list[bytes] = []
        room = PIECE_MAX_BYTES
        while buffer and len(buffer[0]) <= room:
            pieces.append(piece := buffer.popleft())
            room -= len(piece)
        self._size -= PIECE_MAX_BYTES - room
        if buffer:
            loop = asyncio.get_running_loop()
            self._turn = loop.create_future()
            loop.call_soon(_wake, self._turn)
        if self._size <= AHEAD_MAX_BYTES:
            _wake(self._room)
        return b"".join(pieces)

    def drop(self) -> None:
        """Forget what has come and was not taken."""
        self.buffer.clear()
        self._size = 0
        _wake(self._room)

    def stop(self) -> None:
        """Read no more: the response is given up."""
        self._task.cancel()

    async def _read_ahead(self) -> None:
        try:
            while data := await self._content.readany():
                for at in range(0, len(data), PIECE_MAX_BYTES):
                    self.buffer.append(data[at : at + PIECE_MAX_BYTES])
                self._size += len(data)
                _wake(self._waiter)
                if self._size > AHEAD_MAX_BYTES:
                    self._room = asyncio.get_running_loop().create_future()
                    await self._room
        except Exception as error:  # noqa: BLE001 - the reader gets it, whatever it is
            self._broke(error)
        else:
            if not self._framed and self._was_reset():
                self._broke(aiohttp.ClientPayloadError())
            else:
                self._came_whole()

    def _came_whole(self) -> None:
        self._eof = True
        _wake(self._waiter)
        for callback in self._on_eof:
            callback()
        self._on_eof.clear()

    def _broke(self, error: BaseException) -> None:
        if self._error is None:
            self.set_exception(error)

    def _was_reset(self) -> bool:
        """Did the connection end otherwise than by its orderly end? aiohttp takes both for the end of such a body."""
        closed = self._closed
        return closed is not None and closed.done() and not closed.cancelled() and closed.exception() is not None

    def _lost(self, closed: "asyncio.Future[None]") -> None:
        """Let no reader wait for ever: aiohttp leaves a body with a broken chunk as it is."""
        if not closed.cancelled():
            closed.exception()  # looked at, or asyncio would complain
        if not self._content.is_eof() and self._content.exception() is None:
            self._content.set_exception(aiohttp.ClientPayloadError())


def _wake(sleeper: "asyncio.Future[None] | None") -> None:
    if sleeper is not None and not sleeper.done():
        sleeper.set_result(None)
