"""Read what OpenAI's clients hand over: dicts of the chat protocol, and the objects of SDKs that dump into them.

Each function says where something makes no sense, and never what it holds.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn, cast, get_args

import msgspec

from .messages import (
    AllowedTools,
    AudioPart,
    Cache,
    FilePart,
    ImagePart,
    InvalidRequest,
    JsonSchema,
    Message,
    NativeTool,
    Part,
    Reasoning,
    RefusalPart,
    Role,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from .parts import Citation, Detail
from .returning import call_state
from .sendable import json_problem, type_name

_ROLES: dict[object, Role] = {
    "user": "user", "assistant": "assistant", "system": "system", "developer": "system", "tool": "tool",
}  # fmt: skip
_KEYS = frozenset(
    {
        "role", "content", "name", "tool_calls", "tool_call_id", "is_error", "function_call", "refusal", "audio",
        "annotations", "reasoning_content", "reasoning", "reasoning_details", "cache_control", "images",
    }
)  # fmt: skip
"""What a message of the chat protocol may hold, as its servers and SDKs write it."""
COPIES = frozenset({"parsed", "parsed_arguments", "parsed_output"})
"""What the SDKs' own helpers keep beside a text or arguments, and send back: the same once more, parsed."""
_DETAILS = get_args(Detail)


def as_mapping(item: object) -> object:
    """A dict for an object of an SDK (anything with `model_dump`); everything else as it is."""
    if isinstance(item, Mapping | msgspec.Struct | type):
        return item
    dump = getattr(item, "model_dump", None)
    if not callable(dump):
        return item
    try:
        found: object = dump(exclude_none=True)
    except Exception:  # noqa: BLE001 - not ours, and what it says may hold the content
        return item
    return found


def message(item: object, where: str) -> Message:
    """A message of a dict of the chat protocol.

    Raises:
        InvalidRequest: It is none; says where.
    """
    item = as_mapping(item)
    if not isinstance(item, Mapping):
        raise InvalidRequest(f"{where} is a {type(item).__name__}; expected a dict with role and content, or a Message")
    if unknown := [key for key in item if key not in _KEYS and key not in COPIES]:
        _refuse_key(unknown[0], where)
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
        parts = (*parts[:-1], _cached(parts[-1], marked, where))
    if role == "assistant":
        parts = (*_thoughts(item, where), *parts, *_beside(item, where))
    return Message(role, parts, (), call_id, bool(item.get("is_error", False)), name=name)


def content(given: object, where: str, *, may_lack: bool) -> tuple[Part, ...]:
    """The parts of a message's content: of a text, or of a list of parts."""
    if given is None and may_lack:
        return ()
    if isinstance(given, str):
        return (TextPart(given),) if given else ()
    if isinstance(given, bytes) or not isinstance(given, Sequence):
        raise InvalidRequest(f"{where} is neither a text nor a list of parts, but a {type_name(given)}")
    return tuple(_part(part, f"{where}[{place}]") for place, part in enumerate(given))


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


def cache_mark(given: object, where: str) -> Cache | None:
    """What Anthropic's `cache_control` asks for."""
    if given is None:
        return None
    if isinstance(given, Mapping) and given.get("type") == "ephemeral":
        ttl = given.get("ttl") or "5m"
        if ttl in ("5m", "1h"):
            return "1h" if ttl == "1h" else "5m"
    raise InvalidRequest(f"{where}.cache_control is not {{'type': 'ephemeral'}}, with a ttl of 5m or 1h if any")


def _refuse_key(key: object, where: str) -> NoReturn:
    if not isinstance(key, str):
        raise InvalidRequest(f"{where} holds a key that is no text, but a {type_name(key)}")
    near = difflib.get_close_matches(key, _KEYS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(_KEYS))}"
    raise InvalidRequest(f"{where} has no field {key[:40]!a}; {hint}")


def _thoughts(item: Mapping[Any, Any], where: str) -> Iterable[Part]:
    """Thinking that stands beside the content, as servers of the chat protocol write it."""
    said = item.get("reasoning_content") or item.get("reasoning")
    details = item.get("reasoning_details")
    if said is None and not details:
        return ()
    if said is not None and not isinstance(said, str):
        raise InvalidRequest(f"{where}.reasoning_content is not a text, but a {type_name(said)}")
    return (Reasoning(said or "", details=_json(details, f"{where}.reasoning_details") if details else None),)


def _beside(item: Mapping[Any, Any], where: str) -> Iterable[Part]:
    """The rest of an assistant's turn that stands beside its content."""
    refusal, audio, calls = item.get("refusal"), item.get("audio"), item.get("tool_calls") or ()
    if refusal:
        yield RefusalPart(_text(refusal, f"{where}.refusal"))
    for place, note in enumerate(_listed(item.get("annotations"), f"{where}.annotations")):
        yield _annotation(note, f"{where}.annotations[{place}]")
    for place, image in enumerate(_listed(item.get("images"), f"{where}.images")):
        yield _part(image, f"{where}.images[{place}]")
    if isinstance(audio, Mapping) and isinstance(audio.get("id"), str):
        yield AudioPart(id=audio["id"])
    elif audio:
        raise InvalidRequest(f"{where}.audio names no id")
    if isinstance(calls, str) or not isinstance(calls, Sequence):
        raise InvalidRequest(f"{where}.tool_calls is not a list, but a {type_name(calls)}")
    for place, call in enumerate(calls):
        yield _tool_call(call, f"{where}.tool_calls[{place}]")
    if legacy := item.get("function_call"):
        yield _tool_call({"id": _legacy_id(where), "function": legacy}, f"{where}.function_call")


def _legacy_id(where: str, behind: int = 0) -> str:
    """The id of a call in the form before there were tools: by its place, for its result is the next message."""
    place = _PLACE.search(where)
    return f"call_{int(place[1]) + behind if place else 0}"


_PLACE = re.compile(r"\[([0-9]+)\]$")


def _listed(given: object, where: str) -> Sequence[object]:
    if given is None:
        return ()
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InvalidRequest(f"{where} is not a list, but a {type_name(given)}")
    return given


def _text(given: object, where: str) -> str:
    if not isinstance(given, str):
        raise InvalidRequest(f"{where} is not a text, but a {type_name(given)}")
    return given


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
        _text(about.get("url") or "", f"{where}.url"),
        _text(about.get("title") or "", f"{where}.title"),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
        details=_json(dict(given), where),
    )


def _part(given: object, where: str) -> Part:
    given = as_mapping(given)
    if isinstance(given, Part):
        return given
    readers = _readers()
    kind = given.get("type") if isinstance(given, Mapping) else None
    read = readers.get(kind) if isinstance(kind, str) else None
    if not isinstance(given, Mapping) or read is None:
        raise InvalidRequest(f"{where} is not a part of a known type ({', '.join(sorted(readers))})")
    part = read(given, where)
    marked = cache_mark(given.get("cache_control"), where)
    return _cached(part, marked, where) if marked else part


def _cached(part: Part, cache: Cache, where: str) -> Part:
    if isinstance(part, TextPart | ImagePart | FilePart):
        return msgspec.structs.replace(part, cache=cache)
    raise InvalidRequest(f"{where} carries cache_control, which texts, images and files can")


def _text_part(given: Mapping[Any, Any], where: str) -> Part:
    if not isinstance(given.get("text"), str):
        raise InvalidRequest(f"{where} is not a part of type text (with text)")
    return TextPart(given["text"])


def _refusal_part(given: Mapping[Any, Any], where: str) -> Part:
    return RefusalPart(_text(given.get("refusal"), f"{where}.refusal"))


def _image_part(given: Mapping[Any, Any], where: str) -> Part:
    image = given.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    detail = image.get("detail") if isinstance(image, Mapping) else None
    if not isinstance(url, str) or detail not in (None, *_DETAILS):
        raise InvalidRequest(
            f"{where} is not a part of type image_url (with url, and a detail of {', '.join(_DETAILS)})"
        )
    return ImagePart(url, detail)


def _audio_part(given: Mapping[Any, Any], where: str) -> Part:
    audio = given.get("input_audio")
    data = audio.get("data") if isinstance(audio, Mapping) else None
    form = audio.get("format") if isinstance(audio, Mapping) else None
    if not isinstance(data, str) or not isinstance(form, str) or not form.isalnum():
        raise InvalidRequest(f"{where} is not a part of type input_audio (with data and format)")
    return AudioPart(f"data:audio/{form};base64,{data}")


def _file_part(given: Mapping[Any, Any], where: str) -> Part:
    file = given.get("file")
    found = file if isinstance(file, Mapping) else {}
    data, file_id, name = found.get("file_data"), found.get("file_id"), found.get("filename")
    if not (isinstance(data, str) or isinstance(file_id, str)) or not isinstance(name, str | None):
        raise InvalidRequest(f"{where} is not a part of type file (with file_data or file_id)")
    url = data if isinstance(data, str) else ""
    if url and ":" not in url[:16]:
        url = f"data:application/pdf;base64,{url}"
    return FilePart(url, name, file_id if isinstance(file_id, str) else None)


def _thinking_part(given: Mapping[Any, Any], where: str) -> Part:
    said = given.get("thinking")
    if isinstance(said, Sequence) and not isinstance(said, str):  # Mistral writes a list of texts
        said = "".join(_text(part.get("text"), where) for part in said if isinstance(part, Mapping))
    signature = given.get("signature")
    return Reasoning(
        _text(said or "", f"{where}.thinking"), _text(signature, f"{where}.signature") if signature else None
    )


def _tool_result(given: Mapping[Any, Any], where: str) -> Part:
    parts = content(given.get("content"), f"{where}.content", may_lack=True)
    if not all(isinstance(part, TextPart | ImagePart | FilePart | AudioPart) for part in parts):
        raise InvalidRequest(f"{where}.content holds other parts than texts, images, files and audio")
    call_id = _text(given.get("tool_use_id"), f"{where}.tool_use_id")
    return ToolResult(call_id, cast("Any", parts), bool(given.get("is_error", False)))


@cache
def _readers() -> dict[str, Callable[[Mapping[Any, Any], str], Part]]:
    """The types of parts, and what reads each."""
    return {
        "text": _text_part,
        "refusal": _refusal_part,
        "image_url": _image_part,
        "input_audio": _audio_part,
        "file": _file_part,
        "thinking": _thinking_part,
        "tool_result": _tool_result,
    }


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
            described, grammar = custom.get("description") or "", dict(form) if form else None
            return Tool(custom["name"], described, custom=True, format=grammar, cache=marked)
    raise InvalidRequest(
        f"tools[{place}] is not a Tool, a function, nor a dict {{'type': 'function', 'function': {{'name': …}}}},"
        f" but a {type_name(tool)}; a tool that a provider runs is a NativeTool"
    )


def _allowed(given: Mapping[Any, Any]) -> AllowedTools:
    inner = given.get("allowed_tools")
    about = inner if isinstance(inner, Mapping) else given
    names = []
    for tool in _listed(about.get("tools"), "tool_choice.tools"):
        named = tool.get("function") or tool.get("custom") or tool if isinstance(tool, Mapping) else None
        names.append(_text(named.get("name") if isinstance(named, Mapping) else None, "tool_choice.tools[].name"))
    return AllowedTools(tuple(names), about.get("mode") == "required")
