"""A body between the parser of aiohttp and its reader: all of it arrives, in order, and what waits there is bounded."""

import asyncio
from typing import Any, cast

import pytest
from aiohttp.streams import EMPTY_PAYLOAD, EmptyStreamReader, StreamReader
from standby.providers.http.body import CHUNK_BYTES, Body
from standby.providers.http.connector import Line

BUFFER_BYTES = 8192
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Wire:
    """As much of a transport as a line needs."""

    def __init__(self) -> None:
        self.paused = self.closed = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def begun(*first: bytes) -> tuple[Line, Wire, Body]:
    """A line on which a response has begun, and its body."""
    line, wire = Line(asyncio.get_running_loop()), Wire()
    line.transport = cast(Any, wire)
    line.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=BUFFER_BYTES)
    line.data_received(b"".join((HEAD, *first)))
    _, content = await line.read()
    assert type(content) is StreamReader
    return line, wire, Body.of(content, line)


async def read(body: Body) -> bytes:
    while (arrival := body.arrival()) is not None:
        await arrival
    return body.take()


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


async def test_what_came_with_the_head_is_read_too() -> None:
    line, _, body = await begun(chunks(b"one ", b"two "))
    line.data_received(chunks(b"three") + b"0\r\n\r\n")
    assert await read(body) == b"one two three"
    assert await read(body) == b""


async def test_a_reader_that_waits_is_woken() -> None:
    line, _, body = await begun()
    reading = asyncio.ensure_future(read(body))
    await asyncio.sleep(0)
    line.data_received(chunks(b"one", b" and two"))
    assert await reading == b"one and two"


@pytest.mark.parametrize("size", [1, 100, 5000])
async def test_what_waits_to_be_read_is_bounded_whatever_its_pieces(size: int) -> None:
    pieces = [bytes([65 + number % 26]) * size for number in range(40_000 // size)]
    line, wire, body = await begun()
    line.data_received(chunks(*pieces) + b"0\r\n\r\n")
    assert wire.paused
    assert len(body.buffer) * (size + CHUNK_BYTES) <= 2 * BUFFER_BYTES + size + CHUNK_BYTES
    said = b""
    while piece := await read(body):
        said += piece
    assert said == b"".join(pieces)
    assert not wire.paused


async def test_a_second_reader_is_refused() -> None:
    line, _, body = await begun()
    reading = asyncio.ensure_future(read(body))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="another task"):
        await read(body)
    reading.cancel()
    await asyncio.sleep(0)
    third = asyncio.ensure_future(read(body))
    await asyncio.sleep(0)
    line.data_received(chunks(b"after one that was cancelled"))
    assert await third == b"after one that was cancelled"


async def test_a_line_that_is_gone_is_not_waited_for() -> None:
    line, _, body = await begun()
    line.transport = None
    with pytest.raises(RuntimeError, match="gone"):
        await read(body)


async def test_where_there_is_no_body_there_is_nothing_to_take() -> None:
    line, _, _ = await begun()
    nothing = Body.of(EMPTY_PAYLOAD, line)
    assert await read(nothing) == b""
    assert nothing.ended()
    assert type(EMPTY_PAYLOAD) is EmptyStreamReader


async def test_many_small_pieces_of_a_body_without_chunks_are_bounded_too() -> None:
    line, wire = Line(asyncio.get_running_loop()), Wire()
    line.transport = cast(Any, wire)
    line.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=BUFFER_BYTES)
    line.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
    _, content = await line.read()
    assert isinstance(content, StreamReader)
    body, came = Body.of(content, line), 0
    while not wire.paused:
        line.data_received(b"x")
        came += 1
    assert came * (1 + CHUNK_BYTES) <= 2 * BUFFER_BYTES
    assert (await read(body), wire.paused) == (b"x" * came, False)


@pytest.mark.parametrize("framing", [b"transfer-encoding: chunked", b"content-length: 90"])
@pytest.mark.parametrize("last", [1, 2, 3, 89])
async def test_a_body_that_was_paused_ends_when_its_end_comes(framing: bytes, last: int) -> None:
    line, wire = Line(asyncio.get_running_loop()), Wire()
    line.transport = cast(Any, wire)
    line.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=CHUNK_BYTES * 2 * 10)
    line.data_received(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing)
    _, content = await line.read()
    assert isinstance(content, StreamReader)
    body, said, pauses = Body.of(content, line), b"", 0
    whole = bytes(range(90))
    pieces = [*(bytes([each]) for each in whole[:-last]), whole[-last:]]
    packets = [chunks(piece) for piece in pieces] if b"chunked" in framing else pieces
    if b"chunked" in framing:
        packets[-1] += b"0\r\n\r\n"
    for packet in packets:
        line.data_received(packet)
        if wire.paused:
            pauses += 1
            said += body.take()
            assert not wire.paused
    while body.buffer:
        said += body.take()
    assert (said, body.ended()) == (whole, True)
    assert pauses > 0 or last == 89


async def test_a_body_that_was_paused_and_then_breaks_the_grammar_is_not_paused_again() -> None:
    line, wire = Line(asyncio.get_running_loop()), Wire()
    line.transport = cast(Any, wire)
    line.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=100)
    line.data_received(HEAD)
    _, content = await line.read()
    assert type(content) is StreamReader
    body, said = Body.of(content, line), b""
    for packet in (b"ff;x\r\n" + b"a" * 200, b"a" * 20, b"a" * 35 + b"\r\n3;x\r\nabcb5\r\n"):
        line.data_received(packet)
        while body.buffer or wire.paused:
            said += await read(body)
    assert (said, body.ended(), wire.closed) == (b"a" * 255 + b"abc", False, True)
