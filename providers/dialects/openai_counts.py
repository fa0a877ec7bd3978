"""Token counts of the OpenAI chat protocol, under the names that its many speakers have for what is billed.

Facts: the references of OpenAI, OpenRouter, xAI, DeepSeek, Moonshot, Perplexity and DashScope, LiteLLM's source.
"""

from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import astuple

from ..codecs import Aside, Details
from ..counts import Count, PlainCount, answer_tokens, dollars, ticks
from ..events import Usage


class PromptDetails(Details, gc=False):
    cached_tokens: Count = None
    audio_tokens: Count = None
    image_tokens: Count = None
    cache_write_tokens: Count = None  # OpenAI, OpenRouter
    cache_creation_tokens: Count = None  # LiteLLM
    cache_creation_input_tokens: Count = None  # DashScope


class CompletionDetails(Details, gc=False):
    reasoning_tokens: Count = None
    audio_tokens: Count = None
    image_tokens: Count = None


class Counts(Aside, gc=False):
    prompt_tokens: Count = None
    completion_tokens: Count = None
    total_tokens: Count = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    prompt_cache_hit_tokens: Count = None  # DeepSeek
    cached_tokens: Count = None  # Moonshot
    reasoning_tokens: Count = None  # Perplexity
    cache_read_input_tokens: Count = None  # gateways before Anthropic
    cache_creation_input_tokens: Count = None
    cost: Any = None  # OpenRouter, Perplexity
    estimated_cost: Any = None  # DeepInfra
    cost_details: Any = None
    is_byok: Any = None
    cost_in_usd_ticks: Any = None  # xAI
    server_side_tool_usage_details: Any = None
    server_tool_use: Any = None  # OpenRouter
    num_search_queries: Any = None  # Perplexity
    input_tokens: Count = None  # gateways before Anthropic, or before OpenAI's newer API
    output_tokens: Count = None


NoCount: TypeAlias = Literal[0] | None


class PlainPromptDetails(msgspec.Struct, gc=False):
    cached_tokens: PlainCount | None = None
    audio_tokens: NoCount = None
    image_tokens: NoCount = None
    cache_write_tokens: NoCount = None
    cache_creation_tokens: NoCount = None
    cache_creation_input_tokens: NoCount = None


class PlainCompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: PlainCount | None = None
    audio_tokens: NoCount = None
    image_tokens: NoCount = None


class PlainCounts(msgspec.Struct, gc=False):
    """Counts of nothing but tokens of text; whatever else was counted does not fit."""

    prompt_tokens: PlainCount
    completion_tokens: PlainCount = 0
    total_tokens: PlainCount | None = None
    prompt_tokens_details: PlainPromptDetails | None = None
    completion_tokens_details: PlainCompletionDetails | None = None
    prompt_cache_hit_tokens: PlainCount | None = None
    cached_tokens: None = None
    reasoning_tokens: None = None
    cache_read_input_tokens: None = None
    cache_creation_input_tokens: None = None
    cost: None = None
    estimated_cost: None = None
    cost_in_usd_ticks: None = None
    server_side_tool_usage_details: None = None
    server_tool_use: None = None
    num_search_queries: None = None


def plainly_counted(counts: PlainCounts) -> Usage:
    prompt, answer = counts.prompt_tokens_details, counts.completion_tokens_details
    cached = prompt.cached_tokens if prompt else None
    if cached is None:
        cached = counts.prompt_cache_hit_tokens
    thought = answer.reasoning_tokens if answer else None
    said = counts.completion_tokens
    if thought or counts.total_tokens != counts.prompt_tokens + said:
        said = answer_tokens(counts.prompt_tokens, said, counts.total_tokens, thought)
    return Usage(counts.prompt_tokens, said, cached, thought)


_NO_PROMPT, _NO_ANSWER = PromptDetails(), CompletionDetails()


def counted(counts: Counts) -> dict[str, Any]:
    """What was counted, by the names that `Counting` takes it under; nothing, where the prompt was not."""
    if counts.prompt_tokens is None:
        if counts.input_tokens is None:
            return {}
        counts.prompt_tokens, counts.completion_tokens = counts.input_tokens, counts.output_tokens
    prompt = counts.prompt_tokens_details or _NO_PROMPT
    answer = counts.completion_tokens_details or _NO_ANSWER
    cached, *prompt_rest = astuple(prompt)
    thought, *answer_rest = astuple(answer)
    _, _, _, _, _, hit, *rest = astuple(counts)
    if thought is None:
        thought = counts.reasoning_tokens
    said = {
        "prompt": counts.prompt_tokens,
        "answer": answer_tokens(counts.prompt_tokens, counts.completion_tokens, counts.total_tokens, thought),
        "cached": hit if cached is None else cached,
        "reasoning": thought,
    }
    details = prompt_rest + answer_rest
    if rest.count(None) < len(rest) or details.count(None) + details.count(0) < len(details):  # rarely
        said |= _beside(counts, prompt, answer)
    return said


def _beside(counts: Counts, prompt: PromptDetails, answer: CompletionDetails) -> dict[str, Any]:
    return {
        "cached": _first(
            prompt.cached_tokens, counts.prompt_cache_hit_tokens, counts.cached_tokens, counts.cache_read_input_tokens
        ),
        "cost": _cost(counts),
        "tool_uses": counts.server_side_tool_usage_details
        or counts.server_tool_use
        or {"web_search": counts.num_search_queries},
        "cache_write_tokens": _first(
            prompt.cache_write_tokens,
            prompt.cache_creation_tokens,
            prompt.cache_creation_input_tokens,
            counts.cache_creation_input_tokens,
        ),
        "input_audio_tokens": prompt.audio_tokens,
        "input_image_tokens": prompt.image_tokens,
        "output_audio_tokens": answer.audio_tokens,
        "output_image_tokens": answer.image_tokens,
    }


def _first(*counts: Count) -> Count:
    return next((count for count in counts if count is not None), None)


def _cost(counts: Counts) -> float | None:
    """What the provider says it costs: at OpenRouter its own share, and that of the upstream where the key is ours."""
    cost = counts.estimated_cost if counts.cost is None else counts.cost
    said = ticks(counts.cost_in_usd_ticks) if cost is None else dollars(cost)
    if said is not None and counts.is_byok is True and isinstance(counts.cost_details, dict):
        said += dollars(counts.cost_details.get("upstream_inference_cost")) or 0.0
    return said
