"""OpenAI's Responses API as a server: what clients send is read, and our own client hears what was said."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message, chat_request
from standby.providers.errors import ErrorKind
from standby.providers.events import (
    Finished,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from standby.providers.messages import AllowedTools, FilePart, ImagePart, JsonSchema, NativeTool, Tool
from standby.providers.parts import (
    AudioPart,
    Citation,
    Logprobs,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
)
from standby.providers.serving import Failure, Refused
from standby.providers.serving.responses import responses
from standby.router.result.collecting import put_together

from conversation import built
from served import (
    ABOUT,
    BODY,
    CALLS,
    CUTS,
    READY,
    TEXTS,
    THOUGHTS,
    USAGES,
    asked,
    events_of,
    from_here,
    heard,
    own,
    payloads,
    streamed,
    whole,
    whole_body,
)

HELLO = {"role": "user", "content": "Hello"}
CLOSED = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def body(**fields: Any) -> bytes:
    """A request's body."""
    return json.dumps({"model": "route-1", "input": "Hello", **fields}).encode()


SAID = {
    "sampling": ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
    "a limit": ({"max_output_tokens": 9}, {"max_tokens": 9}),
    "instructions": ({"instructions": "Be terse."}, {"system": "Be terse."}),
    "marks": (
        {"metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "service_tier": "flex"},
        {"metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "service_tier": "flex"},
    ),
    "an effort": ({"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}),
    "a summary": (
        {"reasoning": {"effort": "low", "summary": "detailed"}},
        {"reasoning_effort": "low", "extra": {"openai-responses": {"reasoning": {"summary": "detailed"}}}},
    ),
    "verbosity": ({"text": {"verbosity": "low", "format": {"type": "text"}}}, {"verbosity": "low"}),
    "json": ({"text": {"format": {"type": "json_object"}}}, {"response_format": JsonSchema({})}),
    "a schema": (
        {"text": {"format": {"type": "json_schema", "name": "a", "schema": CLOSED, "strict": True}}},
        {"response_format": JsonSchema(CLOSED, "a")},
    ),
    "likelihoods": (
        {"include": ["message.output_text.logprobs", "reasoning.encrypted_content"], "top_logprobs": 2},
        {"logprobs": True, "top_logprobs": 2},
    ),
    "nothing stored": (
        {"store": False, "background": False, "truncation": "disabled", "previous_response_id": None},
        {},
    ),
    "carried": (
        {"prompt_cache_key": "k", "max_tool_calls": 3, "include": ["web_search_call.action.sources"]},
        {"extra": {"openai-responses": {
            "include": ["web_search_call.action.sources", "reasoning.encrypted_content"],
            "prompt_cache_key": "k", "max_tool_calls": 3,
        }}},
    ),
}  # fmt: skip
"""Fields of a body, and the fields of the neutral request that they are."""


@pytest.mark.parametrize("name", SAID)
def test_a_field_has_its_place(name: str) -> None:
    fields, wanted = SAID[name]
    assert responses.read(body(**fields)).chat == ChatRequest(messages=(Message("user", "Hello"),), **wanted)


def test_what_is_carried_is_named() -> None:
    tools = [{"type": "web_search"}, {"type": "function", "name": "f", "parameters": {}, "defer_loading": True}]
    read = responses.read(body(tools=tools, tool_choice={"type": "web_search"}, prompt_cache_key="k"))
    assert read.carried == ("tools[0]", "tools[1]", "tool_choice")
    assert read.hints == ("prompt_cache_key",)
    assert read.chat.native_tools == tuple(NativeTool("openai-responses", tool) for tool in tools)
    assert read.chat.extra["openai-responses"]["tool_choice"] == {"type": "web_search"}


def test_tools_and_choices() -> None:
    grammar = {"syntax": "lark", "definition": "start: WORD"}
    look = {"type": "function", "name": "look", "description": "d", "parameters": CLOSED, "strict": True}
    grep = {"type": "custom", "name": "grep", "format": {"type": "grammar", **grammar}}
    neutral = (
        Tool("look", "d", CLOSED, strict=True),
        Tool("grep", custom=True, format={"type": "grammar", "grammar": grammar}),
    )
    for said, choice in (
        ("required", "required"),
        ({"type": "function", "name": "look"}, "look"),
        ({"type": "custom", "name": "grep"}, "grep"),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]},
         AllowedTools(("look",), required=True)),
    ):  # fmt: skip
        read = responses.read(body(tools=[look, grep], tool_choice=said)).chat
        assert (read.tools, read.tool_choice) == (neutral, choice)


def test_a_conversation_of_items() -> None:
    items = [
        {"role": "developer", "content": "Be terse."},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "a"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
            {"type": "input_file", "file_id": "file-1"},
            {"type": "input_file", "file_url": "https://example.com/a.pdf"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "x"},
                                                        {"type": "summary_text", "text": "y"}],
         "encrypted_content": "sealed", "status": "completed"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "commentary",
         "content": [{"type": "output_text", "text": "b", "annotations": [], "logprobs": []},
                     {"type": "refusal", "refusal": "no"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": "{}",
         "status": "completed"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "grep", "input": "x"},
        {"type": "function_call_output", "call_id": "c1", "output": "d"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "e"}]},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"role": "assistant", "content": "f"},
        HELLO,
    ]  # fmt: skip
    read = responses.read(body(input=items)).chat
    assert read.system == "Be terse."
    question, answer, first, second, more, hello = read.messages
    assert question.content == (
        TextPart("a"),
        ImagePart("data:image/png;base64,AAAA", "low"),
        FilePart("data:application/pdf;base64,JVBERi0=", "a.pdf"),
        FilePart(id="file-1"),
        FilePart("https://example.com/a.pdf"),
        AudioPart("data:audio/wav;base64,AAAA"),
    )
    assert answer.content == (
        Reasoning("x"),
        Reasoning("y", "rs_1", "sealed"),
        TextPart("b", phase="commentary"),
        RefusalPart("no"),
        ToolCall("c1", "look", "{}"),
        ToolCall("c2", "grep", "x", custom=True),
    )
    assert (first.tool_call_id, first.text, second.tool_call_id, second.text) == ("c1", "d", "c2", "e")
    assert [type(part) for part in more.content] == [NativePart, TextPart]
    assert hello == Message("user", "Hello")


def item(**fields: Any) -> bytes:
    """A body with one item."""
    return body(input=[fields])


REFUSED = {
    "no input": (b'{"model":"m"}', "input"),
    "store": (body(store=True), "store"),
    "a response before": (body(previous_response_id="SECRET"), "previous_response_id"),
    "a conversation": (body(conversation="SECRET"), "conversation"),
    "background": (body(background=True), "background"),
    "a stored prompt": (body(prompt={"id": "SECRET"}), "prompt"),
    "truncation": (body(truncation="auto"), "truncation"),
    "a limit": (body(max_output_tokens="SECRET"), "max_output_tokens"),
    "an effort": (body(reasoning={"effort": "SECRET"}), "reasoning.effort"),
    "a format": (body(text={"format": {"type": "json_schema"}}), "text.format.schema"),
    "a role": (item(role="boss", content="SECRET"), "input[0].role"),
    "a field": (item(role="user", content="SECRET", mood="SECRET"), "input[0].mood"),
    "an id that is no text": (item(type="SECRET", id=True), "input[0].id"),
    "a part": (item(role="user", content=[{"type": "SECRET"}]), "input[0].content[0]"),
    "a part's field": (
        item(role="user", content=[{"type": "input_text", "text": "SECRET", "mood": 1}]),
        "input[0].content[0].mood",
    ),
    "an image by id": (
        item(role="user", content=[{"type": "input_image", "file_id": "SECRET"}]),
        "input[0].content[0].file_id",
    ),
    "a call": (item(type="function_call", name="SECRET"), "input[0].call_id"),
    "a result": (item(type="function_call_output", output="SECRET"), "input[0].call_id"),
    "a reference": (item(type="item_reference", id="SECRET"), "input[0]"),
    "a tool": (body(tools=[{"name": "SECRET"}]), "tools[0].type"),
    "a choice": (body(tool_choice={"type": "SECRET"}), "tool_choice"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_body_is_refused_by_the_path_of_the_field(name: str) -> None:
    data, param = REFUSED[name]
    with pytest.raises(Refused) as caught:
        responses.read(data)
    assert caught.value.param == param
    assert "SECRET" not in str(caught.value)


PARTS = st.lists(st.one_of(TEXTS.map(TextPart), THOUGHTS, CALLS), min_size=1, max_size=5)


def reason(parts: list[Part]) -> str:
    return "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"


def bare(parts: Any) -> list[Part]:
    """Parts without their state."""
    return [
        msgspec.structs.replace(part, signature=None, redacted=None) if isinstance(part, Reasoning) else part
        for part in parts
    ]


@READY
@given(PARTS, USAGES, CUTS)
def test_our_client_hears_what_was_said_in_its_order(parts: list[Part], usage: Usage, cuts: list[int]) -> None:
    events = events_of(parts, reason(parts), usage)
    for told in (
        heard("openai-responses", streamed(responses, events, cuts)),
        heard("openai-responses", whole_body(responses, events), BODY),
    ):
        collected = put_together(told)
        assert bare(collected.parts) == bare(parts)
        assert collected.reason == reason(parts)
        assert [event for event in told if isinstance(event, Usage)][-1] == usage
        assert told[0] == Started("model-1", "resp_0a1b2c")


@READY
@given(PARTS)
def test_a_turn_comes_back_as_it_was(parts: list[Part]) -> None:
    output = whole(responses, events_of(parts))["output"]
    read = responses.read(body(input=[HELLO, *output, HELLO])).chat.messages[1]
    assert [own(part) for part in read.content] == parts


@READY
@given(PARTS, CUTS)
def test_every_event_has_the_next_number_and_the_end_has_it_all(parts: list[Part], cuts: list[int]) -> None:
    events = events_of(parts, reason(parts))
    told = payloads(streamed(responses, events, cuts))
    assert [each["sequence_number"] for each in told] == list(range(len(told)))
    assert told[-1]["response"] == whole(responses, events)
    done = [each["item"] for each in told if each["type"] == "response.output_item.done"]
    assert done == told[-1]["response"]["output"]


def test_a_phase_and_two_texts_stay() -> None:
    events = [Started("m"), PartAdded(TextPart("", phase="commentary")), TextDelta("a"), PartAdded(TextPart("")),
              TextDelta("b"), RefusalDelta("no"), Finished("stop")]  # fmt: skip
    parts = put_together(heard("openai-responses", streamed(responses, events))).parts
    assert parts == (TextPart("a", phase="commentary"), TextPart("b"), RefusalPart("no"))


def test_whatever_stands_beside_the_text() -> None:
    searched = '{"type":"web_search_call","id":"ws_1","status":"completed"}'
    drawn = '{"type":"image_generation_call","id":"ig_1","status":"completed"}'
    likely = '[{"token":"Oslo","logprob":-0.5,"bytes":[],"top_logprobs":[]}]'
    events = [
        Started("m"),
        PartAdded(NativePart("web_search_call", searched, "", "ws_1")),
        TextDelta("Oslo"),
        PartAdded(Logprobs(likely)),
        PartAdded(Citation("https://a.example", "A", start=0, end=4)),
        PartAdded(ImagePart("data:image/png;base64,AAAA")),
        PartAdded(NativePart("image_generation_call", drawn, "", "ig_1")),
        PartAdded(ImagePart("data:image/png;base64,BBBB")),
        PartAdded(FilePart("data:text/plain;base64,AAAA")),
        ToolCallDelta(0, "c", "grep", "", "sig", custom=True),
        ToolCallDelta(0, arguments="x y"),
        Finished("tool_calls"),
    ]
    source = from_here("openai-responses")
    kinds = ["NativePart", "TextPart", "Citation", "ImagePart", "NativePart", "ImagePart", "NativePart", "ToolCall"]
    for data, head in (
        (streamed(responses, events, source=source), None),
        (whole_body(responses, events, source), BODY),
    ):
        told = heard("openai-responses", data, head) if head else heard("openai-responses", data)
        collected = put_together(told)
        assert [type(part).__name__ for part in collected.parts] == kinds
        assert json.loads(collected.logprobs or "") == json.loads(likely)
    output = whole(responses, events, source)["output"]
    read = responses.read(body(input=[HELLO, *output, HELLO])).chat.messages[1]
    states = [part.details for part in map(own, read.content) if isinstance(part, NativePart)]
    assert json.loads(states[0] or "") == json.loads(searched)
    assert json.loads(states[1] or "") == {**json.loads(drawn), "result": "AAAA"}
    assert [own(part) for part in read.content][-1] == ToolCall("c", "grep", "x y", "sig", custom=True)
    told = responses.whole(asked(), ABOUT, source, events)
    assert [note.partition(":")[0] for note in told.notes] == ["FilePart"]


def test_what_a_client_answers_to_the_providers_own_call_goes_where_that_came_from() -> None:
    call = '{"type":"computer_call","call_id":"c1","action":{"type":"screenshot"}}'
    events = [Started("m"), PartAdded(NativePart("computer_call", call, "", "c1")), Finished("stop")]
    output = whole(responses, events, from_here("openai-responses"))["output"]
    seen = {"type": "computer_call_output", "call_id": "c1", "output": {"type": "computer_screenshot"}}
    _, answer, result = responses.read(body(input=[HELLO, *output, seen])).chat.messages
    assert (answer.role, result.role) == ("assistant", "user")
    (back,) = map(own, result.content)
    assert isinstance(back, NativePart)
    assert json.loads(back.details) == seen


def test_thinking_that_broke_off_is_closed_and_another_item_opened() -> None:
    events = [Started("a"), ReasoningDelta("old"), "handed over", Started("b"), ReasoningDelta("new"), TextDelta("Hi")]
    told = payloads(streamed(responses, [*events, Finished("stop")]))
    assert [item["type"] for item in told[-1]["response"]["output"]] == ["reasoning", "reasoning", "message"]
    assert {each["response"]["model"] for each in told if "response" in each} == {"a"}


@pytest.mark.parametrize(
    ("finish", "status", "why"),
    [
        (Finished("stop"), "completed", None),
        (Finished("length", "max_tokens"), "incomplete", "max_output_tokens"),
        (Finished("content_filter"), "incomplete", "content_filter"),
        (Finished("other", "incomplete:steered"), "incomplete", "steered"),
        (Finished("other", "strange"), "completed", None),
        (Finished("pause"), "completed", None),
        (Finished(None), "completed", None),
    ],
)
def test_why_it_ended(finish: Finished, status: str, why: str | None) -> None:
    last = payloads(streamed(responses, [Started("a"), TextDelta("Hi"), finish]))[-1]
    assert last["type"] == f"response.{status}"
    assert last["response"]["status"] == status
    assert (last["response"]["incomplete_details"] or {}).get("reason") == why
    assert last["response"]["output"][0]["status"] == status


def test_the_response_repeats_what_was_asked() -> None:
    tools = [{"type": "function", "name": "look", "parameters": CLOSED}]
    read = responses.read(body(tools=tools, temperature=0.5, instructions="Be terse."))
    told = json.loads(responses.whole(read, ABOUT, from_here(), [Started("a"), Finished("stop")]).body)
    assert (told["tools"], told["temperature"], told["instructions"]) == (tools, 0.5, "Be terse.")
    assert told["store"] is False


def test_an_error_has_the_form_of_this_api() -> None:
    failure = Failure(kind=ErrorKind.RATE_LIMITED, status=429, message="too many", code="ours")
    error = {"message": "too many", "type": "rate_limit_error", "param": None, "code": "ours"}
    assert json.loads(responses.error(failure)) == {"error": error}
    encoder = responses.stream(asked(), ABOUT, from_here())
    before = payloads(encoder.encode([Started("a"), TextDelta("Hi")]))
    failed, last = payloads(encoder.failed(failure))
    assert failed["response"]["id"] == before[0]["response"]["id"]
    assert failed["response"]["error"] == {"code": "rate_limit_exceeded", "message": "too many"}
    assert (last["type"], last["error"]) == ("error", error)
    assert [failed["sequence_number"], last["sequence_number"]] == [len(before), len(before) + 1]


ASKS = st.builds(
    chat_request,
    st.just([Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "Go on")]),
    temperature=st.none() | st.floats(0, 1),
    max_tokens=st.none() | st.integers(1, 99),
    tools=st.lists(
        st.builds(Tool, st.sampled_from("abc"), st.just("d"), st.just(CLOSED), strict=st.booleans()),
        max_size=2,
        unique_by=lambda tool: tool.name,
    ),
    system=st.none() | TEXTS,
    response_format=st.none() | st.builds(JsonSchema, st.just(CLOSED), strict=st.booleans()),
    verbosity=st.none() | st.just("low"),
    metadata=st.none() | st.just({"a": "b"}),
    extra=st.just({}) | st.just({"openai-responses": {"prompt_cache_key": "k"}}),
)


@READY
@given(ASKS)
def test_what_our_own_client_sends_is_the_same_request(asks: ChatRequest) -> None:
    provider = registry.get("openai-responses")
    flat = msgspec.structs.replace(asks, extra=asks.extra.get("openai-responses", {}))
    sent = built(provider, flat).body
    read = responses.read(sent).chat
    assert built(provider, msgspec.structs.replace(read, extra=read.extra.get("openai-responses", {}))).body == sent
    assert read == asks
