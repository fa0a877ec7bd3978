"""Bedrock's dialect: its frames, its requests and their signature, and what it cannot say."""

import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from standby.providers.chat import ImagePart, JsonSchema, Message, Reasoning, TextPart, Tool, ToolCall, chat_request
from standby.providers.dialects.bedrock import Bedrock, provider
from standby.providers.dialects.bedrock_auth import utc_now
from standby.providers.errors import ErrorKind, MissingExtraError, ProviderError
from standby.providers.events import Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta, Usage
from standby.providers.provider import ResponseHead, Unsupported
from standby.providers.secret import Secret
from standby.simulator.dialects.binary import frame

from components import need
from conversation import COUNT, IMAGE, KEY, TOOL, body, endpoint, refusal, weather
from wire_fixtures import Fixture, Verdict, fixtures, run

STREAM = ResponseHead(200, {"content-type": "application/vnd.amazon.eventstream", "x-amzn-requestid": "r1"})
JSON = ResponseHead(200, {"content-type": "application/json"})
MOMENT = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
ENVIRONMENT = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
HERE = Bedrock(ENVIRONMENT, lambda: MOMENT)
MODEL = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.fixture(autouse=True)
def _with_botocore() -> None:
    need("botocore")


def asked(chat: Any, model: str = MODEL, **changes: Any) -> Any:
    """The body of a request."""
    return body(HERE, chat, model, **changes)


def read(*frames: bytes) -> Verdict:
    """What is made of a stream of these frames."""
    return run(provider, Fixture("bedrock", "made", STREAM, b"".join(frames), True, {}, None))


def event(name: str, **payload: Any) -> bytes:
    """A frame with an event."""
    return frame({":message-type": "event", ":event-type": name}, msgspec.json.encode(payload))


def test_a_frame_whose_checksum_differs_is_a_breach_and_what_came_before_it_is_given() -> None:
    (fixture,) = [each for each in fixtures("bedrock") if each.name == "corrupt_crc.bin"]
    verdict = run(provider, fixture)
    assert verdict.text == fixture.expect["text"]
    assert verdict.error is not None
    assert verdict.error.kind is ErrorKind.PROTOCOL


def test_a_stream_damaged_at_any_byte_never_gives_other_text() -> None:
    (fixture,) = [each for each in fixtures("bedrock") if each.name == "success.bin"]
    for place in range(0, len(fixture.body), 3):
        damaged = bytearray(fixture.body)
        damaged[place] ^= 0x10
        verdict = run(provider, fixture, [bytes(damaged)])
        assert fixture.expect["text"].startswith(verdict.text)
        assert verdict.error is not None or verdict.text == fixture.expect["text"]


def test_goes_on_with_an_answer_without_its_trailing_blanks() -> None:
    chat = msgspec.structs.replace(COUNT, prefill="One, two, ")
    assert HERE.build_request(chat, endpoint(HERE, MODEL)).prefill_cut == " "
    assert asked(chat)["messages"][-1] == {"role": "assistant", "content": [{"text": "One, two,"}]}


def test_a_turn_without_a_word_is_not_sent() -> None:
    chat = msgspec.structs.replace(COUNT, prefill=" ")
    assert [turn["role"] for turn in asked(chat)["messages"]] == ["user"]


def test_a_signature_is_dated_now() -> None:
    assert utc_now().tzinfo is UTC


@pytest.mark.parametrize(
    ("chat", "what"),
    [
        (msgspec.structs.replace(COUNT, response_format=JsonSchema({"type": "object"})), "response_format"),
        (msgspec.structs.replace(COUNT, tools=(TOOL,), tool_choice="required"), "forced tool"),
        (weather(messages=(Message("user", (ImagePart("https://example.test/a.png"),)),)), "images by URL"),
        (weather(messages=(Message("user", (ImagePart("data:image/bmp;base64,AA"),)),)), "images other than png"),
        (weather(tools=()), "tool history without tools"),
        (weather(tool_choice="none"), "tool history without tools"),
        (chat_request("Hi", response_format=JsonSchema({})), "without a schema"),
    ],
)
def test_what_it_cannot_say_is_refused(chat: Any, what: str) -> None:
    with pytest.raises(Unsupported, match=what):
        asked(chat)


def test_newer_claudes_take_no_prefill() -> None:
    with pytest.raises(Unsupported, match="prefill"):
        asked(COUNT, "us.anthropic.claude-opus-4-7-v1:0")


def test_results_of_parallel_calls_are_one_turn() -> None:
    calls = (ToolCall("1", "f", "{}"), ToolCall("2", "g", ""))
    chat = weather(
        messages=(
            Message("user", (TextPart("Go"),)),
            Message("assistant", (TextPart("Well"), TextPart(" ")), calls),
            Message("tool", (TextPart("done"),), tool_call_id="1"),
            Message("tool", (TextPart("  "), IMAGE), tool_call_id="2", is_error=True),
            Message("user", (TextPart("Thanks"),)),
        )
    )
    turns = asked(chat)["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == [
        {"text": "Well"},
        {"toolUse": {"toolUseId": "1", "name": "f", "input": {}}},
        {"toolUse": {"toolUseId": "2", "name": "g", "input": {}}},
    ]
    image = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}
    assert turns[2]["content"] == [
        {"toolResult": {"toolUseId": "1", "content": [{"text": "done"}], "status": "success"}},
        {"toolResult": {"toolUseId": "2", "content": [image], "status": "error"}},
        {"text": "Thanks"},
    ]


def test_thinking_goes_back_with_its_proof_to_bedrock_only() -> None:
    thoughts = (Reasoning("Hm.", signature="c2ln"), Reasoning("", redacted="eHl6"), Reasoning("Plain."))
    ours = Message("assistant", (TextPart("Yes"),), reasoning=thoughts, origin="bedrock")
    theirs = Message("assistant", (TextPart("No"),), reasoning=thoughts, origin="anthropic")
    user = Message("user", (TextPart("Well?"),))
    turns = asked(weather(messages=(user, ours, user, theirs)))["messages"]
    assert turns[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "eHl6"}},
        {"reasoningContent": {"reasoningText": {"text": "Plain."}}},
        {"text": "Yes"},
    ]
    assert turns[3]["content"] == [{"text": "No"}]


def test_a_json_schema_stands_as_text() -> None:
    wanted = JsonSchema({"type": "object", "additionalProperties": False}, name="r", description="d")
    assert asked(chat_request("Hi", response_format=wanted))["outputConfig"] == {
        "textFormat": {
            "type": "json_schema",
            "structure": {
                "jsonSchema": {
                    "schema": '{"type":"object","additionalProperties":false}',
                    "name": "r",
                    "description": "d",
                }
            },
        }
    }


def test_tools_and_effort() -> None:
    chat = chat_request("Hi", tools=[Tool("f", strict=True)], tool_choice="f", reasoning_effort="high")
    said = asked(chat, "eu.anthropic.claude-opus-4-5-20251101-v1:0")
    assert said["toolConfig"] == {
        "tools": [
            {
                "toolSpec": {
                    "name": "f",
                    "inputSchema": {"json": {"type": "object", "properties": {}, "additionalProperties": False}},
                    "strict": True,
                }
            }
        ],
        "toolChoice": {"tool": {"name": "f"}},
    }
    assert said["outputConfig"] == {"effort": "high"}
    assert "toolConfig" not in asked(chat_request("Hi", tools=[Tool("f")], tool_choice="none"))
    assert "outputConfig" not in asked(chat_request("Hi", reasoning_effort="none"))


def test_what_converse_does_not_have_is_noted() -> None:
    wire = HERE.build_request(chat_request("Hi", seed=1, presence_penalty=0.5), endpoint(HERE, MODEL))
    assert [note.partition(" was ")[0] for note in wire.notes] == ["seed", "presence_penalty"]


def test_settings_of_target_and_caller_are_added_one_by_one() -> None:
    chat = chat_request("Hi", temperature=0.5, extra={"additionalModelRequestFields": {"top_k": 7}})
    said = asked(chat, body={"inferenceConfig": {"maxTokens": 9}, "additionalModelRequestFields": {"x": 1}})
    assert said["inferenceConfig"] == {"temperature": 0.5, "maxTokens": 9}
    assert said["additionalModelRequestFields"] == {"x": 1, "top_k": 7}


# Address and credentials


def test_a_key_is_a_bearer_token_and_the_model_is_quoted() -> None:
    wire = HERE.build_request(chat_request("Hi"), endpoint(HERE, MODEL))
    assert wire.url == (
        "https://bedrock-runtime.eu-central-1.amazonaws.com"
        "/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream"
    )
    assert wire.headers["authorization"] == f"Bearer {KEY}"
    assert wire.headers["accept"] == "application/vnd.amazon.eventstream"
    single = HERE.build_request(chat_request("Hi"), endpoint(HERE, "arn:aws:x/y", stream=False))
    assert single.url.endswith("/model/arn%3Aaws%3Ax%2Fy/converse")


def test_the_region_is_the_targets_or_the_environments() -> None:
    def host(environment: dict[str, str], **options: str) -> str:
        chosen = endpoint(HERE, "m", options=options)
        return Bedrock(environment).build_request(chat_request("Hi"), chosen).url.split(".")[1]

    assert host({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}, region="c") == "c"
    assert host({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}) == "a"
    assert host({"AWS_DEFAULT_REGION": "b"}) == "b"
    with pytest.raises(ProviderError, match="no region") as caught:
        host({})
    assert caught.value.kind is ErrorKind.AUTH


def test_a_signature_is_the_one_that_botocore_itself_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore import auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    monkeypatch.setattr(auth, "get_current_datetime", lambda: MOMENT.replace(tzinfo=None))
    environment = {**ENVIRONMENT, "AWS_SESSION_TOKEN": "token/of+a=session"}
    wire = Bedrock(environment, lambda: MOMENT).build_request(weather(), endpoint(HERE, MODEL, key=None))
    theirs = AWSRequest("POST", wire.url, headers={"content-type": "application/json"}, data=wire.body)
    keys = Credentials(
        *(environment[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
    )
    auth.SigV4Auth(keys, "bedrock", "eu-central-1").add_auth(theirs)
    assert wire.headers["authorization"] == theirs.headers["Authorization"]
    assert wire.headers["x-amz-date"] == theirs.headers["X-Amz-Date"] == "20261122T100000Z"
    assert wire.headers["x-amz-security-token"] == "token/of+a=session"
    assert "host" not in wire.headers


def test_signing_writes_nothing_into_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    environment = {**ENVIRONMENT, "AWS_SESSION_TOKEN": "session-secret"}
    Bedrock(environment, lambda: MOMENT).build_request(weather(), endpoint(HERE, MODEL, key=None))
    assert "session-secret" not in caplog.text
    assert "weather" not in caplog.text.lower()


def test_credentials_come_from_one_place_and_are_never_mixed() -> None:
    environment = {**ENVIRONMENT, "AWS_SESSION_TOKEN": "of-the-environment"}
    options = {"access_key_id": "AKIDOTHER", "secret_access_key": Secret("s")}
    here = Bedrock(environment, lambda: MOMENT)
    wire = here.build_request(weather(), endpoint(HERE, MODEL, key=None, options=options))
    assert "Credential=AKIDOTHER/20261122/eu-central-1/bedrock/aws4_request" in wire.headers["authorization"]
    assert "x-amz-security-token" not in wire.headers


@pytest.mark.parametrize("options", [{}, {"access_key_id": "AKIDOTHER"}])
def test_without_credentials_it_says_what_to_do(options: dict[str, str]) -> None:
    alone = Bedrock({"AWS_REGION": "eu-central-1"}, lambda: MOMENT)
    with pytest.raises(ProviderError, match="AWS_BEARER_TOKEN_BEDROCK") as caught:
        alone.build_request(weather(), endpoint(HERE, MODEL, key=None, options=options))
    assert caught.value.kind is ErrorKind.AUTH
    assert caught.value.local


def test_without_botocore_it_says_what_to_install_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.eventstream", None)
    with pytest.raises(MissingExtraError, match=r"standby\[bedrock\]"):
        asked(chat_request("Hi"))


# What it says


def test_a_whole_answer() -> None:
    answer = {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                    {"text": "Well"},
                    {"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": "b"}}},
                    {"toolUse": {"toolUseId": "2", "name": "g", "input": {}}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 5, "outputTokens": 7, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 2},
    }
    verdict = run(provider, Fixture("bedrock", "made", JSON, msgspec.json.encode(answer), True, {}, None))
    assert verdict.events == [
        Started(),
        ReasoningDelta("Hm.", 0, "c2ln"),
        TextDelta("Well"),
        ToolCallDelta(0, "1", "f", '{"a":"b"}'),
        ToolCallDelta(1, "2", "g", "{}"),
        Usage(10, 7, 3, cache_write_tokens=2),
    ]
    assert verdict.finish == Finished("tool_calls", "tool_use")


def test_blocks_that_interleave_keep_apart() -> None:
    def start(index: int, call_id: str) -> bytes:
        return event(
            "contentBlockStart", contentBlockIndex=index, start={"toolUse": {"toolUseId": call_id, "name": "f"}}
        )

    def piece(index: int, text: str) -> bytes:
        return event("contentBlockDelta", contentBlockIndex=index, delta={"toolUse": {"input": text}})

    verdict = read(
        start(1, "a"),
        start(2, "b"),
        piece(1, '{"x":'),
        piece(2, '{"y":"é"}'),
        piece(1, "1}"),
        event("contentBlockStop", contentBlockIndex=1),
        event("messageStop", stopReason="tool_use"),
    )
    assert [(call["id"], call["arguments"]) for call in verdict.calls] == [("a", {"x": 1}), ("b", {"y": "é"})]


def test_opaque_thinking_is_kept() -> None:
    verdict = read(
        event("contentBlockDelta", contentBlockIndex=3, delta={"reasoningContent": {"redactedContent": "eHl6"}})
    )
    assert verdict.events == [ReasoningDelta("", 3, None, "eHl6")]


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("something_new", "other"),
    ],
)
def test_finish_reasons(native: str, reason: str) -> None:
    assert read(event("messageStop", stopReason=native)).finish == Finished(reason, native)  # type: ignore[arg-type]


@pytest.mark.parametrize("native", ["malformed_model_output", "malformed_tool_use"])
def test_reasons_that_are_failures(native: str) -> None:
    verdict = read(event("messageStop", stopReason=native))
    assert verdict.finish is None
    assert verdict.error is not None
    assert (verdict.error.kind, verdict.error.native_code) == (ErrorKind.SERVER_ERROR, native)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", ErrorKind.RATE_LIMITED),
        ("serviceUnavailableException", ErrorKind.OVERLOADED),
        ("internalServerException", ErrorKind.SERVER_ERROR),
        ("modelStreamErrorException", ErrorKind.SERVER_ERROR),
        ("modelTimeoutException", ErrorKind.TIMEOUT),
        ("validationException", ErrorKind.BAD_REQUEST),
        ("somethingNewException", ErrorKind.SERVER_ERROR),
    ],
)
def test_exceptions_in_the_stream(name: str, kind: ErrorKind) -> None:
    headers = {":message-type": "exception", ":exception-type": name}
    for payload in (b'{"message":"m","originalStatusCode":500}', b"", b"not json"):
        error = read(frame(headers, payload)).error
        assert error is not None
        assert (error.kind, error.native_type, error.request_id) == (kind, name, "r1")


def test_an_event_that_is_no_json_is_never_skipped() -> None:
    headers = {":message-type": "event", ":event-type": "contentBlockDelta"}
    error = read(frame(headers, b'{"delta":{"te')).error
    assert error is not None
    assert error.kind is ErrorKind.PROTOCOL


def test_a_lone_surrogate_is_put_right() -> None:
    headers = {":message-type": "event", ":event-type": "contentBlockDelta"}
    assert read(frame(headers, b'{"delta":{"text":"\\ud83d!"}}')).text == "\ufffd!"


def test_nothing_behind_the_token_counts_is_read() -> None:
    head = event("messageStop", stopReason="end_turn")
    found = provider.decoder(STREAM)
    assert found.feed(head) == []
    assert not found.closed
    assert found.feed(event("metadata", usage={"inputTokens": 1, "outputTokens": 2})) == [Usage(1, 2)]
    assert found.closed
    assert found.feed(event("contentBlockDelta", delta={"text": "late"})) == []


def test_metadata_without_counts_and_empty_pieces_are_nothing() -> None:
    empty = {"reasoningContent": {"text": ""}}
    verdict = read(
        event("contentBlockDelta", delta=empty),
        event("contentBlockDelta", delta={"text": ""}),
        event("messageStop", stopReason="end_turn"),
        event("metadata", metrics={"latencyMs": 1}),
    )
    assert verdict.events == []
    assert verdict.finish == Finished("stop", "end_turn")


def test_unknown_events_are_nothing() -> None:
    assert read(event("somethingNew", a=1), event("contentBlockStart", start={})).events == []


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "ValidationException", ErrorKind.BAD_REQUEST),
        (400, "ServiceQuotaExceededException", ErrorKind.QUOTA_EXHAUSTED),
        (403, "ExpiredTokenException", ErrorKind.AUTH),
        (403, "UnrecognizedClientException:http://internal.example/", ErrorKind.AUTH),
        (404, "ResourceNotFoundException", ErrorKind.NOT_FOUND),
        (408, "ModelTimeoutException", ErrorKind.TIMEOUT),
        (424, "ModelErrorException", ErrorKind.SERVER_ERROR),
        (429, "ModelNotReadyException", ErrorKind.OVERLOADED),
        (429, "ThrottlingException", ErrorKind.RATE_LIMITED),
        (500, "InternalServerException", ErrorKind.SERVER_ERROR),
        (503, "ServiceUnavailableException", ErrorKind.OVERLOADED),
    ],
)
def test_refusals_mean(status: int, name: str, kind: ErrorKind) -> None:
    told = provider.error_for(refusal(status, **{"x-amzn-errortype": name}), b'{"message":"m"}')
    written = provider.error_for(refusal(status), msgspec.json.encode({"__type": f"com.amazon#{name}", "Message": "m"}))
    for error in (told, written):
        assert (error.kind, error.native_type, error.provider_message) == (kind, name.partition(":")[0], "m")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("The provided model identifier is invalid.", ErrorKind.REFUSED_HERE),
        ("Input is too long for requested model.", ErrorKind.CONTEXT_LENGTH),
        ("This model does not support assistant message prefill.", ErrorKind.PREFILL_UNSUPPORTED),
    ],
)
def test_validation_says_more_in_words(message: str, kind: ErrorKind) -> None:
    head = refusal(400, **{"x-amzn-errortype": "ValidationException"})
    assert provider.error_for(head, msgspec.json.encode({"message": message})).kind is kind


def test_capabilities() -> None:
    assert provider.capabilities(MODEL).prefill == "plain"
    assert provider.capabilities(MODEL).tools is True
    assert provider.capabilities("us.anthropic.claude-sonnet-4-5-v1:0").prefill is None
    assert provider.capabilities("global.anthropic.claude-opus-5-v1:0").prefill == "none"
    assert provider.capabilities("amazon.nova-pro-v1:0").tools is None
