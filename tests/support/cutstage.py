"""Whole answers as they were recorded, cut at any byte, and a second target that goes on in one of three ways."""

import asyncio
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from standby.providers import ResponseHead, WireRequest, registry

from standby import ErrorKind, ProviderError, ReasoningDelta, TextDelta

WIRE = Path(__file__).parents[1] / "fixtures" / "wire"
TRANSCRIPTS = {
    "anthropic": "anthropic/no_event_lines.sse",
    "bedrock": "bedrock/success.bin",
    "cohere": "cohere/success.sse",
    "gemini": "gemini/success_crlf.sse",
    "koala": "koala/success.sse",
    "mistral": "mistral/success.sse",
    "ollama": "ollama/success.ndjson",
    "ollama-v1": "ollama-v1/success_reasoning.sse",  # the dialect of OpenAI; it thinks first
}
FAULTS = ("fin", "rst", "stall")
SECONDS = ("same", "else", "on")
"""What the second target says: the same answer, something else, or how the delivered part goes on."""
ELSE = "Something else altogether."


@dataclass(frozen=True)
class Cut:
    """What a caller can know of the first `place` bytes of a transcript.

    Attributes:
        useful: How many useful deltas.
        ended: The answer is whole all the same: its end marker was seen, or, where the dialect has none, a clean end.
    """

    text: str
    useful: int
    ended: bool


@dataclass(frozen=True)
class Transcript:
    """A recorded whole answer."""

    provider: str
    head: ResponseHead
    body: bytes
    text: str
    cuts: dict[str, tuple[Cut, ...]]  # by fault, then by place


@cache
def transcript(provider: str) -> Transcript:
    directory, _, name = TRANSCRIPTS[provider].partition("/")
    case = json.loads((WIRE / directory / "expected.json").read_bytes())[name]
    head, body = ResponseHead(200, case["headers"], 0.0), (WIRE / directory / name).read_bytes()
    assert case["expect"]["outcome"] == "complete"
    places = range(len(body) + 1)
    broken = tuple(_cut(provider, head, body[:place], clean=False) for place in places)
    clean = tuple(_cut(provider, head, body[:place], clean=True) for place in places)
    cuts = {"fin": clean, "rst": broken, "stall": broken}
    return Transcript(provider, head, body, case["expect"]["text"], cuts)


def _cut(provider: str, head: ResponseHead, data: bytes, *, clean: bool) -> Cut:
    decoder = registry.get(provider).decoder(head)
    events = [*decoder.feed(data), *(decoder.end() if clean else ())]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    useful = [event for event in events if isinstance(event, TextDelta | ReasoningDelta)]
    return Cut(text, len(useful), decoder.finish is not None)


class Scene:
    """The two targets at one position: what the first is cut at, and what the second says and has said."""

    answer: Transcript
    place: int
    fault: str
    second: str
    said: list[str]

    def speak(self, body: bytes) -> bytes:
        """The second target's answer to a request."""
        messages = json.loads(body)["messages"]
        prefilled = messages[-1]["role"] == "assistant"  # asked in words, it says all of it again first
        delivered = messages[-1]["content"] if prefilled else ""
        words = {"same": self.answer.text, "else": ELSE, "on": self.answer.text[len(delivered) :]}[self.second]
        self.said.append(words)
        return spoken(words)


@cache
def spoken(words: str) -> bytes:
    """A whole answer of these words, in two deltas."""
    half = len(words) // 2
    chunks = [{"delta": {"content": piece}} for piece in (words[:half], words[half:]) if piece]
    events = [{"choices": [choice]} for choice in [*chunks, {"delta": {}, "finish_reason": "stop"}]]
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


class Wire:
    """The transport of both targets of a scene."""

    open_now = 0

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> "Exchange":
        scene = self.scene
        if wire.url.startswith("https://first"):
            data = scene.answer.body[: scene.place]
            middle = scene.place * 7 // 11 if scene.place % 2 else 0  # in one read, or in two
            reads = [piece for piece in (data[:middle], data[middle:]) if piece]
            return Exchange(scene.answer.head, reads, scene.fault)
        return Exchange(ResponseHead(200, {"content-type": "text/event-stream"}, 0.0), [scene.speak(wire.body)], "fin")

    async def aclose(self) -> None:
        """Nothing is open."""


class Exchange:
    """Gives its reads, then its fault. A clean end is that of an unframed body."""

    framed = ended = False

    def __init__(self, head: ResponseHead, reads: list[bytes], fault: str) -> None:
        self.head, self._reads, self._fault = head, reads, fault
        self._stalled: asyncio.Future[bytes] | None = None
        self._closed = False
        Wire.open_now += 1

    async def read(self) -> bytes:
        if self._reads:
            return self._reads.pop(0)
        if self._fault == "rst":
            raise ProviderError(ErrorKind.TRUNCATED, "reset")
        if self._fault == "fin":
            return b""
        self._stalled = asyncio.get_running_loop().create_future()
        return await self._stalled

    async def read_until(self, until_s: float) -> bytes | None:
        try:
            async with asyncio.timeout_at(until_s):
                return await self.read()
        except TimeoutError:
            return None

    def interrupt(self, error: ProviderError) -> None:
        if self._stalled is not None and not self._stalled.done():
            self._stalled.set_exception(error)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            Wire.open_now -= 1

    release = close
