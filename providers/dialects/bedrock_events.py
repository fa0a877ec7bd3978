"""The events of Bedrock's streams, and an answer as a whole: what is read of them."""

from typing import Any

import msgspec

from ..codecs import Aside
from ..counts import Count
from ..strangers import by_members


class ToolUse(msgspec.Struct, gc=False):
    """Of a stream: `input` is the next piece of the arguments' text. Of a whole answer: the arguments themselves.

    One that says a `type` other than `tool_use` (`server_tool_use`) is run by the provider itself.
    """

    toolUseId: str | None = None  # noqa: N815 - Bedrock's own names
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"")
    type: str | None = None


class ReasoningText(msgspec.Struct, gc=False):
    text: str = ""
    signature: str | None = None


class Reasoning(msgspec.Struct, gc=False):
    text: str | None = None
    signature: str | None = None
    redactedContent: str | None = None  # noqa: N815
    reasoningText: ReasoningText | None = None  # noqa: N815 - of a whole answer


class Said(msgspec.Struct, gc=False):
    text: str | None = None


class Cited(msgspec.Struct, gc=False):
    content: list[Said] = []
    citations: list[msgspec.Raw] = []


class Block(msgspec.Struct, gc=False):
    text: str | None = None
    toolUse: ToolUse | None = None  # noqa: N815
    reasoningContent: Reasoning | None = None  # noqa: N815
    citation: msgspec.Raw = msgspec.Raw(b"")
    citationsContent: Cited | None = None  # noqa: N815 - of a whole answer

    @property
    def is_said(self) -> bool:
        """Whether it is told piece by piece; any other is told once it is whole."""
        call = self.toolUse
        if call is not None:
            return call.type in (None, "tool_use")
        others = self.text, self.reasoningContent, self.citationsContent
        return bool(self.citation) or any(other is not None for other in others)


class Counts(Aside, gc=False):
    inputTokens: Count = None  # noqa: N815
    outputTokens: Count = None  # noqa: N815
    cacheReadInputTokens: Count = None  # noqa: N815
    cacheWriteInputTokens: Count = None  # noqa: N815
    cacheDetails: Any = None  # noqa: N815


class Event(msgspec.Struct, gc=False):
    """The members of all events; each has only its own."""

    contentBlockIndex: int = 0  # noqa: N815
    start: Block | None = None
    delta: Block | None = None
    stopReason: str | None = None  # noqa: N815
    usage: Counts | None = None


class Pieces(msgspec.Struct, gc=False):
    start: dict[str, Any] = {}
    delta: dict[str, Any] = {}


class Content(msgspec.Struct, gc=False):
    content: list[Block] = []


class Output(msgspec.Struct, gc=False):
    message: Content


class Whole(msgspec.Struct, gc=False):
    output: Output
    stopReason: str  # noqa: N815
    usage: Counts | None = None


class WrittenContent(msgspec.Struct, gc=False):
    content: list[msgspec.Raw] = []


class WrittenOutput(msgspec.Struct, gc=False):
    message: WrittenContent


class Written(msgspec.Struct, gc=False):
    output: WrittenOutput


decode_event = msgspec.json.Decoder(Event).decode
KNOWN = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)
TRIM = by_members({"text": str, "toolUse": dict, "reasoningContent": dict, "citation": dict, "citationsContent": dict})
TOLD_WHOLE = frozenset({"toolUse", "toolResult", "image"})
"""Starts of blocks that are put together before they are told; `toolUse`, if the provider runs the tool."""
WITHIN = ("start", "delta", "output", "message", "content")
