"""Content of the chat protocol that is a list: text, thinking, references and pictures side by side, in order.

Mistral writes such lists, in its streams too: beside chunks whose content is a plain text. A thought ends where it is
signed, or where something else begins.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from ..events import PartAdded, ProviderEvent, ReasoningDelta, RefusalDelta, TextDelta
from ..parts import Citation, ImagePart, TextPart


class Content:
    """The lists of one answer."""

    __slots__ = ("_block", "_in_text", "_thinks")

    def __init__(self) -> None:
        self._block = 0  # of thinking: the one that is open, or the next
        self._thinks = False
        self._in_text = False  # a text was told last

    def read(self, chunks: list[dict[str, Any]], *, text_since: bool) -> Iterator[ProviderEvent]:
        """Tell what a list holds. What makes no sense is passed over.

        Args:
            text_since: Whether a plain text came since the last list.
        """
        if text_since:
            self._end_thought()
            self._in_text = True
        behind = False  # a text of this list: the next text of it is another one
        for chunk in chunks:
            text, refusal = _str(chunk.get("text")), _str(chunk.get("refusal"))
            match chunk.get("type"):
                case "thinking":
                    yield from self._thinking(chunk)
                    behind = False
                case "text" | "output_text" | None if text:
                    self._end_thought()
                    if behind:
                        yield PartAdded(TextPart(""))
                    yield TextDelta(text)
                    behind = self._in_text = True
                case "refusal" if refusal:
                    yield RefusalDelta(refusal)
                case "reference":
                    yield PartAdded(Citation(details=msgspec.json.encode(chunk).decode()))
                    if self._in_text:
                        yield PartAdded(TextPart(""))  # what it stands behind is a text of its own
                    behind = self._in_text = False
                case "image_url" if url := _url(chunk.get("image_url")):
                    self._end_thought()
                    yield PartAdded(ImagePart(url))
                    behind = self._in_text = False
                case _:
                    pass

    def _thinking(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        held, signature = chunk.get("thinking"), _str(chunk.get("signature")) or None
        text = _joined(held) if isinstance(held, list) else _str(held)
        if text or signature:
            self._thinks, self._in_text = True, False
            yield ReasoningDelta(text, self._block, signature)
        if signature or chunk.get("closed"):
            self._end_thought()

    def _end_thought(self) -> None:
        if self._thinks:
            self._thinks = False
            self._block += 1


def _joined(parts: list[Any]) -> str:
    return "".join(_str(part.get("text")) for part in parts if isinstance(part, dict))


def _url(found: object) -> str:
    return _str(found.get("url") if isinstance(found, dict) else found)


def _str(found: object) -> str:
    return found if isinstance(found, str) else ""
