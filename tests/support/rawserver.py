"""A server that sends exactly the bytes that a test says, and tells what became of each of its connections."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeAlias

import pytest
from standby.providers import ProviderError, WireRequest
from standby.providers.http.exchange import HttpExchange

from canaries import CANARY_KEY, CANARY_PROMPT, assert_no_canary


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """A body in chunks, with or without the last one."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if end else b"")


def response(body: bytes = b"", *headers: str, status: str = "200 OK", length: int | None = -1) -> bytes:
    """A response with a `content-length` (None: without)."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length is not None:
        lines.append(f"content-length: {len(body) if length < 0 else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Peer:
    """The server's end of one connection.

    Attributes:
        requests: The raw heads of the requests that came.
        bodies: Their bodies.
        closed: Set when the client has closed, or reset, the connection.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.closed = asyncio.Event()

    async def request(self) -> str:
        """The head of the next request; its body is read, too."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        self.bodies.append(await self._reader.readexactly(length))
        self.requests.append(head)
        return head

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def read_exactly(self, count: int) -> bytes:
        return await self._reader.readexactly(count)

    async def until_closed(self) -> None:
        """Wait for the client to go, whatever it still sends."""
        try:
            while await self._reader.read(65536):
                pass
        except OSError:
            pass  # it went with a reset
        self.closed.set()

    async def relay(self, port: int) -> None:
        """Be a proxy from here on: pass everything to and from another port."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def pump(source: asyncio.StreamReader, drain: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65536):
                    drain.write(data)
            except OSError:
                pass  # a reset ends a relay like an end does
            drain.close()  # which ends the other direction too

        try:
            await asyncio.gather(pump(self._reader, writer), pump(reader, self._writer))
        finally:
            writer.transport.abort()
            self.closed.set()

    def reset(self) -> None:
        """Send RST, once what was sent before has left."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def close(self) -> None:
        """Send FIN."""
        self._writer.close()


Script: TypeAlias = Callable[[Peer], Awaitable[None]]


class RawServer:
    """A server on loopback. `script` plays on every connection; when it returns, the connection is closed.

    Attributes:
        peers: The connections that were made, in order.
    """

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self._script, self._tls = script, tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.peers: list[Peer] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1/chat"

    def wire(self, body: bytes = CANARY_PROMPT.encode(), *, query: str = "") -> WireRequest:
        """A request to it, with a key and a prompt that must not be seen again."""
        headers = {"Authorization": f"Bearer {CANARY_KEY}", "Content-Type": "application/json"}
        return WireRequest(self.url + query, headers, body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = Peer(reader, writer)
        self.peers.append(peer)
        try:
            await self._script(peer)
        except (OSError, asyncio.IncompleteReadError):
            peer.closed.set()  # the client went before the script's end
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if self._tls else writer.close()


def answers(*data: bytes, then: str = "wait") -> Script:
    """A script: read a request, send the data piece by piece, then `wait` for the client to go, `close`, or `reset`."""

    async def script(peer: Peer) -> None:
        await peer.request()
        for piece in data:
            await peer.send(piece)
            await asyncio.sleep(0)
        if then == "reset":
            await asyncio.sleep(0.005)  # let the data arrive: a reset that overtakes it would take it away
            peer.reset()
        elif then == "wait":
            await peer.until_closed()

    return script


def keeps_alive(*data: bytes) -> Script:
    """A script: answer one request after the other on the same connection, each with the next data, then the last."""

    async def script(peer: Peer) -> None:
        for number in range(10_000):
            await peer.request()
            await peer.send(data[min(number, len(data) - 1)])

    return script


async def failure_of(asked: Awaitable[object]) -> ProviderError:
    """The error that something ends with, after a look at what it shows: only words of ours."""
    with pytest.raises(ProviderError) as caught:
        await asked
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    assert_no_canary(error)
    return error


async def read_out(exchange: HttpExchange) -> tuple[bytes, ProviderError | None]:
    """All that a body gives, and the failure that it ends with."""
    body = b""
    try:
        while data := await exchange.read():
            body += data
    except ProviderError as error:
        failure = error
    else:
        return body, None
    assert failure.__context__ is None
    assert_no_canary(failure)
    return body, failure
