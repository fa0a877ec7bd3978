"""OpenAI's chat completions as a server: what clients send is read, and our own client hears what was said."""

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
from standby.providers.parts import AudioPart, Citation, Logprobs, NativePart, Part, Reasoning, TextPart, ToolCall
from standby.providers.serving import Failure, Refused
from standby.providers.serving.chat import chat
from standby.providers.serving.chat_reader import _decode_plain, read_chat
from standby.router.result.collecting import put_together

from conversation import built
from served import (
    ABOUT,
    BODY,
    CALLS,
    CUTS,
    ORIGIN,
    READY,
    TEXTS,
    THOUGHTS,
    USAGES,
    asked,
    events_of,
    from_here,
    heard,
    own,
    streamed,
    whole,
    whole_body,
)

HELLO = [{"role": "user", "content": "Hello"}]


def body(**fields: Any) -> bytes:
    """A request's body."""
    return json.dumps({"model": "route-1", "messages": HELLO, **fields}).encode()


def refusal(data: bytes) -> Refused:
    """Why a request is refused."""
    with pytest.raises(Refused) as caught:
        chat.read(data)
    return caught.value


def frames(data: bytes) -> list[Any]:
    """The payloads of a stream, without its end."""
    events = [line.removeprefix(b"data: ") for line in data.split(b"\n\n") if line.startswith(b"data: ")]
    return [json.loads(payload) for payload in events if payload != b"[DONE]"]


SAID = {
    "max_tokens": ({"max_tokens": 9}, {"max_tokens": 9}),
    "max_completion_tokens": ({"max_completion_tokens": 9}, {"max_tokens": 9}),
    "one stop": ({"stop": "END"}, {"stop": ("END",)}),
    "n": ({"n": 1}, {}),
    "json": ({"response_format": {"type": "json_object"}}, {"response_format": JsonSchema({})}),
    "text": ({"response_format": {"type": "text"}}, {}),
    "schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
        {"response_format": JsonSchema({"type": "object"}, "a", strict=False)},
    ),
    "effort": ({"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
    "OpenRouter's effort": ({"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}),
    "OpenRouter's budget": ({"reasoning": {"max_tokens": 9}}, {"reasoning_budget_tokens": 9}),
    "a budget": ({"thinking": {"type": "enabled", "budget_tokens": 9}}, {"reasoning_budget_tokens": 9}),
    "logprobs": ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    "a bias": ({"logit_bias": {"50256": -100}}, {"logit_bias": {"50256": -100}}),
    "marks": ({"metadata": {"a": "b"}, "user": "u", "safety_identifier": "s"},
              {"metadata": {"a": "b"}, "user": "u", "safety_identifier": "s"}),
    "tier": ({"service_tier": "flex", "seed": 1, "verbosity": "low"},
             {"service_tier": "flex", "seed": 1, "verbosity": "low"}),
    "penalties": ({"frequency_penalty": 0.5, "presence_penalty": -0.5, "top_k": 3, "min_p": 0.1},
                  {"frequency_penalty": 0.5, "presence_penalty": -0.5, "top_k": 3, "min_p": 0.1}),
    "nothing stored": ({"store": False, "stream_options": None, "modalities": ["text"]}, {}),
    "carried": ({"prompt_cache_key": "k", "modalities": ["text", "image"]},
                {"extra": {"openai": {"prompt_cache_key": "k", "modalities": ["text", "image"]}}}),
    "a server's own form": ({"response_format": {"type": "json_object", "schema": {}}},
                            {"extra": {"openai": {"response_format": {"type": "json_object", "schema": {}}}}}),
    "a server's own thinking": ({"thinking": {"type": "enabled"}},
                                {"extra": {"openai": {"thinking": {"type": "enabled"}}}}),
}  # fmt: skip
"""Fields of a body, and the fields of the neutral request that they are."""


@pytest.mark.parametrize("name", SAID)
def test_a_field_has_its_place(name: str) -> None:
    fields, wanted = SAID[name]
    assert chat.read(body(**fields)).chat == ChatRequest(messages=(Message("user", "Hello"),), **wanted)


def test_what_is_carried_is_named() -> None:
    tools = [{"type": "web_search"}, {"type": "function", "function": {"name": "f", "defer_loading": True}}]
    read = chat.read(
        body(prompt_cache_key="k", tools=tools, tool_choice={"type": "function", "function": {"name": "f"}})
    )
    assert read.carried == ("tools[0]", "tools[1]", "tool_choice")
    assert read.hints == ("prompt_cache_key",)
    assert read.chat.native_tools == tuple(NativeTool("openai", tool) for tool in tools)
    assert read.chat.extra["openai"]["tool_choice"]["function"] == {"name": "f"}


def test_the_head_of_a_request() -> None:
    read = chat.read(body(stream=True, stream_options={"include_usage": True}, standby={"deadline_s": 3}))
    assert (read.model, read.stream, read.include_usage) == ("route-1", True, True)
    assert read.standby == msgspec.Raw(b'{"deadline_s":3}')
    assert chat.read(body()).stream is False
    padded = chat.read(body(stream=True, stream_options={"include_obfuscation": True}))
    assert padded.notes == ("stream_options.include_obfuscation: left out, nothing is padded here",)


def test_tools_and_choices() -> None:
    look = {"type": "function", "function": {"name": "look", "description": "d", "parameters": {"type": "object"}}}
    grep = {"type": "custom", "custom": {"name": "grep", "format": {"type": "text"}}}
    neutral = (Tool("look", "d", {"type": "object"}), Tool("grep", custom=True, format={"type": "text"}))
    for said, choice in (
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ({"type": "function", "function": {"name": "look"}}, "look"),
        ({"type": "custom", "custom": {"name": "grep"}}, "grep"),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [look]}},
            AllowedTools(("look",)),
        ),
    ):
        read = chat.read(body(tools=[look, grep], tool_choice=said, parallel_tool_calls=False)).chat
        assert (read.tools, read.tool_choice, read.parallel_tool_calls) == (neutral, choice, False)


def test_parts_of_every_kind() -> None:
    content = [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    read = chat.read(body(messages=[{"role": "user", "name": "ann", "content": content}]))
    (turn,) = read.chat.messages
    assert turn.name == "ann"
    assert turn.content == (
        TextPart("a", "5m"),
        ImagePart("https://example.com/a.png", "low"),
        AudioPart("data:audio/wav;base64,AAAA"),
        FilePart("data:application/pdf;base64,JVBERi0=", "a.pdf"),
        FilePart(id="file-1"),
    )


REFUSED = {
    "not json": (b"{", None),
    "a list": (b"[]", None),
    "no model": (b'{"messages":[]}', "model"),
    "no messages": (b'{"model":"m"}', "messages"),
    "a model of another type": (b'{"model":3}', "model"),
    "several answers": (body(n=2), "n"),
    "an answer counted by a truth": (body(n=True), "n"),
    "store": (body(store=True), "store"),
    "functions": (body(functions=[{"name": "f"}]), "functions"),
    "function_call": (body(function_call="auto"), "function_call"),
    "audio": (body(audio={"voice": "v"}), "audio"),
    "modalities": (body(modalities=["text", "audio"]), "modalities"),
    "stream": (body(stream="yes"), "stream"),
    "stream_options": (body(stream_options={"a": 1}), "stream_options.a"),
    "temperature": (body(temperature="hot"), "temperature"),
    "a role": (body(messages=[{"role": "boss", "content": "SECRET"}]), "messages[0].role"),
    "a part's field": (
        body(messages=[{"role": "user", "content": [{"type": "text", "text": "SECRET", "mood": "SECRET"}]}]),
        "messages[0].content[0].mood",
    ),
    "a part within": (
        body(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "SECRET", "x": 1}}]}]),
        "messages[0].content[0].image_url.x",
    ),
    "a message's field": (body(messages=[{"role": "user", "content": "SECRET", "foo": 1}]), "messages[0]"),
    "a tool": (body(tools=[{"type": "function"}]), "tools[0]"),
    "a choice": (body(tool_choice={"type": "function", "function": {"name": "SECRET"}}), "tool_choice"),
    "a form": (body(response_format={"type": "json_schema"}), "response_format"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_body_is_refused_by_the_path_of_the_field(name: str) -> None:
    data, param = REFUSED[name]
    problem = refusal(data)
    assert problem.param == param
    assert "SECRET" not in str(problem)


PLAIN_PARTS = st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS})
PLAIN = st.fixed_dictionaries(
    {
        "model": st.just("m"),
        "messages": st.lists(
            st.fixed_dictionaries(
                {
                    "role": st.sampled_from(["user", "assistant", "system", "developer"]),
                    "content": TEXTS | st.lists(PLAIN_PARTS, min_size=1, max_size=3),
                }
            ),
            min_size=1,
            max_size=4,
        ),
    },
    optional={
        "stream": st.booleans(),
        "max_tokens": st.integers(1, 9),
        "temperature": st.floats(0, 2),
        "stream_options": st.just({"include_usage": True}),
        "n": st.just(1),
        "stop": TEXTS,
        "seed": st.integers(-(2**40), 2**40),
        "frequency_penalty": st.floats(-2, 2) | st.integers(-2, 2),
        "presence_penalty": st.none() | st.floats(-2, 2),
        "user": TEXTS,
    },
)


@READY
@given(PLAIN)
def test_a_plain_request_is_read_as_any_other(fields: dict[str, Any]) -> None:
    quick = json.dumps(fields).encode()
    _decode_plain(quick)
    slow = json.dumps(fields | {"verbosity": None}).encode()  # which says nothing, and is known with care alone
    with pytest.raises(msgspec.ValidationError):
        _decode_plain(slow)
    assert read_chat(quick) == read_chat(slow)


PARTS = st.lists(st.one_of(TEXTS.map(TextPart), THOUGHTS, CALLS), min_size=1, max_size=5)


def projected(parts: tuple[Part, ...] | list[Part]) -> tuple[str, str, list[tuple[str, str, str]]]:
    """What the chat protocol says of an answer."""
    return (
        "".join(part.text for part in parts if isinstance(part, TextPart)),
        "".join(part.text for part in parts if isinstance(part, Reasoning)),
        [(part.id, part.name, part.arguments) for part in parts if isinstance(part, ToolCall)],
    )


@READY
@given(PARTS, USAGES, CUTS)
def test_our_client_hears_what_was_said(parts: list[Part], usage: Usage, cuts: list[int]) -> None:
    reason = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"
    events = events_of(parts, reason, usage)
    for told in (heard("openai", streamed(chat, events, cuts)), heard("openai", whole_body(chat, events), BODY)):
        collected = put_together(told)
        assert projected(collected.parts) == projected(parts)
        assert collected.reason == reason
        assert [event for event in told if isinstance(event, Usage)] == [usage]
        assert told[0] == Started("model-1", "chatcmpl-0a1b2c")


@READY
@given(PARTS)
def test_a_turn_comes_back_in_its_order_and_with_its_state(parts: list[Part]) -> None:
    turn = whole(chat, events_of(parts))["choices"][0]["message"]
    read = chat.read(body(messages=[*HELLO, turn, *HELLO])).chat.messages[1]
    back = [own(part) for part in read.content]
    stateful = [part for part in parts if isinstance(part, Reasoning) and (part.signature or part.redacted)]
    assert [part for part in back if isinstance(part, Reasoning) and (part.signature or part.redacted)] == stateful
    assert projected(back)[0] == projected(parts)[0]
    assert projected(back)[2] == projected(parts)[2]
    for thought in stateful:
        assert projected(back[: back.index(thought)])[::2] == projected(parts[: parts.index(thought)])[::2] or (
            stateful.count(thought) > 1
        )


def test_state_of_another_target_is_not_taken_for_ours() -> None:
    turn = whole(chat, events_of([Reasoning("hm", "sig"), TextPart("Hi")]))["choices"][0]["message"]
    (thought, _) = chat.read(body(messages=[*HELLO, turn, *HELLO])).chat.messages[1].content
    assert own(thought) == Reasoning("hm", "sig")
    assert own(thought, msgspec.structs.replace(ORIGIN, model="another")) == Reasoning("hm")


def test_without_a_known_target_state_is_left_out_with_a_note() -> None:
    told = chat.whole(asked(), ABOUT, lambda: None, events_of([Reasoning("hm", "sig")]))
    assert b"sig" not in told.body
    assert told.notes == ("opaque state: left out of the answer, for this API has no words for it",)


def test_whatever_stands_beside_the_text() -> None:
    events = [
        Started("m"),
        PartAdded(TextPart("", phase="final_answer")),
        TextDelta("Oslo"),
        PartAdded(Citation("https://a.example", "A", start=0, end=4)),
        PartAdded(ImagePart("data:image/png;base64,AAAA")),
        PartAdded(Logprobs('[{"token":"Oslo","logprob":-0.5,"bytes":null,"top_logprobs":[]}]')),
        PartAdded(NativePart("server_tool_use", "{}")),
        RefusalDelta("No."),
        ToolCallDelta(0, "c", "grep", "", "sig", custom=True),
        ToolCallDelta(0, arguments="x y"),
        Finished("tool_calls"),
    ]
    for told in (heard("openrouter", streamed(chat, events)), heard("openrouter", whole_body(chat, events), BODY)):
        parts = put_together(told).parts
        kinds = sorted(type(part).__name__ for part in parts)
        assert kinds == ["Citation", "ImagePart", "RefusalPart", "TextPart", "ToolCall"]
        assert put_together(told).logprobs is not None
        (call,) = [part for part in parts if isinstance(part, ToolCall)]
        assert own(call) == ToolCall("c", "grep", "x y", "sig", custom=True)
    encoder = chat.stream(asked(), ABOUT, from_here())
    encoder.encode(events)
    assert [note.partition(":")[0] for note in encoder.notes] == ["phases", "NativePart"]


def test_one_role_one_finish_one_id_though_another_target_goes_on() -> None:
    events = [Started("a"), ReasoningDelta("old "), "handed over", Started("b"), ReasoningDelta("new"), TextDelta("Hi")]
    told = frames(streamed(chat, [*events, Usage(1, 2), Finished("stop", "end_turn")]))
    deltas = [choice["delta"] for frame in told for choice in frame["choices"]]
    assert deltas == [
        {"role": "assistant", "reasoning_content": "old "},
        {"reasoning_content": "new"},
        {"content": "Hi"},
        {},
    ]
    assert {(frame["id"], frame["model"]) for frame in told} == {("chatcmpl-0a1b2c", "a")}
    assert [choice["finish_reason"] for frame in told for choice in frame["choices"]] == [None, None, None, "stop"]
    assert [frame["usage"] for frame in told][:-1] == [None] * 4
    assert told[-1]["usage"]["total_tokens"] == 3


BESIDE = [
    ("New plan.", ["New plan."]),  # all of it, as SDKs that put pieces together have it
    (" plan.", ["New plan."]),  # its last piece, as the SDK of Node has it
    (None, ["New plan."]),
    ("Old plan. New plan.", ["Old plan. ", "New plan."]),  # and thinking of another target before it
]


@pytest.mark.parametrize(("beside", "thoughts"), BESIDE)
def test_thinking_that_comes_back_as_a_block_is_not_read_once_more(beside: str | None, thoughts: list[str]) -> None:
    block = {"type": "reasoning.text", "text": "New plan.", "signature": "s", "index": 0, "standby_after": [0, 0]}
    turn = {"role": "assistant", "content": "White.", "reasoning_content": beside, "reasoning_details": [block]}
    read = chat.read(body(messages=[{"role": "user", "content": "Go."}, turn, {"role": "user", "content": "More."}]))
    (said,) = [message for message in read.chat.messages if message.role == "assistant"]
    assert [part.text for part in said.content if isinstance(part, Reasoning)] == thoughts


def test_usage_only_for_those_that_ask() -> None:
    data = streamed(chat, [Started("a"), TextDelta("Hi"), Usage(1, 2), Finished("stop")], usage=False)
    assert b"usage" not in data
    assert data.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    "usage",
    [
        None,
        Usage(1, 2),
        Usage(9, 8, 7, 6),
        Usage(1, 2, cost=0.5),
        Usage(1, 2, cache_write_tokens=1, tool_uses={"a": 1}),
    ],
)
@pytest.mark.parametrize("texts", [("Hi", " there"), (), ("\ud83d",)])
@pytest.mark.parametrize("finish", [Finished("stop", "stop"), Finished("length"), Finished("pause")])
def test_a_plain_answer_is_written_as_any_other(usage: Usage | None, texts: tuple[str, ...], finish: Finished) -> None:
    events = [Started("m"), *map(TextDelta, texts), *([usage] if usage else []), finish]
    slow = [*events[:1], "handed over", *events[1:]]
    quick = chat.whole(asked(), ABOUT, from_here(), events)
    assert json.loads(quick.body) == whole(chat, slow)
    assert quick.notes == chat.whole(asked(), ABOUT, from_here(), slow).notes


def test_an_answer_of_nothing_is_an_answer() -> None:
    told = frames(streamed(chat, [Started("a"), Finished("stop")], usage=False))
    assert [frame["choices"][0]["delta"] for frame in told] == [{"role": "assistant", "content": ""}]
    assert whole(chat, [Started("a"), Finished("stop")])["choices"][0]["message"]["content"] == ""


@pytest.mark.parametrize(
    ("reason", "word"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("other", "stop"), (None, "stop"),
     ("pause", "stop")],
)  # fmt: skip
def test_why_it_ended(reason: Any, word: str) -> None:
    events = [Started("a"), TextDelta("Hi"), Finished(reason, "a native word")]
    assert frames(streamed(chat, events, usage=False))[-1]["choices"][0]["finish_reason"] == word
    assert whole(chat, events)["choices"][0]["finish_reason"] == word


FAILURE = Failure(kind=ErrorKind.OVERLOADED, status=503, message="all targets are busy", code="overloaded")


def test_an_error_has_the_form_of_this_api() -> None:
    error = {"message": "all targets are busy", "type": "server_error", "param": None, "code": "overloaded"}
    assert json.loads(chat.error(FAILURE)) == {"error": error}
    encoder = chat.stream(asked(), ABOUT, from_here())
    encoder.encode([Started("a"), TextDelta("Hi")])
    (frame,) = frames(encoder.failed(FAILURE))
    assert frame["error"] == error
    assert frame["choices"][0]["finish_reason"] == "error"
    decoder = registry.get("openai").decoder(BODY)
    assert decoder.feed(chat.error(FAILURE)) == []


def test_half_of_a_character_breaks_no_stream() -> None:
    data = streamed(
        chat, [Started("a"), TextDelta("Hi"), TextDelta("\ud83d"), RefusalDelta("\ud83d"), Finished("stop")]
    )
    assert data.count("\ufffd".encode()) == 2


CLOSED = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
ASKS = st.builds(
    chat_request,
    st.just([Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "Go on")]),
    temperature=st.none() | st.floats(0, 1),
    max_tokens=st.none() | st.integers(1, 99),
    stop=st.lists(TEXTS, max_size=2),
    tools=st.lists(
        st.builds(Tool, st.sampled_from("abc"), st.just("d"), st.just(CLOSED), strict=st.none() | st.booleans()),
        max_size=2,
        unique_by=lambda tool: tool.name,
    ),
    system=st.none() | TEXTS,
    response_format=st.none() | st.builds(JsonSchema, st.just(CLOSED), strict=st.booleans()),
    reasoning_effort=st.none() | st.sampled_from(["low", "high"]),
    parallel_tool_calls=st.none() | st.booleans(),
    seed=st.none() | st.integers(0, 9),
    metadata=st.none() | st.just({"a": "b"}),
    logprobs=st.none() | st.booleans(),
    extra=st.just({}) | st.just({"openai": {"prompt_cache_key": "k"}}),
)  # fmt: skip


@READY
@given(ASKS)
def test_what_our_own_client_sends_is_the_same_request(asks: ChatRequest) -> None:
    provider = registry.get("openai")
    flat = msgspec.structs.replace(asks, extra=asks.extra.get("openai", {}))
    sent = built(provider, flat).body
    read = chat.read(sent)
    again = msgspec.structs.replace(read.chat, extra=read.chat.extra.get("openai", {}))
    assert built(provider, again).body == sent
    if not asks.parallel_tool_calls or asks.tools:
        wanted = asks if asks.tools else msgspec.structs.replace(asks, parallel_tool_calls=None)
        assert read.chat == wanted
