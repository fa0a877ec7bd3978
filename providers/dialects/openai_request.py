"""Requests of the OpenAI chat protocol: the body, with the fields of a request as its many servers take them."""

from collections.abc import Callable
from typing import Any

import msgspec

from ..asked import FEATURES, unsaid
from ..capabilities import Capabilities
from ..messages import AllowedTools, ChatRequest, JsonSchema, Tool
from ..origin import Origin
from ..provider import Unsupported
from .openai_messages import cache_control, chat_turns
from .openai_quirks import EffortForm, PrefillForm, Quirks

HARMLESS = frozenset(
    {
        "temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "parallel_tool_calls",
        "reasoning_effort",
    }
)  # fmt: skip
"""Fields that shape an answer without being what was asked: leaving one out is noted, not refused."""


def chat_body(
    chat: ChatRequest,
    model: str,
    quirks: Quirks,
    capabilities: Capabilities,
    *,
    here: Callable[[], Origin],
    stream: bool,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request, before targets and callers add their own fields, and notes on what was left out.

    Raises:
        Unsupported: The request asks what this speaker cannot say.
    """
    if capabilities.max_stop is not None and len(chat.stop) > capabilities.max_stop:
        raise Unsupported(f"more than {capabilities.max_stop} stop texts" if capabilities.max_stop else "stop")
    asks = msgspec.structs.astuple(chat)[_OPTIONS_FROM:] != _NOTHING_ASKED
    fields, notes = _fields(chat, quirks, capabilities) if asks else ({}, ())
    body: dict[str, Any] = {"model": model, "stream": stream}
    if stream and quirks.stream_options is not None:
        body["stream_options"] = quirks.stream_options
    body["messages"], returning = chat_turns(chat, quirks, here)
    if any(message.is_error for message in chat.messages):
        notes = (*notes, "tool errors were left out: this protocol has no such field; the result's text says it")
    if asks or returning is not None:
        notes = (
            *notes,
            *unsaid(chat, quirks.spoken),
            *(returning.notes(chat.messages) if returning is not None else ()),
        )
    for name, value in fields.items():
        body[quirks.renames.get(name, name)] = value
    body.update(quirks.body)
    if chat.prefill is not None:
        form = quirks.prefill
        if form is None and capabilities.prefill in ("plain", "echoed"):
            form = PrefillForm()  # the target's own setting, on an unknown server: the turn alone will do
        if form is None or capabilities.prefill == "none":
            raise Unsupported("prefill")
        body["messages"].append({"role": "assistant", "content": chat.prefill, **form.turn})
        body.update(form.body)
    return body, notes


def _failed_tools(chat: ChatRequest) -> tuple[str, ...]:
    failed = any(message.is_error for message in chat.messages)
    return ("tool errors were left out: this protocol has no such field; the result's text says it",) if failed else ()


_ASKED = (
    "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "max_tokens", "stop", "seed",
    "frequency_penalty", "presence_penalty", "response_format", "reasoning_effort", "logprobs", "top_logprobs",
    "logit_bias", "verbosity", "top_k", "min_p", "user", "safety_identifier", "metadata", "service_tier",
)  # fmt: skip
"""The fields of a request that have a field of the body, in its order."""
_OPTIONS_FROM = ChatRequest.__struct_fields__.index("tools")
_NOTHING_ASKED = msgspec.structs.astuple(ChatRequest(messages=()))[_OPTIONS_FROM:]


def _fields(chat: ChatRequest, quirks: Quirks, capabilities: Capabilities) -> tuple[dict[str, Any], tuple[str, ...]]:
    asked = {name: value for name in _ASKED if (value := getattr(chat, name)) is not None and value != ()}
    if chat.tools or chat.native_tools:
        asked["tools"] = [*(_tool(tool, quirks) for tool in chat.tools), *(tool.spec for tool in chat.native_tools)]
    else:
        asked.pop("tool_choice", None)
        asked.pop("parallel_tool_calls", None)
    lacks = set(quirks.lacks)
    if capabilities.sampling is False:
        lacks |= {"temperature", "top_p", "frequency_penalty", "presence_penalty"}
    if capabilities.seed is False:
        lacks.add("seed")
    if chat.tool_choice == "auto":
        lacks.discard("tool_choice")
        if "tool_choice" in quirks.lacks:
            asked.pop("tool_choice", None)
    fields: dict[str, Any] = {}
    notes: list[str] = []
    for name, value in asked.items():
        if name in FEATURES and name not in quirks.spoken:
            continue  # a note tells
        if name not in lacks:
            fields.update(_field(name, value, quirks))
            if name == "reasoning_effort" and value in quirks.efforts:
                notes.append(f"{name} {value} was said as {quirks.efforts[value]}, the nearest that is known here")
        elif name in HARMLESS:
            notes.append(f"{name} was left out: this model or provider does not take it")
        else:
            raise Unsupported(name)
    if chat.reasoning_budget_tokens is not None and quirks.effort == "reasoning":
        fields["reasoning"] = {"max_tokens": chat.reasoning_budget_tokens}
    return fields, tuple(notes)


def _field(name: str, value: Any, quirks: Quirks) -> dict[str, Any]:
    match name:
        case "max_tokens":
            return {quirks.max_tokens_field: value}
        case "response_format":
            return {"response_format": _response_format(value)}
        case "tool_choice" if isinstance(value, AllowedTools):
            allowed = [{"type": "function", "function": {"name": name}} for name in value.names]
            mode = "required" if value.required else "auto"
            return {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}}
        case "tool_choice" if value not in ("auto", "none", "required"):
            if "tool_choice of one tool" in quirks.lacks:
                raise Unsupported("tool_choice of one tool")
            return {"tool_choice": {"type": "function", "function": {"name": value}}}
        case "reasoning_effort":
            return _effort(quirks.efforts.get(value, value), quirks.effort)
        case _:
            return {name: value}


def _effort(effort: str, form: EffortForm) -> dict[str, Any]:
    match form:
        case "reasoning_effort":
            return {"reasoning_effort": effort}
        case "reasoning":
            return {"reasoning": {"effort": effort}}
        case "reasoning_enabled":
            return {"reasoning": {"enabled": effort != "none"}}
        case "thinking":
            return {"thinking": {"type": "disabled" if effort == "none" else "enabled"}}
        case "enable_thinking":
            return {"enable_thinking": effort != "none"}
        case "template_enable_thinking":
            return {"chat_template_kwargs": {"enable_thinking": effort != "none"}}


def _response_format(form: JsonSchema) -> dict[str, Any]:
    if not form.schema:
        return {"type": "json_object"}
    described = {"description": form.description} if form.description else {}
    schema = {"name": form.name, "strict": form.strict, "schema": form.schema, **described}
    return {"type": "json_schema", "json_schema": schema}


def _tool(tool: Tool, quirks: Quirks) -> dict[str, Any]:
    if tool.custom:
        described = {"description": tool.description} if tool.description else {}
        form = {"format": tool.format} if tool.format is not None else {}
        return {"type": "custom", "custom": {"name": tool.name, **described, **form}}
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    wire: dict[str, Any] = {"type": "function", "function": function}
    if quirks.cache_marks and tool.cache is not None:
        wire["cache_control"] = cache_control(tool.cache)
    return wire
