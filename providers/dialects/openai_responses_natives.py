"""What items of the Responses API hold beyond text, thinking and calls: the provider's own tools, images, citations.

It is rare, so it stays JSON until it is told. An item of a type that is not read is kept as it is written: what the
provider's own tools did, a compaction, a call for the caller's shell or screen, and types to come. What makes no sense
is passed over: nothing of the answer's text depends on it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from ..codecs import UNDECODABLE, decode_kindly
from ..codecs.json import json_text
from ..events import PartAdded, ProviderEvent
from ..parts import Citation, ImagePart, Logprobs, NativePart

IMAGE_CALL = "image_generation_call"
RESULT = "result"
"""Of an image's item: the image itself, as base64 text."""


class Native(msgspec.Struct):
    """An item that is kept as it is written.

    Attributes:
        part: It, but for an image in it, which is an image of ours.
    """

    part: NativePart
    image: ImagePart | None = None

    @classmethod
    def of(cls, written: msgspec.Raw) -> "Native | None":
        """Read an item; None: it is no object that names its type."""
        found = _read(written)
        if not isinstance(found, dict):
            return None
        kind, name, call_id = (_text(found, each) for each in ("type", "name", "call_id"))
        if not kind:
            return None
        details, image = json_text(written), None
        if kind == IMAGE_CALL and (data := _text(found, RESULT)):
            image = ImagePart(f"data:image/{_text(found, 'output_format') or 'png'};base64,{data}")
            details = msgspec.json.encode({field: value for field, value in found.items() if field != RESULT}).decode()
        return cls(NativePart(kind, details, name, call_id or _text(found, "id") or None), image)

    def events(self) -> Iterator[PartAdded]:
        """What is told of it."""
        if self.image is not None:
            yield PartAdded(self.image)
        yield PartAdded(self.part)


_EMPTY = len("[]")


class Asides:
    """What stands beside the texts of one answer: its sources, and how likely its tokens were."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: Counter[str] | None = None  # made when there is something

    def tell(self, annotations: msgspec.Raw, logprobs: msgspec.Raw, events: list[ProviderEvent]) -> bool:
        """Tell what stands beside a text; give whether there is anything."""
        if len(annotations) <= _EMPTY and len(logprobs) <= _EMPTY:
            return False  # nearly always
        found: list[Citation | Logprobs] = [*_citations(annotations), *_logprobs(logprobs)]
        self._told = self._told or Counter()
        self._told.update(part.details or "" for part in found)
        events += [PartAdded(part) for part in found]
        return bool(found)

    def tell_rest(self, annotations: msgspec.Raw, logprobs: msgspec.Raw, events: list[ProviderEvent]) -> None:
        """As `tell`, but for what was told before."""
        found: list[Citation | Logprobs] = [*_citations(annotations), *_logprobs(logprobs)]
        told = self._told or Counter()
        for part in found:
            if told[part.details or ""] > 0:
                told[part.details or ""] -= 1
            else:
                events.append(PartAdded(part))


def _read(raw: msgspec.Raw) -> Any:
    if not raw:
        return None
    try:
        return decode_kindly(bytes(raw))
    except UNDECODABLE:
        return None


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _citations(annotations: msgspec.Raw) -> Iterator[Citation]:
    notes = _read(annotations)
    for note in notes if isinstance(notes, list) else ():
        if isinstance(note, dict):
            start, end = note.get("start_index"), note.get("end_index")
            yield Citation(
                _text(note, "url"),
                _text(note, "title") or _text(note, "filename"),
                "",
                start if type(start) is int else None,
                end if type(end) is int else None,
                msgspec.json.encode(note).decode(),
            )


def _logprobs(logprobs: msgspec.Raw) -> Iterator[Logprobs]:
    tokens = _read(logprobs)
    if isinstance(tokens, list) and tokens:
        yield Logprobs(msgspec.json.encode(tokens).decode())
