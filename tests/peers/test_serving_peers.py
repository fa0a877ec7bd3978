"""What the serving side writes is what the official SDKs read, by their own types, and put together by their code."""

import json
from typing import Any

import anthropic
import openai
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from standby.providers.events import Usage
from standby.providers.parts import Part, TextPart, ToolCall
from standby.providers.serving.chat import chat
from standby.providers.serving.messages import messages
from standby.providers.serving.responses import responses

from served import CALLS, CUTS, READY, TEXTS, THOUGHTS, USAGES, events_of, streamed, whole

PARTS = st.lists(st.one_of(TEXTS.map(TextPart), THOUGHTS, CALLS), min_size=1, max_size=5)

ANTHROPIC: Any = TypeAdapter(RawMessageStreamEvent)
OPENAI: Any = TypeAdapter(ResponseStreamEvent)


def payloads(data: bytes) -> list[Any]:
    """The payloads of a stream."""
    lines = [line for frame in data.split(b"\n\n") for line in frame.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line.removeprefix(b"data: ")) for line in lines if line != b"data: [DONE]"]


def reason(parts: list[Part]) -> str:
    """Why an answer of these parts ends."""
    return "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"


def present(found: Any) -> Any:
    """JSON without what says nothing."""
    if isinstance(found, dict):
        return {name: present(value) for name, value in found.items() if value not in (None, [])}
    return [present(each) for each in found] if isinstance(found, list) else found


@READY
@given(PARTS, USAGES, CUTS)
def test_openai_puts_a_chat_stream_together_as_the_whole_answer(
    parts: list[Part], usage: Usage, cuts: list[int]
) -> None:
    events = events_of(parts, reason(parts), usage)
    state: Any = ChatCompletionStreamState()
    for payload in payloads(streamed(chat, events, cuts)):
        state.handle_chunk(ChatCompletionChunk.model_validate(payload, strict=True))
    put_together = present(json.loads(state.get_final_completion().model_dump_json(warnings=False)))
    message = put_together["choices"][0]["message"]
    for call in message.get("tool_calls", ()):
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    wanted = whole(chat, events)
    ChatCompletion.model_validate(wanted, strict=True)
    assert put_together == present(wanted)


@READY
@given(PARTS, USAGES, CUTS)
def test_anthropic_puts_a_stream_together_as_the_whole_message(
    parts: list[Part], usage: Usage, cuts: list[int]
) -> None:
    events = events_of(parts, reason(parts), usage)
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for payload in payloads(streamed(messages, events, cuts)):
        event: Any = ANTHROPIC.validate_python(payload)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    wanted = whole(messages, events)
    Message.model_validate(wanted)
    put_together = present(json.loads(snapshot.model_dump_json(warnings=False)))
    for block in put_together["content"]:
        block.pop("parsed_output", None)
    assert put_together == present(wanted)


@READY
@given(PARTS, USAGES, CUTS)
def test_openai_reads_each_event_of_a_response_and_puts_it_together(
    parts: list[Part], usage: Usage, cuts: list[int]
) -> None:
    events = events_of(parts, reason(parts), usage)
    state: Any = ResponseStreamState(input_tools=[], text_format=openai.omit)
    told: list[Any] = []
    for payload in payloads(streamed(responses, events, cuts)):
        told += state.handle_event(OPENAI.validate_python(payload))
    wanted = whole(responses, events)
    Response.model_validate(wanted)
    assert present(told[-1].response.model_dump(mode="json", warnings=False)) == present(wanted)
    said = "".join(event.delta for event in told if event.type == "response.output_text.delta")
    assert said == "".join(part.text for part in parts if isinstance(part, TextPart))


def test_the_versions_are_those_that_were_looked_at() -> None:
    assert (openai.__version__, anthropic.__version__) == ("3.54.0", "2.12.0")
