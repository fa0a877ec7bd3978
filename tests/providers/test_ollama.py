"""Ollama's native dialect: its requests, its answers, and what it cannot say."""

import json

import msgspec
import pytest
from standby.providers.chat import ImagePart, JsonSchema, Message, Reasoning, TextPart, ToolCall, chat_request
from standby.providers.dialects.ollama import provider
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, Started, TextDelta, ToolCallDelta, Usage
from standby.providers.provider import Decoder, ResponseHead, Unsupported

from conversation import KEY, TOOL, body, built, endpoint, refusal, weather

HEAD = ResponseHead(200, {"content-type": "application/x-ndjson"})


def decoder(*objects: dict[str, object]) -> tuple[Decoder, list[object]]:
    """A decoder that has read these objects, one a line, and what it made of them."""
    found = provider.decoder(HEAD)
    return found, found.feed(b"".join(msgspec.json.encode(each) + b"\n" for each in objects))


def test_address_and_credentials() -> None:
    wire = built(provider, chat_request("Hi"))
    assert wire.url == "http://localhost:11434/api/chat"
    assert wire.headers["authorization"] == f"Bearer {KEY}"
    assert wire.headers["accept"] == "application/x-ndjson"
    assert "authorization" not in built(provider, chat_request("Hi"), key=None).headers


def test_without_a_stream_says_so_since_the_server_streams_by_default() -> None:
    assert body(provider, chat_request("Hi"), stream=False)["stream"] is False


def test_options_of_target_and_caller_are_added_one_by_one() -> None:
    chat = chat_request("Hi", temperature=0.5, extra={"options": {"top_k": 7}, "keep_alive": "1h"})
    said = body(provider, chat, body={"options": {"num_ctx": 8192, "temperature": 0.1}})
    assert said["options"] == {"temperature": 0.1, "num_ctx": 8192, "top_k": 7}
    assert said["keep_alive"] == "1h"


@pytest.mark.parametrize(
    ("effort", "think"),
    [("none", False), ("minimal", "low"), ("low", "low"), ("high", "high"), ("xhigh", "high"), ("max", "max")],
)
def test_reasoning_effort_is_said_as_thinking(effort: str, think: object) -> None:
    assert body(provider, chat_request("Hi", reasoning_effort=effort))["think"] == think


def test_any_json_is_asked_for_by_its_word() -> None:
    assert body(provider, chat_request("Hi", response_format=JsonSchema({})))["format"] == "json"


def test_no_tool_is_offered_when_none_may_be_called() -> None:
    wire = built(provider, weather(tool_choice="none"))
    assert "tools" not in json.loads(wire.body)
    assert wire.notes == ("tool_choice none was said otherwise: Ollama has no tool_choice: no tool is offered",)


def test_thinking_goes_back_to_ollama_only() -> None:
    thought = (Reasoning("Hm."),)
    ours = Message("assistant", (TextPart("Yes"),), reasoning=thought, origin="ollama")
    theirs = Message("assistant", (TextPart("No"),), reasoning=thought, origin="anthropic")
    said = body(provider, weather(messages=(ours, theirs)))["messages"][1:]
    assert said == [
        {"role": "assistant", "content": "Yes", "thinking": "Hm."},
        {"role": "assistant", "content": "No"},
    ]


def test_arguments_stand_in_the_body_exactly_as_the_model_wrote_them() -> None:
    written = '{"big": 12345678901234567890.5, "b": 1, "a": 2}'
    wire = built(provider, weather(messages=(Message("assistant", (), (ToolCall("1", "f", written),)),)))
    assert b'"arguments":' + written.encode() in wire.body


@pytest.mark.parametrize("arguments", ["[1]", "{", "nonsense"])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    chat = weather(messages=(Message("assistant", (), (ToolCall("1", "f", arguments),)),))
    with pytest.raises(Unsupported, match="no JSON object"):
        built(provider, chat)


def test_an_image_by_url_is_refused_before_anything_is_sent() -> None:
    chat = weather(messages=(Message("user", (ImagePart("https://example.test/a.png"),)),))
    with pytest.raises(Unsupported, match="images by URL"):
        built(provider, chat)


def test_every_object_of_a_stream_counts_its_calls_on() -> None:
    call = {"function": {"index": 0, "name": "f", "arguments": {"a": [1, {"b": None}]}}}
    _, events = decoder({"message": {"tool_calls": [call]}}, {"message": {"tool_calls": [call]}})
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [(each.index, each.name, each.arguments) for each in calls] == [
        (0, "f", '{"a":[1,{"b":null}]}'),
        (1, "f", '{"a":[1,{"b":null}]}'),
    ]
    assert len({each.id for each in calls}) == 2


@pytest.mark.parametrize(("sent", "read"), [('{"a":1}', '{"a":1}'), (None, "{}")])
def test_arguments_as_a_text_or_null_are_understood(sent: str | None, read: str) -> None:
    _, events = decoder({"message": {"tool_calls": [{"function": {"name": "f", "arguments": sent}}]}})
    assert [event.arguments for event in events if isinstance(event, ToolCallDelta)] == [read]


def test_a_whole_answer_in_one_object_is_read_by_the_same_decoder() -> None:
    found = provider.decoder(ResponseHead(200, {"content-type": "application/json"}))
    whole = {"model": "m", "message": {"content": "Hi"}, "done": True, "done_reason": "stop", "eval_count": 2}
    events = found.feed(msgspec.json.encode(whole)) + found.end()
    assert events == [Started("m"), TextDelta("Hi"), Usage(0, 2)]
    assert found.finish == Finished("stop", "stop")


def test_an_end_without_a_reason_gets_none_invented() -> None:
    found, _ = decoder({"message": {"content": "Hi"}}, {"done": True})
    assert found.finish == Finished("other", None)


def test_a_length_stop_is_no_tool_call_though_calls_came() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    found, _ = decoder({"message": {"tool_calls": [call]}}, {"done": True, "done_reason": "length"})
    assert found.finish == Finished("length", "length")


@pytest.mark.parametrize(
    "line", [b"{\n", b"[1]\n", b'{"message": 7, "done": false}\n', b'{"message": {"content": 7}, "done": false}\n']
)
def test_a_line_that_begins_like_a_part_of_the_answer_is_never_skipped(line: bytes) -> None:
    found = provider.decoder(HEAD)
    assert found.feed(line) == []
    assert found.failure is not None
    assert found.failure.kind is ErrorKind.PROTOCOL


@pytest.mark.parametrize(
    "line", [b"[]\n", b"nonsense\n", b"null\n", b"{}\n", b'{"model": "m"}\n', b'{"message": "loading", "percent": 3}\n']
)
def test_a_line_that_is_no_part_of_the_answer_is_passed_over_with_a_note(line: bytes) -> None:
    found = provider.decoder(HEAD)
    lines = (
        line + b'{"message": {"content": "Hi"}, "done": false}\n' + line + b'{"done": true, "done_reason": "stop"}\n'
    )
    assert [event for event in found.feed(lines) if isinstance(event, TextDelta)] == [TextDelta("Hi")]
    assert found.finish == Finished("stop", "stop")
    assert len(found.notes) == 1


@pytest.mark.parametrize("sentence", ["error parsing tool call", "error of tomorrow"])
def test_an_error_whose_sentence_is_the_name_is_one(sentence: str) -> None:
    found, _ = decoder({"message": {"content": "Hi"}}, {sentence: "invalid character 'c' looking for a value"})
    assert found.failure is not None
    assert found.failure.kind is ErrorKind.SERVER_ERROR
    assert found.failure.provider_message == f"{sentence}: invalid character 'c' looking for a value"


def test_a_web_page_is_no_answer() -> None:
    found = provider.decoder(ResponseHead(200, {"content-type": "text/plain"}))
    found.feed(b"<html>")
    assert found.failure is not None
    assert found.failure.kind is ErrorKind.PROTOCOL


def test_an_error_in_the_stream_may_bring_its_own_status() -> None:
    found, _ = decoder({"error": "too many requests", "status_code": 429})
    assert found.failure is not None
    assert found.failure.kind is ErrorKind.RATE_LIMITED


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, '"llama2" does not support tools', ErrorKind.UNSUPPORTED),
        (400, '"llama2" does not support thinking', ErrorKind.UNSUPPORTED),
        (400, "invalid message content type", ErrorKind.BAD_REQUEST),
        (401, "unauthorized", ErrorKind.AUTH),
        (404, "model 'nope' not found", ErrorKind.NOT_FOUND),
        (429, "too many requests", ErrorKind.RATE_LIMITED),
        (500, "llama runner process has terminated", ErrorKind.SERVER_ERROR),
        (502, "cloud is unreachable", ErrorKind.SERVER_ERROR),
        (503, "server busy, please try again", ErrorKind.OVERLOADED),
    ],
)
def test_refusals_mean(status: int, message: str, kind: ErrorKind) -> None:
    error = provider.error_for(refusal(status), msgspec.json.encode({"error": message}))
    assert error.kind is kind
    assert message not in str(error)


@pytest.mark.parametrize(
    ("model", "prefill", "reasoning"),
    [
        ("qwen3-coder:30b", "plain", None),
        ("hf.co/someone/lfm2-8b", "plain", None),
        ("qwen3.5:9b", "plain", True),
        ("gpt-oss:120b-cloud", None, True),
        ("llama3.3", None, None),
    ],
)
def test_capabilities_by_family(model: str, prefill: str | None, reasoning: bool | None) -> None:
    known = provider.capabilities(model)
    assert (known.prefill, known.reasoning, known.json_schema) == (prefill, reasoning, True)


def test_the_key_is_shown_nowhere() -> None:
    assert KEY not in repr(built(provider, weather(tools=(TOOL,)))) + repr(endpoint(provider))


def test_ids_go_back_where_the_server_gave_them() -> None:
    """Two calls of one tool are told apart by them alone. A made one, and another server's, it does not know."""
    made = "call_" + 24 * "0"
    turns = [
        Message("assistant", (ToolCall("call_1", "f", "{}"), ToolCall(made, "f", "{}")), origin="ollama"),
        Message("tool", "a", tool_call_id="call_1"),
        Message("tool", "b", tool_call_id=made),
        Message("assistant", (ToolCall("toolu_1", "f", "{}"),), origin="anthropic"),
        Message("tool", "c", tool_call_id="toolu_1"),
    ]
    first, one, two, second, three = body(provider, weather(messages=tuple(turns)))["messages"][1:]
    assert [call.get("id") for call in first["tool_calls"]] == ["call_1", None]
    assert [call.get("id") for call in second["tool_calls"]] == [None]
    assert [each.get("tool_call_id") for each in (one, two, three)] == ["call_1", None, None]
