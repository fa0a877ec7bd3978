"""Which connections are used again, and that nothing doubtful ever is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from standby.providers import ErrorKind
from standby.providers.http.connector import Line
from standby.providers.http.exchange import HttpExchange
from standby.providers.http.transport import HttpTransport
from standby.providers.transport import TransportOptions

from insides import pool_of, waiting_bytes
from rawserver import Peer, RawServer, answers, chunked, failure_of, keeps_alive, read_out, response


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(TransportOptions())
    yield transport
    await transport.aclose()
    assert transport.open_connections == transport.open_exchanges == 0


async def opened(transport: HttpTransport, server: RawServer) -> HttpExchange:
    return await transport.open(server.wire(), connect_s=1, expect_stream=True)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    async with asyncio.timeout(1):
        while not condition():  # noqa: ASYNC110 - no event is set for it
            await asyncio.sleep(0.001)


async def test_a_connection_is_used_again(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"a"), response(b"b"))) as server:
        first = await opened(transport, server)
        assert (first.reused, await read_out(first)) == (False, (b"a", None))
        assert (transport.open_connections, transport.open_exchanges) == (1, 0)
        second = await opened(transport, server)
        assert (second.reused, await read_out(second)) == (True, (b"b", None))
        assert len(server.peers) == 1


async def test_responses_in_parallel_have_connections_of_their_own(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"x" * 10))) as server:
        both = await asyncio.gather(opened(transport, server), opened(transport, server))
        assert len(server.peers) == 2
        assert [await read_out(one) for one in both] == [(b"x" * 10, None)] * 2
        assert transport.open_connections == 2


@pytest.mark.parametrize("asks_to_close", [True, False])
async def test_a_connection_that_will_be_closed_is_not_kept(transport: HttpTransport, asks_to_close: bool) -> None:
    head = ["connection: close"] if asks_to_close else []
    length = -1 if asks_to_close else None
    async with RawServer(answers(response(b"a", *head, length=length), then="close")) as server:
        for _ in range(2):
            assert await read_out(await opened(transport, server)) == (b"a", None)
        assert len(server.peers) == 2


LATE = [
    response(b"foreign"),
    b"HTTP/1.1 200 OK\r\ncontent-type: te",
    b"HTTP/1.1 200 OK\r\ncontent-type: \0",
    b"HTTP/1.1 408 Request Timeout\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\nforeign\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\nfore",
    b"garbage\r\n\r\n",
    b"H",
    b"\r\n",
]


@pytest.mark.parametrize("late", LATE)
async def test_bytes_over_an_idle_connection_answer_no_request(transport: HttpTransport, late: bytes) -> None:
    async with RawServer(keeps_alive(response(b"mine"))) as server:
        assert await read_out(await opened(transport, server)) == (b"mine", None)
        await server.peers[0].send(late)
        await until(lambda: not _idle_and_connected(transport))
        second = await opened(transport, server)
        assert (second.reused, await read_out(second)) == (False, (b"mine", None))
        assert len(server.peers) == 2


def _idle_and_connected(transport: HttpTransport) -> int:
    return sum(line.is_connected() for lines in pool_of(transport)._conns.values() for line, _ in lines)


@pytest.mark.parametrize("late", LATE[:-1])
async def test_bytes_in_the_packet_of_an_answers_end_answer_no_request(transport: HttpTransport, late: bytes) -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(response(length=4))
            await go_on.wait()
            await peer.send(b"mine" + (late if len(server.peers) == 1 else b""))

    async with RawServer(script) as server:
        first = await opened(transport, server)
        go_on.set()
        assert await read_out(first) == (b"mine", None)
        second = await opened(transport, server)
        assert (second.reused, await read_out(second)) == (False, (b"mine", None))


@pytest.mark.parametrize("read_to_its_end", [True, False])
async def test_an_answer_that_is_given_up_takes_its_connection_along(
    transport: HttpTransport, read_to_its_end: bool
) -> None:
    """It was whole and of no use: it may answer no request of ours, and the next one may then answer another."""
    async with RawServer(keeps_alive(response(b"who asked?"), response(b"mine"))) as server:
        for place in (0, 1):  # first over the session, then over the kept connection
            if place:
                assert await read_out(await opened(transport, server)) == (b"who asked?", None)
            first = await opened(transport, server)
            assert await first.read()
            if read_to_its_end:
                assert await first.read() == b""
            first.close()
            first.close()
            second = await opened(transport, server)
            assert not second.reused
            second.close()


@pytest.mark.parametrize("late", [*LATE, None])
async def test_what_the_loop_has_not_read_yet_is_seen_too(transport: HttpTransport, late: bytes | None) -> None:
    """The bytes, or the end, lie in the system's buffer as the connection's turn comes."""
    async with RawServer(keeps_alive(response(b"mine"))) as server:
        assert await read_out(await opened(transport, server)) == (b"mine", None)
        writer = server.peers[0]._writer  # writes at once, while there is room
        writer.write_eof() if late is None else writer.write(late)
        time.sleep(0.01)  # noqa: ASYNC251 - the loop must not run meanwhile
        second = await opened(transport, server)
        assert (second.reused, await read_out(second)) == (False, (b"mine", None))


async def test_without_a_socket_nothing_waits_in_the_system() -> None:
    """Transports in memory have none."""
    line = Line(asyncio.get_running_loop())
    assert line.wake()
    line.connection_made(asyncio.Transport())
    assert line.wake()


async def test_aiohttp_alone_gives_a_foreign_answer() -> None:
    """Why there is a pool of our own. When this fails, aiohttp has been repaired, and ours may shrink."""
    async with RawServer(keeps_alive(response(b"mine"))) as server, aiohttp.ClientSession() as session:
        for expected in (b"mine", b"foreign"):
            async with session.post(server.url, data=b"x") as answer:
                assert await answer.read() == expected
            await server.peers[0].send(response(b"foreign"))
            await asyncio.sleep(0.01)


async def test_a_closed_idle_connection_is_replaced(transport: HttpTransport) -> None:
    async with RawServer(answers(response(b"a"), then="close")) as server:
        for _ in range(3):
            exchange = await opened(transport, server)
            assert (exchange.reused, await read_out(exchange)) == (False, (b"a", None))
            await until(lambda: not _idle_and_connected(transport))


@pytest.mark.parametrize("options", [{"keepalive_s": 0.005}, {"max_age_s": 0.0}])
async def test_an_old_connection_is_not_used_again(options: dict[str, float]) -> None:
    transport = HttpTransport(TransportOptions(**options))
    async with RawServer(keeps_alive(response(b"a"))) as server:
        for _ in range(2):
            exchange = await opened(transport, server)
            assert (exchange.reused, await read_out(exchange)) == (False, (b"a", None))
            await asyncio.sleep(0.01)
        await transport.aclose()


# The limit


async def test_a_full_pool_is_our_own_matter() -> None:
    transport = HttpTransport(TransportOptions(connections_max=1))
    async with RawServer(answers(response(b"half", length=10))) as server:
        held = await opened(transport, server)
        error = await failure_of(transport.open(server.wire(), connect_s=0.02, expect_stream=True))
        assert (error.kind, error.local) == (ErrorKind.CONNECT, True)
        assert "connections_max" in str(error)
        held.close()
        freed = await opened(transport, server)
        assert not freed.reused
        freed.close()
        await transport.aclose()


async def test_a_place_that_becomes_free_is_taken() -> None:
    transport = HttpTransport(TransportOptions(connections_max=1))
    async with RawServer(keeps_alive(response(b"a"), response(b"b"))) as server:
        first = await opened(transport, server)
        waits = asyncio.create_task(opened(transport, server))
        await asyncio.sleep(0)
        assert await read_out(first) == (b"a", None)
        assert await read_out(await waits) in ((b"a", None), (b"b", None))
        await transport.aclose()


# Release


@pytest.mark.parametrize("rest", [b"0\r\n\r\n", chunked(b"more than was read")])
async def test_release_keeps_the_connection_when_the_rest_comes_at_once(transport: HttpTransport, rest: bytes) -> None:
    head = response(chunked(b"[DONE]", end=False), "transfer-encoding: chunked", length=None)
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(head)
            await go_on.wait()
            await peer.send(rest)

    async with RawServer(script) as server:
        first = await opened(transport, server)
        assert await first.read() == b"[DONE]"
        first.release()
        first.release()
        assert transport.open_exchanges == 1
        go_on.set()
        await until(lambda: transport.open_exchanges == 0)
        second = await opened(transport, server)
        assert second.reused
        second.close()


async def test_release_closes_the_connection_when_the_rest_does_not_come(transport: HttpTransport) -> None:
    head = response(chunked(b"[DONE]", end=False), "transfer-encoding: chunked", length=None)
    async with RawServer(answers(head)) as server:
        exchange = await opened(transport, server)
        assert await exchange.read() == b"[DONE]"
        exchange.release()
        async with asyncio.timeout(0.5):
            await server.peers[0].closed.wait()
        assert transport.open_connections == transport.open_exchanges == 0


async def test_release_drains_no_more_than_the_buffer_holds(transport: HttpTransport) -> None:
    sent = 0

    async def floods(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(response(length=10**9))
        while True:
            await peer.send(b"x" * 65536)
            sent += 65536

    async with RawServer(floods) as server:
        exchange = await opened(transport, server)
        exchange.release()
        await until(lambda: server.peers[0].closed.is_set())
        assert 0 < waiting_bytes(exchange) <= 1024 * 1024
        assert transport.open_connections == 0


async def test_release_after_the_end_of_an_unread_body_keeps_the_connection(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"unread"))) as server:
        (await opened(transport, server)).release()
        second = await opened(transport, server)
        assert second.reused
        second.release()


# A connector of the caller's


async def test_the_callers_connector_is_used_and_not_closed() -> None:
    async with RawServer(keeps_alive(response(b"a"))) as server, aiohttp.TCPConnector() as connector:
        transport = HttpTransport(TransportOptions(connector=connector))
        for reused in (False, True):
            exchange = await opened(transport, server)
            assert (exchange.reused, await read_out(exchange)) == (reused, (b"a", None))
        await transport.aclose()
        assert not connector.closed
        assert server.peers[0].requests[0].startswith("POST /v1/chat")


async def test_exchanges_over_the_callers_connector_end_like_ours() -> None:
    async with (
        RawServer(answers(response(b"half", length=9), then="close")) as server,
        aiohttp.TCPConnector() as connector,
    ):
        transport = HttpTransport(TransportOptions(connector=connector))
        got, error = await read_out(await opened(transport, server))
        assert (got, error and error.kind) == (b"half", ErrorKind.TRUNCATED)
        waiting = await opened(transport, server)
        await transport.aclose()
        assert (await failure_of(waiting.read())).kind is ErrorKind.CANCELLED
        await until(lambda: all(peer.closed.is_set() or peer._writer.is_closing() for peer in server.peers))
