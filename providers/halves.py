"""Join characters that came in two halves.

JSON writes a character beyond U+FFFF as two escapes, and a provider that cuts its text between them sends one half at
the end of a delta and the other at the beginning of the next: of the same text, thought, refusal or call's arguments.
"""

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from .codecs.json import without_halves, without_marks
from .events import PartAdded, ProviderEvent, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta

S = TypeVar("S", bound=msgspec.Struct)
_Part: TypeAlias = tuple[type, int]
_TEXT, _REFUSAL = (TextDelta, 0), (RefusalDelta, 0)


class HalfCharacters:
    """The halves that wait for another one.

    Attributes:
        waiting: Each by its own part of the answer.
    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: dict[_Part, str] = {}

    def joined(self, events: Sequence[ProviderEvent], mark: str = "") -> list[ProviderEvent]:
        """The same events without halves: one at the end of a piece is kept back for the next piece of its part.

        Args:
            mark: Stands before the halves in the events, see `with_marks`.
        """
        if len(events) == 1 and type(text := events[0]) is TextDelta:  # nearly always
            said = self._text(_TEXT, text.text, mark)
            return [TextDelta(said)] if said else []
        return [mended for event in events if (mended := self._mended(event, mark)) is not None]

    def rest(self) -> list[ProviderEvent]:
        """The answer is over: what still waits, as U+FFFD."""
        waiting, self.waiting = self.waiting, {}
        return [_piece(part, "\ufffd") for part in waiting]

    def _mended(self, event: ProviderEvent, mark: str) -> ProviderEvent | None:
        if type(event) is TextDelta:
            text = self._text(_TEXT, event.text, mark)
            return TextDelta(text) if text else None
        if type(event) is RefusalDelta:
            text = self._text(_REFUSAL, event.text, mark)
            return RefusalDelta(text) if text else None
        if type(event) is ReasoningDelta:
            return self._thought(event, mark)
        if type(event) is ToolCallDelta:
            return self._call(event, mark)
        if type(event) is PartAdded:
            return PartAdded(_without_halves(event.part, mark))
        return _without_halves(event, mark)

    def _thought(self, event: ReasoningDelta, mark: str) -> ReasoningDelta | None:
        closed = any(state is not None for state in (event.signature, event.redacted, event.details))
        text = self._text((ReasoningDelta, event.index), event.text, mark, closed=closed)
        return replace(_without_halves(event, mark), text=text) if text or closed else None

    def _call(self, event: ToolCallDelta, mark: str) -> ToolCallDelta | None:
        arguments = self._text((ToolCallDelta, event.index), event.arguments, mark)
        said = replace(_without_halves(event, mark), arguments=arguments)
        return said if arguments or said.id or said.name or said.signature else None

    def _text(self, part: _Part, text: str, mark: str, *, closed: bool = False) -> str:
        if mark:
            text = without_marks(text, mark)
        if self.waiting and (high := self.waiting.pop(part, "")):
            if "\udc00" <= text[:1] <= "\udfff":
                text = chr(0x10000 + ((ord(high) - 0xD800) << 10) + ord(text[0]) - 0xDC00) + text[1:]
            else:
                text = "\ufffd" + text if text else high
        if not closed and "\ud800" <= text[-1:] <= "\udbff":
            self.waiting[part] = text[-1]
            text = text[:-1]
        return without_halves(text)


def whole(text: str | None, mark: str = "") -> str | None:
    """A text that nothing follows."""
    return None if text is None else without_halves(without_marks(text, mark))


def _without_halves(struct: S, mark: str) -> S:
    """The same with texts that nothing follows."""
    said = {name: getattr(struct, name) for name in struct.__struct_fields__}
    return replace(struct, **{name: whole(text, mark) for name, text in said.items() if isinstance(text, str)})


def _piece(part: _Part, text: str) -> ProviderEvent:
    kind, index = part
    if kind is ToolCallDelta:
        return ToolCallDelta(index, arguments=text)
    return ReasoningDelta(text, index) if kind is ReasoningDelta else kind(text)
