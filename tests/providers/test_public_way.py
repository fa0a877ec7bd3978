"""The public way of aiohttp, taken where a name of its insides is gone: slower, and as right."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from standby.providers import ErrorKind
from standby.providers.http import privates
from standby.providers.http.public_way import PublicWay
from standby.providers.http.transport import HttpTransport
from standby.providers.transport import TransportOptions

from insides import waiting_bytes
from rawserver import Peer, RawServer, answers, chunked, failure_of, keeps_alive, read_out, response

TABLES = [
    (table, row, name) for table in ("TABLE", "SOCKS_TABLE") for row in getattr(privates, table) for name in row.names
]
EVENTS = [b"data: %d\n\n" % number for number in range(200)]
UNFRAMED = b"HTTP/1.1 200 OK\r\n\r\n"


async def mute(peer: Peer) -> None:
    """A script: take a request, and say nothing."""
    await peer.request()
    await peer.until_closed()


@pytest.fixture(autouse=True)
def unknown_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed release is not among those that were tested."""
    monkeypatch.setattr(privates, "TESTED", ())
    monkeypatch.setattr(privates, "_FOUND", {})
    monkeypatch.setattr(privates._Told, "public_way", True)


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(TransportOptions())
    yield transport
    assert transport._way is None or isinstance(transport._way, PublicWay)
    await transport.aclose()
    assert transport.open_connections == transport.open_exchanges == 0


async def asked(transport: HttpTransport, sent: bytes, then: str = "close") -> tuple[bytes, ErrorKind | None]:
    """What comes of a response that is sent so."""
    async with RawServer(answers(sent, then=then)) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        async with asyncio.timeout(5):
            body, error = await read_out(exchange)
        exchange.close()
        return body, None if error is None else error.kind


async def left(transport: HttpTransport) -> None:
    """A call is left before its head, and another within its body: both sockets are closed."""
    async with RawServer(mute) as server:
        task = asyncio.create_task(transport.open(server.wire(), connect_s=1, expect_stream=True))
        async with asyncio.timeout(5):
            while not server.peers:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await server.peers[0].closed.wait()

    async def begins(peer: Peer) -> None:
        await peer.request()
        await peer.send(
            response(b"", "transfer-encoding: chunked", length=None) + chunked(*EVENTS).removesuffix(b"0\r\n\r\n")
        )
        await peer.until_closed()

    async with RawServer(begins) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await exchange.read()
        exchange.close()
        async with asyncio.timeout(5):
            await server.peers[0].closed.wait()


@pytest.mark.parametrize(("table", "row", "name"), TABLES)
async def test_with_any_name_gone_a_stream_is_whole_a_cut_is_told_and_leaving_closes(
    table: str, row: privates.Private, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privates, "TESTED", ("3.14",))
    moved = tuple(
        each._replace(names=tuple(f"{other}_moved" if other == name else other for other in each.names))
        if each == row
        else each
        for each in getattr(privates, table)
    )
    monkeypatch.setattr(privates, table, moved)
    transport = HttpTransport(TransportOptions(proxy="socks5://127.0.0.1:1" if table == "SOCKS_TABLE" else None))
    whole = response(b"", "transfer-encoding: chunked", length=None) + chunked(*EVENTS)
    if table == "SOCKS_TABLE":
        async with RawServer(answers(whole)) as server:
            error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
            assert (error.kind, error.local) == (ErrorKind.CONNECT, True)
    else:
        assert await asked(transport, whole) == (b"".join(EVENTS), None)
        assert await asked(transport, whole.removesuffix(b"0\r\n\r\n")) == (b"".join(EVENTS), ErrorKind.TRUNCATED)
        await left(transport)
    assert isinstance(transport._way, PublicWay)
    await transport.aclose()


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize(
    "head",
    [
        response(b"", length=100),
        response(b"", "transfer-encoding: chunked", length=None) + b"20\r\n",
    ],
)
async def test_a_cut_body_is_never_whole(transport: HttpTransport, head: bytes, then: str) -> None:
    assert await asked(transport, head + b"the beginning", then) == (b"the beginning", ErrorKind.TRUNCATED)


async def test_a_reset_is_no_end_of_a_body_without_framing(transport: HttpTransport) -> None:
    assert await asked(transport, UNFRAMED + b"all of it") == (b"all of it", None)
    assert await asked(transport, UNFRAMED + b"a part", "reset") == (b"a part", ErrorKind.TRUNCATED)


async def test_a_broken_chunk_ends_the_body(transport: HttpTransport) -> None:
    head = response(b"", "transfer-encoding: chunked", length=None)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head + b"3\r\none\r\n")
        await asyncio.sleep(0.02)
        await peer.send(b"no chunk at all\r\n")
        await peer.until_closed()

    async with RawServer(script) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        async with asyncio.timeout(5):
            body, error = await read_out(exchange)
        assert error is not None
        assert (body, error.kind) == (b"one", ErrorKind.PROTOCOL)


async def test_no_connection_carries_a_second_exchange(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"mine") + response(b"foreign"), response(b"late"))) as server:
        for _ in range(3):
            exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
            assert (exchange.reused, await read_out(exchange)) == (False, (b"mine", None))
            exchange.release()
        assert len(server.peers) == 3


async def test_a_reader_that_stops_holds_a_bounded_part_in_pieces(transport: HttpTransport) -> None:
    size = 4 * 2**20

    async with RawServer(answers(response(bytes(size)))) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        await asyncio.sleep(0.2)
        assert waiting_bytes(exchange) < 512 * 1024
        got = 0
        while piece := await exchange.read():
            assert len(piece) <= 64 * 1024
            got += len(piece)
        assert got == size


async def test_a_full_pool_says_so() -> None:
    transport = HttpTransport(TransportOptions(connections_max=1))
    async with RawServer(answers(response(b"", length=10), then="wait")) as server:
        first = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        error = await failure_of(transport.open(server.wire(), connect_s=0.05, expect_stream=True))
        assert (error.kind, error.local) == (ErrorKind.CONNECT, True)
        assert "connections_max" in error.detail
        first.close()
        await transport.aclose()


async def test_it_is_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(privates._Told, "public_way", False)
    caplog.set_level(logging.WARNING, "standby")
    for _ in range(2):
        transport = HttpTransport(TransportOptions())
        assert await asked(transport, response(b"a")) == (b"a", None)
        await transport.aclose()
    (record,) = [each for each in caplog.records if privates.EVENT in each.getMessage()]
    assert "is not among the releases that were tested" in record.getMessage()
