"""What an attempt has said so far, kept for whoever must know: to go on with it, or to count what nobody has counted.

A delta by itself takes ten times the memory of its text. So pieces that follow upon each other grow together, a few at
a time: every event is looked at once more, and a long answer takes little more than its text.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from ..providers.events import ReasoningDelta, TextDelta, ToolCallDelta
from .events import StreamEvent

LOOSE_MAX = 32
"""So many events are kept as they came, with the rest of their batch: little enough to stay in a processor's cache."""


class Transcript:
    """Batches of events, in order.

    Attributes:
        batches: What was said: the same text, calls and counts as were added, in fewer pieces.
        miscounted: What the provider has counted last makes no sense, and is not among the events.
    """

    __slots__ = ("_grown", "_loose", "batches", "miscounted")

    def __init__(self) -> None:
        self.batches: list[Sequence[StreamEvent]] = []
        self.miscounted = False
        self._grown = 0  # so many of them have grown together
        self._loose = 0  # events in the others

    def add(self, batch: Sequence[StreamEvent]) -> None:
        """The answer goes on. The batch must not be changed any more."""
        self.batches.append(batch)
        self._loose = loose = self._loose + len(batch)
        if loose >= LOOSE_MAX:
            self.batches[self._grown :] = [_grown_together(self.batches[self._grown :])]
            self._grown += 1
            self._loose = 0


def _grown_together(batches: Iterable[Sequence[StreamEvent]]) -> list[StreamEvent]:
    events: list[StreamEvent] = []
    text: list[str] = []
    for batch in batches:
        for event in batch:
            if type(event) is TextDelta:
                text.append(event.text)
                continue
            if text:
                events.append(TextDelta("".join(text)))
                text.clear()
            joined = _joined(events[-1], event) if events else None
            if joined is None:
                events.append(event)
            else:
                events[-1] = joined
    if text:
        events.append(TextDelta("".join(text)))
    return events


def _joined(last: StreamEvent, event: StreamEvent) -> StreamEvent | None:
    """Both in one, if they are pieces of the same thought, or of the same call's arguments."""
    if type(event) is ReasoningDelta and type(last) is ReasoningDelta:
        marked = last.signature or last.redacted or event.signature or event.redacted
        return None if marked or last.index != event.index else ReasoningDelta(last.text + event.text, event.index)
    if type(event) is ToolCallDelta and type(last) is ToolCallDelta:
        more = event.id is event.name is event.signature is None and last.index == event.index
        return replace(last, arguments=last.arguments + event.arguments) if more else None
    return None
