"""The items of a response, said in up to four ways: in deltas, when a part is done, when the item is, and at the end.

Each way is complete at OpenAI; servers that imitate the API leave some of them out, count parts over all items
(vLLM), or send a call's arguments at the very end only (OpenRouter). So what was said is kept by item, and what a later
way says beyond that is told, once.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from ..events import PartAdded, ProviderEvent, ReasoningDelta, RefusalDelta, TextDelta
from ..parts import TextPart
from ..tool_calls import CallNumbering
from .openai_responses_natives import Asides, Native
from .openai_responses_places import Places
from .openai_responses_said import (
    CALL_TYPES,
    CALLERS_TOOLS,
    ITEM_TYPES,
    KIND_OF_PART,
    Item,
    Kind,
    Part,
    Said,
    missing,
)

Written: TypeAlias = Callable[[], Sequence[msgspec.Raw]]
"""Gives the items of an output as they are written; asked only where one is to be kept so."""


class Items:
    """The items of one response.

    Attributes:
        uses: How often tools that the provider runs itself were used, by the types of their items.
        cut: An item says of itself that it is not whole.
        places: Where each item is.
    """

    def __init__(self) -> None:
        self.places = Places()
        self._items, self._by_index, self._by_id = self.places.items, self.places.by_index, self.places.by_id
        self._calls: CallNumbering | None = None  # made for the first call
        self._blocks = 0
        self._states: set[str] = set()  # of reasoning, that were told
        self.uses: dict[str, int] = {}
        self.cut = False
        self._asides = Asides()
        self._natives: set[str] = set()  # items that were kept
        self._in_text = False  # the part that was told last is a text

    @property
    def calls(self) -> int:
        """The calls of the caller's tools that were told."""
        return 0 if self._calls is None else len(self._calls)

    def add(self, kind: Kind, index: int, part: int, text: str, events: list[ProviderEvent]) -> None:
        """A piece of a part of an item."""
        if text:
            item = self._by_index.get(index)
            self._add(kind, self.places.new(index) if item is None else item, part, text, events)

    def part(self, kind: Kind, index: int, place: int, said: Part, events: list[ProviderEvent]) -> None:
        """A part is done: what no delta has said of it is said."""
        item = self._by_index.get(index) or self.places.new(index)
        if item.whole:
            return
        told: tuple[tuple[Kind, str | None], ...] = (
            (KIND_OF_PART.get(said.type, kind), said.text),
            ("refusal", said.refusal),
        )
        for each, text in told:
            if text:
                self._complete(each, item, item.place_of(each, place, text), text, events)
        if place not in item.beside and self._asides.tell(said.annotations, said.logprobs, events):
            item.beside |= {place}

    def item(self, index: int, item: Item, events: list[ProviderEvent], *, whole: bool) -> None:
        """An item begins, or is whole: then what was not said of it is said."""
        said = self.places.found(index, item, whole=whole)
        said.phase = item.phase or said.phase
        if item.type in CALL_TYPES:
            said.call_id = said.call_id or item.call_id
            self._argue(said, item.call_id or item.id, item.name, "", events)
        if said.whole:
            return
        if whole:
            self.cut = self.cut or item.status == "incomplete"
            self._tell(said, item, events)
        elif item.argued or item.content:
            said.announced = item

    def _tell(self, said: Said, item: Item, events: list[ProviderEvent]) -> None:
        """What was not said of an item that is whole."""
        said.whole = True
        match item.type:
            case "function_call" | "custom_tool_call":
                self._complete("arguments", said, 0, item.argued, events)
            case "message":
                self._message(said, item.content or (), events)
            case "reasoning":
                self._parts("summary", said, [part.text or "" for part in item.summary or ()], events)
                self._parts("thought", said, [part.text or "" for part in item.content or ()], events)
                self._state(said, item, events)
            case _:
                pass

    def native(self, index: int, item: Item, written: msgspec.Raw, events: list[ProviderEvent]) -> None:
        """An item of a type that is not read is whole: it is kept as it is written, once."""
        found = Native.of(written)
        if found is None or self._heard(item) or (item.id is None and found.part.details in self._natives):
            return
        self._natives.add(found.part.details)
        self.places.found(index, item, whole=True).whole = True
        self._in_text = False
        if item.type.endswith("_call") and item.type not in CALLERS_TOOLS:
            self.uses[item.type] = self.uses.get(item.type, 0) + 1
        events += found.events()

    def reconcile(self, output: Sequence[Item], written: Written, events: list[ProviderEvent]) -> None:
        """The response is over: what its output says beyond all that was said; calls without arguments have none."""
        self.cut = self.cut or any(item.status == "incomplete" and item.type in ITEM_TYPES for item in output)
        for said in self._items:
            if said.announced is not None and not said.parts and not said.whole:
                self._tell(said, said.announced, events)  # its beginning was all that was said of it
        if not self._items:
            for index, item in enumerate(output):
                if item.type in ITEM_TYPES:
                    self.item(index, item, events, whole=True)
                else:
                    self.native(index, item, written()[index], events)
        elif not all(map(self._heard, output)):
            self._beyond(output, events)
            for index, item in enumerate(output):
                if item.type not in ITEM_TYPES:
                    self.native(index, item, written()[index], events)
        for said in self._items:
            if said.type == "function_call" and not said.parts:
                self._add("arguments", said, 0, "{}", events)
        if self._calls is not None:
            events += self._calls.rest()

    def _heard(self, item: Item) -> bool:
        """Whether an item was told whole, under its id."""
        known = self._by_id.get(item.id) if item.id else None
        return known is not None and known.whole

    def _beyond(self, output: Sequence[Item], events: list[ProviderEvent]) -> None:
        """What is compared is the text of all items: their ids and places may be other ones than in the stream."""
        messages = [part for item in output if item.type == "message" for part in item.content or ()]
        thoughts = [item for item in output if item.type == "reasoning"]
        summaries = [part.text or "" for item in thoughts for part in item.summary or ()]
        contents = [part.text or "" for item in thoughts for part in item.content or ()]
        self._beyond_all("summary", summaries, events)
        self._beyond_all("thought", contents, events)
        for item in thoughts:
            self._state(self._by_id.get(item.id or "") or self.places.new(), item, events)
        self._beyond_all("text", [part.text or "" for part in messages], events)
        self._beyond_all("refusal", [part.refusal or "" for part in messages], events)
        for part in messages:
            self._asides.tell_rest(part.annotations, part.logprobs, events)
        self._beyond_calls([item for item in output if item.type in CALL_TYPES], events)

    def _beyond_calls(self, calls: list[Item], events: list[ProviderEvent]) -> None:
        told = [said for said in self._items if said.type in CALL_TYPES or ("arguments", 0) in said.parts]
        by_call_id = {said.call_id: said for said in told if said.call_id}
        unknown = iter([said for said in told if not said.call_id])
        for place, item in enumerate(calls):
            said = self._by_id.get(item.id or "") or by_call_id.get(item.call_id or "")
            if said is None and not item.call_id and place < len(told):
                said = told[place]
            said = said or next(unknown, None) or self.places.new()
            said.type = item.type
            self._argue(said, item.call_id or item.id, item.name, "", events)
            self._complete("arguments", said, 0, item.argued, events)

    def _beyond_all(self, kind: Kind, parts: list[str], events: list[ProviderEvent]) -> None:
        beyond = list(missing(parts, "".join([said.text(kind) for said in self._items])))
        if beyond:
            item = self.places.new()
            for place, text in beyond:
                self._in_text = self._in_text and text == parts[place]  # the end of a text is no text of its own
                self._add(kind, item, place, text, events)

    def _add(self, kind: Kind, item: Said, part: int, text: str, events: list[ProviderEvent]) -> None:
        pieces = item.parts.get((kind, part))
        if pieces is None:
            pieces = item.parts[kind, part] = []
            self._begin(kind, item, events)
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

    def _begin(self, kind: Kind, item: Said, events: list[ProviderEvent]) -> None:
        """A part begins: two texts stay two, and a text is told with what the provider calls it."""
        if kind == "text":
            if self._in_text or item.phase is not None:
                events.append(PartAdded(TextPart("", phase=item.phase)))
            self._in_text = True
        elif kind != "refusal":
            self._in_text = False

    def _message(self, said: Said, content: Sequence[Part], events: list[ProviderEvent]) -> None:
        """A message is whole: each of its parts, with the citations and the like that belong to it."""
        if not said.parts:  # of which nothing was said
            for place, part in enumerate(content):
                if part.text:
                    self._add("text", said, place, part.text, events)
                if part.refusal:
                    self._add("refusal", said, place, part.refusal, events)
                if place not in said.beside:
                    self._asides.tell(part.annotations, part.logprobs, events)
            return
        texts = dict(missing([part.text or "" for part in content], said.text("text")))
        refusals = dict(missing([part.refusal or "" for part in content], said.text("refusal")))
        for place, part in enumerate(content):
            if place in texts:
                self._in_text = self._in_text and texts[place] == part.text
                self._add("text", said, place, texts[place], events)
            if place in refusals:
                self._add("refusal", said, place, refusals[place], events)
            if place not in said.beside:
                self._asides.tell(part.annotations, part.logprobs, events)

    def _complete(self, kind: Kind, item: Said, part: int, text: str, events: list[ProviderEvent]) -> None:
        """What of a part is beyond what was said of it; nothing, where that was said in other words."""
        if not text:
            return
        pieces = item.parts.get((kind, part)) or []
        if len(pieces) > 1:
            pieces[:] = ["".join(pieces)]  # put together once
        said = pieces[0] if pieces else ""
        if len(text) > len(said) and text.startswith(said):
            self._add(kind, item, part, text[len(said) :], events)

    def _parts(self, kind: Kind, item: Said, parts: list[str], events: list[ProviderEvent]) -> None:
        if not any(parts):
            return
        for place, text in missing(parts, item.text(kind)):
            self._add(kind, item, place, text, events)

    def _state(self, said: Said, item: Item, events: list[ProviderEvent]) -> None:
        """The encrypted form of a reasoning item, once."""
        state = item.encrypted_content
        if not state or not self._states.isdisjoint({state, item.id or state}):
            return
        self._states |= {state, item.id or state}
        block = self._block("thought", said, -1) if said.block is None else said.block
        events.append(ReasoningDelta("", block, item.id, state))

    def _block(self, kind: Kind, item: Said, part: int) -> int:
        block = item.blocks.get((kind, part))
        if block is None:
            block = item.blocks[kind, part] = item.block = self._blocks
            self._blocks += 1
        return block

    def _argue(
        self, item: Said, call_id: str | None, name: str | None, arguments: str, events: list[ProviderEvent]
    ) -> None:
        if name is not None and name == item.name and not arguments:
            name = None  # said once more it would begin another call, where what this one was given looks whole
        item.name = name or item.name
        custom = item.type == "custom_tool_call"
        if self._calls is None:
            self._calls = CallNumbering()
        fragment = self._calls.fragment(item.number, call_id, name, arguments, custom=custom)
        if fragment is not None:
            events.append(fragment)
            self._in_text = False
