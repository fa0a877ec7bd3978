"""A whole answer, collected from events."""

from collections.abc import Iterable

import msgspec

from ...providers.chat import Message, Reasoning, TextPart, ToolCall
from ...providers.events import (
    Finished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from .events import StreamEvent
from .report import Report


class Answer(msgspec.Struct, frozen=True):
    """What the model said, whole.

    Attributes:
        text: The answer's text.
        tool_calls: The tools it wants called, in its order.
        finish_reason: Why it stopped; None where the dialect has no end marker.
        target: The target that answered.
        model: The model that answered, as its provider names it.
        usage: As in the report: tokens as the provider counted them; None when it did not.
        message: The answer as a turn of the conversation, with its provider's opaque state, to be sent back.
    """

    text: str
    reasoning: str
    refusal: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason | None
    usage: Usage | None
    target: str
    model: str
    message: Message
    report: Report

    def __repr__(self) -> str:
        return f"Answer(<{len(self.text)} characters>, {len(self.tool_calls)} tool calls, target={self.target!r})"


_TOLD_BY_THE_REPORT = (Started, Usage)


class _Call:
    __slots__ = ("arguments", "id", "name", "signature")

    def __init__(self) -> None:
        self.id, self.name = "", ""
        self.signature: str | None = None
        self.arguments: list[str] = []


class _Block:
    __slots__ = ("redacted", "signature", "text")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.signature: str | None = None
        self.redacted: str | None = None


def collect(events: Iterable[StreamEvent], report: Report, provider: str) -> Answer:
    """Put the events of one whole answer together.

    Args:
        provider: The provider that made the opaque state in the events.
    """
    text: list[str] = []
    rare: list[StreamEvent] = []
    reason: FinishReason | None = None
    for event in events:  # events are final classes, and comparing is cheaper than matching
        if type(event) is TextDelta:
            text.append(event.text)
        elif type(event) is Finished:
            reason = event.reason
        elif type(event) not in _TOLD_BY_THE_REPORT:
            rare.append(event)
    said = "".join(text)
    reasoning, refusal, tool_calls = _rare(rare) if rare else ((), "", ())
    return Answer(
        said,
        "".join([block.text for block in reasoning]) if reasoning else "",
        refusal,
        tool_calls,
        reason,
        report.usage,
        report.target or "",
        report.model or "",
        Message("assistant", (TextPart(said),) if said else (), tool_calls, None, False, reasoning, provider),
        report,
    )


def _rare(events: Iterable[StreamEvent]) -> tuple[tuple[Reasoning, ...], str, tuple[ToolCall, ...]]:
    """Reasoning, refusal and tool calls, which most answers have none of."""
    refusal: list[str] = []
    blocks: dict[int, _Block] = {}
    calls: dict[int, _Call] = {}
    for event in events:
        match event:
            case ReasoningDelta():
                block = blocks.setdefault(event.index, _Block())
                block.text.append(event.text)
                block.signature = event.signature or block.signature
                block.redacted = event.redacted or block.redacted
            case RefusalDelta():
                refusal.append(event.text)
            case ToolCallDelta():
                call = calls.setdefault(event.index, _Call())
                call.id, call.name = event.id or call.id, event.name or call.name
                call.signature = event.signature or call.signature
                call.arguments.append(event.arguments)
            case _:
                pass
    return _reasoning(blocks), "".join(refusal), _tool_calls(calls)


def _tool_calls(calls: dict[int, _Call]) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(call.id, call.name, "".join(call.arguments) or "{}", call.signature)
        for _, call in sorted(calls.items())
    )


def _reasoning(blocks: dict[int, _Block]) -> tuple[Reasoning, ...]:
    return tuple(Reasoning("".join(b.text), b.signature, b.redacted) for _, b in sorted(blocks.items()))
