"""The reasoning effort, moved to the nearest value that a model takes; and what it may not be beside."""

from collections.abc import Iterable
from typing import get_args

import msgspec

from ..messages import ChatRequest, ReasoningEffort
from ..quirks import ON_OFF
from .facts import Facts
from .moves import Move, left_out, said_as

_ORDER: tuple[ReasoningEffort, ...] = get_args(ReasoningEffort)


def fit_effort(chat: ChatRequest, facts: Facts) -> Move | None:
    """Move the effort to the nearest value that the model takes, also where it is only the model's own that is not.

    A value that is what the model does by itself is left out.
    """
    known, asked = facts.capabilities, chat.reasoning_effort
    default = known.effort_default
    beside = known.efforts_with_tools is not None and bool(chat.tools)
    allowed = known.efforts_with_tools if beside else () if known.reasoning is False else known.efforts
    if allowed is None or asked in allowed:
        return None
    if asked is None and (not beside or default is None or default in allowed):
        return None
    takes = f"{facts.model} takes {_listed(allowed)}{' beside tools' if beside else ''}"
    candidates: set[ReasoningEffort] = set(allowed)
    if default is not None and not beside:
        candidates.add(default)
    found = nearest(asked or default or "none", candidates)
    what = "reasoning_effort" if asked is None else f"reasoning_effort {asked}"
    if not allowed or found is None or found == default:
        note = left_out("reasoning_effort" if not allowed else what, takes)
        return Move(msgspec.structs.replace(chat, reasoning_effort=None), "reasoning_effort", (note,))
    return Move(msgspec.structs.replace(chat, reasoning_effort=found), what, (said_as(what, found, takes),))


def fit_budget(chat: ChatRequest, facts: Facts) -> Move | None:
    """Move a budget of tokens for thinking to the nearest that the model takes."""
    asked, most, least = chat.reasoning_budget_tokens, facts.capabilities.thinking_max, facts.capabilities.thinking_min
    if asked is None or most is None:
        return None
    found = max(min(asked, most), least or 0)
    if found == asked:
        return None
    note = said_as(f"reasoning_budget_tokens {asked}", found, f"{facts.model} takes from {least or 0} to {most}")
    return Move(msgspec.structs.replace(chat, reasoning_budget_tokens=found), "reasoning_budget_tokens", (note,))


def fit_levels(chat: ChatRequest, facts: Facts) -> Move | None:
    """Note that a server knows thinking as on and off alone."""
    asked, form = chat.reasoning_effort, facts.quirks.effort
    if asked in (None, "none") or form not in ON_OFF:
        return None
    note = f"reasoning_effort {asked} was said otherwise: thinking is on or off here"
    return Move(chat, f"reasoning_effort {asked}", (note,))


def nearest(wanted: ReasoningEffort, allowed: Iterable[ReasoningEffort]) -> ReasoningEffort | None:
    """The value nearest to the one that was asked for, the lesser of two; None where there is none.

    Thinking that was asked for is only switched off where there is no other value.
    """
    candidates: list[ReasoningEffort] = list(allowed)
    thinking: list[ReasoningEffort] = [value for value in candidates if value != "none"]
    rank = _ORDER.index(wanted)
    of = thinking if thinking and wanted != "none" else candidates
    return min(of, key=lambda value: (abs(_ORDER.index(value) - rank), _ORDER.index(value)), default=None)


def thinks_with(chat: ChatRequest, facts: Facts) -> ReasoningEffort | None:
    """The effort that a request comes to; None where that is not known."""
    return chat.reasoning_effort or facts.capabilities.effort_default


def _listed(efforts: tuple[ReasoningEffort, ...]) -> str:
    return ", ".join(efforts) if len(efforts) > 1 else f"only {efforts[0]}" if efforts else "none at all"
