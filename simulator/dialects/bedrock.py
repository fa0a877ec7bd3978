"""AWS Bedrock's ConverseStream and Converse as the service speaks them: binary frames, or one JSON body.

The shapes follow the recorded frames of the wire reference (bedrock) and botocore's model of the service. What is
asked stands in the path: the model, and whether it is a stream. No signature is checked.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote

import msgspec

from ...providers.codecs.json import decode_json
from ...providers.errors import ErrorKind
from ...providers.events import FinishReason
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .base import Frame, encoded, hint_headers
from .bedrock_blocks import SaidBlock, blocks_of
from .binary import frame, payload_of, with_payload

_Object: TypeAlias = dict[str, Any]


class _Message(msgspec.Struct):
    role: str = ""
    content: list[_Object] = []


class _ToolConfig(msgspec.Struct):
    tools: list[_Object] = []


class _Body(msgspec.Struct):
    system: list[_Object] = []
    messages: list[_Message] = []
    toolConfig: _ToolConfig | None = None  # noqa: N815 - Bedrock's own name


_ERRORS: dict[ErrorKind, tuple[int, str, str]] = {
    ErrorKind.BAD_REQUEST: (
        400,
        "ValidationException",
        "The value at messages.0.content failed to satisfy constraint.",
    ),
    ErrorKind.CONTEXT_LENGTH: (400, "ValidationException", "Input is too long for requested model."),
    ErrorKind.PREFILL_UNSUPPORTED: (
        400,
        "ValidationException",
        "This model does not support assistant message prefill.",
    ),
    ErrorKind.QUOTA_EXHAUSTED: (400, "ServiceQuotaExceededException", "Your account has reached its quota."),
    ErrorKind.AUTH: (403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    ErrorKind.NOT_FOUND: (404, "ResourceNotFoundException", "Could not resolve the foundation model."),
    ErrorKind.TIMEOUT: (408, "ModelTimeoutException", "The model took too long."),
    ErrorKind.RATE_LIMITED: (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    ErrorKind.SERVER_ERROR: (500, "InternalServerException", "The system encountered an unexpected error."),
    ErrorKind.OVERLOADED: (503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
    ErrorKind.UNKNOWN: (418, "TeapotException", "I'm a teapot."),
}
"""Kind -> status, exception and words."""

_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}


class Bedrock:
    """The dialect `bedrock`. Refusals are text: the wire has no other place."""

    name = "bedrock"
    stream_type = "application/vnd.amazon.eventstream"
    ping = frame({":event-type": "ping", ":content-type": "application/json", ":message-type": "event"}, b"{}")

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        if not body:
            return Reading()
        asked = decode_json(body, _Body)
        said = [("system", str(block.get("text", ""))) for block in asked.system]
        said += [turn for message in asked.messages for turn in _turns(message)]
        tools = asked.toolConfig.tools if asked.toolConfig else []
        model, _, operation = path.removeprefix("/model/").rpartition("/")
        return Reading(
            model=unquote(model),
            stream=operation == "converse-stream",
            wants_usage=True,
            messages=tuple(said),
            tools=tuple(str(tool.get("toolSpec", {}).get("name", "")) for tool in tools),
        )

    def headers(self, request: Request) -> Mapping[str, str]:
        return {"x-amzn-requestid": f"simulated-{request.number}"}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        frames = [Frame(_event("messageStart", role="assistant"), "opening")]
        for index, block in enumerate(blocks_of(answer)):
            if block.start:
                start = _event("contentBlockStart", contentBlockIndex=index, start=block.start)
                frames.append(Frame(start, "delta", block.is_call))
            for piece in block.pieces:
                said = _event("contentBlockDelta", contentBlockIndex=index, delta=piece)
                frames.append(Frame(said, "delta", _is_useful(piece, block)))
            frames.append(Frame(_event("contentBlockStop", contentBlockIndex=index), "delta"))
        frames.append(Frame(_event("messageStop", stopReason=_reason(answer)), "finish"))
        metadata = _event("metadata", usage=_usage(answer, request), metrics={"latencyMs": 321})
        frames.append(Frame(metadata, "usage"))
        return frames

    def single(self, answer: Answer, request: Request) -> bytes:
        content = [block.whole() for block in blocks_of(answer)]
        whole = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _reason(answer),
            "usage": _usage(answer, request),
            "metrics": {"latencyMs": 321},
        }
        return encoded(whole)

    def refusal(self, failure: Failure) -> Page:
        status, name, message = _known(failure.kind)
        body = msgspec.json.encode({"message": failure.message or message})
        headers = {"x-amzn-errortype": f"{failure.type or name}:http://internal.amazon.com/coral/"}
        return Page(body, failure.status or status, "application/json", headers | hint_headers(failure))

    def error_frame(self, failure: Failure) -> bytes:
        _, name, message = _known(failure.kind)
        told = msgspec.json.encode({"message": failure.message or message})
        kind = failure.type or name[0].lower() + name[1:]
        about = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
        return frame(about, told)

    def malformed(self, frame: bytes) -> bytes:
        return with_payload(frame, payload_of(frame)[:-1])


def _event(name: str, **payload: Any) -> bytes:
    about = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(about, encoded(payload))


def _is_useful(piece: _Object, block: SaidBlock) -> bool:
    """Whether a piece says something: a text, a thought, arguments of the caller's tool, or a picture."""
    if "toolUse" in piece:
        return block.is_call and bool(piece["toolUse"]["input"])
    return bool(piece.get("text") or piece.get("reasoningContent", {}).get("text") or piece.get("image"))


def _turns(message: _Message) -> list[tuple[str, str]]:
    """The results of tools, which this wire puts into the user's turn, and what is said beside them."""
    results = [block["toolResult"] for block in message.content if "toolResult" in block]
    turns = [("tool", _result(result.get("content", []))) for result in results]
    if not results or len(results) < len(message.content):
        turns.append((message.role, _text(message.content)))
    return turns


def _result(content: list[_Object]) -> str:
    """A tool's result as the text that it was; an object stays JSON."""
    objects = (msgspec.json.encode(block["json"]).decode() for block in content if "json" in block)
    return "".join(objects) + _text(content)


def _text(content: list[_Object]) -> str:
    return "".join(str(block.get("text", "")) for block in content)


def _reason(answer: Answer) -> str:
    reason = answer.native_finish or _REASONS.get(answer.reason)
    if reason is None:
        raise ValueError(f"{answer.reason!r} is no reason of Bedrock's; set native_finish")
    return reason


def _usage(answer: Answer, request: Request) -> _Object:
    usage = answer.counted(request.reading.words)
    cached = usage.cached_input_tokens
    counts = {
        "inputTokens": usage.input_tokens - (cached or 0),
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
    }
    return counts if cached is None else {**counts, "cacheReadInputTokens": cached}


def _known(kind: ErrorKind) -> tuple[int, str, str]:
    try:
        return _ERRORS[kind]
    except KeyError:
        raise ValueError(f"{kind.value!r} is nothing that Bedrock says; use a fault or a Page") from None


bedrock = Bedrock()
