"""The bytes that the upstream sends: OpenAI chat completions, made once, before anything is measured.

A script, named by the path of the request, says what is sent and how it is cut into writes. An event is about 255 bytes
long, as OpenAI's own are, and stands in an HTTP chunk of its own. The texts differ: some clients give up on a stream
that repeats itself.
"""

import json
import re
from functools import cached_property
from typing import Any, Self

import msgspec

MODEL = "gpt-5-mini"
ANSWER = " ".join(f"The sky scatters blue light, sentence {number}." for number in range(10))
"""What a call with one JSON body is answered."""

EVENT_BYTES = 255
"""As long as OpenAI's own events are on average."""

_BARE_BYTES = 226  # of an event without text and padding
_WORDS = ("light", "air", "blue", "scatter", "wave", "short", "sun", "eye", "sky", "red", "evening", "dust", "angle")
_SEGMENT = re.compile(r"(stream|cut)-d(\d+)-e(\d+)-g(\d+)-s(\d+)")
_FLOOD_EVENTS = 64  # in one write of a flood


class Script(msgspec.Struct, frozen=True, dict=True):
    """What the upstream sends to a request.

    Attributes:
        kind: `stream`, `cut` (a stream that breaks off after its deltas), `single` (one JSON body), `refuse` (status
            500), `hold` (one delta, then silence), `flood` (deltas without end, as fast as they are taken), or `either`
            (`hold` to a request for a stream, else `single`).
        deltas: Of a stream.
        per_write: How many events go into one write.
        gap_us: From one write of a stream to its next, in microseconds; 0: as fast as the upstream's loop turns.
        spread: Over how many moments within a gap the streams are spread: 1 lets all write at once, which costs a
            client few wake-ups; 32 lets each of 32 streams wake it by itself.
    """

    kind: str
    deltas: int = 0
    per_write: int = 1
    gap_us: int = 0
    spread: int = 1

    @classmethod
    def named(cls, segment: str) -> Self:
        """The script that the first segment of a path names.

        Raises:
            ValueError: There is no such script.
        """
        if segment in ("single", "refuse", "hold", "flood", "either"):
            return cls(segment)
        found = _SEGMENT.fullmatch(segment)
        if found is None:
            raise ValueError(f"no script is named {segment!r}")
        kind, *numbers = found.groups()
        return cls(kind, *map(int, numbers))

    def asked_with(self, body: bytes) -> "Script":
        """The script by which a request with this body is answered."""
        if self.kind != "either":
            return self
        return _HOLD if b'"stream":true' in body else _SINGLE

    @property
    def segment(self) -> str:
        """The first segment of the path that asks for it."""
        if self.kind in ("stream", "cut"):
            return f"{self.kind}-d{self.deltas}-e{self.per_write}-g{self.gap_us}-s{self.spread}"
        return self.kind

    @property
    def text(self) -> str:
        """What the answer says in all."""
        match self.kind:
            case "single":
                return ANSWER
            case "hold":
                return _text(0)
        return "".join(map(_text, range(self.deltas)))

    @cached_property
    def writes(self) -> tuple[bytes, ...]:
        """Each is handed to the transport in one piece."""
        match self.kind:
            case "single":
                return (_whole(200, _single()),)
            case "refuse":
                return (_whole(500, {"error": {"message": "The server had an error", "type": "server_error"}}),)
            case "hold":
                return (_HEAD + _opening() + _delta(0),)
            case "flood":
                return (_HEAD + _opening() + _delta(0), b"".join(_delta(number) for number in range(_FLOOD_EVENTS)))
        events = [_delta(number) for number in range(self.deltas)]
        groups = [b"".join(events[at : at + self.per_write]) for at in range(0, self.deltas, self.per_write)]
        opening = _HEAD + _opening()
        return (opening, *groups) if self.kind == "cut" else (opening, *groups, _closing(self.deltas))


_HOLD, _SINGLE = Script("hold"), Script("single")

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req_bench\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)


def _whole(status: int, body: dict[str, Any]) -> bytes:
    payload = json.dumps(body, separators=(",", ":")).encode()
    head = f"HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\n"
    return f"{head}content-length: {len(payload)}\r\n\r\n".encode() + payload


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(choices: list[dict[str, Any]], usage: dict[str, int] | None = None, padding: str = "") -> bytes:
    body = {
        "id": "chatcmpl-BenchBenchBenchBenchBench00",
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": MODEL,
        "choices": choices,
        "usage": usage,
        "obfuscation": padding,
    }
    return _chunk(b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n")


def _choice(delta: dict[str, Any], finish_reason: str | None = None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "finish_reason": finish_reason}]


def _opening() -> bytes:
    return _event(_choice({"role": "assistant", "content": "", "refusal": None}))


def _text(number: int) -> str:
    return f" {_WORDS[number % len(_WORDS)]}{number // len(_WORDS)}"


def _delta(number: int) -> bytes:
    text = _text(number)
    return _event(_choice({"content": text}), padding="x" * (EVENT_BYTES - _BARE_BYTES - len(text)))


def _closing(deltas: int) -> bytes:
    usage = {"prompt_tokens": 12, "completion_tokens": deltas, "total_tokens": 12 + deltas}
    return _event(_choice({}, "stop")) + _event([], usage) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def _single() -> dict[str, Any]:
    return {
        "id": "chatcmpl-BenchBenchBenchBenchBench00",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 100, "total_tokens": 112},
        "service_tier": "default",
        "system_fingerprint": None,
    }
