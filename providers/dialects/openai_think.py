"""Thinking that stands in the text, between `<think>` and `</think>`: open models write it, some servers pass it on.

Only an answer that begins with the tag is split, and only by providers that are known for it: elsewhere it is the text
that was asked for.
"""

from collections.abc import Iterable, Sequence

from ..errors import ProviderError
from ..events import Finished, ProviderEvent, ReasoningDelta, TextDelta
from ..provider import Decoder

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkTags:
    """Splits the text of one answer.

    Attributes:
        over: The thinking has ended, or there is none: what follows is as it is.
    """

    __slots__ = ("_blank", "_held", "_thinking", "over")

    def __init__(self) -> None:
        self.over = False
        self._held = ""
        self._thinking = False
        self._blank = False  # the thinking has ended, and no word of the answer has come

    def split(self, events: Iterable[ProviderEvent]) -> list[ProviderEvent]:
        """The same events, with the thinking told as such."""
        told: list[ProviderEvent] = []
        for event in events:
            if self.over or type(event) is not TextDelta:
                if type(event) is ReasoningDelta and not self._thinking:
                    told += self.rest()  # the server tells thinking itself
                told.append(event)
            else:
                told += self._text(event.text)
        return told

    def rest(self) -> list[ProviderEvent]:
        """The answer is over, or goes on in another way: what was held."""
        held, self._held, self.over = self._held, "", True
        if not held:
            return []
        return [ReasoningDelta(held) if self._thinking else TextDelta(held)]

    def _text(self, text: str) -> list[ProviderEvent]:
        if self._blank:
            text = text.lstrip()
            self.over = bool(text)
            return [TextDelta(text)] if text else []
        self._held += text
        if not self._thinking:
            begun = self._held.lstrip()
            if _OPEN.startswith(begun):
                return []
            if not begun.startswith(_OPEN):
                return self.rest()
            self._thinking, self._held = True, begun[len(_OPEN) :].lstrip("\n")
        thought, closed, answer = self._held.partition(_CLOSE)
        if not closed:
            kept = _tag_begun(self._held)
            thought, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
            return [ReasoningDelta(thought)] if thought else []
        self._held, self._blank = "", True
        told: list[ProviderEvent] = [ReasoningDelta(thought)] if thought.strip() else []
        return told + (self._text(answer) if answer else [])


def _tag_begun(text: str) -> int:
    """How many characters at the end may be the beginning of the closing tag."""
    return next((size for size in range(min(len(_CLOSE) - 1, len(text)), 0, -1) if _CLOSE.startswith(text[-size:])), 0)


class ThinkTagDecoder:
    """The decoder of an answer whose text may hold its thinking.

    Args:
        inner: The decoder of the answer as it is written.
    """

    def __init__(self, inner: Decoder) -> None:
        self._inner = inner
        self._tags = ThinkTags()

    @property
    def finish(self) -> Finished | None:
        """See `Decoder`."""
        return self._inner.finish

    @property
    def closed(self) -> bool:
        """See `Decoder`."""
        return self._inner.closed

    @property
    def failure(self) -> ProviderError | None:
        """See `Decoder`."""
        return self._inner.failure

    @property
    def miscounted(self) -> bool:
        """What the provider has counted last makes no sense."""
        return getattr(self._inner, "miscounted", False)

    @property
    def notes(self) -> Sequence[str]:
        """What was passed over."""
        return getattr(self._inner, "notes", ())

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """See `Decoder`."""
        return self._split(self._inner.feed(data))

    def end(self) -> list[ProviderEvent]:
        """See `Decoder`."""
        return self._split(self._inner.end())

    def _split(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        tags = self._tags
        if tags.over:
            return events
        told = tags.split(events)
        return told + tags.rest() if self.finish is not None or self.failure is not None else told
