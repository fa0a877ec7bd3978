"""What holds for the codecs, whatever the bytes. The first byte of an input draws where its rest is split in two."""

import json.decoder
import json.scanner
import math
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from standby.providers.codecs import UNDECODABLE, FrameTooLarge, NDJSONDecoder, SSEDecoder, decode_json, decode_kindly
from standby.providers.codecs.bare_json import BareJson
from standby.providers.codecs.json import with_marks, without_halves, without_marks
from standby.providers.dialects.bedrock_eventstream import FrameDecoder, FrameError
from standby.simulator.dialects import binary

from sse_standard import by_the_standard

SMALL_BOUND = 48
"""Bytes of one event or line in the runs that look at the bound."""


def drawn_pieces(data: bytes) -> tuple[bytes, list[list[bytes]]]:
    """The body of an input, and the ways in which the network may deliver it."""
    body = data[1:]
    place = len(body) * data[0] // 256 if data else 0
    return body, [[body], [body[:place], body[place:]], [body[at : at + 1] for at in range(len(body))]]


def _given(feed: Callable[[bytes], Iterable[Any]], pieces: list[bytes]) -> tuple[list[Any], bool]:
    """What a decoder gave until it refused, and whether it did."""
    found: list[Any] = []
    for piece in pieces:
        try:
            found += feed(piece)
        except (FrameTooLarge, FrameError) as refusal:
            return [*found, *refusal.whole], True
    return found, False


def sse(data: bytes) -> None:
    """Server-Sent Events: those of the standard, however they are cut, and never longer than the bound."""
    body, ways = drawn_pieces(data)
    ends = []
    for pieces in ways:
        decoder = SSEDecoder()
        events, refused = _given(decoder.feed, pieces)
        assert not refused, "no input of this size is too long"
        assert events == by_the_standard(body)
        ends.append((decoder.unfinished, decoder.residue, decoder.end()))
    assert ends[0] == ends[1] == ends[2], "what is left at the end depends on the cuts"
    bounded = [_given(SSEDecoder(max_event_bytes=SMALL_BOUND).feed, pieces) for pieces in ways]
    assert bounded[0] == bounded[1] == bounded[2], "the bound depends on the cuts"
    assert all(len(event.data) <= SMALL_BOUND for event in bounded[0][0])


def ndjson(data: bytes) -> None:
    """Newline-delimited JSON: the lines that are not blank, however they are cut, and never longer than the bound."""
    body, ways = drawn_pieces(data)
    wanted = [line for each in body.split(b"\n") if (line := each.strip())]
    for pieces in ways:
        decoder = NDJSONDecoder()
        lines, refused = _given(decoder.feed, pieces)
        assert not refused, "no input of this size is too long"
        assert lines + [line for line in [decoder.end()] if line] == wanted
    bounded = [_given(NDJSONDecoder(max_line_bytes=SMALL_BOUND).feed, pieces) for pieces in ways]
    assert bounded[0] == bounded[1] == bounded[2], "the bound depends on the cuts"
    assert all(len(line) <= SMALL_BOUND for line in bounded[0][0])


def bare_json(data: bytes) -> None:
    """JSON among other lines: it ends with the line that closes its first one's brackets, however many come at once."""
    body, _ = drawn_pieces(data)
    lines = body.split(b"\n")
    place = len(lines) * data[0] // 256 if data else 0
    halves = [b"\n".join(half) for half in (lines[:place], lines[place:]) if half]
    found = [_closed(BareJson(), part) for part in ([body], halves, lines)]
    assert found[0] == found[1] == found[2], "what is JSON depends on how many lines come at once"


def _closed(bare: BareJson, pieces: list[bytes]) -> Any:
    """The first whole JSON among lines that come in these pieces; None: what is closed there is none."""
    closed = next((closed for piece in pieces if (closed := bare.closed_by(piece)) is not None), b"")
    assert b"\n".join(pieces).startswith(closed)
    try:
        return decode_kindly(closed)
    except UNDECODABLE:
        return None


class _Reader(json.decoder.JSONDecoder):
    """The standard library's reader without its C: a fuzzer sees how far it got, and goes on from there."""

    def __init__(self) -> None:
        super().__init__()
        self.parse_string = json.decoder.py_scanstring
        self.scan_once = json.scanner.py_make_scanner(self)


_READER = _Reader()


def json_body(data: bytes) -> None:
    """JSON: refused in the declared ways only, and what is taken is what the standard library reads."""
    refusal: Exception | None = None
    theirs: Any = None
    try:
        theirs = _READER.decode(data.decode())
    except RecursionError:
        return  # it gives up sooner
    except ValueError as error:
        refusal = error
    try:
        ours = decode_kindly(data)
    except UNDECODABLE:
        return
    marked, mark = with_marks(data)
    assert _alike(ours, _whole(decode_json(bytes(marked)), mark)), "halves, once put right, say something else"
    assert refusal is None, f"taken, though it is no JSON: {refusal}"
    again = msgspec.json.encode(ours)  # raises for a lone surrogate, which may not get past the decoder
    assert len(again) <= 8 * len(data) + 64
    assert _alike(ours, theirs)


def _whole(kept: Any, mark: str) -> Any:
    match kept:
        case str():
            return without_halves(without_marks(kept, mark))
        case dict():
            return {_whole(key, mark): _whole(value, mark) for key, value in kept.items()}
        case list():
            return [_whole(value, mark) for value in kept]
        case _:
            return kept


def _alike(ours: Any, theirs: Any) -> bool:
    """The same value, but for what we put right: lone surrogates, and numbers that msgspec cannot hold."""
    match ours, theirs:
        case str(), int() | float():
            return not math.isfinite(theirs) or abs(theirs) > 10**300
        case str(), str():
            return ours == theirs.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case dict(), dict():
            mended = {key.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for key in theirs}
            exact = all(_alike(value, theirs[key]) for key, value in ours.items() if key in theirs)
            return exact and ours.keys() == mended
        case list(), list():
            return len(ours) == len(theirs) and all(map(_alike, ours, theirs))
        case bool() | None, _:
            return ours is theirs
        case int() | float(), int() | float():
            return math.isclose(ours, theirs, rel_tol=1e-15)
    return False


def event_stream(data: bytes) -> None:
    """AWS's frames: refused in the one declared way, however they are cut. An odd second byte makes them valid first.

    Chance finds no checksum: so the rest is taken for a frame's headers and payload, or for one behind a good frame.
    """
    body, ways = drawn_pieces(data)
    if body and body[0] % 2:
        headers_size = min(body[0] >> 1, len(body) - 1)
        body = binary.sealed(body[1 : 1 + headers_size], body[1 + headers_size :]) + body[1:]
        _, ways = drawn_pieces(data[:1] + body)
    given = [_given(FrameDecoder().feed, pieces) for pieces in ways]
    assert given[0] == given[1] == given[2], "the frames depend on the cuts"
    assert sum(len(frame.payload) for frame in given[0][0]) <= len(body)
    for frame in given[0][0]:
        assert all(isinstance(frame.text(name), str) for name in frame.headers)
