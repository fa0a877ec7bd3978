"""The content blocks of a simulated answer in Converse's words: how each begins, its pieces, and what it is as a whole.

The shapes are those of botocore's model: only calls, results and pictures have a start of their own.
"""

from typing import Any, TypeAlias

import msgspec

from ...providers.events import PartAdded, ReasoningDelta, ToolCallDelta, UsefulDelta
from ...providers.parts import Citation, ImagePart, NativePart, TextPart
from ..scenario.reply import Answer
from .said import said

_Object: TypeAlias = dict[str, Any]
_PIECE = 6
_WORDS = frozenset(
    {
        "Citation", "ImagePart", "NativePart", "Reasoning", "Reasoning.redacted", "Reasoning.signature", "RefusalPart",
        "ToolCall",
    }
)  # fmt: skip


class SaidBlock(msgspec.Struct):
    """One block.

    Attributes:
        key: What tells it from the next: its kind, and for thoughts and calls which one.
        start: What its start holds; empty: it has none.
        pieces: Its deltas.
    """

    key: str
    start: _Object = {}
    pieces: list[_Object] = []

    @property
    def is_call(self) -> bool:
        """Whether it is a call of the caller's tool."""
        return "type" not in self.start.get("toolUse", {"type": ""})

    def whole(self) -> _Object:
        """All of it, as a whole answer has it."""
        if "toolUse" in self.start:
            written = "".join(piece["toolUse"]["input"] for piece in self.pieces)
            try:
                arguments = msgspec.json.decode(written or "{}", type=_Object)
            except msgspec.DecodeError:
                raise ValueError("Converse holds arguments that are a JSON object, nothing else") from None
            return {"toolUse": {**self.start["toolUse"], "input": arguments}}
        if "toolResult" in self.start:
            return {"toolResult": {**self.start["toolResult"], "content": self.pieces[0]["toolResult"]}}
        if "image" in self.start:
            return {"image": self.start["image"] | self.pieces[0]["image"]}
        if self.key.startswith("reasoning"):
            return {"reasoningContent": _thought([piece["reasoningContent"] for piece in self.pieces])}
        text = "".join(piece.get("text", "") for piece in self.pieces)
        citations = [piece["citation"] for piece in self.pieces if "citation" in piece]
        return (
            {"citationsContent": {"content": [{"text": text}], "citations": citations}} if citations else {"text": text}
        )


def blocks_of(answer: Answer) -> list[SaidBlock]:
    """The blocks of an answer in their order.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    blocks: list[SaidBlock] = []
    key = ""  # of the block that is open
    for event in said(answer, "Converse", _WORDS):
        if not isinstance(event, PartAdded):
            if key != (key := _key(event)):
                blocks.append(SaidBlock(key, _start(event)))
            blocks[-1].pieces += _pieces(event)
            continue
        match event.part:
            case TextPart():
                key = ""
            case Citation(details=str(details)) if blocks and blocks[-1].key == "text":
                blocks[-1].pieces.append({"citation": msgspec.Raw(details.encode())})
            case NativePart(details=details):
                blocks.append(_native(msgspec.json.decode(details, type=_Object)))
                key = ""
            case ImagePart() as image if image.data is not None:
                kind, data = image.data
                start = {"image": {"format": kind.removeprefix("image/")}}
                blocks.append(SaidBlock("image", start, [{"image": {"source": {"bytes": data}}}]))
                key = ""
            case _:
                raise ValueError(f"Converse has no {type(event.part).__name__} here")
    return blocks


def _key(event: UsefulDelta) -> str:
    if isinstance(event, ToolCallDelta):
        return f"call {event.index}"
    return f"reasoning {event.index}" if isinstance(event, ReasoningDelta) else "text"


def _start(event: UsefulDelta) -> _Object:
    return {"toolUse": {"toolUseId": event.id, "name": event.name}} if isinstance(event, ToolCallDelta) else {}


def _pieces(event: UsefulDelta) -> list[_Object]:
    if isinstance(event, ToolCallDelta):
        return [] if event.name is not None else [{"toolUse": {"input": event.arguments}}]
    if not isinstance(event, ReasoningDelta):
        return [{"text": event.text}]
    if event.redacted is not None:
        return [{"reasoningContent": {"redactedContent": event.redacted}}]
    said = {"signature": event.signature} if event.signature is not None else {"text": event.text}
    return [{"reasoningContent": said}]


def _thought(pieces: list[_Object]) -> _Object:
    for piece in pieces:
        if "redactedContent" in piece:
            return piece
    text = "".join(piece.get("text", "") for piece in pieces)
    signature = next((piece["signature"] for piece in pieces if "signature" in piece), None)
    return {"reasoningText": {"text": text, **({"signature": signature} if signature else {})}}


def _native(block: _Object) -> SaidBlock:
    member = next(iter(block))
    inner = dict(block[member])
    if member == "toolUse":
        written = msgspec.json.encode(inner.pop("input")).decode()
        pieces = [{"toolUse": {"input": written[at : at + _PIECE]}} for at in range(0, len(written), _PIECE)]
        return SaidBlock("native", {"toolUse": inner}, pieces)
    if member == "toolResult":
        content = inner.pop("content")
        return SaidBlock("native", {"toolResult": inner}, [{"toolResult": content}])
    raise ValueError(f"Converse streams no {member}")
