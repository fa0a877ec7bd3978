"""What was held back from a reader that stopped comes when it reads on, in thousands of small HTTP chunks too."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp.base_protocol import BaseProtocol
from standby.providers.http import way
from standby.providers.http.transport import HttpTransport
from standby.providers.http.way import READ_BUFFER_BYTES
from standby.providers.transport import TransportOptions

from insides import ended_chunks, is_paused, waiting_bytes
from rawserver import Peer, RawServer, chunked, read_out, response

PIECES = [b"data: %d\n\n" % number for number in range(40_000)]


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(TransportOptions())
    yield transport
    await transport.aclose()


async def test_a_reader_that_stopped_reads_on_where_it_was(transport: HttpTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(b"", "transfer-encoding: chunked", length=None) + chunked(*PIECES))
        await peer.until_closed()

    async with RawServer(script) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        for _ in range(10_000):
            if is_paused(exchange):
                break
            await asyncio.sleep(0)
        assert is_paused(exchange)
        assert waiting_bytes(exchange) < 4 * READ_BUFFER_BYTES
        assert await read_out(exchange) == (b"".join(PIECES), None)
        exchange.close()


@pytest.mark.parametrize("kept", [False, True])
async def test_the_end_of_a_chunk_that_was_taken_already_pauses_nothing(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    monkeypatch.setattr(way, "READ_BUFFER_BYTES", 1)
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        if kept:
            await peer.request()
            await peer.send(response(b"warm"))
        await peer.request()
        await peer.send(response(b"", "transfer-encoding: chunked", length=None) + b"5\r\nhello")
        for piece in (b"\r\n", b"5\r\nworld\r\n", b"0\r\n\r\n"):
            await go_on.wait()
            go_on.clear()
            await peer.send(piece)
        await peer.until_closed()

    async with RawServer(script) as server:
        if kept:
            warm = await transport.open(server.wire(), connect_s=1, expect_stream=True)
            assert await read_out(warm) == (b"warm", None)
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        async with asyncio.timeout(5):
            assert await exchange.read() == b"hello"
            go_on.set()
            while not ended_chunks(exchange):  # noqa: ASYNC110 - the end of the chunk comes alone
                await asyncio.sleep(0)
            assert not is_paused(exchange)
            go_on.set()
            assert await exchange.read() == b"world"
            go_on.set()
            assert await exchange.read() == b""


async def test_a_chunk_that_is_read_does_not_run_the_parser_again(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed: list[bool] = []
    original = BaseProtocol.resume_reading

    def resume(self: BaseProtocol, resume_parser: bool = True) -> None:
        resumed.append(self._reading_paused)
        original(self, resume_parser)

    monkeypatch.setattr(BaseProtocol, "resume_reading", resume)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(b"", "transfer-encoding: chunked", length=None) + chunked(*PIECES[:50]))
        await peer.until_closed()

    async with RawServer(script) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(exchange) == (b"".join(PIECES[:50]), None)
        exchange.close()
    assert resumed == []
