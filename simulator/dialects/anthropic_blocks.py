"""The content blocks of a simulated answer in Anthropic's words: how each begins, its pieces, and what it is whole.

The shapes are those that the official SDK puts together: the input of a call comes as pieces of JSON, and of a block
of the provider's own, too. A block of thinking ends with a signature, as it always does.
"""

from typing import Any, TypeAlias

import msgspec

from ...providers.events import PartAdded, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, UsefulDelta
from ...providers.parts import Citation, NativePart, TextPart
from ..scenario.reply import Answer
from .said import said

SIGNATURE = "c2ltdWxhdGVk"
_Object: TypeAlias = dict[str, Any]
_PIECE = 6
_WORDS = frozenset(
    {
        "Citation", "NativePart", "Reasoning", "Reasoning.redacted", "Reasoning.signature", "ToolCall",
        "ToolCall.signature",
    }
)  # fmt: skip


class SaidBlock(msgspec.Struct):
    """One block.

    Attributes:
        start: As its start has it.
        pieces: Its deltas.
        said: The member of a delta that holds what is said; empty: none does.
        key: What tells it from the next: its type, and for thoughts and calls which one.
    """

    start: _Object
    key: str = ""
    said: str = ""
    pieces: list[_Object] = []

    @property
    def is_call(self) -> bool:
        """Whether it is a call of the caller's tool."""
        return self.start.get("type") == "tool_use"

    def whole(self) -> _Object:
        """All of it, as a whole message has it."""
        block = dict(self.start)
        arguments = "".join(piece["partial_json"] for piece in self.pieces if "partial_json" in piece)
        if arguments:
            block["input"] = msgspec.Raw(arguments.encode())
        for piece in self.pieces:
            match piece:
                case {"text": str(text)} | {"thinking": str(text)}:
                    block[self.said] += text
                case {"signature": str(signature)}:
                    block["signature"] = signature
                case {"citation": citation}:
                    block["citations"] = [*block.get("citations", ()), citation]
                case _:
                    pass
        return block


def blocks_of(answer: Answer) -> list[SaidBlock]:
    """The blocks of an answer in their order.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    blocks: list[SaidBlock] = []
    key = ""  # of the block that is open
    for event in said(answer, "Anthropic's wire", _WORDS):
        if not isinstance(event, PartAdded):
            if key != (key := _key(event)):
                blocks.append(_begun(event, key))
            blocks[-1].pieces += _pieces(event)
            continue
        match event.part:
            case TextPart():
                key = ""
            case Citation(details=str(details)) if blocks and blocks[-1].said == "text":
                blocks[-1].pieces.append({"type": "citations_delta", "citation": msgspec.Raw(details.encode())})
            case NativePart(details=details):
                blocks.append(_native(details))
                key = ""
            case _:
                raise ValueError(f"Anthropic's wire has no {type(event.part).__name__} here")
    for block in blocks:
        if block.said == "thinking" and not any("signature" in piece for piece in block.pieces):
            block.pieces.append({"type": "signature_delta", "signature": SIGNATURE})
    return blocks


def _key(event: UsefulDelta) -> str:
    match event:
        case TextDelta():
            return "text"
        case ReasoningDelta():
            return f"thinking {event.index}"
        case ToolCallDelta():
            return f"tool_use {event.index}"
        case RefusalDelta():
            raise TypeError("this wire has no refusal texts")


def _begun(event: UsefulDelta, key: str) -> SaidBlock:
    if isinstance(event, ToolCallDelta):
        more = {} if event.signature is None else msgspec.json.decode(event.signature, type=_Object)
        return SaidBlock({"type": "tool_use", "id": event.id, "name": event.name, "input": {}, **more}, key)
    if isinstance(event, ReasoningDelta) and event.redacted is not None:
        return SaidBlock({"type": "redacted_thinking", "data": event.redacted}, key)
    if isinstance(event, ReasoningDelta):
        return SaidBlock({"type": "thinking", "thinking": "", "signature": ""}, key, "thinking")
    return SaidBlock({"type": "text", "text": ""}, key, "text")


def _pieces(event: UsefulDelta) -> list[_Object]:
    match event:
        case ToolCallDelta():
            return [] if event.name is not None else [{"type": "input_json_delta", "partial_json": event.arguments}]
        case ReasoningDelta() if event.redacted is not None:
            return []
        case ReasoningDelta() if event.signature is not None:
            return [{"type": "signature_delta", "signature": event.signature}]
        case ReasoningDelta():
            return [{"type": "thinking_delta", "thinking": event.text}]
        case _:
            return [{"type": "text_delta", "text": event.text}]


def _native(details: str) -> SaidBlock:
    block = msgspec.json.decode(details, type=_Object)
    if not isinstance(block.get("input"), dict):
        return SaidBlock(block)
    written = msgspec.json.encode(block["input"]).decode()
    pieces = [written[at : at + _PIECE] for at in range(0, len(written), _PIECE)]
    return SaidBlock(
        block | {"input": {}}, pieces=[{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    )
