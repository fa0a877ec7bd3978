"""The chunks of Google's Gemini API: what is read of them."""

from typing import Any

import msgspec

from ..codecs import Aside
from ..counts import Count
from ..strangers import by_members


class Call(msgspec.Struct, rename="camel", gc=False):
    name: str = ""
    args: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | None = None
    partial_args: Any = None
    will_continue: bool | None = None


class Part(msgspec.Struct, rename="camel", gc=False):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: Call | None = None


class Content(msgspec.Struct, gc=False):
    parts: list[Part] | None = None


class Candidate(msgspec.Struct, rename="camel", gc=False):
    content: Content | None = None
    finish_reason: str | None = None
    index: int | None = None
    grounding_metadata: msgspec.Raw = msgspec.Raw()
    citation_metadata: msgspec.Raw = msgspec.Raw()
    logprobs_result: msgspec.Raw = msgspec.Raw()


class Counts(Aside, rename="camel", gc=False):
    prompt_token_count: Count = None
    tool_use_prompt_token_count: Count = None
    candidates_token_count: Count = None
    thoughts_token_count: Count = None
    cached_content_token_count: Count = None
    prompt_tokens_details: msgspec.Raw = msgspec.Raw()
    candidates_tokens_details: msgspec.Raw = msgspec.Raw()


class Feedback(msgspec.Struct, rename="camel", gc=False):
    block_reason: str | None = None


class Chunk(msgspec.Struct, rename="camel", gc=False):
    candidates: list[Candidate] | None = None
    usage_metadata: Counts | None = None
    model_version: str | None = None
    response_id: str | None = None
    prompt_feedback: Feedback | None = None
    error: Any = None


class WrittenContent(msgspec.Struct, gc=False):
    parts: list[msgspec.Raw] | None = None


class WrittenCandidate(msgspec.Struct, gc=False):
    content: WrittenContent | None = None


class Written(msgspec.Struct, gc=False):
    candidates: list[WrittenCandidate]


decode_chunk = msgspec.json.Decoder(Chunk).decode
TRIM = by_members({"text": str, "thought": bool, "thoughtSignature": str, "functionCall": dict})
WITHIN = ("candidates", "content", "parts")
