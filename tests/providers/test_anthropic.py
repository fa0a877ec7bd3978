"""Anthropic's Messages API: its requests, its whole messages, and what is known of its models."""

import json
from typing import Any

import msgspec
import pytest
from standby.providers import registry
from standby.providers.chat import ChatRequest, ImagePart, JsonSchema, Message, Reasoning, TextPart, Tool, ToolCall
from standby.providers.dialects.anthropic import FIT, provider
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, PartAdded, ReasoningDelta, Started, TextDelta, ToolCallDelta, Usage
from standby.providers.fitting.call_ids import sent_ids
from standby.providers.fitting.fields import HARMLESS
from standby.providers.parts import NativePart
from standby.providers.provider import ResponseHead, Unsupported

from conversation import COUNT, KEY, body, built, recorded

HAIKU = "claude-haiku-4-5"
NEWER = {"anthropic_version": "2026-10-21"}
JSON_HEAD = ResponseHead(200, {"content-type": "application/json"})
STREAM_HEAD = ResponseHead(200, {"content-type": "text/event-stream", "request-id": "req_1"})
TOOL = Tool("look", parameters={"type": "object"})
CALL = ToolCall("toolu_1", "look", '{"at":1}')
SCHEMA = JsonSchema({"type": "object", "additionalProperties": False})


def said(role: Any, text: str, **fields: Any) -> Message:
    return Message(role, (TextPart(text),), **fields)


def ask(text: str = "Hi", **fields: Any) -> ChatRequest:
    return ChatRequest(messages=(said("user", text),), **fields)


def sent(chat: ChatRequest, model: str = HAIKU, **to: Any) -> Any:
    return body(provider, chat, model, **to)


STATE = "opaque state"


def noted(chat: ChatRequest, model: str = HAIKU, **to: Any) -> set[str]:
    notes = built(provider, chat, model, **to).notes
    features = {note.partition(" was ")[0] for note in notes}
    beside = features - {row.feature for row in FIT} - {STATE, "thinking"}
    assert {feature.partition(" ")[0] for feature in beside} <= HARMLESS
    return features


def stream(*events: Any) -> Any:
    decoder = provider.decoder(STREAM_HEAD)
    given = decoder.feed(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events))
    return given + decoder.end(), decoder


def test_address_and_credentials() -> None:
    wire = built(provider, ask(), HAIKU)
    assert (wire.url, wire.headers["x-api-key"]) == ("https://api.anthropic.com/v1/messages", KEY)


@pytest.mark.parametrize("space", ["", " \n"])
def test_goes_on_with_an_answer_as_recorded(space: str) -> None:
    chat = msgspec.structs.replace(COUNT, prefill=f"{COUNT.prefill}{space}")
    assert sent(chat)["messages"] == recorded("continuation")["anthropic (opus-4-5, haiku-4-5)"]["messages"]
    assert built(provider, chat, HAIKU).prefill_cut == space


def test_is_in_the_registry() -> None:
    assert registry.get("anthropic") is provider


def test_headers() -> None:
    to = {"options": {"anthropic_beta": ["a-1", "b-2"]}, "headers": {"X-Proxy": "p"}}
    headers = built(provider, ask(), HAIKU, **to).headers
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["anthropic-beta"] == "a-1,b-2"
    assert headers["x-proxy"] == "p"
    assert "authorization" not in headers
    assert "x-api-key" not in built(provider, ask(), HAIKU, key=None).headers


def test_the_targets_headers_win() -> None:
    wire = built(provider, ask(), HAIKU, headers={"Anthropic-Version": "2027-01-01"})
    assert wire.headers["anthropic-version"] == "2027-01-01"


def test_max_tokens_is_always_sent_and_fits_the_model() -> None:
    assert sent(ask())["max_tokens"] == 32_000
    assert sent(ask(), "claude-3-haiku-20240307")["max_tokens"] == 4096
    assert sent(ask(max_tokens=7))["max_tokens"] == 7


@pytest.mark.parametrize(
    ("model", "version", "sampled"),
    [
        ("claude-haiku-4-5", "2023-06-01", {"temperature": 0.5}),
        ("claude-haiku-4-5", "2026-10-21", {}),
        ("claude-opus-4-7", "2023-06-01", {}),
        ("claude-sonnet-5-5", "2023-06-01", {}),
        ("somebody's-model", "2023-06-01", {"temperature": 0.5}),  # not known: as it was written
    ],
)
def test_sampling_goes_to_models_and_versions_that_take_it(model: str, version: str, sampled: dict[str, Any]) -> None:
    chat, options = ask(temperature=0.5, top_p=0.9), {"anthropic_version": version}
    said = sent(chat, model, options=options)
    assert {name: said[name] for name in ("temperature", "top_p") if name in said} == sampled
    assert noted(chat, model, options=options) == (
        {"top_p beside temperature"} if sampled else {"temperature", "top_p"}
    )


def test_top_p_goes_alone_and_temperature_stays_below_one() -> None:
    assert sent(ask(top_p=0.9))["top_p"] == 0.9
    assert sent(ask(temperature=1.7))["temperature"] == 1
    assert noted(ask(temperature=1.7)) == {"temperature 1.7"}


def test_what_is_left_out_is_noted() -> None:
    image = Message("user", (ImagePart("https://x/y.png", "low"),))
    chat = ChatRequest(messages=(image,), seed=1, frequency_penalty=0.1, presence_penalty=0.1, reasoning_effort="high")
    assert noted(chat, "claude-3-5-haiku-latest") == {
        "seed", "frequency_penalty", "presence_penalty", "reasoning_effort", "image detail",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("what", "chat", "model"),
    [
        ("prefill", ask(prefill="One"), "claude-opus-5"),
        ("prefill with a response_format", ask(prefill="One", response_format=SCHEMA), "claude-haiku-4-5"),
        (
            "prefill with a forced tool",
            ask(prefill="One", tools=(TOOL,), tool_choice="required"),
            "claude-haiku-4-5",
        ),
        ("response_format without a schema", ask(response_format=JsonSchema({})), "claude-haiku-4-5"),
        ("stop texts of white space", ask(stop=("END", "\n")), "claude-haiku-4-5"),
        (
            "images in assistant turns",
            ChatRequest(messages=(Message("assistant", (ImagePart("https://x/y.png"),)),)),
            "claude-haiku-4-5",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(what: str, chat: ChatRequest, model: str) -> None:
    with pytest.raises(Unsupported, match=f"^{what}$"):
        sent(chat, model)


@pytest.mark.parametrize("arguments", ['{"at":', "[]", "7"])
def test_broken_arguments_are_refused(arguments: str) -> None:
    chat = ChatRequest(messages=(Message("assistant", tool_calls=(ToolCall("t", "look", arguments),)),))
    with pytest.raises(Unsupported, match="no JSON object"):
        sent(chat)


def test_results_are_merged_into_one_user_turn_and_stand_first() -> None:
    chat = ChatRequest(
        messages=(
            said("user", "Go."),
            Message("assistant", tool_calls=(CALL, ToolCall("functions.look:2", "look", ""))),
            said("user", "Well?"),
            said("tool", "one", tool_call_id="toolu_1"),
            said("tool", "no", tool_call_id="functions.look:2", is_error=True),
        )
    )
    fitting = sent_ids(["functions.look:2"], "[a-zA-Z0-9_-]+")["functions.look:2"]
    assert sent(chat)["messages"] == [
        {"role": "user", "content": "Go."},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}},
                {"type": "tool_use", "id": fitting, "name": "look", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "one"},
                {"type": "tool_result", "tool_use_id": fitting, "content": "no", "is_error": True},
                {"type": "text", "text": "Well?"},
            ],
        },
    ]


def test_images_by_url_and_in_results() -> None:
    image = ImagePart("data:image/gif;base64,R0lG")
    chat = ChatRequest(
        messages=(
            Message("user", (ImagePart("https://x/y.png"),)),
            Message("assistant", tool_calls=(CALL,)),
            Message("tool", (TextPart("see"), image), tool_call_id="toolu_1"),
        )
    )
    asked, _, answered = sent(chat)["messages"]
    assert asked["content"] == [{"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}]
    assert answered["content"][0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lG"}},
    ]


def thoughtful(by: str) -> ChatRequest:
    turn = Message(
        "assistant",
        (TextPart("Looking."),),
        (CALL,),
        reasoning=(Reasoning("Plan.", "sig"), Reasoning("", redacted="locked"), Reasoning("no proof")),
        origin=by,
    )
    return ChatRequest(
        messages=(said("user", "Go."), turn, said("tool", "x", tool_call_id="toolu_1")),
        tools=(TOOL,),
        reasoning_effort="medium",
    )


def test_thoughts_go_back_unchanged_before_the_text() -> None:
    said = sent(thoughtful("anthropic"))
    assert said["messages"][1]["content"][:3] == [
        {"type": "thinking", "thinking": "Plan.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "locked"},
        {"type": "text", "text": "Looking."},
    ]
    assert said["thinking"] == {"type": "enabled", "budget_tokens": 8192}


def test_thoughts_of_another_provider_stay_away_and_so_does_thinking() -> None:
    said = sent(thoughtful("gemini"))
    assert [block["type"] for block in said["messages"][1]["content"]] == ["text", "tool_use"]
    assert "thinking" not in said
    assert noted(thoughtful("gemini")) == {"reasoning_effort", STATE, "thinking"}


@pytest.mark.parametrize(
    ("model", "chat", "thinking", "config"),
    [
        ("claude-haiku-4-5", ask(reasoning_effort="low"), {"type": "enabled", "budget_tokens": 2048}, None),
        (
            "claude-haiku-4-5",
            ask(reasoning_effort="max", max_tokens=4000),
            {"type": "enabled", "budget_tokens": 3000},
            None,
        ),
        ("claude-haiku-4-5", ask(reasoning_effort="low", max_tokens=1024), None, None),
        ("claude-haiku-4-5", ask(reasoning_effort="none"), {"type": "disabled"}, None),
        ("claude-haiku-4-5", ask(reasoning_effort="low", prefill="One"), None, None),
        ("claude-haiku-4-5", ask(reasoning_effort="low", tools=(TOOL,), tool_choice="look"), None, None),
        (
            "claude-opus-5",
            ask(reasoning_effort="minimal"),
            {"type": "adaptive", "display": "summarized"},
            {"effort": "low"},
        ),
        (
            "claude-opus-5",
            ask(reasoning_effort="xhigh", response_format=SCHEMA),
            {"type": "adaptive", "display": "summarized"},
            {"effort": "xhigh", "format": {"type": "json_schema", "schema": SCHEMA.schema}},
        ),
    ],
)
def test_effort_becomes_thinking(model: str, chat: ChatRequest, thinking: Any, config: Any) -> None:
    said = sent(chat, model)
    assert (said.get("thinking"), said.get("output_config")) == (thinking, config)


def test_a_budget_of_the_target_wins() -> None:
    said = sent(ask(), "claude-opus-4-5", options={"thinking_budget": 5000})
    assert said["thinking"] == {"type": "enabled", "budget_tokens": 5000}


@pytest.mark.parametrize(
    ("choice", "parallel", "wire"),
    [
        (None, None, None),
        ("auto", None, {"type": "auto"}),
        ("none", False, {"type": "none"}),
        ("required", None, {"type": "any"}),
        ("look", False, {"type": "tool", "name": "look", "disable_parallel_tool_use": True}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_tool_choice(choice: str | None, parallel: bool | None, wire: Any) -> None:
    chat = ask(tools=(TOOL,), tool_choice=choice, parallel_tool_calls=parallel)
    assert sent(chat).get("tool_choice") == wire


def test_the_targets_and_the_callers_fields_come_last() -> None:
    chat = ask(extra={"max_tokens": 6, "system": None}, system="S")
    said = sent(chat, body={"service_tier": "auto", "max_tokens": 5}, stream=False)
    assert (said["service_tier"], said["max_tokens"], said["stream"]) == ("auto", 6, False)
    assert "system" not in said


def whole(answer: bytes) -> Any:
    decoder = provider.decoder(JSON_HEAD)
    return decoder.feed(answer) + decoder.end(), decoder


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-haiku-4-5",
    "content": [
        {"type": "thinking", "thinking": "Plan.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "locked"},
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"q": 1}},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}},
    ],
    "stop_reason": "tool_use",
    "usage": {
        "input_tokens": 5,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 100,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    },
}


def test_a_whole_message() -> None:
    events, decoder = whole(json.dumps(MESSAGE).encode())
    assert events == [
        Started("claude-haiku-4-5", "msg_1"),
        Usage(125, 9, 100, 4, cache_write_tokens=20),
        ReasoningDelta("Plan.", 0, "sig"),
        ReasoningDelta("", 1, redacted="locked"),
        PartAdded(NativePart("server_tool_use", json.dumps(MESSAGE["content"][2]), "web_search", "srv_1")),
        TextDelta("Hello"),
        ToolCallDelta(0, "toolu_1", "look"),
        ToolCallDelta(0, arguments='{"at": 1}'),
    ]
    assert (decoder.finish, decoder.failure) == (Finished("tool_calls", "tool_use"), None)


def test_a_whole_message_cut_anywhere_is_not_finished() -> None:
    answer = json.dumps(MESSAGE).encode()
    for end in range(len(answer)):
        events, decoder = whole(answer[:end])
        assert (events, decoder.finish) == ([], None)
        assert decoder.failure.kind is ErrorKind.TRUNCATED


@pytest.mark.parametrize("answer", [b"{}", b'{"content":[]}', b'{"content":7,"stop_reason":"end_turn"}'])
def test_a_body_that_is_no_message_is_a_protocol_error(answer: bytes) -> None:
    _, decoder = whole(answer)
    assert decoder.failure.kind is ErrorKind.PROTOCOL


def test_an_error_as_a_body_under_status_200() -> None:
    _, decoder = whole(b'{"type":"error","error":{"type":"api_error","message":"oh"},"request_id":"req_2"}')
    assert (decoder.failure.kind, decoder.failure.request_id) == (ErrorKind.SERVER_ERROR, "req_2")


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        (ErrorKind.OVERLOADED, "overloaded_error"),
        (ErrorKind.RATE_LIMITED, "rate_limit_error"),
        (ErrorKind.SERVER_ERROR, "api_error"),
        (ErrorKind.TIMEOUT, "timeout_error"),
        (ErrorKind.UNSUPPORTED, "request_too_large"),
        (ErrorKind.AUTH, "authentication_error"),
        (ErrorKind.QUOTA_EXHAUSTED, "billing_error"),
        (ErrorKind.BAD_REQUEST, "invalid_request_error"),
    ],
)
def test_errors_inside_a_stream_mean_what_their_status_would(kind: ErrorKind, wire: str) -> None:
    _, decoder = stream({"type": "error", "error": {"type": wire, "message": "m"}})
    assert (decoder.failure.kind, decoder.failure.native_type) == (kind, wire)
    assert decoder.failure.request_id == "req_1"


def test_a_spend_limit_is_no_bad_request() -> None:
    refusal = b'{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits."}}'  # noqa: E501
    error = provider.error_for(ResponseHead(400, {}), refusal)
    assert (error.kind, error.alerts) == (ErrorKind.REFUSED_HERE, True), "words alone park nothing"


def test_a_filters_verdict_is_no_bad_request() -> None:
    refusal = b'{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}'  # noqa: E501
    assert provider.error_for(ResponseHead(400, {}), refusal).kind is ErrorKind.CONTENT_FILTER


def test_the_reset_of_the_limit_that_is_used_up_is_the_hint() -> None:
    headers = {
        "anthropic-ratelimit-requests-remaining": "3",
        "anthropic-ratelimit-requests-reset": "2026-11-22T10:20:00Z",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-22T10:15:13Z",
        "date": "Sun, 22 Nov 2026 10:15:00 GMT",
    }
    refusal = b'{"type":"error","error":{"type":"rate_limit_error","message":"m"}}'
    assert provider.error_for(ResponseHead(429, headers), refusal).retry_after_s == 13


def test_blocks_of_the_providers_own_tools_are_not_ours() -> None:
    events, decoder = stream(
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "server_tool_use", "id": "s", "name": "w"},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "look"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    )
    assert events == [
        PartAdded(NativePart("server_tool_use", '{"type":"server_tool_use","id":"s","name":"w","input":{}}', "w", "s")),
        ToolCallDelta(0, "t", "look"),
        ToolCallDelta(0, arguments="{}"),
    ]
    assert decoder.closed


def test_a_new_event_may_hold_anything() -> None:
    events, decoder = stream(
        {"type": "of_tomorrow", "index": "one", "delta": [1]},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    )
    assert (events, decoder.finish) == ([], Finished("stop", "end_turn"))


def test_a_known_event_may_not() -> None:
    _, decoder = stream({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 7}})
    assert decoder.failure.kind is ErrorKind.PROTOCOL


@pytest.mark.parametrize(
    ("model", "prefill"),
    [
        ("claude-3-5-sonnet-20241022", "plain"),
        ("claude-opus-4-20250514", "plain"),
        ("claude-opus-4-1-20250805", "plain"),
        ("claude-sonnet-4-5-20250929", "plain"),
        ("claude-haiku-4-5", "plain"),
        ("claude-opus-4-6", "none"),
        ("claude-sonnet-5", "none"),
        ("claude-haiku-5-5", "none"),
        ("claude-mythos-preview", "none"),
        ("claude-of-tomorrow", None),
    ],
)
def test_prefill_is_known_by_model(model: str, prefill: str | None) -> None:
    assert provider.capabilities(model).prefill == prefill


LATE = ChatRequest(
    system="Be terse.",
    messages=(
        said("user", "a"),
        said("system", "From now on: English."),
        said("assistant", "b"),
        said("user", "c"),
        Message("system", (TextPart("Be kind.", cache="1h"), TextPart("Be quick."))),
    ),
)


@pytest.mark.parametrize("model", ["claude-opus-4-8", "claude-opus-5", "claude-fable-5-1", "claude-opus-4-8@20260528"])
def test_a_system_message_stays_where_it_is_where_the_model_takes_it_there(model: str) -> None:
    wire = built(provider, LATE, model)
    asked = json.loads(wire.body)
    assert asked["system"] == "Be terse."
    assert [turn["role"] for turn in asked["messages"]] == ["user", "system", "assistant", "user", "system"]
    assert asked["messages"][1]["content"] == "From now on: English."
    assert asked["messages"][4]["content"] == [
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "Be quick."},
    ]
    assert wire.notes == ()


@pytest.mark.parametrize("model", [HAIKU, "claude-opus-4-7", "claude-sonnet-5", "claude-of-tomorrow"])
def test_elsewhere_it_is_moved_with_a_note(model: str) -> None:
    wire = built(provider, LATE, model)
    asked = json.loads(wire.body)
    assert [turn["role"] for turn in asked["messages"]] == ["user", "assistant", "user"]
    assert [part["text"] for part in asked["system"]] == ["Be terse.", "From now on: English.", "Be kind.", "Be quick."]
    assert "system messages were moved before the conversation: this API takes them there only" in wire.notes


def test_what_stays_is_not_said_twice_and_what_moves_is_said_once() -> None:
    turns = (*LATE.messages, said("user", "d"))
    asked = sent(msgspec.structs.replace(LATE, messages=turns), "claude-opus-5")
    assert [turn["role"] for turn in asked["messages"]] == ["user", "system", "assistant", "user"]
    assert [part["text"] for part in asked["system"]] == ["Be terse.", "Be kind.", "Be quick."]
