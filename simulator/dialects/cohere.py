"""Cohere's chat, version 2, as its server speaks it: named events in blocks, or one JSON body.

The shapes follow the recorded responses of the wire reference (cohere) and what the official SDK reads. Ids are
counted, so that the same script gives the same bytes.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from ...providers.codecs.json import decode_json
from ...providers.errors import ErrorKind
from ...providers.events import FinishReason
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .base import Frame, encoded, hint_headers, malformed_event, opened
from .cohere_message import cohere_event, told, whole_message

_Object: TypeAlias = dict[str, Any]


class _Message(msgspec.Struct):
    role: str = ""
    content: str | list[_Object] | None = None


class _Tool(msgspec.Struct):
    function: _Object = {}


class _Body(msgspec.Struct):
    model: str = ""
    messages: list[_Message] = []
    stream: bool = False
    tools: list[_Tool] | None = None


_ERRORS: dict[ErrorKind, tuple[int, str]] = {
    ErrorKind.BAD_REQUEST: (400, "invalid request: message must be at least 1 token long"),
    ErrorKind.CONTEXT_LENGTH: (400, "too many tokens: total number of tokens in the prompt cannot exceed 128000"),
    ErrorKind.AUTH: (401, "invalid api token"),
    ErrorKind.QUOTA_EXHAUSTED: (402, "Please add a payment method to continue"),
    ErrorKind.NOT_FOUND: (404, "model 'nope' not found, make sure the correct model ID was used"),
    ErrorKind.RATE_LIMITED: (429, "You are using a Trial key, which is limited to 10 API calls / minute."),
    ErrorKind.CONTENT_FILTER: (498, "blocked output: please try again with another prompt"),
    ErrorKind.SERVER_ERROR: (500, "internal server error"),
    ErrorKind.OVERLOADED: (503, "the model is overloaded"),
    ErrorKind.TIMEOUT: (504, "gateway timeout"),
    ErrorKind.UNKNOWN: (418, "I'm a teapot"),
}
"""Kind -> status and words."""

_REASONS: dict[FinishReason, str] = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}


class Cohere:
    """The dialect `cohere`. Before tool calls, reasoning is the plan. Refusals are text: there is no other place."""

    name = "cohere"
    stream_type = "text/event-stream"
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
        return {"x-debug-trace-id": f"simulated{request.number}"}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        frames = [Frame(cohere_event("message-start", id=_id(answer, request), delta={"message": start}), "opening")]
        frames += told(answer)
        end = {"finish_reason": _reason(answer), "usage": _usage(answer, request)}
        frames.append(Frame(cohere_event("message-end", id=_id(answer, request), delta=end), "finish"))
        return opened(frames)

    def single(self, answer: Answer, request: Request) -> bytes:
        message = whole_message(answer)
        body = {"id": _id(answer, request), "finish_reason": _reason(answer), "message": message}
        return encoded({**body, "usage": _usage(answer, request)})

    def refusal(self, failure: Failure) -> Page:
        status, message = _known(failure.kind)
        body = msgspec.json.encode({"id": "simulated", "message": failure.message or message})
        return Page(body, failure.status or status, "application/json", hint_headers(failure))

    def error_frame(self, failure: Failure) -> bytes:
        native = "TIMEOUT" if failure.kind is ErrorKind.TIMEOUT else "ERROR"
        said = failure.message or _known(failure.kind)[1]
        usage = {"tokens": {"input_tokens": 0, "output_tokens": 0}}
        return cohere_event(
            "message-end", id="simulated", delta={"finish_reason": native, "usage": usage, "error": said}
        )

    def malformed(self, frame: bytes) -> bytes:
        return malformed_event(frame)


def _text(content: str | list[_Object] | None) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return content or ""


def _id(answer: Answer, request: Request) -> str:
    return answer.id or f"simulated{request.number}"


def _usage(answer: Answer, request: Request) -> _Object:
    usage = answer.counted(request.reading.words)
    counts = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    cached = {} if usage.cached_input_tokens is None else {"cached_tokens": usage.cached_input_tokens}
    return {"billed_units": counts, "tokens": counts, **cached}


def _reason(answer: Answer) -> str:
    reason = answer.native_finish or _REASONS.get(answer.reason)
    if reason is None:
        raise ValueError(f"{answer.reason!r} is no reason of Cohere's; set native_finish")
    return reason


def _known(kind: ErrorKind) -> tuple[int, str]:
    try:
        return _ERRORS[kind]
    except KeyError:
        raise ValueError(f"{kind.value!r} is nothing that Cohere says; use a fault or a Page") from None


cohere = Cohere()
