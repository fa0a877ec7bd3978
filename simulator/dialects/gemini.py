"""Google's Gemini API as a server speaks it: chunks with CRLF line ends and no end marker, or one JSON body.

The shapes follow the recorded responses of the wire reference (gemini) and what the official SDK reads. A call of a
tool comes whole, in one part; an error inside a stream is bare, pretty-printed JSON, as AI Studio writes it; a prompt
that the filter blocks is no error but an answer without candidates.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from ...providers.codecs.json import decode_json
from ...providers.errors import ErrorKind
from ...providers.events import FinishReason, Usage
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .base import Frame, encoded, hint_headers
from .gemini_parts import pieces_of, whole_parts

_Object: TypeAlias = dict[str, Any]
_ASKED = re.compile(r"/models/([^/:]+):(\w+)")


class _Content(msgspec.Struct):
    role: str = ""
    parts: list[_Object] = []


class _Tool(msgspec.Struct, rename="camel"):
    function_declarations: list[_Object] = []


class _Body(msgspec.Struct, rename="camel"):
    """What is read of a request; everything else is let through unread."""

    contents: list[_Content] = []
    system_instruction: _Content | None = None
    tools: list[_Tool] | None = None


_FINISH: dict[FinishReason, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "other": "OTHER",
}

_ERRORS: dict[ErrorKind, tuple[int, str, str]] = {
    ErrorKind.BAD_REQUEST: (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    ErrorKind.CONTEXT_LENGTH: (
        400,
        "INVALID_ARGUMENT",
        "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
    ),
    ErrorKind.PREFILL_UNSUPPORTED: (
        400,
        "INVALID_ARGUMENT",
        "Requests ending with a model turn are not supported.",
    ),
    ErrorKind.AUTH: (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    ErrorKind.NOT_FOUND: (404, "NOT_FOUND", "models/simulated-1 is not found for API version v1beta."),
    ErrorKind.UNKNOWN: (418, "TEAPOT", "I'm a teapot."),
    ErrorKind.RATE_LIMITED: (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    ErrorKind.QUOTA_EXHAUSTED: (
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota. * Quota exceeded for metric:"
        " generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0",
    ),
    ErrorKind.SERVER_ERROR: (500, "INTERNAL", "An internal error has occurred."),
    ErrorKind.OVERLOADED: (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    ErrorKind.TIMEOUT: (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
"""Kind -> status, `status` and words, as this provider says it."""

_KEY_DETAILS = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}


class GeminiContent:
    """The dialect `gemini`."""

    name = "gemini"
    stream_type = "text/event-stream"
    ping = b": ping\r\n\r\n"

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        if not body:
            return Reading()
        asked = decode_json(body, _Body)
        named = _ASKED.search(path)
        messages = [("system", _text(asked.system_instruction.parts))] if asked.system_instruction else []
        for turn in asked.contents:
            results = [part["functionResponse"] for part in turn.parts if "functionResponse" in part]
            messages += [("tool", _result(result)) for result in results]
            if not results or any("text" in part for part in turn.parts):
                messages.append(("assistant" if turn.role == "model" else turn.role, _text(turn.parts)))
        return Reading(
            model=named[1] if named else "",
            stream=named is not None and named[2] == "streamGenerateContent",
            wants_usage=True,
            messages=tuple(messages),
            tools=tuple(
                str(tool.get("name", "")) for group in asked.tools or () for tool in group.function_declarations
            ),
        )

    def headers(self, request: Request) -> Mapping[str, str]:
        return {}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        counts = answer.counted(request.reading.words)
        about = _about(answer, request)
        frames: list[Frame] = []
        for piece in pieces_of(answer):
            told = _usage(Usage(counts.input_tokens, len(frames) + 1))
            chunk = _chunk([] if piece.part is None else [piece.part], **piece.beside)
            frames.append(Frame(_event(chunk | {"usageMetadata": told} | about), "delta", piece.useful))
        finish = answer.native_finish or _FINISH[answer.reason]
        ended = _chunk([{"text": ""}], finishReason=finish) | {"usageMetadata": _usage(counts)} | about
        return [*frames, Frame(_event(ended), "finish")]

    def single(self, answer: Answer, request: Request) -> bytes:
        parts, beside = whole_parts(answer)
        whole = _chunk(parts, finishReason=answer.native_finish or _FINISH[answer.reason], **beside)
        usage = _usage(answer.counted(request.reading.words))
        return encoded(whole | {"usageMetadata": usage} | _about(answer, request))

    def refusal(self, failure: Failure) -> Page:
        if failure.kind is ErrorKind.CONTENT_FILTER:
            return Page(msgspec.json.encode(_blocked(failure)), failure.status or 200, "application/json")
        status = failure.status or _known(failure.kind)[0]
        body = msgspec.json.format(msgspec.json.encode(_error(failure)))
        headers = hint_headers(msgspec.structs.replace(failure, retry_after_s=_header_hint(failure)))
        return Page(body, status, "application/json; charset=UTF-8", headers)

    def error_frame(self, failure: Failure) -> bytes:
        if failure.kind is ErrorKind.CONTENT_FILTER:
            return _event(_blocked(failure))
        return msgspec.json.format(msgspec.json.encode(_error(failure))) + b"\n"

    def malformed(self, frame: bytes) -> bytes:
        return frame.rstrip(b"\r\n")[:-1] + b"\r\n\r\n"


def _event(payload: _Object) -> bytes:
    return b"data: " + encoded(payload) + b"\r\n\r\n"


def _text(parts: list[_Object]) -> str:
    return "".join(str(part.get("text", "")) for part in parts if not part.get("thought"))


def _result(function: _Object) -> str:
    """A tool's result as the text that it was; an object stays JSON."""
    said = function.get("response", {})
    for word in ("output", "error"):
        if isinstance(said, dict) and isinstance(said.get(word), str) and len(said) == 1:
            return str(said[word])
    return msgspec.json.encode(said).decode()


def _about(answer: Answer, request: Request) -> _Object:
    model = answer.model or request.reading.model or "simulated-1"
    return {"modelVersion": model, "responseId": answer.id or f"simulated{request.number}"}


def _chunk(parts: Sequence[_Object | msgspec.Raw], **of_candidate: Any) -> _Object:
    return {"candidates": [{"content": {"parts": parts, "role": "model"}, **of_candidate, "index": 0}]}


def _usage(usage: Usage) -> _Object:
    thought = usage.reasoning_tokens or 0
    counts = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - thought,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.reasoning_tokens is not None:
        counts["thoughtsTokenCount"] = thought
    if usage.cached_input_tokens is not None:
        counts["cachedContentTokenCount"] = usage.cached_input_tokens
    return counts


def _known(kind: ErrorKind) -> tuple[int, str, str]:
    try:
        return _ERRORS[kind]
    except KeyError:
        raise ValueError(f"{kind.value!r} is nothing that Gemini's servers say; use a fault or a Page") from None


def _blocked(failure: Failure) -> _Object:
    reason = failure.code or "PROHIBITED_CONTENT"
    return {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1}}


def _header_hint(failure: Failure) -> str | None:
    """Only a hint that is no number goes into a header: Google tells a delay in the body."""
    return failure.retry_after_s if isinstance(failure.retry_after_s, str) else None


def _error(failure: Failure) -> _Object:
    status, word, message = _known(failure.kind)
    error: _Object = {
        "code": failure.code or failure.status or status,
        "message": failure.message or message,
        "status": failure.type or word,
    }
    details: list[_Object] = [_KEY_DETAILS] if failure.kind is ErrorKind.AUTH else []
    if isinstance(failure.retry_after_s, int | float):
        delay = f"{failure.retry_after_s:.9f}".rstrip("0").rstrip(".") + "s"
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    return {"error": error | ({"details": details} if details else {})}


gemini = GeminiContent()
