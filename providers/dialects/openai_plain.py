"""The strictest types of the OpenAI chat protocol: chunks that say one thing, and whole answers without rarities.

Nearly all that comes is of these, so they are tried first. Whatever `Chunk` or `Whole` has and one of these has not is
none of its business; whatever else says anything does not fit.
"""

from typing import Annotated, TypeAlias

import msgspec

from .openai_chunks import CallPart
from .openai_counts import PlainCounts

NoText: TypeAlias = Annotated[str, msgspec.Meta(max_length=0)] | None
"""Said by some servers with every chunk, and by that nothing."""
_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class PlainDelta(msgspec.Struct, gc=False):
    content: _Text
    reasoning: NoText = None
    reasoning_content: NoText = None
    refusal: NoText = None
    tool_calls: tuple[()] | None = None
    function_call: None = None
    reasoning_details: tuple[()] | None = None
    annotations: tuple[()] | None = None
    images: tuple[()] | None = None
    audio: None = None
    thinking_blocks: tuple[()] | None = None
    extra_content: None = None


class PlainChoice(msgspec.Struct, gc=False):
    delta: PlainDelta
    finish_reason: NoText = None
    logprobs: None = None
    error: None = None
    usage: None = None


class _OneChoice(msgspec.Struct, gc=False):
    """What stands beside the choice: nothing."""

    usage: None = None
    error: None = None
    x_groq: None = None
    citations: tuple[()] | None = None
    search_results: tuple[()] | None = None


class PlainChunk(_OneChoice, gc=False, kw_only=True):
    """A piece of text, as nearly all chunks are."""

    choices: tuple[PlainChoice]


class LeanDelta(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    content: _Text


class LeanChoice(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    index: int
    delta: LeanDelta
    finish_reason: NoText = None
    logprobs: None = None


class LeanChunk(msgspec.Struct, gc=False):
    """The same of a server that says nothing beside the text: each field that need not be looked for is time saved."""

    choices: tuple[LeanChoice]
    usage: None = None
    error: None = None
    x_groq: None = None
    citations: tuple[()] | None = None
    search_results: tuple[()] | None = None


class BareDelta(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    content: _Text
    role: str | None = None
    reasoning_content: NoText = None
    reasoning: NoText = None
    refusal: NoText = None
    tool_calls: tuple[()] | None = None


class BareChoice(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    index: int
    delta: BareDelta
    logprobs: None = None
    finish_reason: NoText = None


class BareChunk(_OneChoice, gc=False, kw_only=True):
    """The same of a server that says that there is nothing beside the text."""

    choices: tuple[BareChoice]


class ThoughtDelta(msgspec.Struct, gc=False):
    content: NoText = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    refusal: NoText = None
    tool_calls: tuple[()] | None = None
    function_call: None = None
    reasoning_details: tuple[()] | None = None
    annotations: tuple[()] | None = None
    images: tuple[()] | None = None
    audio: None = None
    thinking_blocks: tuple[()] | None = None
    extra_content: None = None


class ThoughtChoice(msgspec.Struct, gc=False):
    delta: ThoughtDelta
    finish_reason: NoText = None
    logprobs: None = None
    error: None = None
    usage: None = None


class ThoughtChunk(_OneChoice, gc=False, kw_only=True):
    """A piece of thinking, or nothing at all."""

    choices: tuple[ThoughtChoice]


class PieceFunction(msgspec.Struct, gc=False):
    arguments: _Text
    name: NoText = None


class Piece(msgspec.Struct, gc=False):
    function: PieceFunction
    index: int | None = None
    id: NoText = None
    custom: None = None
    extra_content: None = None


class PieceDelta(msgspec.Struct, gc=False):
    tool_calls: tuple[Piece]
    content: NoText = None
    reasoning: NoText = None
    reasoning_content: NoText = None
    refusal: NoText = None
    function_call: None = None
    reasoning_details: tuple[()] | None = None
    annotations: tuple[()] | None = None
    images: tuple[()] | None = None
    audio: None = None
    thinking_blocks: tuple[()] | None = None
    extra_content: None = None


class PieceChoice(msgspec.Struct, gc=False):
    delta: PieceDelta
    finish_reason: NoText = None
    logprobs: None = None
    error: None = None
    usage: None = None


class PieceChunk(_OneChoice, gc=False, kw_only=True):
    """The next piece of a call's arguments."""

    choices: tuple[PieceChoice]


class PlainMessage(msgspec.Struct, gc=False):
    content: str | None = None
    refusal: NoText = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[CallPart] | None = None
    function_call: None = None
    annotations: tuple[()] | None = None
    reasoning_details: tuple[()] | None = None
    images: tuple[()] | None = None
    audio: None = None
    thinking_blocks: tuple[()] | None = None
    extra_content: None = None


class PlainWholeChoice(msgspec.Struct, gc=False):
    message: PlainMessage
    finish_reason: str
    logprobs: None = None
    usage: None = None
    error: None = None


class PlainWhole(msgspec.Struct, gc=False):
    """A whole answer of text, thinking and calls, with counts that make sense, as nearly all are."""

    choices: tuple[PlainWholeChoice]
    id: str | None = None
    model: str | None = None
    usage: PlainCounts | None = None
    error: None = None
    x_groq: None = None
    citations: tuple[()] | None = None
    search_results: tuple[()] | None = None
