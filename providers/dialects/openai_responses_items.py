"""The items of a response, said in up to four ways: in deltas, when a part is done, when the item is, and at the end.

Each way is complete at OpenAI; servers that imitate the API leave some of them out, count parts over all items
(vLLM), or send a call's arguments at the very end only (OpenRouter). So what was said is kept by item, and what a later
way says beyond that is told, once.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from ..events import ProviderEvent, ReasoningDelta, RefusalDelta, TextDelta
from ..tool_calls import CallNumbering

ITEM_TYPES = frozenset({"message", "reasoning", "function_call"})
PART_TYPES = frozenset({"output_text", "text", "refusal", "summary_text", "reasoning_text"})

Kind: TypeAlias = Literal["text", "refusal", "summary", "thought", "arguments"]
"""What a piece is a piece of."""

_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "message": ("text", "refusal"),
    "reasoning": ("summary", "thought"),
    "function_call": ("arguments",),
}
_CALLERS_TOOLS = frozenset(
    {"function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call"}
)
"""Calls that the caller answers; those of all other tools are run by the provider."""
_PART_KINDS: Mapping[str, Kind] = {"summary_text": "summary", "reasoning_text": "thought"}


class Part(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    refusal: str | None = None


class Item(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[Part] | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None


class _Said:
    """One item, as far as it was told.

    Attributes:
        number: Its place among all items, also of a server that numbers none.
        parts: The pieces of each part, in the order in which the parts began.
        whole: It came whole: it is not told again.
        block: The last of its blocks of thinking.
    """

    __slots__ = ("block", "blocks", "call_id", "id", "number", "parts", "type", "whole")

    def __init__(self, number: int) -> None:
        self.number = number
        self.type = ""
        self.id: str | None = None
        self.call_id: str | None = None
        self.parts: dict[tuple[Kind, int], list[str]] = {}
        self.blocks: dict[tuple[Kind, int], int] = {}
        self.block: int | None = None
        self.whole = False

    def handed_over(self, kinds: tuple[Kind, ...]) -> dict[tuple[Kind, int], list[str]]:
        """The parts of these kinds, which are another item's: it was not announced, and has no place of its own."""
        handed = {key: pieces for key, pieces in self.parts.items() if key[0] in kinds}
        self.parts = {key: pieces for key, pieces in self.parts.items() if key not in handed}
        return handed

    def text(self, kind: Kind) -> str:
        """All that was said of one kind."""
        return "".join(["".join(pieces) for (each, _), pieces in self.parts.items() if each == kind])


class Items:
    """The items of one response.

    Attributes:
        uses: How often tools that the provider runs itself were used, by the types of their items.
    """

    def __init__(self) -> None:
        self._items: list[_Said] = []
        self._by_index: dict[int, _Said] = {}  # the provider's index -> the item that last had it
        self._by_id: dict[str, _Said] = {}
        self._calls = CallNumbering()
        self._blocks = 0
        self._states: set[str] = set()  # of reasoning, that were told
        self.uses: dict[str, int] = {}

    @property
    def calls(self) -> int:
        """The calls of the caller's tools that were told."""
        return len(self._calls)

    def add(self, kind: Kind, index: int, part: int, text: str, events: list[ProviderEvent]) -> None:
        """A piece of a part of an item."""
        if text:
            item = self._by_index.get(index)
            self._add(kind, self._new(index) if item is None else item, part, text, events)

    def part(self, kind: Kind, index: int, place: int, said: Part, events: list[ProviderEvent]) -> None:
        """A part is done: what no delta has said of it is said."""
        item = self._by_index.get(index) or self._new(index)
        if item.whole:
            return
        self._complete(_PART_KINDS.get(said.type, kind), item, place, said.text or "", events)
        self._complete("refusal", item, place, said.refusal or "", events)

    def item(self, index: int, item: Item, events: list[ProviderEvent], *, whole: bool) -> None:
        """An item begins, or is whole: then what was not said of it is said."""
        said = self._found(index, item, whole=whole)
        if item.type == "function_call":
            said.call_id = said.call_id or item.call_id
            self._argue(said, item.call_id or item.id, item.name, "", events)
        if not whole or said.whole:
            return
        said.whole = True
        match item.type:
            case "function_call":
                self._complete("arguments", said, 0, item.arguments or "", events)
            case "message":
                self._parts("text", said, [part.text or "" for part in item.content or ()], events)
                self._parts("refusal", said, [part.refusal or "" for part in item.content or ()], events)
            case "reasoning":
                self._parts("summary", said, [part.text or "" for part in item.summary or ()], events)
                self._parts("thought", said, [part.text or "" for part in item.content or ()], events)
                self._state(said, item, events)
            case tool if tool.endswith("_call") and tool not in _CALLERS_TOOLS:
                self.uses[tool] = self.uses.get(tool, 0) + 1
            case _:
                pass

    def reconcile(self, output: Sequence[Item], events: list[ProviderEvent]) -> None:
        """The response is over: what its output says beyond all that was said; calls without arguments have none."""
        if not all(item.id and (known := self._by_id.get(item.id)) and known.whole for item in output):
            self._beyond(output, events)
        for said in self._items:
            if said.type == "function_call" and not said.parts:
                self._add("arguments", said, 0, "{}", events)
        events += self._calls.rest()

    def _beyond(self, output: Sequence[Item], events: list[ProviderEvent]) -> None:
        """What is compared is the text of all items: their ids and places may be other ones than in the stream."""
        messages = [part for item in output if item.type == "message" for part in item.content or ()]
        thoughts = [item for item in output if item.type == "reasoning"]
        summaries = [part.text or "" for item in thoughts for part in item.summary or ()]
        contents = [part.text or "" for item in thoughts for part in item.content or ()]
        self._beyond_all("summary", summaries, events)
        self._beyond_all("thought", contents, events)
        for item in thoughts:
            self._state(self._by_id.get(item.id or "") or self._new(), item, events)
        self._beyond_all("text", [part.text or "" for part in messages], events)
        self._beyond_all("refusal", [part.refusal or "" for part in messages], events)
        self._beyond_calls([item for item in output if item.type == "function_call"], events)

    def _beyond_calls(self, calls: list[Item], events: list[ProviderEvent]) -> None:
        told = [said for said in self._items if said.type == "function_call" or ("arguments", 0) in said.parts]
        by_call_id = {said.call_id: said for said in told if said.call_id}
        unknown = iter([said for said in told if not said.call_id])
        for place, item in enumerate(calls):
            said = self._by_id.get(item.id or "") or by_call_id.get(item.call_id or "")
            if said is None and not item.call_id and place < len(told):
                said = told[place]
            said = said or next(unknown, None) or self._new()
            said.type = item.type
            self._argue(said, item.call_id or item.id, item.name, "", events)
            self._complete("arguments", said, 0, item.arguments or "", events)

    def _beyond_all(self, kind: Kind, parts: list[str], events: list[ProviderEvent]) -> None:
        missing = list(_missing(parts, "".join([said.text(kind) for said in self._items])))
        if missing:
            item = self._new()
            for place, text in missing:
                self._add(kind, item, place, text, events)

    def _found(self, index: int, item: Item, *, whole: bool) -> _Said:
        """What was said of an item: by its id, or at its place, where some servers number all items 0."""
        said = self._by_id.get(item.id) if item.id else None
        if said is None:
            said = self._by_index.get(index)
            taken = said is not None and (
                (said.type not in ("", item.type)) or (bool(item.id and said.id) and (said.whole or not whole))
            )
            if said is None or taken:
                before, said = said, self._new(index)
                if before is not None and before.type != item.type:
                    said.parts = before.handed_over(_KINDS.get(item.type, ()))
        self._by_index[index] = said
        said.type = item.type
        if item.id:
            said.id = said.id or item.id
            self._by_id[item.id] = said
        return said

    def _new(self, index: int | None = None) -> _Said:
        said = _Said(len(self._items))
        self._items.append(said)
        if index is not None:
            self._by_index[index] = said
        return said

    def _add(self, kind: Kind, item: _Said, part: int, text: str, events: list[ProviderEvent]) -> None:
        pieces = item.parts.get((kind, part))
        if pieces is None:
            pieces = item.parts[kind, part] = []
        pieces.append(text)
        match kind:
            case "text":
                events.append(TextDelta(text))
            case "refusal":
                events.append(RefusalDelta(text))
            case "arguments":
                self._argue(item, None, None, text, events)
            case _:
                events.append(ReasoningDelta(text, self._block(kind, item, part)))

    def _complete(self, kind: Kind, item: _Said, part: int, text: str, events: list[ProviderEvent]) -> None:
        """What of a part is beyond what was said of it; nothing, where that was said in other words."""
        if not text:
            return
        pieces = item.parts.get((kind, part)) or []
        if len(pieces) > 1:
            pieces[:] = ["".join(pieces)]  # put together once
        said = pieces[0] if pieces else ""
        if len(text) > len(said) and text.startswith(said):
            self._add(kind, item, part, text[len(said) :], events)

    def _parts(self, kind: Kind, item: _Said, parts: list[str], events: list[ProviderEvent]) -> None:
        for place, text in _missing(parts, item.text(kind)):
            self._add(kind, item, place, text, events)

    def _state(self, said: _Said, item: Item, events: list[ProviderEvent]) -> None:
        """The encrypted form of a reasoning item, once."""
        state = item.encrypted_content
        if not state or not self._states.isdisjoint({state, item.id or state}):
            return
        self._states |= {state, item.id or state}
        block = self._block("thought", said, -1) if said.block is None else said.block
        events.append(ReasoningDelta("", block, item.id, state))

    def _block(self, kind: Kind, item: _Said, part: int) -> int:
        block = item.blocks.get((kind, part))
        if block is None:
            block = item.blocks[kind, part] = item.block = self._blocks
            self._blocks += 1
        return block

    def _argue(
        self, item: _Said, call_id: str | None, name: str | None, arguments: str, events: list[ProviderEvent]
    ) -> None:
        fragment = self._calls.fragment(item.number, call_id, name, arguments)
        if fragment is not None:
            events.append(fragment)


def _missing(parts: Sequence[str], said: str) -> Iterator[tuple[int, str]]:
    """What was said of these parts leaves out, each with the place of its part.

    Where something else was said in a part's place, like the same text trimmed, nothing more is told.
    """
    at = 0
    for place, part in enumerate(parts):
        if said.startswith(part, at):
            at += len(part)
        elif len(said) - at < len(part) and part.startswith(said[at:]):
            yield place, part[len(said) - at :]
            at = len(said)
        elif place + 1 < len(parts) and parts[place + 1] and said.startswith(parts[place + 1], at):
            yield place, part
        else:
            return
