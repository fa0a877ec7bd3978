"""Put the parts of a whole answer in order: as they came, which is how they have to go back."""

import base64
import binascii
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from ...providers.events import (
    Finished,
    FinishReason,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from ...providers.parts import (
    AudioPart,
    Citation,
    FilePart,
    ImagePart,
    Logprobs,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
)
from .events import Restarted, StreamEvent


class _Text:
    __slots__ = ("phase", "pieces")

    def __init__(self, phase: str | None = None) -> None:
        self.phase = phase
        self.pieces: list[str] = []

    def whole(self) -> Part | None:
        text = "".join(self.pieces)
        return TextPart(text, phase=self.phase) if text else None


class _Refusal(_Text):
    __slots__ = ()

    def whole(self) -> Part | None:
        return RefusalPart("".join(self.pieces))


class _Thought:
    __slots__ = ("details", "pieces", "redacted", "signature")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.signature: str | None = None
        self.redacted: str | None = None
        self.details: list[str] = []

    def add(self, event: ReasoningDelta) -> None:
        self.pieces.append(event.text)
        self.signature = event.signature or self.signature
        self.redacted = event.redacted or self.redacted
        if event.details is not None:
            self.details.append(event.details)

    def whole(self) -> Part | None:
        return Reasoning("".join(self.pieces), self.signature, self.redacted, _joined_lists(self.details))


class _Call:
    __slots__ = ("arguments", "custom", "id", "name", "signature")

    def __init__(self) -> None:
        self.id, self.name, self.custom = "", "", False
        self.signature: str | None = None
        self.arguments: list[str] = []

    def add(self, event: ToolCallDelta) -> None:
        self.id, self.name = event.id or self.id, event.name or self.name
        self.custom = event.custom or self.custom
        self.signature = event.signature or self.signature
        self.arguments.append(event.arguments)

    def whole(self) -> Part | None:
        said = "".join(self.arguments)
        return ToolCall(self.id, self.name, said or ("" if self.custom else "{}"), self.signature, self.custom)


class _Audio:
    """Audio comes in pieces, each a data URL of its own."""

    __slots__ = ("id", "kind", "pieces", "transcript")

    def __init__(self) -> None:
        self.id: str | None = None
        self.kind = ""
        self.pieces: list[bytes] = []
        self.transcript: list[str] = []

    def add(self, piece: AudioPart) -> None:
        self.id = piece.id or self.id
        self.transcript.append(piece.transcript)
        if piece.data is not None:
            self.kind = self.kind or piece.data[0]
            with suppress(binascii.Error, ValueError):
                self.pieces.append(base64.b64decode(piece.data[1]))

    def whole(self) -> Part | None:
        said = base64.b64encode(b"".join(self.pieces)).decode()
        return AudioPart(f"data:{self.kind};base64,{said}" if said else "", self.id, "".join(self.transcript))


class Whole(msgspec.Struct):
    """An answer, put together.

    Attributes:
        parts: All of it that goes back in the next turn, in order.
        reason: Why the model stopped.
        logprobs: How likely its tokens were, as JSON text; None: it does not tell.
    """

    parts: tuple[Part, ...]
    reason: FinishReason | None
    logprobs: str | None


def put_together(events: Iterable[StreamEvent]) -> Whole:
    """Put the parts of an answer together: text without a break is one part, and so is each thought and each call.

    A refusal goes on until another part has begun.
    """
    parts: list[_Text | _Thought | _Call | _Audio | Part] = []
    thoughts: dict[int, _Thought] = {}
    calls: dict[int, _Call] = {}
    text: _Text | None = None  # the one that is open
    refusal: _Refusal | None = None
    audio: _Audio | None = None
    logprobs: list[str] = []
    reason: FinishReason | None = None
    for event in events:
        match event:
            case TextDelta():
                if text is None:
                    parts.append(text := _Text())
                    refusal = None
                text.pieces.append(event.text)
            case ReasoningDelta():
                if (thought := thoughts.get(event.index)) is None:
                    parts.append(thought := _Thought())
                    thoughts[event.index] = thought
                    text = refusal = None
                thought.add(event)
            case ToolCallDelta():
                if (call := calls.get(event.index)) is None:
                    parts.append(call := _Call())
                    calls[event.index] = call
                    text = refusal = None
                call.add(event)
            case RefusalDelta():
                if refusal is None:
                    parts.append(refusal := _Refusal())
                refusal.pieces.append(event.text)
            case PartAdded(TextPart() as begun):
                parts.append(text := _Text(begun.phase))
                refusal = None
                text.pieces.append(begun.text)
            case PartAdded(Logprobs() as told):
                logprobs.append(told.details)
            case PartAdded(Citation() as citation):  # it stands within its text, which may go on
                parts.append(citation)
            case PartAdded(AudioPart() as piece):
                if audio is None or (piece.id and audio.id and piece.id != audio.id):
                    parts.append(audio := _Audio())
                audio.add(piece)
            case PartAdded(ImagePart() | FilePart() | NativePart() as part):
                parts.append(part)
                text = refusal = None
            case Finished():
                reason = event.reason
            case _:
                pass
    whole = [part.whole() if isinstance(part, _Text | _Thought | _Call | _Audio) else part for part in parts]
    return Whole(tuple(part for part in whole if part is not None), reason, _joined_lists(logprobs))


def since_restart(batches: Iterable[Iterable[StreamEvent]]) -> list[StreamEvent]:
    """The events of an answer since it began anew last: what came before is void."""
    events: list[StreamEvent] = []
    for batch in batches:
        for event in batch:
            if type(event) is Restarted:
                events.clear()
            else:
                events.append(event)
    return events


def _joined_lists(texts: list[str]) -> str | None:
    """One JSON list of several, or of objects; None of none."""
    if len(texts) < 2:
        return texts[0] if texts else None
    inner = [text[1:-1].strip() if text.startswith("[") else text for text in texts]
    return f"[{','.join(filter(None, inner))}]"
