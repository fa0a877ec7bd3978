"""Requests of OpenAI's Responses API, as clients send them. It is served without memory: a conversation comes whole.

Nothing is passed over: a field has a place in the neutral request, or travels in `extra` to targets of this API, or is
refused by its path, or is told in a note. Facts: the SDK's types.
"""

from typing import Any

from .. import shapes
from ..chat import InvalidRequest, chat_request
from ..messages import AllowedTools, JsonSchema, NativeTool, Tool
from .dialect import Asked
from .fields import Fields, objects
from .input_items import read_input
from .plain import plain_responses
from .refused import read_object, refused, unserved, wrong

NAME = "openai-responses"

_AS_THEY_ARE = (
    "parallel_tool_calls", "temperature", "top_p", "top_logprobs", "metadata", "user", "safety_identifier",
    "service_tier",
)  # fmt: skip
"""Fields that the neutral request has under the same name."""

_UNSERVED = {
    "store": "nothing is stored; send the whole conversation",
    "previous_response_id": "nothing is stored; send the whole conversation",
    "conversation": "nothing is stored; send the whole conversation",
    "background": "an answer is given to those that wait for it",
    "prompt": "nothing is stored; send the prompt itself",
}
_ALWAYS = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
"""What a client may ask to be included; the first always is, where there is any."""

_ECHOED = (
    "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key",
    "reasoning", "safety_identifier", "service_tier", "temperature", "text", "tool_choice", "tools", "top_logprobs",
    "top_p", "truncation", "user",
)  # fmt: skip
"""Fields that the response repeats."""
_FUNCTION = frozenset({"type", "name", "description", "parameters", "strict"})
_CUSTOM = frozenset({"type", "name", "description", "format"})


def read_responses(body: bytes) -> Asked:
    """What a client of the Responses API asks.

    Raises:
        Refused: The body is no such request, or asks what is not served.
    """
    if (plain := plain_responses(body)) is not None:
        return plain
    try:
        found = read_object(body)
        return _read(Fields(found), {name: found[name] for name in _ECHOED if found.get(name) is not None})
    except InvalidRequest as problem:
        raise refused(problem) from None


def _read(fields: Fields, echoed: dict[str, Any]) -> Asked:
    model, stream, standby = fields.needed("model"), bool(fields.flag("stream")), fields.standby()
    fields.refuse_any(_UNSERVED)
    if (streaming := fields.object("stream_options")) is not None:
        if streaming.flag("include_obfuscation"):
            fields.notes.append("stream_options.include_obfuscation: left out, nothing is padded here")
        streaming.nothing_more()
    extra: dict[str, Any] = {}
    options: dict[str, Any] = {name: fields.option(name, name) for name in _AS_THEY_ARE}
    options["max_tokens"] = fields.option("max_output_tokens", "max_tokens")
    options["system"] = fields.text("instructions") or None
    if fields.take("truncation") not in (None, "disabled"):
        raise unserved("truncation", "a conversation is sent whole, or refused")
    _include(fields, options, extra)
    _reasoning(fields, options, extra)
    _text(fields, options, extra)
    tools = _tools(fields)
    options["tools"] = tools or None
    _tool_choice(fields, tools, options, extra)
    turns = read_input(fields)
    extra |= fields.rest()
    options["extra"] = {NAME: extra} if extra else None
    return Asked(
        chat=chat_request(turns, **{name: value for name, value in options.items() if value is not None}),
        model=model,
        stream=stream,
        include_usage=True,
        standby=standby,
        carried=tuple(fields.carried),
        hints=tuple(fields.hints),
        notes=tuple(fields.notes),
        echoed=echoed,
    )


def _include(fields: Fields, options: dict[str, Any], extra: dict[str, Any]) -> None:
    wanted = fields.list("include") or []
    if _LOGPROBS in wanted:
        options["logprobs"] = True
    if any(name not in (_ALWAYS, _LOGPROBS) for name in wanted):
        extra["include"] = wanted if _ALWAYS in wanted else [*wanted, _ALWAYS]
        fields.carried.append("include")


def _reasoning(fields: Fields, options: dict[str, Any], extra: dict[str, Any]) -> None:
    """How hard the model thinks; what is shown of it is this API's own matter."""
    reasoning = fields.object("reasoning")
    if reasoning is None:
        return
    options["reasoning_effort"] = reasoning.option("effort", "reasoning_effort")
    more = reasoning.rest()
    fields.hints += reasoning.hints
    fields.carried += reasoning.carried
    if more:
        extra["reasoning"] = more


def _text(fields: Fields, options: dict[str, Any], extra: dict[str, Any]) -> None:
    text = fields.object("text")
    if text is None:
        return
    options["verbosity"] = text.option("verbosity", "verbosity")
    form = text.take("format")
    if isinstance(form, dict) and form.get("type") == "json_schema":
        about = Fields(form, "text.format.")
        about.take("type")
        schema = about.take("schema")
        if not isinstance(schema, dict):
            raise wrong("text.format.schema", "is missing, or no object")
        name, strict, words = about.text("name"), about.flag("strict"), about.text("description")
        about.nothing_more()
        options["response_format"] = JsonSchema(schema, name or "answer", bool(strict), words or "")
    elif form == {"type": "json_object"}:
        options["response_format"] = JsonSchema({})
    elif form not in (None, {"type": "text"}):
        text.put_back("format", form)
    if text.has_more():
        extra["text"] = text.rest()
        fields.carried += text.carried


def _tools(fields: Fields) -> list[Tool | NativeTool]:
    """The client's own tools. One of another type, or that says more than the neutral form holds, travels as it is."""
    tools: list[Tool | NativeTool] = []
    for where, tool in objects(fields.list("tools") or (), "tools"):
        kind, said = tool.get("type"), {name for name, value in tool.items() if value is not None}
        about = Fields(tool, f"{where}.")
        if kind == "function" and said <= _FUNCTION:
            schema = about.take("parameters") or {"type": "object", "properties": {}}
            if not isinstance(schema, dict):
                raise wrong(f"{where}.parameters", "is not an object")
            tools.append(Tool(about.needed("name"), about.text("description") or "", schema, about.flag("strict")))
        elif kind == "custom" and said <= _CUSTOM:
            form = about.take("format")
            if form is not None and not isinstance(form, dict):
                raise wrong(f"{where}.format", "is not an object")
            name, words = about.needed("name"), about.text("description") or ""
            tools.append(Tool(name, words, custom=True, format=_grammar(form)))
        elif isinstance(kind, str):
            tools.append(NativeTool(NAME, tool))
            fields.carried.append(where)
        else:
            raise wrong(f"{where}.type", "is missing, or no text")
    return tools


def _grammar(form: dict[str, Any] | None) -> dict[str, Any] | None:
    """The grammar of a custom tool as the chat API has it, one level deeper."""
    if form is None or form.get("type") != "grammar" or "grammar" in form:
        return form
    return {"type": "grammar", "grammar": {name: value for name, value in form.items() if name != "type"}}


def _tool_choice(
    fields: Fields, tools: list[Tool | NativeTool], options: dict[str, Any], extra: dict[str, Any]
) -> None:
    given = fields.take("tool_choice")
    if given is None:
        return
    try:
        choice = shapes.tool_choice(given)
    except InvalidRequest:
        choice = None
    natives = any(isinstance(tool, NativeTool) for tool in tools)
    own = {tool.name for tool in tools if isinstance(tool, Tool)}
    names = choice.names if isinstance(choice, AllowedTools) else (choice,)
    if choice in ("auto", "none", "required") or (choice is not None and (own.issuperset(names) or not natives)):
        options["tool_choice"] = choice
    elif natives and isinstance(given, dict):
        extra["tool_choice"] = given
        fields.carried.append("tool_choice")
    else:
        raise wrong("tool_choice", "is not auto, none, required, nor the name of a tool")
