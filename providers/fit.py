"""Fit a neutral request into a dialect that lacks some of its words: one table a dialect, kept as data.

What would change the meaning of the answer is refused before anything is sent, so that another target can be asked.
What only shapes it is left out or said otherwise, with a note for the report. The tables are shown in the docs. A row
is about words that the wire lacks; what a model or a server refuses though there is a word, facts tell (`fitting`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from .capabilities import Capabilities, Fit
from .chat import ChatRequest, ToolCall
from .codecs import UNDECODABLE
from .provider import Unsupported


class Row(msgspec.Struct, frozen=True):
    """What becomes of one feature in one dialect.

    Attributes:
        feature: A key of `FEATURES`.
        treatment: `refused`: the request is not sent. `left out` and `said otherwise`: it is, with a note.
        why: The reason, for people.
    """

    feature: str
    treatment: Literal["refused", "left out", "said otherwise"]
    why: str


def _names_a_tool(chat: ChatRequest) -> bool:
    return chat.tool_choice not in (None, "auto", "none", "required")


FEATURES: dict[str, Callable[[ChatRequest], bool]] = {
    "images by URL": lambda chat: any(image.data is None for message in chat.messages for image in message.images),
    "images outside user turns": lambda chat: any(m.images and m.role != "user" for m in chat.messages),
    "images in assistant turns": lambda chat: any(m.images and m.role == "assistant" for m in chat.messages),
    "image detail": lambda chat: any(image.detail for message in chat.messages for image in message.images),
    "strict tools": lambda chat: any(tool.strict for tool in chat.tools),
    "only some tools strict": lambda chat: len({bool(tool.strict) for tool in chat.tools}) > 1,
    "tool_choice none": lambda chat: bool(chat.tools) and chat.tool_choice == "none",
    "tool_choice required": lambda chat: bool(chat.tools) and chat.tool_choice == "required",
    "tool_choice of one tool": lambda chat: bool(chat.tools) and _names_a_tool(chat),
    "tool_choice of a tool that is not offered": lambda chat: (
        _names_a_tool(chat) and chat.tool_choice not in {tool.name for tool in chat.tools}
    ),
    "parallel_tool_calls": lambda chat: bool(chat.tools) and chat.parallel_tool_calls is not None,
    "tool errors": lambda chat: any(message.is_error for message in chat.messages),
    "tool history without tools": lambda chat: (
        any(m.tool_calls or m.role == "tool" for m in chat.messages) and (not chat.tools or chat.tool_choice == "none")
    ),
    "tool results without their call": lambda chat: (
        not (
            {m.tool_call_id for m in chat.messages if m.role == "tool"}
            <= {call.id for m in chat.messages for call in m.tool_calls}
        )
    ),
    "temperature": lambda chat: chat.temperature is not None,
    "top_p": lambda chat: chat.top_p is not None,
    "top_p beside temperature": lambda chat: chat.top_p is not None and chat.temperature is not None,
    "stop": lambda chat: bool(chat.stop),
    "stop texts of white space": lambda chat: any(not text.strip() for text in chat.stop),
    "seed": lambda chat: chat.seed is not None,
    "frequency_penalty": lambda chat: chat.frequency_penalty is not None,
    "presence_penalty": lambda chat: chat.presence_penalty is not None,
    "response_format without a schema": lambda chat: (
        chat.response_format is not None and not chat.response_format.schema
    ),
    "reasoning_effort": lambda chat: chat.reasoning_effort not in (None, "none"),
    "reasoning with prefill": lambda chat: chat.prefill is not None and chat.reasoning_effort not in (None, "none"),
    "prefill": lambda chat: chat.prefill is not None,
    "prefill with a response_format": lambda chat: chat.prefill is not None and chat.response_format is not None,
    "prefill with a forced tool": lambda chat: (
        chat.prefill is not None and bool(chat.tools) and chat.tool_choice not in (None, "auto", "none")
    ),
}
"""What a request may ask that not every dialect can say, and how to see that it does."""


def refused(feature: str, why: str) -> Row:
    """A row: such a request is not sent."""
    return _row(Row(feature, "refused", why))


def left_out(feature: str, why: str) -> Row:
    """A row: it is sent without this."""
    return _row(Row(feature, "left out", why))


def said_otherwise(feature: str, why: str) -> Row:
    """A row: it is sent in other words that mean nearly, or exactly, the same."""
    return _row(Row(feature, "said otherwise", why))


def fit(chat: ChatRequest, rows: tuple[Row, ...], capabilities: Capabilities, mode: Fit = "nearest") -> tuple[str, ...]:
    """The notes on a request that a dialect can say well enough.

    Args:
        rows: What the dialect cannot say.
        capabilities: Of the model: a prefill and too many stop texts are refused by them.
        mode: With `strict`, nothing may be left out or said otherwise either.

    Raises:
        Unsupported: It cannot; names the feature.
    """
    if chat.prefill is not None and capabilities.prefill == "none":
        raise Unsupported("prefill")
    if capabilities.max_stop is not None and len(chat.stop) > capabilities.max_stop:
        raise Unsupported(f"more than {capabilities.max_stop} stop texts" if capabilities.max_stop else "stop")
    asked = [row for row in rows if FEATURES[row.feature](chat)]
    for row in asked:
        if row.treatment == "refused" or mode == "strict":
            raise Unsupported(row.feature)
    return tuple(f"{row.feature} was {row.treatment}: {row.why}" for row in asked)


def noted(found: Mapping[str, str], mode: Fit = "nearest") -> tuple[str, ...]:
    """The notes on what a dialect could not say as it was asked, where only its writer sees it.

    Args:
        found: What became of a feature, by its name.
        mode: With `strict`, nothing may be left out or said otherwise.

    Raises:
        Unsupported: Something was; names it.
    """
    if found and mode == "strict":
        raise Unsupported(next(iter(found)))
    return tuple(f"{feature} was {what}" for feature, what in found.items())


def json_object(text: str) -> msgspec.Raw | None:
    """A text that is a JSON object, ready to stand in a body exactly as it is; None when it is no object."""
    written = text.encode()
    try:
        msgspec.json.decode(written, type=dict[str, Any])
    except UNDECODABLE:
        return None
    return msgspec.Raw(written)


def arguments_object(call: ToolCall) -> msgspec.Raw:
    """A call's arguments for a dialect that wants them as an object; no text at all stands for no arguments.

    Raises:
        Unsupported: The model wrote something else at the time.
    """
    found = json_object(call.arguments.strip() or "{}")
    if found is None:
        raise Unsupported("tool call arguments that are no JSON object")
    return found


def _row(row: Row) -> Row:
    if row.feature not in FEATURES:
        raise KeyError(row.feature)
    return row
