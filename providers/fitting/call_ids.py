"""Ids of tool calls in the form that a server takes: the same for the same foreign id, and never one for two.

A call and its result are told together by their id alone, and ids come from whoever made the call. One that does not
fit is sent as a hash of itself, so that every process makes the same one of it, in every turn.
"""

import hashlib
import re
import string
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ..messages import ChatRequest, Message, ToolCall
from ..quirks import CALL_ID
from .facts import Facts
from .moves import Move

_ALPHABET = string.digits + string.ascii_letters

LENGTH_USUAL = 32
"""Letters of a made id, where the server takes that many: 190 bits of a hash."""


class IdForm(NamedTuple):
    """The ids that a server takes.

    Attributes:
        pattern: Those that fit.
        letters: Of which one is made.
        length: Of one that is made.
    """

    pattern: re.Pattern[str]
    letters: str
    length: int


@lru_cache(256)
def id_form(form: str) -> IdForm:
    """Read a form of ids: one class of characters and how many of them, as a regular expression has it.

    Raises:
        ValueError: It is none.
    """
    found = CALL_ID.fullmatch(form)
    if found is None:
        raise ValueError("a form of ids is one class of characters and how many of them: [a-zA-Z0-9]{1,64}")
    one, least, most = found.groups()
    letters = "".join(letter for letter in _ALPHABET if re.fullmatch(one, letter))
    if len(letters) < 2:
        raise ValueError("a form of ids must allow two letters or digits")
    highest = int(most or least) if least else LENGTH_USUAL
    return IdForm(re.compile(form), letters, max(1, min(LENGTH_USUAL, highest), int(least or 1)))


def fit_call_ids(chat: ChatRequest, facts: Facts) -> Move | None:
    """Send ids that do not fit as others."""
    form = facts.quirks.call_id
    if form is None:
        return None
    ids = [call.id for message in chat.messages for call in message.tool_calls]
    ids += [message.tool_call_id for message in chat.messages if message.tool_call_id is not None]
    sent = sent_ids(ids, form)
    if not sent:
        return None
    messages = tuple(_renamed(message, sent) for message in chat.messages)
    note = f"ids of tool calls were said otherwise: those that are taken here are {form}"
    return Move(msgspec.structs.replace(chat, messages=messages), "the ids of its tool calls", (note,))


def sent_ids(ids: Iterable[str], form: str) -> dict[str, str]:
    """How ids that do not fit are sent: no two as one, and none as an id that fits and is there too."""
    wanted = id_form(form)
    distinct = dict.fromkeys(ids)
    taken = {call_id for call_id in distinct if wanted.pattern.fullmatch(call_id)}
    sent: dict[str, str] = {}
    for call_id in distinct:
        if call_id in taken:
            continue
        salt = 0
        while (made := _made(call_id, salt, wanted)) in taken:
            salt += 1
        sent[call_id] = made
        taken.add(made)
    return sent


def _made(call_id: str, salt: int, form: IdForm) -> str:
    told = call_id if not salt else f"{call_id}\0{salt}"
    number = int.from_bytes(hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest())
    base = len(form.letters)
    return "".join(form.letters[number // base**place % base] for place in range(form.length))


def _renamed(message: Message, sent: dict[str, str]) -> Message:
    if any(call.id in sent for call in message.tool_calls):
        content = tuple(
            msgspec.structs.replace(part, id=sent.get(part.id, part.id)) if isinstance(part, ToolCall) else part
            for part in message.content
        )
        message = msgspec.structs.replace(message, content=content, tool_calls=(), reasoning=())
    if message.tool_call_id in sent:
        message = msgspec.structs.replace(message, tool_call_id=sent[message.tool_call_id or ""])
    return message
