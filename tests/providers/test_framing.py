"""Framing: the recorded cases, and Server-Sent Events against a naive reading of the standard, for every cut."""

import zlib
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from standby.providers.codecs import FrameTooLarge, NDJSONDecoder, SSEDecoder, SSEEvent

from sse_standard import by_the_standard
from wire_fixtures import Fixture, fixtures

SMALL = 8 * 1024


def read_events(pieces: list[bytes]) -> tuple[list[SSEEvent], SSEEvent | None]:
    sse = SSEDecoder()
    events = [event for piece in pieces for event in sse.feed(piece)]
    return events, sse.end()


def cut(body: bytes, places: tuple[int, ...]) -> list[bytes]:
    return [body[start:end] for start, end in pairwise((0, *places, len(body)))]


def ways_to_cut(fixture: Fixture) -> list[tuple[int, ...]]:
    size = len(fixture.body)
    stride = 1 if size <= SMALL else 9973
    ways: list[tuple[int, ...]] = [(), *((place,) for place in range(1, size, stride))]
    ways.append(tuple(range(1, size)) if size <= SMALL else tuple(range(1, size, 101)))
    return ways if fixture.reads is None else [*ways, fixture.reads]


def matches(event: SSEEvent, wanted: dict[str, Any]) -> bool:
    if "data_len" in wanted:
        fits = len(event.data) == wanted["data_len"] and event.data.startswith(wanted["data_prefix"].encode())
    else:
        fits = event.data.decode() == wanted["data"]
    return fits and event.name == wanted["event"] and event.id == wanted.get("id", event.id)


def inflated(body: bytes) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(body)


@pytest.mark.parametrize("fixture", [each for each in fixtures("framing") if "events" in each.expect], ids=str)
def test_events_are_as_recorded_however_they_are_cut(fixture: Fixture) -> None:
    gzip = fixture.head.headers.get("content-encoding") == "gzip"
    body = inflated(fixture.body) if gzip else fixture.body
    assert fixture.clean
    wanted = fixture.expect["events"]
    for places in [()] if gzip else ways_to_cut(fixture):
        events, unclosed = read_events(cut(body, places))
        assert len(events) == len(wanted), places
        assert all(matches(event, want) for event, want in zip(events, wanted, strict=True)), places
        if "lenient" in fixture.expect:
            assert unclosed is not None
            assert matches(unclosed, fixture.expect["lenient"][-1])
        else:
            assert unclosed is None


def test_a_gzip_stream_that_was_cut_gives_a_beginning_of_its_events() -> None:
    fixture = next(each for each in fixtures("framing") if each.name == "gzip_truncated.txt")
    events, _ = read_events([inflated(fixture.body)])
    wanted = fixture.expect["events_prefix_of"]
    assert len(events) < len(wanted)
    assert all(matches(event, want) for event, want in zip(events, wanted, strict=False))


@pytest.mark.parametrize("fixture", [each for each in fixtures("framing") if "objects" in each.expect], ids=str)
def test_lines_are_as_recorded_however_they_are_cut(fixture: Fixture) -> None:
    for places in ways_to_cut(fixture):
        decoder = NDJSONDecoder()
        lines = [line for piece in cut(fixture.body, places) for line in decoder.feed(piece)]
        lines += [line for line in [decoder.end()] if line]
        assert [msgspec.json.decode(line) for line in lines] == fixture.expect["objects"], places


PIECES = st.sampled_from(
    [b"data", b"data:", b"data: ", b":", b" ", b"event:", b"event: x", b"id: 7", b"id", b"\0", b"retry: 5", b"\n",
     b"\n\n", b"\r", b"\r\n", b"\xef\xbb\xbf", "é€🌍".encode(), b"\xf0\x9f", "\u2028".encode(), b"{}", b"error: 1"]
)  # fmt: skip
STREAMS = st.lists(PIECES, max_size=25).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 120), max_size=6))
@example(b"\xef\xbb\xbfdata: a\r\n\r\n", [1, 2, 11, 13])
@example(b"data: a\r\rdata: b\r\n\r\n", [9])
@example(b"data\n\n", [])
def test_events_are_those_of_the_standard_wherever_the_network_cuts(stream: bytes, places: list[int]) -> None:
    inside = tuple(sorted({place for place in places if 0 < place < len(stream)}))
    wanted = by_the_standard(stream)
    assert read_events([stream])[0] == wanted
    assert read_events(cut(stream, inside))[0] == wanted
    assert read_events([stream[place : place + 1] for place in range(len(stream))])[0] == wanted


@settings(max_examples=200, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 120), max_size=6))
def test_what_is_left_at_the_end_does_not_depend_on_the_cuts_either(stream: bytes, places: list[int]) -> None:
    inside = tuple(sorted({place for place in places if 0 < place < len(stream)}))
    whole, pieces = SSEDecoder(), SSEDecoder()
    whole.feed(stream)
    for piece in cut(stream, inside):
        pieces.feed(piece)
    assert whole.unfinished == pieces.unfinished
    assert whole.end() == pieces.end()
    assert whole.residue == pieces.residue


def test_lines_that_are_no_field_are_kept_up_to_a_bound() -> None:
    sse = SSEDecoder()
    sse.feed(b'{"error":\n1}\ndata: x\n\n')
    assert sse.residue == b'{"error":\n1}'
    for _ in range(3):
        sse.feed(b"x" * 60_000 + b"\n")
    assert len(sse.residue) < 65 * 1024


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_as_long_as_its_bound_passes_and_a_byte_more_is_refused(size: int) -> None:
    line = b"data: " + b"x" * 20
    for over, bound in ((False, len(line)), (True, len(line) - 1)):
        sse = SSEDecoder(max_event_bytes=bound)
        stream = b"data: a\n\n" + line + b"\n\n"
        events: list[SSEEvent] = []
        failure = None
        for start in range(0, len(stream), size):
            try:
                events += sse.feed(stream[start : start + size])
            except FrameTooLarge as error:
                events += error.whole
                failure = error
                break
        assert (failure is not None) is over
        assert [event.data for event in events] == ([b"a"] if over else [b"a", b"x" * 20])


def test_many_short_lines_make_a_long_event_too() -> None:
    sse = SSEDecoder(max_event_bytes=100)
    with pytest.raises(FrameTooLarge, match="longer than 100 bytes"):
        sse.feed(b"data: x\n" * 60)


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_line_as_long_as_its_bound_passes_and_a_byte_more_is_refused(size: int) -> None:
    stream = b'{"a":1}\n' + b"[" + b"1" * 18 + b"]\n"
    for over, bound in ((False, 20), (True, 19)):
        lines: list[bytes] = []
        decoder = NDJSONDecoder(max_line_bytes=bound)
        failure = None
        for start in range(0, len(stream), size):
            try:
                lines += decoder.feed(stream[start : start + size])
            except FrameTooLarge as error:
                lines += error.whole
                failure = error
                break
        assert (failure is not None) is over
        assert len(lines) == (1 if over else 2)
