"""The events of OpenAI's Responses API, and a response as a whole: what is read of them."""

from typing import Any

import msgspec

from ..codecs import Aside, Details
from ..counts import Count
from .openai_responses_said import Item, Part


class InputDetails(Details, gc=False):
    cached_tokens: Count = None
    cache_write_tokens: Count = None
    audio_tokens: Count = None
    image_tokens: Count = None


class OutputDetails(Details, gc=False):
    reasoning_tokens: Count = None
    audio_tokens: Count = None
    image_tokens: Count = None


class Counts(Aside, gc=False):
    input_tokens: Count = None
    output_tokens: Count = None
    total_tokens: Count = None
    prompt_tokens: Count = None  # servers that count as their chat API does
    completion_tokens: Count = None
    cost: Any = None  # OpenRouter, Perplexity
    cost_in_usd_ticks: Any = None  # xAI
    server_side_tool_usage_details: Any = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class Incomplete(msgspec.Struct, gc=False):
    reason: str | None = None


class Response(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Item] | None = None
    incomplete_details: Incomplete | None = None
    usage: Counts | None = None
    error: Any = None


class Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: str | None = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    item: Item | None = None
    response: Response | None = None
    error: Any = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    part: Part | None = None


class Addressed(msgspec.Struct, gc=False):
    item_id: str | None = None


class WrittenItem(msgspec.Struct, gc=False):
    item: msgspec.Raw


class WrittenOutput(msgspec.Struct, gc=False):
    output: list[msgspec.Raw]


class WrittenResponse(msgspec.Struct, gc=False):
    response: WrittenOutput


class Named(msgspec.Struct, gc=False):
    type: str = ""
    error: Any = None
