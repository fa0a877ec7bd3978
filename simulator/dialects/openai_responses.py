"""OpenAI's Responses API as a server speaks it: typed, numbered events around items, or one response.

The shapes follow the recorded responses of the wire reference (openai-responses) and what the official SDK reads. An
error before the stream looks like one of the chat API; inside the stream it is said twice.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any, TypeAlias

import msgspec

from ...providers.codecs.json import decode_json
from ...providers.events import FinishReason, Usage
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .base import Frame, encoded, malformed_event, named_event, opened
from .openai import openai
from .openai_responses_items import IMAGE_CALL, items_of

_CREATED = 1_795_000_000
_Object: TypeAlias = dict[str, Any]


class _Item(msgspec.Struct):
    type: str = "message"
    role: str = ""
    content: Any = ""
    output: Any = ""


class _Body(msgspec.Struct):
    """What is read of a request; everything else is let through unread."""

    model: str = ""
    instructions: str | None = None
    input: str | list[_Item] = ""
    stream: bool | None = None
    tools: list[_Object] | None = None


_INCOMPLETE: dict[FinishReason, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "other": "steered",
}


class OpenAIResponses:
    """The dialect `openai-responses`."""

    name = "openai-responses"
    stream_type = "text/event-stream; charset=utf-8"
    ping = b": ping\n\n"

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        if not body:
            return Reading()
        asked = decode_json(body, _Body)
        items = [_Item(role="user", content=asked.input)] if isinstance(asked.input, str) else asked.input
        messages = [("system", asked.instructions)] if asked.instructions else []
        for item in items:
            if item.type in ("function_call_output", "custom_tool_call_output"):
                messages.append(("tool", _text(item.output)))
            elif item.type in ("function_call", "custom_tool_call") and (
                not messages or messages[-1][0] != "assistant"
            ):
                messages.append(("assistant", ""))
            elif item.type == "message":
                messages.append((item.role, _text(item.content)))
        return Reading(
            model=asked.model,
            stream=bool(asked.stream),
            wants_usage=True,
            messages=tuple(messages),
            tools=tuple(str(tool.get("name", "")) for tool in asked.tools or ()),
        )

    def headers(self, request: Request) -> Mapping[str, str]:
        return {"x-request-id": f"req_simulated{request.number}"}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        numbers = count()

        def frame(kind: str, *, useful: bool = False, **fields: Any) -> Frame:
            payload = {"type": f"response.{kind}", **fields, "sequence_number": next(numbers)}
            return Frame(named_event(payload), "delta", useful=useful)

        begun = _response(answer, request) | {"status": "in_progress"}
        frames = [frame("created", response=begun), frame("in_progress", response=begun)]
        for index, item in enumerate(items_of(answer)):
            whole = item.whole()
            frames.append(frame("output_item.added", useful=item.is_call, output_index=index, item=item.begun()))
            at = {"item_id": whole.get("id"), "output_index": index}
            frames += [frame(kind, useful=said, **at, **fields) for kind, fields, said in item.told()]
            shows = item.type == IMAGE_CALL and bool(whole.get("result"))
            frames.append(frame("output_item.done", useful=shows, output_index=index, item=whole))
        ended = _ended(answer, request)
        last = frame(ended["status"], response=ended)
        return [*opened(frames), Frame(last.data, "finish")]

    def single(self, answer: Answer, request: Request) -> bytes:
        return encoded(_ended(answer, request))

    def refusal(self, failure: Failure) -> Page:
        return openai.refusal(failure)

    def error_frame(self, failure: Failure) -> bytes:
        error = msgspec.json.decode(openai.refusal(failure).body)["error"]
        failed = {"code": error["code"] or error["type"], "message": error["message"]}
        response = {"id": "resp_simulated", "object": "response", "status": "failed", "error": failed, "output": []}
        told = named_event({"type": "error", "error": error, "sequence_number": 0})
        return told + named_event({"type": "response.failed", "response": response, "sequence_number": 1})

    def malformed(self, frame: bytes) -> bytes:
        return malformed_event(frame)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _response(answer: Answer, request: Request) -> _Object:
    return {
        "id": answer.id or f"resp_simulated{request.number}",
        "object": "response",
        "created_at": _CREATED,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": answer.model or request.reading.model or "simulated-1",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def _ended(answer: Answer, request: Request) -> _Object:
    usage = _usage(answer.counted(request.reading.words))
    whole = _response(answer, request) | {"output": [item.whole() for item in items_of(answer)], "usage": usage}
    why = answer.native_finish.removeprefix("incomplete:") if answer.native_finish else _INCOMPLETE.get(answer.reason)
    if why is None or why == "completed":
        return whole
    return whole | {"status": "incomplete", "incomplete_details": {"reason": why}}


def _usage(usage: Usage) -> _Object:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens or 0, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


openai_responses = OpenAIResponses()
