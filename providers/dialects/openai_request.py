"""Requests of the OpenAI chat protocol: the body, with the fields of a request as its many servers take them."""

from collections.abc import Callable
from typing import Any

import msgspec

from ..asked import FEATURES, unsaid
from ..fitting import Facts
from ..messages import AllowedTools, ChatRequest, JsonSchema, Tool
from ..origin import Origin
from ..provider import Unsupported
from ..quirks import EffortForm, JsonForm, PrefillForm, Quirks
from .openai_messages import cache_control, chat_turns


def chat_body(
    chat: ChatRequest, facts: Facts, *, here: Callable[[], Origin], stream: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request that was made fit, before targets and callers add their own fields; notes on what is left.

    Raises:
        Unsupported: The request asks what this speaker cannot say.
    """
    quirks, prefill = facts.quirks, facts.capabilities.prefill
    asks = msgspec.structs.astuple(chat)[_OPTIONS_FROM:] != _NOTHING_ASKED
    body = _begun(facts, stream=stream)
    notes: tuple[str, ...] = ()
    signed = facts.capabilities.signed_calls is True
    body["messages"], returning = chat_turns(chat, quirks, here, signed=signed)
    if asks or returning is not None:
        notes = unsaid(chat, quirks.spoken, facts.fit)
    if returning is not None:
        if any(message.is_error for message in chat.messages):
            if facts.fit == "strict":
                raise Unsupported("tool errors")
            notes = ("tool errors were left out: this protocol has no such field; the result's text says it", *notes)
        notes += returning.notes(chat.messages)
    if asks:
        for name, value in _fields(chat, quirks).items():
            body[quirks.renames.get(name, name)] = value
    body.update(quirks.body)
    if chat.prefill is not None:
        form = quirks.prefill
        if form is None and prefill in ("plain", "echoed"):
            form = PrefillForm()  # the target's own setting, on an unknown server: the turn alone will do
        if form is None or prefill == "none":
            raise Unsupported("prefill")
        body["messages"].append({"role": "assistant", "content": chat.prefill, **form.turn})
        body.update(form.body)
    return body, notes


def question_body(text: str, facts: Facts, *, stream: bool) -> dict[str, Any]:
    """The body of a request that is this text of a user and asks nothing else."""
    body = _begun(facts, stream=stream)
    body["messages"] = [{"role": "user", "content": text}]
    if facts.quirks.body:
        body.update(facts.quirks.body)
    return body


def _begun(facts: Facts, *, stream: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"model": facts.model, "stream": stream}
    if stream and facts.quirks.stream_options:
        body["stream_options"] = facts.quirks.stream_options
    return body


_ASKED = (
    "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "max_tokens", "stop", "seed",
    "frequency_penalty", "presence_penalty", "response_format", "reasoning_effort", "logprobs", "top_logprobs",
    "logit_bias", "verbosity", "top_k", "min_p", "user", "safety_identifier", "metadata", "service_tier",
)  # fmt: skip
"""The fields of a request that have a field of the body, in its order."""
_OPTIONS_FROM = ChatRequest.__struct_fields__.index("tools")
_NOTHING_ASKED = msgspec.structs.astuple(ChatRequest(messages=()))[_OPTIONS_FROM:]


def _fields(chat: ChatRequest, quirks: Quirks) -> dict[str, Any]:
    asked = {name: value for name in _ASKED if (value := getattr(chat, name)) is not None and value != ()}
    if chat.tools or chat.native_tools:
        asked["tools"] = [*(_tool(tool, quirks) for tool in chat.tools), *(tool.spec for tool in chat.native_tools)]
    else:
        asked.pop("tool_choice", None)
        asked.pop("parallel_tool_calls", None)
    fields: dict[str, Any] = {}
    spoken = quirks.spoken
    for name, value in asked.items():
        if name not in FEATURES or name in spoken:  # of others a note tells
            fields.update(_field(name, value, quirks))
    if chat.reasoning_budget_tokens is not None and quirks.effort == "reasoning":
        fields["reasoning"] = {"max_tokens": chat.reasoning_budget_tokens}
    return fields


def _field(name: str, value: Any, quirks: Quirks) -> dict[str, Any]:
    match name:
        case "max_tokens":
            return {quirks.max_tokens_field: value}
        case "response_format":
            return {"response_format": _response_format(value, quirks.json)}
        case "tool_choice" if isinstance(value, AllowedTools):
            allowed = [{"type": "function", "function": {"name": name}} for name in value.names]
            mode = "required" if value.required else "auto"
            return {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}}
        case "tool_choice" if value not in ("auto", "none", "required"):
            return {"tool_choice": {"type": "function", "function": {"name": value}}}
        case "reasoning_effort":
            return _effort(value, quirks.effort)
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
        case "thinking_effort":
            level = {} if effort == "none" else {"reasoning_effort": effort}
            return {"thinking": {"type": "disabled" if effort == "none" else "enabled"}, **level}
        case "enable_thinking":
            return {"enable_thinking": effort != "none"}
        case "template_enable_thinking":
            return {"chat_template_kwargs": {"enable_thinking": effort != "none"}}


def _response_format(form: JsonSchema, said: JsonForm) -> dict[str, Any]:
    if not form.schema:
        return {"type": "json_object"}
    if said == "json_object_schema":
        return {"type": "json_object", "schema": form.schema}
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
