"""One line a request: JSON into a buffer, which another thread writes out, so that no request waits for a pipe."""

import asyncio
from collections.abc import Callable

from .record import Record, line_of

EVERY_S = 0.25
BUFFER_BYTES_MAX = 8 * 1024 * 1024
"""Maximum bytes that wait for a reader that is slow; what comes then is dropped, and counted."""


class RequestLog:
    """Writes lines.

    Args:
        write: Writes bytes out; called in another thread, and once more at the end.
        buffer_bytes_max: Maximum bytes that wait for it.

    Attributes:
        dropped: Lines that were dropped because nothing took them in.
        failed: Lines that could not be written.
    """

    def __init__(self, write: Callable[[bytes], object], buffer_bytes_max: int = BUFFER_BYTES_MAX) -> None:
        self._write, self._bytes_max = write, buffer_bytes_max
        self._lines: list[bytes] = []
        self._bytes = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self.dropped = self.failed = 0

    def __call__(self, record: Record) -> None:
        """Write a request down, soon."""
        if self._bytes > self._bytes_max:
            self.dropped += 1
            return
        line = line_of(record)
        self._lines.append(line)
        self._bytes += len(line)
        if self._timer is None and self._writing is None:
            self._timer = self._loop.call_later(EVERY_S, self._flush)

    async def aclose(self) -> None:
        """Write what is left."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self._lines:
            await asyncio.to_thread(self._out, self._taken())

    def _flush(self) -> None:
        self._timer = None
        self._writing = self._loop.run_in_executor(None, self._out, self._taken())
        self._writing.add_done_callback(self._written)

    def _written(self, writing: "asyncio.Future[None]") -> None:
        self._writing = None
        if self._lines and not self._loop.is_closed():
            self._timer = self._loop.call_later(EVERY_S, self._flush)

    def _taken(self) -> list[bytes]:
        lines, self._lines, self._bytes = self._lines, [], 0
        return lines

    def _out(self, lines: list[bytes]) -> None:
        try:
            self._write(b"".join(lines))
        except (OSError, ValueError):  # nothing reads it any more; requests go on
            self.failed += len(lines)
