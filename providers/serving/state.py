"""Opaque state on its way to a client and back: marked with its origin, and packed where a wire has one place for it.

A wire has a place for one state of a block of thinking: a signature, or an encrypted block. Where a block has another
kind of state, or several, they are packed into that place as JSON: `{"standby": {…}}`.
"""

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import msgspec

from ..codecs import UNDECODABLE, decode_kindly
from ..events import ReasoningDelta
from ..origin import Origin
from ..parts import Reasoning
from ..returning import wrapped

Usual: TypeAlias = Literal["signature", "redacted"]
_NAMES = ("signature", "redacted", "details")
_PACKED = '{"standby":{'
MARK = "standby"
"""The field of a block of a provider's own, or of a citation, that holds its mark."""


def sealed(state: ReasoningDelta | Reasoning, origin: Origin, usual: Usual) -> str:
    """The state of a block of thinking as one text.

    Args:
        usual: The kind that a wire's place is for; it stands there by itself.
    """
    held = {name: wrapped(value, origin) for name in _NAMES if (value := getattr(state, name)) is not None}
    if len(held) == 1 and usual in held:
        return held[usual]
    return msgspec.json.encode({MARK: held}).decode()


def unsealed(text: str, said: str, usual: Usual) -> Reasoning:
    """The block of thinking whose state a client sent back.

    Args:
        text: What may be read of it.
        said: The state, as the client has it.
    """
    if said.startswith(_PACKED):
        try:
            held = decode_kindly(said.encode())[MARK]
        except (*UNDECODABLE, KeyError):
            held = None
        if isinstance(held, dict) and all(isinstance(value, str) for value in held.values()):
            return Reasoning(text, held.get("signature"), held.get("redacted"), held.get("details"))
    return Reasoning(text, **{usual: said})


def marked(own: dict[str, Any], origin: Origin, details: str = "") -> dict[str, Any]:
    """An object with the mark of its origin, and with the original beside it where the object is another."""
    return {**own, MARK: wrapped(details, origin)}


def original(given: dict[str, Any]) -> str:
    """The marked state of an object that a client sent back, as JSON text."""
    mark = given.get(MARK)
    own = {name: value for name, value in given.items() if name != MARK}
    if not isinstance(mark, str) or not mark.startswith("standby1:"):
        return msgspec.json.encode(given).decode()
    return mark if not mark.endswith(":") else mark + msgspec.json.encode(own).decode()


def object_of(details: str | None) -> dict[str, Any]:
    """What a provider wrote; empty: it is no object."""
    if not details:
        return {}
    try:
        found = decode_kindly(details.encode())
    except UNDECODABLE:
        return {}
    return found if isinstance(found, dict) else {}


class Notes:
    """What an encoder has no words for: each kind told once, with how often."""

    __slots__ = ("_left_out",)

    def __init__(self) -> None:
        self._left_out: dict[str, int] = {}

    def leave_out(self, what: str) -> None:
        """Something is left out."""
        self._left_out[what] = self._left_out.get(what, 0) + 1

    def told(self) -> tuple[str, ...]:
        """The sentences."""
        return tuple(
            f"{what}: left out of the answer{f', {times} times' if times > 1 else ''}, for this API has no words for it"
            for what, times in self._left_out.items()
        )


def joined(texts: Iterable[str]) -> str | None:
    """One JSON list of several; None of none."""
    found = [text.strip() for text in texts]
    if len(found) < 2:
        return found[0] if found else None
    inner = [text[1:-1].strip() if text.startswith("[") else text for text in found]
    return f"[{','.join(filter(None, inner))}]"
