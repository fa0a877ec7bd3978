"""Estimate the tokens of a request before it is sent: for windows, budgets and the choice of the cheapest. Pure.

Two estimates, since they serve two ends: a likely one, and one that is hardly ever exceeded, for money.
"""

from collections.abc import Iterable
from math import ceil
from typing import NamedTuple

import msgspec

from ...providers.chat import ChatRequest
from ...providers.events import ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from ...providers.messages import plain_text
from ...providers.parts import Cache
from ..result.events import StreamEvent

_CHARS_PER_TOKEN = 4
_IMAGE_TOKENS = 500
"""Low estimates: a target is left out only when a conversation is clearly too long for it."""

LIKELY_ANSWER_TOKENS = 1024
"""An answer's length when nothing bounds it: more than most have."""
LONG_ANSWER_TOKENS = 4096
"""What is set aside for such an answer: hardly any is longer."""

_MARGIN = 1.5
"""Factor by which the provider may count more than we think."""
_PER_MESSAGE = 8
"""What a provider's template adds to each message, at most."""


def estimated_tokens(chat: ChatRequest) -> int:
    """About how many tokens a conversation has, rather too few than too many."""
    chars = len(chat.system or "")
    images = 0
    for message in chat.messages:
        if (text := message.plain_text) is not None:
            chars += len(text)
            continue
        chars += len(message.text) + sum(len(call.arguments) for call in message.tool_calls)
        images += len(message.images)
    return chars // _CHARS_PER_TOKEN + images * _IMAGE_TOKENS


def plain_tokens(chat: ChatRequest) -> int | None:
    """The same of a request that is text alone; None for any other."""
    if chat.tools or chat.response_format is not None:
        return None
    chars = 0 if chat.system is None else len(chat.system)
    for message in chat.messages:
        text = plain_text(message)
        if text is None or message.role == "tool":
            return None
        chars += len(text)
    return chars // _CHARS_PER_TOKEN


class TokenEstimate(NamedTuple):
    """What one request will use at one target.

    Attributes:
        prompt: About the tokens of the prompt.
        prompt_max: What they hardly ever exceed.
        answer_max: What the request bounds the answer to; None: nothing.
        cache: How long the provider is to keep the prompt; None: the request does not say that it is to.
    """

    prompt: int
    prompt_max: int
    answer_max: int | None
    cache: Cache | None = None

    @property
    def tokens(self) -> int:
        """About all its tokens."""
        return self.prompt + (self.answer_max or LIKELY_ANSWER_TOKENS)

    @property
    def likely(self) -> Usage:
        """About what the provider will count."""
        return Usage(self.prompt, self.answer_max or LIKELY_ANSWER_TOKENS)

    @property
    def most(self) -> Usage:
        """What the provider will hardly ever count more than."""
        return Usage(
            self.prompt_max,
            self.answer_max or LONG_ANSWER_TOKENS,
            cache_write_tokens=self.prompt_max if self.cache else None,
            cache_write_1h_tokens=self.prompt_max if self.cache == "1h" else None,
        )


def demand(chat: ChatRequest, answer_max: int | None = None) -> TokenEstimate:
    """What a request will use, as far as it says so itself.

    Args:
        answer_max: What its answer is bounded to where it does not say so itself.
    """
    prompt = estimated_tokens(chat)
    if chat.tools:
        prompt += len(msgspec.json.encode(chat.tools)) // _CHARS_PER_TOKEN
    most = ceil(prompt * _MARGIN) + _PER_MESSAGE * (len(chat.messages) + 1)
    return TokenEstimate(prompt, most, answer_max if chat.max_tokens is None else chat.max_tokens, _cache(chat))


def _cache(chat: ChatRequest) -> Cache | None:
    """For how long the prompt is to be kept, or the longest part of it: by marks of its parts, or fields as they go."""
    marks = {
        getattr(part, "cache", None)
        for message in chat.messages
        if message.plain_text is None
        for part in message.content
    }
    marks |= {getattr(tool, "cache", None) for tool in chat.tools}
    if chat.extra and b'"cache_control"' in (written := msgspec.json.encode(chat.extra)):
        marks.add("1h" if b'"1h"' in written else "5m")
    return "1h" if "1h" in marks else "5m" if "5m" in marks else None


def said(batch: Iterable[StreamEvent]) -> int:
    """How many bytes of an answer these events hold."""
    size = 0
    for event in batch:
        if isinstance(event, TextDelta | ReasoningDelta | RefusalDelta):
            size += len(event.text.encode())
        elif isinstance(event, ToolCallDelta):
            size += len(event.arguments.encode()) + len(event.name or "")
    return size


def answer_tokens_max(size: int) -> int:
    """The tokens that an answer of this size, in bytes, hardly ever exceeds."""
    return ceil(size * _MARGIN / _CHARS_PER_TOKEN)
