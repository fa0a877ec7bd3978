"""The object that a stream has written so far, of JSON that is not whole: what is shown once keeps its type.

The parser is jiter, by way of pydantic. A number at the end of what has come may still grow into another one, so it is
left out until something follows it; so is every word and name that is not whole. A text is shown as it grows.
"""

import re
from typing import Any

PARTIAL_MAX_CHARS = 1024 * 1024
"""No more of an answer is parsed again and again than this: what comes behind it shows when the answer is whole."""

_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LAST_NUMBER = re.compile(r"[-+.0-9eE]+\Z")
_FENCE = re.compile(r"\s*```[^\n`]*\n")


class Partial:
    """The object that is written by a stream of text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._chars = 0
        self._shown: Any = None
        self._over = False

    def add(self, text: str) -> None:
        """More of the text."""
        self._pieces.append(text)
        self._chars += len(text)

    def grown(self) -> dict[str, Any] | None:
        """The object as far as it is known, if there is more of it than before; None: there is not, or it is none."""
        if self._over or self._chars > PARTIAL_MAX_CHARS:
            return None
        text = "".join(self._pieces)
        self._pieces = [text]
        found = _parsed(text)
        if found is None or found == self._shown:
            return None
        if self._shown is not None and not _keeps_types(self._shown, found):
            self._over = True  # a name came twice, with values of two types: no more can be shown
            return None
        self._shown = found
        return found


def _parsed(text: str) -> dict[str, Any] | None:
    from pydantic_core import from_json

    if fence := _FENCE.match(text):
        text = text[fence.end() :].partition("\n```")[0]
    if not text.lstrip().startswith("{"):
        return None
    if '"' not in _TEXTS.sub("", text):  # else it ends within a text
        text = _LAST_NUMBER.sub("", text)
    try:
        found = from_json(text, allow_partial="trailing-strings", allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _keeps_types(old: Any, new: Any) -> bool:
    """Is every value that was there still there, with its type, and no list shorter?"""
    if type(old) is not type(new):
        return False
    if isinstance(old, dict):
        return all(name in new and _keeps_types(value, new[name]) for name, value in old.items())
    if isinstance(old, list):
        return len(old) <= len(new) and all(_keeps_types(value, new[place]) for place, value in enumerate(old))
    return True
