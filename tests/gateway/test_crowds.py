"""Many clients that want nothing, or want it slowly: none of them keeps the others from being answered."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from standby.config import Clients
from standby.gateway.http import Reply, Request
from standby.gateway.shells.rendering import LAST_CHUNK, chunk
from standby.simulator.virtual.loop import VirtualLoop, perform
from standby.simulator.virtual.network import Network

from gateway_stage import EVENTS, PATIENCE_S, TEXT, Held, Served, Wire, echo, served, until

GET = b"GET /a HTTP/1.1\r\nHost: gateway\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 100000\r\n\r\n"
SLOW = 500
IDLE = 5000
IDLE_BYTES_MAX = 20 * 1024
"""Maximum memory of an idle connection, the client's end of it included, which is in the same process here."""


async def opened(stage: Served, count: int) -> list[socket.socket]:
    """Connections of clients that say nothing."""
    loop, clients = asyncio.get_running_loop(), []
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        await loop.sock_connect(client, (stage.host, stage.port))
        clients.append(client)
    await until(lambda: stage.server.connections >= count)
    return clients


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2 * IDLE + 500, reason="this shell may not open so many files"
)
async def test_five_thousand_idle_connections_hinder_none() -> None:
    async with served(clients=Clients(connections_max=IDLE + 10)) as stage:
        before = resident_bytes()
        idle = await opened(stage, IDLE)
        assert (resident_bytes() - before) / IDLE < IDLE_BYTES_MAX
        for _ in range(20):
            async with stage.wire() as wire, asyncio.timeout(1):
                assert (await wire.ask(GET)).status == 200
        await until(lambda: stage.server.connections == IDLE)
        for client in idle:
            client.close()
        await until(lambda: stage.server.connections == 0)
        assert stage.notes == []


@asynccontextmanager
async def in_memory(clients: Clients | None = None) -> AsyncIterator[tuple[Served, Network]]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    network = Network(loop)
    async with served(echo, clients, listen=False) as stage:
        network.serve("gateway", stage.server.protocol)
        yield stage, network


@pytest.mark.parametrize(("sent", "within_s"), [(GET[:-1], 12), (POST + b"x" * 1000, 62)], ids=["heads", "bodies"])
def test_five_hundred_clients_that_send_a_byte_every_few_seconds_are_refused_and_hinder_none(
    sent: bytes, within_s: float
) -> None:
    async def play() -> None:
        async with in_memory() as (stage, network):
            slow = [Wire("gateway", 80, network) for _ in range(SLOW)]

            async def trickle(wire: Wire) -> int:
                async with wire:
                    head = sent[: len(POST)] if sent.startswith(POST) else b""
                    await wire.send(head)
                    answering = asyncio.create_task(wire.answer())
                    for byte in sent[len(head) :]:
                        if answering.done():
                            break
                        await wire.send(bytes([byte]))
                        await asyncio.sleep(2)
                    return (await answering).status

            trickling = [asyncio.create_task(trickle(wire)) for wire in slow]
            loop = asyncio.get_running_loop()
            begun_s = loop.time()
            while stage.server.connections:
                async with Wire("gateway", 80, network) as wire:
                    asked_s = loop.time()
                    assert (await wire.ask(GET)).status == 200
                    assert loop.time() - asked_s < 0.1
                await asyncio.sleep(1)
            assert loop.time() - begun_s <= within_s + 2
            assert set(await asyncio.gather(*trickling)) == {408}

    perform(play())


def test_thousands_of_idle_connections_end_by_their_clock() -> None:
    async def play() -> None:
        async with in_memory() as (stage, network):
            idle = [Wire("gateway", 80, network) for _ in range(IDLE)]
            for wire in idle:
                await wire.__aenter__()
            await asyncio.sleep(619)
            assert stage.server.connections == IDLE
            await asyncio.sleep(4)
            assert stage.server.connections == 0
            for wire in idle:
                await wire.leave()

    perform(play())


async def test_forty_megabytes_wait_for_a_client_that_stalls_and_then_come_whole() -> None:
    piece, count = b"0123456789abcdef" * 4096, 640
    written = 0

    async def handler(request: Request, reply: Reply) -> None:
        nonlocal written
        await reply.start(200, EVENTS)
        for _ in range(count):
            await reply.chunk(piece)
            written += len(piece)
        await reply.end()

    async with served(handler) as stage, stage.wire() as wire:
        await wire.send(GET)
        await wire.first_bytes()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        seen = -1
        while written != seen:
            seen = written
            await asyncio.sleep(0.2)
        assert written < 12 * 2**20, "what buffers of the system hold, and no more"
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(PATIENCE_S):
            rest = await wire.reader.readuntil(b"\r\n0\r\n\r\n")
        assert (wire.seen + rest).partition(b"\r\n\r\n")[2] == chunk(piece) * count + LAST_CHUNK


async def test_ten_thousand_requests_at_once_are_read_as_they_are_answered() -> None:
    async def wait(held: Held, request: Request, reply: Reply) -> None:
        await held.here()
        await reply.whole(200, TEXT, b"")

    held = Held(wait)
    async with served(held) as stage, stage.wire() as wire:
        sending = asyncio.create_task(wire.send(GET * 10_000))
        await until(lambda: held.begun == 1)
        await asyncio.sleep(0.05)
        assert held.begun == 1, "one after another"
        held.go.set()
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(10_000):
                assert (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
            await sending
        assert stage.server.in_flight == 0
