"""Check before a call begins that its texts can be sent as UTF-8, and its values as JSON.

An encoder finds the same out later, and worse: its error holds the whole text, and what it does not refuse it may send
as something else (NaN becomes `null`, bytes become base64). Here a problem is a few words that never hold the content.
Bounded in depth and number, so that no value uses up the stack, the memory or the time of a process.
"""

import math

import msgspec

DEPTH_MAX = 256
"""No provider's parser takes a deeper nesting, and the encoder needs the stack for it."""

VALUES_MAX = 1_000_000
"""Maximum of values within one field: a few dicts that hold each other many times would come to far more."""

WHOLE_MIN, WHOLE_MAX = -(2**63), 2**64 - 1
"""Whole numbers outside these are more than JSON readers in other languages can hold."""

_HALF = "holds half a character (a surrogate: a text cut within an emoji, or read with surrogateescape)"
_WHOLE = "holds a whole number of more than 64 bits"
_INFINITE = "holds a number that is not finite (NaN or infinity)"
_CONTAINERS = frozenset((dict, list, tuple))
_BYTES = (bytes, bytearray, memoryview)


def type_name(value: object) -> str:
    """What came in place of something else: its type, and nothing of what it holds."""
    return type(value).__name__


def text_problem(text: object) -> str | None:
    """Why this cannot be sent as a text; None when it can."""
    if type(text) is not str:
        given = type_name(text)
        return f"is a {given}, not a plain str" if isinstance(text, str) else f"is not a text, but a {given}"
    if not text.isascii():  # nearly always it is, which costs nothing to know
        try:
            text.encode()
        except UnicodeEncodeError:
            return _HALF
    return None


def number_problem(number: int | float) -> str | None:
    """Why this cannot be sent as a number; None when it can."""
    if isinstance(number, int):
        return None if WHOLE_MIN <= number <= WHOLE_MAX else _WHOLE
    return None if math.isfinite(number) else _INFINITE


def json_problem(value: object) -> str | None:
    """Why this cannot be sent as a JSON value, for what is anywhere inside it; None when it can."""
    level: list[object] = [(value,)]
    seen = depth = 0
    while level:
        if depth > DEPTH_MAX:
            return f"is nested deeper than {DEPTH_MAX} levels, or holds itself"
        inner: list[object] = []
        for container in level:
            if isinstance(container, dict):
                if problem := _names_problem(container):
                    return problem
                values = container.values()
            else:
                assert isinstance(container, list | tuple)
                values = container  # type: ignore[assignment]
            seen += len(values)
            if seen > VALUES_MAX:
                return f"holds more than {VALUES_MAX} values, or itself"
            for each in values:
                kind = type(each)
                if kind is str:
                    if not each.isascii() and (problem := text_problem(each)):
                        return problem
                elif kind in _CONTAINERS:
                    inner.append(each)
                elif each is not None and kind is not bool and (problem := _rare(each, inner)):
                    return problem
        level, depth = inner, depth + 1
    return None


def _names_problem(container: dict[object, object]) -> str | None:
    for name in container:
        if type(name) is str:
            if not name.isascii() and (problem := text_problem(name)):
                return problem
        elif type(name) is not int:
            return f"holds a name that is a {type(name).__name__}, not a text"
        elif problem := number_problem(name):
            return problem
    return None


def _rare(value: object, inner: list[object]) -> str | None:
    """The same for a number, or for an object that the encoder knows how to write; what it holds goes to `inner`."""
    if type(value) in (int, float):
        return number_problem(value)  # type: ignore[arg-type]
    refused = f"holds a {type(value).__name__}, which JSON cannot say"
    if isinstance(value, _BYTES):
        return refused
    try:  # a dataclass, a date, an enum's member: what the encoder would write for it, NaN and bytes left as they are
        plain = msgspec.to_builtins(value, builtin_types=_BYTES, str_keys=True)
    except Exception:  # noqa: BLE001 - whatever it says may hold the content
        return refused
    inner.append((plain,) if type(plain) not in _CONTAINERS else plain)
    return refused if isinstance(plain, _BYTES) or plain is value else None
