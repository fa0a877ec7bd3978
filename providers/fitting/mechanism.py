"""The rules in their order, and what becomes of a request by them."""

import msgspec

from ..capabilities import Capabilities
from ..fit import Row, fit
from ..messages import ChatRequest
from ..provider import Unsupported
from .call_ids import fit_call_ids
from .effort import fit_effort, fit_levels
from .facts import Facts
from .fields import (
    fit_lacks,
    fit_max_tokens,
    fit_prefill,
    fit_sampling,
    fit_seed,
    fit_stop,
    fit_temperature,
    fit_verbosity,
)
from .images import fit_images
from .moves import Refusal, Rule
from .schemas import fit_json, fit_schemas
from .turns import fit_alternation, fit_user_after_tool

OF_FIELDS: tuple[Rule, ...] = (
    fit_lacks,
    fit_json,
    fit_max_tokens,
    fit_stop,
    fit_prefill,
    fit_schemas,
    fit_effort,
    fit_levels,
    fit_sampling,
    fit_temperature,
    fit_seed,
    fit_verbosity,
)
"""The rules about what a request asks besides its turns, in their order: sampling depends on the effort."""

OF_TURNS: tuple[Rule, ...] = (fit_images, fit_alternation, fit_user_after_tool, fit_call_ids)
"""The rules about the turns of a conversation."""

_UNKNOWN = Capabilities()
_FROM = ChatRequest.__struct_fields__.index("tools")
_NOTHING_ASKED = msgspec.structs.astuple(ChatRequest(messages=()))[_FROM:]


def fitted(chat: ChatRequest, facts: Facts, rows: tuple[Row, ...] = ()) -> tuple[ChatRequest, tuple[str, ...]]:
    """The request as it is sent to the target that these facts are about, and notes on what was moved.

    Args:
        rows: What the dialect has no words for, whatever the facts.

    Raises:
        Unsupported: It cannot be sent there; or something would have to be moved, and nothing may be.
    """
    if facts.fit == "off":
        return chat, fit(chat, rows, _UNKNOWN) if rows else ()
    messages = chat.messages
    if (
        len(messages) == 1
        and messages[0].plain_text is not None
        and messages[0].role == "user"
        and msgspec.structs.astuple(chat)[_FROM:] == _NOTHING_ASKED
    ):
        return chat, ()  # the plain question, which every model takes
    notes: list[str] = []
    for rule in (*OF_FIELDS, *OF_TURNS):
        found = rule(chat, facts)
        if found is None:
            continue
        if isinstance(found, Refusal):
            raise Unsupported(found.feature)
        if facts.fit == "strict" and found.notes:
            raise Unsupported(found.feature)
        chat = found.chat
        notes += found.notes
    if rows:
        notes += fit(chat, rows, facts.capabilities, facts.fit)
    return chat, tuple(notes)
