"""A response's body between aiohttp's parser, which gives it chunk by chunk, and its reader, who takes all there is.

aiohttp's own reader keeps where each HTTP chunk has ended, and takes chunks out one by one, with the books of its flow
control kept for each. A stream of events comes as a chunk per event, so that this was a third of what a delta costs.
Who takes everything needs no chunk ends, and one look at the flow control.

This module overrides private methods of aiohttp 3.14, as `connector` does.
"""

from typing import Any

from aiohttp.helpers import set_result
from aiohttp.streams import StreamReader

CHUNK_BYTES = 48
"""What a chunk takes in memory beside its bytes: many small ones are bounded, too."""


class Body(StreamReader):
    """aiohttp's reader, for one who takes all there is. aiohttp makes it; `of` turns it into one of these."""

    __slots__ = ()

    @staticmethod
    def of(content: Any) -> None:
        """Turn a reader that aiohttp has just made, and may have fed already; leave any other kind as it is."""
        if type(content) is StreamReader:
            content.__class__ = Body

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        if data:
            self._buffer.append(data)
            self._size = held = self._size + len(data) + CHUNK_BYTES
            if self._waiter is not None:
                waiter, self._waiter = self._waiter, None
                set_result(waiter, None)
            if held > self._high_water:
                self._protocol.pause_reading()
        return False

    def begin_http_chunk_receiving(self) -> None:
        """Nobody asks where chunks begin."""

    def end_http_chunk_receiving(self) -> None:
        """Nobody asks where chunks end."""

    async def readany(self) -> bytes:
        if self._exception is not None:
            raise self._exception
        while not self._buffer and not self._eof:
            await self._wait("readany")
        return self._read_nowait(-1)

    async def _wait(self, func_name: str) -> None:
        if not self._protocol.connected:
            raise RuntimeError("Connection closed.")
        if self._waiter is not None:
            raise RuntimeError(f"{func_name}() called while another coroutine is already waiting for incoming data")
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def _read_nowait(self, n: int) -> bytes:
        buffer = self._buffer
        if n != -1 or self._buffer_offset:
            return super()._read_nowait(n)
        data = buffer.popleft() if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        self._size = 0
        self._protocol.resume_reading()
        return data
