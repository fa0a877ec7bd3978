"""A whole answer, collected from events."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic

import msgspec

from ...providers.chat import Message, TextPart, ToolCall
from ...providers.events import Finished, FinishReason, Started, TextDelta, Usage
from ...providers.origin import Origin
from ...providers.parts import AudioPart, Citation, FilePart, ImagePart, NativePart, Reasoning, RefusalPart
from ...providers.plain import Plain, as_plain
from .collecting import put_together
from .events import StreamEvent
from .report import Report

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)
    """The class that was asked for; an `Answer` without one may hold anything."""
else:
    from typing import TypeVar

    T = TypeVar("T")


class Answer(Plain, msgspec.Struct, Generic[T], frozen=True):
    """What the model said, whole.

    Attributes:
        text: The answer's text.
        tool_calls: The tools it wants called, in its order.
        finish_reason: Why it stopped; None where the dialect has no end marker.
        target: The target that answered.
        model: The model that answered, as its provider names it.
        usage: As in the report: tokens as the provider counted them; None when it did not.
        citations: The sources that the text draws on.
        parsed: The object of the class that was asked for (`response_format=Model`); None: none was asked for, or the
            model declines, or wants tools called first.
        logprobs: How likely the tokens were: a list as the provider wrote it, as JSON text; None: it was not asked.
    """

    text: str
    reasoning: str
    refusal: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason | None
    usage: Usage | None
    target: str
    model: str
    report: Report
    logprobs: str | None = None
    citations: tuple[Citation, ...] = ()
    parsed: T | None = None
    _turn: Message | None = None  # of an answer with more than text

    @property
    def message(self) -> Message:
        """The answer as a turn of the conversation, its parts in order and with its provider's opaque state."""
        if self._turn is not None:
            return self._turn
        return Message("assistant", (TextPart(self.text),) if self.text else ())

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The images of the answer."""
        return self.message.images

    @property
    def files(self) -> tuple[FilePart, ...]:
        """The files of the answer."""
        return _only(FilePart, self.message)

    @property
    def audio(self) -> tuple[AudioPart, ...]:
        """The audio of the answer."""
        return _only(AudioPart, self.message)

    @property
    def provider_tools(self) -> tuple[str, ...]:
        """The names of the tools that the provider ran itself, in their order."""
        return tuple(part.name for part in _only(NativePart, self.message) if part.name)

    def to_dict(self) -> dict[str, Any]:
        """Everything but images, files and audio, as plain JSON types. `message` is the turn to keep."""
        told = {name: as_plain(getattr(self, name)) for name in _TOLD}
        return told | {"provider_tools": list(self.provider_tools), "report": self.report.to_dict()}

    def _repr_markdown_(self) -> str:
        from .markdown import escaped

        said = [self.text or self.refusal, *(f"`{escaped(call.name)}` is to be called" for call in self.tool_calls)]
        return "\n\n".join([*(part for part in said if part), f"<sub>{self.report.facts()}</sub>"])

    def __repr__(self) -> str:
        return f"Answer(<{len(self.text)} characters>, {len(self.tool_calls)} tool calls, target={self.target!r})"


_TOLD = tuple(name for name in Answer.__struct_fields__ if name not in ("report", "_turn"))
P = TypeVar("P")


def _only(kind: type[P], message: Message) -> tuple[P, ...]:
    return tuple(part for part in message.content if isinstance(part, kind))


def collect(events: Sequence[StreamEvent], report: Report, origin: Callable[[], Origin | None]) -> Answer:
    """Put the events of one whole answer together.

    Args:
        origin: Tells which target made the opaque state in the events.
    """
    text: list[str] = []
    reason: FinishReason | None = None
    for event in events:  # events are final classes, and comparing is cheaper than matching
        if type(event) is TextDelta:
            text.append(event.text)
        elif type(event) is Finished:
            reason = event.reason
        elif type(event) is not Started and type(event) is not Usage:  # of those the report tells
            return _rich(events, report, origin())
    return Answer(
        "".join(text),
        "",
        "",
        (),
        reason,
        report.usage,
        report.target or "",
        report.model or "",
        report,
    )


def _rich(events: Iterable[StreamEvent], report: Report, origin: Origin | None) -> Answer:
    """An answer with more than text, as few have."""
    whole = put_together(events)
    message = Message("assistant", whole.parts, origin=origin)
    return Answer(
        message.text,
        "".join(part.text for part in whole.parts if isinstance(part, Reasoning)),
        "".join(part.text for part in whole.parts if isinstance(part, RefusalPart)),
        message.tool_calls,
        whole.reason,
        report.usage,
        report.target or "",
        report.model or "",
        report,
        whole.logprobs,
        _only(Citation, message),
        None,
        message,
    )
