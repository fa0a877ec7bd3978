"""JSON off the wire: typed, strict, and forgiving in the one place where providers are known to be wrong.

msgspec refuses non-finite numbers, over-long integers and raw control characters, which is what we want. It also
refuses a lone surrogate (`"\\ud800"`), which a provider that cuts an emoji in two does send: that is put right.
"""

import json
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What `decode_json` and msgspec raise for bytes that are not the JSON they should be."""


@overload
def decode_json(payload: bytes, type: type[T]) -> T: ...
@overload
def decode_json(payload: bytes) -> Any: ...
def decode_json(payload: bytes, type: Any = Any) -> Any:  # noqa: A002 - msgspec's own word
    """Decode one JSON text; lone surrogates become U+FFFD.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: See `UNDECODABLE`.
    """
    try:
        return msgspec.json.decode(payload, type=type)
    except msgspec.DecodeError as refusal:
        if b"\\ud" not in payload and b"\\uD" not in payload:
            raise
        try:
            mended = _without_lone_surrogates(payload)
        except ValueError:
            raise refusal from None  # something else is wrong with it, and msgspec said what
        return msgspec.json.decode(mended, type=type)


def _without_lone_surrogates(payload: bytes) -> bytes:
    text = json.dumps(json.loads(payload.decode()), ensure_ascii=False)  # of bytes it would guess at UTF-16, too
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
