"""Read what OpenAI's clients hand over: dicts of the chat protocol, and the objects of SDKs that dump into them.

Each function says where something makes no sense, and never what it holds.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from .messages import (
    AllowedTools,
    AudioPart,
    InvalidRequest,
    JsonSchema,
    Message,
    NativeTool,
    Part,
    Reasoning,
    RefusalPart,
    Role,
    Tool,
    ToolCall,
    ToolChoice,
)
from .part_shapes import (
    as_mapping,
    cache_mark,
    cached,
    check_fields,
    content,
    listed,
    part_of,
    refuse_key,
    text_of,
)
from .parts import Citation
from .returning import call_state
from .sendable import json_problem, type_name

_ROLES: dict[object, Role] = {
    "user": "user", "assistant": "assistant", "system": "system", "developer": "system", "tool": "tool",
}  # fmt: skip
_KEYS = frozenset(
    {
        "role", "content", "name", "tool_calls", "tool_call_id", "is_error", "function_call", "refusal", "audio",
        "annotations", "reasoning_content", "reasoning", "reasoning_details", "cache_control", "images", "thinking",
        "thinking_blocks", "extra_content",
    }
)  # fmt: skip
"""What a message of the chat protocol may hold, as its servers and SDKs write it."""
COPIES = frozenset({"parsed", "parsed_arguments", "parsed_output", "provider_specific_fields"})
"""What the SDKs' own helpers keep beside a text or arguments, and send back: the same once more, parsed or copied."""
_EMPTY: tuple[object, ...] = (None, False, "", [], {})


def message(item: object, where: str) -> Message:
    """A message of a dict of the chat protocol.

    Raises:
        InvalidRequest: It is none; says where.
    """
    given, item = item, as_mapping(item)
    if not isinstance(item, Mapping):
        raise InvalidRequest(f"{where} is a {type(item).__name__}; expected a dict with role and content, or a Message")
    unknown = [key for key in item if key not in _KEYS and key not in COPIES]
    if given is not item:  # of an SDK, which has fields of its own: empty ones say nothing
        unknown = [key for key in unknown if item[key] not in _EMPTY]
    if unknown:
        refuse_key(unknown[0], where, _KEYS)
    said = item.get("role")
    if said == "function":
        item = {**item, "role": (said := "tool"), "tool_call_id": _legacy_id(where, -1), "name": None}
    role = _ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise InvalidRequest(f"{where}.role is not one of user, assistant, system, developer, tool")
    call_id = item.get("tool_call_id")
    if role == "tool" and not isinstance(call_id, str):
        raise InvalidRequest(f"{where}.tool_call_id is missing: a tool's result names the call it answers")
    name = item.get("name")
    if name is not None and not isinstance(name, str):
        raise InvalidRequest(f"{where}.name is not a text, but a {type_name(name)}")
    parts = content(item.get("content"), f"{where}.content", may_lack=role in ("assistant", "tool"))
    if (marked := cache_mark(item.get("cache_control"), where)) and parts:
        parts = (*parts[:-1], cached(parts[-1], marked, where))
    if role == "assistant":
        parts = (*_thoughts(item, where), *parts, *_beside(item, where))
    return Message(role, parts, (), call_id, bool(item.get("is_error", False)), name=name)


def tools(given: object) -> tuple[Tool | NativeTool, ...]:
    """Tools: ours, dicts of the chat protocol, or functions with annotations."""
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise InvalidRequest(f"tools is not a list of tools, but a {type_name(given)}")
    return tuple(_tool(tool, place) for place, tool in enumerate(given))


def tool_choice(given: object) -> ToolChoice:
    """Which tools may or must be called."""
    given = as_mapping(given)
    if given == "any":  # the word of Mistral and of some frameworks
        return "required"
    if isinstance(given, AllowedTools) or (isinstance(given, str) and given):
        return given
    if isinstance(given, Mapping):
        kind = given.get("type")
        if kind == "allowed_tools":
            return _allowed(given)
        if len(given) == 1 and kind in ("auto", "none", "required", "any"):
            return tool_choice(kind)
        inner = given.get(kind) if isinstance(kind, str) else None
        name = (inner if isinstance(inner, Mapping) else given).get("name")
        if kind in (None, "function", "custom", "tool") and isinstance(name, str):
            return name
        if isinstance(named := given.get("function"), Mapping) and isinstance(named.get("name"), str):
            return cast("str", named["name"])
    given_as = "" if isinstance(given, str) else f", but a {type_name(given)}"
    raise InvalidRequest(f"tool_choice is not auto, none, required, nor the name of a tool{given_as}")


def response_format(given: object) -> JsonSchema | None:
    """A JSON schema: ours, a dict of the chat protocol, or a type whose schema pydantic knows; None: any text."""
    if isinstance(given, JsonSchema):
        return given
    if isinstance(given, type):
        from .schemas import type_schema

        return type_schema(given)
    given = as_mapping(given)
    if isinstance(given, Mapping):
        if given.get("type") == "text":
            return None
        if given.get("type") == "json_object":
            return JsonSchema({})
        schema = given.get("json_schema")
        if schema is None and given.get("type") == "json_schema":  # OpenAI's newer API has the same without a level
            schema = {name: value for name, value in given.items() if name != "type"}
        if isinstance(schema, Mapping):
            check_fields(schema, "response_format.json_schema", ("name", "schema", "strict", "description"))
        if isinstance(schema, Mapping) and isinstance(schema.get("schema"), Mapping):
            return JsonSchema(
                dict(schema["schema"]),
                schema.get("name") or "answer",
                bool(schema.get("strict", False)),
                schema.get("description") or "",
            )
    given_as = "" if isinstance(given, Mapping) else f", but a {type_name(given)}"
    raise InvalidRequest(
        f"response_format is not a JsonSchema, a pydantic model or dataclass, nor a dict of type json_schema,"
        f" json_object or text{given_as}"
    )


def stop(given: object) -> tuple[Any, ...]:
    """Stop texts: one, or a list of them."""
    if isinstance(given, str):
        return (given,)
    if isinstance(given, bytes) or not isinstance(given, Sequence):
        raise InvalidRequest(f"stop is not a text or a list of texts, but a {type_name(given)}")
    return tuple(given)


def fields(given: object, name: str) -> dict[Any, Any]:
    """A dict of fields: `extra`, `metadata`, `logit_bias`."""
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"{name} is not a dict of fields, but a {type_name(given)}")
    return dict(given)


def _thoughts(item: Mapping[Any, Any], where: str) -> Iterable[Part]:
    """Thinking that stands beside the content, as servers of the chat protocol write it."""
    said = item.get("reasoning_content") or item.get("reasoning") or item.get("thinking")
    details = [*_listed_at(item, "reasoning_details", where), *_listed_at(item, "thinking_blocks", where)]
    if said is None and not details:
        return ()
    if said is not None and not isinstance(said, str):
        raise InvalidRequest(f"{where}.reasoning_content is not a text, but a {type_name(said)}")
    return (Reasoning(said or "", details=_json(details, f"{where}.reasoning_details") if details else None),)


def _listed_at(item: Mapping[Any, Any], name: str, where: str) -> Sequence[object]:
    return listed(item.get(name), f"{where}.{name}")


def _beside(item: Mapping[Any, Any], where: str) -> Iterable[Part]:
    """The rest of an assistant's turn that stands beside its content."""
    refusal, audio, calls = item.get("refusal"), item.get("audio"), item.get("tool_calls") or ()
    if refusal:
        yield RefusalPart(text_of(refusal, f"{where}.refusal"))
    for place, note in enumerate(listed(item.get("annotations"), f"{where}.annotations")):
        yield _annotation(note, f"{where}.annotations[{place}]")
    for place, image in enumerate(listed(item.get("images"), f"{where}.images")):
        yield part_of(image, f"{where}.images[{place}]")
    if isinstance(audio, Mapping) and isinstance(audio.get("id"), str):
        yield AudioPart(id=audio["id"])
    elif audio:
        raise InvalidRequest(f"{where}.audio names no id")
    if isinstance(calls, str) or not isinstance(calls, Sequence):
        raise InvalidRequest(f"{where}.tool_calls is not a list, but a {type_name(calls)}")
    for place, call in enumerate(calls):
        yield _tool_call(call, f"{where}.tool_calls[{place}]")
    if (state := call_state(item.get("extra_content"))) is not None:
        yield Reasoning("", state)
    if legacy := item.get("function_call"):
        yield _tool_call({"id": _legacy_id(where), "function": legacy}, f"{where}.function_call")


def _legacy_id(where: str, behind: int = 0) -> str:
    """The id of a call in the form before there were tools: by its place, for its result is the next message."""
    place = _PLACE.search(where)
    return f"call_{int(place[1]) + behind if place else 0}"


_PLACE = re.compile(r"\[([0-9]+)\]$")


def _json(given: object, where: str) -> str:
    if problem := json_problem(given):
        raise InvalidRequest(f"{where} {problem}")
    return msgspec.json.encode(given).decode()


def _annotation(given: object, where: str) -> Citation:
    given = as_mapping(given)
    about = given.get("url_citation") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(about, Mapping):
        raise InvalidRequest(f"{where} is not an annotation of type url_citation")
    start, end = about.get("start_index"), about.get("end_index")
    return Citation(
        text_of(about.get("url") or "", f"{where}.url"),
        text_of(about.get("title") or "", f"{where}.title"),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
        details=_json(dict(given), where),
    )


def _tool_call(call: object, where: str) -> ToolCall:
    call = as_mapping(call)
    if isinstance(call, ToolCall):
        return call
    if isinstance(call, Mapping):
        function, custom = call.get("function"), call.get("custom")
        call_id = call.get("id")
        if isinstance(function, Mapping):
            name, arguments = function.get("name"), function.get("arguments", "{}")
        else:
            name, arguments = (custom.get("name"), custom.get("input")) if isinstance(custom, Mapping) else (None, None)
        if isinstance(call_id, str) and isinstance(name, str) and isinstance(arguments, str):
            state = call_state(call.get("extra_content"))
            return ToolCall(call_id, name, arguments, state, not isinstance(function, Mapping))
    raise InvalidRequest(f"{where} lacks an id, a function.name, or function.arguments as JSON text")


def _tool(tool: object, place: int) -> Tool | NativeTool:
    if isinstance(tool, Tool | NativeTool):
        return tool
    if callable(tool) and not isinstance(tool, type):
        from .schemas import function_tool

        return function_tool(tool, f"tools[{place}]")
    tool = as_mapping(tool)
    if isinstance(tool, Mapping):
        marked = cache_mark(tool.get("cache_control"), f"tools[{place}]")
        function, custom = tool.get("function"), tool.get("custom")
        if isinstance(tool.get("name"), str):  # OpenAI's newer API has the same without a level
            flat = {name: value for name, value in tool.items() if name not in ("type", "cache_control")}
            function, custom = (flat if tool.get("type") == kind else None for kind in ("function", "custom"))
        for kind, inner, known in (("function", function, _FUNCTION), ("custom", custom, _CUSTOM)):
            if isinstance(inner, Mapping):
                check_fields(inner, f"tools[{place}].{kind}", known)
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            schema = function.get("parameters") or {"type": "object", "properties": {}}
            if not isinstance(schema, Mapping):
                raise InvalidRequest(f"tools[{place}].function.parameters is not a dict")
            described = function.get("description") or ""
            return Tool(function["name"], described, dict(schema), function.get("strict"), cache=marked)
        if isinstance(custom, Mapping) and isinstance(custom.get("name"), str):
            form = custom.get("format")
            if form is not None and not isinstance(form, Mapping):
                raise InvalidRequest(f"tools[{place}].custom.format is not a dict")
            described, grammar = custom.get("description") or "", _nested(dict(form)) if form else None
            return Tool(custom["name"], described, custom=True, format=grammar, cache=marked)
    raise InvalidRequest(
        f"tools[{place}] is not a Tool, a function, nor a dict {{'type': 'function', 'function': {{'name': …}}}},"
        f" but a {type_name(tool)}; a tool that a provider runs is a NativeTool"
    )


_FUNCTION = ("name", "description", "parameters", "strict")
_CUSTOM = ("name", "description", "format")


def _nested(form: dict[str, Any]) -> dict[str, Any]:
    """The format of a custom tool, with its grammar one level deeper than OpenAI's newer API has it."""
    if form.get("type") != "grammar" or "grammar" in form:
        return form
    return {"type": "grammar", "grammar": {name: value for name, value in form.items() if name != "type"}}


def _allowed(given: Mapping[Any, Any]) -> AllowedTools:
    inner = given.get("allowed_tools")
    about = inner if isinstance(inner, Mapping) else given
    names = []
    for tool in listed(about.get("tools"), "tool_choice.tools"):
        named = tool.get("function") or tool.get("custom") or tool if isinstance(tool, Mapping) else None
        names.append(text_of(named.get("name") if isinstance(named, Mapping) else None, "tool_choice.tools[].name"))
    return AllowedTools(tuple(names), about.get("mode") == "required")
