"""Requests of Anthropic's Messages API, as clients send them.

Nothing is passed over: a field has a place in the neutral request, or travels in `extra` to targets of this API, or is
refused by its path, or is told in a note. A tool of the API's own, or one that says more than the neutral form holds,
travels as it is. Facts: the SDK's types.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from .. import part_shapes
from ..chat import ChatRequest, InvalidRequest, Message, chat_request
from ..messages import (
    FilePart,
    ImagePart,
    JsonSchema,
    NativePart,
    NativeTool,
    Part,
    Reasoning,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from ..parts import Citation
from .dialect import Asked
from .fields import Fields, known_only, list_of, objects, text_of
from .plain import plain_messages
from .refused import Refused, read_object, refused, unserved, wrong
from .state import MARK, original, unsealed

NAME = "anthropic"
USUAL_EFFORT = "high"
"""How hard a model tries that is to think as it sees fit, where a client does not say."""

_AS_THEY_ARE = ("temperature", "top_p", "top_k")
_TIERS = {"standard_only": "default"}
_TOOL_FIELDS = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})
_EAGER = "eager_input_streaming"
"""Of a tool: how its arguments are streamed. It is set by agents for all their tools, which other targets take, too."""
UNTHREADED = "thread_unsupported_request"
"""The code by which the SDK's own loop of tools learns to send the whole conversation with each turn."""
CALL_STATE = ("caller", "toolset_name")
"""What a call brings back beside its arguments, see `anthropic_natives.call_state`."""


def read_messages(body: bytes) -> Asked:
    """What a client of the Messages API asks.

    Raises:
        Refused: The body is no such request, or asks what is not served.
    """
    if (plain := plain_messages(body)) is not None:
        return plain
    try:
        return _read(Fields(read_object(body)))
    except InvalidRequest as problem:
        raise refused(problem) from None


def _read(fields: Fields) -> Asked:
    model, stream, standby = fields.needed("model"), bool(fields.flag("stream")), fields.standby()
    if fields.take("thread") is not None:
        raise Refused(
            "thread is not supported here: nothing is stored; send the whole conversation", "thread", UNTHREADED
        )
    options: dict[str, Any] = {name: fields.option(name, name) for name in _AS_THEY_ARE}
    options["max_tokens"] = fields.option("max_tokens", "max_tokens")
    if options["max_tokens"] is None:
        raise wrong("max_tokens", "is missing", "missing_required_parameter")
    options["stop"] = fields.option("stop_sequences", "stop")
    tier = fields.text("service_tier")
    options["service_tier"] = _TIERS.get(tier, tier) if tier is not None else None
    if (about := fields.object("metadata")) is not None:
        options["user"] = about.text("user_id")
        about.nothing_more()
    extra: dict[str, Any] = {}
    _output(fields, options, extra)
    _thinking(fields, options, extra)
    tools, natives = _tools(fields)
    options |= {"tools": tuple(tools) or None, "native_tools": tuple(natives) or None}
    _tool_choice(fields, tools, options, extra)
    turns = [*_system(fields), *_turns(fields)]
    turns, options["prefill"] = _begun(turns)
    extra |= fields.rest()
    chat = _asked(turns, options, extra)
    return Asked(
        chat=chat,
        model=model,
        stream=stream,
        include_usage=True,
        standby=standby,
        carried=tuple(fields.carried),
        hints=tuple(fields.hints),
        notes=tuple(fields.notes),
    )


def _asked(turns: list[Message], options: dict[str, Any], extra: dict[str, Any]) -> ChatRequest:
    given = {name: value for name, value in options.items() if value is not None}
    if extra:
        given["extra"] = {NAME: extra}
    if not turns:
        raise wrong("messages", "is missing, or empty: nothing to ask", "missing_required_parameter")
    return chat_request(turns, **given)


def _system(fields: Fields) -> list[Message]:
    """The system text, or the blocks of it, each by itself since each may be marked for the cache."""
    given = fields.take("system")
    if given is None or isinstance(given, str):
        return [Message("system", given)] if given else []
    parts = [_text(block, where) for where, block in objects(list_of(given, "system") or (), "system")]
    return [Message("system", (part,)) for part in parts if part.text]


def _turns(fields: Fields) -> list[Message]:
    given = fields.list("messages")
    if not given:
        raise wrong("messages", "is missing, or empty: nothing to ask", "missing_required_parameter")
    return [_turn(turn, where, fields) for where, turn in objects(given, "messages")]


def _turn(turn: Mapping[str, Any], where: str, fields: Fields) -> Message:
    known_only(turn, {"role", "content"}, where)
    role, content = turn.get("role"), turn.get("content")
    if role not in ("user", "assistant", "system"):
        raise wrong(f"{where}.role", "is not user, assistant or system")
    if isinstance(content, str):
        return Message(role, content)
    if content is None:
        raise wrong(f"{where}.content", "is missing", "missing_required_parameter")
    blocks = objects(list_of(content, f"{where}.content") or (), f"{where}.content")
    if role == "assistant":
        parts: list[Part] = [part for at, block in blocks for part in _assistant_block(block, at, fields)]
    elif role == "system":
        parts = [_text(block, at) for at, block in blocks]
    else:
        parts = [_user_block(block, at, fields) for at, block in blocks]
    return Message(role, tuple(parts))


def _user_block(block: dict[str, Any], where: str, fields: Fields) -> Part:
    if block.get("type") == "tool_result":
        return _tool_result(block, where, fields)
    return _given_block(block, where)


def _given_block(block: dict[str, Any], where: str) -> TextPart | ImagePart | FilePart:
    """A text, an image or a document."""
    kind = block.get("type")
    read = _GIVEN.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise unserved(where, "a block of this type has no place here")
    return read(block, where)


def _text(block: dict[str, Any], where: str) -> TextPart:
    if block.get("type") != "text":
        raise wrong(where, "is not a block of type text")
    known_only({**block, "citations": block.get("citations") or None}, {"type", "text", "cache_control"}, where)
    text = block.get("text")
    if not isinstance(text, str):
        raise wrong(f"{where}.text", "is missing, or no text")
    return TextPart(text, part_shapes.cache_mark(block.get("cache_control"), where))


def _image(block: dict[str, Any], where: str) -> ImagePart:
    known_only(block, {"type", "source", "cache_control"}, where)
    source = Fields(_source(block, where), f"{where}.source.")
    kind = source.take("type")
    if kind == "base64":
        url = f"data:{source.needed('media_type')};base64,{source.needed('data')}"
    elif kind == "url":
        url = source.needed("url")
    else:
        raise unserved(f"{where}.source.type", "an image is sent along (base64), or found at a URL (url)")
    source.nothing_more()
    return ImagePart(url, cache=part_shapes.cache_mark(block.get("cache_control"), where))


def _document(block: dict[str, Any], where: str) -> FilePart:
    if isinstance(asked := block.get("citations"), dict) and asked.get("enabled") is False:
        block = {name: value for name, value in block.items() if name != "citations"}
    known_only(block, {"type", "source", "title", "cache_control"}, where)
    source = Fields(_source(block, where), f"{where}.source.")
    kind, url, file_id = source.take("type"), "", None
    if kind == "base64":
        url = f"data:{source.needed('media_type')};base64,{source.needed('data')}"
    elif kind == "text":
        media_type = source.text("media_type") or "text/plain"
        url = f"data:{media_type};base64,{base64.b64encode(source.needed('data').encode()).decode()}"
    elif kind == "url":
        url = source.needed("url")
    elif kind == "file":
        file_id = source.needed("file_id")
    else:
        raise unserved(f"{where}.source.type", "a document is base64, text, url or file")
    source.nothing_more()
    title = text_of(block.get("title"), f"{where}.title")
    return FilePart(url, title, file_id, part_shapes.cache_mark(block.get("cache_control"), where))


def _source(block: dict[str, Any], where: str) -> dict[str, Any]:
    source = block.get("source")
    if not isinstance(source, dict):
        raise wrong(f"{where}.source", "is missing, or no object")
    return source


_GIVEN: dict[str, Callable[[dict[str, Any], str], TextPart | ImagePart | FilePart]] = {
    "text": _text,
    "image": _image,
    "document": _document,
}


def _tool_result(block: dict[str, Any], where: str, fields: Fields) -> ToolResult:
    known_only(block, {"type", "tool_use_id", "content", "is_error", "cache_control"}, where)
    about = Fields(block, f"{where}.")
    call_id, failed, content = about.needed("tool_use_id"), about.flag("is_error"), about.take("content")
    if isinstance(content, str):
        parts: tuple[TextPart | ImagePart | FilePart, ...] = (TextPart(content),) if content else ()
    else:
        blocks = objects(list_of(content, f"{where}.content") or (), f"{where}.content")
        parts = tuple(_given_block(each, at) for at, each in blocks)
    marked = part_shapes.cache_mark(block.get("cache_control"), where)
    if marked is not None and parts:
        parts = (*parts[:-1], replace(parts[-1], cache=marked))
    elif marked is not None:
        fields.notes.append(f"{where}.cache_control: left out, the result is empty")
    return ToolResult(call_id, parts, bool(failed))


def _assistant_block(block: dict[str, Any], where: str, fields: Fields) -> tuple[Part, ...]:
    """A block of an assistant's turn. One that is none of these is the provider's own: only its origin reads it."""
    match block.get("type"):
        case "text":
            cited = list_of(block.get("citations"), f"{where}.citations") or ()
            citations = [_citation(each) for _, each in objects(cited, f"{where}.citations")]
            return (_text({**block, "citations": None}, where), *citations)
        case "thinking":
            known_only(block, {"type", "thinking", "signature"}, where)
            about = Fields(block, f"{where}.")
            said, signature = about.text("thinking") or "", about.text("signature")
            return (unsealed(said, signature, "signature") if signature else Reasoning(said),)
        case "redacted_thinking":
            known_only(block, {"type", "data"}, where)
            return (unsealed("", Fields(block, f"{where}.").needed("data"), "redacted"),)
        case "tool_use":
            return (_call(block, where, fields),)
        case "image" | "document":
            return (_given_block(block, where),)
        case str(kind):
            return (_native(block, kind),)
        case _:
            raise wrong(f"{where}.type", "is missing, or no text")


def _call(block: dict[str, Any], where: str, fields: Fields) -> ToolCall:
    known_only(block, {"type", "id", "name", "input", "cache_control", MARK, *CALL_STATE}, where)
    about = Fields(block, f"{where}.")
    if block.get("cache_control") is not None:
        fields.notes.append(f"{where}.cache_control: left out, a call is not marked for the cache here")
    given = block.get("input", {})
    if not isinstance(given, dict):
        raise wrong(f"{where}.input", "is not an object")
    state = {name: block[name] for name in (*CALL_STATE, MARK) if block.get(name) is not None}
    if state.get("caller") == {"type": "direct"}:
        del state["caller"]
    arguments = msgspec.json.encode(given).decode()
    return ToolCall(about.needed("id"), about.needed("name"), arguments, original(state) if state else None)


def _citation(written: dict[str, Any]) -> Citation:
    def text(*names: str) -> str:
        return next((value for name in names if isinstance(value := written.get(name), str)), "")

    return Citation(text("url"), text("title", "document_title"), text("cited_text"), details=original(written))


def _native(block: dict[str, Any], kind: str) -> NativePart:
    name, call_id = block.get("name"), block.get("id") or block.get("tool_use_id")
    return NativePart(
        kind,
        original(block),
        name if isinstance(name, str) else "",
        call_id if isinstance(call_id, str) else None,
    )


def _begun(turns: list[Message]) -> tuple[list[Message], str | None]:
    """The turns without the text that the answer is to begin with, and that text.

    A turn that the provider has interrupted goes back whole, and is gone on with.
    """
    last = turns[-1] if turns else None
    if last is None or last.role != "assistant" or not last.content or len(turns) < 2:
        return turns, None
    end = last.content[-1]
    if not isinstance(end, TextPart) or any(isinstance(part, NativePart) for part in last.content):
        return turns, None
    rest = last.content[:-1]
    return turns[:-1] + ([Message("assistant", rest)] if rest else []), end.text


def _tools(fields: Fields) -> tuple[list[Tool], list[NativeTool]]:
    own: list[Tool] = []
    natives: list[NativeTool] = []
    for where, tool in objects(fields.list("tools") or (), "tools"):
        if tool.get(_EAGER) is not None:
            tool = {name: value for name, value in tool.items() if name != _EAGER}
            fields.notes.append(f"{where}.{_EAGER}: left out, arguments come as the provider sends them")
        said = {name for name, value in tool.items() if value is not None}
        if tool.get("type") not in (None, "custom") or not said <= _TOOL_FIELDS:
            natives.append(NativeTool(NAME, tool))
            fields.carried.append(where)
            continue
        about = Fields(tool, f"{where}.")
        schema = about.take("input_schema")
        if not isinstance(schema, dict):
            raise wrong(f"{where}.input_schema", "is missing, or no object")
        own.append(
            Tool(
                about.needed("name"),
                about.text("description") or "",
                schema,
                about.flag("strict"),
                cache=part_shapes.cache_mark(tool.get("cache_control"), where),
            )
        )
    return own, natives


def _tool_choice(fields: Fields, tools: list[Tool], options: dict[str, Any], extra: dict[str, Any]) -> None:
    given = fields.take("tool_choice")
    if given is None:
        return
    choice = Fields(given if isinstance(given, dict) else {}, "tool_choice.")
    kind, name = choice.text("type"), choice.text("name")
    if choice.flag("disable_parallel_tool_use"):
        options["parallel_tool_calls"] = False
    choice.nothing_more()
    if kind == "tool" and name and any(tool.name == name for tool in tools):
        options["tool_choice"] = name
    elif kind == "tool" and name and options["native_tools"]:
        extra["tool_choice"] = given
        fields.carried.append("tool_choice")
    elif kind == "tool" and name:
        raise wrong("tool_choice.name", "names a tool that is not among the tools")
    elif kind in _CHOICES:
        options["tool_choice"] = _CHOICES[kind]
    else:
        raise wrong("tool_choice", "is not of type auto, any, none, or tool with a name")


_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def _output(fields: Fields, options: dict[str, Any], extra: dict[str, Any]) -> None:
    """How hard the model tries, and of what form the answer is."""
    config = fields.object("output_config")
    form = fields.object("output_format")
    if config is not None:
        options["reasoning_effort"] = config.option("effort", "reasoning_effort")
        form = config.object("format") or form
        if config.has_more():
            extra["output_config"] = config.rest()
            fields.carried += config.carried
    if form is not None:
        schema = form.take("schema")
        if form.take("type") != "json_schema" or not isinstance(schema, dict):
            raise wrong(form.path("type"), "is not json_schema, with a schema")
        form.nothing_more()
        options["response_format"] = JsonSchema(schema)


def _thinking(fields: Fields, options: dict[str, Any], extra: dict[str, Any]) -> None:
    thinking = fields.object("thinking")
    if thinking is None:
        return
    kind, budget = thinking.take("type"), thinking.option("budget_tokens", "reasoning_budget_tokens")
    match kind:
        case "enabled" if budget is not None:
            options["reasoning_budget_tokens"] = budget
        case "adaptive":
            options["reasoning_effort"] = options.get("reasoning_effort") or USUAL_EFFORT
        case "disabled":
            if options.get("reasoning_effort") is not None:
                extra.setdefault("output_config", {})["effort"] = options["reasoning_effort"]
                fields.carried.append("output_config.effort")
            options["reasoning_effort"] = "none"
        case _:
            raise wrong("thinking.type", "is not enabled (with budget_tokens), adaptive or disabled")
    if thinking.has_more():  # how it is shown: said to this API in full, and meant elsewhere, too
        shown = thinking.rest()
        fields.hints += thinking.hints
        fields.carried += thinking.carried
        extra["thinking"] = {"type": kind, **({} if budget is None else {"budget_tokens": budget}), **shown}
