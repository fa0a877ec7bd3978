"""A client that hides nothing: what came in which read, and whether the end was a FIN or a reset."""

import asyncio
import json
from typing import Literal, Self
from urllib.parse import urlsplit

HELLO = {"model": "m", "messages": [{"role": "user", "content": "Say it."}], "stream": True}
PATIENCE_S = 5.0
"""No test waits so long; it only ends one that hangs."""

QUIET_S = 0.03
"""Silence of so long is taken for silence."""


class RawClient:
    """One connection to the simulator."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self.reads: list[bytes] = []
        self.end: Literal["fin", "rst"] | None = None

    async def __aenter__(self) -> Self:
        assert self._parts.hostname is not None
        self._reader, self._writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.leave()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def ask(self, body: object = HELLO, path: str = "/chat/completions", **headers: str) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"host": "simulator", "content-length": str(len(payload)), **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        await self.send(f"POST {self._parts.path}{path} HTTP/1.1\r\n{lines}\r\n".encode() + payload)

    @property
    def received(self) -> bytes:
        return b"".join(self.reads)

    async def read(self, *, until: bytes | None = None) -> bytes:
        """Read to the end of the connection, or until the bytes so far end with `until`."""
        async with asyncio.timeout(PATIENCE_S):
            while until is None or not self.received.endswith(until):
                try:
                    data = await self._reader.read(65536)
                except ConnectionResetError:
                    self.end = "rst"
                    break
                if not data:
                    self.end = "fin"
                    break
                self.reads.append(data)
        return self.received

    async def is_silent(self) -> bool:
        """Nothing comes, not even an end."""
        try:
            async with asyncio.timeout(QUIET_S):
                data = await self._reader.read(65536)
        except TimeoutError:
            return True
        self.reads.append(data)
        return False

    async def leave(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            assert self.end == "rst"


def body_of(response: bytes) -> bytes:
    """The body of one whole or broken response, with the chunks joined."""
    head, _, body = response.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head:
        return body
    joined = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        joined += rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]
    return joined


def texts_of(body: bytes) -> list[str]:
    """The text deltas of an openai stream."""
    found = []
    for event in body.split(b"\n\n"):
        if event.startswith(b"data: {"):
            for choice in json.loads(event[6:]).get("choices", ()):
                if text := choice["delta"].get("content"):
                    found.append(text)
    return found
