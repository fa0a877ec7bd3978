"""Replies of a simulated provider to one request: an answer, a refusal, a page, or raw bytes. Plain data, no I/O.

An `Answer` is said in the events of `providers.events`, so that what a decoder makes of the wire can be compared with
what the script meant.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from ...providers.chat import ToolCall
from ...providers.errors import ErrorKind
from ...providers.events import (
    FinishReason,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsefulDelta,
)
from ...providers.parts import Citation, Logprobs, Part, Reasoning, RefusalPart, TextPart, ToolResult

_WORD = re.compile(r"\s*\S+(?:\s+$)?")
_ARGUMENT_PIECE = 6

Words: TypeAlias = str | tuple[str, ...]
"""A text, said word by word; or its deltas, one by one, as they are."""


def _pieces(words: Words) -> tuple[str, ...]:
    if isinstance(words, tuple):
        return words
    return tuple(_WORD.findall(words)) or ((words,) if words else ())


class Answer(msgspec.Struct, frozen=True):
    """A good answer. Without any words it is an empty one.

    Attributes:
        reasoning: Said before the text.
        refusal: Said instead of, or after, the text.
        tool_calls: Said last; the arguments come in fragments of a few characters.
        finish: Why it ends; None: `tool_calls` when there are some, else `stop`.
        native_finish: The provider's own word for it, where it shall be another than the dialect's usual one.
        usage: Token counts; None: words are counted.
        model: The model that claims to answer; None: the one that was asked.
        id: The id of the response; None: made of the request's number.
        parts: All that it says, in this order, in place of `text`, `reasoning`, `refusal` and `tool_calls`. A wire
            that keeps no order says each of them in its place; what it has no words for is an error.
    """

    text: Words = ""
    reasoning: Words = ""
    refusal: Words = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: FinishReason | None = None
    native_finish: str | None = None
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    parts: tuple[Part | Logprobs, ...] = ()

    def __post_init__(self) -> None:
        if self.parts and (self.text or self.reasoning or self.refusal or self.tool_calls):
            raise ValueError("an answer is its parts, or text, reasoning, refusal and tool_calls, not both")

    def events(self) -> tuple[UsefulDelta | PartAdded, ...]:
        """All that it says, in order, as events; empty deltas only where a tuple of words holds them.

        A text behind a text, and one that the provider has a word for, begins with an empty one, added.
        """
        return self._of_parts() if self.parts else self._of_fields()

    def deltas(self) -> tuple[UsefulDelta, ...]:
        """Its events without what comes whole."""
        return tuple(event for event in self.events() if not isinstance(event, PartAdded))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """All its calls of the caller's tools, in order."""
        return self.tool_calls or tuple(part for part in self.parts if isinstance(part, ToolCall))

    def _of_fields(self) -> tuple[UsefulDelta, ...]:
        said: list[UsefulDelta] = [ReasoningDelta(piece) for piece in _pieces(self.reasoning)]
        said += [TextDelta(piece) for piece in _pieces(self.text)]
        said += [RefusalDelta(piece) for piece in _pieces(self.refusal)]
        for index, call in enumerate(self.tool_calls):
            said += _call_deltas(call, index)
        return tuple(said)

    def _of_parts(self) -> tuple[UsefulDelta | PartAdded, ...]:
        said: list[UsefulDelta | PartAdded] = []
        calls = 0
        in_text = False
        for index, part in enumerate(self.parts):
            stays = isinstance(part, Citation | Logprobs | RefusalPart)
            was_in_text, in_text = in_text, isinstance(part, TextPart) or (in_text and stays)
            match part:
                case TextPart():
                    if was_in_text or part.phase is not None:
                        said.append(PartAdded(TextPart("", phase=part.phase)))
                    said += [TextDelta(piece) for piece in _pieces(part.text)]
                case Reasoning():
                    said += [ReasoningDelta(piece, index) for piece in _pieces(part.text)]
                    if part.signature is not None or part.redacted is not None or part.details is not None:
                        said.append(ReasoningDelta("", index, part.signature, part.redacted, part.details))
                case ToolCall():
                    said += _call_deltas(part, calls)
                    calls += 1
                case RefusalPart():
                    said += [RefusalDelta(piece) for piece in _pieces(part.text)]
                case ToolResult():
                    raise ValueError("an answer holds no results of the caller's tools")
                case _:
                    said.append(PartAdded(part))
        return tuple(said)

    @property
    def reason(self) -> FinishReason:
        """Why it ends, with the default filled in."""
        return self.finish or ("tool_calls" if self.calls else "stop")

    def counted(self, input_tokens: int) -> Usage:
        """The token counts: the script's own, or one token a delta and `input_tokens`."""
        if self.usage is not None:
            return self.usage
        said = self.events()
        thought = sum(isinstance(event, ReasoningDelta) for event in said)
        return Usage(input_tokens, len(said), reasoning_tokens=thought or None)


def _call_deltas(call: ToolCall, index: int) -> list[ToolCallDelta]:
    return [
        ToolCallDelta(index, call.id, call.name, signature=call.signature, custom=call.custom),
        *(
            ToolCallDelta(index, arguments=call.arguments[start : start + _ARGUMENT_PIECE])
            for start in range(0, len(call.arguments), _ARGUMENT_PIECE)
        ),
    ]


class Failure(msgspec.Struct, frozen=True):
    """A refusal. The dialect knows how it says each kind: status, body, code; every part can be set otherwise.

    Attributes:
        status: The HTTP status; 200 for an error object under a success status.
        message: The provider's words.
        code: The provider's own code.
        type: The provider's own type.
        retry_after_s: Seconds for the `retry-after` header; a text is sent as it is.
        headers: More headers.
    """

    kind: ErrorKind
    status: int | None = None
    message: str | None = None
    code: str | int | None = None
    type: str | None = None
    retry_after_s: float | str | None = None
    headers: Mapping[str, str] = {}


class Page(msgspec.Struct, frozen=True):
    """A body as it is: a web page, a recorded stream, anything; framed like every other response."""

    body: bytes
    status: int = 200
    content_type: str | None = "text/html; charset=utf-8"
    headers: Mapping[str, str] = {}


class Raw(msgspec.Struct, frozen=True):
    """All bytes of the response as they are, head included; then the connection is closed. It need not be HTTP."""

    data: bytes


Reply: TypeAlias = Answer | Failure | Page | Raw

CLOUDFLARE_PAGE = (
    b'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head>'
    b'<body><div id="cf-please-wait"></div></body></html>'
)


def blocked() -> Page:
    """The wall that a bot protection puts in front of a provider: 403 and a challenge page."""
    headers = {"server": "cloudflare", "cf-mitigated": "challenge"}
    return Page(CLOUDFLARE_PAGE, 403, "text/html; charset=UTF-8", headers)


def redirect(location: str, status: int = 307) -> Page:
    """A redirect, which a client must not follow with a key in its hands."""
    return Page(b"", status, None, {"location": location})
