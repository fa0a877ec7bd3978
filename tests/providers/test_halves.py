"""A character that came in two halves, in two deltas, is one character, in each part of each dialect."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from standby.providers import registry
from standby.providers.codecs import UNDECODABLE, SplitCharacter, decode_json, decode_kindly
from standby.providers.codecs.json import json_text, whole_text, with_marks, without_halves, without_marks
from standby.providers.decoding import EventStreamDecoder, LineDecoder
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, ProviderEvent, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from standby.providers.provider import ResponseHead
from standby.simulator.dialects import binary

HIGH, LOW = r"\ud83d", r"\ude00"
STREAM_TYPES = {"ollama": "application/x-ndjson", "bedrock": "application/vnd.amazon.eventstream"}

PIECES: dict[str, dict[str, str]] = {
    "openai": {
        "text": '{"choices":[{"delta":{"content":"@"}}]}',
        "reasoning": '{"choices":[{"delta":{"reasoning":"@"}}]}',
        "refusal": '{"choices":[{"delta":{"refusal":"@"}}]}',
        "call 0": '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"@"}}]}}]}',
        "call 1": '{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"@"}}]}}]}',
        "end": '{"choices":[{"delta":{},"finish_reason":"stop"}]}',
    },
    "anthropic": {
        "text": '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"@"}}',
        "reasoning": '{"type":"content_block_delta","index":1,"delta":{"type":"thinking_delta","thinking":"@"}}',
        "call 0": '{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"@"}}',
        "call 1": '{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"@"}}',
        "end": '{"type":"message_delta","delta":{"stop_reason":"end_turn"}}',
    },
    "gemini": {
        "text": '{"candidates":[{"content":{"parts":[{"text":"@"}]}}]}',
        "reasoning": '{"candidates":[{"content":{"parts":[{"text":"@","thought":true}]}}]}',
        "end": '{"candidates":[{"finishReason":"STOP"}]}',
    },
    "openai-responses": {
        "text": '{"type":"response.output_text.delta","output_index":0,"delta":"@"}',
        "reasoning": '{"type":"response.reasoning_text.delta","output_index":1,"delta":"@"}',
        "refusal": '{"type":"response.refusal.delta","output_index":2,"delta":"@"}',
        "call 0": '{"type":"response.function_call_arguments.delta","output_index":3,"delta":"@"}',
        "call 1": '{"type":"response.function_call_arguments.delta","output_index":4,"delta":"@"}',
        "end": '{"type":"response.completed","response":{}}',
    },
    "cohere": {
        "text": '{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"@"}}}}',
        "reasoning": '{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"@"}}}}',
        "call 0": '{"index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"@"}}}}}',
        "call 1": '{"index":1,"delta":{"message":{"tool_calls":{"function":{"arguments":"@"}}}}}',
        "end": '{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}',
    },
    "ollama": {
        "text": '{"message":{"content":"@"}}',
        "reasoning": '{"message":{"thinking":"@"}}',
        "end": '{"done":true,"done_reason":"stop"}',
    },
    "bedrock": {
        "text": '{"contentBlockIndex":0,"delta":{"text":"@"}}',
        "reasoning": '{"contentBlockIndex":1,"delta":{"reasoningContent":{"text":"@"}}}',
        "call 0": '{"contentBlockIndex":2,"delta":{"toolUse":{"input":"@"}}}',
        "call 1": '{"contentBlockIndex":3,"delta":{"toolUse":{"input":"@"}}}',
        "end": '{"stopReason":"end_turn"}',
    },
    "koala": {"text": '"@"'},
}
PIECES["mistral"] = PIECES["openai"]
BEGINNINGS = {
    "anthropic": [
        '{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"c","name":"f"}}',
        '{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"d","name":"f"}}',
    ]
}
PARTS = [(name, part) for name, pieces in PIECES.items() for part in pieces if part != "end"]
TWO_PARTS = [
    (name, one, two)
    for name, one in PARTS
    for other, two in PARTS
    if name == other and one != two and name != "gemini"  # its thoughts after a text are another block
]


def framed(name: str, payload: str) -> bytes:
    if name == "bedrock":
        kind = "messageStop" if "stopReason" in payload else "contentBlockDelta"
        return binary.frame({":message-type": "event", ":event-type": kind}, payload.encode())
    return payload.encode() + b"\n" if name == "ollama" else b"data: " + payload.encode() + b"\n\n"


def said(name: str, payloads: list[str], size: int | None = None) -> tuple[dict[str, str], Finished | None]:
    """What a stream of these payloads says, by part, and its end."""
    wire = b"".join(framed(name, payload) for payload in (*BEGINNINGS.get(name, ()), *payloads))
    decoder = registry.get(name).decoder(
        ResponseHead(200, {"content-type": STREAM_TYPES.get(name, "text/event-stream")})
    )
    events: list[ProviderEvent] = []
    for at in range(0, len(wire), size or len(wire)):
        events += decoder.feed(wire[at : at + (size or len(wire))])
    if not decoder.closed:
        events += decoder.end()
    msgspec.json.encode(events)  # raises for half of a character
    assert decoder.failure is None, decoder.failure
    parts: dict[str, str] = {}
    for event in events:
        match event:
            case TextDelta():
                part, text = "text", event.text
            case ReasoningDelta():
                part, text = "reasoning", event.text
            case RefusalDelta():
                part, text = "refusal", event.text
            case ToolCallDelta():
                part, text = f"call {event.index}", event.arguments
            case _:
                continue
        assert text or part.startswith("call"), "an empty delta"
        parts[part] = parts.get(part, "") + text
    nothing = ("", "{}") if name in BEGINNINGS else ("",)  # a call that has begun and is given nothing has no arguments
    return {part: text for part, text in parts.items() if text not in nothing}, decoder.finish


def payloads_of(name: str, *pieces: tuple[str, str]) -> list[str]:
    end = PIECES[name].get("end")
    return [PIECES[name][part].replace("@", text) for part, text in pieces] + ([end] if end else [])


@pytest.mark.parametrize("size", [None, 7])
@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_character_in_two_deltas_is_one(name: str, part: str, size: int | None) -> None:
    parts, finish = said(name, payloads_of(name, (part, f"a{HIGH}"), (part, f"{LOW}b"), (part, "c")), size)
    assert parts == {_own(name, part): "a😀bc"}
    assert finish is not None


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_the_halves_may_be_all_that_the_deltas_say(name: str, part: str) -> None:
    assert said(name, payloads_of(name, (part, HIGH), (part, LOW)))[0] == {_own(name, part): "😀"}


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_half_that_nothing_completes_is_replaced_at_the_end(name: str, part: str) -> None:
    assert said(name, payloads_of(name, (part, f"a{HIGH}")))[0] == {_own(name, part): "a\ufffd"}
    assert said(name, payloads_of(name, (part, f"a{HIGH}"), (part, "b")))[0] == {_own(name, part): "a\ufffdb"}
    assert said(name, payloads_of(name, (part, f"{LOW}a")))[0] == {_own(name, part): "\ufffda"}
    twice = payloads_of(name, (part, HIGH), (part, f"{HIGH}"), (part, f"{LOW}"))
    assert said(name, twice)[0] == {_own(name, part): "\ufffd😀"}


@pytest.mark.parametrize(("name", "one", "two"), TWO_PARTS)
def test_halves_meet_in_their_own_part_only(name: str, one: str, two: str) -> None:
    pieces = ((one, f"a{HIGH}"), (two, f"b{HIGH}"), (one, f"{LOW}c"), (two, f"{LOW}d"))
    assert said(name, payloads_of(name, *pieces))[0] == {_own(name, one): "a😀c", _own(name, two, one): "b😀d"}
    alone = said(name, payloads_of(name, (one, f"a{HIGH}"), (two, f"{LOW}b")))[0]
    assert alone == {_own(name, one): "a\ufffd", _own(name, two, one): "\ufffdb"}


def _own(name: str, part: str, before: str = "") -> str:
    """A call's part: calls are numbered as they come, but Anthropic's have begun in order."""
    if part.startswith("call") and name != "anthropic":
        return "call 1" if before.startswith("call") else "call 0"
    return part


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_an_event_that_is_not_utf_8_fails_and_says_nothing(name: str, part: str) -> None:
    payloads = payloads_of(name, (part, "good"), (part, "a\udcffb"))
    wire = b"".join(framed(name, payload) for payload in (*BEGINNINGS.get(name, ()), payloads[0])) + _unframed(
        name, payloads[1]
    )
    decoder = registry.get(name).decoder(
        ResponseHead(200, {"content-type": STREAM_TYPES.get(name, "text/event-stream")})
    )
    events = decoder.feed(wire)
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.PROTOCOL
    assert "a" not in "".join(str(getattr(event, "text", "")) for event in events)


def _unframed(name: str, payload: str) -> bytes:
    raw = payload.encode("utf-8", "surrogateescape")
    if name == "bedrock":
        return binary.frame({":message-type": "event", ":event-type": "contentBlockDelta"}, raw)
    return raw + b"\n" if name == "ollama" else b"data: " + raw + b"\n\n"


WHOLE_CALLS = {
    "anthropic": '{"type":"content_block_start","content_block":{"type":"tool_use","id":"c","input":{"x":"@"}}}',
    "gemini": '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"x":"@"}}}]}}]}',
    "ollama": '{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"x":"@"}}}]}}',
}


@pytest.mark.parametrize("name", WHOLE_CALLS)
def test_arguments_that_come_as_an_object_are_whole(name: str) -> None:
    call = WHOLE_CALLS[name].replace("@", f"a{HIGH}")
    after = ['{"type":"content_block_stop","index":0}'] if name == "anthropic" else []
    parts, _ = (
        said(name, [call, *after, PIECES[name]["end"]]) if name != "anthropic" else said_alone(name, [call, *after])
    )
    assert json.loads(parts["call 0"]) == {"x": "a\ufffd"}


def said_alone(name: str, payloads: list[str]) -> tuple[dict[str, str], Finished | None]:
    kept = BEGINNINGS.pop(name)
    try:
        return said(name, [*payloads, PIECES[name]["end"]])
    finally:
        BEGINNINGS[name] = kept


@pytest.mark.parametrize("name", WHOLE_CALLS)
def test_arguments_that_are_not_utf_8_fail(name: str) -> None:
    decoder = registry.get(name).decoder(
        ResponseHead(200, {"content-type": STREAM_TYPES.get(name, "text/event-stream")})
    )
    decoder.feed(_unframed(name, WHOLE_CALLS[name].replace("@", "a\udcffb")))
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.PROTOCOL


def test_a_broken_stream_keeps_the_half_for_the_answer_that_replays_it() -> None:
    """A replay says the whole character: what was delivered must not say another one."""
    decoder = registry.get("openai").decoder(ResponseHead(200, {"content-type": "text/event-stream"}))
    events = decoder.feed(framed("openai", PIECES["openai"]["text"].replace("@", f"a{HIGH}"))) + decoder.end()
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["a"]
    assert decoder.failure is not None


def test_the_chunks_of_an_array_are_joined_like_those_of_a_stream() -> None:
    pieces = PIECES["gemini"]
    chunks = [pieces["text"].replace("@", f"a{HIGH}"), pieces["text"].replace("@", f"{LOW}b"), pieces["end"]]
    decoder = registry.get("gemini").decoder(ResponseHead(200, {"content-type": "application/json"}))
    events = decoder.feed(f"[{','.join(chunks)}]".encode()) + decoder.end()
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "a😀b"
    assert decoder.finish is not None


def test_a_whole_answer_has_no_other_half() -> None:
    body = r'{"choices":[{"message":{"content":"a\ud83d"},"finish_reason":"stop"}]}'
    decoder = registry.get("openai").decoder(ResponseHead(200, {"content-type": "application/json"}))
    events = decoder.feed(body.encode()) + decoder.end()
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "a\ufffd"


def test_after_the_other_half_events_take_the_fast_road_again() -> None:
    decoder = registry.get("openai").decoder(ResponseHead(200, {"content-type": "text/event-stream"}))
    assert isinstance(decoder, EventStreamDecoder)
    for text, waits in ((f"a{HIGH}", True), (f"{LOW}b", False), ("c", False)):
        decoder.feed(framed("openai", PIECES["openai"]["text"].replace("@", text)))
        assert (decoder._halves is not None) is waits
        assert decoder._between_events is not waits


# Decoders of others


class Parrot(EventStreamDecoder):
    """As another author would write it, with no thought of halves."""

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        said = decode_json(data, str)
        if said:
            events.append(TextDelta(said))
        else:
            self.finish = Finished("stop")


class LineParrot(LineDecoder):
    def _payload(self, data: bytes, events: list[ProviderEvent]) -> None:
        Parrot._payload(self, data, "", events)  # type: ignore[arg-type]


HALVES = st.sampled_from(
    [HIGH, LOW, "a", "\\\\", r"\ud83d\ude00", r"\uDBFF", r"\udc00", "é", "\ufdd0", r"\ufdd1", "x" * 40]
)
TEXTS = st.lists(st.lists(HALVES, min_size=1, max_size=5).map("".join), max_size=8)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 60))
@example([HIGH, LOW], 1)
def test_a_decoder_of_a_plug_in_says_what_the_texts_say_together(texts: list[str], size: int) -> None:
    together = without_halves("".join(json.loads(f'"{text}"') for text in texts))
    for decoder, frame in ((Parrot(), b'data: "%b"\n\n'), (LineParrot(), b'"%b"\n')):
        wire = b"".join(frame % text.encode() for text in (*texts, ""))
        events: list[ProviderEvent] = []
        for at in range(0, len(wire), size):
            events += decoder.feed(wire[at : at + size])
        events += decoder.end()
        assert decoder.failure is None
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == together


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["\ud83d", "\ude00", "\udbff", "\udc00", "a", "é", "😀"]), max_size=8).map("".join))
def test_characters_are_put_together_as_utf_16_does(text: str) -> None:
    assert without_halves(text) == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def test_what_is_joined_for_one_half_is_kept_for_the_next() -> None:
    decoder = Parrot()
    joiners = set()
    for _ in range(5):
        decoder.feed(b'data: "a\\ud83d"\n\ndata: "\\ude00"\n\n')
        joiners.add(id(decoder._joiner))
        assert decoder._halves is None
    assert len(joiners) == 1


def kept(payload: bytes) -> Any:
    """What JSON says, with its halves as lone surrogates."""
    marked, mark = with_marks(payload)
    return without_marks(msgspec.json.decode(marked, type=str), mark)


@settings(max_examples=300, deadline=None)
@given(st.lists(HALVES, max_size=8).map("".join))
def test_marked_json_says_what_the_json_says(text: str) -> None:
    exactly, payload = json.loads(f'"{text}"'), f'"{text}"'.encode()
    assert kept(payload) == exactly
    assert decode_kindly(payload) == without_halves(exactly)
    joins = "\ud800" <= exactly[-1:] <= "\udbff", "\udc00" <= exactly[:1] <= "\udfff"
    try:
        assert decode_json(payload) == without_halves(exactly)
        assert not any(joins)
    except SplitCharacter:
        assert any(joins)


@pytest.mark.parametrize("write", [str, lambda mark: f"\\u{ord(mark):04X}"], ids=["raw", "escaped"])
def test_a_text_that_holds_every_mark_is_read_all_the_same(write: Callable[[str], str]) -> None:
    marks = "".join(map(chr, range(0xFDD0, 0xFDF0)))
    assert kept(f'"{"".join(map(write, marks))}{HIGH}"'.encode()) == marks + "\ufffd"
    assert kept(f'"{"".join(map(write, marks[1:]))}{HIGH}"'.encode()) == marks[1:] + "\ud83d"


def test_a_value_as_it_was_written_and_the_text_of_an_error_hold_no_halves() -> None:
    marked, _ = with_marks(rb'{"text":"a\ud83d"}')
    for written in (rb'{"text":"a\ud83d"}', bytes(marked)):
        assert json_text(msgspec.Raw(written)) == '{"text":"a\ufffd"}'
        assert whole_text(msgspec.json.decode(marked)["text"]) == "a\ufffd"


@pytest.mark.parametrize("name", ["openai", "anthropic", "openai-responses", "cohere", "ollama"])
def test_the_words_of_an_error_hold_no_halves(name: str) -> None:
    error = r'{"type":"error","error":{"type":"x","message":"bad \ud83d"}}'
    kind = STREAM_TYPES.get(name, "text/event-stream")
    decoder = registry.get(name).decoder(ResponseHead(200, {"content-type": kind}))
    decoder.feed(framed(name, error))
    assert decoder.failure is not None
    assert decoder.failure.provider_message == "bad \ufffd"


def test_what_else_is_wrong_is_told() -> None:
    for payload in (rb'["\ud83d", NaN]', rb'"\ud83d'):
        with pytest.raises(UNDECODABLE):
            msgspec.json.decode(with_marks(payload)[0])
