"""Mistral's chat as its server speaks it: chunks of OpenAI's protocol with whole tool calls and typed content.

The shapes follow the recorded responses of the wire reference (mistral) and what the official SDK reads. Token counts
are always told, on the last chunk; errors have no `error` around them.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from ...providers.codecs.json import decode_json
from ...providers.errors import ErrorKind
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .base import Frame, encoded, event, hint_headers, malformed_event
from .mistral_message import pieces_of, whole_message

_CREATED = 1_795_000_000
_Object: TypeAlias = dict[str, Any]


class _Message(msgspec.Struct):
    role: str = ""
    content: str | list[_Object] | None = None


class _Tool(msgspec.Struct):
    function: _Object = {}


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """Every field that the server knows; it refuses all others."""

    model: str = ""
    messages: list[_Message] = []
    stream: bool = False
    tools: list[_Tool] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    random_seed: int | None = None
    stop: str | list[str] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    reasoning_effort: str | None = None
    prompt_mode: str | None = None
    response_format: Any = None
    safe_prompt: bool | None = None
    n: int | None = None
    metadata: Any = None
    prediction: Any = None


_ERRORS: dict[ErrorKind, tuple[int, str, str | None, str]] = {
    ErrorKind.BAD_REQUEST: (422, "invalid_request_error", None, "Extra inputs are not permitted"),
    ErrorKind.CONTEXT_LENGTH: (
        400,
        "invalid_request_error",
        "3051",
        "Prompt contains 130001 tokens, too large for model with 128000 maximum context length",
    ),
    ErrorKind.AUTH: (401, "invalid_request_error", None, "Unauthorized"),
    ErrorKind.QUOTA_EXHAUSTED: (402, "payment_required", None, "You have no credit left"),
    ErrorKind.NOT_FOUND: (400, "invalid_model", "1500", "Invalid model: nope"),
    ErrorKind.RATE_LIMITED: (429, "rate_limited", "1300", "Rate limit exceeded"),
    ErrorKind.SERVER_ERROR: (500, "internal_server_error", "1000", "Internal server error"),
    ErrorKind.OVERLOADED: (429, "service_tier_capacity_exceeded", "3505", "Service tier capacity exceeded."),
    ErrorKind.TIMEOUT: (504, "timeout", None, "Gateway timeout"),
    ErrorKind.UNKNOWN: (418, "teapot", None, "I'm a teapot"),
}
"""Kind -> status, `type`, `code` and words."""


class Mistral:
    """The dialect `mistral`. Refusals are text: the wire has no other place."""

    name = "mistral"
    stream_type = "text/event-stream; charset=utf-8"
    ping = b": ping\n\n"

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        if not body:
            return Reading()
        asked = decode_json(body, _Body)
        return Reading(
            model=asked.model,
            stream=asked.stream,
            wants_usage=True,
            messages=tuple((message.role, _text(message.content)) for message in asked.messages),
            tools=tuple(str(tool.function.get("name", "")) for tool in asked.tools or ()),
        )

    def headers(self, request: Request) -> Mapping[str, str]:
        return {"x-request-id": f"simulated{request.number}"}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        about = _about(answer, request, "chat.completion.chunk")

        def chunk(delta: _Object, finish: str | None = None, **more: Any) -> bytes:
            return event({**about, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})

        frames = [Frame(chunk({"role": "assistant", "content": ""}), "opening")]
        frames += [Frame(chunk(piece.delta), "delta", piece.useful) for piece in pieces_of(answer)]
        usage = _usage(answer, request)
        frames.append(Frame(chunk({"content": ""}, answer.native_finish or answer.reason, usage=usage), "finish"))
        frames.append(Frame(b"data: [DONE]\n\n", "marker"))
        return frames

    def single(self, answer: Answer, request: Request) -> bytes:
        message = whole_message(answer)
        choice = {"index": 0, "message": message, "finish_reason": answer.native_finish or answer.reason}
        about = _about(answer, request, "chat.completion")
        return encoded({**about, "choices": [choice], "usage": _usage(answer, request)})

    def refusal(self, failure: Failure) -> Page:
        status = failure.status or _known(failure.kind)[0]
        return Page(msgspec.json.encode(_error(failure)), status, "application/json", hint_headers(failure))

    def error_frame(self, failure: Failure) -> bytes:
        return event(_error(failure))

    def malformed(self, frame: bytes) -> bytes:
        return malformed_event(frame)


def _about(answer: Answer, request: Request, kind: str) -> _Object:
    return {
        "id": answer.id or f"cmpl-simulated{request.number}",
        "object": kind,
        "created": _CREATED,
        "model": answer.model or request.reading.model or "simulated-1",
    }


def _usage(answer: Answer, request: Request) -> _Object:
    usage = answer.counted(request.reading.words)
    counts = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}
    return {**counts, "total_tokens": usage.input_tokens + usage.output_tokens}


def _text(content: str | list[_Object] | None) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return content or ""


def _known(kind: ErrorKind) -> tuple[int, str, str | None, str]:
    try:
        return _ERRORS[kind]
    except KeyError:
        raise ValueError(f"{kind.value!r} is nothing that Mistral says; use a fault or a Page") from None


def _error(failure: Failure) -> _Object:
    status, type_, code, message = _known(failure.kind)
    return {
        "object": "error",
        "message": failure.message or message,
        "type": failure.type or type_,
        "param": None,
        "code": code if failure.code is None else failure.code,
        "raw_status_code": failure.status or status,
    }


mistral = Mistral()
