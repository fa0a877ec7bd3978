"""The rules in their order, and what becomes of a request by them."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ..capabilities import Capabilities
from ..fit import Row, fit
from ..messages import ChatRequest, plain_text
from ..provider import Unsupported
from ..quirks import ON_OFF, Quirks
from .attachments import fit_attachments
from .call_ids import fit_call_ids
from .effort import fit_budget, fit_effort, fit_levels
from .facts import Facts
from .fields import (
    PENALTIES,
    SAMPLING,
    fit_lacks,
    fit_logprobs,
    fit_max_tokens,
    fit_prefill,
    fit_sampling,
    fit_seed,
    fit_service_tier,
    fit_stop,
    fit_temperature,
    fit_verbosity,
)
from .moves import Refusal, Rule
from .schemas import fit_json, fit_schemas
from .turns import fit_alternation, fit_user_after_tool

_ASKED = ChatRequest.__struct_fields__[1:]


class Watched(NamedTuple):
    """A rule, and when it is asked.

    Attributes:
        fields: Of the request: one of them at least is given; empty: it is about the turns.
        matters: Something is known that the rule goes by.
    """

    rule: Rule
    fields: tuple[str, ...]
    matters: Callable[[Capabilities, Quirks], bool]


def _has(*names: str) -> Callable[[Capabilities, Quirks], bool]:
    return lambda known, quirks: any(getattr(known, name) is not None for name in names)


RULES: tuple[Watched, ...] = (
    Watched(fit_lacks, _ASKED, lambda known, quirks: bool(quirks.lacks)),
    Watched(
        fit_json,
        ("response_format",),
        lambda known, quirks: (
            False in (known.json_schema, known.json_object, known.tools_with_json) or quirks.json == "json_object"
        ),
    ),
    Watched(fit_max_tokens, ("max_tokens",), _has("output_max")),
    Watched(fit_stop, ("stop",), _has("max_stop")),
    Watched(fit_prefill, ("prefill",), _has("prefill")),
    Watched(fit_schemas, ("response_format", "tools"), _has("closed_schemas", "full_schemas", "schema_lacks")),
    Watched(
        fit_effort,
        ("reasoning_effort", "tools"),
        lambda known, quirks: known.reasoning is False or not (known.efforts is known.efforts_with_tools is None),
    ),
    Watched(fit_budget, ("reasoning_budget_tokens",), _has("thinking_max")),
    Watched(fit_levels, ("reasoning_effort",), lambda known, quirks: quirks.effort in ON_OFF),
    Watched(fit_sampling, (*SAMPLING, *PENALTIES), _has("sampling", "sampling_efforts", "penalties")),
    Watched(fit_temperature, ("temperature",), _has("temperature_max")),
    Watched(fit_seed, ("seed",), _has("seed")),
    Watched(fit_logprobs, ("logprobs", "top_logprobs"), lambda known, quirks: known.logprobs is False),
    Watched(fit_verbosity, ("verbosity",), _has("verbosities")),
    Watched(fit_service_tier, ("service_tier",), _has("service_tier_lacks")),
    Watched(
        fit_attachments,
        (),
        lambda known, quirks: (
            known.images is False
            or _has("image_types", "image_bytes_max", "images_max", "file_bytes_max", "audio_types")(known, quirks)
            or not quirks.lacks.isdisjoint(("images", "images by URL"))
        ),
    ),
    Watched(fit_alternation, (), lambda known, quirks: quirks.alternate),
    Watched(fit_user_after_tool, (), lambda known, quirks: not quirks.user_after_tool),
    Watched(fit_call_ids, (), lambda known, quirks: quirks.call_id is not None),
)
"""All rules, in their order: sampling depends on the effort, and turns are merged before their ids are looked at."""

_UNKNOWN = Capabilities()
_FROM = ChatRequest.__struct_fields__.index("tools")
_PLACES = {name: place for place, name in enumerate(ChatRequest.__struct_fields__)}
_NOTHING = msgspec.structs.astuple(ChatRequest(messages=()))
_NOTHING_ASKED = _NOTHING[_FROM:]
_KEPT = "rules"


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
        and plain_text(messages[0]) is not None
        and messages[0].role == "user"
        and msgspec.structs.astuple(chat)[_FROM:] == _NOTHING_ASKED
    ):
        return chat, ()  # the plain question, which every model takes
    notes: list[str] = []
    given = _given(chat)
    for rule, places in facts.kept.get(_KEPT) or _rules(facts):
        if places.isdisjoint(given):
            continue
        found = rule(chat, facts)
        if found is None:
            continue
        if isinstance(found, Refusal):
            raise Unsupported(found.feature)
        if facts.fit == "strict" and found.notes:
            raise Unsupported(found.feature)
        chat, given = found.chat, _given(found.chat)
        notes += found.notes
    if rows:
        notes += fit(chat, rows, facts.capabilities, facts.fit)
    return chat, tuple(notes)


def _given(chat: ChatRequest) -> list[int]:
    """The places of the fields that a request has, its turns among them."""
    return [place for place, value in enumerate(msgspec.structs.astuple(chat)) if value != _NOTHING[place]]


def _rules(facts: Facts) -> tuple[tuple[Rule, frozenset[int]], ...]:
    """The rules that these facts say something to, each with the places of the fields that it watches."""
    found = tuple(
        (watched.rule, frozenset(_PLACES[name] for name in watched.fields or ("messages",)))
        for watched in RULES
        if watched.matters(facts.capabilities, facts.quirks)
    )
    facts.kept[_KEPT] = found
    return found
