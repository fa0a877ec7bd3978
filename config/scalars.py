"""Single values as a file or the environment holds them: texts that their field parses.

YAML 1.1 guesses (`no` is False, `22:22` is 1342, `010` is 8); here nothing guesses. A value stays the text that it
looks like until its field says what it must be; only where anything goes (`body`, `options`) do an unquoted number,
`true`, `false` and `null` become what they are in JSON.
"""

import math
import re
from collections.abc import Mapping
from typing import TypeAlias


class Text(str):
    """A text that a user wrote. Its repr hides it, for it may be a key and reprs end up in logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<text of {len(self)} characters>"


class Plain(Text):
    """A text that was written without quotes: it may stand for a number, `true` or `false`."""

    __slots__ = ()


Tree: TypeAlias = "bool | int | float | str | list[Tree] | dict[str, Tree] | None"
"""What was written, before any field has made sense of it."""

DIGITS_MAX = 300
"""A longer number is none: turning it into one would take long, and JSON readers differ on it."""

_NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool] = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
"""What stands for nothing when it is not in quotes."""


def as_json(value: object) -> object:
    """A tree for where anything goes: plain numbers and truth words become JSON's, all else stays as written.

    Raises:
        ValueError: A number cannot be held: it is too long, or not finite.
    """
    if isinstance(value, Plain):
        return _of_plain(str(value))
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


def _of_plain(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if not _NUMBER.fullmatch(text):
        return text
    if len(text) > DIGITS_MAX:
        raise ValueError(f"holds a number of more than {DIGITS_MAX} characters; put it in quotes if it is a text")
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("holds a number that is not finite")
    return number
