"""Requests of Anthropic's Messages API: write a neutral request, and name what cannot be written.

Facts: the SDK's types, the pages on versioning and on extended thinking. Two API versions are spoken; sampling exists
in the classic one only.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..asked import unsaid
from ..capabilities import Capabilities
from ..fit import Row, arguments_object, fit, left_out, refused
from ..fitting import Facts
from ..messages import ChatRequest, ImagePart, Message, Reasoning, RefusalPart, TextPart, Tool, ToolCall
from ..origin import Origin
from ..returning import Returning
from ..turns import image_data, lifted, sides, without_end_blanks

CLASSIC_VERSION = "2023-06-01"

ALWAYS: tuple[Row, ...] = (
    left_out("image detail", "this API has none"),
    refused("images in assistant turns", "this API takes them from users and tools only"),
    refused("stop texts of white space", "this API refuses them"),
    left_out("seed", "this API has none"),
    left_out("frequency_penalty", "this API has none"),
    left_out("presence_penalty", "this API has none"),
    refused("response_format without a schema", "this API enforces a schema, and one that allows any object is none"),
    refused("prefill with a response_format", "this API refuses the two together"),
    refused("prefill with a forced tool", "this API refuses the two together"),
)
UNSAMPLED: tuple[Row, ...] = (
    left_out("temperature", "neither the newer API version, nor newer models, nor a thinking model take it"),
    left_out("top_p", "neither the newer API version, nor newer models, nor a thinking model take it"),
)
SAMPLED: tuple[Row, ...] = (left_out("top_p beside temperature", "this API wants one of the two altered, not both"),)
THOUGHTLESS: tuple[Row, ...] = (
    left_out(
        "reasoning_effort",
        "this model does not think; or thinking is refused beside a prefill, a forced tool, fewer than 1025 tokens, or"
        " a turn with tool calls whose thoughts were another provider's",
    ),
)

FIT = ALWAYS + UNSAMPLED + SAMPLED + THOUGHTLESS
"""What the Messages API cannot say: always, or as the API version and thinking have it."""

OUTPUT_DEFAULT = 32_000
"""The most tokens of an answer where neither the caller nor what is known of the model says: this API wants a limit."""


SAYS = frozenset({"refusals"})
"""What this API has words for, of `asked.FEATURES`."""


_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 30_000}
_LEAST_BUDGET = 1024


def messages_body(
    chat: ChatRequest, here: Callable[[], Origin], facts: Facts, options: Mapping[str, Any], version: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request without the model's name, and notes on what was left out.

    Args:
        here: The target: opaque state goes back to its origin only.
        options: The target's own settings; `thinking_budget` in tokens wins over the effort.
        version: Of the API.

    Raises:
        Unsupported: See `FIT`; or an image or a call's arguments cannot be said.
    """
    chat, moved = lifted(chat)
    returning = Returning(here)
    known = facts.capabilities
    max_tokens = chat.max_tokens if chat.max_tokens is not None else known.output_default or OUTPUT_DEFAULT
    thinking = _thinking(chat, returning, known, options, max_tokens)
    thinks = thinking.get("type") in ("enabled", "adaptive")
    samples = version == CLASSIC_VERSION and not thinks
    rows = ALWAYS + (SAMPLED if samples else UNSAMPLED) + (() if thinks else THOUGHTLESS)
    notes = fit(chat, rows, known, facts.fit)
    more = unsaid(chat, SAYS, facts.fit)
    body: dict[str, Any] = {
        "max_tokens": max_tokens,
        "system": chat.system or None,
        "messages": _turns(chat, returning),
        "tools": [_tool(tool) for tool in chat.tools] or None,
        "tool_choice": _tool_choice(chat) if chat.tools else None,
        "stop_sequences": list(chat.stop) or None,
        "thinking": thinking or None,
        "output_config": _output_config(chat, thinking) or None,
        **(_sampling(chat) if samples else {}),
    }
    return body, (*moved, *notes, *more, *returning.notes(chat.messages))


def _forced(chat: ChatRequest) -> bool:
    return bool(chat.tools) and chat.tool_choice not in (None, "auto", "none")


def _thinking(
    chat: ChatRequest, returning: Returning, known: Capabilities, options: Mapping[str, Any], max_tokens: int
) -> dict[str, Any]:
    """The `thinking` field; empty where none was asked for, or where this API would refuse it."""
    effort, budget = chat.reasoning_effort, options.get("thinking_budget")
    if known.thinking == "none" or known.reasoning is False or chat.prefill is not None or _forced(chat):
        return {}
    if effort is None and budget is None:
        return {}
    if effort == "none" and budget is None:
        return {"type": "disabled"}
    if known.thinking in (None, "adaptive") and budget is None:
        return {"type": "adaptive", "display": "summarized"}
    if max_tokens <= _LEAST_BUDGET or _goes_on_without_thoughts(chat, returning):
        return {}
    wanted = budget if isinstance(budget, int) else _BUDGETS[effort or "low"]
    return {"type": "enabled", "budget_tokens": max(_LEAST_BUDGET, min(wanted, max_tokens * 3 // 4))}


def _goes_on_without_thoughts(chat: ChatRequest, returning: Returning) -> bool:
    """A turn that ended in tool calls must begin with its thoughts, which another provider's turn cannot."""
    if not chat.messages or chat.messages[-1].role != "tool":
        return False
    caller = next((m for m in reversed(chat.messages) if m.role == "assistant"), None)
    return caller is None or not returning.owns(caller) or not caller.reasoning


def _sampling(chat: ChatRequest) -> dict[str, Any]:
    if chat.temperature is not None:
        return {"temperature": chat.temperature}
    return {"top_p": chat.top_p} if chat.top_p is not None else {}


def _output_config(chat: ChatRequest, thinking: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if thinking.get("type") == "adaptive" and chat.reasoning_effort is not None:
        config["effort"] = chat.reasoning_effort
    if chat.response_format is not None:
        config["format"] = {"type": "json_schema", "schema": chat.response_format.schema}
    return config


def _tool(tool: Tool) -> dict[str, Any]:
    wire: dict[str, Any] = {"name": tool.name, "input_schema": tool.parameters}
    if tool.description:
        wire["description"] = tool.description
    if tool.strict:
        wire["strict"] = True
    return wire


def _tool_choice(chat: ChatRequest) -> dict[str, Any] | None:
    choice = chat.tool_choice
    one_at_a_time = {"disable_parallel_tool_use": True} if chat.parallel_tool_calls is False else {}
    if choice == "none":
        return {"type": "none"}
    if choice is None and not one_at_a_time:
        return None
    if choice in (None, "auto"):
        return {"type": "auto", **one_at_a_time}
    if choice == "required":
        return {"type": "any", **one_at_a_time}
    return {"type": "tool", "name": choice, **one_at_a_time}


def _turns(chat: ChatRequest, returning: Returning) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for is_assistant, run in sides(chat.messages):
        if is_assistant:
            blocks = [block for message in run for block in _assistant_blocks(message, returning)]
        else:  # results stand first: they must follow the calls at once
            blocks = [_result(message) for message in run if message.role == "tool"]
            blocks += [block for message in run if message.role != "tool" for block in _parts(message)]
        if blocks:
            turns.append({"role": "assistant" if is_assistant else "user", "content": blocks})
    begun, _ = without_end_blanks(chat.prefill)
    if begun:
        if not turns or turns[-1]["role"] != "assistant":
            turns.append({"role": "assistant", "content": []})
        turns[-1]["content"].append({"type": "text", "text": begun})
    for turn in turns:
        if len(turn["content"]) == 1 and set(turn["content"][0]) == {"type", "text"}:
            turn["content"] = turn["content"][0]["text"]
    return turns


def _assistant_blocks(message: Message, returning: Returning) -> list[dict[str, Any] | msgspec.Raw]:
    """A turn's blocks as they came: this API wants thinking back where it stood."""
    blocks: list[dict[str, Any] | msgspec.Raw] = []
    for part in message.content:
        match part:
            case Reasoning():
                redacted = returning.state(part.redacted, message)
                signature = returning.state(part.signature, message)
                if redacted is not None:
                    blocks.append({"type": "redacted_thinking", "data": redacted})
                elif signature is not None:
                    blocks.append({"type": "thinking", "thinking": part.text, "signature": signature})
            case ToolCall():
                call = {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_object(part)}
                blocks.append(call)
            case RefusalPart():
                blocks.append({"type": "text", "text": part.text})
            case TextPart() | ImagePart() if not (isinstance(part, TextPart) and not part.text):
                blocks.append(_part(part))
            case _:
                pass
    return blocks


def _result(message: Message) -> dict[str, Any]:
    content = _parts(message) if message.images else message.text
    failed = {"is_error": True} if message.is_error else {}
    return {"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": content, **failed}


def _parts(message: Message) -> list[dict[str, Any]]:
    return [
        _part(part)
        for part in message.content
        if isinstance(part, TextPart | ImagePart) and not (isinstance(part, TextPart) and not part.text)
    ]


def _part(part: TextPart | ImagePart) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = image_data(part)
    if data is None:
        return {"type": "image", "source": {"type": "url", "url": part.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": data[0], "data": data[1]}}
