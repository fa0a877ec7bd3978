"""Tool calls that arrive in fragments: the call of each fragment, and what is still to come of it."""

import json
import re
import uuid

import msgspec

from .codecs import decode_json
from .codecs.json import json_text, whole_text
from .events import ToolCallDelta


def made_call_id() -> str:
    """Make an id for a tool call that came without one: random, since ids of several turns meet in a conversation."""
    return f"call_{uuid.uuid4().hex[:24]}"


def is_made(call_id: str) -> bool:
    """Whether an id was made by `made_call_id`, so that the provider of the call does not know it."""
    return _MADE.fullmatch(call_id) is not None


_MADE = re.compile(r"call_[0-9a-f]{24}")


def whole_arguments(written: msgspec.Raw) -> str:
    """The arguments of a call that came whole, as the model wrote them: an object, or its text, or null for none.

    Raises:
        One of `UNDECODABLE`: It is no text.
    """
    payload = bytes(written)
    if payload[:1] == b'"':
        return decode_json(payload, str).strip() or "{}"
    arguments = json_text(written)
    return "{}" if arguments == "null" else arguments


class CallIds:
    """The ids of the calls of one answer, each of which comes whole: no two are the same."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        self._given: set[str] = set()

    def of(self, call_id: str | None) -> str:
        """The id of the next call: the provider's, or one of ours where it gives none, or one that it gave before."""
        if not call_id or call_id in _NO_IDS or call_id in self._given:
            return made_call_id()
        self._given.add(call_id)
        return call_id


_NO_IDS = frozenset({"", "null", "None"})
"""What some servers write where they have no id."""

_LOOKS_MAX = 100
"""Maximum times that a call's arguments are looked at for their end: a server may repeat its name for ever."""


class _Call:
    """One call: what the provider said of it, and what was told.

    Attributes:
        given: The provider's id.
        index: Its place in the answer; None until it is told.
        signature: The provider's opaque state of it; told with the call's first event, or by itself.
        custom: It is of a tool that takes free text.
        arguments: All pieces.
        doubtful: It may be the one before, whose name came once more: it is no call until its arguments begin.
    """

    __slots__ = ("_looks", "arguments", "custom", "doubtful", "given", "index", "name", "signature")

    def __init__(self, *, doubtful: bool = False) -> None:
        self.doubtful = doubtful
        self.given: str | None = None
        self.name: str | None = None
        self.index: int | None = None
        self.signature: str | None = None
        self.custom = False
        self.arguments: list[str] = []
        self._looks = 0

    def is_whole(self) -> bool:
        """Are the arguments an object, so that no more of them can come?"""
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}") or self._looks >= _LOOKS_MAX:
            return False
        self._looks += 1
        try:
            return isinstance(json.loads("".join(self.arguments)), dict)
        except (ValueError, RecursionError):
            return False


class CallNumbering:
    """Gives the calls of one answer their index, from 0 and without gaps, and an id where the provider gives none.

    Servers disagree about fragments: most repeat the call's index, some leave it out, some say 0 for all calls and
    tell them apart by id, or not at all; some make a new id up for each fragment, some repeat one for all calls, some
    repeat the name. So a fragment begins a new call when its index is new; when it brings a name, and another id or
    another name than the call has; or when it brings the same name again, though the arguments of the call are whole. A
    call that comes again as it was, under its id, is not told again.

    A call is told once it has arguments, or a name and an id: its first event brings what there is, and an id in any
    case. One that comes later is not told; a name is. `rest` tells, at the end, the calls of a name alone.
    """

    def __init__(self) -> None:
        self._by_index: dict[int, _Call] = {}  # the provider's index -> the call that last had it
        self._by_id: dict[str, _Call] = {}  # the provider's id -> the call that last had it
        self._last: _Call | None = None
        self._waiting: list[_Call] = []
        self._told_ids: set[str] = set()
        self._told = 0

    def __len__(self) -> int:
        """The calls that were told."""
        return self._told

    def fragment(
        self,
        index: int | None,
        call_id: str | None,
        name: str | None,
        arguments: str | None,
        *,
        signature: str | None = None,
        custom: bool = False,
    ) -> ToolCallDelta | None:
        """The event of one fragment; None when it says nothing new, or not enough yet."""
        if arguments and not (call_id or name or signature):  # nearly always: the next piece of a call that was told
            call = self._last if index is None else self._by_index.get(index)
            if call is not None and call.index is not None:
                call.arguments.append(arguments)
                return ToolCallDelta(call.index, None, None, arguments)
        if call_id in _NO_IDS:
            call_id = None
        call = self._known(index, call_id, name)
        doubtful = False
        if call is not None and name and call.name is not None:
            if _is_repeated(call, call_id, name, arguments):
                return None
            if _is_another(call, index, call_id, name, arguments):
                doubtful = name == call.name and index is not None and not arguments
                call = None
        if call is None:
            if not (call_id or name or arguments):
                return None
            call = self._opened(index, doubtful=doubtful)
        if call_id and (call.given is None or (call.index is None and call.name is None)):
            call.given = call_id
            self._by_id[call_id] = call
        name = name if name and call.name is None else None
        call.name = call.name or name
        call.custom, call.signature = call.custom or custom, signature or call.signature
        if arguments:
            call.arguments.append(arguments)
        if call.index is not None:
            says = name or arguments or signature
            return ToolCallDelta(call.index, None, name, arguments or "", signature) if says else None
        if not arguments and not (call.name and call.given and not call.doubtful):
            return None
        self._waiting.remove(call)
        return self._tell(call, arguments or "")

    def rest(self) -> list[ToolCallDelta]:
        """The answer is over: the calls that still wait for an id or arguments."""
        waiting, self._waiting = self._waiting, []
        return [self._tell(call, "") for call in waiting if call.name and not call.doubtful]

    def _known(self, index: int | None, call_id: str | None, name: str | None) -> _Call | None:
        """The call that a fragment may belong to."""
        if index is not None and (known := self._by_index.get(index)) is not None:
            other = self._by_id.get(call_id) if call_id and call_id != known.given else None
            if other is None or (name and name != other.name):
                return known
            self._by_index[index] = other  # of calls that all have this index, it goes on with one before
            return other
        if index is not None:
            return self._by_id.get(call_id) if call_id and not name else None
        last = self._last
        if call_id and last is not None:
            goes_on = not name or (last.given is None and (last.index is None or last.name is None))
            return self._by_id.get(call_id, last if goes_on else None)
        return last

    def _opened(self, index: int | None, *, doubtful: bool) -> _Call:
        self._last = call = _Call(doubtful=doubtful)
        self._waiting.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _tell(self, call: _Call, arguments: str) -> ToolCallDelta:
        # Both may be of another event than the arguments.
        call_id = None if call.given is None else whole_text(call.given)
        name = None if call.name is None else whole_text(call.name)
        if call_id is None or call_id in self._told_ids:
            call_id = made_call_id()
        self._told_ids.add(call_id)
        call.index = self._told
        self._told += 1
        return ToolCallDelta(call.index, call_id, name, arguments, call.signature, call.custom)


def _is_repeated(call: _Call, call_id: str | None, name: str, arguments: str | None) -> bool:
    """Is a fragment the whole call once more, under its id?"""
    same = bool(call_id) and call_id == call.given and name == call.name
    return same and bool(arguments) and call.is_whole() and arguments == "".join(call.arguments)


def _is_another(call: _Call, index: int | None, call_id: str | None, name: str, arguments: str | None) -> bool:
    """Does a fragment with a name begin another call than this one, which has a name, too?"""
    if name != call.name or (call_id and call.given and call_id != call.given):
        return True
    if index is None and not call_id:  # calls come whole so, or in pieces that repeat the name
        return call.is_whole() if call.arguments else not arguments
    return (not arguments or arguments.lstrip().startswith("{")) and call.is_whole()
