"""What of an answer has been delivered so far: what any way of going on with it must respect."""

from collections.abc import Iterable

from ..providers.events import ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from .events import Restarted, StreamEvent


class Relayed:
    """The delivered part of an answer, since its last restart.

    Attributes:
        text: The text.
        refusal: The text with which the model declined.
        calls: Name and arguments of each tool call that has begun, by index.
        reasoned: Whether any thinking was delivered.
    """

    __slots__ = ("calls", "reasoned", "refusal", "text")

    def __init__(self, batches: Iterable[Iterable[StreamEvent]]) -> None:
        text: list[str] = []
        refusal: list[str] = []
        self.calls: dict[int, tuple[str, str]] = {}
        self.reasoned = False
        for batch in batches:
            for event in batch:
                match event:
                    case TextDelta():
                        text.append(event.text)
                    case ToolCallDelta():
                        name, arguments = self.calls.get(event.index, ("", ""))
                        self.calls[event.index] = (event.name or name, arguments + event.arguments)
                    case RefusalDelta():
                        refusal.append(event.text)
                    case ReasoningDelta():
                        self.reasoned = True
                    case Restarted():
                        text, refusal, self.calls, self.reasoned = [], [], {}, False
                    case _:
                        pass
        self.text, self.refusal = "".join(text), "".join(refusal)

    @property
    def only_reasoning(self) -> bool:
        """Nothing of the answer itself was delivered, only thinking."""
        return not (self.text or self.refusal or self.calls)

    @property
    def plain(self) -> bool:
        """Text and nothing but text: what a continuation can be joined to."""
        return bool(self.text) and not (self.refusal or self.calls)
