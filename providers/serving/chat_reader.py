"""Requests of OpenAI's chat completions, as clients send them.

What the chat protocol's own shapes mean is read by `shapes`, as what callers of the library hand over is. Nothing is
passed over: a field has a place in the neutral request, or travels in `extra` to targets of this protocol, or is
refused by its path, or is told in a note. Nearly every request is a few plain texts, and is read by the strictest type.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from .. import shapes
from ..chat import ChatRequest, InvalidRequest, Message, chat_request
from ..messages import AllowedTools, NativeTool, Part, Reasoning, TextPart, Tool, ToolCall
from ..parts import Citation
from .dialect import Asked
from .fields import Fields, known_only, list_of, objects
from .plain import Count, Number, Said, Text, parts_of, strictly
from .refused import read_object, refused, unserved, wrong
from .state import MARK, original, unsealed

NAME = "openai"
AFTER = "standby_after"
"""Of a detail of thinking: how many characters of the text, and how many calls, stood before it."""


class _PlainTurn(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: Literal["user", "assistant", "system", "developer"]
    content: Said


class _PlainOptions(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    include_usage: bool = False


class _Plain(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A request of texts and the commonest options: nothing of it needs a second look."""

    model: Text
    messages: Annotated[list[_PlainTurn], msgspec.Meta(min_length=1)]
    stream: bool = False
    stream_options: _PlainOptions | None = None
    max_tokens: Count = None
    max_completion_tokens: Count = None
    temperature: Number = None
    top_p: Number = None
    n: Literal[1] | None = None
    stop: Text | None = None
    seed: Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)] | None = None
    frequency_penalty: Number = None
    presence_penalty: Number = None
    user: Text | None = None


_decode_plain = msgspec.json.Decoder(_Plain).decode

_AS_THEY_ARE = (
    "parallel_tool_calls", "temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed",
    "frequency_penalty", "presence_penalty", "reasoning_effort", "verbosity", "top_k", "min_p", "logprobs",
    "top_logprobs", "logit_bias", "user", "safety_identifier", "metadata", "service_tier",
)  # fmt: skip
"""Fields that the neutral request has under the same name, and checks itself."""

_UNSERVED = {
    "store": "nothing is stored",
    "functions": "this is the form before there were tools; send tools",
    "function_call": "this is the form before there were tools; send tool_choice",
    "audio": "answers are not spoken",
}
_FORMATS = {
    "text": ({"type"}, frozenset[str]()),
    "json_object": ({"type"}, frozenset[str]()),
    "json_schema": ({"type", "json_schema"}, frozenset({"name", "schema", "strict", "description"})),
}
_PART_FIELDS: dict[str, frozenset[str]] = {
    "text": frozenset({"text"}),
    "refusal": frozenset({"refusal"}),
    "image_url": frozenset({"url", "detail"}),
    "input_audio": frozenset({"data", "format"}),
    "file": frozenset({"file_data", "file_id", "filename"}),
    "thinking": frozenset({"thinking", "signature"}),
    "tool_result": frozenset({"tool_use_id", "content", "is_error"}),
}
"""What a part may hold: in itself, or in the object under the name of its type."""
_TOOL_FIELDS = frozenset({"type", "function", "custom", "cache_control"})
_ABOUT_TOOLS = frozenset({"name", "description", "parameters", "strict", "format"})
_BREAKPOINT = "prompt_cache_breakpoint"


def read_chat(body: bytes) -> Asked:
    """What a client of the chat protocol asks.

    Raises:
        Refused: The body is no such request, or asks what is not served.
    """
    plain = strictly(_decode_plain, body)
    if plain is not None and (asked := _plainly(plain)) is not None:
        return asked
    try:
        return _read(Fields(read_object(body)))
    except InvalidRequest as problem:
        raise refused(problem) from None


def _plainly(plain: _Plain) -> Asked | None:
    """A plain request; None: there is more to say of it."""
    limit = plain.max_tokens if plain.max_completion_tokens is None else plain.max_completion_tokens
    if plain.max_tokens not in (None, limit):
        return None
    turns, system = plain.messages, None
    if len(turns) > 1 and turns[0].role in ("system", "developer"):
        said = turns[0].content
        if not isinstance(said, str):
            return None
        system, turns = said, turns[1:]
    chat = ChatRequest(
        messages=tuple(
            Message("system" if turn.role == "developer" else turn.role, parts_of(turn.content)) for turn in turns
        ),
        system=system,
        max_tokens=limit,
        temperature=plain.temperature,
        top_p=plain.top_p,
        stop=() if plain.stop is None else (plain.stop,),
        seed=plain.seed,
        frequency_penalty=plain.frequency_penalty,
        presence_penalty=plain.presence_penalty,
        user=plain.user,
    )
    options = plain.stream_options
    return Asked(
        chat=chat,
        model=plain.model,
        stream=plain.stream,
        include_usage=options is not None and options.include_usage,
    )


def _read(fields: Fields) -> Asked:
    model, stream, standby = fields.needed("model"), bool(fields.flag("stream")), fields.standby()
    include_usage = _stream_options(fields)
    if (asked := fields.take("n")) not in (None, 1) or isinstance(asked, bool | float):
        raise unserved("n", "an answer has one choice")
    fields.refuse_any(_UNSERVED)
    extra: dict[str, Any] = {}
    _modalities(fields, extra)
    options = {name: value for name in _AS_THEY_ARE if (value := fields.take(name)) is not None}
    options |= _thinking(fields)
    tools = _tools(fields)
    options |= {"tools": tools} if tools else {}
    natives = any(isinstance(tool, NativeTool) for tool in tools)
    for name, is_known in (
        ("response_format", _is_known_format),
        ("tool_choice", lambda choice: _is_known_choice(choice, tools) if natives else True),
    ):
        if (value := fields.take(name)) is not None:
            if is_known(value):
                options[name] = value
            else:
                extra[name] = value
                fields.carried.append(name)
    messages = _messages(fields)
    extra |= fields.rest()
    chat = chat_request(messages, extra={NAME: extra} if extra else None, **options)
    return Asked(
        chat=chat,
        model=model,
        stream=stream,
        include_usage=include_usage,
        standby=standby,
        carried=tuple(fields.carried),
        hints=tuple(fields.hints),
        notes=tuple(fields.notes),
    )


def _stream_options(fields: Fields) -> bool:
    options = fields.object("stream_options")
    if options is None:
        return False
    include_usage = bool(options.flag("include_usage"))
    if options.flag("include_obfuscation"):
        fields.notes.append("stream_options.include_obfuscation: left out, nothing is padded here")
    options.nothing_more()
    return include_usage


def _modalities(fields: Fields, extra: dict[str, Any]) -> None:
    """Text is always answered; what else a model may answer with, its own provider knows."""
    wanted = fields.list("modalities")
    if wanted is not None and "audio" in wanted:
        raise unserved("modalities", "answers are not spoken")
    if wanted not in (None, ["text"]):
        extra["modalities"] = wanted
        fields.carried.append("modalities")


def _thinking(fields: Fields) -> dict[str, Any]:
    """How long to think, in the forms of OpenRouter (`reasoning`) and of Anthropic, which many servers take."""
    asked: dict[str, Any] = {}
    reasoning, thinking = fields.take("reasoning"), fields.take("thinking")
    if isinstance(reasoning, dict) and reasoning and reasoning.keys() <= {"effort", "max_tokens"}:
        asked["reasoning_effort"], asked["reasoning_budget_tokens"] = (
            reasoning.get("effort"),
            reasoning.get("max_tokens"),
        )
    elif reasoning is not None:
        fields.put_back("reasoning", reasoning)
    match thinking:
        case {"type": "enabled", "budget_tokens": int(budget), **more} if not more:
            asked["reasoning_budget_tokens"] = budget
        case None:
            pass
        case _:
            fields.put_back("thinking", thinking)
    return {name: value for name, value in asked.items() if value is not None}


def _is_known_format(given: Any) -> bool:
    """Whether a response format says nothing but what the neutral request can hold."""
    known = _FORMATS.get(kind) if isinstance(given, dict) and isinstance(kind := given.get("type"), str) else None
    if known is None:
        return False
    schema = given.get("json_schema")
    return given.keys() <= known[0] and (not isinstance(schema, dict) or schema.keys() <= known[1])


def _is_known_choice(given: Any, tools: list[Tool | NativeTool]) -> bool:
    """Whether a choice is among the client's own tools; of tools that travel as they are it travels so, too."""
    if given in ("auto", "none", "required"):
        return True
    try:
        choice = shapes.tool_choice(given)
    except InvalidRequest:
        return False
    names = choice.names if isinstance(choice, AllowedTools) else (choice,)
    return {tool.name for tool in tools if isinstance(tool, Tool)}.issuperset(names)


def _tools(fields: Fields) -> list[Tool | NativeTool]:
    """The client's own tools. One of another type, or that says more than the neutral form holds, travels as it is."""
    tools: list[Tool | NativeTool] = []
    for place, (where, tool) in enumerate(objects(fields.list("tools") or (), "tools")):
        if _is_known_tool(tool):
            tools += _one_tool(tool, place)
        else:
            tools.append(NativeTool(NAME, tool))
            fields.carried.append(where)
    return tools


def _is_known_tool(tool: dict[str, Any]) -> bool:
    """Whether a tool says nothing but what the neutral form holds; what makes no sense is left to be refused."""
    kind = tool.get("type")
    if isinstance(kind, str) and kind not in ("function", "custom"):
        return False
    about = [each for name in ("function", "custom") if isinstance(each := tool.get(name), dict)]
    return tool.keys() <= _TOOL_FIELDS and all(each.keys() <= _ABOUT_TOOLS for each in about)


def _one_tool(tool: dict[str, Any], place: int) -> tuple[Tool | NativeTool, ...]:
    try:
        return shapes.tools([tool])
    except InvalidRequest as problem:
        raise InvalidRequest(str(problem).replace("tools[0]", f"tools[{place}]", 1)) from None


def _messages(fields: Fields) -> list[Message]:
    given = fields.list("messages")
    if not given:
        raise wrong("messages", "is missing, or empty: nothing to ask", "missing_required_parameter")
    return [_message(turn, where, fields) for where, turn in objects(given, "messages")]


def _message(given: dict[str, Any], where: str, fields: Fields) -> Message:
    given = {name: value for name, value in given.items() if value is not None and name not in shapes.COPIES}
    content = given.get("content")
    if isinstance(content, list):
        given = {**given, "content": _parts(content, f"{where}.content", fields)}
    details = list_of(given.get("reasoning_details"), f"{where}.reasoning_details") or ()
    own = [detail for detail in details if isinstance(detail, dict) and AFTER in detail]
    if own:
        thoughts = [_thought(detail, f"{where}.reasoning_details") for detail in own]
        said = given.get("reasoning_content") or given.get("reasoning") or ""
        given = {name: value for name, value in given.items() if name not in _THOUGHTS}
        given["reasoning_details"] = [detail for detail in details if detail not in own]
        given["reasoning_content"] = _unheard(said, thoughts) if isinstance(said, str) else said
        return _interleaved(_cited(shapes.message(given, where), given), thoughts, own)
    return _cited(shapes.message(given, where), given)


_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details")


def _parts(content: list[Any], where: str, fields: Fields) -> list[Any]:
    """Parts, of which no field is passed over."""
    parts: list[Any] = []
    for at, part in objects(content, where):
        kind = part.get("type")
        inner = _PART_FIELDS.get(kind) if isinstance(kind, str) else None
        if inner is not None and isinstance(kind, str):
            known_only(part, {"type", "cache_control", _BREAKPOINT, kind, *inner}, at)
            if isinstance(about := part.get(kind), dict):
                known_only(about, inner, f"{at}.{kind}")
            if part.get(_BREAKPOINT) is not None:
                fields.notes.append(f"{at}.{_BREAKPOINT}: left out, a mark of the cache is cache_control here")
        parts.append(part)
    return parts


def _thought(detail: dict[str, Any], where: str) -> Reasoning:
    """A block of thinking that an encoder of ours told."""
    text, signature, data = (detail.get(name) for name in ("text", "signature", "data"))
    if isinstance(signature, str):
        return unsealed(text if isinstance(text, str) else "", signature, "signature")
    if isinstance(data, str):
        return unsealed("", data, "redacted")
    raise wrong(where, f"holds a block with {AFTER}, but without a signature or data")


def _unheard(said: str, thoughts: Iterable[Reasoning]) -> str:
    """What the thinking beside the content says beyond the blocks that have come back by themselves.

    The SDK of Node keeps the last piece of a stream alone, of a field that it does not know: that is part of a block.
    """
    thoughts = [*thoughts]
    for thought in thoughts:
        said = said.replace(thought.text, "", 1)
    return "" if any(said in thought.text for thought in thoughts) else said


def _interleaved(message: Message, thoughts: list[Reasoning], details: list[dict[str, Any]]) -> Message:
    """A turn with its thoughts where they stood: the chat protocol has them all before the text."""
    first = [part for part in message.content if isinstance(part, Reasoning)]
    rest: list[Part] = [part for part in message.content if not isinstance(part, Reasoning)]
    parts: list[Part] = [*first]
    characters = calls = 0
    for thought, detail in zip(thoughts, details, strict=True):
        before, calls_before = _counts(detail.get(AFTER))
        taken, rest = _split(rest, before - characters, calls_before - calls)
        characters, calls = max(characters, before), max(calls, calls_before)
        parts += [*taken, thought]
    return replace(message, content=(*parts, *rest), tool_calls=(), reasoning=())


def _counts(after: Any) -> tuple[int, int]:
    match after:
        case [int(characters), int(calls)]:
            return characters, calls
        case _:
            return 0, 0


def _split(parts: list[Part], characters: int, calls: int) -> tuple[list[Part], list[Part]]:
    """The parts up to so many characters of text and so many calls, and those behind."""
    taken: list[Part] = []
    left: list[Part] = []
    for part in parts:
        if isinstance(part, TextPart) and characters > 0:
            taken.append(replace(part, text=part.text[:characters]))
            if len(part.text) > characters:
                left.append(replace(part, text=part.text[characters:]))
            characters -= len(part.text)
        elif isinstance(part, ToolCall) and calls > 0:
            taken.append(part)
            calls -= 1
        else:
            left.append(part)
    return taken, left


def _cited(message: Message, given: dict[str, Any]) -> Message:
    """A turn whose citations hold what their own provider wrote of them, where an encoder of ours has kept it."""
    notes = given.get("annotations")
    if not isinstance(notes, list) or not any(isinstance(note, dict) and MARK in note for note in notes):
        return message
    states = iter([original(note) if MARK in note else None for note in notes])
    parts = []
    for part in message.content:
        state = next(states, None) if isinstance(part, Citation) else None
        parts.append(part if state is None or not isinstance(part, Citation) else replace(part, details=state))
    return replace(message, content=tuple(parts), tool_calls=(), reasoning=())
