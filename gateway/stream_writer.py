"""Writes one stream: its head with the first bytes, and signs of life while it is silent.

A balancer cuts a connection on which nothing comes for a minute. So a stream that has been silent for a while gets a
comment, before its first bytes too: the head goes out with it then, and from there on errors are told in the stream.
Nothing is scheduled per delta: one timer a stream looks when it was last written to.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from .http import ClientGone, Fields, Reply


class StreamWriter:
    """Writes one stream.

    Args:
        ping: The sign of life.
        ping_s: After so much silence.
        head: Makes the fields of the head when it goes out; told whether the answer has begun.
    """

    def __init__(self, reply: Reply, ping: bytes, ping_s: float, head: Callable[[bool], Fields]) -> None:
        self._reply, self._ping, self._ping_s, self._head = reply, ping, ping_s, head
        self._loop = asyncio.get_running_loop()
        self._last_s = self._loop.time()
        self._writing = False
        self._pinging: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(ping_s, self._look)

    async def send(self, data: bytes) -> None:
        """Send bytes of the answer, with the head if they are the first."""
        if self._pinging is not None:
            await self._pinged()
        self._writing = True
        if not self._reply.started:
            await self._reply.start(200, self._head(True), data)
        elif data:
            await self._reply.chunk(data)
        else:
            self._writing = False  # nothing came that this protocol has words for: it stays silent
            return
        self._writing = False
        self._last_s = self._loop.time()

    async def end(self, data: bytes) -> None:
        """Send the last bytes, and end the stream as whole."""
        self._timer.cancel()
        if self._pinging is not None:
            await self._pinged()
        self._writing = True
        if not self._reply.started:
            await self._reply.start(200, self._head(True), data)
            data = b""
        await self._reply.end(data)

    async def break_off(self, data: bytes) -> None:
        """Send the last bytes of a stream that is not whole, and do not end it."""
        self._timer.cancel()
        if self._pinging is not None:
            await self._pinged()
        self._writing = True
        await self._reply.chunk(data)
        self._reply.abort()

    async def aclose(self) -> None:
        """Write nothing more. Idempotent."""
        self._timer.cancel()
        if self._pinging is not None:
            self._pinging.cancel()
            await self._pinged()

    async def quiet(self) -> None:
        """Wait until nothing is being written, and begin nothing: whether the head is out is then certain."""
        self._timer.cancel()
        if self._pinging is not None:
            await self._pinged()

    async def _pinged(self) -> None:
        """Wait for the sign of life that is being written."""
        if self._pinging is not None:
            await asyncio.wait([self._pinging])
            self._pinging = None

    def _look(self) -> None:
        """See whether it has been silent for so long."""
        silent_s = self._loop.time() - self._last_s
        if self._writing or (self._pinging is not None and not self._pinging.done()):
            silent_s = 0.0  # its client takes nothing in: that has a clock of its own
        elif silent_s >= self._ping_s:
            self._pinging = self._loop.create_task(self._send_ping())
            self._last_s, silent_s = self._loop.time(), 0.0
        self._timer = self._loop.call_later(self._ping_s - silent_s, self._look)

    async def _send_ping(self) -> None:
        with suppress(ClientGone):  # the task that answers is about to be cancelled
            if self._reply.started:
                await self._reply.chunk(self._ping)
            else:
                await self._reply.start(200, self._head(False), self._ping)
