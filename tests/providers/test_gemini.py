"""Google's Gemini API: its requests on both services, whole answers, and what is known of models."""

import json
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.chat import ChatRequest, ImagePart, Message, Reasoning, TextPart, ToolCall
from standby.providers.dialects.gemini import FIT, provider
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta, Usage
from standby.providers.fitting.fields import HARMLESS
from standby.providers.provider import ResponseHead, Unsupported
from standby.providers.tool_calls import made_call_id

from conversation import KEY, TOOL, body, built, refusal
from wire_fixtures import fixtures, run

FLASH = "gemini-2.5-flash"
MADE = "call_0123456789abcdef01234567"
VERTEX = {"vertex": {"project": "p-1", "location": "europe-west4"}}
STREAM_HEAD = ResponseHead(200, {"content-type": "text/event-stream"})
JSON_HEAD = ResponseHead(200, {"content-type": "application/json; charset=UTF-8"})


def said(role: Any, text: str, **fields: Any) -> Message:
    return Message(role, (TextPart(text),), **fields)


def ask(text: str = "Hi", **fields: Any) -> ChatRequest:
    return ChatRequest(messages=(said("user", text),), **fields)


def sent(chat: ChatRequest, model: str = FLASH, **to: Any) -> Any:
    return body(provider, chat, model, **to)


def noted(chat: ChatRequest, model: str = FLASH, **to: Any) -> set[str]:
    features = {note.partition(" was ")[0] for note in built(provider, chat, model, **to).notes}
    assert {feature.partition(" ")[0] for feature in features - {row.feature for row in FIT}} <= HARMLESS
    return features


def read(*pieces: bytes, head: ResponseHead = STREAM_HEAD) -> Any:
    decoder = provider.decoder(head)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.end(), decoder


def stream(*chunks: Any) -> Any:
    return read(b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks))


def chunk(*parts: Any, finish: str | None = None, **more: Any) -> Any:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], **more}


def test_an_error_after_the_end_is_never_taken_for_a_finish_however_it_is_cut() -> None:
    fixture = next(each for each in fixtures("gemini") if each.name == "error_midstream_after_stop.sse")
    begun = fixture.body.index(b"\n{") + 2
    for end in range(begun, len(fixture.body)):
        cut = run(provider, fixture, [fixture.body[:end]])
        assert cut.error is not None, f"cut at byte {end}"


def test_is_in_the_registry() -> None:
    assert registry.get("gemini") is provider


@pytest.mark.parametrize(("stream", "method"), [(True, "streamGenerateContent?alt=sse"), (False, "generateContent")])
def test_asks_ai_studio_with_the_key_in_a_header(stream: bool, method: str) -> None:
    wire = built(provider, ask(), FLASH, stream=stream)
    assert wire.url == f"https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:{method}"
    assert wire.headers["x-goog-api-key"] == KEY
    assert "authorization" not in wire.headers
    assert "x-goog-api-key" not in built(provider, ask(), FLASH, key=None).headers


@pytest.mark.parametrize(
    ("vertex", "base_url", "url"),
    [
        (
            {"project": "p-1", "location": "europe-west4"},
            None,
            "https://europe-west4-aiplatform.googleapis.com/v1beta1/projects/p-1/locations/europe-west4",
        ),
        ({"project": "p-1"}, None, "https://aiplatform.googleapis.com/v1beta1/projects/p-1/locations/global"),
        (
            {"project": "p-1", "location": "us"},
            None,
            "https://aiplatform.us.rep.googleapis.com/v1beta1/projects/p-1/locations/us",
        ),
        ({"project": "p-1"}, "https://proxy/v1", "https://proxy/v1/projects/p-1/locations/global"),
    ],
)
def test_asks_vertex_with_a_token(vertex: Any, base_url: str | None, url: str) -> None:
    to = {"base_url": base_url} if base_url else {}
    wire = built(provider, ask(), "models/gemini-3-flash", options={"vertex": vertex}, stream=False, **to)
    assert wire.url == f"{url}/publishers/google/models/gemini-3-flash:generateContent"
    assert wire.headers["authorization"] == f"Bearer {KEY}"
    assert "x-goog-api-key" not in wire.headers


@pytest.mark.parametrize(
    ("base_url", "begins"),
    [(None, "https://aiplatform.googleapis.com/v1beta1"), ("https://proxy.example/v1", "https://proxy.example/v1")],
)
def test_asks_vertex_with_an_express_key(base_url: str | None, begins: str) -> None:
    to = {} if base_url is None else {"base_url": base_url}
    wire = built(provider, ask(), FLASH, options={"vertex": "express"}, **to)
    assert wire.url == f"{begins}/publishers/google/models/{FLASH}:streamGenerateContent?alt=sse"
    assert (wire.headers["x-goog-api-key"], "authorization" in wire.headers) == (KEY, False)


@pytest.mark.parametrize(
    "vertex", [True, {"location": "global"}, {"project": "p", "location": "evil.example/"}, {"project": "../p"}]
)
def test_an_option_that_would_lead_elsewhere_is_refused(vertex: Any) -> None:
    with pytest.raises(Unsupported, match="vertex"):
        sent(ask(), options={"vertex": vertex})


def test_a_model_cannot_lead_elsewhere() -> None:
    assert "/models/..%2Fx%3Fy:stream" in built(provider, ask(), "../x?y").url


def conversation(*results: Message, by: str | None = "gemini") -> ChatRequest:
    calls = (
        ToolCall("fc-1", "look", '{"at": 1}', "c2ln"),
        ToolCall(MADE, "hear", ""),
    )
    turn = Message("assistant", (TextPart("Wait."),), calls, origin=by)
    return ChatRequest(messages=(said("user", "Go."), turn, *results))


RESULTS = (
    said("tool", "loud", tool_call_id=MADE),
    said("tool", '{"seen": 1}', tool_call_id="fc-1", is_error=True),
    said("user", "Well?"),
)


def test_results_go_back_in_the_order_of_the_calls_with_the_ids_that_the_provider_knows() -> None:
    _, called, answered = sent(conversation(*RESULTS))["contents"]
    assert called["parts"] == [
        {"text": "Wait."},
        {"functionCall": {"name": "look", "args": {"at": 1}, "id": "fc-1"}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "hear", "args": {}}},
    ]
    assert answered == {
        "role": "user",
        "parts": [
            {"functionResponse": {"name": "look", "response": {"error": {"seen": 1}}, "id": "fc-1"}},
            {"functionResponse": {"name": "hear", "response": {"output": "loud"}}},
            {"text": "Well?"},
        ],
    }


def test_vertex_gets_the_results_in_a_turn_of_their_own() -> None:
    contents = sent(conversation(*RESULTS), options=VERTEX)["contents"]
    assert [(turn["role"], len(turn["parts"])) for turn in contents] == [
        ("user", 1), ("model", 3), ("user", 2), ("user", 1),
    ]  # fmt: skip


def test_state_and_ids_of_another_provider_stay_away() -> None:
    _, called, answered = sent(conversation(*RESULTS, by="openai"))["contents"]
    assert called["parts"][1] == {"functionCall": {"name": "look", "args": {"at": 1}}}
    assert all("id" not in part.get("functionResponse", {}) for part in answered["parts"])


def test_thoughts_go_back_on_the_parts_that_they_came_on() -> None:
    events, _ = stream(
        chunk({"text": "Plan", "thought": True}),
        chunk({"text": ".", "thought": True, "thoughtSignature": "dGhvdWdodA=="}),
        chunk({"text": "Hel"}),
        chunk({"text": "lo"}, {"text": "", "thoughtSignature": "dGV4dA=="}, finish="STOP"),
    )
    assert [event for event in events if isinstance(event, ReasoningDelta)] == [
        ReasoningDelta("Plan", 0),
        ReasoningDelta(".", 0, "dGhvdWdodA=="),
        ReasoningDelta("", 1, "dGV4dA=="),
    ]
    parts = (
        Reasoning("Plan.", "dGhvdWdodA=="), TextPart("Hello"), Reasoning("", "dGV4dA=="), Reasoning("unproven"),
    )  # fmt: skip
    turn = Message("assistant", parts, origin="gemini")
    chat = ChatRequest(messages=(said("user", "Hi"), turn, said("user", "Go on.")))
    assert sent(chat)["contents"][1]["parts"] == [
        {"text": "Plan.", "thought": True, "thoughtSignature": "dGhvdWdodA=="},
        {"text": "Hello", "thoughtSignature": "dGV4dA=="},
    ]


def test_the_state_of_a_text_that_was_empty_keeps_its_part() -> None:
    turn = Message("assistant", reasoning=(Reasoning("", "dGV4dA=="),), origin="gemini")
    chat = ChatRequest(messages=(said("user", "Hi"), turn))
    assert sent(chat)["contents"][1]["parts"] == [{"text": "", "thoughtSignature": "dGV4dA=="}]


def test_turns_alternate_and_none_is_empty() -> None:
    chat = ChatRequest(
        messages=(said("user", "a"), said("user", "b"), Message("assistant"), said("user", "c")), prefill="One"
    )
    assert sent(chat)["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]},
        {"role": "model", "parts": [{"text": "One"}]},
    ]


def test_images_by_url_are_named_by_type() -> None:
    chat = ChatRequest(messages=(Message("user", (ImagePart("gs://b/x.png?v=1"),)),))
    assert sent(chat)["contents"][0]["parts"] == [
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/x.png?v=1"}}
    ]


@pytest.mark.parametrize(
    ("what", "chat", "model"),
    [
        ("prefill", ask(prefill="One"), "gemini-3.6-flash"),
        ("prefill", ask(prefill="One"), "gemini-3.5-flash-lite"),
        ("more than 5 stop texts", ask(stop=tuple("abcdef")), FLASH),
        ("images outside user turns", conversation(Message("tool", (ImagePart("https://x/y.png"),))), FLASH),
        ("tool results without their call", conversation(said("tool", "x", tool_call_id="who")), FLASH),
        (
            "an image at a URL that does not tell its type",
            ChatRequest(messages=(Message("user", (ImagePart("https://x/y"),)),)),
            FLASH,
        ),
        (
            "an image as a data URL without base64",
            ChatRequest(messages=(Message("user", (ImagePart("data:image/svg+xml,<svg/>"),)),)),
            FLASH,
        ),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(what: str, chat: ChatRequest, model: str) -> None:
    with pytest.raises(Unsupported, match=f"^{what}$"):
        sent(chat, model)


def test_what_is_left_out_is_noted() -> None:
    chat = ask(parallel_tool_calls=False, tools=(TOOL,), reasoning_effort="low", seed=1, frequency_penalty=0.1)
    assert noted(chat, "gemini-2.0-flash") == {"parallel_tool_calls", "reasoning_effort"}
    config = sent(chat, "gemini-2.0-flash")["generationConfig"]
    assert config == {"seed": 1, "frequencyPenalty": 0.1}


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        (FLASH, None, None),
        (FLASH, "none", {"thinkingBudget": 0}),
        (FLASH, "low", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("gemini-2.5-pro", "none", {"includeThoughts": True, "thinkingBudget": 512}),
        ("gemini-3-flash-preview", "minimal", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
        ("gemini-3-flash-preview", "max", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro-preview", "none", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3.1-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "MEDIUM"}),
    ],
)
def test_effort_becomes_a_budget_or_a_level(model: str, effort: Any, thinking: Any) -> None:
    config = sent(ask(reasoning_effort=effort), model).get("generationConfig", {})
    assert config.get("thinkingConfig") == thinking


@pytest.mark.parametrize(
    ("model", "effort", "feature"),
    [
        (FLASH, "none", set()),
        ("gemini-2.5-pro", "none", {"reasoning_effort none"}),
        ("gemini-3-flash-preview", "max", {"reasoning_effort max"}),
        ("gemini-2.0-flash", "none", {"reasoning_effort"}),
    ],
)
def test_an_effort_that_is_said_otherwise_is_noted(model: str, effort: Any, feature: set[str]) -> None:
    assert noted(ask(reasoning_effort=effort), model) == feature


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (None, None),
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("get_weather", {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
    ],
)
def test_tool_choice(choice: str | None, config: Any) -> None:
    said = sent(ask(tools=(TOOL,), tool_choice=choice)).get("toolConfig")
    assert said == (config and {"functionCallingConfig": config})


def test_the_targets_and_the_callers_settings_are_added_one_by_one() -> None:
    chat = ask(temperature=0.5, extra={"generationConfig": {"topK": 3}, "safetySettings": []})
    said = sent(chat, body={"generationConfig": {"temperature": 0.1}})
    assert said["generationConfig"] == {"temperature": 0.1, "topK": 3}
    assert said["safetySettings"] == []


WHOLE = {
    **chunk(
        {"text": "Plan.", "thought": True},
        {"text": "Hello"},
        {"functionCall": {"id": "fc-1", "name": "look", "args": {"at": 12345678901234567890123}}},
        finish="STOP",
    ),
    "usageMetadata": {
        "promptTokenCount": 8,
        "toolUsePromptTokenCount": 2,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "cachedContentTokenCount": 3,
    },
    "modelVersion": FLASH,
    "responseId": "r1",
}
WHOLE_EVENTS = [
    Started(FLASH, "r1"),
    ReasoningDelta("Plan.", 0),
    TextDelta("Hello"),
    ToolCallDelta(0, "fc-1", "look", '{"at": 12345678901234567890123}'),
    Usage(10, 12, 3, 7),
]


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one]])
def test_a_whole_answer_alone_or_in_an_array(wrap: Any) -> None:
    events, decoder = read(json.dumps(wrap(WHOLE)).encode(), head=JSON_HEAD)
    assert events == WHOLE_EVENTS
    assert (decoder.finish, decoder.failure) == (Finished("tool_calls", "STOP"), None)


def test_a_whole_answer_cut_anywhere_is_not_finished() -> None:
    answer = json.dumps(WHOLE).encode()
    for end in range(len(answer)):
        events, decoder = read(answer[:end], head=JSON_HEAD)
        assert (events, decoder.finish) == ([], None)
        assert decoder.failure.kind is ErrorKind.TRUNCATED


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"[]", ErrorKind.PROTOCOL),
        (b'{"a":1}', ErrorKind.PROTOCOL),
        (b'[{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}]', ErrorKind.OVERLOADED),
        (b'{"promptFeedback":{"blockReason":"SAFETY"}}', ErrorKind.CONTENT_FILTER),
    ],
)
def test_a_body_that_is_no_answer(answer: bytes, kind: ErrorKind) -> None:
    _, decoder = read(answer, head=JSON_HEAD)
    assert decoder.failure.kind is kind


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("RECITATION", "content_filter"),
        ("IMAGE_OTHER", "content_filter"),
        ("CONTINUATION", "length"),
        ("OTHER", "other"),
        ("OF_TOMORROW", "other"),
    ],
)
def test_finish_reasons(native: str, reason: str) -> None:
    _, decoder = stream(chunk({"text": "Hi"}, finish=native))
    assert decoder.finish == Finished(reason, native)


@pytest.mark.parametrize(
    ("native", "kind"),
    [
        ("MALFORMED_FUNCTION_CALL", ErrorKind.SERVER_ERROR),
        ("MISSING_THOUGHT_SIGNATURE", ErrorKind.BAD_REQUEST),
    ],
)
def test_finish_reasons_that_are_failures(native: str, kind: ErrorKind) -> None:
    events, decoder = stream(chunk({"text": "Hi"}, finish=native))
    assert TextDelta("Hi") in events
    assert (decoder.finish, decoder.failure.kind, decoder.failure.native_code) == (None, kind, native)


def test_a_reason_that_is_not_set_is_none() -> None:
    _, decoder = stream(chunk({"text": "Hi"}, finish="FINISH_REASON_UNSPECIFIED"))
    assert decoder.failure.kind is ErrorKind.TRUNCATED


def test_arguments_in_parts_are_not_lost_in_silence() -> None:
    _, decoder = stream(chunk({"functionCall": {"name": "look", "partialArgs": [{"jsonPath": "$.a"}]}}))
    assert decoder.failure.kind is ErrorKind.PROTOCOL


def test_calls_without_ids_get_ids_that_are_never_sent_back() -> None:
    events, _ = stream(chunk({"functionCall": {"name": "look", "args": None}}, finish="STOP"))
    call = next(event for event in events if isinstance(event, ToolCallDelta))
    assert (call.name, call.arguments) == ("look", "{}")
    turn = Message("assistant", tool_calls=(ToolCall(call.id, "look", "{}"),), origin="gemini")
    assert sent(ChatRequest(messages=(turn,)))["contents"][0]["parts"] == [
        {"functionCall": {"name": "look", "args": {}}}
    ]
    assert call.id != made_call_id()


def test_only_the_first_answer_is_read() -> None:
    other = {"candidates": [{"content": {"parts": [{"text": "No"}]}, "index": 1, "finishReason": "STOP"}]}
    events, decoder = stream(other, chunk({"text": "Yes"}, finish="STOP"))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Yes"]
    assert decoder.finish == Finished("stop", "STOP")


def test_a_delay_only_in_the_sentence_is_heard() -> None:
    body = b'{"error":{"code":429,"message":"Please retry in 1m2.5s.","status":"RESOURCE_EXHAUSTED"}}'
    assert provider.error_for(refusal(429), body).retry_after_s == 62.5


def test_a_quota_of_nothing_never_comes_back() -> None:
    words = "Quota exceeded for metric: free_tier_requests, limit: 0. Please retry in 3s."
    answer = json.dumps({"error": {"code": 429, "message": words, "status": "RESOURCE_EXHAUSTED"}}).encode()
    assert provider.error_for(refusal(429), answer).kind is ErrorKind.QUOTA_EXHAUSTED


def test_a_bare_error_is_heard_while_the_server_holds_the_line() -> None:
    decoder = provider.decoder(STREAM_HEAD)
    lines = b'{\n "error": {\n  "code": 503,\n  "status": "UNAVAILABLE"\n }\n}\n'
    for place in range(len(lines) - 1):
        decoder.feed(lines[place : place + 1])
        assert decoder.failure is None
    decoder.feed(lines[-1:])
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.OVERLOADED


def test_a_bare_chunk_before_the_first_event_is_read_alike_however_it_is_cut() -> None:
    bare, event = (json.dumps(each) for each in (chunk({"text": "Hel"}), chunk({"text": "lo"}, finish="STOP")))
    wire = f"{bare}\n\ndata: {event}\n\n".encode()
    readings = []
    for cut in range(len(wire)):
        decoder = provider.decoder(STREAM_HEAD)
        events = [*decoder.feed(wire[:cut]), *decoder.feed(wire[cut:]), *decoder.end()]
        readings.append((events, decoder.finish, decoder.failure and decoder.failure.kind))
    assert readings == [readings[0]] * len(wire)
    assert TextDelta("lo") in readings[0][0]


def test_a_page_is_no_error_of_the_api() -> None:
    assert provider.error_for(ResponseHead(502, {"content-type": "text/html"}), b"<html>").kind is (
        ErrorKind.SERVER_ERROR
    )


@pytest.mark.parametrize(
    ("model", "prefill"),
    [
        ("gemini-2.0-flash", "plain"),
        ("gemini-2.5-pro", "plain"),
        ("models/gemini-3.1-pro-preview", "plain"),
        ("gemini-3-flash-preview", "plain"),
        ("gemini-3.5-flash", "plain"),
        ("gemini-3.5-flash-lite", "none"),
        ("gemini-3.6-flash", "none"),
        ("gemini-4-pro", "none"),
        ("gemma-3-27b-it", None),
    ],
)
def test_prefill_is_known_by_model(model: str, prefill: str | None) -> None:
    assert provider.capabilities(model).prefill == prefill
