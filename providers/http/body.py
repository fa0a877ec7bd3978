"""A response's body between aiohttp's parser, which gives it chunk by chunk, and its reader, who takes all there is.

aiohttp's own reader keeps where each HTTP chunk has ended, and takes chunks out one by one, with the books of its flow
control kept for each. A stream of events comes as a chunk per event, so that this was a third of what a delta costs.
Who takes everything needs no chunk ends, and one look at the flow control; and no coroutine to wait in.

What is taken at once is bounded: bytes that have piled up are handed out in pieces, with a turn of the loop before each
but the first, so that clocks ring, cancellations work and other tasks run while a large answer is decoded.

This module overrides private methods of aiohttp 3.14, as `connector` does.
"""

import asyncio

from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader

from ..provider import PIECE_MAX_BYTES

CHUNK_BYTES = 48
"""What a chunk takes in memory beside its bytes: many small ones are bounded, too."""


class Body(StreamReader):
    """aiohttp's reader, for one reader that takes all there is. aiohttp makes it; `of` turns it into one of these."""

    __slots__ = ()

    @staticmethod
    def of(content: StreamReader, line: BaseProtocol) -> "Body":
        """Turn a reader that aiohttp has made, and may have fed already. One that never holds anything is replaced."""
        if type(content) is StreamReader:
            content.__class__ = Body
        if isinstance(content, Body):
            return content
        nothing = Body(line, 0, loop=line._loop)
        nothing._eof = True
        return nothing

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        if data:
            self._buffer.append(data)
            self._size = held = self._size + len(data) + CHUNK_BYTES
            waiter = self._waiter
            if waiter is not None:
                self._waiter = None
                if not waiter.done():
                    waiter.set_result(None)
            if held > self._high_water:
                self._protocol.pause_reading()
        return False

    def begin_http_chunk_receiving(self) -> None:
        """Nobody asks where chunks begin."""

    def end_http_chunk_receiving(self) -> None:
        """Nobody asks where chunks end."""

    def arrival(self) -> "asyncio.Future[None] | None":
        """Done as soon as `take` may give more; None: it does so now. One reader at a time.

        Raises:
            Exception: What the body has ended with. Bytes that came before may still be taken.
        """
        if self._exception is not None:
            raise self._exception
        if self._buffer or self._eof:
            turn = self._waiter
            if turn is not None and turn.done():
                self._waiter = turn = None
            return turn
        if self._protocol.transport is None:
            raise RuntimeError("the connection of this body is gone")
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            raise RuntimeError("another task waits for more of this body already")
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def take(self) -> bytes:
        """What has come and was not taken yet, at most 64 KiB of it; nothing at the end."""
        if self._size > PIECE_MAX_BYTES:
            return self._piece()
        buffer = self._buffer
        if len(buffer) == 1:
            data = buffer.popleft()
        else:
            data = b"".join(buffer)
            buffer.clear()
        self._size = 0
        if self._protocol._reading_paused:
            self._protocol.resume_reading()
        return data

    def drop(self) -> None:
        """Forget what has come and was not taken."""
        self._buffer.clear()
        self._size = 0

    def _piece(self) -> bytes:
        """The chunks that fit into one piece. With more of them, `arrival` asks for a turn of the loop first."""
        buffer = self._buffer
        if len(buffer[0]) > PIECE_MAX_BYTES:
            whole = buffer.popleft()
            cuts = range(0, len(whole), PIECE_MAX_BYTES)
            buffer.extendleft([whole[cut : cut + PIECE_MAX_BYTES] for cut in reversed(cuts)])
            self._size += CHUNK_BYTES * (len(cuts) - 1)
        pieces: list[bytes] = []
        room = PIECE_MAX_BYTES
        while buffer and len(buffer[0]) <= room:
            pieces.append(chunk := buffer.popleft())
            room -= len(chunk)
        self._size -= PIECE_MAX_BYTES - room + CHUNK_BYTES * len(pieces)
        if buffer:
            self._waiter = turn = self._loop.create_future()
            turn.add_done_callback(_looked_at)
            self._loop.call_soon(_turned, turn)
        elif self._protocol._reading_paused:
            self._protocol.resume_reading()
        return b"".join(pieces)


def _turned(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_result(None)


def _looked_at(turn: "asyncio.Future[None]") -> None:
    """A reader may leave before it waits for its turn: then nothing else would look at what it was given up for."""
    if not turn.cancelled():
        turn.exception()
