"""Turns in the order that a server wants: merged where they must alternate, kept apart where they may not meet."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from ..messages import ChatRequest, Message, Part, TextPart
from ..turns import lifted
from .facts import Facts
from .moves import Move, Refusal

_MERGED = "turns of one side in a row were merged: turns must alternate here"
_PARTED = "a blank assistant turn was put between results of tools and a user's turn, which may not meet here"


def fit_alternation(chat: ChatRequest, facts: Facts) -> Move | Refusal | None:
    """Merge turns of one side in a row where turns must alternate."""
    if not facts.quirks.alternate:
        return None
    chat, moved = lifted(chat)
    messages = chat.messages
    if messages and messages[0].role == "assistant":
        return Refusal("a conversation that the assistant begins")
    merged: list[Message] = []
    for message in messages:
        if merged and message.role == merged[-1].role and message.role in ("user", "assistant"):
            merged[-1] = _joined(merged[-1], message)
        else:
            merged.append(message)
    if len(merged) < len(messages):
        chat, moved = msgspec.structs.replace(chat, messages=tuple(merged)), (*moved, _MERGED)
    return Move(chat, "turns of one side in a row", moved) if moved else None


def fit_user_after_tool(chat: ChatRequest, facts: Facts) -> Move | None:
    """Put a blank assistant turn between results of tools and a user's turn where the two may not meet.

    Such a server takes a system text first or behind a user's turn only, too (mistral-common's validator): any other
    is moved to the beginning.
    """
    if facts.quirks.user_after_tool:
        return None
    chat, moved = _with_system_in_place(chat)
    if not _meet(chat.messages):
        return Move(chat, "a system text behind an assistant's turn or a tool's result", moved) if moved else None
    parted: list[Message] = []
    for message in chat.messages:
        if message.role == "user" and parted and parted[-1].role == "tool":
            parted.append(Message("assistant", (TextPart(" "),)))  # one that says nothing at all is refused, too
        parted.append(message)
    chat = msgspec.structs.replace(chat, messages=tuple(parted))
    return Move(chat, "a user's turn after a tool's result", (*moved, _PARTED))


def _with_system_in_place(chat: ChatRequest) -> tuple[ChatRequest, tuple[str, ...]]:
    """A request without system texts behind turns of the assistant's side."""
    first: set[int] = set()
    placed: set[int] = set()
    before = ""
    for place, message in enumerate(chat.messages):
        if message.role != "system":
            before = message.role
        elif before in ("", "user"):
            (placed if before else first).add(place)
    if all(message.role != "system" or place in first | placed for place, message in enumerate(chat.messages)):
        return chat, ()
    return lifted(chat, frozenset(placed))


def _meet(messages: Sequence[Message]) -> bool:
    return any(one.role == "tool" and other.role == "user" for one, other in pairwise(messages))


def _joined(one: Message, other: Message) -> Message:
    """Two turns of one side as one; texts that meet are parted by a blank line, as paragraphs are."""
    first, second = one.plain_text, other.plain_text
    content: tuple[Part, ...] = (*one.content, *other.content)
    if first is not None and second is not None:
        content = (TextPart(f"{first}\n\n{second}"),)
    return msgspec.structs.replace(one, content=content, tool_calls=(), reasoning=())
