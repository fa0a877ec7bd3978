"""What an item of a response is made of, and what was said of it so far."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

CALL_TYPES = frozenset({"function_call", "custom_tool_call"})
"""Items that are calls of the caller's tools."""
ITEM_TYPES = frozenset({"message", "reasoning", *CALL_TYPES})
"""Items that are read; all others are kept as they are."""
PART_TYPES = frozenset({"output_text", "text", "refusal", "summary_text", "reasoning_text"})

Kind: TypeAlias = Literal["text", "refusal", "summary", "thought", "arguments"]
"""What a piece is a piece of."""

KINDS_OF: Mapping[str, tuple[Kind, ...]] = {
    "message": ("text", "refusal"),
    "reasoning": ("summary", "thought"),
    "function_call": ("arguments",),
    "custom_tool_call": ("arguments",),
}
CALLERS_TOOLS = frozenset(
    {"function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call"}
)
"""Calls that the caller answers; those of all other tools are run by the provider."""
KIND_OF_PART: Mapping[str, Kind] = {"summary_text": "summary", "reasoning_text": "thought"}


class Part(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: msgspec.Raw = msgspec.Raw()
    logprobs: msgspec.Raw = msgspec.Raw()


class Item(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    phase: str | None = None
    status: str | None = None
    content: list[Part] | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None

    @property
    def argued(self) -> str:
        """What a call was given: arguments, or the input of a custom tool."""
        return (self.input if self.type == "custom_tool_call" else self.arguments) or ""


class Said:
    """One item, as far as it was told.

    Attributes:
        number: Its place among all items, also of a server that numbers none.
        parts: The pieces of each part, in the order in which the parts began.
        phase: What the provider calls its texts.
        announced: It, where its beginning held something already.
        whole: It came whole: it is not told again.
        block: The last of its blocks of thinking.
        beside: The places of the parts beside which citations and the like were told.
        done: Where a part that is done stands among those that were said, by the place that it is done at.
    """

    __slots__ = (
        "announced", "beside", "block", "blocks", "call_id", "done", "id", "name", "number", "parts", "phase", "type",
        "whole",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.type = ""
        self.announced: Item | None = None
        self.id: str | None = None
        self.call_id: str | None = None
        self.name: str | None = None
        self.phase: str | None = None
        self.beside: frozenset[int] = frozenset()
        self.done: dict[tuple[Kind, int], int] = {}
        self.parts: dict[tuple[Kind, int], list[str]] = {}
        self.blocks: dict[tuple[Kind, int], int] = {}
        self.block: int | None = None
        self.whole = False

    def handed_over(self, kinds: tuple[Kind, ...]) -> dict[tuple[Kind, int], list[str]]:
        """The parts of these kinds, which are another item's: it was not announced, and has no place of its own."""
        handed = {key: pieces for key, pieces in self.parts.items() if key[0] in kinds}
        self.parts = {key: pieces for key, pieces in self.parts.items() if key not in handed}
        return handed

    def place_of(self, kind: Kind, place: int, text: str) -> int:
        """The place of a part that is done: its own, or that of its pieces, which some servers count otherwise."""
        found = self.done.get((kind, place))
        if found is None:
            found = place
            if (kind, place) not in self.parts:
                closed = {(each, at) for (each, _), at in self.done.items()}
                open_parts = (key for key in self.parts if key[0] == kind and key not in closed)
                found = next((at for each, at in open_parts if text.startswith("".join(self.parts[each, at]))), place)
            self.done[kind, place] = found
        return found

    def text(self, kind: Kind) -> str:
        """All that was said of one kind."""
        return "".join(["".join(pieces) for (each, _), pieces in self.parts.items() if each == kind])


def missing(parts: Sequence[str], said: str) -> Iterator[tuple[int, str]]:
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
