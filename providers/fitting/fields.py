"""Fields of a request that a model or a server does not take: harmless ones are left out, others refused."""

from collections.abc import Iterable
from typing import get_args

import msgspec

from ..asked import FEATURES
from ..messages import ChatRequest, Verbosity
from .effort import thinks_with
from .facts import Facts
from .moves import Move, Refusal, left_out, said_as

SAMPLING = ("temperature", "top_p", "top_k", "min_p")
_VERBOSITIES: tuple[Verbosity, ...] = get_args(Verbosity)
PENALTIES = ("frequency_penalty", "presence_penalty")

HARMLESS = frozenset(
    {
        *SAMPLING, *PENALTIES, "seed", "parallel_tool_calls", "reasoning_effort",
        *(name for name, feature in FEATURES.items() if feature.harmless and name in ChatRequest.__struct_fields__),
    }
)  # fmt: skip
"""Fields that shape an answer without being what was asked: leaving one out is noted, not refused."""

_DEFAULTS = {name: getattr(ChatRequest(messages=()), name) for name in ChatRequest.__struct_fields__}


def fit_sampling(chat: ChatRequest, facts: Facts) -> Move | None:
    """Leave sampling out where the model is not sampled, or not while it thinks."""
    known = facts.capabilities
    effort = thinks_with(chat, facts)
    beside = known.sampling_efforts
    if known.sampling is False:
        why = f"{facts.model} does not take it"
    elif beside is not None and effort is not None and effort not in beside:
        why = f"{facts.model} takes it beside reasoning_effort {', '.join(beside)} only"
    else:
        return _without(chat, PENALTIES, f"{facts.model} does not take it") if known.penalties is False else None
    return _without(chat, SAMPLING if known.penalties else (*SAMPLING, *PENALTIES), why)


def fit_temperature(chat: ChatRequest, facts: Facts) -> Move | None:
    """Lower a temperature to the highest that the model takes."""
    highest = facts.capabilities.temperature_max
    if chat.temperature is None or highest is None or chat.temperature <= highest:
        return None
    note = said_as(f"temperature {chat.temperature:g}", f"{highest:g}", f"{facts.model} goes no higher")
    return Move(msgspec.structs.replace(chat, temperature=highest), f"temperature above {highest:g}", (note,))


def fit_logprobs(chat: ChatRequest, facts: Facts) -> Refusal | None:
    """Refuse to ask how likely tokens were where the model does not tell: it is what was asked for."""
    return Refusal("logprobs") if chat.logprobs or chat.top_logprobs else None


def fit_verbosity(chat: ChatRequest, facts: Facts) -> Move | None:
    """Move the verbosity to the nearest value that the model takes; leave it out where it takes none."""
    asked, allowed = chat.verbosity, facts.capabilities.verbosities
    if asked is None or allowed is None or asked in allowed:
        return None
    if not allowed:
        return _without(chat, ("verbosity",), f"{facts.model} takes none at all")
    found = min(allowed, key=lambda value: abs(_VERBOSITIES.index(value) - _VERBOSITIES.index(asked)))
    note = said_as(f"verbosity {asked}", found, f"{facts.model} takes only {', '.join(allowed)}")
    return Move(msgspec.structs.replace(chat, verbosity=found), f"verbosity {asked}", (note,))


def fit_seed(chat: ChatRequest, facts: Facts) -> Move | None:
    """Leave a seed out where none is taken."""
    return _without(chat, ("seed",), f"{facts.model} does not take it") if facts.capabilities.seed is False else None


def fit_service_tier(chat: ChatRequest, facts: Facts) -> Move | None:
    """Leave a tier out that the model is not served in: the usual one answers, at its price."""
    lacks = facts.capabilities.service_tier_lacks
    refused = lacks is not None and chat.service_tier in lacks
    why = f"{facts.model} is not served as {chat.service_tier}"
    return _without(chat, ("service_tier",), why) if refused else None


def fit_lacks(chat: ChatRequest, facts: Facts) -> Move | Refusal | None:
    """Leave out, or refuse, what the server has no field for."""
    lacks = facts.quirks.lacks
    if isinstance(chat.tool_choice, str) and chat.tool_choice not in ("auto", "none", "required"):
        if "tool_choice of one tool" in lacks:
            return Refusal("tool_choice of one tool")
    elif chat.tool_choice == "auto" and "tool_choice" in lacks:
        chat = msgspec.structs.replace(chat, tool_choice=None)  # what it does anyway
        return _lacking(chat, lacks) or Move(chat, "", ())
    return _lacking(chat, lacks)


def _lacking(chat: ChatRequest, lacks: frozenset[str]) -> Move | Refusal | None:
    for name in sorted(lacks):
        if name not in HARMLESS and _DEFAULTS.get(name) != getattr(chat, name, None) and _matters(chat, name):
            return Refusal(name)
    return _without(chat, sorted(lacks & HARMLESS), "this provider does not take it")


def _matters(chat: ChatRequest, name: str) -> bool:
    return bool(chat.tools) if name == "tool_choice" else True


def _without(chat: ChatRequest, names: Iterable[str], why: str) -> Move | None:
    given = [name for name in names if getattr(chat, name) != _DEFAULTS[name]]
    if not given:
        return None
    chat = msgspec.structs.replace(chat, **{name: _DEFAULTS[name] for name in given})
    return Move(chat, given[0], tuple(left_out(name, why) for name in given))


def fit_max_tokens(chat: ChatRequest, facts: Facts) -> Refusal | None:
    """Refuse a longer answer than the model can give: the limit is never moved."""
    most = facts.capabilities.output_max
    return Refusal(f"max_tokens above {most}") if most is not None and (chat.max_tokens or 0) > most else None


def fit_stop(chat: ChatRequest, facts: Facts) -> Refusal | None:
    """Refuse more stop texts than the model takes: an answer would go on."""
    most = facts.capabilities.max_stop
    if most is None or len(chat.stop) <= most:
        return None
    return Refusal(f"more than {most} stop texts" if most else "stop")


def fit_prefill(chat: ChatRequest, facts: Facts) -> Refusal | None:
    """Refuse a prefill where the model begins anew."""
    return Refusal("prefill") if chat.prefill is not None and facts.capabilities.prefill == "none" else None
