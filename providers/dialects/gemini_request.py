"""Requests of Google's Gemini API: write a neutral request, and name what cannot be written.

Facts: the SDK's types and its converters for both services, the Gemini API (AI Studio) and Vertex AI.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..asked import unsaid
from ..capabilities import Capabilities
from ..fit import Row, arguments_object, fit, json_object, left_out, refused
from ..fitting import Facts
from ..messages import AllowedTools, ChatRequest, ImagePart, Message, Part, Reasoning, RefusalPart, TextPart, ToolCall
from ..origin import Origin
from ..returning import Returning
from ..tool_calls import is_made
from ..turns import calls_by_id, image_data, image_type, lifted, sides

ALWAYS: tuple[Row, ...] = (
    left_out("image detail", "this API has none for a single image"),
    refused("images outside user turns", "this API takes JSON from tools, and shows its own images otherwise"),
    left_out("strict tools", "this API has no such field"),
    left_out("parallel_tool_calls", "this API cannot forbid several calls"),
    refused("tool results without their call", "this API wants the name of the function"),
)
THOUGHTLESS: tuple[Row, ...] = (left_out("reasoning_effort", "this model does not think"),)

FIT = ALWAYS + THOUGHTLESS
"""What the Gemini API cannot say: always, or as the model has it."""


SAYS = frozenset({"refusals"})
"""What this API has words for, of `asked.FEATURES`."""


_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def content_body(
    chat: ChatRequest, here: Callable[[], Origin], facts: Facts, options: Mapping[str, Any], *, vertex: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request, and notes on what was left out.

    Args:
        here: The target: opaque state goes back to its origin only.
        options: The target's own settings; `thinking_budget` in tokens wins over the effort.
        vertex: For Vertex AI, which wants the results of tools in a turn of their own.

    Raises:
        Unsupported: See `FIT`; or an image or a call's arguments cannot be said.
    """
    chat, moved = lifted(chat)
    returning = Returning(here)
    thinking = _thinking(chat, facts.capabilities, options)
    notes = fit(chat, ALWAYS + (() if thinking else THOUGHTLESS), facts.capabilities, facts.fit)
    more = unsaid(chat, SAYS, facts.fit)
    config: dict[str, Any] = {
        "maxOutputTokens": chat.max_tokens,
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "stopSequences": list(chat.stop) or None,
        "seed": chat.seed,
        "frequencyPenalty": chat.frequency_penalty,
        "presencePenalty": chat.presence_penalty,
        "thinkingConfig": thinking or None,
    }
    if chat.response_format is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = chat.response_format.schema or None
    config = {field: value for field, value in config.items() if value is not None}
    body: dict[str, Any] = {
        "systemInstruction": {"parts": [{"text": chat.system}]} if chat.system else None,
        "contents": _contents(chat, returning, vertex=vertex),
        "tools": _tools(chat),
        "toolConfig": _tool_config(chat),
        "generationConfig": config or None,
    }
    return body, (*moved, *notes, *more, *returning.notes(chat.messages))


def _thinking(chat: ChatRequest, known: Capabilities, options: Mapping[str, Any]) -> dict[str, Any]:
    """The `thinkingConfig`; empty where none was asked for or the model cannot think."""
    effort, budget = chat.reasoning_effort, options.get("thinking_budget")
    if budget is not None:
        return {"includeThoughts": True, "thinkingBudget": budget}
    if effort is None or known.thinking == "none" or known.reasoning is False:
        return {}
    shown = {} if effort == "none" else {"includeThoughts": True}
    if known.thinking == "budget":
        return {**shown, "thinkingBudget": max(_BUDGETS[effort], known.thinking_min or 0)}
    return {**shown, "thinkingLevel": effort.upper()}


def _tools(chat: ChatRequest) -> list[dict[str, Any]] | None:
    if not chat.tools:
        return None
    return [
        {
            "functionDeclarations": [
                {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
                for tool in chat.tools
            ]
        }
    ]


def _tool_config(chat: ChatRequest) -> dict[str, Any] | None:
    choice = chat.tool_choice
    if not chat.tools or choice is None:
        return None
    if isinstance(choice, AllowedTools):
        config: dict[str, Any] = {"mode": "ANY", "allowedFunctionNames": list(choice.names)}
    else:
        mode = _MODES.get(choice)
        config = {"mode": mode} if mode else {"mode": "ANY", "allowedFunctionNames": [choice]}
    return {"functionCallingConfig": config}


def _contents(chat: ChatRequest, returning: Returning, *, vertex: bool) -> list[dict[str, Any]]:
    calls = calls_by_id(chat.messages)
    own_ids = {c.id for m in chat.messages if returning.owns(m) for c in m.tool_calls if not is_made(c.id)}
    turns: list[dict[str, Any]] = []
    for is_model, run in sides(chat.messages):
        if is_model:
            groups = [[part for message in run for part in _model_parts(message, returning, own_ids)]]
        else:
            groups = _user_parts(run, calls, own_ids, vertex=vertex)
        turns += [{"role": "model" if is_model else "user", "parts": parts} for parts in groups if parts]
    if chat.prefill:
        if not turns or turns[-1]["role"] != "model":
            turns.append({"role": "model", "parts": []})
        turns[-1]["parts"].append({"text": chat.prefill})
    return turns


def _user_parts(
    run: tuple[Message, ...], calls: dict[str, ToolCall], own_ids: set[str], *, vertex: bool
) -> list[list[dict[str, Any]]]:
    """The turns of the user's side: results first, in the order of their calls, since some calls have no ids."""
    places = {call_id: place for place, call_id in enumerate(calls)}
    results = [message for message in run if message.role == "tool"]
    results.sort(key=lambda message: places[message.tool_call_id or ""])
    answered = [_result(message, calls, own_ids) for message in results]
    said = [part for message in run if message.role != "tool" for part in _parts(message.content)]
    return [answered, said] if vertex else [answered + said]


def _model_parts(message: Message, returning: Returning, own_ids: set[str]) -> list[dict[str, Any]]:
    """A model's turn in its order, each signature on the part that it came on; one without a thought is a text's."""
    parts: list[dict[str, Any]] = []
    for part in message.content:
        match part:
            case Reasoning():
                signature = returning.state(part.signature, message)
                if signature is not None and part.text:
                    parts.append({"text": part.text, "thought": True, "thoughtSignature": signature})
                elif signature is not None:
                    _sign_text(parts, signature)
            case ToolCall():
                parts.append(_call(part, message, returning, own_ids))
            case RefusalPart():
                parts.append({"text": part.text})
            case TextPart() | ImagePart():
                parts += _parts([part])
            case _:
                pass
    return parts


def _sign_text(parts: list[dict[str, Any]], signature: str) -> None:
    last = parts[-1] if parts else {}
    if "text" in last and "thoughtSignature" not in last:
        last["thoughtSignature"] = signature
    else:
        parts.append({"text": "", "thoughtSignature": signature})


def _call(call: ToolCall, message: Message, returning: Returning, own_ids: set[str]) -> dict[str, Any]:
    function: dict[str, Any] = {"name": call.name, "args": arguments_object(call)}
    if call.id in own_ids:
        function["id"] = call.id
    part: dict[str, Any] = {"functionCall": function}
    signature = returning.state(call.signature, message)
    if signature is not None:
        part["thoughtSignature"] = signature
    return part


def _result(message: Message, calls: dict[str, ToolCall], own_ids: set[str]) -> dict[str, Any]:
    """A result; `output` and `error` are the words that the API knows for one that is no object."""
    call = calls[message.tool_call_id or ""]
    said: Any = json_object(message.text)
    if message.is_error:
        said = {"error": message.text if said is None else said}
    elif said is None:
        said = {"output": message.text}
    function: dict[str, Any] = {"name": call.name, "response": said}
    if call.id in own_ids:
        function["id"] = call.id
    return {"functionResponse": function}


def _parts(content: Iterable[Part]) -> list[dict[str, Any]]:
    return [
        _part(part)
        for part in content
        if isinstance(part, TextPart | ImagePart) and not (isinstance(part, TextPart) and not part.text)
    ]


def _part(part: TextPart | ImagePart) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"text": part.text}
    data = image_data(part)
    if data is None:
        return {"fileData": {"mimeType": image_type(part), "fileUri": part.url}}
    return {"inlineData": {"mimeType": data[0], "data": data[1]}}
