"""JSON off the wire: typed, strict, and forgiving where a provider's mistake need not cost an answer.

msgspec refuses raw control characters, which is what we want. It also refuses half of a surrogate pair (`"\\ud83c"`),
which a provider that cuts an emoji in two does send. Where the other half may follow, at the end of a text,
`decode_json` says so; everywhere else the half becomes U+FFFD. And it refuses numbers that it cannot hold (`1e400`,
thousands of digits), and those that Python writes though JSON has no word for them (`NaN`, `-Infinity`): they become
texts, which only a field that takes any JSON accepts.

JSON that is nearly all structure takes up to thirty times its own size in memory, and far longer to look through than
text. So a large one must be text, an image or the like for the most part: see `check_bulk`. Halves of characters take
still more; no text has many.
"""

import json
import math
import re
from inspect import isclass
from itertools import islice
from typing import Any, TypeVar, get_args, overload

import msgspec

T = TypeVar("T")

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What `decode_json` and msgspec raise for bytes that are not the JSON they should be."""

BULK_BYTES = 1024 * 1024
"""JSON up to here may be anything; of a longer one no more than this, and less than half, stands outside of strings."""

HALVES_MAX = 10_000
"""Halves of characters in one JSON text. A text that was cut in two has one at either end, and an event few texts."""

_WINDOW_BYTES = 8 * 1024
"""Maximum bytes looked through at a time: each short text in them takes memory as long as that lasts."""

_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
"""What is left of a text, up to its quote; or to the end, but for a backslash there."""

TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
"""One text, with its quotes."""

_ALONE = re.compile(
    rb"\\u(?=[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u)[dD][c-fC-F][0-9a-fA-F]{2})"
)
"""What makes a half of its four digits, where no backslash is escaped: then whatever looks like an escape is one."""

_ESCAPED_BACKSLASH = rb"\\"
_LIKE_A_HALF = re.compile(rb"\\u[dD]")
_AT_THE_END = re.compile(rb'\\u[dD][89abAB][0-9a-fA-F]{2}"')
_AT_THE_BEGINNING = re.compile(rb'"\\u[dD][c-fC-F]')  # a pattern that begins in one way is looked for in no time
_REPLACED = "\ufffd".encode()
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT = 1000  # a longer text takes less time to be encoded, or searched for one thing after another, than by a pattern
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_MARKED = re.compile("[\ufdd0-\ufdef]([dD][89a-fA-F][0-9a-fA-F]{2})")
_NEEDS_CARE = re.compile(rb"\\\\|\xef\xb7\x90|\\u[fF][dD][dD]0")
"""An escaped backslash, or the first of the marks, itself or escaped."""
_THE_FIRST_MARK = re.compile(rb"\xef\xb7\x90|\\u[fF][dD][dD]0")
_MARKS = tuple(map(chr, range(0xFDD0, 0xFDF0)))
"""Noncharacters, which no text holds: one of them stands before a half while msgspec decodes the rest."""
_ENCODED = {mark: mark.encode() for mark in _MARKS}
_FIRST_MARK = _ENCODED[_MARKS[0]]
_ESCAPED = {mark: b"\\u%x" % ord(mark) for mark in _MARKS}


class Aside(msgspec.Struct, gc=False):
    """A part of JSON that is beside the answer, like token counts: where no object stands there, the answer stays.

    What says nothing (`[]`, `""`, `0`, `false`) is read as null, for PHP writes an empty object as a list. Anything
    else makes nonsense of the fields of any type.
    """


class Details(Aside, gc=False):
    """What only details stand in: whatever is no object says nothing."""


class SplitCharacter(msgspec.DecodeError):
    """A text begins or ends with half of a character: the other half may be in the event before, or in the next."""


class LookedThrough(bytes):
    """JSON that was checked for its bulk as it came."""


class Bulk:
    """As `check_bulk`, for JSON that comes in pieces: each is looked at once, when it comes."""

    def __init__(self) -> None:
        self._bytes = self._outside = 0
        self._in_text = self._escaped = False

    def add(self, piece: bytes) -> None:
        """Look at the next bytes.

        Raises:
            TooBulky: There is too much outside of strings by now, whatever follows.
        """
        self._bytes += len(piece)
        for at in range(0, len(piece), _WINDOW_BYTES):
            self._look_at(piece[at : at + _WINDOW_BYTES])
            if self._outside >= BULK_BYTES:
                raise _too_bulky()

    def _look_at(self, piece: bytes) -> None:
        at = 0
        if self._in_text:
            at = self._text_from(piece, 1 if self._escaped else 0)
            if self._in_text:
                return
        # A quote at the end closes the text that is open there: one that stayed open would be looked through from each
        # of the quotes within it.
        half = (len(piece) - len(piece.rstrip(b"\\"))) % 2  # of an escape
        left, strings = TEXT.subn(b"", piece[at : len(piece) - half] + b'"')
        self._in_text = not left.endswith(b'"')
        self._escaped = self._in_text and half == 1
        self._outside += 2 * strings + len(left) - 1 + (half if not self._in_text else 0)

    def end(self) -> None:
        """All of it has come.

        Raises:
            TooBulky: As `check_bulk`.
        """
        if self._bytes > BULK_BYTES and self._outside >= self._bytes // 2:
            raise _too_bulky()

    def _text_from(self, piece: bytes, at: int) -> int:
        """Go on within a text; give where what follows it begins."""
        rest = _REST.match(piece, at)
        assert rest is not None
        end = rest.end()
        self._escaped = piece[end : end + 1] == b"\\"
        self._in_text = self._escaped or end == len(piece)
        self._outside += not self._in_text
        return end + 1


class TooBulky(msgspec.DecodeError):
    """JSON that no model says: large, and structure for the most part; or full of halves of characters."""


A = TypeVar("A", bound=Aside)


@overload
def decode_json(payload: bytes, type: type[T]) -> T: ...
@overload
def decode_json(payload: bytes) -> Any: ...
def decode_json(payload: bytes, type: Any = Any) -> Any:  # noqa: A002 - msgspec's own word
    """Decode one JSON text: an event, or an answer.

    Half of a character inside a text becomes U+FFFD, a number that cannot be held, or is none, a text.

    Raises:
        SplitCharacter: Half of a character begins or ends a text. A decoder with a base from `decoding` need not care:
            the base joins the halves.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: See `UNDECODABLE`.
    """
    check_bulk(payload)
    try:
        return msgspec.json.decode(payload, type=type)
    except msgspec.DecodeError as refusal:
        if may_hold_halves(payload) and (_AT_THE_END.search(payload) or _AT_THE_BEGINNING.search(payload)):
            raise SplitCharacter("half of a character") from None
        return _mended(payload, type, refusal)


@overload
def decode_kindly(payload: bytes, type: type[T]) -> T: ...
@overload
def decode_kindly(payload: bytes) -> Any: ...
def decode_kindly(payload: bytes, type: Any = Any) -> Any:  # noqa: A002
    """Decode one JSON text that nothing can follow, like an error: half of a character becomes U+FFFD.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: See `UNDECODABLE`.
    """
    check_bulk(payload)
    try:
        return msgspec.json.decode(payload, type=type)
    except msgspec.DecodeError as refusal:
        return _mended(payload, type, refusal)


def read_aside(found: object, type: type[A]) -> A | None:  # noqa: A002
    """What stands beside an answer, of JSON that was decoded as any; None when it says nothing."""
    if found is None:
        return None
    _, whole = _with_asides(found, type)
    return None if whole is None else msgspec.convert(whole, type)


def check_bulk(payload: bytes) -> None:
    """Let JSON pass that is short, or stands in its strings for the most part.

    Raises:
        TooBulky: It does not.
    """
    if len(payload) > BULK_BYTES and type(payload) is not LookedThrough:
        bulk = Bulk()
        bulk.add(payload)
        bulk.end()


def _too_bulky() -> TooBulky:
    return TooBulky(f"more than {BULK_BYTES} bytes of JSON that are not text for the most part")


def json_text(written: msgspec.Raw) -> str:
    """A value as it was written, like the arguments of a call that came whole; U+FFFD for half of a character.

    Raises:
        UnicodeDecodeError: It is no UTF-8.
        TooBulky: It holds too many halves.
    """
    payload = bytes(written)
    return _MARKED.sub("\ufffd", (_replaced(payload) if may_hold_halves(payload) else payload).decode())


def with_marks(payload: bytes) -> tuple[bytes, str]:
    """JSON that msgspec takes, with a mark for each half of a character, from which `without_marks` makes it again.

    Returns:
        It, and the mark; none where the payload holds all of them, and each half was replaced.

    Raises:
        TooBulky: There are too many halves.
    """
    if _LIKE_A_HALF.search(payload) is None:
        return payload, ""
    if _needs_care(payload):
        mark = _MARKS[0] if _THE_FIRST_MARK.search(payload) is None else _free_mark(payload)
        return _with_halves(payload, _ENCODED[mark], digits=True) if mark else _replaced(payload), mark
    pieces = _ALONE.split(payload, HALVES_MAX + 1)
    if len(pieces) == 1:
        return payload, ""
    if len(pieces) > HALVES_MAX + 1:
        raise _too_many_halves()
    return _FIRST_MARK.join(pieces), _MARKS[0]


def without_marks(text: str, mark: str) -> str:
    """The text with lone surrogates in the place of what is marked."""
    if not mark or mark not in text:
        return text
    first, half, *more = text.split(mark)
    text = first + chr(int(half[:4], 16)) + half[4:]
    return text + "".join([chr(int(half[:4], 16)) + half[4:] for half in more]) if more else text


def _needs_care(payload: bytes) -> bool:
    if len(payload) < _SHORT:
        return _NEEDS_CARE.search(payload) is not None
    return _ESCAPED_BACKSLASH in payload or _FIRST_MARK in payload or _ESCAPED[_MARKS[0]] in payload.lower()


def _free_mark(payload: bytes) -> str:
    """One that the payload does not hold, itself or escaped."""
    lower = payload.lower()
    for mark in _MARKS:
        if _ENCODED[mark] not in payload and _ESCAPED[mark] not in lower:
            return mark
    return ""


def whole_text(text: str) -> str:
    """A text that nothing follows, like the message of an error: U+FFFD for half of a character, marked or not."""
    return text if text.isascii() else _MARKED.sub("\ufffd", without_halves(text))


def without_halves(text: str) -> str:
    """The text with its characters put together, and U+FFFD for each half that is alone."""
    if text.isascii() or _SURROGATE.search(text) is None:
        return text
    if len(text) < _SHORT and _PAIR.search(text) is None:
        return _SURROGATE.sub("\ufffd", text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _mended(payload: bytes, type: Any, refusal: msgspec.DecodeError) -> Any:  # noqa: A002
    """What it says without halves of characters, and with texts for numbers that msgspec cannot hold."""
    if may_hold_halves(payload):
        payload = _replaced(payload)
        try:
            return msgspec.json.decode(payload, type=type)
        except msgspec.DecodeError as another:
            refusal = another
    return _with_held_numbers(payload, type, refusal)


_OUT_OF_RANGE = "out of range"
"""In msgspec's words for a number that it cannot hold."""

_NO_NUMBER = re.compile(rb"[:,\[]\s*-?(?:NaN|Infinity)\b")

_DIGITS_MAX = 300
"""msgspec holds integers of more digits than this, and nothing of ours needs them."""


def _with_held_numbers(payload: bytes, type: Any, refusal: msgspec.DecodeError) -> Any:  # noqa: A002
    if len(payload) > BULK_BYTES:
        raise refusal  # reading and writing it once more would take too long, for what large JSON does not hold
    held = _OUT_OF_RANGE not in str(refusal) and _NO_NUMBER.search(payload) is None
    if held and not isinstance(refusal, msgspec.ValidationError):
        raise refusal
    try:  # of bytes it would guess at UTF-16
        found = json.loads(payload.decode(), parse_int=_whole, parse_float=_real, parse_constant=str)
        mended, found = _with_asides(found, type)
        if held and not mended:
            raise refusal
        text = json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise refusal from None  # something else is wrong with it, and msgspec said what
    return msgspec.json.decode(text, type=type)


def _with_asides(found: Any, type: Any) -> tuple[bool, Any]:  # noqa: A002
    """The value with an object, or null, where `type` has an `Aside` and it has neither. Was there such a place?"""
    structs = [each for each in (*get_args(type), type) if isclass(each) and issubclass(each, msgspec.Struct)]
    if not structs or found is None:
        return False, found
    fields = msgspec.structs.fields(structs[0])
    if not isinstance(found, dict):
        if not issubclass(structs[0], Aside):
            return False, found
        nonsense = {field.encode_name: "nonsense" for field in fields if field.type is Any}
        return True, (nonsense if found and not issubclass(structs[0], Details) else None)
    mended, whole = False, found
    for field in fields:
        if field.encode_name in found:
            here, value = _with_asides(found[field.encode_name], field.type)
            if here:
                mended, whole = True, {**whole, field.encode_name: value}
    return mended, whole


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS_MAX else digits


def _real(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _replaced(payload: bytes) -> bytes:
    return _with_halves(payload, _REPLACED, digits=False)


def _with_halves(payload: bytes, begins: bytes, *, digits: bool) -> bytes:
    """The payload with something in the place of each half, or of what makes one of its digits.

    Raises:
        TooBulky: There are too many.
    """
    escapes = payload.replace(_ESCAPED_BACKSLASH, b"  ") if _ESCAPED_BACKSLASH in payload else payload
    pieces: list[bytes] = []
    end = 0
    for found in islice(_ALONE.finditer(escapes), HALVES_MAX + 1):
        pieces.append(payload[end : found.start()])
        end = found.start() + (2 if digits else 6)
    if len(pieces) > HALVES_MAX:
        raise _too_many_halves()
    pieces.append(payload[end:])
    return begins.join(pieces)


def _too_many_halves() -> TooBulky:
    return TooBulky(f"more than {HALVES_MAX} halves of characters")


def may_hold_halves(payload: bytes) -> bool:
    """Is there an escape of a half, or what looks like one?"""
    return _LIKE_A_HALF.search(payload) is not None
