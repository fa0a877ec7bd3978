"""Payloads as bytes: JSON, and events of a stream."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..codecs.json import without_halves
from ..events import Finished, Started, TextDelta, Usage

_json = msgspec.json.encode
_AROUND_TEXT = frozenset((Started, Usage, Finished))


def encoded(payload: Any) -> bytes:
    """A payload as JSON; U+FFFD for half of a character, which a decoder of somebody else may have let through."""
    try:
        return _json(payload)
    except UnicodeEncodeError:
        return _json(_mended(payload))


def _mended(payload: Any) -> Any:
    if isinstance(payload, str):
        return without_halves(payload)
    if isinstance(payload, msgspec.Struct):
        return _mended(msgspec.to_builtins(payload))
    if isinstance(payload, dict):
        return {name: _mended(value) for name, value in payload.items()}
    return [_mended(each) for each in payload] if isinstance(payload, list | tuple) else payload


def texts_alone(events: Iterable[object]) -> list[str] | None:
    """What an answer says that is text and nothing else; None: there is more to it."""
    texts: list[str] = []
    for event in events:
        kind = type(event)
        if kind is TextDelta:
            texts.append(event.text)  # type: ignore[attr-defined]
        elif kind not in _AROUND_TEXT:
            return None
    return texts


def framed(payload: Any) -> bytes:
    """A payload as an event without a name."""
    return b"data: " + encoded(payload) + b"\n\n"


def framed_by_type(payload: Mapping[str, Any]) -> bytes:
    """A payload as an event that is named as its own `type`."""
    return b"event: " + str(payload["type"]).encode() + b"\n" + framed(payload)
