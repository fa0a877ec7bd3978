"""JSON off the wire: typed, strict, and forgiving where a provider's mistake need not cost an answer.

msgspec refuses raw control characters, which is what we want. It also refuses a lone surrogate (`"\\ud800"`), which a
provider that cuts an emoji in two does send: that is put right. And it refuses numbers that it cannot hold (`1e400`,
thousands of digits): they become texts, which only a field that takes any JSON accepts.
"""

import json
import math
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
    """Decode one JSON text; lone surrogates become U+FFFD, numbers that cannot be held texts.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: See `UNDECODABLE`.
    """
    try:
        return msgspec.json.decode(payload, type=type)
    except msgspec.DecodeError as refusal:
        if b"\\ud" not in payload and b"\\uD" not in payload and _OUT_OF_RANGE not in str(refusal):
            raise
        try:
            mended = _mended(payload)
        except ValueError:
            raise refusal from None  # something else is wrong with it, and msgspec said what
        return msgspec.json.decode(mended, type=type)


_OUT_OF_RANGE = "out of range"
"""In msgspec's words for a number that it cannot hold."""

_DIGITS_MAX = 300
"""msgspec holds integers of more digits than this, and nothing of ours needs them."""


def _mended(payload: bytes) -> bytes:
    found = json.loads(payload.decode(), parse_int=_whole, parse_float=_real)  # of bytes it would guess at UTF-16, too
    text = json.dumps(found, ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS_MAX else digits


def _real(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits
