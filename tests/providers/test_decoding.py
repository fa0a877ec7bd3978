"""The decoders that dialects are made of: one result however a body is cut, bounds, and telling bodies apart."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from standby.providers import decoding, registry
from standby.providers.codecs import decode_json, decode_kindly
from standby.providers.decoding import (
    EventStreamDecoder,
    JsonBodyDecoder,
    LineDecoder,
    SniffingDecoder,
    WrongBodyDecoder,
    decoder_for,
)
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, ProviderEvent, TextDelta
from standby.providers.provider import Provider, ResponseHead

from wire_fixtures import Fixture, fixtures


class Toy(EventStreamDecoder):
    """A dialect of JSON strings; `true` is the end marker, `false` says that nothing can follow, null fails."""

    _says = (b'"', b"{")

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        decoded = msgspec.json.decode(data, type=str | bool | None)
        if isinstance(decoded, str):
            events.append(TextDelta(f"{name}:{decoded}"))
        elif decoded is None:
            self.failure = decoding.ProviderError(ErrorKind.SERVER_ERROR, "null")
        else:
            self.finish = Finished("stop")
            self.closed = not decoded


class CarefulToy(Toy):
    """The same without the fast road."""

    def feed(self, data: bytes) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        if self.failure is None and not self.closed:
            self._carefully(data, events)
        return events


class ToyLines(LineDecoder):
    _says = (b'"', b"{")

    def _payload(self, data: bytes, events: list[ProviderEvent]) -> None:
        decoded = msgspec.json.decode(data, type=str | bool)
        if isinstance(decoded, str):
            events.append(TextDelta(decoded))
        else:
            self.finish = Finished("stop")
            self.closed = decoded


def told(decoder: EventStreamDecoder | LineDecoder, pieces: list[bytes]) -> tuple[object, ...]:
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.end()
    kind = decoder.failure.kind if decoder.failure else None
    return events, decoder.finish, decoder.closed, kind


LINES = st.sampled_from(
    [b'data: "a"', b'data:"b"', b"data: true", b"data: false", b"data: null", b"data: {", b"data: ", b"data",
     b"", b"", b"", b": ping", b"event: x", b"id: 1", b'"c"', b'data: "a', b'data: "\\ud800"', b'data: "d" ', b"true",
     b"\xef\xbb\xbf"]
)  # fmt: skip
ENDS = st.sampled_from([b"\n", b"\n", b"\n", b"\n", b"\n\n", b"\r\n", b"\r", b""])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=14).map(lambda lines: b"".join(line + end for line, end in lines))


@settings(max_examples=400, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 150), max_size=5))
@example(b'data: "a"\n\ndata: "b"\n\n', [11])
@example(b'data: \r"a"\n\n', [])
@example(b'data: \n"a"\n\n', [])
@example(b'data: "a"\n\nevent: x\ndata: "b"\n\ndata: true\n\n', [])
@example(b'data: "a"\r', [10])
def test_the_fast_road_gives_what_the_careful_one_gives_for_every_cut(stream: bytes, places: list[int]) -> None:
    inside = sorted({0, len(stream)} | {place for place in places if place < len(stream)})
    pieces = [stream[start:end] for start, end in pairwise(inside)]
    wanted = told(CarefulToy(), [stream])
    assert told(Toy(), [stream]) == wanted
    assert told(Toy(), pieces) == wanted
    assert told(Toy(), [stream[place : place + 1] for place in range(len(stream))]) == wanted


def test_what_came_before_a_broken_event_is_given() -> None:
    toy = Toy()
    assert toy.feed(b'data: "a"\n\ndata: {\n\ndata: "b"\n\n') == [TextDelta("message:a")]
    assert toy.failure is not None
    assert toy.failure.kind is ErrorKind.PROTOCOL
    assert toy.feed(b'data: "c"\n\n') == []


def test_what_cannot_be_decoded_behind_the_end_marker_harms_nothing() -> None:
    toy = Toy()
    toy.feed(b"data: true\n\ndata: {\n\n")
    assert (toy.finish, toy.closed, toy.failure) == (Finished("stop"), True, None)


@pytest.mark.parametrize("size", [1 << 20, 1 << 12])
def test_an_event_beyond_the_bound_fails_after_what_came_before_it(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(decoding, "BULK_BYTES", 20_000)
    for filling, fails in ((19_900, False), (20_000, True)):
        toy = Toy()
        toy._sse = decoding.SSEDecoder(20_000)
        stream = b'data: "a"\n\ndata: "' + b"x" * filling + b'"\n\n'
        events = [event for at in range(0, len(stream), size) for event in toy.feed(stream[at : at + size])]
        assert events[0] == TextDelta("message:a")
        assert (toy.failure is not None) is fails
        assert len(events) == (1 if fails else 2)


def test_a_line_beyond_the_bound_fails_after_what_came_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ToyLines()
    lines._lines = decoding.NDJSONDecoder(100)
    assert lines.feed(b'"a"\n"' + b"x" * 100 + b'"\n') == [TextDelta("a")]
    assert lines.failure is not None
    assert lines.failure.kind is ErrorKind.PROTOCOL


def test_the_last_line_needs_no_newline_if_it_is_whole() -> None:
    assert told(ToyLines(), [b'"a"\nfalse']) == ([TextDelta("a")], Finished("stop"), False, None)
    assert told(ToyLines(), [b'"a"\nfal']) == ([TextDelta("a")], None, False, ErrorKind.TRUNCATED)
    assert told(ToyLines(), [b'"a"\n"broken\n"b"\n']) == ([TextDelta("a")], None, False, ErrorKind.PROTOCOL)
    assert told(ToyLines(), [b'true\n"late"\n']) == ([], Finished("stop"), True, None)


def parse_string(body: bytes, decoder: JsonBodyDecoder) -> list[ProviderEvent]:
    text = msgspec.json.decode(body, type=dict[str, str])["text"]
    decoder.finish = Finished("stop")
    return [TextDelta(text)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'\n\n {"text": "a"}\n', None),
        (b'{"text": "a"', ErrorKind.TRUNCATED),
        (b'{"a": {"b": "c"}', ErrorKind.PROTOCOL),  # a wrong shape shows before the cut does
        (b'{"text": {', ErrorKind.PROTOCOL),
        (b"", ErrorKind.TRUNCATED),
        (b"nonsense", ErrorKind.PROTOCOL),
        (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", ErrorKind.PROTOCOL),
    ],
)
def test_a_json_body_is_whole_or_it_failed(body: bytes, kind: ErrorKind | None) -> None:
    decoder = JsonBodyDecoder(parse_string)
    assert [event for place in range(0, len(body), 3) for event in decoder.feed(body[place : place + 3])] == []
    events = decoder.end()
    assert events == ([TextDelta("a")] if kind is None else [])
    assert (decoder.failure.kind if decoder.failure else None) is kind
    assert decoder.closed is (kind is None)


def test_a_json_body_beyond_the_bound_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = b'{"text": "' + b"a" * decoding.PIECE_MAX_BYTES  # no less is counted: each read is smaller than that
    monkeypatch.setattr(decoding, "MAX_BODY_BYTES", len(begun))
    decoder = JsonBodyDecoder(parse_string)
    decoder.feed(begun)
    assert decoder.failure is None
    decoder.feed(b"a")
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.PROTOCOL
    assert decoder.feed(b"more") == decoder.end() == []


def chosen(content_type: str | None, body: bytes) -> object:
    head = ResponseHead(200, {} if content_type is None else {"content-type": content_type})
    decoder = decoder_for(head, stream=Toy, body=lambda: JsonBodyDecoder(parse_string))
    events = [event for place in range(len(body)) for event in decoder.feed(body[place : place + 1])]
    events += decoder.end()
    return events or (decoder.failure.kind if decoder.failure else decoder.finish)


@pytest.mark.parametrize("content_type", ["text/event-stream; charset=utf-8", "TEXT/EVENT-STREAM"])
def test_a_stream_is_known_by_its_type(content_type: str) -> None:
    assert chosen(content_type, b'data: "a"\n\ndata: true\n\n') == [TextDelta("message:a")]


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/json", "application/problem+json"])
def test_other_bodies_are_known_by_their_first_byte(content_type: str | None) -> None:
    assert chosen(content_type, b'\r\n{"text": "b"}') == [TextDelta("b")]
    assert chosen(content_type, b'\n\ndata: "a"\n\ndata: true\n\n') == [TextDelta("message:a")]
    assert chosen(content_type, b"\n<!doctype html>") is ErrorKind.PROTOCOL
    assert chosen(content_type, b"\xef\xbb\xbf<html>") is ErrorKind.PROTOCOL
    assert chosen(content_type, b" \n") is ErrorKind.TRUNCATED


def test_a_web_page_is_refused_before_its_first_byte() -> None:
    decoder = decoder_for(ResponseHead(200, {"content-type": "text/html"}), stream=Toy, body=Toy)
    assert isinstance(decoder, WrongBodyDecoder)
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.PROTOCOL
    assert decoder.feed(b"<html>") == decoder.end() == []


def test_a_sniffed_stream_shows_the_end_of_the_stream_inside() -> None:
    decoder = SniffingDecoder(Toy, Toy)
    decoder.feed(b"data: false\n\n")
    assert (decoder.finish, decoder.closed, decoder.failure) == (Finished("stop"), True, None)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (rb'"\ud83c\udf0d"', "🌍"),
        (rb'"a\ud800b"', "a\ufffdb"),
        (rb'"\uDC00"', "\ufffd"),
        (rb'{"\ud800": ["\udfff", "\ud83c\udf0d"]}', {"\ufffd": ["\ufffd", "🌍"]}),
    ],
)
def test_half_of_a_character_is_put_right(text: bytes, wanted: object) -> None:
    assert decode_kindly(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"-Infinity",
        b'"\x01"',
        b'{"a": 1,}',
        b'"\xff"',
        rb'"\ud800',
        rb'["\ud800", NaN]',
        b"[" * 200_000,
        b"",
    ],
)
def test_what_is_no_json_is_refused_in_one_of_the_ways_that_decoders_expect(text: bytes) -> None:
    with pytest.raises(decoding.UNDECODABLE):
        decode_json(text)


def test_a_cut_text_with_half_a_character_still_counts_as_cut() -> None:
    with pytest.raises(msgspec.DecodeError, match="truncated"):
        decode_json(rb'{"text": "\ud800')


@pytest.mark.parametrize(
    "line", [b'{"a": 1}\n', b'{"a": 1}\n\n', b'[{"a":\n1}]\n\n', b'{"a": 1', b': x\n\n{"a": 1}\n\n']
)
@pytest.mark.parametrize(
    "fixture",
    [each for each in fixtures("openai-chat", "anthropic", "gemini", "openai-responses", "cohere", "mistral")
     if each.name.endswith("success.sse") or each.name == "success_crlf.sse"],
    ids=str,
)  # fmt: skip
def test_what_begins_as_a_whole_answer_and_becomes_a_stream_is_told_once_however_it_is_cut(
    fixture: Fixture, line: bytes
) -> None:
    body = line + fixture.body
    provider = registry.get({"openai-chat": "openai"}.get(fixture.directory, fixture.directory))
    readings = {reading_of(provider, fixture, [body[:cut], body[cut:]]) for cut in range(len(line) + 80)}
    assert len(readings) == 1


def reading_of(provider: Provider, fixture: Fixture, pieces: list[bytes]) -> tuple[Any, ...]:
    """Everything that a decoder tells of a body that comes in these pieces."""
    decoder = provider.decoder(fixture.head)
    events = [event for piece in pieces if decoder.failure is None for event in decoder.feed(piece)]
    events += decoder.end() if decoder.failure is None else []
    kind = decoder.failure.kind if decoder.failure else None
    return msgspec.json.encode([(type(event).__name__, event) for event in events]), decoder.finish, kind
