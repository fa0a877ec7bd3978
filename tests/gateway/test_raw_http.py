"""What the server makes of bytes: real sockets on loopback, answers read by h11, and h11's opinion of what is taken."""

import asyncio

import h11
import pytest
from standby.config import Clients
from standby.gateway.http import Reply, Request, RequestRefused

from canaries import CANARY_KEY
from gateway_stage import EVENTS, TEXT, Held, echo, served, until

HOST = b"Host: gateway\r\n"
GET = b"GET /a?b=1 HTTP/1.1\r\n" + HOST + b"\r\n"


def post(*headers: bytes, body: bytes = b"", version: bytes = b"1.1", host: bytes = HOST) -> bytes:
    return b"POST /v1 HTTP/" + version + b"\r\n" + host + b"".join(each + b"\r\n" for each in headers) + b"\r\n" + body


MALFORMED = {
    "a length and chunks": post(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunks and a length": post(b"Transfer-Encoding: chunked", b"Content-Length: 3", body=b"0\r\n\r\n"),
    "two lengths": post(b"Content-Length: 3", b"Content-Length: 4", body=b"abcd"),
    "two lengths alike": post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"),
    "two lengths in one header": post(b"Content-Length: 3, 4", body=b"abcd"),
    "a length with a sign": post(b"Content-Length: +5", body=b"abcde"),
    "a length below nothing": post(b"Content-Length: -1"),
    "a length in another base": post(b"Content-Length: 0x5", body=b"abcde"),
    "a length in other digits": post("Content-Length: ٣".encode(), body=b"abc"),
    "a length that is empty": post(b"Content-Length:", body=b"abc"),
    "another encoding": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "chunks before another encoding": post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"),
    "chunks twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "a space before the colon": post(b"X : b"),
    "a space before the colon of the length": post(b"Content-Length : 3", body=b"abc"),
    "a bare CR": post(b"X: a\rb"),
    "a NUL": post(b"X: a\0b"),
    "a NUL in a name": post(b"X\0: a"),
    "a folded header": post(b"X: a\r\n b"),
    "a folded length": post(b"Content-Length:\r\n 3", body=b"abc"),
    "a header without a name": post(b": a"),
    "a header without a colon": post(b"X"),
    "no Host": post(host=b""),
    "two Hosts": post(b"Host: other"),
    "lines that end in LF": b"GET / HTTP/1.1\nHost: gateway\n\n",
    "a version of another protocol": b"GET / HTTP/3.0\r\n" + HOST + b"\r\n",
    "a path with a space": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of signs": b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a header of 20 KiB": post(b"X: " + b"a" * 20480),
    "300 headers": post(*[b"X: a"] * 300),
    "101 headers": post(*[b"X: a"] * 100),
    "an address of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a chunk without a size": post(b"Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n0\r\n\r\n"),
    "a chunk of a negative size": post(b"Transfer-Encoding: chunked", body=b"-1\r\nabc\r\n0\r\n\r\n"),
    "a chunk longer than it says": post(b"Transfer-Encoding: chunked", body=b"2\r\nabc\r\n0\r\n\r\n"),
}
"""What is no request: 400, and the connection closes."""

REFUSED = {
    "chunks in HTTP/1.0": (post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.0"), 400),
    "40 KB of headers": (post(*[b"X: " + b"a" * 5000] * 8), 431),
    "HTTP/0.9": (b"GET /\r\n" + HOST + b"\r\n", 505),
    "an expectation": (post(b"Expect: tea"), 417),
    "a tunnel": (b"CONNECT other:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "a body too large": (post(b"Content-Length: 33554433"), 413),
}
"""What HTTP itself forbids, or this server does not take. The connection closes."""

FINE = {
    "a GET": (GET, b"GET /a b=1 "),
    "a body": (post(b"Content-Length: 3", body=b"abc"), b"POST /v1  abc"),
    "chunks": (post(b"Transfer-Encoding: chunked", body=b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), b"POST /v1  abc"),
    "chunks with extensions": (
        post(b"Transfer-Encoding: Chunked", body=b"3;a=b\r\nabc\r\n0\r\n\r\n"),
        b"POST /v1  abc",
    ),
    "chunks and trailers": (post(b"Transfer-Encoding: chunked", body=b"0\r\nX: y\r\n\r\n"), b"POST /v1  "),
    "an absolute address": (b"GET http://gateway/x?y=1 HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /x y=1 "),
    "an absolute address without a path": (b"GET http://gateway HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /  "),
    "every server": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", b"OPTIONS *  "),
    "100 headers": (post(*[b"X: a"] * 99), b"POST /v1  "),
    "an empty header": (post(b"X:"), b"POST /v1  "),
    "an escaped path": (b"GET /a%2Fb/../c HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /a%2Fb/../c  "),
    "an upgrade that is not taken up": (
        post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"Content-Length: 3", body=b"abc"),
        b"POST /v1  abc",
    ),
    "lines before the request": (b"\r\n" + GET, b"GET /a b=1 "),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_no_request_is_refused_and_the_connection_closed(name: str) -> None:
    asked: list[Request] = []

    async def handler(request: Request, reply: Reply) -> None:
        await request.read()
        asked.append(request)
        await echo(request, reply)

    async with served(handler) as stage, stage.wire() as wire:
        answer = await wire.ask(MALFORMED[name])
        assert (answer.status, answer.is_whole) == (400, True)
        assert answer.fields["connection"] == "close"
        assert await wire.is_closed()
        assert not asked, "a request was read from it"
        assert not stage.faults


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_not_taken_is_refused_and_the_connection_closed(name: str) -> None:
    data, status = REFUSED[name]
    async with served() as stage, stage.wire() as wire:
        answer = await wire.ask(data)
        assert (answer.status, answer.is_whole, answer.fields["connection"]) == (status, True, "close")
        wire.writer.write_eof()
        assert await wire.is_closed()
        assert stage.notes == ["refused"]


@pytest.mark.parametrize("name", FINE)
async def test_a_request_is_answered_and_the_connection_goes_on(name: str) -> None:
    data, told = FINE[name]
    async with served() as stage, stage.wire() as wire:
        for _ in range(2):
            answer = await wire.ask(data)
            assert (answer.status, answer.body, answer.is_whole) == (200, told, True)
        assert stage.server.connections == 1


@pytest.mark.parametrize("name", FINE)
async def test_what_is_taken_is_what_h11_reads(name: str) -> None:
    """Two parsers that understand different requests are what smuggling is made of."""
    data, told = FINE[name]
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=2_000_000)
    server.receive_data(data.lstrip(b"\r\n"))  # h11 knows no empty lines before a request (RFC 9112, section 2.2)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    body = b""
    while isinstance(event := server.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    path, _, query = (request.target.removeprefix(b"http://gateway") or b"/").partition(b"?")
    assert told == b"%b %b %b %b" % (request.method, path, query, body)


async def test_nothing_of_a_malformed_request_is_shown() -> None:
    """The fixtures of every test search the log for this key."""
    async with served() as stage, stage.wire() as wire:
        await wire.send(post(b"Authorization : Bearer " + CANARY_KEY.encode()))
        assert CANARY_KEY.encode() not in (answer := await wire.answer()).body
        assert "aiohttp" not in str(answer.fields)
        assert stage.notes == ["malformed"]


async def test_every_cut_of_a_request_is_the_same_request() -> None:
    data = post(b"Content-Length: 3", b"Expect: 100-continue", body=b"abc")
    async with served() as stage, stage.wire() as wire:
        for cut in range(1, len(data)):
            await wire.send(data[:cut])
            await asyncio.sleep(0)
            answer = await wire.ask(data[cut:])
            assert (answer.status, answer.body) == (200, b"POST /v1  abc"), cut


async def test_requests_that_come_at_once_are_answered_in_their_order() -> None:
    async with served() as stage, stage.wire() as wire:
        requests = [post(b"Content-Length: 3", body=b"%03d" % number) for number in range(200)]
        await wire.send(b"".join(requests))
        for number in range(200):
            assert (await wire.answer()).body == b"POST /v1  %03d" % number
        assert stage.server.in_flight == 0


@pytest.mark.parametrize("behind", [GET, b"garbage", b"\x00\r\n\r\n"])
async def test_what_follows_the_last_request_of_a_connection_is_no_request(behind: bytes) -> None:
    asked: list[str] = []

    async def handler(request: Request, reply: Reply) -> None:
        asked.append(request.path)
        await echo(request, reply)

    async with served(handler) as stage, stage.wire() as wire:
        answer = await wire.ask(b"GET /last HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n" + behind)
        assert (answer.status, answer.fields["connection"]) == (400, "close"), "a client that says so sends no more"
        assert await wire.is_closed()
        assert not asked


async def test_garbage_behind_a_request_under_way_does_not_hurt_its_answer() -> None:
    async def wait(held: Held, request: Request, reply: Reply) -> None:
        await held.here()
        await echo(request, reply)

    held = Held(wait)
    async with served(held) as stage, stage.wire() as wire:
        await wire.send(GET)
        await until(lambda: held.begun == 1)
        await wire.send(b"\x00garbage\r\n\r\n")
        held.go.set()
        assert [(await wire.answer()).status, (await wire.answer()).status] == [200, 400]
        assert await wire.is_closed()
        assert stage.notes == ["malformed"]


async def streaming(request: Request, reply: Reply) -> None:
    """Stream, with batches that say nothing: an empty chunk would end the body."""
    await reply.start(200, EVENTS)
    for piece in (b"", b"data: 1\n\n", b"", b"", b"data: 2\n\n", b""):
        await reply.chunk(piece)
    await reply.end(b"data: 3\n\n" if request.path == "/last" else b"")


@pytest.mark.parametrize(
    ("path", "whole"), [("/", b"data: 1\n\ndata: 2\n\n"), ("/last", b"data: 1\n\ndata: 2\n\ndata: 3\n\n")]
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_an_empty_piece_in_mid_stream_is_nothing(path: str, whole: bytes, version: str) -> None:
    async with served(streaming) as stage, stage.wire() as wire:
        answer = await wire.ask(f"GET {path} HTTP/{version}\r\nHost: gateway\r\n\r\n".encode())
        assert (answer.body, answer.is_whole) == (whole, True)
        if version == "1.0":
            assert "transfer-encoding" not in answer.fields, "a client of HTTP/1.0 knows no chunks"
            assert await wire.is_closed()
        else:
            assert (await wire.ask(GET)).is_whole, "the connection goes on"


async def test_a_client_of_http_1_0_may_keep_its_connection_for_answers_with_a_length() -> None:
    async with served() as stage, stage.wire() as wire:
        for _ in range(2):
            answer = await wire.ask(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert (answer.body, answer.fields["connection"]) == (b"GET /a  ", "keep-alive")
        assert (await wire.ask(b"GET /a HTTP/1.0\r\n\r\n")).fields["connection"] == "close"
        assert await wire.is_closed()


@pytest.mark.parametrize("path", ["/", "/last"])
async def test_a_head_alone_has_no_body(path: str) -> None:
    async with served(streaming) as stage, stage.wire() as wire:
        data = f"HEAD {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode()
        for _ in range(2):
            answer = await wire.ask(data, method="HEAD")
            assert (answer.status, answer.body, answer.is_whole) == (200, b"", True)
    async with served() as stage, stage.wire() as wire:
        answer = await wire.ask(b"HEAD /a HTTP/1.1\r\n" + HOST + b"\r\n", method="HEAD")
        assert answer.fields["content-length"] == "9"
        assert (await wire.ask(GET)).body == b"GET /a b=1 "


async def test_an_answer_without_a_body_has_no_framing() -> None:
    async def handler(request: Request, reply: Reply) -> None:
        await reply.whole(204, (), b"")

    async with served(handler) as stage, stage.wire() as wire:
        for _ in range(2):
            answer = await wire.ask(GET)
            assert (answer.status, set(answer.fields)) == (204, {"date"})


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked() -> None:
    async with served() as stage, stage.wire() as wire:
        await wire.send(post(b"Content-Length: 3", b"Expect: 100-continue"))
        assert await wire.first_bytes() == b"HTTP/1.1 100 Continue\r\n\r\n"
        answer = await wire.ask(b"abc")
        assert (answer.interim, answer.body) == ([100], b"POST /v1  abc")


async def test_a_client_whose_request_is_refused_by_its_head_is_not_asked_for_its_body() -> None:
    async def handler(request: Request, reply: Reply) -> None:
        await reply.whole(401, TEXT, b"no")

    async with served(handler) as stage, stage.wire() as wire:
        answer = await wire.ask(post(b"Content-Length: 3", b"Expect: 100-continue"))
        assert (answer.interim, answer.status, answer.fields["connection"]) == ([], 401, "close")


@pytest.mark.parametrize("framed", [b"Content-Length: 41943040", b"Transfer-Encoding: chunked"])
async def test_a_body_of_40_mib_is_refused_while_it_comes(framed: bytes) -> None:
    async def upload() -> None:
        piece = b"x" * 2**20
        for _ in range(40):
            await wire.send(b"100000\r\n" + piece + b"\r\n" if b"chunked" in framed else piece)

    async with served() as stage, stage.wire() as wire:
        await wire.send(post(framed))
        sending = asyncio.create_task(upload())
        answer = await wire.answer()
        assert (answer.status, answer.fields["connection"]) == (413, "close")
        assert b"33554432" in answer.body
        await sending


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"GZIP", b"deflate, gzip"])
async def test_a_compressed_body_is_refused_and_not_inflated(coding: bytes) -> None:
    async with served() as stage, stage.wire() as wire:
        answer = await wire.ask(post(b"Content-Length: 3", b"Content-Encoding: " + coding, body=b"abc"))
        assert (answer.status, answer.fields["accept-encoding"]) == (415, "identity")
        fine = await wire.ask(post(b"Content-Length: 3", b"Content-Encoding: identity", body=b"abc"))
        assert fine.body == b"POST /v1  abc"


async def test_a_refusal_may_be_told_by_the_handler_in_its_own_words() -> None:
    async def handler(request: Request, reply: Reply) -> None:
        try:
            await request.read()
        except RequestRefused as refused:
            await reply.whole(refused.status, TEXT, f"dialect: {refused.reason}".encode())

    async with served(handler, Clients(body_bytes_max=1024)) as stage, stage.wire() as wire:
        answer = await wire.ask(post(b"Content-Length: 1025", body=b"x" * 1025))
        assert (answer.status, answer.body) == (413, b"dialect: The body of the request is larger than 1024 bytes.")


async def test_a_body_whose_chunks_break_in_a_later_read_ends_by_its_clock() -> None:
    """aiohttp's parser tells the request of it only when the next one is due."""
    async with served(clients=Clients(body_s=0.3)) as stage, stage.wire() as wire:
        await wire.send(post(b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"))
        await until(lambda: stage.server.in_flight == 1)
        answer = await wire.ask(b"zz\r\n")
        assert (answer.status, answer.fields["connection"]) == (408, "close")
        wire.writer.write_eof()
        assert await wire.is_closed()


async def test_a_fault_of_the_handler_is_500_before_the_answer_and_an_unfinished_body_in_it() -> None:
    async def handler(request: Request, reply: Reply) -> None:
        if request.path == "/stream":
            await reply.start(200, EVENTS, b"data: 1\n\n")
        if request.path != "/nothing":
            raise KeyError("secret")

    async with served(handler) as stage:
        async with stage.wire() as wire:
            answer = await wire.ask(GET)
            assert (answer.status, b"secret" in answer.body) == (500, False)
            assert (await wire.ask(b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n")).status == 500
            answer = await wire.ask(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n")
            assert (answer.status, answer.body, answer.is_whole) == (200, b"data: 1\n\n", False)
        assert [type(fault) for fault in stage.faults] == [KeyError, RuntimeError, KeyError]


async def aborting(request: Request, reply: Reply) -> None:
    await reply.start(200, EVENTS)
    await reply.chunk(b"data: error\n\n")
    reply.abort()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_an_aborted_answer_does_not_look_whole(version: str) -> None:
    async with served(aborting) as stage, stage.wire() as wire:
        await wire.send(f"GET / HTTP/{version}\r\nHost: gateway\r\n\r\n".encode())
        received, reset = b"", False
        try:
            while data := await wire.reader.read(65536):
                received += data
        except ConnectionResetError:
            reset = True
        assert received.endswith(b"data: error\n\n" + (b"\r\n" if version == "1.1" else b""))
        assert reset == (version == "1.0"), "where the end of the connection is the end of the body, a reset breaks it"


async def test_more_requests_than_may_be_in_flight_are_refused_with_a_hint_and_health_is_not() -> None:
    async def wait(held: Held, request: Request, reply: Reply) -> None:
        if request.path == "/wait":
            await held.here()
        await reply.whole(200, TEXT, b"")

    held = Held(wait)
    async with served(held, Clients(in_flight_max=2)) as stage:
        async with stage.wire() as first, stage.wire() as second, stage.wire() as third:
            for wire in (first, second):
                await wire.send(b"GET /wait HTTP/1.1\r\n" + HOST + b"\r\n")
            await until(lambda: held.begun == 2)
            assert (await third.ask(b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")).status == 200
            answer = await third.ask(GET)
            assert (answer.status, answer.fields["retry-after"]) == (503, "1")
            held.go.set()
            assert [(await wire.answer()).status for wire in (first, second)] == [200, 200]
        async with stage.wire() as third:
            assert (await third.ask(GET)).status == 200
        assert stage.notes == ["in_flight_full", "refused"]


async def test_a_new_connection_takes_the_place_of_an_idle_one_and_of_no_other() -> None:
    async def wait(held: Held, request: Request, reply: Reply) -> None:
        await held.here()
        await reply.whole(200, TEXT, b"")

    held = Held(wait)
    async with served(held, Clients(connections_max=2)) as stage, stage.wire() as first, stage.wire() as second:
        await second.send(GET)
        await until(lambda: held.begun == 1)
        async with stage.wire() as third:
            await third.send(GET)
            await until(lambda: held.begun == 2)
            assert await first.is_closed(), "it was idle"
            async with stage.wire() as fourth:
                answer = await fourth.answer()
                assert (answer.status, answer.fields["retry-after"]) == (503, "1")
                assert await fourth.is_closed()
            held.go.set()
            assert [(await wire.answer()).status for wire in (second, third)] == [200, 200]
        assert stage.notes == ["connections_full"]


async def test_hundreds_of_idle_connections_hinder_none() -> None:
    async with served() as stage:
        wires = [stage.wire() for _ in range(300)]
        for wire in wires:
            await wire.__aenter__()
        await until(lambda: stage.server.connections == 300)
        for wire in wires[::50]:
            assert (await wire.ask(GET)).status == 200
        stage.server.close_idle()
        await until(lambda: stage.server.connections == 0)
        for wire in wires:
            await wire.leave()


async def test_a_client_that_takes_nothing_is_waited_for_and_then_dropped() -> None:
    sent = 0

    async def handler(request: Request, reply: Reply) -> None:
        nonlocal sent
        await reply.start(200, EVENTS)
        while True:
            await reply.chunk(b"x" * 65536)
            sent += 1

    async with served(handler, Clients(stalled_s=0.3)) as stage, stage.wire() as wire:
        await wire.send(GET)
        await wire.first_bytes()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: stage.server.connections == 0)
        assert sent * 65536 < 64 * 2**20, "the handler has not waited"
        assert stage.notes == ["stalled"]


async def test_a_slow_reader_gets_the_whole_answer() -> None:
    async def handler(request: Request, reply: Reply) -> None:
        await reply.start(200, EVENTS)
        for number in range(600):
            await reply.chunk(b"%05d" % number * 2000)
        await reply.end()

    async with served(handler) as stage, stage.wire() as wire:
        await wire.send(GET)
        await wire.first_bytes()
        assert stage.server.in_flight == 1
        answer = await wire.answer()
        assert answer.is_whole
        assert answer.body == b"".join(b"%05d" % number * 2000 for number in range(600))


async def test_the_peer_of_a_request_is_known() -> None:
    async def handler(request: Request, reply: Reply) -> None:
        await reply.whole(200, TEXT, f"{request.peer} {request.tls}".encode())

    async with served(handler) as stage, stage.wire() as wire:
        assert (await wire.ask(GET)).body == b"127.0.0.1 False"
