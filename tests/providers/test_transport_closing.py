"""Leaving in every phase closes the socket at once, and nothing is left behind, whatever went wrong before."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from standby.providers import ErrorKind, ProviderError
from standby.providers.http.transport import HttpTransport
from standby.providers.transport import TransportOptions, refusal_body

from rawserver import Peer, RawServer, answers, chunked, failure_of, keeps_alive, read_out, response

CLOSED_WITHIN_S = 0.05
HALF = response(b"half", length=10)


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(TransportOptions())
    yield transport
    await transport.aclose()
    assert transport.open_connections == transport.open_exchanges == 0


async def closes(peer: Peer) -> None:
    """The client closes the connection, soon."""
    await asyncio.wait_for(peer.closed.wait(), CLOSED_WITHIN_S)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(1):
        while not condition():  # noqa: ASYNC110 - no event is set for it
            await asyncio.sleep(0.001)


async def read_on(transport: HttpTransport, server: RawServer, body: bytes = b"{}") -> None:
    exchange = await transport.open(server.wire(body), connect_s=1, expect_stream=True)
    while await exchange.read():
        pass


async def silent(peer: Peer) -> None:
    await peer.request()
    await peer.until_closed()


@pytest.mark.parametrize(
    "script",
    [silent, answers(b"HTTP/1.1 200"), answers(response(b"", length=9)), answers(HALF), answers(response(length=None))],
)
async def test_a_cancelled_task_closes_the_socket(
    transport: HttpTransport, script: Callable[[Peer], Coroutine[Any, Any, None]]
) -> None:
    async with RawServer(script) as server:
        task = asyncio.create_task(read_on(transport, server))
        await until(lambda: server.peers and server.peers[0].requests)
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await closes(server.peers[0])
        assert transport.open_connections == transport.open_exchanges == 0


async def deaf(peer: Peer) -> None:
    """Answer at once, and read nothing: what we have not sent stays in our buffer."""
    await peer.read_exactly(1)
    await peer.send(HALF)
    await asyncio.Event().wait()


async def mute(peer: Peer) -> None:
    """Neither answer nor read."""
    await peer.read_exactly(1)
    await asyncio.Event().wait()


@pytest.mark.parametrize("owned", [True, False])
@pytest.mark.parametrize("way", ["cancel before the head", "cancel within the body", "close", "aclose"])
async def test_leaving_does_not_wait_for_what_was_not_sent_yet(owned: bool, way: str) -> None:
    connector = None if owned else aiohttp.TCPConnector()
    transport = HttpTransport(TransportOptions(connector=connector))
    script = mute if "before" in way else deaf
    async with RawServer(script) as server:
        before = open_files()
        wire = server.wire(bytes(20 * 2**20))
        if way.startswith("cancel"):
            task = asyncio.create_task(read_on(transport, server, wire.body))
            await until(lambda: open_files() == before + 2)
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            exchange = await transport.open(wire, connect_s=1, expect_stream=True)
            if way == "aclose":
                await transport.aclose()
            else:
                exchange.close()
        async with asyncio.timeout(CLOSED_WITHIN_S):
            await until(lambda: open_files() == before + 1)  # the server's end is still open
        await transport.aclose()
        if connector is not None:
            await connector.close()


async def test_closing_the_transport_does_not_wait_for_what_was_not_sent_yet() -> None:
    transport = HttpTransport(TransportOptions())
    async with RawServer(mute) as server:
        asks = asyncio.create_task(read_on(transport, server, bytes(20 * 2**20)))
        await until(lambda: server.peers)
        await asyncio.sleep(0.02)
        async with asyncio.timeout(CLOSED_WITHIN_S):
            await transport.aclose()
        assert (await failure_of(asks)).kind is ErrorKind.CLOSED


async def test_cancelled_while_it_connects(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    connecting = asyncio.Event()

    async def never(sock: object, address: object) -> None:
        connecting.set()
        await loop.create_future()

    monkeypatch.setattr(loop, "sock_connect", never)
    async with RawServer(silent) as server:
        task = asyncio.create_task(read_on(transport, server))
        await connecting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert transport.open_connections == 0


async def test_cancelled_while_it_waits_for_a_place() -> None:
    transport = HttpTransport(TransportOptions(connections_max=1))
    async with RawServer(answers(HALF)) as server:
        held = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        waits = asyncio.create_task(read_on(transport, server))
        await asyncio.sleep(0)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        held.close()
        (await transport.open(server.wire(), connect_s=1, expect_stream=True)).close()
        await transport.aclose()


@pytest.mark.parametrize("way", ["close", "aclose"])
async def test_closing_closes_the_socket_and_wakes_the_reader(transport: HttpTransport, way: str) -> None:
    async with RawServer(answers(HALF)) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await exchange.read() == b"half"
        reads = asyncio.create_task(exchange.read())
        await asyncio.sleep(0)
        if way == "close":
            exchange.close()
            exchange.close()
        else:
            await transport.aclose()
            await transport.aclose()
        assert (await failure_of(reads)).kind is ErrorKind.CANCELLED
        assert (await failure_of(exchange.read())).kind is ErrorKind.CANCELLED
        await closes(server.peers[0])
        assert transport.open_connections == transport.open_exchanges == 0


async def test_closing_an_exchange_leaves_the_others_alone(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"whole"))) as server:
        one, other = [await transport.open(server.wire(), connect_s=1, expect_stream=True) for _ in range(2)]
        one.close()
        assert await read_out(other) == (b"whole", None)


async def test_closing_the_transport_ends_requests_that_still_open() -> None:
    transport = HttpTransport(TransportOptions(connections_max=1))
    async with RawServer(silent) as server:
        asks, waits = (
            asyncio.create_task(transport.open(server.wire(), connect_s=1, expect_stream=True)) for _ in range(2)
        )
        await until(lambda: server.peers and server.peers[0].requests)
        await transport.aclose()
        assert (await failure_of(asks)).kind is ErrorKind.CLOSED
        assert (await failure_of(waits)).kind is ErrorKind.CLOSED
        after = transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert (await failure_of(after)).kind is ErrorKind.CLOSED


async def test_an_answer_that_comes_after_the_transport_was_closed() -> None:
    """On the caller's connector, closing the transport does not end the request."""
    go_on = asyncio.Event()

    async def late(peer: Peer) -> None:
        await peer.request()
        await go_on.wait()
        await peer.send(HALF)
        await peer.until_closed()

    async with RawServer(late) as server, aiohttp.TCPConnector() as connector:
        transport = HttpTransport(TransportOptions(connector=connector))
        asks = asyncio.create_task(transport.open(server.wire(), connect_s=1, expect_stream=True))
        await until(lambda: server.peers and server.peers[0].requests)
        await transport.aclose()
        go_on.set()
        assert (await failure_of(asks)).kind is ErrorKind.CLOSED
        await closes(server.peers[0])


async def test_a_cancelled_task_is_cancelled_though_the_transport_closes_too() -> None:
    transport = HttpTransport(TransportOptions(connections_max=1))
    async with RawServer(silent) as server:
        tasks = [asyncio.create_task(transport.open(server.wire(), connect_s=1, expect_stream=True)) for _ in range(2)]
        await until(lambda: server.peers and server.peers[0].requests)
        for task in tasks:
            task.cancel()
        await transport.aclose()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)


async def test_a_transport_that_was_never_used_closes() -> None:
    transport = HttpTransport(TransportOptions(ca_file="/nowhere"))
    await transport.aclose()
    assert transport.open_connections == 0


def test_a_transport_is_made_without_a_loop() -> None:
    assert HttpTransport(TransportOptions()).open_connections == 0


def test_the_options_do_not_show_their_secrets() -> None:
    options = TransportOptions(proxy="http://me:secret@proxy.test:1", headers={"X-Key": "secret"})
    assert "secret" not in f"{options!r} {options}"


# Many


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


FAULTS = [
    answers(then="close"),
    answers(then="reset"),
    answers(b"HTTP/1.1 2", then="close"),
    answers(b"SSH-2.0-x\r\n"),
    answers(HALF, then="close"),
    answers(HALF, then="reset"),
    answers(response(b"abc", length=None), then="close"),
    answers(response(chunked(b"abc") + b"garbage", "transfer-encoding: chunked", length=None)),
    answers(response(b"zz\r\n", "transfer-encoding: chunked", length=None)),
    answers(response(b"?", "content-encoding: gzip")),
    keeps_alive(response(b"fine")),
    silent,
]


async def mixed_faults(count: int) -> None:
    """Ask over and over, with every fault, and leave in every way; then compare what is open."""
    random_source = random.Random(7)
    transport = HttpTransport(TransportOptions(connections_max=20))

    async def script(peer: Peer) -> None:
        await random_source.choice(FAULTS)(peer)

    async def one(server: RawServer, way: int) -> None:
        async with asyncio.timeout(0.02):
            exchange = await transport.open(server.wire(), connect_s=0.02, expect_stream=True)
            if way == 0:
                exchange.close()
            elif way == 1:
                await refusal_body(exchange, 2)
            else:
                try:
                    await read_out(exchange)
                finally:
                    exchange.release()

    async with RawServer(script) as server:
        before = open_files()
        for batch in range(0, count, 20):
            tasks = [one(server, (batch + number) % 4) for number in range(20)]
            for end in await asyncio.gather(*tasks, return_exceptions=True):
                assert end is None or isinstance(end, TimeoutError | ProviderError), repr(end)
        await transport.aclose()
        assert transport.open_connections == transport.open_exchanges == 0
        await until(lambda: open_files() <= before)


async def test_nothing_is_left_after_hundreds_of_faults() -> None:
    await mixed_faults(300)


def test_it_works_on_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> None:
        await mixed_faults(60)
        async with RawServer(keeps_alive(response(b"mine"))) as server:
            transport = HttpTransport(TransportOptions())
            for reused in (False, True):
                exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
                assert (exchange.reused, await read_out(exchange)) == (reused, (b"mine", None))
            await server.peers[0].send(response(b"foreign"))
            await asyncio.sleep(0.01)
            exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
            assert (exchange.reused, await read_out(exchange)) == (False, (b"mine", None))
            await transport.aclose()
        for then, kind in (("close", ErrorKind.TRUNCATED), ("reset", ErrorKind.TRUNCATED)):
            async with RawServer(answers(HALF, then=then)) as server:
                transport = HttpTransport(TransportOptions())
                exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
                got, error = await read_out(exchange)
                assert (got, error and error.kind) == (b"half", kind)
                await transport.aclose()
        async with RawServer(answers(HALF)) as server:
            transport = HttpTransport(TransportOptions())
            exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await read_out(exchange)
            await closes(server.peers[0])
            await transport.aclose()

    uvloop.run(scenario())
