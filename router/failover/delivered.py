"""The part of an answer that has been delivered so far, which every way of going on must respect."""

from collections.abc import Iterable

from ...providers.events import PartAdded, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ...providers.parts import Attachment
from ..result.events import Restarted, StreamEvent


class Relayed:
    """The delivered part of an answer, since its last restart.

    Attributes:
        text: The text.
        refusal: The text with which the model declined.
        calls: Name and arguments of each tool call that has begun, by index.
        reasoned: Whether any thinking was delivered.
        shown: The images, files and audio.
    """

    __slots__ = ("calls", "reasoned", "refusal", "shown", "text")

    def __init__(self, batches: Iterable[Iterable[StreamEvent]]) -> None:
        text: list[str] = []
        refusal: list[str] = []
        calls: dict[int, tuple[str, list[str]]] = {}
        self.reasoned = False
        self.shown: list[Attachment] = []
        for batch in batches:
            for event in batch:
                match event:
                    case TextDelta():
                        text.append(event.text)
                    case ToolCallDelta():
                        name, arguments = calls.get(event.index, ("", []))
                        arguments.append(event.arguments)
                        calls[event.index] = (event.name or name, arguments)
                    case RefusalDelta():
                        refusal.append(event.text)
                    case ReasoningDelta():
                        self.reasoned = True
                    case PartAdded(part) if isinstance(part, Attachment):
                        self.shown.append(part)
                    case Restarted():
                        text, refusal, calls, self.reasoned, self.shown = [], [], {}, False, []
                    case _:
                        pass
        self.text, self.refusal = "".join(text), "".join(refusal)
        self.calls = {index: (name, "".join(arguments)) for index, (name, arguments) in calls.items()}

    @property
    def only_reasoning(self) -> bool:
        """Nothing of the answer itself was delivered, only thinking."""
        return not (self.text or self.refusal or self.calls or self.shown)

    @property
    def plain(self) -> bool:
        """Text and nothing but text: what a continuation can be joined to."""
        return bool(self.text) and not (self.refusal or self.calls or self.shown)
