"""Conversations as dialects with two roles have them: runs of one side, calls by id, images by where they are."""

import mimetypes
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from msgspec.structs import replace

from .messages import AllowedTools, ChatRequest, ImagePart, Message, TextPart, ToolCall
from .provider import Unsupported

Placed: TypeAlias = frozenset[int]
"""Places of messages in a conversation."""


def without_end_blanks(prefill: str | None) -> tuple[str, str]:
    """A prefill for an API that refuses white space at its end, and that white space."""
    begun = (prefill or "").rstrip()
    return begun, (prefill or "")[len(begun) :]


def lifted(chat: ChatRequest, placed: Placed = frozenset()) -> tuple[ChatRequest, tuple[str, ...]]:
    """A request for a dialect with one system text, which stands first; and what was moved for it.

    Where there is nothing but system texts they become the user's turn: such a dialect wants one.

    Args:
        placed: The system messages that stay where they are, see `in_place`.
    """
    if all(message.role != "system" for message in chat.messages):
        return chat, ()
    texts = [chat.system] if chat.system else []
    moving = [place for place, message in enumerate(chat.messages) if message.role == "system" and place not in placed]
    texts += [chat.messages[place].text for place in moving]
    turns = tuple(message for place, message in enumerate(chat.messages) if place not in moving)
    joined = "\n\n".join(filter(None, texts))
    if not turns:
        parts = system_parts(chat)
        said = joined if all(part.cache is None for part in parts) else parts
        moved = replace(chat, messages=(Message("user", said),), system=None)
        return moved, ("the system text was said as a user's turn: this API wants one",)
    first = next(place for place, message in enumerate(chat.messages) if message.role != "system")
    among = any(place > first for place in moving)
    note = "system messages were moved before the conversation: this API takes them there only"
    return replace(chat, messages=turns, system=joined), (note,) if among else ()


def in_place(messages: Sequence[Message]) -> Placed:
    """The places of system messages that an API takes in the midst of a conversation, where it does.

    That is, of those that stand behind a turn of the user's side, and before one of the model's or at the end.
    """
    placed: set[int] = set()
    run: list[int] = []
    before = ""
    for place, message in enumerate(messages):
        if message.role == "system":
            run.append(place)
        elif says_anything(message):
            if message.role == "assistant" and before in _USERS_SIDE:
                placed.update(run)
            run, before = [], message.role
    return frozenset((*placed, *run) if before in _USERS_SIDE else placed)


_USERS_SIDE = ("user", "tool")


def says_anything(message: Message) -> bool:
    """Is a turn more than nothing at all?"""
    return message.role == "tool" or bool(message.text) or any(type(part) is not TextPart for part in message.content)


def system_parts(chat: ChatRequest, placed: Placed = frozenset()) -> tuple[TextPart, ...]:
    """The system texts of a conversation, each by itself, for a dialect that can mark one of them.

    Args:
        placed: The system messages that are not among them.
    """
    first = (TextPart(chat.system),) if chat.system else ()
    moving = (m for place, m in enumerate(chat.messages) if m.role == "system" and place not in placed)
    among = (part for message in moving for part in message.content)
    return (*first, *(part for part in among if isinstance(part, TextPart) and part.text))


def cache_marks(chat: ChatRequest) -> int:
    """How many marks for the cache a request has."""
    parts = (part for message in chat.messages for part in message.content)
    tools: Iterable[object] = (*chat.tools, *parts)
    return sum(getattr(each, "cache", None) is not None for each in tools)


def only_allowed(chat: ChatRequest) -> tuple[ChatRequest, dict[str, str]]:
    """A request for a dialect that has no choice of several tools: the others are not offered. And what became of it.

    Returns:
        The request, and a note by the feature's name.
    """
    choice = chat.tool_choice
    if not isinstance(choice, AllowedTools):
        return chat, {}
    tools = tuple(tool for tool in chat.tools if tool.name in choice.names)
    only = replace(chat, tools=tools, tool_choice="required" if choice.required else "auto")
    return only, {"allowed tools": "said otherwise: this API has no such choice, and the others are not offered"}


def sides(messages: Sequence[Message]) -> Iterator[tuple[bool, tuple[Message, ...]]]:
    """Runs of messages of one side, in order: `(whether it is the assistant's, its messages)`.

    Users and tools are one side. Messages that say nothing at all are left out: no such dialect takes an empty turn.
    """
    saying = filter(says_anything, messages)
    for is_assistant, run in groupby(saying, key=lambda message: message.role == "assistant"):
        yield is_assistant, tuple(run)


def calls_by_id(messages: Sequence[Message]) -> dict[str, ToolCall]:
    """Every tool call of a conversation: a result names its call by id alone, some dialects want the name too."""
    return {call.id: call for message in messages for call in message.tool_calls}


def image_data(image: ImagePart) -> tuple[str, str] | None:
    """`(media type, base64 text)` of an image that is sent along; None for one at a URL.

    Raises:
        Unsupported: It is a data URL of another kind.
    """
    if image.data is None and image.url[:5].lower() == "data:":
        raise Unsupported("an image as a data URL without base64")
    return image.data


def image_type(image: ImagePart) -> str:
    """The media type of an image at a URL, by the name of its file.

    Raises:
        Unsupported: The name does not tell.
    """
    found, _ = mimetypes.guess_type(image.url.partition("?")[0].partition("#")[0])
    if found is None:
        raise Unsupported("an image at a URL that does not tell its type")
    return found
