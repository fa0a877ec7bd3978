"""How a body is read: compressed ones, huge ones, pieces in memory, interruptions, and the bodies of refusals."""

import asyncio
import gc
import gzip
import random
import zlib
from collections.abc import AsyncIterator, Callable

import pytest
from standby.providers import ErrorKind, ProviderError
from standby.providers.http import exchange as exchange_module
from standby.providers.http.exchange import HttpExchange
from standby.providers.http.inflater import FREE_BYTES, MEMBERS_MAX, Inflater
from standby.providers.http.transport import HttpTransport
from standby.providers.provider import PIECE_MAX_BYTES
from standby.providers.transport import TransportOptions, refusal_body

from insides import is_paused, waiting_bytes
from rawserver import Peer, RawServer, answers, chunked, failure_of, keeps_alive, read_out, response

STREAM = b"".join(b"data: %d\n\n" % number for number in range(100))


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(TransportOptions())
    yield transport
    await transport.aclose()
    assert transport.open_connections == transport.open_exchanges == 0


async def opened(transport: HttpTransport, server: RawServer) -> HttpExchange:
    return await transport.open(server.wire(), connect_s=1, expect_stream=True)


# Compressed


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


COMPRESSED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("GZIP", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("gzip", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),
]


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
async def test_a_compressed_body_at_every_cut(
    transport: HttpTransport, encoding: str, compress: Callable[[bytes], bytes], framed: bool
) -> None:
    """The connection, and even HTTP's own framing, may end a compressed body early: it says itself where it ends."""
    packed = compress(STREAM)
    two_members = packed.count(b"\x1f\x8b\x08") == 2
    for cut in {*range(1, len(packed), 17), len(packed)}:
        sent = response(packed[:cut], f"content-encoding: {encoding}", length=-1 if framed else None)
        async with RawServer(answers(sent, then="close")) as server:
            got, error = await read_out(await opened(transport, server))
        assert STREAM.startswith(got)
        if cut == len(packed):
            assert (got, error) == (STREAM, None)
        elif not (two_members and got == STREAM[:50]):
            assert error is not None, cut
            assert error.kind is ErrorKind.TRUNCATED


async def test_compressed_pieces_come_as_they_arrive(transport: HttpTransport) -> None:
    compressor = zlib.compressobj(wbits=31)
    pieces = [compressor.compress(piece) + compressor.flush(zlib.Z_SYNC_FLUSH) for piece in (b"one", b"two")]
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        head = response(
            chunked(pieces[0], end=False), "content-encoding: gzip", "transfer-encoding: chunked", length=None
        )
        await peer.send(head)
        await go_on.wait()
        await peer.send(chunked(pieces[1], compressor.flush()))
        await peer.until_closed()

    async with RawServer(script) as server:
        exchange = await opened(transport, server)
        assert await exchange.read() == b"one"
        go_on.set()
        assert await read_out(exchange) == (b"two", None)


@pytest.mark.parametrize(("with_the_first", "then"), [(0, 11), (2, 11), (11, 11)])
async def test_a_read_with_an_end_in_time_waits_no_longer_for_the_rest_of_a_compressed_piece(
    transport: HttpTransport, with_the_first: int, then: int
) -> None:
    """Its first bytes come alone, and decode to nothing."""
    first, second = gzip.compress(b"one"), gzip.compress(b"two")
    go_on, all_came = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        length = len(first + second)
        await peer.send(response(first + second[:with_the_first], "content-encoding: gzip", length=length))
        await go_on.wait()
        await peer.send(second[with_the_first:then])
        await all_came.wait()
        await peer.send(second[then:])
        await peer.until_closed()

    async with RawServer(script) as server:
        exchange = await opened(transport, server)
        assert await exchange.read() == b"one"
        go_on.set()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5.0):
            until_s = loop.time() + 0.05
            while loop.time() < until_s:
                assert await exchange.read_until(until_s) is None
        all_came.set()
        got = None
        while got is None:
            got = await exchange.read_until(loop.time() + 5.0)
        assert got == b"two"
        assert await read_out(exchange) == (b"", None)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "rot13"])
async def test_a_body_that_is_not_what_it_says(transport: HttpTransport, encoding: str) -> None:
    sent = response(b"\x08 not compressed at all", f"content-encoding: {encoding}")
    async with RawServer(answers(sent)) as server:
        exchange = await opened(transport, server)
        error = await failure_of(exchange.read())
        assert error.kind is ErrorKind.PROTOCOL
        assert (await failure_of(exchange.read())).kind is ErrorKind.PROTOCOL


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
async def test_a_body_that_is_not_compressed_and_says_so(transport: HttpTransport, encoding: str) -> None:
    async with RawServer(answers(response(b"plain", f"content-encoding: {encoding}"))) as server:
        assert await read_out(await opened(transport, server)) == (b"plain", None)


async def test_an_empty_compressed_body(transport: HttpTransport) -> None:
    async with RawServer(answers(response(b"", "content-encoding: gzip"))) as server:
        assert await read_out(await opened(transport, server)) == (b"", None)


async def sizes_until_failure(exchange: HttpExchange, match: str) -> list[int]:
    """The sizes of what is read of a body until it is refused, as a protocol error with these words."""
    sizes = []
    with pytest.raises(ProviderError, match=match) as caught:
        while True:
            sizes.append(len(await exchange.read()))
    assert caught.value.kind is ErrorKind.PROTOCOL
    return sizes


async def test_a_bomb_comes_in_bounded_pieces_and_up_to_a_bound(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_module, "BODY_MAX_BYTES", 2**20)
    bomb = gzip.compress(b"".join(b"%064d" % number for number in range(80_000)), 9)
    assert len(bomb) < 1_000_000
    async with RawServer(answers(response(bomb, "content-encoding: gzip"))) as server:
        sizes = await sizes_until_failure(await opened(transport, server), "256 MiB")
        assert max(sizes) <= PIECE_MAX_BYTES
        assert 2**20 < sum(sizes) <= 2**20 + PIECE_MAX_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate"])
async def test_nothing_is_compressed_to_less_than_a_part_in_two_hundred(
    transport: HttpTransport, encoding: str
) -> None:
    packer = zlib.compressobj(9, wbits={"gzip": 31, "deflate": 15, "raw deflate": -15}[encoding])
    bomb = packer.compress(b"\n" * 40 * 2**20) + packer.flush()
    assert len(bomb) < 64 * 1024
    header = f"content-encoding: {encoding.rpartition(' ')[2]}"
    async with RawServer(answers(response(bomb, header))) as server:
        sizes = await sizes_until_failure(await opened(transport, server), "a part in 200")
        assert max(sizes) <= PIECE_MAX_BYTES
        assert sum(sizes) <= FREE_BYTES


@pytest.mark.parametrize("size", [2**20 - 1, 2**20, 5 * 2**20])
async def test_what_is_compressed_well_and_what_is_small_is_read(transport: HttpTransport, size: int) -> None:
    dense = bytes(size) if size <= 2**20 else b"".join(b"%064d" % number for number in range(size // 64))
    async with RawServer(answers(response(gzip.compress(dense, 9), "content-encoding: gzip"))) as server:
        got, error = await read_out(await opened(transport, server))
        assert error is None
        assert got == dense


@pytest.mark.parametrize("wbits", [-15, 15, 31])
@pytest.mark.parametrize("more", [*range(-3, 4), 255, 256, 257, 258])
def test_what_zlib_holds_when_a_piece_is_full_is_not_forgotten(wbits: int, more: int) -> None:
    """A piece may be full when all of the input was read, and its last match not yet written."""
    said = bytes(PIECE_MAX_BYTES + more)
    packer = zlib.compressobj(9, wbits=wbits)
    inflater = Inflater("gzip" if wbits == 31 else "deflate")
    inflater.feed(packer.compress(said) + packer.flush(zlib.Z_SYNC_FLUSH))
    got = b""
    while inflater.pending:
        got += inflater.take()
    assert got == said
    inflater.feed(packer.flush())
    assert inflater.take() == b""
    assert inflater.complete


async def test_a_plain_body_has_a_bound_too(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "BODY_MAX_BYTES", 100_000)

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(length=None))
        while True:
            await peer.send(b"x" * 65536)

    async with RawServer(endless) as server:
        got, error = await read_out(await opened(transport, server))
        assert len(got) > 100_000
        assert error is not None
        assert error.kind is ErrorKind.PROTOCOL


def test_a_body_of_very_many_members_is_refused() -> None:
    inflater = Inflater("gzip")
    inflater.feed(gzip.compress(b"") * (MEMBERS_MAX + 1))
    with pytest.raises(ProviderError, match="members"):
        inflater.take()


def test_bytes_behind_a_compressed_body_are_no_part_of_it() -> None:
    inflater = Inflater("gzip")
    inflater.feed(gzip.compress(b"text") + b"trailing")
    assert inflater.take() == b"text"
    with pytest.raises(ProviderError, match="not valid gzip"):
        inflater.take()


# Pieces in memory


async def all_in_memory(exchange: HttpExchange) -> None:
    """Let the end of the body come in, or as much of it as is taken before it is read."""
    async with asyncio.timeout(5):
        while not (exchange._content.is_eof() or is_paused(exchange)):  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("framing", ["length", "chunks", "small chunks", "gzip", "gzip, in pieces too"])
async def test_what_has_piled_up_comes_in_pieces_and_the_loop_turns_between_them(
    transport: HttpTransport, framing: str
) -> None:
    body = b"".join(b"%08d" % number for number in range(15_000))
    if framing == "gzip, in pieces too":  # what comes is more than a piece as well, and each is inflated to a few
        body = random.Random(1).randbytes(200_000).hex().encode()
    size = {"chunks": 30_000, "small chunks": 100}.get(framing, len(body))
    chunks = b"".join(chunked(body[at : at + size], end=False) for at in range(0, len(body), size)) + b"0\r\n\r\n"
    sent = response(chunks, "transfer-encoding: chunked", length=None)
    if framing == "length":
        sent = response(body)
    elif framing.startswith("gzip"):
        sent = response(gzip.compress(body), "content-encoding: gzip")
    async with RawServer(answers(sent)) as server:
        exchange = await opened(transport, server)
        await all_in_memory(exchange)
        turns = 0

        def turned() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turned)

        turned()
        pieces, seen = [], []
        while piece := await exchange.read():
            pieces.append(piece)
            seen.append(turns)
        assert b"".join(pieces) == body
        assert max(map(len, pieces)) <= PIECE_MAX_BYTES
        assert len(pieces) >= 2
        assert len(set(seen)) == len(seen)


async def test_a_reader_can_be_cancelled_between_two_pieces(transport: HttpTransport) -> None:
    async with RawServer(answers(response(bytes(3 * PIECE_MAX_BYTES)))) as server:
        exchange = await opened(transport, server)
        await all_in_memory(exchange)

        async def reads() -> None:
            while await exchange.read():
                pass

        reading = asyncio.ensure_future(reads())
        await asyncio.sleep(0)
        assert exchange.pending()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert transport.open_exchanges == 0


async def test_a_body_that_is_given_up_before_its_next_turn_leaves_no_complaint(transport: HttpTransport) -> None:
    loop, complaints = asyncio.get_running_loop(), list[dict[str, object]]()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    async with RawServer(answers(response(bytes(3 * PIECE_MAX_BYTES)))) as server:
        exchange = await opened(transport, server)
        while not waiting_bytes(exchange) > PIECE_MAX_BYTES:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert await exchange.read()
        exchange.interrupt(ProviderError(ErrorKind.CANCELLED, "the caller left"))
        exchange.close()
        del exchange
        gc.collect()
        await asyncio.sleep(0)
    loop.set_exception_handler(None)
    assert complaints == []


async def test_a_long_rest_before_a_failure_is_read_piece_by_piece_and_then_the_failure(
    transport: HttpTransport,
) -> None:
    body = b"".join(b"%08d" % number for number in range(12_000))
    async with RawServer(answers(response(body, length=10**6), then="reset")) as server:
        exchange = await opened(transport, server)
        async with asyncio.timeout(5):
            while exchange._content.exception() is None:  # noqa: ASYNC110 - no event is set for it
                await asyncio.sleep(0.001)
        pieces = []
        with pytest.raises(ProviderError) as caught:
            while True:
                pieces.append(await exchange.read())
        assert b"".join(pieces) == body
        assert max(map(len, pieces)) <= PIECE_MAX_BYTES
        assert caught.value.kind is ErrorKind.TRUNCATED


async def test_a_reader_may_be_interrupted_between_the_pieces_before_a_failure(transport: HttpTransport) -> None:
    async with RawServer(answers(response(bytes(3 * PIECE_MAX_BYTES // 2), length=10**6), then="reset")) as server:
        exchange = await opened(transport, server)
        async with asyncio.timeout(5):
            while exchange._content.exception() is None:  # noqa: ASYNC110 - no event is set for it
                await asyncio.sleep(0.001)
        assert await exchange.read()
        assert exchange.pending()
        stalled = ProviderError(ErrorKind.STALLED, "no useful delta for 1 s")
        exchange.interrupt(stalled)
        assert await failure_of(exchange.read()) is stalled


@pytest.mark.parametrize("encoding", [None, "gzip"])
async def test_pending_says_whether_a_read_would_wait_for_the_network(
    transport: HttpTransport, encoding: str | None
) -> None:
    compressor = zlib.compressobj(wbits=31)
    more = bytes(3 * PIECE_MAX_BYTES)
    sent = more if encoding is None else compressor.compress(more) + compressor.flush(zlib.Z_SYNC_FLUSH)
    header = "x-plain: 1" if encoding is None else f"content-encoding: {encoding}"
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(b"", header, length=10**6))
        await go_on.wait()
        await peer.send(sent)
        await peer.until_closed()

    async with RawServer(script) as server:
        exchange = await opened(transport, server)
        assert not exchange.pending()
        go_on.set()
        got = len(await exchange.read())
        while got < len(more):
            if exchange.pending():
                reading = asyncio.ensure_future(exchange.read())
                await asyncio.sleep(0)  # it begins,
                await asyncio.sleep(0)  # and there is a turn of the loop between two pieces
                await asyncio.sleep(0)
                assert reading.done()
                got += len(reading.result())
            else:
                got += len(await exchange.read())
        assert not exchange.pending()
        exchange.close()


async def test_a_reader_that_stops_holds_a_bounded_part(transport: HttpTransport) -> None:
    async def floods(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(length=10**9))
        while True:
            await peer.send(b"x" * 65536)

    async with RawServer(floods) as server:
        exchange = await opened(transport, server)
        async with asyncio.timeout(5):
            while not is_paused(exchange):  # noqa: ASYNC110 - no event is set for it
                await asyncio.sleep(0)
        assert exchange.pending()
        assert len(await exchange.read()) <= 512 * 1024
        exchange.close()


# Interruptions


@pytest.mark.parametrize("header", ["x-plain: 1", "content-encoding: gzip"])
async def test_an_interruption_wakes_the_reader(transport: HttpTransport, header: str) -> None:
    async with RawServer(answers(response(b"", header, length=9))) as server:
        exchange = await opened(transport, server)
        reads = asyncio.create_task(exchange.read())
        await asyncio.sleep(0)
        stalled = ProviderError(ErrorKind.STALLED, "no useful delta for 1 s")
        exchange.interrupt(stalled)
        exchange.interrupt(ProviderError(ErrorKind.CANCELLED))
        with pytest.raises(ProviderError) as caught:
            await reads
        assert caught.value is stalled
        assert await failure_of(exchange.read()) is stalled
        await asyncio.wait_for(server.peers[0].closed.wait(), 0.5)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (gzip.compress(bytes(10**6)), "content-encoding: gzip"),
        (gzip.compress(b"x") * 3, "content-encoding: gzip"),
        (bytes(3 * PIECE_MAX_BYTES), "x-plain: 1"),
    ],
    ids=["one", "three", "plain"],
)
async def test_an_interruption_goes_before_what_is_in_memory(
    transport: HttpTransport, body: bytes, header: str
) -> None:
    async with RawServer(answers(response(body, header))) as server:
        exchange = await opened(transport, server)
        await all_in_memory(exchange)
        await exchange.read()
        assert exchange.pending()
        stalled = ProviderError(ErrorKind.STALLED, "no useful delta for 1 s")
        exchange.interrupt(stalled)
        assert await failure_of(exchange.read()) is stalled
        exchange.close()


async def test_an_interruption_after_the_end_leaves_the_connection_alone(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"whole"))) as server:
        exchange = await opened(transport, server)
        assert await read_out(exchange) == (b"whole", None)
        exchange.interrupt(ProviderError(ErrorKind.CANCELLED))
        exchange.release()
        second = await opened(transport, server)
        assert (second.reused, await read_out(second)) == (True, (b"whole", None))


# Refusals


@pytest.mark.parametrize(
    ("body", "length", "then", "expected"),
    [
        (b"busy", -1, "wait", b"busy"),
        (b"b" * 100, -1, "wait", b"b" * 64),
        (b"half", 100, "close", b"half"),
        (b"half", 100, "reset", b"half"),
        (b"", 100, "close", b""),
        (b"", -1, "wait", b""),
    ],
)
async def test_the_body_of_a_refusal_is_what_came_of_it(
    transport: HttpTransport, body: bytes, length: int, then: str, expected: bytes
) -> None:
    sent = response(body, status="503 Service Unavailable", length=length)
    async with RawServer(answers(sent, then=then)) as server:
        exchange = await opened(transport, server)
        assert exchange.head.status == 503
        assert await refusal_body(exchange, 64) == expected
        exchange.close()


async def test_an_unreadable_refusal_still_has_its_status(transport: HttpTransport) -> None:
    async with RawServer(answers(response(b"?", "content-encoding: br", status="429 Slow down"))) as server:
        exchange = await opened(transport, server)
        assert (exchange.head.status, await refusal_body(exchange, 64)) == (429, b"")


async def test_a_refusal_that_stalls_is_what_came_until_it_was_interrupted(transport: HttpTransport) -> None:
    async with RawServer(answers(response(b"half", length=100, status="500 Oops"))) as server:
        exchange = await opened(transport, server)
        reads = asyncio.create_task(refusal_body(exchange, 64))
        while exchange._taken < 4:  # noqa: ASYNC110 - no event is set for it
            await asyncio.sleep(0.001)
        exchange.interrupt(ProviderError(ErrorKind.FIRST_TOKEN_TIMEOUT))
        assert await reads == b"half"


async def test_a_caller_that_leaves_during_a_refusal_has_left(transport: HttpTransport) -> None:
    async with RawServer(answers(response(b"half", length=100, status="500 Oops"))) as server:
        exchange = await opened(transport, server)
        reads = asyncio.create_task(refusal_body(exchange, 64))
        await asyncio.sleep(0)
        exchange.interrupt(ProviderError(ErrorKind.CANCELLED))
        assert (await failure_of(reads)).kind is ErrorKind.CANCELLED
        exchange.close()


# Heads


async def test_the_head(transport: HttpTransport) -> None:
    headers = [
        "Content-Type: text/event-stream; charset=utf-8",
        "X-Request-ID: r",
        "Retry-After: 1",
        "retry-after: 2",
    ]
    async with RawServer(answers(response(b"", *headers, status="429 Too Many Requests"))) as server:
        head = (await opened(transport, server)).head
    assert head.status == 429
    assert head.content_type == "text/event-stream"
    assert head.headers["x-request-id"] == "r"
    assert head.headers["retry-after"] == "1, 2"
    assert head.now_s > 1.6e9


@pytest.mark.parametrize(
    ("head", "framed"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\n\r\n", False),
    ],
)
async def test_what_is_framed(transport: HttpTransport, head: bytes, framed: bool) -> None:
    async with RawServer(answers(head, then="close")) as server:
        exchange = await opened(transport, server)
        assert exchange.framed is framed
        assert await read_out(exchange) == (b"", None)
