"""Bodies of Converse: write a neutral request, and name what cannot be written.

Facts: botocore's model of bedrock-runtime; AWS's pages on prompt caching, documents and Claude's thinking. What only
one family of models knows goes into `additionalModelRequestFields`, in that family's own words.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..asked import unsaid
from ..capabilities import Capabilities
from ..fit import Row, left_out, noted, refused, said_otherwise
from ..fitting import Facts, fitted
from ..messages import ChatRequest, JsonSchema
from ..origin import Origin
from ..returning import Returning
from ..turns import lifted, only_allowed, system_parts
from .anthropic_thinking import budget_notes, thinking_field, thinks
from .bedrock_writer import ConverseWriter

FIT: tuple[Row, ...] = (
    refused("images by URL", "Bedrock takes the bytes of an image only"),
    refused("images in assistant turns", "Bedrock takes images in user turns and tool results only"),
    left_out("image detail", "Bedrock has one way of looking"),
    refused("tool history without tools", "Bedrock wants the tools of every call in the conversation"),
    said_otherwise("tool_choice none", "Converse has no such choice: no tool is offered"),
    left_out("parallel_tool_calls", "the model decides"),
    left_out("seed", "Converse has none"),
    left_out("frequency_penalty", "Converse has none"),
    left_out("presence_penalty", "Converse has none"),
    refused("response_format without a schema", "Converse answers JSON of a given schema only"),
    left_out("reasoning with prefill", "an answer that has begun is gone on with only where thinking is off"),
    refused("prefill with a response_format", "the answer has begun already"),
    refused("prefill with a forced tool", "the answer has begun already"),
)

SAYS = frozenset(
    {
        "refusals",
        "files",
        "files by URL",
        "citations",
        "native parts",
        "cache marks",
        "allowed tools",
        "native tools",
        "metadata",
        "service_tier",
    }
)
"""What Converse has words for, of `asked.FEATURES`."""

OUTPUT_DEFAULT = 32_000
"""The most tokens of an answer that a budget for thinking is part of, where nothing else is known."""

_TIERS = {
    **{name: name for name in ("priority", "default", "flex", "reserved")},
    **dict.fromkeys(("auto", "standard_only", "standard"), "default"),
}
"""Converse's own words, and those of other APIs that mean one of them."""

_METADATA_MAX = 16
_METADATA_NAME = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
_METADATA_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")


def converse_body(
    chat: ChatRequest, here: Callable[[], Origin], facts: Facts
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request, and notes on what was left out.

    Args:
        here: The target: opaque state goes back to its origin only.

    Raises:
        Unsupported: See `FIT`; or an image, a file or a call's arguments cannot be said.
    """
    system = system_parts(chat)
    chat, moved = lifted(chat)
    chat, told = only_allowed(chat)
    chat, notes = fitted(chat, facts, FIT)
    known = facts.capabilities
    thinking = _thinking(chat, here, known)
    model_fields = _model_fields(chat, facts, thinking)
    says = SAYS if known.thinking is None else SAYS | {"reasoning_budget_tokens"}
    says = says if model_fields.keys().isdisjoint(("top_k", "inferenceConfig")) else says | {"top_k"}
    notes += unsaid(chat, says, facts.fit)
    returning = Returning(here)
    writer = ConverseWriter(chat, returning)
    tier = _TIERS.get(chat.service_tier or "")
    body: dict[str, Any] = {
        "toolConfig": writer.tool_config(chat),  # the cache holds tools, then the system text, then the turns
        "system": writer.system(chat, system),
        "messages": writer.turns(chat),
        "inferenceConfig": _inference(chat, thinking) or None,
        "additionalModelRequestFields": model_fields or None,
        "outputConfig": _output(chat, known, thinking) or None,
        "requestMetadata": _metadata(chat),
        "serviceTier": {"type": tier} if tier else None,
    }
    told |= budget_notes(chat, thinking) if known.thinking is not None else {}
    told |= writer.notes | _left_out(chat, body, thinking)
    said = {name: value for name, value in body.items() if value is not None}
    return said, (*moved, *notes, *noted(told, facts.fit), *returning.notes(chat.messages))


def _thinking(chat: ChatRequest, here: Callable[[], Origin], known: Capabilities) -> dict[str, Any]:
    """How Claude is told to think; empty for every other model."""
    if known.thinking is None:
        return {}
    max_tokens = chat.max_tokens if chat.max_tokens is not None else known.output_default or OUTPUT_DEFAULT
    return thinking_field(chat, here, known, None, max_tokens)


def _inference(chat: ChatRequest, thinking: Mapping[str, Any]) -> dict[str, Any]:
    samples = not thinks(thinking)
    config = {
        "maxTokens": chat.max_tokens,
        "temperature": chat.temperature if samples else None,
        "topP": chat.top_p if samples else None,
        "stopSequences": list(chat.stop) or None,
    }
    return {name: value for name, value in config.items() if value is not None}


def _model_fields(chat: ChatRequest, facts: Facts, thinking: dict[str, Any]) -> dict[str, Any]:
    """What Converse itself has no words for, in those of the model's family."""
    fields: dict[str, Any] = {"thinking": thinking} if thinking else {}
    if chat.top_k is not None and facts.capabilities.sampling is not False and not thinks(thinking):
        if facts.capabilities.thinking is not None:
            fields["top_k"] = chat.top_k
        elif "amazon.nova" in facts.model:
            fields["inferenceConfig"] = {"topK": chat.top_k}
    return fields


def _output(chat: ChatRequest, known: Capabilities, thinking: Mapping[str, Any]) -> dict[str, Any]:
    output: dict[str, Any] = {}
    if chat.response_format is not None:
        output["textFormat"] = _text_format(chat.response_format)
    by_effort = thinking.get("type") == "adaptive" or (known.thinking in (None, "level") and chat.prefill is None)
    if chat.reasoning_effort not in (None, "none") and by_effort:
        output["effort"] = chat.reasoning_effort
    return output


def _text_format(wanted: JsonSchema) -> dict[str, Any]:
    described = {"description": wanted.description} if wanted.description else {}
    schema = {"schema": msgspec.json.encode(wanted.schema).decode(), "name": wanted.name, **described}
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


def _metadata(chat: ChatRequest) -> dict[str, str] | None:
    found = chat.metadata or {}
    fits = len(found) <= _METADATA_MAX and all(
        _METADATA_NAME.fullmatch(name) and _METADATA_VALUE.fullmatch(value) for name, value in found.items()
    )
    return dict(found) if found and fits else None


def _left_out(chat: ChatRequest, body: Mapping[str, Any], thinking: dict[str, Any]) -> dict[str, str]:
    """What was asked and is not in the body, by the feature's name."""
    found: dict[str, str] = {}
    if thinks(thinking):
        alone = "left out: a Claude that thinks takes none"
        found |= {name: alone for name in ("temperature", "top_p") if getattr(chat, name) is not None}
    elif body["additionalModelRequestFields"] is None and thinking == {} and _wants_claude_to_think(chat, body):
        found["reasoning_effort"] = "left out: this model, or what else is asked of it, allows no thinking"
    if chat.metadata and body["requestMetadata"] is None:
        found["metadata"] = "left out: Converse takes 16 entries of 256 plain characters"
    if chat.service_tier is not None and body["serviceTier"] is None:
        found["service_tier"] = f"left out: Converse knows {', '.join(dict.fromkeys(_TIERS.values()))}"
    return found


def _wants_claude_to_think(chat: ChatRequest, body: Mapping[str, Any]) -> bool:
    said = body["outputConfig"] or {}
    return chat.reasoning_effort not in (None, "none") and chat.prefill is None and "effort" not in said
