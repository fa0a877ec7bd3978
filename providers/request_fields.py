"""Check each field of a request, made by us or by hand: it must have the right type, and can be sent.

A struct holds its caller to nothing, so these are the only types that are certain. A problem names the field, and says
nothing of what it holds. Providers' own limits are theirs to tell.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from .messages import (
    AllowedTools,
    JsonSchema,
    Message,
    NativeTool,
    ReasoningEffort,
    Role,
    Tool,
    Verbosity,
)
from .origin import Origin
from .parts import (
    AudioPart,
    Cache,
    Citation,
    Detail,
    FilePart,
    ImagePart,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
    ToolResult,
)
from .sendable import json_problem, number_problem, text_problem, type_name

_ROLES = frozenset(get_args(Role))
_EFFORTS: tuple[str, ...] = get_args(ReasoningEffort)
_VERBOSITIES: tuple[str, ...] = get_args(Verbosity)

_ONE_OF: dict[str, tuple[str, ...]] = {"cache": get_args(Cache), "detail": get_args(Detail)}
"""Fields of parts and tools that hold one of a few words."""

_TEXTS: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {
    TextPart: (("text",), ("cache", "phase")),
    ImagePart: (("url",), ("detail", "cache")),
    FilePart: (("url",), ("name", "id", "cache")),
    AudioPart: (("url", "transcript"), ("id",)),
    Reasoning: (("text",), ("signature", "redacted", "details")),
    RefusalPart: (("text",), ()),
    ToolCall: (("id", "name", "arguments"), ("signature",)),
    ToolResult: (("call_id",), ()),
    Citation: (("url", "title", "text"), ("details",)),
    NativePart: (("kind", "details", "name"), ("id",)),
}
"""The fields of each kind of part that are texts, and those that are texts or None."""


def message_problem(message: Message) -> str | None:
    """The field of a message that cannot be sent, and why; None when all can."""
    content = message.content
    only = content[0] if isinstance(content, tuple) and len(content) == 1 else None
    if type(only) is TextPart and only.cache is only.phase is None:
        text = only.text
        if (type(text) is not str or not text.isascii()) and (problem := text_problem(text)):
            return f"content {problem}"
    elif problem := _content_problem(content):
        return problem
    if type(message.role) is not str or message.role not in _ROLES:
        return f"role is not one of {', '.join(get_args(Role))}"
    if message.tool_calls or message.reasoning or not (message.tool_call_id is message.name is message.origin is None):
        return _rare_problem(message)
    return None


def field_problem(name: str, value: Any) -> str | None:
    """Why this cannot be a field of a request; None when it can.

    Args:
        name: Of `ChatRequest`.
        value: Not None.
    """
    problem = _FIELDS[name](value)
    if problem is None:
        return None
    return f"{name}{problem}" if problem[0] in ".[" else f"{name} {problem}"


def _content_problem(content: object) -> str | None:
    if not isinstance(content, tuple | list):
        return f"content {_not('a list of parts', content)}"
    for place, part in enumerate(content):
        if problem := _part_problem(part):
            return f"{_where(content, place)}{problem}"
    return None


def _where(content: Sequence[object], place: int) -> str:
    """The place of a part, as its writer knows it: calls and thoughts are often given beside the content."""
    part = content[place]
    for kind, field in ((ToolCall, "tool_calls"), (Reasoning, "reasoning")):
        if isinstance(part, kind):
            return f"{field}[{sum(isinstance(before, kind) for before in content[:place])}]"
    return f"content[{place}]"


def _part_problem(part: object) -> str | None:
    texts = _TEXTS.get(type(part))
    if texts is None:
        known = ", ".join(kind.__name__ for kind in get_args(Part))
        return f" is a {type(part).__name__}, not one of {known}"
    if isinstance(part, TextPart | ImagePart):  # nearly always: said without the field's name
        problem = text_problem(part.text if isinstance(part, TextPart) else part.url)
        if problem is not None:
            return f" {problem}"
    if problem := _texts_problem(part, *texts):
        return f".{problem}"
    if isinstance(part, ImagePart | FilePart | AudioPart) and not part.url and getattr(part, "id", None) is None:
        return f" is {'an image' if isinstance(part, ImagePart) else 'a part'} without a url"
    if isinstance(part, ToolResult) and (problem := _content_problem(part.content)):
        return f".{problem}"
    return None


def _rare_problem(message: Message) -> str | None:
    if not isinstance(message.tool_calls, tuple | list) or not isinstance(message.reasoning, tuple | list):
        return "tool_calls or reasoning is not a list"
    for place, call in enumerate(message.tool_calls):
        if not isinstance(call, ToolCall):
            return f"tool_calls[{place}] is a {type(call).__name__}, not a ToolCall"
    for place, block in enumerate(message.reasoning):
        if not isinstance(block, Reasoning):
            return f"reasoning[{place}] is a {type(block).__name__}, not a Reasoning"
    if message.origin is not None and not isinstance(message.origin, Origin):
        return f"origin {_not('an Origin or the name of a provider', message.origin)}"
    return _texts_problem(message, (), ("tool_call_id", "name"))


def _texts_problem(struct: object, texts: tuple[str, ...], or_none: tuple[str, ...] = ()) -> str | None:
    for name in (*texts, *or_none):
        value = getattr(struct, name)
        if (value is not None or name in texts) and (problem := text_problem(value)):
            return f"{name} {problem}"
        if value is not None and name in _ONE_OF and value not in _ONE_OF[name]:
            return f"{name} is not one of {', '.join(_ONE_OF[name])}"
    return None


def _not(what: str, value: object) -> str:
    return f"is not {what}, but a {type_name(value)}"


def _number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _not("a number", value)
    return number_problem(value)


def _whole(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return _not("a whole number", value)
    return number_problem(value)


def _count(value: Any) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return number_problem(value) if whole else _not("a whole number above zero", value)


def _truth(value: Any) -> str | None:
    return None if isinstance(value, bool) else _not("true or false", value)


def _effort(value: Any) -> str | None:
    known = ", ".join(_EFFORTS)
    if not isinstance(value, str):
        return _not(f"one of {known}", value)
    return None if value in _EFFORTS else f"is not one of {known}"


def _stop(value: Any) -> str | None:
    if not isinstance(value, list | tuple):
        return _not("a text or a list of texts", value)
    for place, text in enumerate(value):
        if problem := text_problem(text):
            return f"[{place}] {problem}"
    return None


def _tools(value: Any) -> str | None:
    if not isinstance(value, list | tuple):
        return _not("a list of tools", value)
    for place, tool in enumerate(value):
        if not isinstance(tool, Tool):
            return f"[{place}] is a {type(tool).__name__}, not a Tool"
        problem = _texts_problem(tool, ("name", "description"), ("cache",)) or _schema_problem(
            tool.parameters, "parameters"
        )
        if problem is None and tool.strict is not None and (truth := _truth(tool.strict)):
            problem = f"strict {truth}"
        if problem is None and tool.format is not None:
            problem = _schema_problem(tool.format, "format")
        if problem:
            return f"[{place}].{problem}"
    return None


def _response_format(value: Any) -> str | None:
    if not isinstance(value, JsonSchema):
        return f"is a {type(value).__name__}, not a JsonSchema"
    problem = _texts_problem(value, ("name", "description")) or _schema_problem(value.schema, "schema")
    if problem is None and (truth := _truth(value.strict)):
        problem = f"strict {truth}"
    return problem and f".{problem}"


def _schema_problem(schema: object, name: str) -> str | None:
    problem = json_problem(schema) if isinstance(schema, Mapping) else _not("a dict", schema)
    return problem and f"{name} {problem}"


def _extra(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return _not("a dict of fields", value)
    if not all(isinstance(name, str) for name in value):
        return "holds a name that is no text"
    return json_problem(dict(value))


def _native_tools(value: Any) -> str | None:
    if not isinstance(value, list | tuple):
        return _not("a list of tools", value)
    for place, tool in enumerate(value):
        if not isinstance(tool, NativeTool):
            return f"[{place}] is a {type(tool).__name__}, not a NativeTool"
        if problem := _texts_problem(tool, ("provider",)) or _schema_problem(tool.spec, "spec"):
            return f"[{place}].{problem}"
    return None


def _tool_choice(value: Any) -> str | None:
    if not isinstance(value, AllowedTools):
        return text_problem(value)
    return _stop(value.names) or (None if value.names else "allows no tool")


def _verbosity(value: Any) -> str | None:
    known = ", ".join(_VERBOSITIES)
    if not isinstance(value, str):
        return _not(f"one of {known}", value)
    return None if value in _VERBOSITIES else f"is not one of {known}"


def _one(value: Any) -> str | None:
    return _count(value) or (None if value == 1 else "is more than 1: ask once for each answer")


def _texts_by_name(value: Any) -> str | None:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        return "is not a dict of texts"
    return json_problem(dict(value))


def _numbers_by_token(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return _not("a dict of tokens and numbers", value)
    return next((problem for number in value.values() if (problem := _number(number))), None)


_FIELDS: dict[str, Callable[[Any], str | None]] = {
    "system": text_problem,
    "prefill": text_problem,
    "tools": _tools,
    "native_tools": _native_tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _truth,
    "temperature": _number,
    "top_p": _number,
    "max_tokens": _count,
    "stop": _stop,
    "seed": _whole,
    "frequency_penalty": _number,
    "presence_penalty": _number,
    "response_format": _response_format,
    "reasoning_effort": _effort,
    "reasoning_budget_tokens": _count,
    "verbosity": _verbosity,
    "top_k": _count,
    "min_p": _number,
    "logprobs": _truth,
    "top_logprobs": _whole,
    "logit_bias": _numbers_by_token,
    "n": _one,
    "user": text_problem,
    "safety_identifier": text_problem,
    "metadata": _texts_by_name,
    "service_tier": text_problem,
    "extra": _extra,
}
