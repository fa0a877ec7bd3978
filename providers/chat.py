"""Make a neutral request from the caller's messages and options, before any dialect shapes it.

Callers hand over a text, OpenAI-shaped dicts or the types of `messages`; `chat_request` makes one `ChatRequest` of any
of them and says exactly which message is wrong. Adapters map it to their wire; what a dialect cannot say they report,
never drop.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

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
from .request_fields import field_problem, message_problem
from .sendable import type_name

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

Messages: TypeAlias = str | ChatRequest | Iterable[Message | Mapping[str, object]]
"""What a caller may hand over as a conversation."""

_OPTIONS = frozenset(ChatRequest.__struct_fields__) - {"messages"}


def chat_request(messages: Messages, **options: Any) -> ChatRequest:
    """Make one `ChatRequest` of a text, a list of messages (ours or OpenAI-shaped dicts), or a `ChatRequest`.

    Args:
        messages: The conversation.
        options: Fields of `ChatRequest`; `tools`, `stop` and `response_format` also in OpenAI's shape. None means
            "not given".

    Raises:
        InvalidRequest: A message or an option makes no sense, or cannot be sent; says which.
    """
    if not options and type(messages) is str and messages and messages.isascii():
        return ChatRequest(messages=(Message("user", (TextPart(messages),)),))
    given = {name: value for name, value in options.items() if value is not None}
    if given and (unknown := given.keys() - _OPTIONS):
        raise InvalidRequest(
            f"unknown option {min(unknown)!r}; known are {', '.join(sorted(_OPTIONS))}."
            " A field of one dialect goes into extra={…}."
        )
    for name, form in _SHAPED.items():
        if name in given and (shaped := form(given.pop(name))) is not None:
            given[name] = shaped
    for name, value in given.items():
        if problem := field_problem(name, value):
            raise InvalidRequest(problem)
    if isinstance(messages, ChatRequest):
        return _again(messages, given)
    if isinstance(messages, str):
        if not messages:
            raise InvalidRequest("the message is empty: nothing to ask")
        asked = Message("user", (TextPart(messages),))
        if problem := message_problem(asked):
            raise InvalidRequest(f"the message {problem.partition(' ')[2]}")
        return ChatRequest(messages=(asked,), **given)
    if isinstance(messages, Message | Mapping) or not isinstance(messages, Iterable):
        raise InvalidRequest(
            f"messages is a {type(messages).__name__}; expected a text, a list of messages, or a ChatRequest"
        )
    systems = [given["system"]] if "system" in given else []
    turns: list[Message] = []
    for place, item in enumerate(messages):
        message = item if isinstance(item, Message) else _message(item, f"messages[{place}]")
        if problem := message_problem(message):
            raise InvalidRequest(f"messages[{place}].{problem}")
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


def _again(chat: ChatRequest, given: dict[str, Any]) -> ChatRequest:
    """A request that was made before, perhaps by hand, with these fields in place of its own."""
    if not isinstance(chat.messages, tuple | list):
        raise InvalidRequest(f"messages is not a list of messages, but a {type_name(chat.messages)}")
    for place, message in enumerate(chat.messages):
        if not isinstance(message, Message):
            raise InvalidRequest(f"messages[{place}] is not a Message, but a {type_name(message)}")
        if problem := message_problem(message):
            raise InvalidRequest(f"messages[{place}].{problem}")
    if not chat.messages:
        raise InvalidRequest("messages holds no user message: nothing to ask")
    if msgspec.structs.astuple(chat)[1:] != _NOTHING_ELSE:
        for name in _OPTIONS - given.keys():
            value = getattr(chat, name)
            if value is not None and (problem := field_problem(name, value)):
                raise InvalidRequest(problem)
    return msgspec.structs.replace(chat, **given) if given else chat


_NOTHING_ELSE = msgspec.structs.astuple(ChatRequest(messages=()))[1:]

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
        raise InvalidRequest(f"{where}.tool_calls is not a list, but a {type_name(calls)}")
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
        raise InvalidRequest(f"{where} is neither a text nor a list of parts, but a {type_name(content)}")
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


def _tools(tools: object) -> tuple[Tool, ...]:
    if isinstance(tools, str | bytes) or not isinstance(tools, Sequence):
        raise InvalidRequest(f"tools is not a list of tools, but a {type_name(tools)}")
    return tuple(_tool(tool, place) for place, tool in enumerate(tools))


def _tool(tool: object, place: int) -> Tool:
    if isinstance(tool, Tool):
        return tool
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if isinstance(function, Mapping) and isinstance(function.get("name"), str):
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(schema, Mapping):
            raise InvalidRequest(f"tools[{place}].function.parameters is not a dict")
        return Tool(function["name"], function.get("description") or "", dict(schema), function.get("strict"))
    raise InvalidRequest(
        f"tools[{place}] is not a Tool, nor a dict {{'type': 'function', 'function': {{'name': …}}}},"
        f" but a {type_name(tool)}"
    )


def _tool_choice(choice: object) -> str:
    if isinstance(choice, str) and choice:
        return choice
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        name = choice["function"].get("name")
        if isinstance(name, str):
            return name
    given = "" if isinstance(choice, str) else f", but a {type_name(choice)}"
    raise InvalidRequest(f"tool_choice is not auto, none, required, nor the name of a tool{given}")


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
    given = "" if isinstance(form, Mapping) else f", but a {type_name(form)}"
    raise InvalidRequest(
        f"response_format is not a JsonSchema, nor a dict of type json_schema, json_object or text{given}"
    )


def _stop(stop: object) -> tuple[Any, ...]:
    if isinstance(stop, str):
        return (stop,)
    if isinstance(stop, bytes) or not isinstance(stop, Sequence):
        raise InvalidRequest(f"stop is not a text or a list of texts, but a {type_name(stop)}")
    return tuple(stop)


def _extra(extra: object) -> dict[Any, Any]:
    if not isinstance(extra, Mapping):
        raise InvalidRequest(f"extra is not a dict of fields, but a {type_name(extra)}")
    return dict(extra)


_SHAPED: dict[str, Callable[[Any], Any]] = {
    "tools": _tools,
    "stop": _stop,
    "tool_choice": _tool_choice,
    "response_format": _response_format,
    "extra": _extra,
}
"""Options that may be given in several shapes, and what makes ours of them; None: as if it were not given."""
