"""Cohere's dialect: its requests, its answers, and what it cannot say."""

from typing import Any

import msgspec
import pytest
from standby.providers.chat import ImagePart, JsonSchema, Message, Reasoning, TextPart, Tool, chat_request
from standby.providers.dialects.cohere import provider
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta, Usage
from standby.providers.provider import Decoder, ResponseHead, Unsupported
from standby.router.result.collecting import put_together

from conversation import KEY, TOOL, body, built, refusal, weather

STREAM = ResponseHead(200, {"content-type": "text/event-stream"})
JSON = ResponseHead(200, {"content-type": "application/json"})


def stream(*events: dict[str, Any]) -> tuple[Decoder, list[object]]:
    """A decoder that has read these events, and what it made of them."""
    found = provider.decoder(STREAM)
    return found, found.feed(b"".join(b"data: " + msgspec.json.encode(each) + b"\n\n" for each in events))


def end(reason: str, **more: Any) -> dict[str, Any]:
    """The last event of a stream."""
    return {"type": "message-end", "delta": {"finish_reason": reason, **more}}


def said(**message: Any) -> dict[str, Any]:
    """An event that says something."""
    return {"type": "content-delta", "index": 0, "delta": {"message": message}}


def test_address_and_credentials() -> None:
    wire = built(provider, chat_request("Hi"))
    assert wire.url == "https://api.cohere.com/v2/chat"
    assert wire.headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in built(provider, chat_request("Hi"), key=None).headers


def test_a_prefill_is_refused() -> None:
    with pytest.raises(Unsupported, match="prefill"):
        built(provider, chat_request("Count.", prefill="One,"))


def test_more_stop_texts_than_it_takes_are_refused() -> None:
    with pytest.raises(Unsupported, match="more than 5 stop texts"):
        built(provider, chat_request("Hi", stop=list("abcdef")))


@pytest.mark.parametrize(("choice", "sent"), [(None, None), ("auto", None), ("none", "NONE"), ("required", "REQUIRED")])
def test_tool_choice(choice: str | None, sent: str | None) -> None:
    assert body(provider, weather(tool_choice=choice)).get("tool_choice") == sent


def test_one_tool_is_forced_by_offering_no_other() -> None:
    chat = weather(tools=(TOOL, Tool("other")), tool_choice="get_weather")
    asked = body(provider, chat)
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["get_weather"]
    assert asked["tool_choice"] == "REQUIRED"


def test_a_tool_that_is_not_offered_cannot_be_forced() -> None:
    with pytest.raises(Unsupported, match="not offered"):
        built(provider, weather(tool_choice="nobody"))


def test_strict_holds_for_all_tools_together() -> None:
    strict = msgspec.structs.replace(TOOL, strict=True)
    assert body(provider, weather(tools=(strict,)))["strict_tools"] is True
    mixed = built(provider, weather(tools=(strict, Tool("other"))))
    assert b"strict" not in mixed.body
    assert mixed.notes == ("only some tools strict was left out: strict_tools holds for all tools together",)


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        ("command-a-reasoning-08-2025", "high", {"type": "enabled"}),
        ("command-a-reasoning-08-2025", "none", {"type": "disabled"}),
        ("command-a-03-2025", "none", None),
        ("command-a-reasoning-08-2025", None, None),
    ],
)
def test_thinking_is_on_or_off(model: str, effort: str | None, thinking: object) -> None:
    assert body(provider, chat_request("Hi", reasoning_effort=effort), model).get("thinking") == thinking


def test_a_json_schema() -> None:
    chat = chat_request("Hi", response_format=JsonSchema({"type": "object"}))
    assert body(provider, chat)["response_format"] == {"type": "json_object", "json_schema": {"type": "object"}}
    anything = chat_request("Hi", response_format=JsonSchema({}))
    assert body(provider, anything)["response_format"] == {"type": "json_object"}


def test_a_tools_result_that_is_no_object_is_said_as_text() -> None:
    result = Message("tool", (TextPart("[21]"),), tool_call_id="1")
    assert body(provider, weather(messages=(result,)))["messages"][1]["content"] == "[21]"


def test_thinking_goes_back_to_cohere_only() -> None:
    thought = (Reasoning("Hm."),)
    ours = Message("assistant", (TextPart("Yes"),), reasoning=thought, origin="cohere")
    theirs = Message("assistant", (TextPart("No"),), reasoning=thought, origin="anthropic")
    assert body(provider, weather(messages=(ours, theirs)))["messages"][1:] == [
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes"}],
        },
        {"role": "assistant", "content": "No"},
    ]


def test_an_image_keeps_its_url_and_detail() -> None:
    message = Message("user", (ImagePart("https://example.test/a.png", "low"),))
    part = body(provider, weather(messages=(message,)))["messages"][1]["content"][0]
    assert part == {"type": "image_url", "image_url": {"url": "https://example.test/a.png", "detail": "low"}}


def test_a_whole_answer() -> None:
    answer = {
        "id": "c1",
        "finish_reason": "TOOL_CALL",
        "message": {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi"}],
            "tool_plan": "I will look.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            ],
        },
        "usage": {"tokens": {"input_tokens": 7.0, "output_tokens": 3.0}, "cached_tokens": 2},
    }
    found = provider.decoder(JSON)
    assert found.feed(msgspec.json.encode(answer)) == []
    assert found.end() == [
        Started(None, "c1"),
        ReasoningDelta("I will look."),
        ReasoningDelta("Hm."),
        TextDelta("Hi"),
        ToolCallDelta(0, "a", "f", "{}"),
        ToolCallDelta(1, "b", "f", '{"x":1}'),
        Usage(7, 3, 2),
    ]
    assert found.finish == Finished("tool_calls", "TOOL_CALL")


@pytest.mark.parametrize("answer", [b"{}", b'{"id":"c","message":"an error"}', b"[]"])
def test_a_body_that_is_no_answer_is_a_breach(answer: bytes) -> None:
    found = provider.decoder(JSON)
    assert found.feed(answer) + found.end() == []
    assert found.failure is not None
    assert found.failure.kind is ErrorKind.PROTOCOL


def test_parallel_calls_keep_apart() -> None:
    def call(index: int, name: str, **of: Any) -> dict[str, Any]:
        return {"type": f"tool-call-{name}", "index": index, "delta": {"message": {"tool_calls": of}}}

    _, events = stream(
        call(0, "start", id="a", function={"name": "f", "arguments": ""}),
        call(1, "start", id="b", function={"name": "g", "arguments": ""}),
        call(0, "delta", function={"arguments": '{"x":'}),
        call(1, "delta", function={"arguments": "{}"}),
        call(0, "delta", function={"arguments": "1}"}),
    )
    assert events == [
        ToolCallDelta(0, "a", "f"),
        ToolCallDelta(1, "b", "g"),
        ToolCallDelta(0, arguments='{"x":'),
        ToolCallDelta(1, arguments="{}"),
        ToolCallDelta(0, arguments="1}"),
    ]


def test_unknown_events_and_citations_are_nothing() -> None:
    found, events = stream(
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"text": "a"}}}},
        {"type": "debug", "prompt": "…"},
        {"type": "something-new", "delta": None},
        said(content={"text": "Hi"}),
        end("COMPLETE"),
    )
    assert events == [TextDelta("Hi")]
    assert found.closed


@pytest.mark.parametrize(
    ("native", "reason"),
    [("COMPLETE", "stop"), ("STOP_SEQUENCE", "stop"), ("MAX_TOKENS", "length"), ("SOMETHING_NEW", "other")],
)
def test_finish_reasons(native: str, reason: str) -> None:
    assert stream(end(native))[0].finish == Finished(reason, native)  # type: ignore[arg-type]


def test_a_complete_answer_with_calls_ends_in_calls() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    start = {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}}
    assert stream(start, end("COMPLETE"))[0].finish == Finished("tool_calls", "COMPLETE")


def test_text_beside_calls_is_sent_beside_them() -> None:
    chat = weather()
    asked = msgspec.structs.replace(chat.messages[1], content=(TextPart("Let me look."),))
    sent = body(provider, weather(messages=(asked,)))["messages"][1]
    assert (sent["content"], sent["tool_calls"][0]["id"], "tool_plan" in sent) == ("Let me look.", "call_A1", False)


def test_done_alone_proves_nothing() -> None:
    found = provider.decoder(STREAM)
    found.feed(b'data: {"type":"content-delta","delta":{"message":{"content":{"text":"Hi"}}}}\n\ndata: [DONE]\n\n')
    found.end()
    assert found.failure is not None
    assert found.failure.kind is ErrorKind.TRUNCATED


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081", ErrorKind.CONTEXT_LENGTH),
        (400, "invalid request: prompt must be at least 1 token long", ErrorKind.BAD_REQUEST),
        (401, "invalid api token", ErrorKind.AUTH),
        (402, "Please add a payment method", ErrorKind.QUOTA_EXHAUSTED),
        (404, "model 'x' not found", ErrorKind.NOT_FOUND),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month", ErrorKind.QUOTA_EXHAUSTED),
        (429, "You are using a Trial key, which is limited to 10 API calls / minute", ErrorKind.RATE_LIMITED),
        (498, "invalid token", ErrorKind.AUTH),
        (498, "blocked output", ErrorKind.CONTENT_FILTER),
        (498, "something else", ErrorKind.TIMEOUT),
        (503, "service unavailable", ErrorKind.OVERLOADED),
    ],
)
def test_refusals_mean(status: int, message: str, kind: ErrorKind) -> None:
    error = provider.error_for(refusal(status), msgspec.json.encode({"id": "1", "message": message}))
    assert error.kind is kind
    assert message not in str(error)


def test_a_rate_limits_reset_is_a_moment() -> None:
    head = refusal(429, **{"x-ratelimit-reset": "1795000007"})
    assert provider.error_for(head, b'{"message":"slow down"}').retry_after_s == 7


def test_an_error_event_is_an_error() -> None:
    found, _ = stream({"type": "error", "error": {"message": "internal server error"}})
    assert found.failure is not None
    assert found.failure.kind is ErrorKind.SERVER_ERROR


def test_capabilities() -> None:
    assert provider.capabilities("command-a-reasoning-08-2025").reasoning is True
    assert provider.capabilities("command-a-vision-07-2025").images is True
    assert provider.capabilities("command-r7b-12-2024").prefill == "none"


def test_blocks_of_content_keep_their_order() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "text", "text": "One."},
        {"type": "thinking", "thinking": "Oh."},
        {"type": "text", "text": "Two."},
        {"type": "text", "text": "Three."},
    ]
    found = provider.decoder(JSON)
    found.feed(msgspec.json.encode({"finish_reason": "COMPLETE", "message": {"content": blocks}}))
    parts = put_together(found.end()).parts
    assert parts == (Reasoning("Hm."), TextPart("One."), Reasoning("Oh."), TextPart("Two."), TextPart("Three."))
    ours, theirs = Message("assistant", parts, origin="cohere"), Message("assistant", parts, origin="mistral")
    first, second = body(provider, weather(messages=(ours, theirs)))["messages"][1:]
    assert first["content"] == blocks
    assert second["content"] == [block for block in blocks if block["type"] == "text"]
