"""Requests of OpenAI's Responses API: write a neutral request, and name what cannot be written.

Facts: the SDK's types. Nothing is stored at the provider unless a target asks for it, so the state of reasoning travels
with the conversation, encrypted.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..asked import unsaid
from ..fit import Row, left_out, refused
from ..fitting import Facts
from ..messages import AllowedTools, ChatRequest, JsonSchema, Tool
from ..origin import Origin
from ..provider import Unsupported
from ..returning import Returning
from .openai_responses_input import input_items

FIT: tuple[Row, ...] = (
    left_out("tool errors", "this API has no such field; the result's text says it"),
    refused("stop", "this API has no stop texts"),
    left_out("seed", "this API has none"),
    left_out("frequency_penalty", "this API has none"),
    left_out("presence_penalty", "this API has none"),
    refused("prefill", "no model behind this API goes on from a trailing assistant turn"),
)
"""What the Responses API cannot say."""


SAYS = frozenset(
    {
        "files", "files by URL", "files by id", "audio", "refusals", "native parts", "phases",
        "image detail original", "custom tools", "custom calls", "allowed tools", "native tools", "verbosity",
        "logprobs", "user", "safety_identifier", "metadata", "service_tier",
    }
)  # fmt: skip
"""What this API has words for, of `asked.FEATURES`."""

SUMMARIES = ("auto", "concise", "detailed", "none")
"""What may be shown of the thinking. Without any nothing is heard while a model thinks; but organizations that are not
verified are refused for asking, and say `none`."""


def response_body(
    chat: ChatRequest, here: Callable[[], Origin], facts: Facts, options: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a request without the model's name, and notes on what was left out.

    Args:
        here: The target: opaque state goes back to its origin only.
        options: The target's own settings; `store` has the provider keep the response, and `reasoning_summary` says
            what is shown of its thinking.

    Raises:
        Unsupported: See `FIT`.
    """
    returning = Returning(here)
    more = unsaid(chat, SAYS, facts.fit)
    store, offers = bool(options.get("store", False)), bool(chat.tools or chat.native_tools)
    body: dict[str, Any] = {
        "instructions": chat.system or None,
        "input": input_items(chat.messages, returning),
        "tools": [*map(_tool, chat.tools), *(tool.spec for tool in chat.native_tools)] or None,
        "tool_choice": _tool_choice(chat) if offers else None,
        "parallel_tool_calls": chat.parallel_tool_calls if offers else None,
        "max_output_tokens": chat.max_tokens,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "top_logprobs": chat.top_logprobs,
        "reasoning": _reasoning(chat.reasoning_effort, options.get("reasoning_summary", "auto")),
        "text": _text(chat),
        "user": chat.user,
        "safety_identifier": chat.safety_identifier,
        "metadata": chat.metadata,
        "service_tier": chat.service_tier,
        "store": store,
        "include": _include(chat, sealed=bool(facts.capabilities.reasoning) and not store),
    }
    return body, (*more, *returning.notes(chat.messages))


def _reasoning(effort: str | None, summary: object) -> dict[str, Any] | None:
    if summary not in SUMMARIES:
        raise Unsupported(f"the option reasoning_summary other than {', '.join(SUMMARIES)}")
    if effort in (None, "none"):
        return {"effort": "none"} if effort else None
    return {"effort": effort} if summary == "none" else {"effort": effort, "summary": summary}


def _include(chat: ChatRequest, *, sealed: bool) -> list[str] | None:
    """What the answer is to hold beyond what it always does."""
    wanted = {
        "reasoning.encrypted_content": sealed,
        "message.output_text.logprobs": bool(chat.logprobs) or bool(chat.top_logprobs),
    }
    return [name for name, is_wanted in wanted.items() if is_wanted] or None


def _text(chat: ChatRequest) -> dict[str, Any] | None:
    wire: dict[str, Any] = {}
    if chat.response_format is not None:
        wire["format"] = _format(chat.response_format)
    if chat.verbosity is not None:
        wire["verbosity"] = chat.verbosity
    return wire or None


def _format(form: JsonSchema) -> dict[str, Any]:
    if not form.schema:
        return {"type": "json_object"}
    described = {"description": form.description} if form.description else {}
    return {"type": "json_schema", "name": form.name, "schema": form.schema, "strict": form.strict, **described}


def _tool(tool: Tool) -> dict[str, Any]:
    """A tool; `strict` is always set, since this API's default is the opposite of all others'."""
    described = {"description": tool.description} if tool.description else {}
    if tool.custom:
        form = {"format": _custom_format(tool.format)} if tool.format is not None else {}
        return {"type": "custom", "name": tool.name, **described, **form}
    return {
        "type": "function",
        "name": tool.name,
        "parameters": tool.parameters,
        "strict": bool(tool.strict),
        **described,
    }


def _custom_format(form: dict[str, Any]) -> dict[str, Any]:
    """The grammar of a custom tool; the chat API has it one level deeper."""
    grammar = form.get("grammar")
    return {"type": "grammar", **grammar} if isinstance(grammar, dict) else form


def _tool_choice(chat: ChatRequest) -> str | dict[str, Any] | None:
    choice = chat.tool_choice
    kinds = {tool.name: "custom" if tool.custom else "function" for tool in chat.tools}
    if isinstance(choice, AllowedTools):
        allowed = [{"type": kinds.get(name, "function"), "name": name} for name in choice.names]
        return {"type": "allowed_tools", "mode": "required" if choice.required else "auto", "tools": allowed}
    if choice in (None, "auto", "none", "required"):
        return choice
    return {"type": kinds.get(choice, "function"), "name": choice}
