"""The fields of a client's body: each is taken by its name, and what is left over is carried or refused."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from ..request_fields import field_problem
from ..sendable import type_name
from ..shapes import COPIES
from .refused import Refused, raw, unserved, wrong

STANDBY = "standby"
"""The field of a body that is the gateway's own."""

HINTS = frozenset(
    {
        "prompt_cache_key", "prompt_cache_retention", "cache_control",  # where a prompt is kept, and how long
        "reasoning.summary", "reasoning.generate_summary", "thinking.display",  # what is shown of thinking
    }
)  # fmt: skip
"""Fields of one dialect that change no answer: agents send them with each request, also where others answer."""


class Fields:
    """The fields of one body, or of an object in it.

    Attributes:
        carried: The paths of what only targets of the same dialect understand.
        hints: The paths of those among it that change no answer.
        notes: What is left out.

    Args:
        given: The object. None says nothing, wherever it stands.
        within: The path of the object, with a dot behind it; empty: it is the body.
    """

    def __init__(self, given: Mapping[str, Any], within: str = "") -> None:
        self._left = {
            name: value for name, value in given.items() if value is not None and not (within and name in COPIES)
        }
        self._within = within
        self.carried: list[str] = []
        self.hints: list[str] = []
        self.notes: list[str] = []

    def path(self, name: str) -> str:
        """The path of a field."""
        return self._within + name

    def take(self, name: str) -> Any:
        """A field, whatever it holds; None: it is not given."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str | None:
        """A field that holds a text."""
        return text_of(self.take(name), self.path(name))

    def needed(self, name: str) -> str:
        """A field that must hold a text."""
        found = self.text(name)
        if not found:
            raise wrong(self.path(name), "is missing", "missing_required_parameter")
        return found

    def flag(self, name: str) -> bool | None:
        """A field that holds true or false."""
        found = self.take(name)
        if found is not None and not isinstance(found, bool):
            raise wrong(self.path(name), f"is not true or false, but a {type_name(found)}")
        return found

    def object(self, name: str) -> "Fields | None":
        """A field that holds an object."""
        found = self.take(name)
        if found is None:
            return None
        if not isinstance(found, dict):
            raise wrong(self.path(name), f"is not an object, but a {type_name(found)}")
        return Fields(found, f"{self.path(name)}.")

    def list(self, name: str) -> list[Any] | None:
        """A field that holds a list."""
        return list_of(self.take(name), self.path(name))

    def option(self, name: str, ours: str) -> Any:
        """A field that is one of the neutral request's under another name, and is checked as that one."""
        found = self.take(name)
        if found is not None and (problem := field_problem(ours, found)):
            raise wrong(self.path(name), problem.removeprefix(ours).lstrip())
        return found

    def standby(self) -> msgspec.Raw | None:
        """The gateway's own field, as JSON."""
        found = self.take(STANDBY)
        return None if found is None else raw(found)

    def leave_out(self, name: str, why: str) -> None:
        """Leave a harmless field out, with a note where it is given."""
        if self.take(name) is not None:
            self.notes.append(f"{self.path(name)}: left out, {why}")

    def refuse_any(self, reasons: Mapping[str, str]) -> None:
        """Refuse the first of these fields that asks for something.

        Args:
            reasons: Why, by the field's name.
        """
        for name, why in reasons.items():
            if (found := self.take(name)) is not None and found is not False:
                raise unserved(self.path(name), why)

    def rest(self) -> dict[str, Any]:
        """What is left: it travels to targets of the same dialect."""
        left, self._left = self._left, {}
        for name in left:
            (self.hints if self.path(name) in HINTS else self.carried).append(self.path(safe_name(name)))
        return left

    def put_back(self, name: str, value: Any) -> None:
        """Leave a field among the others after all."""
        self._left[name] = value

    def nothing_more(self) -> None:
        """Refuse what is left: it stands where nothing can be carried along."""
        for name in self._left:
            raise unknown(self.path(safe_name(name)))

    def has_more(self) -> bool:
        """Whether anything is left."""
        return bool(self._left)


def known_only(given: Mapping[str, Any], names: Collection[str], where: str) -> None:
    """Refuse fields of an object that have no place, by their path."""
    for name, value in given.items():
        if name not in names and name not in COPIES and value is not None:
            raise unknown(f"{where}.{safe_name(name)}")


def unknown(path: str) -> Refused:
    """Say that a field has no place."""
    return wrong(path, "is a field that is not known here, and cannot be carried along", "unknown_parameter")


def safe_name(name: str) -> str:
    """A field's name as an error may show it: a client may have put anything there."""
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() and len(name) <= 64 else "…"


def text_of(found: Any, path: str) -> str | None:
    """A text, or None."""
    if found is not None and not isinstance(found, str):
        raise wrong(path, f"is not a text, but a {type_name(found)}")
    return found


def list_of(found: Any, path: str) -> list[Any] | None:
    """A list, or None."""
    if found is not None and not isinstance(found, list):
        raise wrong(path, f"is not a list, but a {type_name(found)}")
    return found


def objects(found: Iterable[Any], path: str) -> Iterable[tuple[str, dict[str, Any]]]:
    """The objects of a list, each with its path."""
    for place, each in enumerate(found):
        where = f"{path}[{place}]"
        if not isinstance(each, dict):
            raise wrong(where, f"is not an object, but a {type_name(each)}")
        yield where, each
