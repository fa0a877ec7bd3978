"""A simulated answer in Cohere's words: its events in order, or one message with a field for each kind of part.

Thinking and texts are blocks, in their order. Before calls of tools the thinking is the plan, which is one text. A
refusal is text, for there is no other place.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from ...providers.events import PartAdded, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ...providers.parts import Citation
from ..scenario.reply import Answer
from .base import Frame, named_event
from .said import said, says_something

_Object: TypeAlias = dict[str, Any]
_WIRE = "Cohere's wire"
_WORDS = frozenset({"Citation", "Reasoning", "RefusalPart", "ToolCall"})


def cohere_event(kind: str, **payload: Any) -> bytes:
    """Write one event."""
    return named_event({"type": kind, **payload})


class _Frames:
    """The frames of one answer, of whose blocks and calls one may be open."""

    def __init__(self, *, plans: bool) -> None:
        self.frames: list[Frame] = []
        self._plans = plans
        self._open: tuple[str, object] | None = None  # the block that is open: its kind, and which one
        self._index = -1  # of the last block of content
        self._call = 0
        self._citations = 0

    def take(self, event: object, *, useful: bool) -> None:
        """Add what an event says."""
        match event:
            case ReasoningDelta(text) if self._plans:
                self.close()
                self._add("tool-plan-delta", useful, delta={"message": {"tool_plan": text}})
            case ReasoningDelta(text, index):
                self._say("thinking", index, text, useful=useful)
            case TextDelta(text) | RefusalDelta(text):
                self._say("text", None, text, useful=useful)
            case ToolCallDelta():
                self._argue(event)
            case PartAdded(Citation() as citation):
                at, self._citations = self._citations, self._citations + 1
                self._add("citation-start", False, index=at, delta={"message": {"citations": _citation(citation)}})
                self._add("citation-end", False, index=at)
            case _:
                self.close()  # a text of its own begins

    def close(self) -> None:
        """End what is open."""
        if self._open is None:
            return
        kind, _ = self._open
        self._open = None
        if kind == "call":
            self._add("tool-call-end", False, index=self._call)
        else:
            self._add("content-end", False, index=self._index)

    def _say(self, kind: str, number: object, text: str, *, useful: bool) -> None:
        if self._open != (kind, number):
            self.close()
            self._open, self._index = (kind, number), self._index + 1
            begun = {"message": {"content": {"type": kind, kind: ""}}}
            self._add("content-start", False, index=self._index, delta=begun)
        self._add("content-delta", useful, index=self._index, delta={"message": {"content": {kind: text}}})

    def _argue(self, delta: ToolCallDelta) -> None:
        function: _Object = {"arguments": delta.arguments}
        if delta.name is None:
            self._add(
                "tool-call-delta", True, index=delta.index, delta={"message": {"tool_calls": {"function": function}}}
            )
            return
        self.close()
        self._open, self._call = ("call", delta.index), delta.index
        call = {"id": delta.id, "type": "function", "function": {"name": delta.name, **function}}
        self._add("tool-call-start", True, index=delta.index, delta={"message": {"tool_calls": call}})

    def _add(self, kind: str, useful: bool, **payload: Any) -> None:
        self.frames.append(Frame(cohere_event(kind, **payload), "delta", useful))


def told(answer: Answer) -> list[Frame]:
    """Say an answer in events, in its order.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    frames = _Frames(plans=bool(answer.calls))
    for event in said(answer, _WIRE, _WORDS):
        frames.take(event, useful=says_something(event))
    frames.close()
    return frames.frames


def whole_message(answer: Answer) -> _Object:
    """Give the message that says all of an answer.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    events = said(answer, _WIRE, _WORDS)
    thoughts = [event for event in events if isinstance(event, ReasoningDelta)]
    message: _Object = {"role": "assistant", "content": list(_blocks(events, plans=bool(answer.calls)))}
    if answer.calls:
        message["tool_plan"] = "".join(thought.text for thought in thoughts)
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.calls
        ]
    citations = [event.part for event in events if isinstance(event, PartAdded)]
    if cited := [_citation(part) for part in citations if isinstance(part, Citation)]:
        message["citations"] = cited
    return message


def _blocks(events: Iterable[object], *, plans: bool) -> Iterator[_Object]:
    """The blocks of content, whole."""
    blocks: list[_Object] = []
    key: object = None  # of the block that is open
    for event in events:
        match event:
            case ReasoningDelta(text, index) if not plans:
                kind, number = "thinking", index
            case TextDelta(text) | RefusalDelta(text):
                kind, number = "text", 0
            case PartAdded(Citation()):
                continue  # it stands beside the content
            case _:
                key = None
                continue
        if key != (key := (kind, number)):
            blocks.append({"type": kind, kind: ""})
        blocks[-1][kind] += text
    return (block for block in blocks if block[block["type"]])


def _citation(citation: Citation) -> _Object | msgspec.Raw:
    if citation.details is not None:
        return msgspec.Raw(citation.details.encode())
    document = {"url": citation.url, "title": citation.title}
    sources = [{"type": "document", "id": "simulated", "document": document}]
    return {"start": citation.start or 0, "end": citation.end or 0, "text": citation.text, "sources": sources}
