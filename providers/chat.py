"""The neutral request: what a caller asks, before any dialect has shaped it.

Callers hand over a text, OpenAI-shaped dicts or the types of `messages`; `chat_request` makes one `ChatRequest` of any
of them and says exactly which message is wrong. Adapters map it to their wire; what a dialect cannot say they report,
never drop.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, get_args

import msgspec

from .messages import (
    ChatRequest,
    ImagePart,
    InvalidRequest,
    JsonSchema,
    Message,
    Part,
    Reasoning,
    ReasoningEffort,
    Role,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)

__all__ = [
    "ChatRequest",
    "ImagePart",
    "InvalidRequest",
    "JsonSchema",
    "Message",
    "Messages",
    "Part",
    "Reasoning",
    "ReasoningEffort",
    "Role",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "chat_request",
]

Messages: TypeAlias = str | ChatRequest | Sequence[Message | Mapping[str, Any]]
"""What a caller may hand over as a conversation."""

_OPTIONS = frozenset(ChatRequest.__struct_fields__) - {"messages"}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_texts(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, Sequence) and all(isinstance(each, str) for each in value))


_EFFORTS: tuple[str, ...] = get_args(ReasoningEffort)

_FORMS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "system": ("a text", lambda value: isinstance(value, str)),
    "prefill": ("a text", lambda value: isinstance(value, str)),
    "tools": ("a list of tools", lambda value: isinstance(value, Sequence) and not isinstance(value, str)),
    "stop": ("a text or a list of texts", _are_texts),
    "temperature": ("a number", _is_number),
    "top_p": ("a number", _is_number),
    "frequency_penalty": ("a number", _is_number),
    "presence_penalty": ("a number", _is_number),
    "max_tokens": ("a whole number above zero", _is_count),
    "seed": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "parallel_tool_calls": ("true or false", lambda value: isinstance(value, bool)),
    "reasoning_effort": (
        f"one of {', '.join(get_args(ReasoningEffort))}",
        lambda value: value in get_args(ReasoningEffort),
    ),
    "extra": ("a dict of fields", lambda value: isinstance(value, Mapping)),
}
"""What an option must be: in words, and as a test. Providers' own limits are theirs to tell."""


def chat_request(messages: Messages, **options: Any) -> ChatRequest:
    """Make one `ChatRequest` of a text, a list of messages (ours or OpenAI-shaped dicts), or a `ChatRequest`.

    Args:
        messages: The conversation.
        options: Fields of `ChatRequest`; `tools`, `stop` and `response_format` also in OpenAI's shape. None means
            "not given".

    Raises:
        InvalidRequest: A message or an option makes no sense; says which.
    """
    if not options and type(messages) is str and messages:
        return ChatRequest(messages=(Message("user", (TextPart(messages),)),))
    given = {name: value for name, value in options.items() if value is not None}
    if given and (unknown := given.keys() - _OPTIONS):
        raise InvalidRequest(
            f"unknown option {min(unknown)!r}; known are {', '.join(sorted(_OPTIONS))}."
            " A field of one dialect goes into extra={…}."
        )
    for name, value in given.items():
        if name in _FORMS and not _FORMS[name][1](value):
            raise InvalidRequest(f"{name} is not {_FORMS[name][0]}")
    if "tools" in given:
        given["tools"] = tuple(_tool(tool, place) for place, tool in enumerate(given["tools"]))
    if "stop" in given:
        given["stop"] = (given["stop"],) if isinstance(given["stop"], str) else tuple(given["stop"])
    if "tool_choice" in given:
        given["tool_choice"] = _tool_choice(given["tool_choice"])
    if "response_format" in given:
        given["response_format"] = _response_format(given["response_format"])
        if given["response_format"] is None:
            del given["response_format"]
    if isinstance(messages, ChatRequest):
        return msgspec.structs.replace(messages, **given) if given else messages
    if isinstance(messages, str):
        if not messages:
            raise InvalidRequest("the message is empty: nothing to ask")
        return ChatRequest(messages=(Message("user", (TextPart(messages),)),), **given)
    if isinstance(messages, Message | Mapping) or not isinstance(messages, Iterable):
        raise InvalidRequest(
            f"messages is a {type(messages).__name__}; expected a text, a list of messages, or a ChatRequest"
        )
    systems = [given["system"]] if "system" in given else []
    turns: list[Message] = []
    for place, item in enumerate(messages):
        message = item if isinstance(item, Message) else _message(item, f"messages[{place}]")
        if message.role == "system":
            if message.images:
                raise InvalidRequest(f"messages[{place}]: a system message holds text only")
            systems.append(message.text)
        else:
            turns.append(message)
    if not turns:
        raise InvalidRequest("messages holds no user message: nothing to ask")
    given["system"] = "\n\n".join(filter(None, systems)) or None
    return ChatRequest(messages=tuple(turns), **given)


_ROLES: dict[object, Role] = {
    "user": "user", "assistant": "assistant", "system": "system", "developer": "system", "tool": "tool",
}  # fmt: skip


def _message(item: object, where: str) -> Message:
    if not isinstance(item, Mapping):
        raise InvalidRequest(f"{where} is a {type(item).__name__}; expected a dict with role and content, or a Message")
    said = item.get("role")
    role = _ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise InvalidRequest(f"{where}.role is not one of user, assistant, system, developer, tool")
    calls = item.get("tool_calls") or ()
    if not isinstance(calls, Sequence):
        raise InvalidRequest(f"{where}.tool_calls is not a list")
    tool_call_id = item.get("tool_call_id")
    if role == "tool" and not isinstance(tool_call_id, str):
        raise InvalidRequest(f"{where}.tool_call_id is missing: a tool's result names the call it answers")
    content = _content(item.get("content"), f"{where}.content", may_lack=role == "assistant" and bool(calls))
    return Message(
        role,
        content,
        tuple(_tool_call(call, f"{where}.tool_calls[{place}]") for place, call in enumerate(calls)),
        tool_call_id,
        bool(item.get("is_error", False)),
    )


def _content(content: object, where: str, *, may_lack: bool) -> tuple[Part, ...]:
    if content is None and may_lack:
        return ()
    if isinstance(content, str):
        return (TextPart(content),) if content else ()
    if not isinstance(content, Sequence):
        raise InvalidRequest(f"{where} is neither a text nor a list of parts")
    return tuple(_part(part, f"{where}[{place}]") for place, part in enumerate(content))


def _part(part: object, where: str) -> Part:
    if isinstance(part, TextPart | ImagePart):
        return part
    if isinstance(part, Mapping):
        if part.get("type") == "text" and isinstance(part.get("text"), str):
            return TextPart(part["text"])
        if part.get("type") == "image_url":
            image = part.get("image_url")
            url = image.get("url") if isinstance(image, Mapping) else image
            detail = image.get("detail") if isinstance(image, Mapping) else None
            if isinstance(url, str) and detail in (None, "auto", "low", "high"):
                return ImagePart(url, detail)
    raise InvalidRequest(f"{where} is not a part of type text (with text) or image_url (with url)")


def _tool_call(call: object, where: str) -> ToolCall:
    if isinstance(call, ToolCall):
        return call
    function = call.get("function") if isinstance(call, Mapping) else None
    if isinstance(call, Mapping) and isinstance(function, Mapping):
        call_id, name, arguments = (
            call.get("id"),
            function.get("name"),
            function.get("arguments", "{}"),
        )
        if isinstance(call_id, str) and isinstance(name, str) and isinstance(arguments, str):
            return ToolCall(call_id, name, arguments)
    raise InvalidRequest(f"{where} lacks an id, a function.name, or function.arguments as JSON text")


def _tool(tool: object, place: int) -> Tool:
    if isinstance(tool, Tool):
        return tool
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if isinstance(function, Mapping) and isinstance(function.get("name"), str):
        return Tool(
            function["name"],
            function.get("description") or "",
            dict(function.get("parameters") or {"type": "object", "properties": {}}),
            function.get("strict"),
        )
    raise InvalidRequest(f"tools[{place}] is not a Tool, nor a dict {{'type': 'function', 'function': {{'name': …}}}}")


def _tool_choice(choice: object) -> str:
    if isinstance(choice, str) and choice:
        return choice
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        name = choice["function"].get("name")
        if isinstance(name, str):
            return name
    raise InvalidRequest("tool_choice is not auto, none, required, nor the name of a tool")


def _response_format(form: object) -> JsonSchema | None:
    if isinstance(form, JsonSchema):
        return form
    if isinstance(form, Mapping):
        if form.get("type") == "text":
            return None
        if form.get("type") == "json_object":
            return JsonSchema({})
        schema = form.get("json_schema")
        if isinstance(schema, Mapping) and isinstance(schema.get("schema"), Mapping):
            return JsonSchema(
                dict(schema["schema"]),
                schema.get("name") or "answer",
                bool(schema.get("strict", False)),
                schema.get("description") or "",
            )
    raise InvalidRequest("response_format is not a JsonSchema, nor a dict of type json_schema, json_object or text")
