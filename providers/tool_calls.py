"""Tool calls that arrive in fragments: the call of each fragment, and the parts still to come."""

import re
import uuid

from .events import ToolCallDelta


def made_call_id() -> str:
    """Make an id for a tool call that came without one: random, since ids of several turns meet in a conversation."""
    return f"call_{uuid.uuid4().hex[:24]}"


def is_made(call_id: str) -> bool:
    """Whether an id was made by `made_call_id`, so that the provider of the call does not know it."""
    return _MADE.fullmatch(call_id) is not None


_MADE = re.compile(r"call_[0-9a-f]{24}")


class CallNumbering:
    """Gives the calls of one answer their index, from 0 and without gaps, and an id where the provider gives none.

    Servers disagree about fragments: most repeat the call's index, some leave it out, some say 0 for all calls and
    tell them apart by id, some make a new id up for each fragment. So a fragment begins a new call when its index is
    new, or when it brings both another id and a name.
    """

    def __init__(self) -> None:
        self._places: dict[int, int] = {}  # the provider's index -> ours, of the call that last had it
        self._ids: list[str] = []
        self._told_ids: list[str | None] = []
        self._first_with: dict[str, int] = {}  # an id that was told -> the first call that has it
        self._named: list[bool] = []

    def __len__(self) -> int:
        return len(self._ids)

    def fragment(
        self, index: int | None, call_id: str | None, name: str | None, arguments: str | None
    ) -> ToolCallDelta | None:
        """The event of one fragment; None when it says nothing new."""
        place = self._place(index, call_id, name)
        if place is None:
            place = len(self._ids)
            self._places[place if index is None else index] = place
            self._ids.append(call_id or made_call_id())
            self._told_ids.append(call_id or None)
            if call_id:
                self._first_with.setdefault(call_id, place)
            self._named.append(bool(name))
            return ToolCallDelta(place, self._ids[place], name or None, arguments or "")
        if self._named[place]:
            name = None
        elif name:
            self._named[place] = True
        return ToolCallDelta(place, None, name or None, arguments or "") if name or arguments else None

    def _place(self, index: int | None, call_id: str | None, name: str | None) -> int | None:
        if index is None:
            if call_id is None or call_id == "":
                known = None if name or not self._ids else len(self._ids) - 1
            else:
                known = self._first_with.get(call_id)
            return known
        known = self._places.get(index)
        another = known is not None and bool(call_id) and bool(name) and call_id != self._told_ids[known]
        return None if another else known
