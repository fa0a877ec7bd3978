"""A simulated answer in Mistral's words: chunks of content in order, and whole calls of tools beside them.

A text is a string where it stands alone, else a chunk of its type beside thinking and references. A thought with a
signature is said to its end in one chunk. A refusal is text, for there is no other place.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from ...providers.events import PartAdded, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ...providers.parts import Citation, ToolCall
from ..scenario.reply import Answer
from .said import said, says_something

_Object: TypeAlias = dict[str, Any]
_WIRE = "Mistral's wire"
_WORDS = frozenset({"Citation", "Reasoning", "Reasoning.signature", "RefusalPart", "ToolCall"})


class Piece(msgspec.Struct, frozen=True):
    """What one chunk says.

    Attributes:
        useful: Whether it is a useful delta.
    """

    delta: _Object
    useful: bool


def pieces_of(answer: Answer) -> Iterator[Piece]:
    """Say an answer piece by piece, in its order.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    for event in said(answer, _WIRE, _WORDS):
        useful = says_something(event)
        match event:
            case TextDelta(text) | RefusalDelta(text):
                yield Piece({"content": text}, useful)
            case ReasoningDelta(text, _, signature):
                yield Piece({"content": [_thinking(text, signature)]}, useful)
            case ToolCallDelta(index=index, name=name) if name is not None:
                yield Piece({"content": "", "tool_calls": [_call(answer.calls[index], index)]}, useful)
            case PartAdded(Citation() as citation):
                yield Piece({"content": [_reference(citation)]}, useful)
            case _:
                pass  # a text of its own begins: in a stream nothing tells it from the text before it


def whole_message(answer: Answer) -> _Object:
    """Give the message that says all of an answer.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    content = _chunks(answer)
    alone = len(content) < 2 and all(isinstance(chunk, dict) and chunk["type"] == "text" for chunk in content)
    text = "".join(chunk["text"] for chunk in content if isinstance(chunk, dict)) if alone else content
    calls = [_call(call, index) for index, call in enumerate(answer.calls)]
    return {"role": "assistant", "content": text, "tool_calls": calls or None}


def _chunks(answer: Answer) -> list[_Object | msgspec.Raw]:
    chunks: list[_Object | msgspec.Raw] = []
    block: object = None  # the one that is open
    for event in said(answer, _WIRE, _WORDS):
        last = chunks[-1] if chunks else {}
        match event:
            case TextDelta(text) | RefusalDelta(text):
                if block == "text" and isinstance(last, dict):
                    last["text"] += text
                else:
                    chunks.append({"type": "text", "text": text})
                block = "text"
            case ReasoningDelta(text, index, signature):
                if block == index and isinstance(last, dict):
                    known = last["thinking"][0]["text"]
                    chunks[-1] = _thinking(known + text, signature)
                else:
                    chunks.append(_thinking(text, signature))
                block = index
            case PartAdded(Citation() as citation):
                chunks.append(_reference(citation))
                block = None
            case PartAdded():
                block = None
            case _:
                pass  # calls stand beside the content
    return chunks


def _thinking(text: str, signature: str | None) -> _Object:
    signed = {} if signature is None else {"signature": signature}
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}] if text or not signed else [], **signed}


def _reference(citation: Citation) -> _Object | msgspec.Raw:
    if citation.details is None:
        raise ValueError(f"{_WIRE} has no words for a Citation without its reference")
    return msgspec.Raw(citation.details.encode())


def _call(call: ToolCall, index: int) -> _Object:
    return {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}, "index": index}
