"""Characters that came in two halves, put together again.

JSON writes a character beyond U+FFFF as two escapes, and a provider that cuts its text between them sends one half at
the end of a delta and the other at the beginning of the next: of the same text, thought, refusal or call's arguments.
"""

from collections.abc import Iterable
from typing import TypeAlias

from msgspec.structs import replace

from .codecs.json import without_halves
from .events import ProviderEvent, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta

_Part: TypeAlias = tuple[type, int]


class HalfCharacters:
    """The halves that wait for another one, each in its own part of the answer."""

    def __init__(self) -> None:
        self._waiting: dict[_Part, str] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def joined(self, events: Iterable[ProviderEvent]) -> list[ProviderEvent]:
        """The same events without halves: one at the end of a piece is kept back for the next piece of its part."""
        return [mended for event in events if (mended := self._mended(event)) is not None]

    def rest(self) -> list[ProviderEvent]:
        """The answer is over: what still waits, as U+FFFD."""
        waiting, self._waiting = self._waiting, {}
        return [_piece(part, "\ufffd") for part in waiting]

    def _mended(self, event: ProviderEvent) -> ProviderEvent | None:
        match event:
            case TextDelta() | RefusalDelta():
                text = self._text((type(event), 0), event.text)
                return type(event)(text) if text else None
            case ReasoningDelta():
                return self._thought(event)
            case ToolCallDelta():
                return self._call(event)
            case _:
                return replace(event, **{name: _any(getattr(event, name)) for name in event.__struct_fields__})

    def _thought(self, event: ReasoningDelta) -> ReasoningDelta | None:
        closed = event.signature is not None or event.redacted is not None
        text = self._text((ReasoningDelta, event.index), event.text, closed=closed)
        said = ReasoningDelta(text, event.index, whole(event.signature), whole(event.redacted))
        return said if text or closed else None

    def _call(self, event: ToolCallDelta) -> ToolCallDelta | None:
        arguments = self._text((ToolCallDelta, event.index), event.arguments)
        said = ToolCallDelta(event.index, whole(event.id), whole(event.name), arguments, whole(event.signature))
        return said if arguments or said.id or said.name or said.signature else None

    def _text(self, part: _Part, text: str, *, closed: bool = False) -> str:
        text = self._waiting.pop(part, "") + text
        if not closed and text and "\ud800" <= text[-1] <= "\udbff":
            self._waiting[part] = text[-1]
            text = text[:-1]
        return without_halves(text)


def whole(text: str | None) -> str | None:
    """A text that nothing follows."""
    return None if text is None else without_halves(text)


def _any(found: object) -> object:
    return whole(found) if isinstance(found, str) else found


def _piece(part: _Part, text: str) -> ProviderEvent:
    kind, index = part
    if kind is ToolCallDelta:
        return ToolCallDelta(index, arguments=text)
    return ReasoningDelta(text, index) if kind is ReasoningDelta else kind(text)
