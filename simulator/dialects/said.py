"""What a wire has words for, of all that an answer may hold. The rest is an error that names the part: nothing is lost.

Each dialect names its own words: `Reasoning`, `Reasoning.signature`, `Citation`. Every wire has words for plain text.
"""

from collections.abc import Iterator

from ...providers.events import (
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    UsefulDelta,
    is_useful,
)
from ...providers.parts import TextPart
from ..scenario.reply import Answer

STATE = ("signature", "redacted", "details")
"""Fields of a thought beside its text."""


def said(answer: Answer, wire: str, words: frozenset[str]) -> tuple[UsefulDelta | PartAdded, ...]:
    """Give the events of an answer, for a wire that can say all of them.

    Args:
        wire: Its name in the error.
        words: What it has words for beside text.

    Raises:
        ValueError: It has none for something in the answer; names that.
    """
    events = answer.events()
    for event in events:
        for name in _names(event):
            if name not in words:
                raise ValueError(f"{wire} has no words for {name}")
    return events


def says_something(event: UsefulDelta | PartAdded) -> bool:
    """Tell whether an event is a useful delta, with empty ones that a script holds not counted."""
    if isinstance(event, PartAdded | ToolCallDelta):
        return is_useful(event)
    return bool(event.text)


def _names(event: UsefulDelta | PartAdded) -> Iterator[str]:
    """Name what a wire must have words for to say an event."""
    match event:
        case TextDelta():
            return
        case RefusalDelta():
            yield "RefusalPart"
        case ReasoningDelta():
            yield "Reasoning"
            yield from (f"Reasoning.{name}" for name in STATE if getattr(event, name) is not None)
        case ToolCallDelta():
            yield "ToolCall"
            if event.signature is not None:
                yield "ToolCall.signature"
            if event.custom:
                yield "ToolCall.custom"
        case PartAdded(TextPart(phase=phase)):
            if phase is not None:
                yield "TextPart.phase"
        case PartAdded(part):
            yield type(part).__name__
