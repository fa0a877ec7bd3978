"""Requests of Anthropic's Messages API: write a neutral request, and name what cannot be written.

Facts: the SDK's types, the pages on versioning and on extended thinking. Two API versions are spoken; sampling exists
in the classic one only.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..asked import unsaid
from ..fit import Row, fit, left_out, noted, refused
from ..fitting import Facts
from ..messages import ChatRequest
from ..origin import Origin
from ..returning import Returning
from ..turns import in_place, lifted, only_allowed, system_parts, without_end_blanks
from .anthropic_blocks import MessageWriter
from .anthropic_thinking import budget_notes, thinking_field, thinks

CLASSIC_VERSION = "2023-06-01"

ALWAYS: tuple[Row, ...] = (
    left_out("image detail", "this API has none"),
    refused("images in assistant turns", "this API takes them from users and tools only"),
    refused("stop texts of white space", "this API refuses them"),
    left_out("seed", "this API has none"),
    left_out("frequency_penalty", "this API has none"),
    left_out("presence_penalty", "this API has none"),
    refused("response_format without a schema", "this API enforces a schema, and one that allows any object is none"),
    refused("prefill with a response_format", "this API refuses the two together"),
    refused("prefill with a forced tool", "this API refuses the two together"),
)
UNSAMPLED: tuple[Row, ...] = (
    left_out("temperature", "neither the newer API version, nor newer models, nor a thinking model take it"),
    left_out("top_p", "neither the newer API version, nor newer models, nor a thinking model take it"),
)
SAMPLED: tuple[Row, ...] = (left_out("top_p beside temperature", "this API wants one of the two altered, not both"),)
THOUGHTLESS: tuple[Row, ...] = (
    left_out(
        "reasoning_effort",
        "this model does not think; or thinking is refused beside a prefill, a forced tool, fewer than 1025 tokens, or"
        " a turn with tool calls whose thoughts were another provider's",
    ),
)

FIT = ALWAYS + UNSAMPLED + SAMPLED + THOUGHTLESS
"""What the Messages API cannot say: always, or as the API version and thinking have it."""

OUTPUT_DEFAULT = 32_000
"""The most tokens of an answer where neither the caller nor what is known of the model says: this API wants a limit."""


SAYS = frozenset(
    {
        "refusals",
        "files",
        "files by URL",
        "files by id",
        "citations",
        "native parts",
        "cache marks",
        "allowed tools",
        "native tools",
        "reasoning_budget_tokens",
        "user",
        "safety_identifier",
        "service_tier",
    }
)
"""What this API has words for, of `asked.FEATURES`."""

_TIERS = {"auto": "auto", "standard_only": "standard_only", "standard": "standard_only", "default": "standard_only"}
"""Its own two words, and those of OpenAI's API that mean one of them."""


def messages_body(
    chat: ChatRequest, here: Callable[[], Origin], facts: Facts, options: Mapping[str, Any], version: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request without the model's name, and notes on what was left out.

    Args:
        here: The target: opaque state goes back to its origin only.
        options: The target's own settings; `thinking_budget` in tokens wins over the effort.
        version: Of the API.

    Raises:
        Unsupported: See `FIT`; or an image, a file or a call's arguments cannot be said.
    """
    placed = in_place(chat.messages) if facts.capabilities.system_in_place else frozenset()
    system = system_parts(chat, placed)
    chat, moved = lifted(chat, placed)
    chat, told = only_allowed(chat)
    returning = Returning(here)
    known = facts.capabilities
    max_tokens = chat.max_tokens if chat.max_tokens is not None else known.output_default or OUTPUT_DEFAULT
    thinking = thinking_field(chat, here, known, options.get("thinking_budget"), max_tokens)
    samples = version == CLASSIC_VERSION and not thinks(thinking)
    rows = ALWAYS + (SAMPLED if samples else UNSAMPLED) + (() if thinks(thinking) else THOUGHTLESS)
    draws = samples and known.sampling is not False
    notes = fit(chat, rows, known, facts.fit) + unsaid(chat, SAYS | {"top_k"} if draws else SAYS, facts.fit)
    writer = MessageWriter(chat, returning)
    mark, tier = _mark_of_the_user(chat), _TIERS.get(chat.service_tier or "")
    body: dict[str, Any] = {
        "max_tokens": max_tokens,
        "tools": writer.tools(chat),  # the cache holds tools, then the system text, then the turns
        "system": writer.system(chat, system),
        "messages": _begun(writer.turns(chat), chat.prefill),
        "tool_choice": _tool_choice(chat) if chat.tools or chat.native_tools else None,
        "stop_sequences": list(chat.stop) or None,
        "thinking": thinking or None,
        "output_config": _output_config(chat, thinking) or None,
        "metadata": {"user_id": mark} if mark else None,
        "service_tier": tier,
        **(_sampling(chat) if samples else {}),
        **({"top_k": chat.top_k} if draws else {}),
    }
    told |= budget_notes(chat, thinking) | writer.notes
    if chat.user not in (None, mark):
        told["user"] = "left out: this API has one mark of a user, and safety_identifier is sent"
    if chat.service_tier is not None and tier is None:
        told["service_tier"] = "left out: this API knows auto and standard_only"
    return body, (*moved, *notes, *noted(told, facts.fit), *returning.notes(chat.messages))


def _mark_of_the_user(chat: ChatRequest) -> str | None:
    return chat.safety_identifier if chat.safety_identifier is not None else chat.user


def _sampling(chat: ChatRequest) -> dict[str, Any]:
    if chat.temperature is not None:
        return {"temperature": chat.temperature}
    return {"top_p": chat.top_p} if chat.top_p is not None else {}


def _output_config(chat: ChatRequest, thinking: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if thinking.get("type") == "adaptive" and chat.reasoning_effort is not None:
        config["effort"] = chat.reasoning_effort
    if chat.response_format is not None:
        config["format"] = {"type": "json_schema", "schema": chat.response_format.schema}
    return config


def _tool_choice(chat: ChatRequest) -> dict[str, Any] | None:
    choice = chat.tool_choice
    one_at_a_time = {"disable_parallel_tool_use": True} if chat.parallel_tool_calls is False else {}
    if choice == "none":
        return {"type": "none"}
    if choice is None and not one_at_a_time:
        return None
    if choice in (None, "auto"):
        return {"type": "auto", **one_at_a_time}
    if choice == "required":
        return {"type": "any", **one_at_a_time}
    return {"type": "tool", "name": choice, **one_at_a_time}


def _begun(turns: list[dict[str, Any]], prefill: str | None) -> list[dict[str, Any]]:
    """The turns with the beginning of the answer behind them; one that is nothing but a text is said as such."""
    begun, _ = without_end_blanks(prefill)
    if begun:
        if not turns or turns[-1]["role"] != "assistant":
            turns.append({"role": "assistant", "content": []})
        turns[-1]["content"].append({"type": "text", "text": begun})
    for turn in turns:
        only = turn["content"][0] if len(turn["content"]) == 1 else None
        if isinstance(only, dict) and set(only) == {"type", "text"}:
            turn["content"] = only["text"]
    return turns
