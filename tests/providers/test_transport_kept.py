"""A request over a kept connection goes without aiohttp's session, and looks the same from outside."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from standby.providers import ErrorKind, WireRequest
from standby.providers.http.keep_alive import KeptResponse, ask
from standby.providers.http.private_way import HEADS_MAX
from standby.providers.http.transport import HttpTransport
from standby.providers.http.way import BYTES_MAX
from standby.providers.transport import TransportOptions

from insides import pool_of, private_way_of
from rawserver import Peer, RawServer, answers, failure_of, keeps_alive, read_out, response


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(TransportOptions(headers={"X-Team": "a"}))
    yield transport
    await transport.aclose()
    assert transport.open_connections == transport.open_exchanges == 0


@pytest.fixture
def by_session(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that a session was asked for."""
    asked: list[str] = []
    request = aiohttp.ClientSession._request

    async def noted(self: aiohttp.ClientSession, method: str, url: Any, **options: Any) -> aiohttp.ClientResponse:
        asked.append(str(url))
        return await request(self, method, url, **options)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", noted)
    return asked


def head(raw: str) -> tuple[str, list[str]]:
    first, *lines = raw.lower().split("\r\n")
    return first, sorted(lines)


async def answers_the_first(peer: Peer) -> None:
    """A script: one answer, and silence for the next request."""
    await peer.request()
    await peer.send(response(b"a"))
    await peer.request()
    await peer.until_closed()


async def asked_twice(server: RawServer) -> None:
    async with asyncio.timeout(1):
        while len(server.peers[0].requests) < 2:  # noqa: ASYNC110 - no event is set for it
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer k", "content-type": "application/json"},
        {"x-TEAM": "b", "User-Agent": "theirs"},
        {"Host": "theirs.test"},
        {"accept-encoding": "br"},
    ],
)
@pytest.mark.parametrize("expect_stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat?alt=sse", "", "/model/a%3A0/x y"])
async def test_it_is_the_same_request_as_the_sessions(
    transport: HttpTransport, by_session: list[str], headers: dict[str, str], expect_stream: bool, path: str
) -> None:
    async with RawServer(keeps_alive(response(b"a"))) as server:
        wire = WireRequest(f"http://127.0.0.1:{server.port}{path}", headers, b"{}")
        for number in range(3):
            exchange = await transport.open(wire, connect_s=1, expect_stream=expect_stream)
            assert (exchange.head.status, exchange.framed, exchange.reused) == (200, True, number > 0)
            assert await read_out(exchange) == (b"a", None)
        peer = server.peers[0]
    assert len(by_session) == 1, "only the first, which had to connect"
    assert {len(body) for body in peer.bodies} == {2}
    first, second, third = (head(raw) for raw in peer.requests)
    assert first == second == third


async def test_one_alone_is_sent_at_once_and_many_leave_together(transport: HttpTransport) -> None:
    """Woken once, an upstream on the same machine answers all of them."""

    async def open_one() -> None:
        assert await read_out(await transport.open(wire, connect_s=1, expect_stream=False)) == (b"a", None)

    async with RawServer(keeps_alive(*[response(b"a")] * 3)) as server:
        wire = server.wire()
        await asyncio.gather(*[open_one() for _ in range(3)])
        pool = pool_of(transport)
        assert (pool.acquired, pool.idle) == (0, 3)
        alone = asyncio.create_task(open_one())
        await asyncio.sleep(0)
        assert pool.acquired == 1
        await alone
        many = [asyncio.create_task(open_one()) for _ in range(3)]
        await asyncio.sleep(0)
        assert pool.acquired == 1
        await asyncio.sleep(0)
        assert pool.acquired == 3
        await asyncio.gather(*many)


async def test_who_waits_for_the_others_takes_nothing_along_when_it_is_cancelled(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"a"), response(b"b"))) as server:
        wire = server.wire()

        async def open_one() -> None:
            await read_out(await transport.open(wire, connect_s=1, expect_stream=False))

        await asyncio.gather(open_one(), open_one())
        pool = pool_of(transport)
        first, second = asyncio.create_task(open_one()), asyncio.create_task(open_one())
        await asyncio.sleep(0)
        second.cancel()
        await first
        with pytest.raises(asyncio.CancelledError):
            await second
        assert (pool.acquired, pool.idle) == (0, 2)
        assert sum(len(peer.requests) for peer in server.peers) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {"Connection": "close"}},
        {"headers": {"content-LENGTH": "2"}},
        {"body": b"x" * (BYTES_MAX + 1)},
        {"method": "GET", "body": b""},
    ],
)
async def test_what_is_not_plain_is_the_sessions_to_send(
    transport: HttpTransport, by_session: list[str], change: dict[str, Any]
) -> None:
    async def script(peer: Peer) -> None:
        while True:
            asked = await peer.request()
            await peer.send(response(b"a", *(["connection: close"] if "close" in asked else [])))

    async with RawServer(script) as server:
        for options in ({}, change):
            fields = {"headers": {}, "body": b"{}", **options}
            wire = WireRequest(f"http://127.0.0.1:{server.port}/", **fields)
            exchange = await transport.open(wire, connect_s=1, expect_stream=True)
            assert await read_out(exchange) == (b"a", None)
    assert len(by_session) == 2


async def test_interim_responses_are_passed_over(transport: HttpTransport) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    async with RawServer(keeps_alive(response(b"a"), interim * 2 + response(b"b"))) as server:
        for body in (b"a", b"b"):
            exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
            assert await read_out(exchange) == (body, None)
            assert exchange.reused is (body == b"b")


@pytest.mark.parametrize(
    ("answer", "kind", "reused"),
    [
        (b"", ErrorKind.DISCONNECTED, True),
        (b"HTTP/1.1 2", ErrorKind.PROTOCOL, False),
        (b"SSH-2.0-OpenSSH\r\n\r\n", ErrorKind.PROTOCOL, False),
    ],
)
async def test_a_kept_connection_that_fails_is_named_so(
    transport: HttpTransport, answer: bytes, kind: ErrorKind, reused: bool
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(b"a"))
        await peer.request()
        await peer.send(answer)

    async with RawServer(script) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(exchange) == (b"a", None)
        error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
    assert (error.kind, error.reused_connection) == (kind, reused)


async def test_a_request_cancelled_before_the_head_closes_the_socket(transport: HttpTransport) -> None:
    async with RawServer(answers_the_first) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(exchange) == (b"a", None)
        waits = asyncio.create_task(transport.open(server.wire(), connect_s=1, expect_stream=True))
        await asked_twice(server)
        waits.cancel()
        async with asyncio.timeout(1):
            await server.peers[0].closed.wait()
        with pytest.raises(asyncio.CancelledError):
            await waits
    assert transport.open_connections == 0


async def test_a_closed_transport_tells_requests_that_wait_on_kept_connections() -> None:
    transport = HttpTransport(TransportOptions())

    async with RawServer(answers_the_first) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(exchange) == (b"a", None)
        waits = asyncio.create_task(transport.open(server.wire(), connect_s=1, expect_stream=True))
        await asked_twice(server)
        await transport.aclose()
        assert (await failure_of(waits)).kind is ErrorKind.CLOSED


async def test_a_head_that_comes_as_the_transport_closes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = HttpTransport(TransportOptions())

    async def closed_meanwhile(*args: Any) -> KeptResponse | None:
        response = await ask(*args)
        await transport.aclose()
        return response

    async with RawServer(keeps_alive(response(b"a"), response(b"more than fits", length=100))) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(exchange) == (b"a", None)
        monkeypatch.setattr("standby.providers.http.private_way.ask", closed_meanwhile)
        error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
        assert error.kind is ErrorKind.CLOSED
    assert transport.open_connections == transport.open_exchanges == 0


async def test_few_heads_are_remembered(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"a"))) as server:
        for number in range(2 * HEADS_MAX):
            wire = WireRequest(server.url, {"Visitor-ID": str(number)}, b"{}")
            await read_out(await transport.open(wire, connect_s=1, expect_stream=True))
        assert f"visitor-id: {2 * HEADS_MAX - 1}\r\n" in server.peers[0].requests[-1].lower()
    assert len(private_way_of(transport)._heads) <= HEADS_MAX


async def test_a_header_that_cannot_be_sent_is_refused_here_too(transport: HttpTransport) -> None:
    async with RawServer(answers(response(b"a"))) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(exchange) == (b"a", None)
        wire = WireRequest(server.url, {"X-Api-Key": "a\r\nb"}, b"{}")
        error = await failure_of(transport.open(wire, connect_s=1, expect_stream=True))
        assert (error.kind, error.local) == (ErrorKind.PROTOCOL, True)
