"""What of an answer is held back, counted as it grows: nothing is looked at twice, however much is held."""

from collections.abc import Sequence

from ...providers.events import ProviderEvent, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, is_useful


class HeldBack:
    """Events that are not delivered yet.

    Attributes:
        events: All of them, in order.
        deltas: How many of them are useful.
        chars: How long their texts, thoughts and arguments are together.
    """

    __slots__ = ("chars", "deltas", "events")

    def __init__(self) -> None:
        self.events: list[ProviderEvent] = []
        self.deltas = 0
        self.chars = 0

    def add(self, batch: Sequence[ProviderEvent]) -> None:
        """Hold these, too. The batch itself stays as it is."""
        self.events += batch
        for event in batch:
            if isinstance(event, TextDelta | ReasoningDelta | RefusalDelta):
                self.chars += len(event.text)
            elif isinstance(event, ToolCallDelta):
                self.chars += len(event.arguments)
            self.deltas += is_useful(event)
