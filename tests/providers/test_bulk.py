"""Large JSON is text for the most part, or refused by name: in every framing, also in a decoder that others wrote."""

import base64
import json
import time
import tracemalloc

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standby.providers import registry
from standby.providers.codecs import TooBulky, decode_json
from standby.providers.codecs.json import BULK_BYTES, HALVES_MAX, Bulk, check_bulk
from standby.providers.decoding import JsonBodyDecoder
from standby.providers.errors import ErrorKind
from standby.providers.events import ProviderEvent, TextDelta
from standby.providers.provider import PIECE_MAX_BYTES, Decoder, ResponseHead
from test_halves import BEGINNINGS, PIECES, STREAM_TYPES, LineParrot, Parrot, framed

from benchmarks.floods import BODIES

STRUCTURE = [b",{}", b",[]", b",1", b',""', b',"abc"', b', {"a":1}', b"      ", b"\n"]


def text_of(decoder: Decoder, data: bytes) -> str:
    events: list[ProviderEvent] = []
    for at in range(0, len(data), 65_536):
        events += decoder.feed(data[at : at + 65_536])
    if decoder.failure is None and not decoder.closed:
        events += decoder.end()
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def answer(content: str, more: str = "") -> str:
    return '{"choices":[{"message":{"content":"%s"},"finish_reason":"stop"}%s]}' % (content, more)  # noqa: UP031


def body_decoder() -> Decoder:
    return registry.get("openai").decoder(ResponseHead(200, {"content-type": "application/json"}))


def stream_decoder(name: str) -> Decoder:
    return registry.get(name).decoder(ResponseHead(200, {"content-type": STREAM_TYPES.get(name, "text/event-stream")}))


@pytest.mark.parametrize("unit", STRUCTURE)
def test_json_that_is_structure_is_taken_up_to_a_mebibyte_only(unit: bytes) -> None:
    check_bulk(b"[0" + unit * (BULK_BYTES // len(unit) - 3) + b"]")
    with pytest.raises(TooBulky):
        check_bulk(b"[0" + unit * (BULK_BYTES // len(unit) + 3) + b"]")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps('said "so"\n\tagain \\ ' * 100_000),
        json.dumps([base64.b64encode(bytes(300_000)).decode()] * 6),
        json.dumps({"output": [{"type": "text", "text": "words " * 50} for _ in range(20_000)]}),
        json.dumps("é" * 400_000),
        '"' + "{[,]}" * 500_000 + '"',
        '"' + r"\"" * 1_000_000 + '"',
    ],
    ids=["prose", "images", "a long output", "escapes", "code", "quotes"],
)
def test_long_texts_are_taken_whatever_they_hold(text: str) -> None:
    assert len(text) > BULK_BYTES
    assert decode_json(text.encode()) == json.loads(text)


def test_what_never_ends_is_refused_as_what_it_is() -> None:
    check_bulk(b'["' + b"x" * 2 * BULK_BYTES)


@pytest.mark.parametrize("name", [name for name, pieces in PIECES.items() if "end" in pieces])
def test_a_large_event_of_structure_ends_the_stream_and_a_long_text_does_not(name: str) -> None:
    event = PIECES[name]["text"]
    wire = b"".join(framed(name, begin) for begin in BEGINNINGS.get(name, ()))
    decoder = stream_decoder(name)
    assert text_of(
        decoder, wire + framed(name, event.replace("@", "x" * 3_000_000)) + framed(name, PIECES[name]["end"])
    )
    assert decoder.failure is None
    bulky = event.replace("@", "y")[:-1] + ',"more":[0' + ",{}" * 700_000 + "]}"
    decoder = stream_decoder(name)
    assert text_of(decoder, wire + framed(name, event.replace("@", "x")) + framed(name, bulky)) == "x"
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.PROTOCOL
    assert "not text for the most part" in decoder.failure.detail


def test_a_large_body_of_structure_takes_no_more_memory_than_itself() -> None:
    body = answer("x", ",{}" * 3_000_000).encode()
    decoder = body_decoder()
    tracemalloc.start()
    try:
        assert text_of(decoder, body) == ""
        assert tracemalloc.get_traced_memory()[1] < 3 * len(body)
    finally:
        tracemalloc.stop()
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.PROTOCOL
    assert "not text for the most part" in decoder.failure.detail


def test_a_long_answer_in_one_body_is_read() -> None:
    decoder = body_decoder()
    assert text_of(decoder, answer("x" * 5_000_000).encode()) == "x" * 5_000_000
    assert decoder.failure is None


def test_plug_ins_have_the_same_bound() -> None:
    for decoder, frame in ((Parrot(), b"data: %b\n\n"), (LineParrot(), b"%b\n")):
        text_of(decoder, frame % (b"[0" + b",{}" * 700_000 + b"]"))
        assert decoder.failure is not None
        assert "not text for the most part" in decoder.failure.detail
    whole = JsonBodyDecoder(lambda body, decoder: [TextDelta("x")])
    text_of(whole, b"[0" + b",{}" * 700_000 + b"]")
    assert whole.failure is not None
    assert "not text for the most part" in whole.failure.detail


HALVES = {
    "the first": r"\ud83d",
    "the second": r"\ude00",
    "between letters": r"x\ud83dy",
    "behind a backslash": r"\\\ud83d",
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("more", ["", "x" * 2 * BULK_BYTES], ids=["short", "long"])
def test_a_text_full_of_halves_of_characters_is_refused_by_name(half: str, more: str) -> None:
    decoder = body_decoder()
    assert text_of(decoder, answer(half * HALVES_MAX + "x" + more).encode()).count("\ufffd") == HALVES_MAX
    assert decoder.failure is None
    for content in (half * (HALVES_MAX + 1) + more, "x" + half * (HALVES_MAX + 1) + "y" + more):
        decoder = body_decoder()
        assert text_of(decoder, answer(content).encode()) == ""
        assert decoder.failure is not None
        assert decoder.failure.kind is ErrorKind.PROTOCOL
        assert decoder.failure.detail == f"the body holds more than {HALVES_MAX} halves of characters"


@pytest.mark.parametrize("name", [name for name, pieces in PIECES.items() if "end" in pieces])
def test_an_event_full_of_halves_ends_the_stream(name: str) -> None:
    event = PIECES[name]["text"]
    wire = b"".join(framed(name, begin) for begin in BEGINNINGS.get(name, ()))
    decoder = stream_decoder(name)
    halves = event.replace("@", HALVES["between letters"] * (HALVES_MAX + 1))
    assert text_of(decoder, wire + framed(name, event.replace("@", "x")) + framed(name, halves)) == "x"
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.PROTOCOL


def test_characters_of_two_escapes_may_be_many() -> None:
    assert decode_json(b'"' + rb"\ud83d\ude00" * 200_000 + b'"') == "\U0001f600" * 200_000


PIECES_OF_JSON = st.sampled_from(
    [b'"', b"\\", b'\\"', b"\\\\", b"[", b",", b"{}", b"abc", b'"abc"', b'"a\\"b"', "é".encode(), b" ", b"\\u00e9"]
)


def outside(payload: bytes) -> int:
    """How much is no part of a text, byte by byte."""
    found, in_text, escaped = 0, False, False
    for byte in payload:
        if in_text and escaped:
            escaped = False
        elif in_text and byte == ord("\\"):
            escaped = True
        elif byte == ord('"'):
            in_text, found = not in_text, found + 1
        elif not in_text:
            found += 1
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES_OF_JSON, max_size=40).map(b"".join), st.integers(1, 9))
def test_the_bulk_of_pieces_is_that_of_all_of_them(payload: bytes, size: int) -> None:
    bulk = Bulk()
    for at in range(0, len(payload), size):
        bulk.add(payload[at : at + size])
    assert bulk._outside == outside(payload)


@pytest.mark.parametrize("unit", [r"\"", r"a\n\"é", r"\\\"", r"say \"so\" "])
def test_a_long_text_full_of_quotes_is_looked_through_once(unit: str) -> None:
    payload = b'{"a":"' + unit.encode() * (2 * BULK_BYTES // len(unit)) + b'"}'
    began_s = time.process_time()
    check_bulk(payload)
    assert time.process_time() - began_s < 1.0, "a square takes ten times as long"


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "koala", "cohere", "bedrock", "openai-responses"])
def test_a_large_body_is_looked_at_as_it_comes_and_only_parsed_at_its_end(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    steps: list[int] = []
    add = Bulk.add
    monkeypatch.setattr(Bulk, "add", lambda bulk, piece: (steps.append(len(piece)), add(bulk, piece))[1])
    begin, part, end = BODIES[name]
    said = part.replace("@", 'some \\"words\\" of text ' * 200)
    count = 3 * BULK_BYTES // len(said)
    body = (begin + ("" if part == "@" else ",").join([said] * count) + end).encode()
    decoder = registry.get(name).decoder(ResponseHead(200, {"content-type": "application/json"}))
    for at in range(0, len(body), PIECE_MAX_BYTES):
        assert not decoder.feed(body[at : at + PIECE_MAX_BYTES])
    assert sum(steps) == len(body)
    assert max(steps) <= 2 * PIECE_MAX_BYTES
    steps.clear()
    events = decoder.end()
    assert (decoder.failure, steps) == (None, [])
    assert events


def test_a_body_of_structure_is_refused_before_it_has_all_come() -> None:
    decoder = body_decoder()
    for at in range(0, 2 * BULK_BYTES, PIECE_MAX_BYTES):
        decoder.feed((b"{" if at == 0 else b",") * PIECE_MAX_BYTES)
        if decoder.failure is not None:
            break
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.PROTOCOL
    assert at <= BULK_BYTES


def test_numbers_that_cannot_be_held_are_mended_in_small_json_only() -> None:
    assert decode_json(b'{"a":1e999,"b":NaN}') == {"a": "1e999", "b": "NaN"}
    with pytest.raises(msgspec.DecodeError):
        decode_json(b'{"a":NaN,"b":"' + b"x" * BULK_BYTES + b'"}')
