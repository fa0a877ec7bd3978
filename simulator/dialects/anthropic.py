"""Anthropic's Messages API as a server speaks it: typed events around blocks, or one message.

The shapes follow the recorded responses of the wire reference (anthropic) and what the official SDK reads. A block of
thinking ends with a signature, as it always does.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from ...providers.codecs.json import decode_json
from ...providers.errors import ErrorKind
from ...providers.events import FinishReason, Usage
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .anthropic_blocks import SIGNATURE as SIGNATURE
from .anthropic_blocks import blocks_of
from .base import Frame, encoded, hint_headers, malformed_event, named_event, opened

_Object: TypeAlias = dict[str, Any]


class _Turn(msgspec.Struct):
    role: str = ""
    content: str | list[_Object] = ""


class _Body(msgspec.Struct):
    """What is read of a request; everything else is let through unread."""

    model: str = ""
    messages: list[_Turn] = []
    system: str | list[_Object] = ""
    stream: bool | None = None
    tools: list[_Object] | None = None


_FINISH: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
    "other": "compaction",
}

_ERRORS: dict[ErrorKind, tuple[int, str, str]] = {
    ErrorKind.BAD_REQUEST: (400, "invalid_request_error", "messages: at least one message is required"),
    ErrorKind.CONTEXT_LENGTH: (400, "invalid_request_error", "prompt is too long: 210001 tokens > 200000 maximum"),
    ErrorKind.CONTENT_FILTER: (400, "invalid_request_error", "Output blocked by content filtering policy"),
    ErrorKind.PREFILL_UNSUPPORTED: (
        400,
        "invalid_request_error",
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    ),
    ErrorKind.AUTH: (401, "authentication_error", "invalid x-api-key"),
    ErrorKind.QUOTA_EXHAUSTED: (402, "billing_error", "Your credit balance is too low."),
    ErrorKind.NOT_FOUND: (404, "not_found_error", "model: simulated-1"),
    ErrorKind.UNKNOWN: (418, "teapot_error", "I'm a teapot."),
    ErrorKind.RATE_LIMITED: (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
    ErrorKind.SERVER_ERROR: (500, "api_error", "Internal server error"),
    ErrorKind.TIMEOUT: (504, "timeout_error", "Request timed out."),
    ErrorKind.OVERLOADED: (529, "overloaded_error", "Overloaded"),
}
"""Kind -> status, `type` and words, as this provider says it."""


class AnthropicMessages:
    """The dialect `anthropic`."""

    name = "anthropic"
    stream_type = "text/event-stream; charset=utf-8"
    ping = named_event({"type": "ping"})

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        if not body:
            return Reading()
        asked = decode_json(body, _Body)
        messages = [("system", _text(asked.system))] if asked.system else []
        for turn in asked.messages:
            blocks = [{"type": "text", "text": turn.content}] if isinstance(turn.content, str) else turn.content
            results = [_text(block.get("content", "")) for block in blocks if block.get("type") == "tool_result"]
            messages += [("tool", result) for result in results]
            if not results or any(block.get("type") == "text" for block in blocks):
                messages.append((turn.role, _text(blocks)))
        return Reading(
            model=asked.model,
            stream=bool(asked.stream),
            wants_usage=True,
            messages=tuple(messages),
            tools=tuple(str(tool.get("name", "")) for tool in asked.tools or ()),
        )

    def headers(self, request: Request) -> Mapping[str, str]:
        return {"request-id": f"req_simulated{request.number}"}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        usage = _usage(answer.counted(request.reading.words))
        message = _message(answer, request) | {"content": [], "usage": usage | {"output_tokens": 1}}
        frames = [Frame(named_event({"type": "message_start", "message": message}), "opening")]
        for index, block in enumerate(blocks_of(answer)):
            start = {"type": "content_block_start", "index": index, "content_block": block.start}
            frames.append(Frame(named_event(start), "delta", useful=block.is_call))
            for piece in block.pieces:
                event = named_event({"type": "content_block_delta", "index": index, "delta": piece})
                frames.append(Frame(event, "delta", useful=block.is_call or bool(piece.get(block.said))))
            frames.append(Frame(named_event({"type": "content_block_stop", "index": index}), "delta"))
        ended = {"stop_reason": answer.native_finish or _FINISH[answer.reason], "stop_sequence": None}
        frames.append(Frame(named_event({"type": "message_delta", "delta": ended, "usage": usage}), "finish"))
        frames.append(Frame(named_event({"type": "message_stop"}), "marker"))
        return opened(frames)

    def single(self, answer: Answer, request: Request) -> bytes:
        content = [block.whole() for block in blocks_of(answer)]
        ended = {"stop_reason": answer.native_finish or _FINISH[answer.reason]}
        usage = _usage(answer.counted(request.reading.words))
        return encoded(_message(answer, request) | {"content": content, "usage": usage} | ended)

    def refusal(self, failure: Failure) -> Page:
        status = failure.status or _known(failure.kind)[0]
        return Page(msgspec.json.encode(_error(failure)), status, "application/json", hint_headers(failure))

    def error_frame(self, failure: Failure) -> bytes:
        return named_event(_error(failure))

    def malformed(self, frame: bytes) -> bytes:
        return malformed_event(frame)


def _text(content: str | list[_Object]) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(block.get("text", "")) for block in content if block.get("type") == "text")


def _message(answer: Answer, request: Request) -> _Object:
    return {
        "id": answer.id or f"msg_simulated{request.number}",
        "type": "message",
        "role": "assistant",
        "model": answer.model or request.reading.model or "simulated-1",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(usage: Usage) -> _Object:
    cached = usage.cached_input_tokens or 0
    counts: _Object = {
        "input_tokens": usage.input_tokens - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens is not None:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return counts


def _known(kind: ErrorKind) -> tuple[int, str, str]:
    try:
        return _ERRORS[kind]
    except KeyError:
        raise ValueError(f"{kind.value!r} is nothing that Anthropic's servers say; use a fault or a Page") from None


def _error(failure: Failure) -> _Object:
    _, type_, message = _known(failure.kind)
    error: _Object = {"type": failure.type or type_, "message": failure.message or message}
    if failure.code is not None:
        error["details"] = {"error_code": failure.code}
    return {"type": "error", "error": error, "request_id": "req_simulated"}


anthropic = AnthropicMessages()
