"""The answer of an attempt so far, kept in order to go on with it, or to estimate tokens that were not counted.

A delta by itself takes ten times the memory of its text. So pieces that follow upon each other grow together, a few at
a time: every event is looked at once more, and a long answer takes little more than its text.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from ...providers.events import PartAdded, ReasoningDelta, TextDelta, Texts, ToolCallDelta
from ...providers.opaque import Opaque
from ...providers.parts import Logprobs
from .events import StreamEvent

LOOSE_MAX = 32
"""Maximum events kept as they came, with the rest of their batch: few enough to stay in a processor's cache."""


EVENTS_MAX = 1_000_000
"""Maximum deltas and counts of an answer: the longest that models give have a tenth of it."""

PARTS_MAX = 10_000
"""Maximum tool calls and blocks of thinking of an answer."""


class Transcript(Opaque):
    """Batches of events, in order.

    Attributes:
        batches: What was said: the same text, calls and counts as were added, in fewer pieces.
        miscounted: What the provider has counted last makes no sense, and is not among the events.
    """

    batches: list[Sequence[StreamEvent]] = []
    miscounted: bool = False
    _events: int = 0  # in those that have grown together, as they came
    _parts: set[tuple[type, int]] | None = None  # made when the first have grown together
    _grown: int = 0  # so many of them have grown together
    _loose: int = 0  # events in the others

    def add(self, batch: Sequence[StreamEvent]) -> str | None:
        """The answer goes on. The batch must not be changed any more.

        Returns:
            What there is too much of by now; None as long as there is not. It is looked for now and then only.
        """
        self.batches.append(batch)
        self._loose = loose = self._loose + len(batch)
        return None if loose < LOOSE_MAX else self._grow()

    def _grow(self) -> str | None:
        grown = _grown_together(self.batches[self._grown :])
        self.batches[self._grown :] = [grown]
        self._grown += 1
        self._events += self._loose
        self._loose = 0
        if self._parts is None:
            self._parts = set()
        return excess(self._events, grown, self._parts)


def excess(events: int, batch: Iterable[StreamEvent], parts: set[tuple[type, int]]) -> str | None:
    """What an answer of so many events has too much of, now that this batch has come; None: nothing.

    Args:
        parts: Its calls and its blocks of thinking so far; those of the batch are added.
    """
    for event in batch:
        if type(event) is ToolCallDelta or type(event) is ReasoningDelta:
            parts.add((type(event), event.index))
        elif type(event) is PartAdded and type(event.part) is not Logprobs:
            parts.add((PartAdded, len(parts)))  # each is a part of its own
    if events > EVENTS_MAX:
        return f"the answer has more than {EVENTS_MAX} events"
    return f"the answer has more than {PARTS_MAX} calls and blocks of thinking" if len(parts) > PARTS_MAX else None


def _grown_together(batches: Iterable[Sequence[StreamEvent]]) -> list[StreamEvent]:
    """The same in few events: each piece is looked at once, and joined with its neighbours once."""
    events: list[StreamEvent] = []
    head: StreamEvent | None = None  # the first of the pieces that follow upon each other
    in_text = False  # it is a piece of text: a flag costs less than to look at it for every piece
    texts: list[str] = []
    for batch in batches:
        if type(batch) is Texts and len(batch) == batch.pieces:
            if not in_text:
                _end(events, head, texts)
                head, in_text = TextDelta(batch.said), True
            texts.append(batch.said)
            continue
        for event in batch:
            if type(event) is TextDelta:
                if not in_text:
                    _end(events, head, texts)
                    head, in_text = event, True
                texts.append(event.text)
            elif head is not None and _goes_on(head, event):
                texts.append(_text(event))
            else:
                _end(events, head, texts)
                head, in_text = event, False
                texts.append(_text(event))
    _end(events, head, texts)
    return events


def _goes_on(head: StreamEvent, event: StreamEvent) -> bool:
    """Are both pieces of the same thought, or of the same call's arguments?"""
    if type(event) is ReasoningDelta and type(head) is ReasoningDelta:
        marked = head.signature or head.redacted or head.details or event.signature or event.redacted or event.details
        return not marked and head.index == event.index
    if type(event) is ToolCallDelta and type(head) is ToolCallDelta:
        return event.id is event.name is event.signature is None and head.index == event.index
    return False


def _text(event: StreamEvent) -> str:
    return event.text if type(event) is ReasoningDelta else event.arguments if type(event) is ToolCallDelta else ""


def _end(events: list[StreamEvent], head: StreamEvent | None, texts: list[str]) -> None:
    """No further piece follows: all of them are one event."""
    if head is not None:
        if len(texts) == 1:
            events.append(head)
        elif type(head) is TextDelta:
            events.append(TextDelta("".join(texts)))
        elif type(head) is ReasoningDelta:
            events.append(ReasoningDelta("".join(texts), head.index))
        elif type(head) is ToolCallDelta:
            events.append(replace(head, arguments="".join(texts)))
    texts.clear()
