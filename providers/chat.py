"""Make a neutral request from the caller's messages and options, before any dialect shapes it.

Callers hand over a text, OpenAI-shaped dicts or the types of `messages`; `chat_request` makes one `ChatRequest` of any
of them and says exactly which message is wrong. Adapters map it to their wire; what a dialect cannot say they report,
never drop.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec

from . import shapes
from .messages import (
    AllowedTools,
    AudioPart,
    Cache,
    ChatRequest,
    Citation,
    FilePart,
    ImagePart,
    InvalidRequest,
    JsonSchema,
    Message,
    NativePart,
    NativeTool,
    Part,
    Reasoning,
    ReasoningEffort,
    RefusalPart,
    Role,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Verbosity,
)
from .request_fields import field_problem, message_problem
from .sendable import type_name

__all__ = [
    "AllowedTools",
    "AudioPart",
    "Cache",
    "ChatRequest",
    "Citation",
    "FilePart",
    "ImagePart",
    "InvalidRequest",
    "JsonSchema",
    "Message",
    "Messages",
    "NativePart",
    "NativeTool",
    "Part",
    "Reasoning",
    "ReasoningEffort",
    "RefusalPart",
    "Role",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolResult",
    "Verbosity",
    "chat_request",
]


class Dumpable(Protocol):
    """A message object of an SDK."""

    def model_dump(self) -> dict[str, Any]: ...


Messages: TypeAlias = str | ChatRequest | Iterable[Message | Mapping[str, object] | Dumpable]
"""What a caller may hand over as a conversation."""

_OPTIONS = frozenset(ChatRequest.__struct_fields__) - {"messages"}
_OTHER_NAMES = {"max_completion_tokens": "max_tokens"}
"""Options of OpenAI's clients, and what they are called here."""
_ALWAYS = frozenset({"stream_options"})
"""Options of OpenAI's clients that are always on."""


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
    given = {name: value for name, value in options.items() if value is not None and name not in _ALWAYS}
    for name, ours in _OTHER_NAMES.items():
        if name in given:
            value = given.pop(name)
            if problem := field_problem(ours, value):
                raise InvalidRequest(problem.replace(ours, name, 1))
            if given.setdefault(ours, value) != value:
                raise InvalidRequest(f"{name} and {ours} say different things: give one of them")
    if given and (unknown := given.keys() - _OPTIONS):
        raise InvalidRequest(
            f"unknown option {min(unknown)!r}; known are {', '.join(sorted(_OPTIONS))}."
            " A field of one dialect goes into extra={…}."
        )
    for name, form in _SHAPED.items():
        if name in given and (shaped := form(given.pop(name))) is not None:
            given[name] = shaped
    if "tools" in given:
        _tell_apart(given)
    for name, value in given.items():
        if problem := field_problem(name, value):
            raise InvalidRequest(problem)
    chat = _asked(messages, given)
    if chat.tool_choice is not None:
        _check_choice(chat)
    return chat


def _asked(messages: Messages, given: dict[str, Any]) -> ChatRequest:
    """The request of a conversation and of checked fields."""
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
    turns: list[Message] = []
    for place, item in enumerate(messages):
        turn = item if isinstance(item, Message) else shapes.message(item, f"messages[{place}]")
        if problem := message_problem(turn):
            raise InvalidRequest(f"messages[{place}].{problem}")
        if turn.role == "system" and not all(isinstance(part, TextPart) for part in turn.content):
            raise InvalidRequest(f"messages[{place}]: a system message holds text only")
        if turn.content or turn.role != "system":
            turns += _with_results(turn)
    if not turns:
        raise InvalidRequest("messages holds no user message: nothing to ask")
    if "system" not in given and len(turns) > 1 and turns[0].role == "system" and turns[0].plain_text is not None:
        given["system"] = turns.pop(0).text
    return ChatRequest(messages=tuple(turns), **given)


def _with_results(turn: Message) -> Iterable[Message]:
    """A turn, and before it the turns of role `tool` that its parts are."""
    if turn.role != "user" or not any(isinstance(part, ToolResult) for part in turn.content):
        return (turn,)
    rest = tuple(part for part in turn.content if not isinstance(part, ToolResult))
    results = [
        Message("tool", part.content, tool_call_id=part.call_id, is_error=part.is_error)
        for part in turn.content
        if isinstance(part, ToolResult)
    ]
    return (*results, msgspec.structs.replace(turn, content=rest)) if rest else results


def _tell_apart(given: dict[str, Any]) -> None:
    """Tools that the caller runs, and those that a provider runs."""
    native = tuple(tool for tool in given["tools"] if isinstance(tool, NativeTool))
    if native:
        given["native_tools"] = (*given.get("native_tools", ()), *native)
        given["tools"] = tuple(tool for tool in given["tools"] if not isinstance(tool, NativeTool))


def _check_choice(chat: ChatRequest) -> None:
    """Refuse a choice of tools that are not offered."""
    choice = chat.tool_choice
    if choice in ("auto", "none"):
        return
    if choice == "required":
        if not chat.tools and not chat.native_tools:
            raise InvalidRequest("tool_choice is required, but there are no tools")
        return
    offered = {tool.name for tool in chat.tools}
    if not offered.issuperset(choice.names if isinstance(choice, AllowedTools) else (choice,)):
        raise InvalidRequest("tool_choice names a tool that is not among the tools")


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

_SHAPED: dict[str, Callable[[Any], Any]] = {
    "tools": shapes.tools,
    "stop": shapes.stop,
    "tool_choice": shapes.tool_choice,
    "response_format": shapes.response_format,
    "extra": lambda given: shapes.fields(given, "extra"),
    "metadata": lambda given: shapes.fields(given, "metadata"),
    "logit_bias": lambda given: {str(token): bias for token, bias in shapes.fields(given, "logit_bias").items()},
}
"""Options that may be given in several shapes, and what makes ours of them; None: as if it were not given."""
