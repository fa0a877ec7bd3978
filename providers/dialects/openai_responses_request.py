"""Requests of OpenAI's Responses API: write a neutral request, and name what cannot be written.

Facts: the SDK's types. Nothing is stored at the provider unless a target asks for it, so the state of reasoning travels
with the conversation, encrypted.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..asked import unsaid
from ..fit import Row, left_out, refused
from ..fitting import Facts
from ..messages import (
    AllowedTools,
    ChatRequest,
    ImagePart,
    JsonSchema,
    Message,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)
from ..origin import Origin
from ..provider import Unsupported
from ..returning import Returning
from ..turns import lifted

FIT: tuple[Row, ...] = (
    refused("images in assistant turns", "this API takes them from users and tools only"),
    left_out("tool errors", "this API has no such field; the result's text says it"),
    refused("stop", "this API has no stop texts"),
    left_out("seed", "this API has none"),
    left_out("frequency_penalty", "this API has none"),
    left_out("presence_penalty", "this API has none"),
    refused("prefill", "no model behind this API goes on from a trailing assistant turn"),
)
"""What the Responses API cannot say."""


SAYS = frozenset({"refusals", "phases"})
"""What this API has words for, of `asked.FEATURES`."""


def response_body(
    chat: ChatRequest, here: Callable[[], Origin], facts: Facts, options: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request without the model's name, and notes on what was left out.

    Args:
        here: The target: opaque state goes back to its origin only.
        options: The target's own settings; `store` has the provider keep the response.

    Raises:
        Unsupported: See `FIT`.
    """
    chat, moved = lifted(chat)
    returning = Returning(here)
    more = unsaid(chat, SAYS, facts.fit)
    store = bool(options.get("store", False))
    body: dict[str, Any] = {
        "instructions": chat.system or None,
        "input": [item for message in chat.messages for item in _items(message, returning)],
        "tools": [_tool(tool) for tool in chat.tools] or None,
        "tool_choice": _tool_choice(chat.tool_choice) if chat.tools else None,
        "parallel_tool_calls": chat.parallel_tool_calls if chat.tools else None,
        "max_output_tokens": chat.max_tokens,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "reasoning": _reasoning(chat.reasoning_effort),
        "text": {"format": _format(chat.response_format)} if chat.response_format is not None else None,
        "store": store,
        "include": ["reasoning.encrypted_content"] if facts.capabilities.reasoning and not store else None,
    }
    return body, (*moved, *more, *returning.notes(chat.messages))


def _reasoning(effort: str | None) -> dict[str, Any] | None:
    if effort in (None, "none"):
        return {"effort": "none"} if effort else None
    return {"effort": effort, "summary": "auto"}  # without a summary nothing is heard while it thinks


def _format(form: JsonSchema) -> dict[str, Any]:
    if not form.schema:
        return {"type": "json_object"}
    described = {"description": form.description} if form.description else {}
    return {"type": "json_schema", "name": form.name, "schema": form.schema, "strict": form.strict, **described}


def _tool(tool: Tool) -> dict[str, Any]:
    """A tool; `strict` is always set, since this API's default is the opposite of all others'."""
    described = {"description": tool.description} if tool.description else {}
    return {
        "type": "function",
        "name": tool.name,
        "parameters": tool.parameters,
        "strict": bool(tool.strict),
        **described,
    }


def _tool_choice(choice: ToolChoice | None) -> str | dict[str, Any] | None:
    if isinstance(choice, AllowedTools):
        raise Unsupported("allowed tools")
    if choice in (None, "auto", "none", "required"):
        return choice
    return {"type": "function", "name": choice}


def _items(message: Message, returning: Returning) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        output = _content(message.content) if message.images else message.text
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": output}
    elif message.role == "assistant":
        yield from _answer_items(message, returning)
    elif message.content:
        yield {"role": "user", "content": _content(message.content)}


def _answer_items(message: Message, returning: Returning) -> Iterator[dict[str, Any]]:
    """The items of an assistant's turn, in their order.

    Blocks of thinking up to the one that holds an item's state are the parts of its summary; without state there is no
    item.
    """
    summary: list[dict[str, Any]] = []
    for part in message.content:
        match part:
            case Reasoning():
                if part.text:
                    summary.append({"type": "summary_text", "text": part.text})
                redacted = returning.state(part.redacted, message, bound=True)
                if redacted is not None:
                    found = returning.state(part.signature, message)
                    item_id = {"id": found} if found else {}
                    yield {"type": "reasoning", **item_id, "summary": summary, "encrypted_content": redacted}
                    summary = []
            case TextPart() if part.text:
                phase = {"phase": part.phase} if part.phase is not None and returning.owns(message) else {}
                yield {"role": "assistant", "content": part.text, **phase}
            case RefusalPart():
                yield {"role": "assistant", "content": part.text}
            case ToolCall():
                yield {
                    "type": "function_call",
                    "call_id": part.id,
                    "name": part.name,
                    "arguments": part.arguments or "{}",
                }
            case _:
                pass


def _content(content: tuple[Part, ...]) -> str | list[dict[str, Any]]:
    if len(content) == 1 and isinstance(content[0], TextPart):
        return content[0].text
    return [
        {"type": "input_text", "text": part.text}
        if isinstance(part, TextPart)
        else {"type": "input_image", "image_url": part.url, "detail": part.detail or "auto"}
        for part in content
        if isinstance(part, TextPart | ImagePart)
    ]
