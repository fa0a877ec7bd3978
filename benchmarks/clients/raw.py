"""The floor: sockets, the bytes that this benchmark's upstream sends, and typed decoding. It is no client of HTTP.

It is of no use elsewhere: it believes that every body has a Content-Length or is chunks of one event each, and that
nothing ever fails. The rest is the work that no client in Python can do without.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit

import msgspec

from ..wire import MODEL
from .loop import decode_chunk, decode_whole


class Raw:
    """Connections are kept and handed round."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        where = urlsplit(urls[0])
        self._host, self._port = where.hostname or "", where.port or 80
        self._heads = {
            stream: _request(f"{where.path}/chat/completions", where.netloc, stream=stream) for stream in (False, True)
        }
        self._idle: deque[_Connection] = deque()

    async def call(self) -> int:
        return await self._ask(stream=False)

    async def stream(self) -> int:
        return await self._ask(stream=True)

    async def hold(self) -> object:
        raise NotImplementedError

    async def aclose(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _ask(self, *, stream: bool) -> int:
        if self._idle:
            connection = self._idle.pop()
        else:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(lambda: _Connection(loop), self._host, self._port)
        got = await connection.ask(self._heads[stream])
        self._idle.append(connection)
        return got


class _Connection(asyncio.Protocol):
    """Decodes as bytes arrive, and wakes its reader once, at the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._unread = b""
        self._deltas = 0

    def ask(self, request: bytes) -> asyncio.Future[int]:
        self._answer: asyncio.Future[int] = self._loop.create_future()
        self._deltas = 0
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        data = self._unread + data
        if data.startswith(b"HTTP/"):
            head, found, body = data.partition(b"\r\n\r\n")
            if b"content-length: " in head:
                self._whole(data, head, body)
                return
            data = body if found else data
        *events, self._unread = data.split(b"\n\n\r\n")
        for event in events:
            payload = event[event.index(b"data: ") + 6 :]
            if payload == b"[DONE]":
                continue
            for choice in decode_chunk(payload).choices:
                if choice.delta.content:
                    self._deltas += 1
        if self._unread == b"0\r\n\r\n":
            self._unread = b""
            self._answer.set_result(self._deltas)

    def _whole(self, data: bytes, head: bytes, body: bytes) -> None:
        if len(body) < int(head.rpartition(b"content-length: ")[2]):
            self._unread = data
            return
        self._unread = b""
        self._answer.set_result(len(decode_whole(body).choices[0].message.content or ""))


def _request(path: str, host: str, *, stream: bool) -> bytes:
    body = msgspec.json.encode(
        {"model": MODEL, "messages": [{"role": "user", "content": "Why is the sky blue?"}], "stream": stream}
    )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
