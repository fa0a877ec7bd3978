"""A read with an end in time, on both ways to aiohttp: it loses no byte, hides no failure, and closes no open response.

`hold` and the wait behind an end marker read so.
"""

import asyncio
import math
from collections.abc import AsyncIterator

import pytest
from standby.providers import ErrorKind, ProviderError
from standby.providers.http import privates
from standby.providers.http.transport import HttpTransport
from standby.providers.transport import TransportOptions

from playing import until
from rawserver import Peer, RawServer, chunked, failure_of, response

HEAD = response(b"", "transfer-encoding: chunked", length=None)
AT_ONCE_S = -math.inf
"""A time that has passed."""
IN_TIME_S = math.inf


@pytest.fixture(params=["private way", "public way"])
async def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HttpTransport]:
    if request.param == "public way":
        monkeypatch.setattr(privates, "TESTED", ())
        monkeypatch.setattr(privates, "_FOUND", {})
        monkeypatch.setattr(privates._Told, "public_way", True)
    transport = HttpTransport(TransportOptions())
    yield transport
    await transport.aclose()
    assert transport.open_connections == transport.open_exchanges == 0


class Talk:
    """A response whose server sends more, or resets, when the test says so."""

    def __init__(self) -> None:
        self._next: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.left = asyncio.Event()

    async def script(self, peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + chunked(b"first", end=False))
        watch = asyncio.create_task(peer.until_closed())
        watch.add_done_callback(lambda _: self.left.set())
        try:
            while (data := await self._next.get()) is not None:
                await peer.send(data)
            peer.reset()
        finally:
            watch.cancel()

    def send(self, data: bytes) -> None:
        self._next.put_nowait(data)

    def reset(self) -> None:
        self._next.put_nowait(None)


async def test_what_did_not_come_in_time_comes_later_and_whole(transport: HttpTransport) -> None:
    talk = Talk()
    async with RawServer(talk.script) as server, asyncio.timeout(5):
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await exchange.read() == b"first"
        soon_s = asyncio.get_running_loop().time() + 0.01
        for _ in range(3):
            assert await exchange.read_until(soon_s) is None
        assert not exchange.pending()
        assert not talk.left.is_set()
        talk.send(chunked(b"second"))
        assert await exchange.read_until(IN_TIME_S) == b"second"
        assert await exchange.read_until(IN_TIME_S) == b""
        exchange.close()


async def test_what_is_there_is_given_though_the_time_is_over(transport: HttpTransport) -> None:
    talk = Talk()
    async with RawServer(talk.script) as server, asyncio.timeout(5):
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        await until(exchange.pending)
        assert await exchange.read_until(AT_ONCE_S) == b"first"
        assert await exchange.read_until(AT_ONCE_S) is None
        exchange.close()
        await talk.left.wait()


async def test_a_connection_that_is_lost_meanwhile_is_told_like_in_any_read(transport: HttpTransport) -> None:
    talk = Talk()
    async with RawServer(talk.script) as server, asyncio.timeout(5):
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await exchange.read() == b"first"
        reading = asyncio.ensure_future(exchange.read_until(IN_TIME_S))
        await asyncio.sleep(0)
        talk.reset()
        assert (await failure_of(reading)).kind is ErrorKind.TRUNCATED
        exchange.close()


@pytest.mark.parametrize("waits", [False, True], ids=["before the read", "while it waits"])
async def test_an_interruption_ends_it(transport: HttpTransport, waits: bool) -> None:
    talk, over = Talk(), ProviderError(ErrorKind.STALLED, "time is up")
    async with RawServer(talk.script) as server, asyncio.timeout(5):
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await exchange.read() == b"first"
        if waits:
            reading = asyncio.ensure_future(exchange.read_until(IN_TIME_S))
            await asyncio.sleep(0)
            exchange.interrupt(over)
        else:
            exchange.interrupt(over)
            reading = asyncio.ensure_future(exchange.read_until(IN_TIME_S))
        assert await failure_of(reading) is over
        exchange.close()
        await talk.left.wait()


async def test_a_task_that_is_cancelled_in_it_closes_the_socket(transport: HttpTransport) -> None:
    talk = Talk()
    async with RawServer(talk.script) as server, asyncio.timeout(5):
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await exchange.read() == b"first"
        reading = asyncio.ensure_future(exchange.read_until(IN_TIME_S))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await talk.left.wait()
