"""The clocks of connections, in virtual time: the defaults, exactly, and no real second passes."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from standby.config import Clients
from standby.gateway.http import Reply, Request
from standby.simulator.virtual.loop import VirtualLoop, perform
from standby.simulator.virtual.network import Network

from gateway_stage import TEXT, Served, Wire, echo, served

GET = b"GET /a HTTP/1.1\r\nHost: gateway\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: "

Play = Callable[[Served, Wire], Awaitable[None]]


def play(act: Play, clients: Clients | None = None) -> None:
    """Run a client against a server, both in memory."""

    async def both() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        network = Network(loop)
        async with served(echo, clients, listen=False) as stage:
            network.serve("gateway", stage.server.protocol)
            stage.host, stage.port = "gateway", 80
            async with Wire("gateway", 80, network) as wire:
                await act(stage, wire)

    perform(both())


def now_s() -> float:
    return asyncio.get_running_loop().time()


def test_a_head_that_is_never_finished_ends_after_10_seconds_however_much_of_it_comes() -> None:
    async def act(stage: Served, wire: Wire) -> None:
        begun_s = now_s()

        async def trickle() -> None:
            for byte in GET[:-1]:
                await wire.send(bytes([byte]))
                await asyncio.sleep(1)

        trickling = asyncio.create_task(trickle())
        answer = await wire.answer()
        assert (answer.status, answer.fields["connection"]) == (408, "close")
        assert 10 <= now_s() - begun_s <= 12
        trickling.cancel()
        assert stage.notes == ["head_timeout"]
        assert stage.server.connections == 0

    play(act)


def test_a_head_has_its_10_seconds_on_a_connection_that_was_used_before_too() -> None:
    async def act(stage: Served, wire: Wire) -> None:
        assert (await wire.ask(GET)).status == 200
        await asyncio.sleep(300)
        begun_s = now_s()
        await wire.send(GET[:20])
        await asyncio.sleep(9)
        assert (await wire.ask(GET[20:])).status == 200
        await wire.send(GET[:20])
        begun_s = now_s()
        assert (await wire.answer()).status == 408
        assert 10 <= now_s() - begun_s <= 12

    play(act)


def test_an_idle_connection_is_kept_for_620_seconds() -> None:
    async def act(stage: Served, wire: Wire) -> None:
        for _ in range(2):
            assert (await wire.ask(GET)).status == 200
            await asyncio.sleep(618)
        assert (await wire.ask(GET)).status == 200
        begun_s = now_s()
        assert await wire.is_closed()
        assert 620 <= now_s() - begun_s <= 622

    play(act)


def test_a_connection_that_asks_nothing_is_not_kept_for_ever() -> None:
    async def act(stage: Served, wire: Wire) -> None:
        assert await wire.is_closed()
        assert 620 <= now_s() <= 622

    play(act)


@pytest.mark.parametrize(("length", "every_s", "status", "after_s"), [
    (10, 30.0, 408, 60.0),  # ten bytes, one each half minute
    (100_000, 1.0, 200, 97.0),  # 1 KiB a second: longer than a minute, and let be
    (100_000, 3.0, 408, 90.0),  # a third of that pace
])  # fmt: skip
def test_a_body_may_take_a_minute_or_as_long_as_it_comes_at_1_kib_a_second(
    length: int, every_s: float, status: int, after_s: float
) -> None:
    async def act(stage: Served, wire: Wire) -> None:
        size = min(1024, max(1, length // 10))

        async def upload() -> None:
            for begin in range(0, length, size):
                await wire.send(b"x" * min(size, length - begin))
                await asyncio.sleep(every_s)

        await wire.send(POST + str(length).encode() + b"\r\n\r\n")
        uploading = asyncio.create_task(upload())
        answer = await wire.answer()
        assert (answer.status, round(now_s())) == (status, round(after_s))
        uploading.cancel()

    play(act)


def test_a_request_may_take_as_long_as_it_takes() -> None:
    """No clock of the server's ends an answer: that is the router's business."""

    async def slow(request: Request, reply: Reply) -> None:
        await asyncio.sleep(3600)
        await reply.whole(200, TEXT, b"")

    async def act() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        network = Network(loop)
        async with served(slow, listen=False) as stage:
            network.serve("gateway", stage.server.protocol)
            async with Wire("gateway", 80, network) as wire:
                assert (await wire.ask(GET)).status == 200
                assert stage.notes == []

    perform(act())
