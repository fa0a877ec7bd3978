"""A provider on a socket, in the hands of the test: what comes of it, and whether the gateway has gone again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from standby.config import Target

from stage import DONE, chunk

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


@dataclass
class Asked:
    """One request at the provider.

    Attributes:
        gone: Set when the gateway has closed the connection.
    """

    number: int
    body: bytes
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()


Script: TypeAlias = Callable[[Asked], Awaitable[None]]
"""What the provider does with a request. When it is done, the connection stays until the gateway goes."""


async def answers(asked: Asked) -> None:
    """Answer whole, and close."""
    await asked.send(HEAD, chunk("Once "), chunk("upon"), chunk(finish="stop"), DONE)
    asked.writer.close()


def refuses(status: int, **headers: str) -> Script:
    """Answer with an error, and close."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    async def script(asked: Asked) -> None:
        await asked.send(f"HTTP/1.1 {status} No\r\n{lines}content-length: 0\r\nconnection: close\r\n\r\n".encode())
        asked.writer.close()

    return script


class Upstream:
    """The provider.

    Attributes:
        script: What it does with a request.
        asked: The requests so far.
    """

    def __init__(self) -> None:
        self.script: Script = answers
        self.asked: list[Asked] = []
        self.port = 0

    def target(self, name: str = "one", **settings: object) -> Target:
        return Target("openai", model="m", name=name, key="k", base_url=self.url, **settings)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
            asked = Asked(len(self.asked), await reader.readexactly(length), writer)
            self.asked.append(asked)
            playing = asyncio.ensure_future(self.script(asked))
            with suppress(OSError):
                while await reader.read(65536):
                    pass
            asked.gone.set()
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        except (asyncio.IncompleteReadError, OSError):
            pass  # a connection that was opened for later
        finally:
            writer.close()


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    """A provider that serves."""
    held, serving = Upstream(), set[asyncio.Task[None]]()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(held.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, backlog=2048)
    held.port = server.sockets[0].getsockname()[1]
    try:
        yield held
    finally:
        server.close()
        for task in tuple(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()
