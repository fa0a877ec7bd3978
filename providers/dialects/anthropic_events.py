"""The events of Anthropic's Messages API, and a message as a whole: what is read of them."""

from typing import Any

import msgspec

from ..codecs import Aside, Details
from ..counts import Count
from ..strangers import by_type


class OutputDetails(Details, gc=False):
    thinking_tokens: Count = None


class Counts(Aside, gc=False):
    input_tokens: Count = None
    cache_creation_input_tokens: Count = None
    cache_read_input_tokens: Count = None
    output_tokens: Count = None
    output_tokens_details: OutputDetails | None = None
    cache_creation: Any = None
    server_tool_use: Any = None


class Block(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"{}")
    citations: list[msgspec.Raw] | None = None
    caller: msgspec.Raw = msgspec.Raw(b"")
    toolset_name: str | None = None


class Message(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    usage: Counts | None = None
    error: Any = None


class Delta(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    citation: msgspec.Raw = msgspec.Raw(b"")


class Event(msgspec.Struct, gc=False):
    type: str = ""
    index: int = 0
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: Counts | None = None
    error: Any = None


class Named(msgspec.Struct, gc=False):
    type: str = ""
    error: Any = None


class Start(msgspec.Struct, gc=False):
    content_block: msgspec.Raw


class Piece(msgspec.Struct, gc=False):
    delta: dict[str, Any]


class Contents(msgspec.Struct, gc=False):
    content: list[msgspec.Raw]


decode_event = msgspec.json.Decoder(Event).decode

KNOWN = frozenset(
    {"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"}
)
_BLOCKS = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
_DELTAS = frozenset({"text_delta", "thinking_delta", "signature_delta", "input_json_delta", "citations_delta"})
SAYING = _DELTAS - {"input_json_delta", "citations_delta"}
"""Pieces that say something, in a block of whatever type."""
TRIM = by_type(KNOWN | _BLOCKS | _DELTAS | {"message", "error"})
WITHIN = ("message", "content", "content_block", "delta")
