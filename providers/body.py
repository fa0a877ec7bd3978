"""A response's body between aiohttp's parser, which gives it chunk by chunk, and its reader, who takes all there is.

aiohttp's own reader keeps where each HTTP chunk has ended, and takes chunks out one by one, with the books of its flow
control kept for each. A stream of events comes as a chunk per event, so that this was a third of what a delta costs.
Who takes everything needs no chunk ends, and one look at the flow control; and no coroutine to wait in.

This module overrides private methods of aiohttp 3.14, as `connector` does.
"""

import asyncio

from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader

CHUNK_BYTES = 48
"""What a chunk takes in memory beside its bytes: many small ones are bounded, too."""


class Body(StreamReader):
    """aiohttp's reader, for one who takes all there is. aiohttp makes it; `of` turns it into one of these."""

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
            return None
        if self._protocol.transport is None:
            raise RuntimeError("the connection of this body is gone")
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            raise RuntimeError("another task waits for more of this body already")
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def take(self) -> bytes:
        """All that has come and was not taken yet; nothing at the end."""
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
