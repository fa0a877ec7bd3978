"""Requests of the OpenAI chat protocol, and the differences of its many servers: `Quirks`, as data."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from ..capabilities import Capabilities
from ..chat import ChatRequest, ImagePart, JsonSchema, Message, Tool
from ..mapping import Rule
from ..provider import Unsupported

EffortForm: TypeAlias = Literal["reasoning_effort", "reasoning", "reasoning_enabled", "thinking", "enable_thinking"]


class PrefillForm(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is told to go on from the trailing assistant turn, where sending that turn is not enough.

    Attributes:
        turn: Fields that the turn carries (`{"prefix": True}`).
        body: Fields that the body carries (`{"continue_final_message": True, …}`).
        path: Of the chat call, where another one must be asked (DeepSeek's beta); None: the usual one.
    """

    turn: Mapping[str, Any] = msgspec.field(default_factory=dict)
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    path: str | None = None


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """Where a speaker of the protocol differs from OpenAI itself. The defaults are OpenAI's own ways.

    Attributes:
        path: Of a chat call, below the base URL; `{model}` stands for the model (Azure's deployments).
        key_header, key_prefix: Where the key goes, and what stands before it.
        option_headers: Option of a target -> request header that takes its value.
        option_query: Option of a target -> query parameter that takes its value.
        system_role: The role of the system text.
        max_tokens_field: The field that limits the answer.
        renames: Other fields of the body that have another name here.
        stream_options: Sent with a stream; None: the server does not know this field.
        body: More fields of every body.
        effort: How the reasoning effort is said: as a field, in `reasoning`, or only on and off: there too, in
            `thinking`, or in the chat template's `enable_thinking`.
        efforts: Efforts that have another word here, or the nearest one that is known; others are said as they are.
        lacks: Fields of `ChatRequest` that cannot be said here. Harmless ones are left out, with a note. Also
            `images by URL` and `tool_choice of one tool`, where only these are lacking.
        prefill: How to have a trailing assistant turn gone on with; None: it cannot be done.
        reasoning_field: The field of an assistant's turn in which this provider takes its own reasoning back.
        rules: Its own rows for classifying errors.
    """

    path: str = "/chat/completions"
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    option_headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    option_query: Mapping[str, str] = msgspec.field(default_factory=dict)
    system_role: Literal["system", "developer"] = "system"
    max_tokens_field: str = "max_completion_tokens"
    renames: Mapping[str, str] = msgspec.field(default_factory=dict)
    stream_options: Mapping[str, Any] | None = msgspec.field(default_factory=lambda: {"include_usage": True})
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    effort: EffortForm = "reasoning_effort"
    efforts: Mapping[str, str] = msgspec.field(default_factory=dict)
    lacks: frozenset[str] = frozenset()
    prefill: PrefillForm | None = None
    reasoning_field: str | None = None
    rules: tuple[Rule, ...] = ()


HARMLESS = frozenset(
    {
        "temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "parallel_tool_calls",
        "reasoning_effort",
    }
)  # fmt: skip
"""Fields that shape an answer without being what was asked: leaving one out is noted, not refused."""


def chat_body(
    chat: ChatRequest, model: str, quirks: Quirks, capabilities: Capabilities, *, provider: str, stream: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request, before targets and callers add their own fields, and notes on what was left out.

    Raises:
        Unsupported: The request asks what this speaker cannot say.
    """
    if capabilities.max_stop is not None and len(chat.stop) > capabilities.max_stop:
        raise Unsupported(f"more than {capabilities.max_stop} stop texts" if capabilities.max_stop else "stop")
    fields, notes = _fields(chat, quirks, capabilities)
    body: dict[str, Any] = {"model": model, "stream": stream}
    if stream and quirks.stream_options is not None:
        body["stream_options"] = quirks.stream_options
    body["messages"] = _messages(chat, quirks, provider)
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


_ASKED = (
    "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "max_tokens", "stop", "seed",
    "frequency_penalty", "presence_penalty", "response_format", "reasoning_effort",
)  # fmt: skip
"""The fields of a request that have a field of the body, in its order."""
_OPTIONS_FROM = ChatRequest.__struct_fields__.index("tools")
_NOTHING_ASKED = msgspec.structs.astuple(ChatRequest(messages=()))[_OPTIONS_FROM:]


def _fields(chat: ChatRequest, quirks: Quirks, capabilities: Capabilities) -> tuple[dict[str, Any], tuple[str, ...]]:
    if msgspec.structs.astuple(chat)[_OPTIONS_FROM:] == _NOTHING_ASKED:
        return {}, ()
    asked = {name: value for name in _ASKED if (value := getattr(chat, name)) is not None and value != ()}
    if chat.tools:
        asked["tools"] = [_tool(tool) for tool in chat.tools]
    else:
        asked.pop("tool_choice", None)
        asked.pop("parallel_tool_calls", None)
    if not asked:
        return {}, ()
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
        if name not in lacks:
            fields.update(_field(name, value, quirks))
            if name == "reasoning_effort" and value in quirks.efforts:
                notes.append(f"{name} {value} was said as {quirks.efforts[value]}, the nearest that is known here")
        elif name in HARMLESS:
            notes.append(f"{name} was left out: this model or provider does not take it")
        else:
            raise Unsupported(name)
    return fields, tuple(notes)


def _field(name: str, value: Any, quirks: Quirks) -> dict[str, Any]:
    match name:
        case "max_tokens":
            return {quirks.max_tokens_field: value}
        case "response_format":
            return {"response_format": _response_format(value)}
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
            return {"chat_template_kwargs": {"enable_thinking": effort != "none"}}


def _response_format(form: JsonSchema) -> dict[str, Any]:
    if not form.schema:
        return {"type": "json_object"}
    described = {"description": form.description} if form.description else {}
    schema = {"name": form.name, "strict": form.strict, "schema": form.schema, **described}
    return {"type": "json_schema", "json_schema": schema}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _messages(chat: ChatRequest, quirks: Quirks, provider: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if chat.system is not None:
        if "system" in quirks.lacks:
            raise Unsupported("system")
        messages.append({"role": quirks.system_role, "content": chat.system})
    for message in chat.messages:
        messages.append(_message(message, quirks, provider))
    return messages


def _message(message: Message, quirks: Quirks, provider: str) -> dict[str, Any]:
    if message.role == "user" and (text := message.plain_text) is not None:
        return {"role": "user", "content": text}
    images = message.images
    if images and (message.role != "user" or "images" in quirks.lacks):
        raise Unsupported("images" if message.role == "user" else f"images in {message.role} messages")
    if "images by URL" in quirks.lacks and any(image.data is None for image in images):
        raise Unsupported("images by URL")
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
    if message.role == "user" and images:
        return {"role": "user", "content": [_part(part) for part in message.content]}
    wire: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        wire["content"] = message.text or None
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if quirks.reasoning_field is not None and message.reasoning and message.provider == provider:
        wire[quirks.reasoning_field] = "".join(block.text for block in message.reasoning)
    return wire


def _part(part: object) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        detail = {"detail": part.detail} if part.detail else {}
        return {"type": "image_url", "image_url": {"url": part.url, **detail}}
    return {"type": "text", "text": getattr(part, "text", "")}
