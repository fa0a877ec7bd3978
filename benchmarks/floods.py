"""Hostile input from an upstream: the hardest of each kind for every codec, decoder, seam and transcript.

Each is played a step at a time, as the loop would: a step ends where the loop turns. The tests count what the steps do
at several sizes; `growth` measures them.
"""

import json
import random
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
from standby.providers import registry
from standby.providers.codecs import NDJSONDecoder, SSEDecoder, decode_kindly
from standby.providers.dialects.bedrock_eventstream import FrameDecoder
from standby.providers.events import ProviderEvent, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from standby.providers.http.body import PIECE_MAX_BYTES
from standby.providers.http.inflater import Inflater
from standby.providers.provider import Decoder, ResponseHead
from standby.router.engine.held_back import HeldBack
from standby.router.failover.delivered import Relayed
from standby.router.failover.seam import Continuation, Replay
from standby.router.result.answer import collect
from standby.router.result.report import Report
from standby.router.result.transcript import Transcript
from standby.simulator.dialects import binary


class Flood(msgspec.Struct, frozen=True):
    """One input, of any size.

    Attributes:
        room: Which part of the product it is for: a row of the table.
        said: What it is made of.
        made: Makes so many bytes of it.
        played: Plays what was made; yields after each step how many bytes it was about.
    """

    room: str
    said: str
    made: Callable[[int], Any]
    played: Callable[[Any], Iterator[int]]

    @property
    def name(self) -> str:
        return f"{self.room}: {self.said}"


STREAM_TYPES = {"ollama": "application/x-ndjson", "bedrock": "application/vnd.amazon.eventstream"}

TEXTS = {
    "openai": '{"choices":[{"delta":{"content":"@"}}]}',
    "anthropic": '{"type":"content_block_delta","delta":{"type":"text_delta","text":"@"}}',
    "gemini": '{"candidates":[{"content":{"parts":[{"text":"@"}]}}]}',
    "openai-responses": '{"type":"response.output_text.delta","delta":"@"}',
    "ollama": '{"message":{"content":"@"}}',
    "cohere": '{"delta":{"message":{"content":{"text":"@"}}}}',
    "bedrock": '{"delta":{"text":"@"}}',
    "koala": '"@"',
}
"""An event of each dialect that says a piece of text."""

OTHERS = {
    (
        "openai",
        "calls without an index",
    ): '{"choices":[{"delta":{"tool_calls":[{"id":"c#","function":{"name":"f"}}]}}]}',
    (
        "openai",
        "pieces of arguments",
    ): '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"@"}}]}}]}',
    ("openai", "counts in each chunk"): '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":#}}',
    ("openai", "chunks that say nothing"): "{}",
    ("openai", "chunks in an odd dress"): '{"choices":[{"delta":{"content":[{"type":"text","text":"@"}]}}]}',
    ("anthropic", "calls"): '{"type":"content_block_start","index":#,"content_block":{"type":"tool_use","id":"c#"}}',
    ("anthropic", "events of an unknown type"): '{"type":"x","index":"x"}',
    ("gemini", "calls"): '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]}}]}',
    ("gemini", "thoughts with their state"): (
        '{"candidates":[{"content":{"parts":[{"text":"@","thought":true,"thoughtSignature":"s"}]}}]}'
    ),
    ("openai-responses", "items of thinking with their state"): (
        '{"type":"response.output_item.done","output_index":#,"item":{"type":"reasoning","encrypted_content":"x",'
        '"summary":[{"text":"a"}]}}'
    ),
    ("openai-responses", "events of an unknown type"): '{"type":"x","delta":1}',
    ("ollama", "calls"): '{"message":{"tool_calls":[{"function":{"name":"f"}}]}}',
    ("cohere", "calls"): '{"index":#,"delta":{"message":{"tool_calls":{"id":"c#","function":{"name":"f"}}}}}',
    ("cohere", "events that say nothing"): "{}",
    ("bedrock", "calls"): '{"contentBlockIndex":#,"delta":{"toolUse":{"toolUseId":"c#","name":"f"}}}',
    ("bedrock", "events that say nothing"): "{}",
}
"""More of what an event may say; `#` is its number."""

BODIES = {
    "openai": ('{"choices":[{"finish_reason":"stop","message":{"content":[', '{"type":"text","text":"@"}', "]}}]}"),
    "anthropic": ('{"stop_reason":"end_turn","content":[', '{"type":"thinking","thinking":"@"}', "]}"),
    "gemini": ('{"candidates":[{"finishReason":"STOP","content":{"parts":[', '{"text":"@"}', "]}}]}"),
    "openai-responses": (
        '{"status":"completed","output":[',
        '{"type":"reasoning","summary":[{"text":"@"}],"encrypted_content":"x"}',
        "]}",
    ),
    "cohere": ('{"finish_reason":"COMPLETE","message":{"content":[', '{"thinking":"@"}', "]}}"),
    "bedrock": ('{"stopReason":"end_turn","output":{"message":{"content":[', '{"text":"@"}', "]}}}"),
    "koala": ('{"output":"', "@", '"}'),
}
"""A whole answer of each dialect that has many parts: its beginning, one part, its end."""


def framed(dialect: str, payload: str) -> bytes:
    if dialect == "bedrock":
        return binary.frame({":event-type": "contentBlockDelta"}, payload.encode())
    return payload.encode() + b"\n" if dialect == "ollama" else b"data: " + payload.encode() + b"\n\n"


EVENT_BYTES = 64
"""What one event is taken to be of, on the wire."""


def pieces(data: bytes) -> Iterator[bytes]:
    """As `Exchange.read` gives what has piled up."""
    return (data[at : at + PIECE_MAX_BYTES] for at in range(0, len(data), PIECE_MAX_BYTES))


# What is made


def repeated(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


def numbered(dialect: str, event: str, size: int) -> bytes:
    """Events, each with its number."""
    told = [framed(dialect, event.replace("@", "a").replace("#", "0"))]
    count = size // len(told[0])
    return b"".join(framed(dialect, event.replace("@", "a").replace("#", str(n))) for n in range(count))


def one_event(dialect: str, event: str, size: int) -> bytes:
    """A single event with a text that long: at most as long as one may be."""
    return framed(dialect, event.replace("@", "x" * size))


def halves(pair: tuple[str, str], dialect: str, event: str, size: int) -> bytes:
    """Events that each end or begin within a character."""
    return repeated(b"".join(framed(dialect, event.replace("@", half)) for half in pair), size)


def body(parts: tuple[str, str, str], size: int) -> bytes:
    begin, part, end = parts
    said = part.replace("@", "some words of text ")
    joint = "" if part == "@" else ","
    return (begin + joint.join([said] * max(1, size // len(said))) + end).encode()


def packed(size: int) -> bytes:
    """Text that is compressed about fourfold."""
    words = random.Random(1)
    return zlib.compress(b"".join(b"%08d " % words.randrange(10**4) for _ in range(size // 9)), 9)


def error(size: int) -> bytes:
    """A refusal with a long message, full of hints: as much as is ever read of one."""
    return json.dumps({"error": {"message": "try again in 1s " * (min(size, 64 * 1024) // 16)}}).encode()


def counted(size: int) -> list[ProviderEvent]:
    return [event for _ in range(size // EVENT_BYTES // 2) for event in (TextDelta("word "), Usage(1, 2))]


def deltas(piece: ProviderEvent, size: int) -> list[ProviderEvent]:
    return [piece] * (size // EVENT_BYTES)


# How it is played


def lines(make: Callable[[], Any], data: bytes) -> Iterator[int]:
    codec = make()
    for piece in pieces(data):
        codec.feed(piece)
        yield len(piece)


def stream(dialect: str, data: bytes) -> Iterator[int]:
    kind = STREAM_TYPES.get(dialect, "text/event-stream")
    yield from _decoded(registry.get(dialect).decoder(ResponseHead(200, {"content-type": kind})), data)


def whole(dialect: str, data: bytes) -> Iterator[int]:
    kind = {"content-type": "application/json"}
    yield from _decoded(registry.get(dialect).decoder(ResponseHead(200, kind)), data)


def _decoded(decoder: Decoder, data: bytes) -> Iterator[int]:
    heard = Transcript()
    for piece in pieces(data):
        heard.add(decoder.feed(piece))
        assert decoder.failure is None, decoder.failure
        yield len(piece)
    heard.add(decoder.end())
    yield len(data)


def inflated(data: bytes) -> Iterator[int]:
    inflater = Inflater("deflate")
    for piece in pieces(data):
        inflater.feed(piece)
        while inflated := inflater.take():
            yield len(inflated)


def refused(dialect: str, data: bytes) -> Iterator[int]:
    registry.get(dialect).error_for(ResponseHead(400, {"content-type": "application/json"}), data)
    yield len(data)


def kindly(data: bytes) -> Iterator[int]:
    decode_kindly(data)
    yield len(data)


def transcribed(events: list[ProviderEvent]) -> Iterator[int]:
    transcript = Transcript()
    for event in events:
        transcript.add([event])
    transcript.add(list(events))
    yield EVENT_BYTES * len(events)


def joined(make: Callable[[Relayed], Any], events: list[ProviderEvent]) -> Iterator[int]:
    seam = make(Relayed([events]))
    for event in events:
        seam.feed([event])
    yield EVENT_BYTES * len(events)


def read_again(events: list[ProviderEvent]) -> Iterator[int]:
    Relayed([events])
    yield EVENT_BYTES * len(events)


def held_back(events: list[ProviderEvent]) -> Iterator[int]:
    held = HeldBack()
    for event in events:
        held.add([event])
    yield EVENT_BYTES * len(events)


def collected(events: list[ProviderEvent]) -> Iterator[int]:
    collect(events, Report("c", "r", []), lambda: None)
    yield EVENT_BYTES * len(events)


def _continuation(relayed: Relayed) -> Continuation:
    return Continuation(relayed.text)


FRAME = binary.frame({":event-type": "x", ":message-type": "event"}, b"{}")


_PAIRS = {
    "halves of characters": (r"a\ud83d", r"\ude00"),
    "halves that stay alone": (r"\ud83d", r"\uD83D"),
    "halves behind backslashes": (r"\\\ud83d", r"\ude00"),
}
"""In each of two events that follow upon each other."""

_HALF_IN_TEXT = rb"\ud83d" + b"x" * 80
"""As many as one event may hold, at the largest of sizes."""


def floods() -> list[Flood]:
    """All of them, in the order of the table."""
    return [*_codecs(), *(flood for dialect in TEXTS for flood in _dialect(dialect)), *_router()]


def _codecs() -> Iterator[Flood]:
    empty = binary.frame({}, b"")
    for room, codec, units in (
        ("sse", SSEDecoder, {
            "blank lines": b"\n", "carriage returns": b"\r", "comments": b":\n", "stray lines": b"}\n",
            "empty data lines": b"data:\n", "ids": b"id:\n", "small events": b"data:1\n\n", "one long line": b"x",
        }),
        ("ndjson", NDJSONDecoder, {"blank lines": b"\n", "short lines": b"1\n", "one long line": b"x"}),
        ("event-stream", FrameDecoder, {"empty frames": empty, "small frames": FRAME}),
    ):  # fmt: skip
        for said, unit in units.items():
            yield Flood(room, said, partial(repeated, unit), partial(lines, codec))
    yield Flood("inflater", "text", packed, inflated)
    yield Flood("json", "halves of characters", lambda size: b'"%b"' % repeated(_HALF_IN_TEXT, size), kindly)
    yield Flood("json", "short texts", lambda size: b'[%b""]' % repeated(b'"abc",', size), kindly)


def _dialect(dialect: str) -> Iterator[Flood]:
    event, played = TEXTS[dialect], partial(stream, dialect)
    yield Flood(dialect, "pieces of text", partial(numbered, dialect, event), played)
    for said, pair in _PAIRS.items():
        yield Flood(dialect, said, partial(halves, pair, dialect, event), played)
    yield Flood(dialect, "one long text", partial(one_event, dialect, event), played)
    for (of, said), other in OTHERS.items():
        if of == dialect:
            yield Flood(dialect, said, partial(numbered, dialect, other), played)
    if dialect == "gemini":
        yield Flood(dialect, "a bare error that never ends", partial(repeated, b"{\n"), played)
        yield Flood(dialect, "what is no error", lambda size: b"{x\n" + repeated(b"}\n", size), played)
    if dialect in BODIES:
        yield Flood(dialect, "a whole answer", partial(body, BODIES[dialect]), partial(whole, dialect))
    yield Flood(dialect, "an error", error, partial(refused, dialect))


def _router() -> Iterator[Flood]:
    pieces = {
        "text": TextDelta("word "),
        "thoughts": ReasoningDelta("hm "),
        "arguments": ToolCallDelta(0, arguments="{"),
    }
    for room, played in (
        ("transcript", transcribed),
        ("what was relayed", read_again),
        ("what is held", held_back),
        ("a collected answer", collected),
    ):
        for said, piece in pieces.items():
            yield Flood(room, said, partial(deltas, piece), played)
    for said, made in (
        ("text", partial(deltas, pieces["text"])),
        ("arguments", partial(deltas, pieces["arguments"])),
        ("counts in each chunk", counted),
    ):
        yield Flood("seam: replay", said, made, partial(joined, Replay))
    yield Flood("seam: continuation", "text", partial(deltas, pieces["text"]), partial(joined, _continuation))
