"""Anthropic's Messages API as a server: what clients send is read, and our own client hears what was said."""

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
from standby.providers.messages import FilePart, ImagePart, JsonSchema, NativeTool, Tool
from standby.providers.parts import Citation, NativePart, Part, Reasoning, TextPart, ToolCall
from standby.providers.serving import Failure, Refused
from standby.providers.serving.messages import messages
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

HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def body(**fields: Any) -> bytes:
    """A request's body."""
    return json.dumps({"model": "route-1", "max_tokens": 99, "messages": HELLO, **fields}).encode()


ADAPTIVE = {"type": "adaptive", "display": "omitted"}
SAID = {
    "sampling": ({"temperature": 0.5, "top_p": 0.9, "top_k": 3}, {"temperature": 0.5, "top_p": 0.9, "top_k": 3}),
    "stops": ({"stop_sequences": ["END"]}, {"stop": ("END",)}),
    "a user": ({"metadata": {"user_id": "u"}}, {"user": "u"}),
    "tiers": ({"service_tier": "standard_only"}, {"service_tier": "default"}),
    "a system text": ({"system": "Be terse."}, {"system": "Be terse."}),
    "a budget": ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, {"reasoning_budget_tokens": 2048}),
    "no thinking": ({"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}),
    "thinking as it sees fit": ({"thinking": {"type": "adaptive"}}, {"reasoning_effort": "high"}),
    "thinking that is not shown": (
        {"thinking": ADAPTIVE, "output_config": {"effort": "low"}},
        {"reasoning_effort": "low", "extra": {"anthropic": {"thinking": ADAPTIVE}}},
    ),
    "a schema": (
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"response_format": JsonSchema(SCHEMA)},
    ),
    "a schema as it was asked before": (
        {"output_format": {"type": "json_schema", "schema": SCHEMA}},
        {"response_format": JsonSchema(SCHEMA)},
    ),
    "carried": (
        {"container": "c", "output_config": {"task_budget": 3}, "cache_control": {"type": "ephemeral"}},
        {"extra": {"anthropic": {
            "output_config": {"task_budget": 3}, "container": "c", "cache_control": {"type": "ephemeral"},
        }}},
    ),
}  # fmt: skip
"""Fields of a body, and the fields of the neutral request that they are."""


@pytest.mark.parametrize("name", SAID)
def test_a_field_has_its_place(name: str) -> None:
    fields, wanted = SAID[name]
    neutral = ChatRequest(messages=(Message("user", "Hello"),), max_tokens=99, **wanted)
    assert messages.read(body(**fields)).chat == neutral


def test_what_is_carried_is_named() -> None:
    tools = [
        {"type": "web_search_20250305", "name": "web_search"},
        {"name": "f", "input_schema": {}, "defer_loading": 1},
    ]
    read = messages.read(body(tools=tools, tool_choice={"type": "tool", "name": "f"}, speed="fast"))
    assert read.carried == ("tools[0]", "tools[1]", "tool_choice", "speed")
    assert read.chat.native_tools == tuple(NativeTool("anthropic", tool) for tool in tools)
    assert read.chat.extra["anthropic"]["tool_choice"] == {"type": "tool", "name": "f"}


@pytest.mark.parametrize(
    ("said", "choice"),
    [({"type": "auto"}, "auto"), ({"type": "any"}, "required"), ({"type": "none"}, "none"),
     ({"type": "tool", "name": "look"}, "look")],
)  # fmt: skip
def test_tools_and_choices(said: dict[str, Any], choice: str) -> None:
    look = {"name": "look", "description": "d", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}
    given_choice = {**said, "disable_parallel_tool_use": True}
    read = messages.read(
        body(tools=[look, {"name": "f", "input_schema": {}, "type": "custom"}], tool_choice=given_choice)
    )
    assert read.chat.tools == (Tool("look", "d", SCHEMA, cache="5m"), Tool("f", "", {}))
    assert (read.chat.tool_choice, read.chat.parallel_tool_calls) == (choice, False)


def test_how_arguments_are_streamed_makes_no_tool_the_providers_own() -> None:
    read = messages.read(body(tools=[{"name": "f", "input_schema": {}, "eager_input_streaming": True}]))
    assert (read.chat.tools, read.carried) == ((Tool("f", "", {}),), ())
    assert read.notes == ("tools[0].eager_input_streaming: left out, arguments come as the provider sends them",)


def test_a_conversation_of_blocks() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    turns = [
        {"role": "user", "content": [
            {"type": "text", "text": "a", "cache_control": mark},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            {"type": "document", "title": "a.pdf",
             "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"},
             "citations": {"enabled": False}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "sealed"},
            {"type": "text", "text": "b", "citations": [{"type": "char_location", "cited_text": "c"}]},
            {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": 1}, "caller": {"type": "direct"}},
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "is_error": True, "cache_control": mark,
             "content": [{"type": "text", "text": "d"}]},
            {"type": "text", "text": "e"},
        ]},
    ]  # fmt: skip
    system = [{"type": "text", "text": "x"}, {"type": "text", "text": "y", "cache_control": mark}]
    read = messages.read(body(messages=turns, system=system)).chat
    assert read.system == "x"
    marked, question, answer, result, rest = read.messages
    assert marked.content == (TextPart("y", "1h"),)
    assert question.content == (
        TextPart("a", "1h"),
        ImagePart("data:image/png;base64,AAAA"),
        ImagePart("https://example.com/a.png"),
        FilePart("data:application/pdf;base64,JVBERi0=", "a.pdf"),
        FilePart("data:text/plain;base64,SGk="),
        FilePart(id="file_1"),
    )
    assert [type(part) for part in answer.content] == [Reasoning, Reasoning, TextPart, Citation, ToolCall, NativePart]
    assert answer.reasoning == (Reasoning("hm", "sig"), Reasoning("", redacted="sealed"))
    assert answer.tool_calls == (ToolCall("t1", "look", '{"at":1}'),)
    assert (result.role, result.tool_call_id, result.is_error) == ("tool", "t1", True)
    assert result.content == (TextPart("d", "1h"),)
    assert rest.content == (TextPart("e"),)


def test_a_trailing_answer_is_gone_on_with_unless_the_provider_had_paused() -> None:
    begun = [*HELLO, {"role": "assistant", "content": "One, two"}]
    read = messages.read(body(messages=begun)).chat
    assert (len(read.messages), read.prefill) == (1, "One, two")
    searching = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    paused = [*HELLO, {"role": "assistant", "content": [searching, {"type": "text", "text": "So"}]}]
    read = messages.read(body(messages=paused)).chat
    assert (len(read.messages), read.prefill) == (2, None)


def said(**block: Any) -> bytes:
    """A body with one block in a user's turn."""
    return body(messages=[{"role": "user", "content": [block]}])


REFUSED = {
    "no limit": (b'{"model":"m","messages":[{"role":"user","content":"x"}]}', "max_tokens"),
    "no messages": (b'{"model":"m","max_tokens":1}', "messages"),
    "a limit": (body(max_tokens="SECRET"), "max_tokens"),
    "stops": (body(stop_sequences="SECRET"), "stop_sequences"),
    "metadata": (body(metadata={"user_id": "u", "other": "SECRET"}), "metadata.other"),
    "a turn without content": (body(messages=[{"role": "user"}]), "messages[0].content"),
    "an answer without content": (body(messages=[*HELLO, {"role": "assistant"}]), "messages[1].content"),
    "a role": (body(messages=[{"role": "boss", "content": "SECRET"}]), "messages[0].role"),
    "a block": (said(type="search_result", source="SECRET"), "messages[0].content[0]"),
    "a block's field": (said(type="text", text="SECRET", mood=1), "messages[0].content[0].mood"),
    "a text that is none": (said(type="text", text=3), "messages[0].content[0].text"),
    "cited documents": (
        said(type="document", source={"type": "file", "file_id": "f"}, citations={"enabled": True}),
        "messages[0].content[0].citations",
    ),
    "an image by id": (
        said(type="image", source={"type": "file", "file_id": "f"}),
        "messages[0].content[0].source.type",
    ),
    "a source": (said(type="image", source={"type": "url"}), "messages[0].content[0].source.url"),
    "a result": (said(type="tool_result", content="SECRET"), "messages[0].content[0].tool_use_id"),
    "a mark": (
        said(type="text", text="SECRET", cache_control={"type": "SECRET"}),
        "messages[0].content[0].cache_control",
    ),
    "a system block": (body(system=[{"type": "image"}]), "system[0]"),
    "a tool": (body(tools=[{"name": "f"}]), "tools[0].input_schema"),
    "a choice": (body(tool_choice={"type": "tool", "name": "SECRET"}), "tool_choice.name"),
    "a choice that is no text": (body(tool_choice={"type": ["SECRET"]}), "tool_choice.type"),
    "citations that are no list": (
        body(messages=[{"role": "assistant", "content": [{"type": "text", "text": "x", "citations": 1}]}]),
        "messages[0].content[0].citations",
    ),
    "thinking": (body(thinking={"type": "SECRET"}), "thinking.type"),
    "a thread that begins": (body(thread={"type": "create"}), "thread"),
    "a thread that goes on": (body(thread={"type": "continue", "previous_message_id": "SECRET"}), "thread"),
    "an effort": (body(output_config={"effort": "SECRET"}), "output_config.effort"),
    "a format": (body(output_config={"format": {"type": "SECRET"}}), "output_config.format.type"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_body_is_refused_by_the_path_of_the_field(name: str) -> None:
    data, param = REFUSED[name]
    with pytest.raises(Refused) as caught:
        messages.read(data)
    assert caught.value.param == param
    assert "SECRET" not in str(caught.value)


PARTS = st.lists(st.one_of(TEXTS.map(TextPart), THOUGHTS, CALLS), min_size=1, max_size=5)
REASONS = {"stop": "end_turn", "tool_calls": "tool_use"}


def reason(parts: list[Part]) -> str:
    return "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"


@READY
@given(PARTS, USAGES, CUTS)
def test_our_client_hears_what_was_said_in_its_order(parts: list[Part], usage: Usage, cuts: list[int]) -> None:
    events = events_of(parts, reason(parts), usage)
    for told in (
        heard("anthropic", streamed(messages, events, cuts)),
        heard("anthropic", whole_body(messages, events), BODY),
    ):
        collected = put_together(told)
        visible = [msgspec.structs.replace(part, signature=None, redacted=None) if isinstance(part, Reasoning) else part
                   for part in collected.parts]  # fmt: skip
        wanted = [msgspec.structs.replace(part, signature=None, redacted=None) if isinstance(part, Reasoning) else part
                  for part in parts]  # fmt: skip
        assert visible == wanted
        assert collected.reason == reason(parts)
        last = [event for event in told if isinstance(event, Usage)][-1]
        assert last == usage
        assert told[0] == Started("model-1", "msg_0a1b2c")


@READY
@given(PARTS)
def test_a_turn_comes_back_as_it_was(parts: list[Part]) -> None:
    content = whole(messages, events_of(parts))["content"]
    turns = [*HELLO, {"role": "assistant", "content": content}, *HELLO]
    read = messages.read(body(messages=turns)).chat.messages[1]
    assert [own(part) for part in read.content] == parts


def test_state_that_comes_at_the_end_is_kept_in_a_block_of_its_own() -> None:
    events = [
        Started("m"),
        ReasoningDelta("hm", 0),
        TextDelta("Hi"),
        ReasoningDelta("", 0, details='[{"a":1}]'),
        Finished("stop"),
    ]
    content = whole(messages, events)["content"]
    assert [block["type"] for block in content] == ["thinking", "text", "redacted_thinking"]
    turns = [*HELLO, {"role": "assistant", "content": content}, *HELLO]
    read = messages.read(body(messages=turns)).chat.messages[1]
    assert own(read.content[2]) == Reasoning("", details='[{"a":1}]')


def test_blocks_of_the_provider_go_out_marked_and_come_back() -> None:
    searching = '{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"x"}}'
    cited = '{"type":"web_search_result_location","url":"https://a.example","encrypted_index":"e"}'
    events = [
        Started("m"),
        PartAdded(NativePart("server_tool_use", searching, "web_search", "s1")),
        TextDelta("Oslo"),
        PartAdded(Citation("https://a.example", details=cited)),
        ToolCallDelta(0, "t1", "look", "{}", '{"toolset_name":"x"}'),
        Finished("tool_calls"),
    ]
    for dialect, kinds in (("anthropic", ["NativePart", "TextPart", "Citation", "ToolCall"]),
                           ("bedrock", ["TextPart", "Citation", "ToolCall"])):  # fmt: skip
        content = whole(messages, events, from_here(dialect))["content"]
        turns = [*HELLO, {"role": "assistant", "content": content}, *HELLO]
        back = [own(part) for part in messages.read(body(messages=turns)).chat.messages[1].content]
        assert [type(part).__name__ for part in back] == kinds
        states = [part.details for part in back if isinstance(part, NativePart | Citation)]
        assert [json.loads(state or "") for state in states] == [
            json.loads(each) for each in ([searching, cited] if dialect == "anthropic" else [cited])
        ]
        (call,) = [part for part in back if isinstance(part, ToolCall)]
        assert call.signature == '{"toolset_name":"x"}'
    encoder = messages.stream(asked(), ABOUT, from_here("bedrock"))
    encoder.encode(events)
    assert [note.partition(":")[0] for note in encoder.notes] == ["NativePart"]


def test_thinking_that_broke_off_is_closed_and_another_block_opened() -> None:
    events = [Started("a"), ReasoningDelta("old"), "handed over", Started("b"), ReasoningDelta("new"), TextDelta("Hi")]
    told = payloads(streamed(messages, [*events, Usage(1, 2), Finished("stop")]))
    assert [(each["type"], each.get("index")) for each in told] == [
        ("message_start", None),
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
        ("content_block_start", 2),
        ("content_block_delta", 2),
        ("content_block_stop", 2),
        ("message_delta", None),
        ("message_stop", None),
    ]
    assert told[0]["message"]["model"] == "a"
    assert told[-2]["usage"]["output_tokens"] == 2


def test_the_tokens_of_the_prompt_stand_in_the_head_where_they_are_known() -> None:
    encoder = messages.stream(asked(), ABOUT, from_here())
    (start,) = payloads(encoder.encode([Started("a"), Usage(9, 1, 4, cache_write_tokens=2)]))
    assert start["message"]["usage"] == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 4,
        "output_tokens": 0,
    }
    assert encoder.encode([]) == b""


def test_pieces_of_two_calls_in_turns_are_not_lost() -> None:
    calls = [ToolCallDelta(0, "a", "f", '{"x":'), ToolCallDelta(1, "b", "g", "{"), ToolCallDelta(0, arguments="1}")]
    events = [Started("m"), *calls, ToolCallDelta(1, arguments="}"), Finished("tool_calls")]
    parts = put_together(heard("anthropic", streamed(messages, events))).parts
    assert parts == (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"))
    assert [block["input"] for block in whole(messages, events)["content"]] == [{"x": 1}, {}]


def test_arguments_that_broke_off_spoil_no_body() -> None:
    events = [Started("m"), ToolCallDelta(0, "a", "f", '{"x":'), Finished("length")]
    told = messages.whole(asked(), ABOUT, from_here(), events)
    assert json.loads(told.body)["content"][0]["input"] == {}
    assert len(told.notes) == 1


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (Finished("stop", "stop"), "end_turn"),
        (Finished("stop", "stop_sequence"), "stop_sequence"),
        (Finished("length", "length"), "max_tokens"),
        (Finished("length", "model_context_window_exceeded"), "model_context_window_exceeded"),
        (Finished("tool_calls", "stop"), "tool_use"),
        (Finished("tool_calls", "end_turn"), "tool_use"),
        (Finished("content_filter", "SAFETY"), "refusal"),
        (Finished("pause", "pause_turn"), "pause_turn"),
        (Finished("other", "strange"), "end_turn"),
        (Finished(None), "end_turn"),
    ],
)
def test_why_it_ended(finish: Finished, word: str) -> None:
    events = [Started("a"), TextDelta("Hi"), finish]
    assert payloads(streamed(messages, events))[-2]["delta"]["stop_reason"] == word
    assert whole(messages, events)["stop_reason"] == word


def test_words_of_declining_are_text_and_a_refusal() -> None:
    message = whole(messages, [Started("a"), RefusalDelta("No."), Finished("stop", "stop")])
    assert (message["content"], message["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")


def test_an_error_has_the_form_of_this_api() -> None:
    failure = Failure(kind=ErrorKind.OVERLOADED, status=503, message="all busy", request_id="req_1")
    wanted = {"type": "error", "error": {"type": "overloaded_error", "message": "all busy"}, "request_id": "req_1"}
    assert json.loads(messages.error(failure)) == wanted
    encoder = messages.stream(asked(), ABOUT, from_here())
    assert payloads(encoder.failed(failure)) == [wanted]


ASKS = st.builds(
    chat_request,
    st.just([Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "Go on")]),
    max_tokens=st.integers(1, 99),
    temperature=st.none() | st.floats(0, 1),
    stop=st.lists(TEXTS.filter(str.strip), max_size=2),
    tools=st.lists(
        st.builds(Tool, st.sampled_from("abc"), st.just("d"), st.just(SCHEMA), cache=st.none() | st.just("1h")),
        max_size=2,
        unique_by=lambda tool: tool.name,
    ),
    system=st.none() | TEXTS,
    response_format=st.none() | st.just(JsonSchema(SCHEMA)),
    user=st.none() | TEXTS,
    service_tier=st.none() | st.sampled_from(["auto", "default"]),
    extra=st.just({}) | st.just({"anthropic": {"container": "c"}}),
)


@READY
@given(ASKS)
def test_what_our_own_client_sends_is_the_same_request(asks: ChatRequest) -> None:
    provider = registry.get("anthropic")
    flat = msgspec.structs.replace(asks, extra=asks.extra.get("anthropic", {}))
    sent = built(provider, flat).body
    read = messages.read(sent).chat
    assert built(provider, msgspec.structs.replace(read, extra=read.extra.get("anthropic", {}))).body == sent
    assert read == asks


def test_a_thread_is_refused_by_the_code_that_sdks_go_on_after() -> None:
    with pytest.raises(Refused) as caught:
        messages.read(REFUSED["a thread that begins"][0])
    assert caught.value.code == "thread_unsupported_request"
    assert messages.read(body(thread=None)).carried == ()
