"""A response's body between aiohttp's parser, which gives it chunk by chunk, and its reader, which takes all there is.

aiohttp's own way out of its reader takes chunks one by one, with the books of its flow control kept for each, and in a
coroutine. A stream of events comes as a chunk per event, so that this was a third of what a delta costs. One that
takes everything at once needs no chunk ends, one look at the flow control, and no coroutine to wait in. So a `Body`
stands beside the reader that aiohttp's parser feeds, and takes out of its buffer.

What is taken at once is bounded: bytes that have piled up are handed out in pieces, with a turn of the loop before each
but the first, so that clocks ring, cancellations work and other tasks run while a large answer is decoded.

What this module uses of aiohttp's insides stands in the table of `privates`.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader

from ..opaque import Opaque
from ..provider import PIECE_MAX_BYTES

CHUNK_BYTES = 48
"""What a chunk takes in memory beside its bytes: many small ones are bounded, too."""


def bound(reader: StreamReader, buffer_bytes: int) -> int:
    """Bound what waits in a reader, its bytes and what its chunks take beside them: twice `buffer_bytes`, together.

    aiohttp tells the connection to pause when one of both is exceeded, as far as the body comes in HTTP chunks.

    Returns:
        The maximum number of chunks that may wait. At least one: a chunk's end may come when its bytes were taken long
        ago, and a pause then would never be over.
    """
    reader._high_water = buffer_bytes + buffer_bytes // 2
    reader._high_water_chunks = chunks_max = buffer_bytes // (2 * CHUNK_BYTES) or 1
    return chunks_max


class Body(Opaque):
    """What comes of one response, for one reader that takes all there is.

    Attributes:
        buffer: What has come and was not taken: aiohttp's own.
    """

    _reader: StreamReader  # aiohttp's, which its parser feeds
    _line: BaseProtocol  # the connection
    _loop: asyncio.AbstractEventLoop
    buffer: deque[bytes]
    _turn: "asyncio.Future[None] | None" = None

    @staticmethod
    def of(content: StreamReader, line: BaseProtocol) -> "Body":
        """The body that aiohttp's parser feeds. A response without one has a reader that never holds anything."""
        loop = line._loop
        if type(content) is not StreamReader:
            content = StreamReader(line, 0, loop=loop)
            content._eof = True
        return Body(content, line, loop, content._buffer)

    def ended(self) -> bool:
        """Everything was taken, and the clean end is known."""
        reader = self._reader
        return reader._eof and not self.buffer and reader._exception is None

    def is_eof(self) -> bool:
        """The clean end is known."""
        return self._reader._eof

    def exception(self) -> BaseException | None:
        """What the body has ended with, other than its end."""
        return self._reader._exception

    def set_exception(self, error: BaseException) -> None:
        """Let the body end with this error."""
        self._reader.set_exception(error)

    def on_eof(self, callback: Callable[[], None]) -> None:
        """Call this at the clean end: at once, if that was there already."""
        self._reader.on_eof(callback)

    def arrival(self) -> "asyncio.Future[None] | None":
        """Done as soon as `take` may give more; None: it does so now. One reader at a time.

        Raises:
            Exception: What the body has ended with. Bytes that came before may still be taken.
        """
        reader = self._reader
        if reader._exception is not None:
            raise reader._exception
        if self.buffer or reader._eof:
            turn = self._turn
            if turn is not None and turn.done():
                self._turn = turn = None
            return turn
        if self._line.transport is None:
            raise RuntimeError("the connection of this body is gone")
        waiter = reader._waiter
        if waiter is not None and not waiter.done():
            raise RuntimeError("another task waits for more of this body already")
        reader._waiter = waiter = self._loop.create_future()
        return waiter

    def take(self) -> bytes:
        """What has come and was not taken yet, at most 64 KiB of it; nothing at the end."""
        reader = self._reader
        if reader._size > PIECE_MAX_BYTES:
            return self._piece()
        data = b"".join(self.buffer)
        self.buffer.clear()
        reader._size = 0
        splits = reader._http_chunk_splits
        if splits:
            splits.clear()
        if self._line._reading_paused:
            self._line.resume_reading()
        return data

    def drop(self) -> None:
        """Forget what has come and was not taken."""
        self.buffer.clear()
        self._reader._size = 0

    def _piece(self) -> bytes:
        """The chunks that fit into one piece. With more of them, `arrival` asks for a turn of the loop first."""
        buffer, reader = self.buffer, self._reader
        if len(buffer[0]) > PIECE_MAX_BYTES:
            whole = buffer.popleft()
            cuts = range(0, len(whole), PIECE_MAX_BYTES)
            buffer.extendleft([whole[cut : cut + PIECE_MAX_BYTES] for cut in reversed(cuts)])
        pieces: list[bytes] = []
        room = PIECE_MAX_BYTES
        while buffer and len(buffer[0]) <= room:
            pieces.append(chunk := buffer.popleft())
            room -= len(chunk)
        reader._size -= PIECE_MAX_BYTES - room
        if buffer:
            self._turn = turn = self._loop.create_future()
            self._loop.call_soon(_turned, turn)
        else:
            if reader._http_chunk_splits:
                reader._http_chunk_splits.clear()
            if self._line._reading_paused:
                self._line.resume_reading()
        return b"".join(pieces)


def _turned(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_result(None)
