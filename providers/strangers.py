"""Blocks of types to come, or of no interest to us, beside those that are read.

One struct has the fields of all blocks of a dialect, so that decoding is cheap, and a block of another type may use one
of the names for something else: a text that is an object, a list of arguments. It is left out then, and the rest of the
event or answer is read as ever; in a block of a type that is read, the same is refused, but for what servers that
imitate a dialect write in another form.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from .codecs import decode_json

T = TypeVar("T")
Trim: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes of an object what is read of it."""


def by_type(known: Collection[str], text: str = "text") -> Trim:
    """For blocks that name their type: of any other than these, nothing but the type is read.

    Args:
        text: The type of a text; a content that is nothing but a text is read as one of these.
    """

    def trim(block: dict[str, Any]) -> dict[str, Any]:
        kind = block.get("type")
        if isinstance(kind, str) and kind and kind not in known:
            return {"type": kind}
        return _in_the_usual_form(block, text)

    return trim


def _in_the_usual_form(block: dict[str, Any], text: str) -> dict[str, Any]:
    """Arguments that are an object as the text which they are elsewhere; a content that is a text as a list of one."""
    function, content = block.get("function"), block.get("content")
    if isinstance(block.get("arguments"), dict):
        block = {**block, "arguments": msgspec.json.encode(block["arguments"]).decode()}
    if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
        block = {**block, "function": _in_the_usual_form(function, text)}
    if isinstance(content, str):
        block = {**block, "content": [{"type": text, "text": content}]}
    return block


def by_members(known: Mapping[str, type]) -> Trim:
    """For blocks that are told apart by their members: of one that has others, too, these are read where they fit."""

    def trim(block: dict[str, Any]) -> dict[str, Any]:
        if block.keys() <= known.keys():
            return block
        return {
            name: value for name, value in block.items() if value is None or isinstance(value, known.get(name, object))
        }

    return trim


def decode_beside_strangers(payload: bytes, type: type[T], trim: Trim, within: Collection[str]) -> T:  # noqa: A002
    """As `decode_json`; what does not fit is read once more, with each block as `trim` makes it.

    Args:
        within: The names of what holds blocks, down from the top; what a call is given is not to be touched.
    """
    try:
        return decode_json(payload, type)
    except msgspec.ValidationError:
        found = decode_json(payload)
        trimmed = _trimmed(found, trim, within)
        if trimmed == found:
            raise
    return decode_json(msgspec.json.encode(trimmed), type)


def _trimmed(found: Any, trim: Trim, within: Collection[str]) -> Any:
    if isinstance(found, list):
        return [_trimmed(each, trim, within) for each in found]
    if not isinstance(found, dict):
        return found
    return {name: _trimmed(value, trim, within) if name in within else value for name, value in trim(found).items()}
