"""The events of Anthropic's Messages API, and a message as a whole: what is read of them."""

from typing import Any

import msgspec

from ..codecs import Aside, Details
from ..counts import Count, total
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
    iterations: Any = None

    @property
    def lasting(self) -> dict[str, Any]:
        """What was written to the cache, by how long it is kept."""
        return self.cache_creation if isinstance(self.cache_creation, dict) else {}


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


def billed(known: Counts) -> dict[str, Any]:
    """Sum up what is billed, by the names that `Counting` takes it under.

    The counts of an answer leave out the iterations in which its prompt was compacted (the SDK's
    `BetaUsage.iterations`).
    """
    counts = [[known.input_tokens, known.output_tokens, known.cache_read_input_tokens, *_written(known)]]
    for each in known.iterations if isinstance(known.iterations, list) else ():
        if isinstance(each, dict) and each.get("type") == "compaction":
            one = Counts(**{name: each.get(name) for name in _SUMMED})
            counts.append([one.input_tokens, one.output_tokens, one.cache_read_input_tokens, *_written(one)])
    fresh, answer, read, written, written_1h = (
        rest[0] if len(rest) == 1 else total(rest) for rest in zip(*counts, strict=True)
    )
    return {
        "prompt": total((fresh, written, read)),
        "answer": answer,
        "cached": read,
        "cache_write_tokens": written,
        "cache_write_1h_tokens": written_1h,
        "tool_uses": known.server_tool_use,
    }


def _written(known: Counts) -> tuple[Count, Count]:
    """The tokens that were written to the cache, and those of them that it keeps for an hour."""
    lasting = known.lasting
    for_an_hour = lasting.get("ephemeral_1h_input_tokens")
    if known.cache_creation_input_tokens is not None:
        return known.cache_creation_input_tokens, for_an_hour
    return total((lasting.get("ephemeral_5m_input_tokens"), for_an_hour)), for_an_hour


_SUMMED = (
    "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation",
)  # fmt: skip

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
