"""Ollama's own chat as its server speaks it: one JSON object a line, tool calls whole, errors as plain strings.

The shapes follow the recorded responses of the wire reference (ollama) and the server's source. Times are fixed, so
that the same script gives the same bytes.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from ...providers.codecs.json import decode_json
from ...providers.errors import ErrorKind
from ...providers.events import FinishReason, PartAdded, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from ...providers.parts import Logprobs, TextPart, ToolCall
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .base import Frame, encoded, hint_headers
from .said import said, says_something

_CREATED = "2026-11-22T10:00:00.123456Z"
_Object: TypeAlias = dict[str, Any]
_WIRE = "Ollama's wire"
_WORDS = frozenset({"Logprobs", "Reasoning", "RefusalPart", "ToolCall"})


class _Message(msgspec.Struct):
    role: str = ""
    content: str = ""


class _Tool(msgspec.Struct):
    function: _Object = {}


class _Body(msgspec.Struct):
    model: str = ""
    messages: list[_Message] = []
    stream: bool = True
    tools: list[_Tool] | None = None


_ERRORS: dict[ErrorKind, tuple[int, str]] = {
    ErrorKind.BAD_REQUEST: (400, "invalid options: temperature"),
    ErrorKind.UNSUPPORTED: (400, "this model does not support tools"),
    ErrorKind.CONTEXT_LENGTH: (400, "the input length exceeds the context length"),
    ErrorKind.AUTH: (401, "unauthorized"),
    ErrorKind.QUOTA_EXHAUSTED: (402, "you have reached your specified usage limits"),
    ErrorKind.NOT_FOUND: (404, 'model "nope" not found, try pulling it first'),
    ErrorKind.RATE_LIMITED: (429, "too many concurrent requests"),
    ErrorKind.SERVER_ERROR: (500, "an error was encountered while running the model: unexpected EOF"),
    ErrorKind.OVERLOADED: (503, "server busy, please try again.  maximum pending requests exceeded"),
    ErrorKind.TIMEOUT: (504, "timed out waiting for llama runner to start"),
    ErrorKind.UNKNOWN: (418, "I'm a teapot"),
}
"""Kind -> status and words."""

_REASONS: dict[FinishReason, str] = {"stop": "stop", "tool_calls": "stop", "length": "length", "other": "load"}


class Ollama:
    """The dialect `ollama`. It streams unless it is told not to. Refusals are text: the wire has no other place."""

    name = "ollama"
    stream_type = "application/x-ndjson"
    ping = b"\n"

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        if not body:
            return Reading()
        asked = decode_json(body, _Body)
        return Reading(
            model=asked.model,
            stream=asked.stream,
            wants_usage=True,
            messages=tuple((message.role, message.content) for message in asked.messages),
            tools=tuple(str(tool.function.get("name", "")) for tool in asked.tools or ()),
        )

    def headers(self, request: Request) -> Mapping[str, str]:
        return {}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        about = _about(answer, request)
        frames = [
            Frame(_line({**about, **_said(event, answer), "done": False}), "delta", says_something(event))
            for event in said(answer, _WIRE, _WORDS)
            if not _adds_nothing(event)
        ]
        last = {**about, "message": {"role": "assistant", "content": ""}, **_end(answer, request)}
        frames.append(Frame(_line(last), "finish"))
        return frames

    def single(self, answer: Answer, request: Request) -> bytes:
        events = said(answer, _WIRE, _WORDS)
        text = "".join(event.text for event in events if isinstance(event, TextDelta | RefusalDelta))
        message: _Object = {"role": "assistant", "content": text}
        if thought := "".join(event.text for event in events if isinstance(event, ReasoningDelta)):
            message["thinking"] = thought
        if answer.calls:
            message["tool_calls"] = [_call(index, call) for index, call in enumerate(answer.calls)]
        likely = [
            event.part.details for event in events if isinstance(event, PartAdded) and isinstance(event.part, Logprobs)
        ]
        tokens = [token for text in likely for token in msgspec.json.decode(text, type=list[msgspec.Raw])]
        beside = {"logprobs": tokens} if tokens else {}
        return encoded({**_about(answer, request), "message": message, **beside, **_end(answer, request)})

    def refusal(self, failure: Failure) -> Page:
        status, message = _known(failure.kind)
        body = msgspec.json.encode({"error": failure.message or message})
        return Page(body, failure.status or status, "application/json; charset=utf-8", hint_headers(failure))

    def error_frame(self, failure: Failure) -> bytes:
        return _line({"error": failure.message or _known(failure.kind)[1]})

    def malformed(self, frame: bytes) -> bytes:
        return frame[:-2] + b"\n"


def _line(said: _Object) -> bytes:
    return encoded(said) + b"\n"


def _about(answer: Answer, request: Request) -> _Object:
    return {"model": answer.model or request.reading.model or "simulated-1", "created_at": _CREATED}


def _adds_nothing(event: object) -> bool:
    """Tell whether an event is the next piece of a call that was said, or begins a text of its own: there is one."""
    if isinstance(event, ToolCallDelta):
        return event.name is None
    return isinstance(event, PartAdded) and isinstance(event.part, TextPart)


def _said(event: object, answer: Answer) -> _Object:
    """What one line says."""
    message: _Object = {"role": "assistant", "content": ""}
    match event:
        case ReasoningDelta(text):
            return {"message": message | {"thinking": text}}
        case ToolCallDelta(index=index):
            return {"message": message | {"tool_calls": [_call(index, answer.calls[index])]}}
        case PartAdded(Logprobs(details)):
            return {"message": message, "logprobs": msgspec.Raw(details.encode())}
        case TextDelta(text) | RefusalDelta(text):
            return {"message": message | {"content": text}}
        case _:
            raise TypeError(f"{type(event).__name__} is nothing that a line says")


def _call(index: int, call: ToolCall) -> _Object:
    try:
        arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        raise ValueError("Ollama's wire holds arguments that are a JSON object, nothing else") from None
    return {"id": call.id, "function": {"index": index, "name": call.name, "arguments": arguments}}


def _end(answer: Answer, request: Request) -> _Object:
    reason = answer.native_finish or _REASONS.get(answer.reason)
    if reason is None:
        raise ValueError(f"{answer.reason!r} is no reason of Ollama's; set native_finish")
    usage: Usage = answer.counted(request.reading.words)
    counts = {"prompt_eval_count": usage.input_tokens, "eval_count": usage.output_tokens}
    told = {name: count for name, count in counts.items() if count}  # the server leaves zeros out
    durations = {"total_duration": 4883583458, "load_duration": 1334875, "eval_duration": 4535599000}
    return {"done": True, "done_reason": reason, **durations, **told}


def _known(kind: ErrorKind) -> tuple[int, str]:
    try:
        return _ERRORS[kind]
    except KeyError:
        raise ValueError(f"{kind.value!r} is nothing that Ollama says; use a fault or a Page") from None


ollama = Ollama()
