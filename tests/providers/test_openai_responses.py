"""OpenAI's Responses API: its requests, whole responses, and what is known of models."""

import json
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.chat import ChatRequest, ImagePart, JsonSchema, Message, Reasoning, TextPart, Tool, ToolCall
from standby.providers.dialects.openai_responses import FIT, provider
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
from standby.providers.fitting.fields import HARMLESS
from standby.providers.parts import NativePart
from standby.providers.provider import ResponseHead, Unsupported

from conversation import COUNT, KEY, TOOL, body, built

MINI = "gpt-5-mini"
STREAM_HEAD = ResponseHead(200, {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_1"})
JSON_HEAD = ResponseHead(200, {"content-type": "application/json"})


def said(role: Any, text: str, **fields: Any) -> Message:
    return Message(role, (TextPart(text),), **fields)


def ask(text: str = "Hi", **fields: Any) -> ChatRequest:
    return ChatRequest(messages=(said("user", text),), **fields)


def sent(chat: ChatRequest, model: str = MINI, **to: Any) -> Any:
    return body(provider, chat, model, **to)


def noted(chat: ChatRequest, model: str = MINI, **to: Any) -> set[str]:
    features = {note.partition(" was ")[0] for note in built(provider, chat, model, **to).notes}
    assert {feature.partition(" ")[0] for feature in features - {row.feature for row in FIT}} <= {*HARMLESS, "thinking"}
    return features


def read(answer: bytes, head: ResponseHead = STREAM_HEAD) -> Any:
    decoder = provider.decoder(head)
    events = decoder.feed(answer)
    return events + decoder.end(), decoder


def stream(*events: Any) -> Any:
    return read(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events))


def completed(**more: Any) -> Any:
    return {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [], **more}}


def test_address_and_credentials() -> None:
    wire = built(provider, ask(), MINI)
    assert (wire.url, wire.headers["authorization"]) == ("https://api.openai.com/v1/responses", f"Bearer {KEY}")


def test_is_in_the_registry() -> None:
    assert registry.get("openai-responses") is provider


def test_nothing_is_stored_and_the_state_of_reasoning_comes_along_encrypted() -> None:
    assert (sent(ask())["store"], sent(ask())["include"]) == (False, ["reasoning.encrypted_content"])
    kept = sent(ask(), options={"store": True})
    assert kept["store"] is True
    assert "include" not in kept
    assert "include" not in sent(ask(), "gpt-4o")  # it refuses the field


def test_options_name_the_organization_and_project() -> None:
    headers = built(provider, ask(), MINI, options={"organization": "org-1", "project": "proj-1"}).headers
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj-1")


def thoughtful(by: str) -> ChatRequest:
    thoughts = (
        Reasoning("First.", None),
        Reasoning("Second.", "rs_1", "locked"),
        Reasoning("", "rs_2", "sealed"),
        Reasoning("unproven"),
    )
    turn = Message("assistant", (TextPart("Wait."),), (ToolCall("call_1", "look", ""),), reasoning=thoughts, origin=by)
    image = ImagePart("https://x/y.png", "high")
    result = Message("tool", (TextPart("see"), image), tool_call_id="call_1", is_error=True)
    return ChatRequest(messages=(said("user", "Go."), turn, result))


REST = [
    {"role": "assistant", "content": "Wait."},
    {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
    {
        "type": "function_call_output",
        "call_id": "call_1",
        "output": [
            {"type": "input_text", "text": "see"},
            {"type": "input_image", "image_url": "https://x/y.png", "detail": "high"},
        ],
    },
]


def test_reasoning_goes_back_as_the_items_it_was() -> None:
    assert sent(thoughtful("openai-responses"))["input"] == [
        {"role": "user", "content": "Go."},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Second."}],
            "encrypted_content": "locked",
        },
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "sealed"},
        *REST,
    ]
    assert noted(thoughtful("openai-responses")) == {"tool errors", "thinking"}


def test_reasoning_of_another_provider_stays_away() -> None:
    assert sent(thoughtful("anthropic"))["input"] == [{"role": "user", "content": "Go."}, *REST]


@pytest.mark.parametrize(
    ("what", "chat", "to"),
    [
        ("prefill", COUNT, {}),
        ("stop", ask(stop=("END",)), {}),
        (
            "images in assistant turns",
            ChatRequest(messages=(Message("assistant", (ImagePart("https://x/y.png"),)),)),
            {},
        ),
        ("background: an answer that no caller waits for", ask(extra={"background": True}), {}),
        ("background: an answer that no caller waits for", ask(), {"body": {"background": True}}),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(what: str, chat: ChatRequest, to: Any) -> None:
    with pytest.raises(Unsupported, match=f"^{what}$"):
        sent(chat, **to)


@pytest.mark.parametrize(
    ("model", "left_out"),
    [
        (MINI, {"temperature", "top_p", "seed", "frequency_penalty", "presence_penalty"}),
        ("o4-mini", {"temperature", "top_p", "seed", "frequency_penalty", "presence_penalty"}),
        ("gpt-5.1", {"temperature", "top_p", "seed", "frequency_penalty", "presence_penalty"}),
        ("gpt-4o", {"seed", "frequency_penalty", "presence_penalty", "reasoning_effort"}),
        ("gpt-5-chat-latest", {"seed", "frequency_penalty", "presence_penalty", "reasoning_effort"}),
        ("of-tomorrow", {"seed", "frequency_penalty", "presence_penalty"}),
    ],
)
def test_what_is_left_out_is_noted(model: str, left_out: set[str]) -> None:
    settings = {"temperature": 0.5, "top_p": 0.9, "seed": 1, "frequency_penalty": 0.1, "presence_penalty": 0.1}
    chat = ask(reasoning_effort="low", **settings)
    assert noted(chat, model) == left_out
    taken = sent(chat, model)
    assert {name for name in settings if name in taken} == settings.keys() - left_out
    assert ("reasoning" in taken) is ("reasoning_effort" not in left_out)


@pytest.mark.parametrize(
    ("effort", "wire"), [(None, None), ("none", {"effort": "none"}), ("high", {"effort": "high", "summary": "auto"})]
)
def test_effort(effort: Any, wire: Any) -> None:
    assert sent(ask(reasoning_effort=effort), "gpt-5.1").get("reasoning") == wire


def test_the_targets_settings_are_added_one_by_one() -> None:
    taken = sent(ask(reasoning_effort="high", extra={"truncation": "auto"}), body={"reasoning": {"summary": None}})
    assert taken["reasoning"] == {"effort": "high", "summary": None}
    assert taken["truncation"] == "auto"


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_tool_choice(choice: str) -> None:
    taken = sent(ask(tools=(TOOL,), tool_choice=choice, parallel_tool_calls=False))
    assert (taken["tool_choice"], taken["parallel_tool_calls"]) == (choice, False)


def test_one_tool_is_chosen_by_name() -> None:
    taken = sent(ask(tools=(Tool("look", "See.", strict=True),), tool_choice="look"))
    assert taken["tool_choice"] == {"type": "function", "name": "look"}
    assert (taken["tools"][0]["strict"], taken["tools"][0]["description"]) == (True, "See.")


def test_any_json_is_asked_for_by_its_word() -> None:
    assert sent(ask(response_format=JsonSchema({})))["text"] == {"format": {"type": "json_object"}}


WHOLE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "gpt-5-mini-2026",
    "error": None,
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}],
            "encrypted_content": "locked",
        },
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {
            "type": "message",
            "id": "msg_1",
            "content": [
                {"type": "output_text", "text": "Hello", "annotations": []},
                {"type": "refusal", "refusal": "No."},
            ],
        },
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"at":1}'},
        {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "hear", "arguments": ""},
    ],
    "usage": {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 3},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4},
    },
}
WHOLE_EVENTS = [
    Started("gpt-5-mini-2026", "resp_1"),
    ReasoningDelta("One.", 0),
    ReasoningDelta("Two.", 1),
    ReasoningDelta("", 1, "rs_1", "locked"),
    PartAdded(NativePart("web_search_call", json.dumps(WHOLE["output"][1]), "", "ws_1")),
    TextDelta("Hello"),
    RefusalDelta("No."),
    ToolCallDelta(0, "call_1", "look"),
    ToolCallDelta(0, arguments='{"at":1}'),
    ToolCallDelta(1, "call_2", "hear"),
    ToolCallDelta(1, arguments="{}"),
    Usage(20, 9, 3, 4, tool_uses={"web_search": 1}),
]


def test_a_whole_response() -> None:
    events, decoder = read(json.dumps(WHOLE).encode(), JSON_HEAD)
    assert events == WHOLE_EVENTS
    assert (decoder.finish, decoder.failure) == (Finished("tool_calls", "completed"), None)


def test_a_whole_response_cut_anywhere_is_not_finished() -> None:
    answer = json.dumps(WHOLE).encode()
    for end in range(len(answer)):
        events, decoder = read(answer[:end], JSON_HEAD)
        assert (events, decoder.finish) == ([], None)
        assert decoder.failure.kind is ErrorKind.TRUNCATED


def test_items_that_come_without_deltas_are_not_lost() -> None:
    done = [
        {"type": "response.output_item.done", "output_index": index, "item": item}
        for index, item in enumerate(WHOLE["output"])
    ]
    created = {"type": "response.created", "response": {**WHOLE, "status": "in_progress"}}
    events, decoder = stream(created, *done, {"type": "response.completed", "response": WHOLE})
    assert events == WHOLE_EVENTS
    assert decoder.closed


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"{}", ErrorKind.PROTOCOL),
        (b'{"status":7}', ErrorKind.PROTOCOL),
        (b'{"id":"r","status":"in_progress","output":[]}', ErrorKind.TRUNCATED),
        (b'{"error":{"message":"m","type":"server_error"}}', ErrorKind.SERVER_ERROR),
        (b'{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"}}', ErrorKind.RATE_LIMITED),
        (b'{"status":"failed","error":null}', ErrorKind.SERVER_ERROR),
    ],
)
def test_a_body_that_is_no_answer(answer: bytes, kind: ErrorKind) -> None:
    _, decoder = read(answer, JSON_HEAD)
    assert (decoder.failure.kind, decoder.finish) == (kind, None)


@pytest.mark.parametrize(
    ("why", "reason"),
    [("max_output_tokens", "length"), ("content_filter", "content_filter"), ("steered", "other"), (None, "length")],
)
def test_why_a_response_is_incomplete(why: str | None, reason: str) -> None:
    details = {"reason": why} if why else None
    _, decoder = stream({"type": "response.incomplete", "response": {"incomplete_details": details}})
    assert decoder.finish == Finished(reason, f"incomplete:{why or 'unknown'}")


def test_a_failed_response_is_an_error_even_without_an_error_event() -> None:
    _, decoder = stream({"type": "response.failed", "response": {"error": {"code": "invalid_prompt", "message": "m"}}})
    assert (decoder.failure.kind, decoder.failure.request_id) == (ErrorKind.CONTENT_FILTER, "req_1")


def test_refusals_and_raw_thoughts_are_streamed() -> None:
    events, decoder = stream(
        {"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "Hm"},
        {"type": "response.refusal.delta", "output_index": 1, "content_index": 0, "delta": "No"},
        {"type": "response.refusal.done", "output_index": 1, "content_index": 0, "refusal": "No"},
        completed(),
    )
    assert events[:2] == [ReasoningDelta("Hm", 0), RefusalDelta("No")]
    assert decoder.finish == Finished("stop", "completed")


def test_summary_parts_are_blocks_of_their_own() -> None:
    delta = {"type": "response.reasoning_summary_text.delta", "output_index": 0}
    item = {"type": "reasoning", "id": "rs_1", "encrypted_content": "locked", "summary": []}
    events, _ = stream(
        {**delta, "summary_index": 0, "delta": "One"},
        {**delta, "summary_index": 0, "delta": "."},
        {**delta, "summary_index": 1, "delta": "Two."},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        completed(),
    )
    assert events[:4] == [
        ReasoningDelta("One", 0),
        ReasoningDelta(".", 0),
        ReasoningDelta("Two.", 1),
        ReasoningDelta("", 1, "rs_1", "locked"),
    ]


def test_a_new_event_may_hold_anything() -> None:
    events, decoder = stream({"type": "response.of_tomorrow", "delta": {"a": 1}, "output_index": "x"}, completed())
    assert events[0] == Started(None, "r")
    assert decoder.finish is not None


def test_a_known_event_may_not() -> None:
    _, decoder = stream({"type": "response.output_text.delta", "delta": 7})
    assert decoder.failure.kind is ErrorKind.PROTOCOL
