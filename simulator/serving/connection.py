"""One connection of the simulator: a thin shell that carries out plans on an asyncio transport.

It decides nothing. It works on any transport and loop, real sockets or in memory, real time or virtual; a client that
leaves is seen at once, since the transport is read all the time.
"""

import asyncio
import contextlib
import socket
import struct
from typing import Protocol, assert_never, cast

from .exchange import Exchange
from .http1 import RefusedRequest, RequestReader, WireMessage
from .plan import Close, Hang, Plan, Repeat, Wait, Write

PIPELINE_MAX_BYTES = 64 * 1024
"""Bytes read ahead while a response is being told; more wait in the kernel."""

RST_GRACE_S = 0.005
"""Where a reset throws away what was received but not read (macOS does), the client gets this long to read it."""

REFUSED_LINGER_S = 1.0
"""How long a refused client may go on sending before the connection is dropped."""


class House(Protocol):
    """What a connection needs to know of the simulator it belongs to."""

    def receive(self, message: WireMessage, connection: int, on_connection: int) -> tuple[Exchange, Plan]: ...
    def begun(self, task: asyncio.Task[None]) -> None: ...
    def forget(self, connection: "Connection") -> None: ...
    def now_s(self) -> float: ...


class Connection(asyncio.Protocol):
    """Reads requests, plays the plan of each, notes how it ended."""

    def __init__(self, house: House, number: int) -> None:
        self.number = number
        self._house = house
        self._reader = RequestReader()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._requests = 0
        self._refused = False
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(0)  # writing goes on only when all is in the kernel: exact cuts
        self._task = asyncio.get_running_loop().create_task(self._serve(self._transport))
        self._house.begun(self._task)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._reader.feed(data)
        self._news.set()
        if self._exchange is not None and self._reader.buffered > PIPELINE_MAX_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def eof_received(self) -> bool:
        self._leave()
        return False  # a client that half-closes has left: the transport closes itself

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self._house.forget(self)

    def stop(self) -> None:
        """End at once, because the simulator closes."""
        if self._exchange is not None:
            self._exchange.end("stopped", self._house.now_s())
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _leave(self) -> None:
        if self._exchange is not None:
            self._exchange.end("left", self._house.now_s())
        if self._task is not None:
            self._task.cancel()

    async def _serve(self, transport: asyncio.Transport) -> None:
        try:
            message: WireMessage | None = await self._request()
            while message is not None:
                self._requests += 1
                exchange, plan = self._house.receive(message, self.number, self._requests)
                self._exchange = exchange
                stays = await self._play(plan, exchange, transport)
                self._exchange = None
                transport.resume_reading()
                message = await self._next_after(plan, exchange, transport) if stays else None
        except RefusedRequest as refused:
            await self._refuse(refused, transport)

    async def _request(self) -> WireMessage:
        while (message := self._reader.next()) is None:
            self._news.clear()
            await self._news.wait()
        return message

    async def _play(self, plan: Plan, exchange: Exchange, transport: asyncio.Transport) -> bool:
        """Carry the plan out. True: the connection stays."""
        for step in plan.steps:
            match step:
                case Write(data):
                    await self._write(data, exchange, transport)
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Hang():
                    await asyncio.Event().wait()
                case Repeat(data, every_s, count):
                    left = count
                    while left is None or left > 0:
                        await asyncio.sleep(every_s)
                        await self._write(data, exchange, transport)
                        left = None if left is None else left - 1
                case Close(rst, whole):
                    exchange.end("completed" if whole else "cut", self._house.now_s())
                    await self._close(transport, rst=rst, written=exchange.bytes_written)
                    return False
                case _:
                    assert_never(step)
        exchange.end("completed", self._house.now_s())
        return True

    async def _write(self, data: bytes, exchange: Exchange, transport: asyncio.Transport) -> None:
        if exchange.bytes_written:
            # A client on this loop reads what was written before: its socket is ready at the next turn, and its
            # callback runs behind ours in the turn after.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        transport.write(data)
        if transport.is_closing():  # the write met a client that was gone; `connection_lost` follows and ends this task
            await asyncio.Event().wait()
        exchange.bytes_written += len(data)
        await self._writable.wait()

    async def _close(self, transport: asyncio.Transport, *, rst: bool, written: int) -> None:
        if not rst:
            transport.close()
            return
        if written:
            await asyncio.sleep(RST_GRACE_S)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    async def _next_after(self, plan: Plan, exchange: Exchange, transport: asyncio.Transport) -> WireMessage | None:
        after = plan.afterwards
        if after is None:
            return await self._request()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(after.delay_s):
                return await self._request()
        exchange.afterwards = True
        if after.data:
            transport.write(after.data)
            await self._writable.wait()
        if after.close is None:
            return await self._request()
        await self._close(transport, rst=after.close == "rst", written=len(after.data))
        return None

    async def _refuse(self, refused: RefusedRequest, transport: asyncio.Transport) -> None:
        """Answer, then read on for a while without looking: a close with unread bytes would be a reset."""
        self._refused = True
        body = f"simulator: {refused.reason}\n"
        fields = f"content-type: text/plain\r\nconnection: close\r\ncontent-length: {len(body)}"
        transport.write(f"HTTP/1.1 {refused.status} Refused\r\n{fields}\r\n\r\n{body}".encode())
        if transport.can_write_eof():
            transport.write_eof()
        await asyncio.sleep(REFUSED_LINGER_S)
        transport.abort()
