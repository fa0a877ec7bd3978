"""Requests of Google's Gemini API: write a neutral request, and name what cannot be written.

Facts: the SDK's types and its converters for both services, the Gemini API (AI Studio) and Vertex AI.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..asked import unsaid
from ..capabilities import Capabilities
from ..fit import Row, fit, left_out, refused
from ..fitting import Facts
from ..messages import AllowedTools, ChatRequest
from ..origin import Origin
from ..provider import Unsupported
from ..returning import Returning
from ..turns import lifted
from .gemini_turns import Turns

ALWAYS: tuple[Row, ...] = (
    left_out("image detail", "this API has none for a single image"),
    left_out("strict tools", "this API has no such field"),
    left_out("parallel_tool_calls", "this API cannot forbid several calls"),
    refused("tool results without their call", "this API wants the name of the function"),
)
THOUGHTLESS: tuple[Row, ...] = (left_out("reasoning_effort", "this model does not think"),)

FIT = ALWAYS + THOUGHTLESS
"""What the Gemini API cannot say: always, or as the model has it."""


SAYS = frozenset(
    {
        "files", "files by URL", "files by id", "audio", "refusals", "native parts", "allowed tools", "native tools",
        "top_k", "logprobs", "service_tier",
    }
)  # fmt: skip
"""What this API has words for, of `asked.FEATURES`; Vertex AI also for `metadata`."""

_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def content_body(
    chat: ChatRequest,
    here: Callable[[], Origin],
    facts: Facts,
    options: Mapping[str, Any],
    *,
    vertex: bool,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request, and notes on what was left out.

    Args:
        here: The target: opaque state goes back to its origin only.
        options: The target's own settings; `thinking_budget` in tokens wins over the effort.
        vertex: For Vertex AI, which wants the results of tools in a turn of their own.

    Raises:
        Unsupported: See `FIT`; or an image or a call's arguments cannot be said.
    """
    chat, moved = lifted(chat)
    returning = Returning(here)
    thinking = _thinking(chat, facts.capabilities, options)
    third = facts.capabilities.signed_calls is True
    if not third:
        _check_second(chat)
    notes = fit(chat, ALWAYS + (() if thinking else THOUGHTLESS), facts.capabilities, facts.fit)
    says = SAYS | ({"metadata"} if vertex else set()) | ({"reasoning_budget_tokens"} if thinking else set())
    more = unsaid(chat, says, facts.fit)
    turns = Turns(chat, returning, third=third, vertex=vertex)
    config: dict[str, Any] = {
        "maxOutputTokens": chat.max_tokens,
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "topK": chat.top_k,
        "stopSequences": list(chat.stop) or None,
        "seed": chat.seed,
        "frequencyPenalty": chat.frequency_penalty,
        "presencePenalty": chat.presence_penalty,
        "responseLogprobs": True if chat.logprobs or chat.top_logprobs else None,
        "logprobs": chat.top_logprobs,
        "thinkingConfig": thinking or None,
    }
    if chat.response_format is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = chat.response_format.schema or None
    config = {field: value for field, value in config.items() if value is not None}
    body: dict[str, Any] = {
        "systemInstruction": {"parts": [{"text": chat.system}]} if chat.system else None,
        "contents": turns.contents(),
        "tools": _tools(chat),
        "toolConfig": _tool_config(chat),
        "generationConfig": config or None,
        "serviceTier": chat.service_tier,
        "labels": chat.metadata if vertex else None,
    }
    return body, (*moved, *notes, *more, *returning.notes(chat.messages))


def _check_second(chat: ChatRequest) -> None:
    """Refuse what models take from the third generation on only."""
    if chat.tools and chat.native_tools:
        raise Unsupported("native tools beside functions")
    if any(message.images for message in chat.messages if message.role == "tool"):
        raise Unsupported("images outside user turns")


def _thinking(chat: ChatRequest, known: Capabilities, options: Mapping[str, Any]) -> dict[str, Any]:
    """The `thinkingConfig`; empty where none was asked for or the model cannot think."""
    effort, budget = chat.reasoning_effort, options.get("thinking_budget")
    if chat.reasoning_budget_tokens is not None and known.thinking != "none" and known.reasoning is not False:
        budget = chat.reasoning_budget_tokens
    if budget is not None:
        return {"includeThoughts": True, "thinkingBudget": budget}
    if effort is None or known.thinking == "none" or known.reasoning is False:
        return {}
    shown = {} if effort == "none" else {"includeThoughts": True}
    if known.thinking == "budget":
        least = 0 if effort == "none" else known.thinking_min or 0
        return {**shown, "thinkingBudget": max(_BUDGETS[effort], least)}
    return {**shown, "thinkingLevel": effort.upper()}


def _tools(chat: ChatRequest) -> list[dict[str, Any]] | None:
    functions = [
        {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
        for tool in chat.tools
    ]
    declared = [{"functionDeclarations": functions}] if functions else []
    return [*declared, *(tool.spec for tool in chat.native_tools)] or None


def _tool_config(chat: ChatRequest) -> dict[str, Any] | None:
    config: dict[str, Any] = {}
    choice = chat.tool_choice
    if isinstance(choice, AllowedTools):  # `VALIDATED` lets the model speak instead
        mode = "ANY" if choice.required else "VALIDATED"
        config["functionCallingConfig"] = {"mode": mode, "allowedFunctionNames": list(choice.names)}
    elif chat.tools and choice is not None:
        known = _MODES.get(choice)
        named = {"mode": "ANY", "allowedFunctionNames": [choice]}
        config["functionCallingConfig"] = {"mode": known} if known else named
    if chat.tools and chat.native_tools:
        config["includeServerSideToolInvocations"] = True
    return config or None
