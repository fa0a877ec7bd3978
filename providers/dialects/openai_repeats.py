"""Messages within a stream of the chat protocol: each holds all that was said so far, and only the rest of it is told.

Perplexity writes one beside every delta, other servers one beside the last, or messages in place of deltas. What deltas
have said of a kind is not told by a message again; what the message before has said is where it begins.
"""

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec

from .openai_chunks import CallPart, Delta, FunctionPart

T = TypeVar("T")
Told: TypeAlias = Collection[str]
"""Fields of a delta."""

_TEXTS = ("content", "reasoning", "reasoning_content", "refusal")
_LISTS = ("reasoning_details", "thinking_blocks", "annotations", "images")
_SAME = {"reasoning_content": "reasoning", "function_call": "tool_calls", "chunks": "content"}
"""Fields that say what others do."""


def fields_said(delta: Delta) -> set[str]:
    """What a delta says something of, by the fields' first names."""
    return {_SAME.get(name, name) for name in delta.__struct_fields__ if getattr(delta, name)}


def beyond(message: Delta, before: Delta | None, told: Told) -> Delta:
    """What a message says that was not said.

    Args:
        before: The last message.
        told: What deltas have said, see `fields_said`.
    """
    known = before or Delta()
    more: dict[str, Any] = {}
    for name in message.__struct_fields__:
        said, last = getattr(message, name), getattr(known, name, None)
        if not said:
            continue
        if not last and _SAME.get(name, name) in told:
            more[name] = [] if name == "chunks" else None
        elif last and name in _TEXTS:
            more[name] = said.removeprefix(last)
        elif last and name == "tool_calls":
            more[name] = _calls_beyond(said, last)
        elif last and name == "function_call":
            more[name] = FunctionPart(None, _rest(said.arguments, last.arguments))
        elif last and name in (*_LISTS, "chunks"):
            more[name] = _behind(said, last)
        elif last:  # the sound of an answer comes whole
            more[name] = None
    return msgspec.structs.replace(message, **more) if more else message


def _behind(said: Sequence[T], last: Sequence[T]) -> list[T]:
    return list(said[len(last) :]) if list(said[: len(last)]) == list(last) else list(said)


def _calls_beyond(said: Sequence[CallPart], last: Sequence[CallPart]) -> list[CallPart]:
    """The calls that are new, and of the others the rest of their arguments."""
    more: list[CallPart] = []
    for place, call in enumerate(said):
        known = last[place] if place < len(last) else None
        if known is None or call.function is None or known.function is None:
            more += [] if call == known else [call]
        elif arguments := _rest(call.function.arguments, known.function.arguments):
            more.append(CallPart(call.index, call.id, FunctionPart(None, arguments)))
    return more


def _rest(said: str | None, last: str | None) -> str:
    return (said or "").removeprefix(last or "")
