"""OpenAI's chat completions as a server speaks them: chunks with `[DONE]`, or one JSON body.

The shapes follow the recorded responses of the wire reference (openai-chat) and what the official SDK reads. Times and
ids are fixed or counted, so that the same script gives the same bytes.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from ...providers.codecs.json import decode_json
from ...providers.errors import ErrorKind
from ...providers.events import Usage
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .base import Frame, encoded, event, hint_headers, malformed_event
from .openai_message import pieces_of, whole_message

_CREATED = 1_795_000_000
_FINGERPRINT = "fp_simulated"
_Object: TypeAlias = dict[str, Any]


class _Message(msgspec.Struct):
    role: str = ""
    content: str | list[_Object] | None = None


class _Tool(msgspec.Struct):
    function: _Object = {}


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class _Body(msgspec.Struct):
    """What is read of a request; everything else is let through unread."""

    model: str = ""
    messages: list[_Message] = []
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    tools: list[_Tool] | None = None


_ERRORS: dict[ErrorKind, tuple[int, str, str | None, str]] = {
    ErrorKind.TIMEOUT: (408, "server_error", None, "The request took too long."),
    ErrorKind.SERVER_ERROR: (
        500,
        "server_error",
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    ErrorKind.OVERLOADED: (503, "server_error", None, "Engine is overloaded"),
    ErrorKind.RATE_LIMITED: (429, "tokens", "rate_limit_exceeded", "Rate limit reached for this model."),
    ErrorKind.QUOTA_EXHAUSTED: (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    ErrorKind.AUTH: (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-sim***."),
    ErrorKind.NOT_FOUND: (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    ErrorKind.CONTEXT_LENGTH: (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens.",
    ),
    ErrorKind.CONTENT_FILTER: (
        400,
        "invalid_request_error",
        "content_policy_violation",
        "Your request was rejected by the safety system.",
    ),
    ErrorKind.BAD_REQUEST: (400, "invalid_request_error", None, "Invalid type for 'messages': expected an array."),
    ErrorKind.PREFILL_UNSUPPORTED: (
        400,
        "invalid_request_error",
        None,
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    ),
    ErrorKind.UNKNOWN: (418, "teapot_error", "teapot", "I'm a teapot."),
}
"""Kind -> status, `type`, `code` and words, as this provider says it."""


class OpenAIChat:
    """The dialect `openai`."""

    name = "openai"
    stream_type = "text/event-stream; charset=utf-8"
    ping = b": ping\n\n"

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        if not body:
            return Reading()
        asked = decode_json(body, _Body)
        return Reading(
            model=asked.model,
            stream=bool(asked.stream),
            wants_usage=asked.stream_options is not None and asked.stream_options.include_usage,
            messages=tuple((message.role, _text(message.content)) for message in asked.messages),
            tools=tuple(str(tool.function.get("name", "")) for tool in asked.tools or ()),
        )

    def headers(self, request: Request) -> Mapping[str, str]:
        return {"x-request-id": f"req_simulated{request.number}"}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        about = _about(answer, request, "chat.completion.chunk")
        with_usage: _Object = {"usage": None} if request.reading.wants_usage else {}

        def chunk(delta: _Object, finish: str | None = None, logprobs: _Object | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
            return event(about | {"choices": [choice]} | with_usage)

        first_content = "" if not answer.calls else None
        opening = chunk({"role": "assistant", "content": first_content, "refusal": None})
        frames = [Frame(opening, "opening")]
        frames += [
            Frame(chunk(piece.delta, None, piece.logprobs), "delta", piece.useful) for piece in pieces_of(answer)
        ]
        frames.append(Frame(chunk({}, answer.native_finish or answer.reason), "finish"))
        if request.reading.wants_usage:
            usage = _usage(answer.counted(request.reading.words))
            frames.append(Frame(event(about | {"choices": [], "usage": usage}), "usage"))
        frames.append(Frame(b"data: [DONE]\n\n", "marker"))
        return frames

    def single(self, answer: Answer, request: Request) -> bytes:
        message, logprobs = whole_message(answer)
        finish = answer.native_finish or answer.reason
        choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}
        usage = _usage(answer.counted(request.reading.words))
        return encoded(_about(answer, request, "chat.completion") | {"choices": [choice], "usage": usage})

    def refusal(self, failure: Failure) -> Page:
        status = failure.status or _known(failure.kind)[0]
        body = msgspec.json.encode(_error(failure))
        return Page(body, status, "application/json", hint_headers(failure))

    def error_frame(self, failure: Failure) -> bytes:
        return event(_error(failure))

    def malformed(self, frame: bytes) -> bytes:
        return malformed_event(frame)


def _text(content: str | list[_Object] | None) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return content or ""


def _about(answer: Answer, request: Request, kind: str) -> _Object:
    return {
        "id": answer.id or f"chatcmpl-simulated{request.number}",
        "object": kind,
        "created": _CREATED,
        "model": answer.model or request.reading.model or "simulated-1",
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
    }


def _usage(usage: Usage) -> _Object:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens or 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens or 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _known(kind: ErrorKind) -> tuple[int, str, str | None, str]:
    try:
        return _ERRORS[kind]
    except KeyError:
        raise ValueError(f"{kind.value!r} is nothing that an OpenAI server says; use a fault or a Page") from None


def _error(failure: Failure) -> _Object:
    _, type_, code, message = _known(failure.kind)
    about = {"message": failure.message or message, "type": failure.type or type_, "param": None}
    return {"error": about | {"code": code if failure.code is None else failure.code}}


openai = OpenAIChat()
