"""Every way in which a connection fails, on real sockets, byte by byte, and the kind that it becomes."""

import asyncio
import errno
import socket
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from standby.providers import ErrorKind, ProviderError, WireRequest
from standby.providers.http.connector import INTERIM_MAX
from standby.providers.http.transport import HttpTransport
from standby.providers.transport import TransportOptions

from canaries import CANARY_KEY
from rawserver import Peer, RawServer, Script, answers, chunked, failure_of, keeps_alive, read_out, response

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
KEY_IN_QUERY = f"?key={quote(CANARY_KEY, safe='')}"


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(TransportOptions())
    yield transport
    await transport.aclose()
    assert transport.open_connections == transport.open_exchanges == 0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wire(url: str) -> WireRequest:
    return WireRequest(url, {"Authorization": f"Bearer {CANARY_KEY}"}, b"{}")


# Before a connection stands


async def test_refused(transport: HttpTransport) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/{KEY_IN_QUERY}"
    error = await failure_of(transport.open(wire(url), connect_s=1, expect_stream=True))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, False)
    assert str(error) == f"connect: no connection to 127.0.0.1:{port} (refused)"


@pytest.mark.parametrize("connect_s", [0.02, 0.0, -1.0, float("nan")])
async def test_a_black_hole_costs_connect_s_and_no_value_means_for_ever(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch, connect_s: float
) -> None:
    loop = asyncio.get_running_loop()

    async def never(sock: socket.socket, address: object) -> None:
        await loop.create_future()

    monkeypatch.setattr(loop, "sock_connect", never)
    began_s = loop.time()
    asked = transport.open(wire("http://127.0.0.1:9/"), connect_s=connect_s, expect_stream=True)
    error = await failure_of(asyncio.wait_for(asked, 2))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, False)
    assert loop.time() - began_s < 0.5


@pytest.mark.parametrize(
    ("number", "local"),
    [
        (errno.EMFILE, True),
        (errno.ENFILE, True),
        (errno.EADDRNOTAVAIL, True),
        (errno.ENETUNREACH, True),
        (errno.EHOSTUNREACH, False),
        (errno.ETIMEDOUT, False),
        (errno.ECONNREFUSED, False),
        (errno.EPROTO, False),
    ],
)
async def test_what_the_system_says_of_a_connection(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch, number: int, local: bool
) -> None:
    async def fails(sock: socket.socket, address: object) -> None:
        raise OSError(number, "in the system's words")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", fails)
    error = await failure_of(transport.open(wire("http://127.0.0.1:9/"), connect_s=1, expect_stream=True))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, local)
    assert "system's words" not in str(error)


@pytest.mark.parametrize("refusal", [socket.gaierror(socket.EAI_NONAME, "x"), socket.gaierror(socket.EAI_AGAIN, "x")])
async def test_dns(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch, refusal: OSError) -> None:
    async def fails(*args: object, **options: object) -> None:
        raise refusal

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fails)
    error = await failure_of(transport.open(wire("http://nowhere.test/"), connect_s=1, expect_stream=True))
    assert (error.kind, error.local) == (ErrorKind.DNS, False)
    assert str(error) == "dns: the name of nowhere.test:80 cannot be resolved"


async def test_dns_that_hangs_is_within_connect_s(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(*args: object, **options: object) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hangs)
    error = await failure_of(transport.open(wire("http://nowhere.test/"), connect_s=0.02, expect_stream=True))
    assert error.kind is ErrorKind.CONNECT


async def test_threads_that_are_all_taken_cost_connect_s_and_no_more(transport: HttpTransport) -> None:
    free = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        threads.submit(free.wait)
        try:
            with pytest.raises(ProviderError) as failed:
                await transport.open(wire("http://waits-for-a-thread.test/"), connect_s=0.05, expect_stream=True)
        finally:
            free.set()
    assert failed.value.kind is ErrorKind.CONNECT


async def test_a_dead_address_beside_a_living_one_is_not_seen(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RawServer(answers(response(b"alive"))) as server:

        async def both(host: str, port: int, **options: object) -> list[object]:
            family, kind = socket.AF_INET, socket.SOCK_STREAM
            return [(family, kind, 6, "", (address, server.port)) for address in ("127.0.0.2", "127.0.0.1")]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
        asked = wire(f"http://two-addresses.test:{server.port}/")
        exchange = await transport.open(asked, connect_s=2, expect_stream=True)
        assert await exchange.read() == b"alive"


@pytest.mark.parametrize(
    "url", ["", "nowhere", "http://", "http://[::1", "ftp://host/", "http://127.1/", "http://host:99999/"]
)
async def test_a_url_that_cannot_be_asked_is_our_own_fault(transport: HttpTransport, url: str) -> None:
    error = await failure_of(transport.open(wire(url), connect_s=0.1, expect_stream=True))
    assert (error.kind, error.local) == (ErrorKind.PROTOCOL, True)
    assert "base_url" in str(error)


# Before the head of a response is whole


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", ErrorKind.DISCONNECTED),
        (b"HTTP/1.", ErrorKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\n", ErrorKind.PROTOCOL),
        (HEAD + b"x-half: " + CANARY_KEY.encode(), ErrorKind.PROTOCOL),
        (HEAD, ErrorKind.PROTOCOL),
    ],
)
async def test_closed_before_the_head_was_whole(
    transport: HttpTransport, sent: bytes, kind: ErrorKind, then: str
) -> None:
    async with RawServer(answers(*([sent] if sent else []), then=then)) as server:
        error = await failure_of(transport.open(server.wire(query=KEY_IN_QUERY), connect_s=1, expect_stream=True))
    assert (error.kind, error.local, error.reused_connection) == (kind, False, False)


async def test_closed_before_the_request_was_read(transport: HttpTransport) -> None:
    async def resets_at_once(peer: Peer) -> None:
        peer.reset()

    async with RawServer(resets_at_once) as server:
        error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
    assert (error.kind, error.reused_connection) == (ErrorKind.DISCONNECTED, False)


async def test_lost_while_the_request_was_being_sent(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    send = aiohttp.ClientRequest.send

    async def loses(request: aiohttp.ClientRequest, connection: Any) -> aiohttp.ClientResponse:
        answer = await send(request, connection)
        connection.close()
        return answer

    monkeypatch.setattr(aiohttp.ClientRequest, "send", loses)
    async with RawServer(answers(response())) as server:
        error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
    assert (error.kind, error.reused_connection) == (ErrorKind.DISCONNECTED, False)


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 200 OK\r\nx-long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: 1\r\n" % n for n in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n123456",
        b"HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-nul: \x00\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
    ],
)
async def test_what_is_not_http(transport: HttpTransport, sent: bytes) -> None:
    async with RawServer(answers(sent)) as server:
        error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
        await asyncio.wait_for(server.peers[0].closed.wait(), 1)
    assert (error.kind, error.local) == (ErrorKind.PROTOCOL, False)


async def test_interim_responses_are_skipped(transport: HttpTransport) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * INTERIM_MAX
    async with RawServer(answers(interim, response(b"real"))) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert (exchange.head.status, await exchange.read()) == (200, b"real")


async def test_a_flood_of_interim_responses_ends(transport: HttpTransport) -> None:
    async def floods(peer: Peer) -> None:
        await peer.request()
        while True:
            await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    async with RawServer(floods) as server:
        error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
    assert error.kind is ErrorKind.PROTOCOL


# Within the body

FRAMINGS = {
    "chunked": (b"transfer-encoding: chunked\r\n\r\n", chunked(b"data: one\n\n", b"data: two\n\n")),
    "length": (b"content-length: 22\r\n\r\n", b"data: one\n\ndata: two\n\n"),
}


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_framed_body_that_is_cut_anywhere_gives_what_came_and_fails(
    transport: HttpTransport, framing: str, then: str
) -> None:
    head, body = FRAMINGS[framing]
    whole = b"data: one\n\ndata: two\n\n"
    for cut in range(0, len(body), 3):
        async with RawServer(answers(HEAD + head + body[:cut], then=then)) as server:
            exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
            assert exchange.framed
            got, error = await read_out(exchange)
            assert whole.startswith(got)
            assert len(got) >= cut - 20, "what came before the cut was lost"
            assert error is not None
            assert error.kind is (ErrorKind.TRUNCATED if got else ErrorKind.DISCONNECTED)
            assert await failure_of(exchange.read()) is error, "a failure stays"


async def test_an_unframed_body_ends_with_its_connection(transport: HttpTransport) -> None:
    async with RawServer(answers(HEAD + b"\r\n", b"data: one\n\n", then="close")) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert not exchange.framed
        assert await read_out(exchange) == (b"data: one\n\n", None)
        assert await exchange.read() == b""


@pytest.mark.parametrize("sent", [b"", b"data: one\n\n"])
async def test_an_unframed_body_that_is_reset_does_not_end(transport: HttpTransport, sent: bytes) -> None:
    async with RawServer(answers(HEAD + b"\r\n" + sent, then="reset")) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        got, error = await read_out(exchange)
    assert got == sent
    assert error is not None
    assert error.kind is (ErrorKind.TRUNCATED if sent else ErrorKind.DISCONNECTED)


@pytest.mark.parametrize("header", ["transfer-encoding: chunked", "content-length: 99", "x-unframed: 1"])
async def test_what_came_before_a_failure_is_read_before_it(transport: HttpTransport, header: str) -> None:
    """The end marker of a stream often arrives together with a reset."""
    body = chunked(b"data: [DONE]\n\n", end=False) if "chunked" in header else b"data: [DONE]\n\n"
    async with RawServer(answers(response(body, header, length=None), then="reset")) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        async with asyncio.timeout(1):
            while exchange._content.exception() is None:  # noqa: ASYNC110 - no event is set for it
                await asyncio.sleep(0.001)
        assert exchange.pending()
        assert await exchange.read() == b"data: [DONE]\n\n"
        assert not exchange.pending()
        assert (await failure_of(exchange.read())).kind is ErrorKind.TRUNCATED


BROKEN_CHUNKS = [b"zz\r\nmore\r\n", b"-1\r\n", b"3\r\nabcdef\r\n", b"f" * 20 + b"\r\n"]


@pytest.mark.parametrize("broken", BROKEN_CHUNKS)
async def test_a_broken_chunk_fails_and_leaves_no_task_waiting(transport: HttpTransport, broken: bytes) -> None:
    head = HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunked(b"good", end=False)
    more = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head)
        await more.wait()
        await peer.send(broken)
        await peer.until_closed()

    async with RawServer(script) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await exchange.read() == b"good"
        more.set()
        _, error = await asyncio.wait_for(read_out(exchange), 1)
        await asyncio.wait_for(server.peers[0].closed.wait(), 1)
    assert error is not None
    assert error.kind is ErrorKind.PROTOCOL


@pytest.mark.parametrize("broken", BROKEN_CHUNKS)
async def test_a_broken_chunk_in_the_packet_of_the_head_spoils_the_head(
    transport: HttpTransport, broken: bytes
) -> None:
    head = HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunked(b"good", end=False)
    async with RawServer(answers(head + broken)) as server:
        error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
    assert error.kind is ErrorKind.PROTOCOL


async def test_single_bytes_and_floods_give_the_same(transport: HttpTransport) -> None:
    events = b"".join(b"data: %d\n\n" % number for number in range(1000))
    head = HEAD + b"content-length: %d\r\n\r\n" % len(events)

    async def slices(peer: Peer) -> None:
        await peer.request()
        for byte in head + events[:500]:
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)
        await peer.send(events[500:])

    async with RawServer(slices) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(exchange) == (events, None)


# The keep-alive race


def second_time(*data: bytes, then: str) -> Script:
    """Answer the first request, and treat the second one of the same connection as said."""
    play = answers(*data, then=then)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(b"first"))
        await play(peer)

    return script


@pytest.mark.parametrize("then", ["close", "reset"])
async def test_closed_as_we_ask_on_a_kept_connection(transport: HttpTransport, then: str) -> None:
    async with RawServer(second_time(then=then)) as server:
        first = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(first) == (b"first", None)
        error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
    assert (error.kind, error.reused_connection) == (ErrorKind.DISCONNECTED, True)
    assert len(server.peers) == 1


@pytest.mark.parametrize("then", ["close", "reset"])
async def test_bytes_of_an_answer_rule_the_race_out(transport: HttpTransport, then: str) -> None:
    async with RawServer(second_time(b"HTTP/1.1 2", then=then)) as server:
        first = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(first) == (b"first", None)
        error = await failure_of(transport.open(server.wire(), connect_s=1, expect_stream=True))
    assert (error.kind, error.reused_connection) == (ErrorKind.PROTOCOL, False)


async def test_a_get_is_not_asked_again_behind_our_back(transport: HttpTransport) -> None:
    async with RawServer(second_time(then="close")) as server:
        asked = WireRequest(server.url, {}, b"", "GET")
        first = await transport.open(asked, connect_s=1, expect_stream=False)
        assert await read_out(first) == (b"first", None)
        error = await failure_of(transport.open(asked, connect_s=1, expect_stream=False))
        assert (error.kind, error.reused_connection) == (ErrorKind.DISCONNECTED, True)
        assert len(server.peers) == 1


async def test_a_failure_within_the_body_of_a_kept_connection_is_no_race(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"first"), response(b"half", length=10))) as server:
        first = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert await read_out(first) == (b"first", None)
        second = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert second.reused
        assert await second.read() == b"half"
        server.peers[0].close()
        error = await failure_of(second.read())
    assert (error.kind, error.reused_connection) == (ErrorKind.TRUNCATED, False)
