"""One request or two? Whatever comes behind a request is read as h11 reads it, or not at all.

Two parsers that see different borders between requests are what smuggling is made of: a balancer in front lets one
request pass, and the server behind it finds another one in its body. Each vector is followed by a request that must not
be found where h11 finds none. h11 has no leniency that could be of use here; where it is stricter still, the table
says why.
"""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standby.gateway.http import Reply, Request
from standby.simulator.virtual.loop import VirtualLoop, perform
from standby.simulator.virtual.network import Network

from gateway_stage import TEXT, Wire, served

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: gateway\r\n\r\n"
SETTLE_S = 200.0
"""Virtual: longer than any clock that would still answer."""


class Read(NamedTuple):
    """A request, as a parser reads it."""

    method: str
    target: str
    body: bytes


def head(*headers: bytes, first: bytes = b"POST /a HTTP/1.1", host: bytes = b"Host: gateway") -> bytes:
    return b"\r\n".join((first, *((host,) if host else ()), *headers)) + b"\r\n\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
ABC = b"3\r\nabc\r\n0\r\n\r\n"


def chunks(body: bytes) -> bytes:
    return head(CHUNKED) + body


REFUSED = {
    "a length and chunks": head(b"Content-Length: 13", CHUNKED) + ABC,
    "chunks, and a length of nothing": head(CHUNKED, b"Content-Length: 0") + ABC,
    "chunks behind a vertical tab": head(b"Transfer-Encoding: \x0bchunked") + ABC,
    "chunks behind a form feed": head(b"Transfer-Encoding: \x0cchunked") + ABC,
    "chunks behind a blank of another alphabet": head(b"Transfer-Encoding: \xa0chunked") + ABC,
    "chunks in quotes": head(b'Transfer-Encoding: "chunked"') + ABC,
    "chunks with a parameter": head(b"Transfer-Encoding: chunked;q=1") + ABC,
    "chunks twice in one header": head(b"Transfer-Encoding: chunked, chunked") + ABC,
    "chunks behind nothing": head(b"Transfer-Encoding: , chunked") + ABC,
    "identity and a length": head(b"Transfer-Encoding: identity", b"Content-Length: 3") + b"abc",
    "an encoding that is empty": head(b"Transfer-Encoding:") + ABC,
    "a folded encoding": head(b"Transfer-Encoding:\r\n chunked") + ABC,
    "a blank before the colon": head(b"Transfer-Encoding : chunked") + ABC,
    "a tab before the colon": head(b"Content-Length\t: 3") + b"abc",
    "a NUL in the name": head(b"Content\0-Length: 3") + b"abc",
    "a name with a bracket": head(b"Content-Length(: 3") + b"abc",
    "a name in another alphabet": head("Content-Længth: 3".encode()) + b"abc",
    "a header before the first": b"POST /a HTTP/1.1\r\n Content-Length: 3\r\nHost: gateway\r\n\r\nabc",
    "a length with a blank in it": head(b"Content-Length: 1 0") + b"0123456789",
    "a length with an underscore": head(b"Content-Length: 1_0") + b"0123456789",
    "a length with a comma behind": head(b"Content-Length: 3,") + b"abc",
    "a length twice in one header": head(b"Content-Length: 3, 3") + b"abc",
    "a length with a point": head(b"Content-Length: 3.0") + b"abc",
    "a length in hexadecimal": head(b"Content-Length: a") + b"0123456789",
    "a length of thirty digits": head(b"Content-Length: " + b"9" * 30) + b"abc",
    "a chunk's size with a sign": chunks(b"+3\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size in another base": chunks(b"0x3\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size with an underscore": chunks(b"0_3\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size behind a blank": chunks(b" 3\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size of twenty digits": chunks(b"F" * 20 + b"\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size that is empty": chunks(b"\r\nabc\r\n0\r\n\r\n"),
    "chunks whose lines end in LF": chunks(b"3\nabc\n0\n\n"),
    "a chunk that ends in LF": chunks(b"3\r\nabc\n0\r\n\r\n"),
    "a chunk that ends in CR": chunks(b"3\r\nabc\r0\r\n\r\n"),
    "a chunk's extension with a LF": chunks(b"3;a\nb\r\nabc\r\n0\r\n\r\n"),
    "a chunk's extension with a CR": chunks(b"3;a\rb\r\nabc\r\n0\r\n\r\n"),
    "a chunk that is shorter than it says": chunks(b"5\r\nabc\r\n0\r\n\r\n"),
    "a length among trailers": chunks(b"3\r\nabc\r\n0\r\nContent-Length: 40\r\n\r\n"),
    "an encoding among trailers": chunks(b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a tab in the first line": head(first=b"GET\t/a HTTP/1.1"),
    "a small version": head(first=b"GET /a http/1.1"),
    "a version of two digits": head(first=b"GET /a HTTP/1.10"),
    "a bare CR in the first line": head(first=b"GET /a\r HTTP/1.1"),
    "a method in another alphabet": head(first="GÉT /a HTTP/1.1".encode()),
    "a LF alone between headers": b"POST /a HTTP/1.1\r\nHost: gateway\nContent-Length: 3\r\n\r\nabc",
    "a CR alone between headers": b"POST /a HTTP/1.1\r\nHost: gateway\rContent-Length: 3\r\n\r\nabc",
    "a Host with a list": head(host=b"Host: gateway, evil"),
    "a Host with a path": head(host=b"Host: gateway/evil"),
    "a Host with a name of a person": head(host=b"Host: me@gateway"),
    "a whole address of another host": head(first=b"GET http://evil/a HTTP/1.1"),
    "a whole address of another port": head(first=b"GET http://gateway:81/a HTTP/1.1"),
    "a whole address with a name of a person": head(first=b"GET http://me@gateway/a HTTP/1.1"),
}
"""What must not be answered, and nothing behind it either: where one request ends is not certain, or for whom it is."""

READ = {
    "a length": head(b"Content-Length: 3") + b"abc",
    "a length with noughts": head(b"Content-Length: 003") + b"abc",
    "a length behind tabs": head(b"Content-Length:\t 3 \t") + b"abc",
    "chunks": chunks(ABC),
    "chunks in capitals": head(b"TRANSFER-ENCODING: CHUNKED") + ABC,
    "chunks behind a tab": head(b"Transfer-Encoding:\tchunked") + ABC,
    "a chunk's size in capitals, with noughts": chunks(b"0000A\r\n0123456789\r\n0\r\n\r\n"),
    "a chunk's extension": chunks(b'3;a="b"\r\nabc\r\n0;c\r\n\r\n'),
    "a request in a body": head(b"Content-Length: %d" % len(HIDDEN)) + HIDDEN,
    "a request in a chunk": chunks(b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)),
    "a length with another name": head(b"Content_Length: 30", b"X-Content-Length: 30"),
    "a GET with a body": head(b"Content-Length: 3", first=b"GET /a HTTP/1.1") + b"abc",
    "a HEAD with a body": head(b"Content-Length: 3", first=b"HEAD /a HTTP/1.1") + b"abc",
    "a whole address": head(first=b"GET http://gateway/a HTTP/1.1"),
    "a whole address in capitals": head(first=b"GET HTTP://GATEWAY:80/a HTTP/1.1", host=b"Host: Gateway:80"),
}
"""What is one request, and the one behind it is another."""


def by_h11(data: bytes) -> Iterator[Read]:
    """What h11 finds."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1_000_000)
    parser.receive_data(data)
    parser.receive_data(b"")
    while True:
        try:
            event = parser.next_event()
            if not isinstance(event, h11.Request):
                return
            body = b""
            while isinstance(part := parser.next_event(), h11.Data):
                body += bytes(part.data)
        except h11.RemoteProtocolError:
            return
        if not isinstance(part, h11.EndOfMessage):
            return
        yield Read(event.method.decode("latin-1"), event.target.decode("latin-1"), body)
        parser.send(h11.Response(status_code=204, headers=[]))
        parser.send(h11.EndOfMessage())
        if parser.our_state is not h11.DONE or parser.their_state is not h11.DONE:
            return
        parser.start_next_cycle()


class Found(NamedTuple):
    """What the gateway's server finds."""

    requests: list[Read]
    statuses: list[int]
    closed: bool


def by_gateway(data: bytes, *, pieces: int = 1) -> Found:
    """The same in memory, in virtual time."""
    found = Found([], [], closed=False)

    async def handler(request: Request, reply: Reply) -> None:
        body = await request.read()
        query = f"?{request.query}" if request.query else ""
        found.requests.append(Read(request.method, request.path + query, body))
        await reply.whole(200, TEXT, b"")

    async def both() -> Found:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        network = Network(loop)
        async with served(handler, listen=False) as stage:
            network.serve("gateway", stage.server.protocol)
            async with Wire("gateway", 80, network) as wire:
                size = max(1, len(data) // pieces)
                for begin in range(0, len(data), size):
                    await wire.send(data[begin : begin + size])
                    await asyncio.sleep(0.01)
                await asyncio.sleep(SETTLE_S)
                closed = stage.server.connections == 0
                told = await wire.told()
            assert stage.faults == []
        statuses = [int(line[9:12]) for line in told.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        return found._replace(statuses=statuses, closed=closed)

    return perform(both())


def path_of(target: str) -> str:
    """A target as a handler sees it."""
    scheme, found, rest = target.partition("://")
    return "/" + rest.partition("/")[2] if found and scheme.lower() == "http" else target


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("name", REFUSED)
def test_what_may_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(name: str, pieces: int) -> None:
    found = by_gateway(REFUSED[name] + HIDDEN, pieces=pieces)
    assert found.requests == []
    assert found.closed
    assert all(400 <= status < 500 for status in found.statuses)


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_in_one_way_is_read_so_and_the_next_one_too(name: str, pieces: int) -> None:
    data = READ[name] + HIDDEN
    expected = [read._replace(target=path_of(read.target)) for read in by_h11(data)]
    assert len(expected) == 2
    found = by_gateway(data, pieces=pieces)
    assert found.requests == expected
    assert found.statuses == [200, 200]


NAMES = (b"Content-Length", b"content-length", b"Transfer-Encoding", b"Content-Length ", b"Transfer-Encoding\t", b"X")
VALUES = (
    b"0", b"3", b"13", b"40", b"+3", b"3 3", b"3,3", b"0x3", b"", b"chunked", b"Chunked", b"\x0bchunked", b"xchunked",
    b"chunked, gzip", b"gzip, chunked", b"identity", b"3\r\n 3", b"chunked\0", b"a",
)  # fmt: skip
ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n\r\n")
BODIES = (b"", b"abc", ABC, b"0\r\n\r\n", b"3\r\nabc\r\n", b"3\nabc\n0\n\n", b"03\r\nabc\r\n0\r\nX: y\r\n\r\n", HIDDEN)
LINES = (b"POST /a HTTP/1.1", b"GET /a HTTP/1.1", b"POST /a HTTP/1.0", b"GET http://gateway/a HTTP/1.1", b"POST /a")
FIELD = st.builds(
    lambda name, blank, value, end: name + b":" + blank + value + end,
    st.sampled_from(NAMES), st.sampled_from((b" ", b"", b"\t")), st.sampled_from(VALUES), st.sampled_from(ENDS),
)  # fmt: skip
MESSAGES = st.builds(
    lambda line, end, fields, body: line + end + b"Host: gateway\r\n" + b"".join(fields) + b"\r\n" + body,
    st.sampled_from(LINES), st.sampled_from(ENDS), st.lists(FIELD, max_size=3), st.sampled_from(BODIES),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(message=MESSAGES, pieces=st.sampled_from((1, 1, 3, 1000)))
def test_nothing_is_read_that_h11_would_read_otherwise(message: bytes, pieces: int) -> None:
    data = message + HIDDEN
    theirs = [read._replace(target=path_of(read.target)) for read in by_h11(data)]
    ours = by_gateway(data, pieces=pieces).requests
    assert ours == theirs[: len(ours)]
