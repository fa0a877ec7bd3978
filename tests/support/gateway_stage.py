"""The gateway's server on a socket of loopback, around a handler of the test; and a client whose answers h11 reads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

import h11
from standby.config import Clients
from standby.gateway.http import Fields, Handler, Reply, Request
from standby.gateway.shells.aiohttp_server import HttpServer
from standby.simulator.virtual.network import Network

PATIENCE_S = 20.0
"""No test waits so long; it only ends one that hangs."""

LIMIT_BYTES = 64 * 2**20
"""So much a client holds of an answer."""

TEXT: Fields = (("content-type", "text/plain"),)
EVENTS: Fields = (("content-type", "text/event-stream"),)


async def echo(request: Request, reply: Reply) -> None:
    """Say what came: the method, the path, the query, and the body."""
    body = await request.read()
    told = f"{request.method} {request.path} {request.query} ".encode()
    await reply.whole(200, TEXT, told + body)


@dataclass
class Served:
    """A server that runs.

    Attributes:
        notes: What it told beside its answers.
        faults: The errors among it.
    """

    server: HttpServer
    host: str = "127.0.0.1"
    port: int = 0
    notes: list[str] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)

    def note(self, what: str, error: BaseException | None) -> None:
        self.notes.append(what)
        if error is not None:
            self.faults.append(error)

    def wire(self) -> "Wire":
        return Wire(self.host, self.port)


@asynccontextmanager
async def served(
    handler: Handler = echo,
    clients: Clients | None = None,
    *,
    listen: bool = True,
    always: Collection[str] = ("/health",),
) -> AsyncIterator[Served]:
    """Serve until the block ends; then nothing may be left of any connection or handler."""
    server = HttpServer(handler, clients or Clients(), always=always, note=lambda what, error: held.note(what, error))
    held = Served(server)
    listener = None
    if listen:
        listener = await asyncio.get_running_loop().create_server(server.protocol, "127.0.0.1", 0, backlog=2048)
        held.port = listener.sockets[0].getsockname()[1]
    try:
        yield held
    finally:
        if listener is not None:
            listener.close()
        server.abort()
        async with asyncio.timeout(PATIENCE_S):
            await server.emptied()
            if listener is not None:
                await listener.wait_closed()


@dataclass
class Answer:
    """What h11 made of one answer.

    Attributes:
        interim: The statuses that came before it.
        is_whole: It came to its end.
    """

    status: int
    fields: dict[str, str]
    body: bytes
    interim: list[int]
    is_whole: bool


class Wire:
    """One connection."""

    def __init__(self, host: str, port: int, network: Network | None = None) -> None:
        self._host, self._port, self._network = host, port, network
        self._patience_s = PATIENCE_S if network is None else None  # a virtual loop sees by itself that it stands still
        self._rest = b""

    async def __aenter__(self) -> Self:
        if self._network is None:
            self.reader, self.writer = await asyncio.open_connection(self._host, self._port, limit=LIMIT_BYTES)
            return self
        address = (await self._network.resolve(self._host, self._port))[0][4]
        self.reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(self.reader)
        transport, _ = self._network.join(address, lambda: protocol, tls=False)
        self.writer = asyncio.StreamWriter(transport, protocol, self.reader, asyncio.get_running_loop())
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.leave()

    async def leave(self) -> None:
        self.writer.transport.abort()
        with suppress(OSError):  # the server was first
            await self.writer.wait_closed()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with suppress(ConnectionError):  # a refusal came, and the server takes no more: its answer is there to read
            await self.writer.drain()

    async def ask(self, data: bytes, *, method: str = "GET") -> Answer:
        await self.send(data)
        return await self.answer(method)

    async def answer(self, method: str = "GET") -> Answer:
        """Read one answer to its end."""
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("host", "gateway")]))
        parser.send(h11.EndOfMessage())
        if self._rest:  # no bytes would say that the connection has ended
            parser.receive_data(self._rest)
            self._rest = b""
        found = Answer(0, {}, b"", [], is_whole=False)
        async with asyncio.timeout(self._patience_s):
            while True:
                try:
                    event = parser.next_event()
                except h11.RemoteProtocolError:
                    return found
                if event is h11.NEED_DATA:
                    parser.receive_data(await self._read())
                elif isinstance(event, h11.InformationalResponse):
                    found.interim.append(event.status_code)
                elif isinstance(event, h11.Response):
                    found.status = event.status_code
                    found.fields = {name.decode(): value.decode() for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    found.body += bytes(event.data)
                else:
                    assert isinstance(event, h11.EndOfMessage), event
                    found.is_whole = True
                    self._rest = parser.trailing_data[0]
                    return found

    async def first_bytes(self, count: int = 1) -> bytes:
        """Wait for the beginning of an answer, and leave it."""
        async with asyncio.timeout(self._patience_s):
            while len(self._rest) < count:
                data = await self._read()
                assert data, "the connection ended"
                self._rest += data
        return self._rest

    async def told(self) -> bytes:
        """All that has come so far; the connection need not have ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                while data := await self._read():
                    self._rest += data
        return self._rest

    @property
    def seen(self) -> bytes:
        """What has been read and is no part of an answer yet."""
        return self._rest

    async def is_closed(self) -> bool:
        """Wait for the server to close: nothing came before it."""
        async with asyncio.timeout(self._patience_s):
            return not self._rest and not await self._read()

    async def _read(self) -> bytes:
        try:
            return await self.reader.read(65536)
        except ConnectionError:
            return b""


async def until(met: Callable[[], bool]) -> None:
    """Let the loop turn until a condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not met():  # noqa: ASYNC110 - what is waited for is inside of the server, which rings no bell
            await asyncio.sleep(0.001)


class Held:
    """A handler that waits where the test says, and tells what became of it.

    Attributes:
        begun: How many requests have come to the place where they wait.
        cancelled: How many were cancelled there.
        finished: How many got past it.
        go: Set: they go on.
    """

    def __init__(self, wait: Callable[["Held", Request, Reply], Awaitable[None]]) -> None:
        self._wait = wait
        self.begun = self.cancelled = self.finished = 0
        self.go = asyncio.Event()

    async def __call__(self, request: Request, reply: Reply) -> None:
        try:
            await self._wait(self, request, reply)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.finished += 1

    async def here(self) -> None:
        self.begun += 1
        await self.go.wait()
