"""The OpenAI chat protocol: requests and quirks, and answers in unusual dress."""

import json
import math
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.capabilities import Capabilities
from standby.providers.chat import (
    AllowedTools,
    ChatRequest,
    ImagePart,
    InvalidRequest,
    Message,
    Reasoning,
    TextPart,
    ToolCall,
    ToolChoice,
    chat_request,
)
from standby.providers.dialects.openai import OpenAIChat, provider
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
from standby.providers.provider import Decoder, Endpoint, Provider, ResponseHead, Unsupported, WireRequest
from standby.providers.quirks import PrefillForm, Quirks
from standby.providers.secret import Secret

from wire_fixtures import WIRE

STREAM = ResponseHead(200, {"content-type": "text/event-stream", "x-request-id": "r1"}, 1000.0)
JSON = ResponseHead(200, {"content-type": "application/json"}, 1000.0)
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def speaker(capabilities: Capabilities | None = None, **quirks: Any) -> OpenAIChat:
    return OpenAIChat("else", provider.info, quirks=Quirks(**quirks), capabilities=capabilities)


def asked(
    chat: ChatRequest | str, by: OpenAIChat = provider, model: str = "gpt-4o-mini", **endpoint: Any
) -> tuple[WireRequest, dict[str, Any]]:
    chat = chat_request(chat) if isinstance(chat, str) else chat
    wire = by.build_request(chat, Endpoint(base_url="https://host/v1", model=model, **endpoint))
    return wire, json.loads(wire.body)


def test_it_is_a_provider() -> None:
    assert isinstance(provider, Provider)
    assert repr(provider) == "<provider openai>"


def test_a_request_with_everything_is_as_recorded() -> None:
    recorded = json.loads((WIRE / "requests" / "openai-chat.json").read_bytes())
    given = {name: recorded[name] for name in ("tools", "tool_choice", "temperature", "stop", "response_format")}
    wire, body = asked(chat_request(recorded["messages"], max_tokens=100, **given), key=Secret("sk-1"))
    assert body == recorded
    assert (wire.method, wire.url, wire.notes) == ("POST", "https://host/v1/chat/completions", ())
    headers = dict(wire.headers)
    assert headers.pop("user-agent").startswith("standby/")
    assert headers == {
        "authorization": "Bearer sk-1",
        "content-type": "application/json",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
    }


def test_a_whole_answer_is_asked_for_without_a_stream() -> None:
    wire, body = asked("a", stream=False)
    assert body == {"model": "gpt-4o-mini", "stream": False, "messages": [{"role": "user", "content": "a"}]}
    assert wire.headers["accept"] == "application/json"
    assert "accept-encoding" not in wire.headers
    assert "authorization" not in wire.headers


def test_targets_and_callers_add_fields_and_headers() -> None:
    chat = chat_request("a", extra={"top_k": 2, "seed": None}, seed=1, temperature=0.1)
    wire, body = asked(
        chat, body={"top_k": 1, "user": "u", "temperature": 0.9}, headers={"X-Team": "t", "Accept": "*/*"}
    )
    assert (body["top_k"], body["user"], body["temperature"]) == (2, "u", 0.9)
    assert "seed" not in body
    assert (wire.headers["x-team"], wire.headers["accept"]) == ("t", "*/*")


def test_options_become_headers_and_query() -> None:
    wire, _ = asked("a", options={"organization": "o", "project": "p"})
    assert (wire.headers["openai-organization"], wire.headers["openai-project"]) == ("o", "p")
    azure = speaker(
        path="/openai/deployments/{model}/chat/completions",
        key_header="api-key",
        key_prefix="",
        option_query={"api_version": "api-version"},
    )
    wire, _ = asked("a", azure, model="my model/1", key=Secret("k"), options={"api_version": "2026-01-01 x"})
    assert wire.url == ("https://host/v1/openai/deployments/my%20model%2F1/chat/completions?api-version=2026-01-01+x")
    assert wire.headers["api-key"] == "k"
    assert "authorization" not in wire.headers


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", [name for name in registry.names() if isinstance(registry.get(name), OpenAIChat)])
def test_a_plain_question_is_sent_as_any_other_request_is(
    monkeypatch: pytest.MonkeyPatch, name: str, stream: bool
) -> None:
    def asked() -> WireRequest:
        endpoint = Endpoint(
            base_url="https://h/v1", model="m", stream=stream, body={"more": 1}, quirks={"alternate": True}
        )
        return registry.get(name).build_request(chat_request("hi"), endpoint)

    quick = asked()
    monkeypatch.setattr("standby.providers.dialects.openai.plain_question", lambda chat: None)
    assert quick == asked()


def test_more_than_one_answer_is_refused() -> None:
    for given in ({"body": {"n": 2}}, {}):
        with pytest.raises(Unsupported, match="n: a stream of several answers"):
            asked(chat_request("a", extra={} if given else {"n": 3}), **given)
    assert asked(chat_request("a", extra={"n": 1}))[1]["n"] == 1


@pytest.mark.parametrize(
    ("form", "effort", "wanted"),
    [
        ("reasoning_effort", "low", {"reasoning_effort": "low"}),
        ("reasoning", "low", {"reasoning": {"effort": "low"}}),
        ("thinking", "low", {"thinking": {"type": "enabled"}}),
        ("thinking", "none", {"thinking": {"type": "disabled"}}),
        ("template_enable_thinking", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("enable_thinking", "low", {"enable_thinking": True}),
    ],
)
def test_the_forms_of_reasoning_effort(form: Any, effort: str, wanted: dict[str, Any]) -> None:
    _, body = asked(chat_request("a", reasoning_effort=effort), speaker(effort=form, stream_options=None))
    assert body == {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": "a"}]} | wanted


def test_other_names_other_roles_and_more_fields() -> None:
    by = speaker(max_tokens_field="max_tokens", renames={"seed": "random_seed"}, system_role="developer", body={"x": 1})
    _, body = asked(chat_request("a", system="s", max_tokens=5, seed=7), by)
    assert (body["max_tokens"], body["random_seed"], body["x"]) == (5, 7, 1)
    assert body["messages"][0] == {"role": "developer", "content": "s"}


PREFILLED = chat_request("Count to five.", prefill="One, two,")


@pytest.mark.parametrize(
    ("recorded", "form"),
    [
        ("groq", PrefillForm()),
        ("vllm", PrefillForm(body={"continue_final_message": True, "add_generation_prompt": False})),
        ("llamacpp", PrefillForm(body={"chat_template_kwargs": {"enable_thinking": False}})),
        ("deepseek (base https://api.deepseek.com/beta)", PrefillForm(turn={"prefix": True})),
    ],
)
def test_prefill_is_sent_in_the_form_of_the_server(recorded: str, form: PrefillForm) -> None:
    wanted = json.loads((WIRE / "requests" / "continuation.json").read_bytes())[recorded]
    _, body = asked(PREFILLED, speaker(prefill=form))
    assert {name: body[name] for name in wanted} == wanted


def test_prefill_is_refused_where_the_model_would_begin_anew() -> None:
    for by in (provider, speaker(), speaker(Capabilities(prefill="none"), prefill=PrefillForm())):
        with pytest.raises(Unsupported, match="prefill"):
            asked(PREFILLED, by)


@pytest.mark.parametrize(
    ("given", "lacks", "feature"),
    [
        ({"tools": [TOOL]}, {"tools"}, "tools"),
        ({"tools": [TOOL], "tool_choice": "required"}, {"tool_choice"}, "tool_choice"),
        ({"stop": "x"}, {"stop"}, "stop"),
        ({"max_tokens": 1}, {"max_tokens"}, "max_tokens"),
        ({"response_format": {"type": "json_object"}}, {"response_format"}, "response_format"),
        ({"system": "s"}, {"system"}, "system"),
    ],
)
def test_what_cannot_be_said_is_refused(given: dict[str, Any], lacks: set[str], feature: str) -> None:
    with pytest.raises(Unsupported, match=feature):
        asked(chat_request("a", **given), speaker(lacks=frozenset(lacks)))
    assert asked(chat_request("a"), speaker(lacks=frozenset(lacks)))[0].notes == ()


def test_what_only_shapes_the_answer_is_left_out_with_a_note() -> None:
    chat = chat_request("a", seed=1, temperature=0.5, tools=[TOOL], tool_choice="auto", parallel_tool_calls=True)
    wire, body = asked(chat, speaker(Capabilities(sampling=False, seed=False), lacks=frozenset({"tool_choice"})))
    assert {"seed", "temperature", "tool_choice"}.isdisjoint(body)
    assert body["parallel_tool_calls"] is True
    assert [note.split()[0] for note in wire.notes] == ["temperature", "seed"]


def test_a_tool_choice_without_tools_is_not_sent() -> None:
    _, body = asked(chat_request("a", tool_choice="auto", parallel_tool_calls=False))
    assert {"tool_choice", "parallel_tool_calls"}.isdisjoint(body)


@pytest.mark.parametrize("choice", ["required", "look", AllowedTools(("look",))])
def test_a_choice_of_tools_that_are_not_offered_is_refused(choice: ToolChoice) -> None:
    with pytest.raises(InvalidRequest, match="tool_choice"):
        chat_request("a", tool_choice=choice)
    with pytest.raises(InvalidRequest, match="tool_choice"):
        chat_request(ChatRequest(messages=[Message("user", "a")], tool_choice=choice))


def test_images_go_only_where_they_can_be_said() -> None:
    image = ImagePart("https://host/a.png", "high")
    _, body = asked(chat_request([Message("user", (TextPart("a"), image))]))
    assert body["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": image.url, "detail": "high"}}
    with pytest.raises(Unsupported, match=r"^images$"):
        asked(chat_request([Message("user", (image,))]), speaker(lacks=frozenset({"images"})))
    with pytest.raises(Unsupported, match="images in assistant messages"):
        asked(chat_request([Message("assistant", (image,))]))


def test_reasoning_goes_back_to_its_own_provider_only() -> None:
    def turn(whose: str | None) -> ChatRequest:
        blocks = (Reasoning("I "), Reasoning("thought"))
        call = ToolCall("c", "f", "{}")
        return chat_request([Message("assistant", (TextPart("a"),), (call,), reasoning=blocks, origin=whose)])

    by = speaker(reasoning_field="reasoning_content")
    assert asked(turn("else"), by)[1]["messages"][0]["reasoning_content"] == "I thought"
    assert "reasoning_content" not in asked(turn("other"), by)[1]["messages"][0]
    assert "reasoning_content" not in asked(turn("openai"))[1]["messages"][0]
    assert asked(turn(None), by)[1]["messages"][0]["content"] == "a"


@pytest.mark.parametrize(
    ("model", "reasoning", "sampling"),
    [
        ("gpt-5-mini", True, False),
        ("gpt-5.2", True, True),
        ("gpt-5-chat-latest", False, True),
        ("o4-mini", True, False),
        ("gpt-4o", False, True),
    ],
)
def test_what_is_known_of_models(model: str, reasoning: bool | None, sampling: bool) -> None:
    known = provider.capabilities(model)
    assert (known.reasoning, known.sampling, known.tools, known.prefill) == (reasoning, sampling, True, "none")


def test_no_key_shows_in_a_request() -> None:
    wire, _ = asked("a secret prompt", key=Secret("sk-hidden"))
    assert "sk-hidden" not in repr(wire)
    assert "secret prompt" not in repr(wire)


# Answers.


def chunk(delta: Any = None, **fields: Any) -> dict[str, Any]:
    finish = fields.pop("finish_reason", None)
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "x", "model": "m", "choices": choices, **fields}


def read(*chunks: Any, head: ResponseHead = STREAM) -> tuple[list[Any], Decoder]:
    """Events without the beginning, however the chunks come: all in one read, each in its own, or named."""
    results = []
    datas = [each if isinstance(each, str) else json.dumps(each) for each in chunks]
    for prefix in ("data: ", "event: message\ndata:"):
        for together in (True, False):
            decoder = provider.decoder(head)
            reads = [f"{prefix}{data}\n\n".encode() for data in datas]
            events: list[Any] = []
            for data in [b"".join(reads)] if together else reads:
                events += decoder.feed(data)
            events += decoder.end()
            kind = decoder.failure.kind if decoder.failure else None
            results.append(([event for event in events if not isinstance(event, Started)], decoder.finish, kind))
    assert all(result == results[0] for result in results)
    return results[0][0], decoder


END = chunk({}, finish_reason="stop")
A_TEXT = {"type": "text", "text": "a"}


@pytest.mark.parametrize(
    ("delta", "events"),
    [
        ({"content": "a"}, [TextDelta("a")]),
        ({"content": ""}, []),
        ({"content": None, "reasoning": "t"}, [ReasoningDelta("t")]),
        ({"content": "a", "reasoning_content": "t"}, [ReasoningDelta("t"), TextDelta("a")]),
        ({"reasoning": "t", "reasoning_content": "t"}, [ReasoningDelta("t")]),
        ({"content": "a", "refusal": "no"}, [TextDelta("a"), RefusalDelta("no")]),
        ({"content": [A_TEXT, A_TEXT, 5]}, [TextDelta("a"), PartAdded(TextPart("")), TextDelta("a")]),
        ({"content": [{"type": "thinking", "thinking": [A_TEXT]}, {"type": "text", "text": "b"}]},
         [ReasoningDelta("a"), TextDelta("b")]),
        ({"content": 5, "refusal": "no"}, [RefusalDelta("no")]),
        ({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]},
         [ToolCallDelta(0, "c", "f", "{}")]),
        ({"content": "a", "tool_calls": [{"index": 3, "id": "c", "function": {"name": "f"}}]},
         [TextDelta("a"), ToolCallDelta(0, "c", "f")]),
        ({"tool_calls": {"id": "c", "function": {"name": "f", "arguments": {"k": 1}}}},
         [ToolCallDelta(0, "c", "f", '{"k":1}')]),
        ({"tool_calls": [{"index": 0.0, "id": "c", "function": {"name": "f", "arguments": None}}, "junk"]},
         [ToolCallDelta(0, "c", "f")]),
        ({"tool_calls": []}, []),
        ({"content": "a\ud800b"}, [TextDelta("a\ufffdb")]),
    ],
)  # fmt: skip
def test_deltas_of_all_kinds(delta: dict[str, Any], events: list[Any]) -> None:
    assert read(chunk({"role": "assistant", "content": ""}), chunk(delta), END)[0] == events
    assert read(chunk(delta), END)[0] == events


def test_a_beginning_is_told_once_by_the_first_chunk_that_knows() -> None:
    decoder = provider.decoder(STREAM)
    first = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    data = "".join(
        f"data: {json.dumps(each)}\n\n" for each in (first, chunk({"content": "a"}), chunk({"content": "b"}))
    )
    assert decoder.feed(data.encode()) == [Started("m", "x"), TextDelta("a"), TextDelta("b")]


@pytest.mark.parametrize(
    ("native", "reason"),
    [("stop", "stop"), ("eos", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("?", "other")],
)
def test_finish_reasons(native: str, reason: str) -> None:
    _, decoder = read(chunk({"content": "a"}), chunk({}, finish_reason=native), "[DONE]")
    assert (decoder.finish, decoder.failure, decoder.closed) == (Finished(reason, native), None, True)  # type: ignore[arg-type]


def test_an_empty_finish_reason_is_none() -> None:
    _, decoder = read(chunk({"content": "a"}, finish_reason=""))
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.TRUNCATED


def test_a_stop_after_tool_calls_is_a_finish_by_tool_calls() -> None:
    call = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    assert read(chunk(call), END)[1].finish == Finished("tool_calls", "stop")


@pytest.mark.parametrize("done", ["[DONE]", " [DONE] ", "[DONE]garbage"])
def test_done_alone_proves_nothing(done: str) -> None:
    events, decoder = read(chunk({"content": "a"}), done)
    assert events == [TextDelta("a")]
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.TRUNCATED


def test_nothing_behind_done_is_read() -> None:
    assert read(chunk({"content": "a"}), END, "[DONE]", chunk({"content": "late"}))[0] == [TextDelta("a")]


COUNTS = {"prompt_tokens": 5, "completion_tokens": 2}


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        ({"usage": COUNTS}, Usage(5, 2)),
        ({"usage": {**COUNTS, "prompt_tokens_details": {"cached_tokens": 3}}}, Usage(5, 2, 3)),
        ({"usage": {**COUNTS, "completion_tokens_details": {"reasoning_tokens": 1}}}, Usage(5, 2, None, 1)),
        ({"usage": {**COUNTS, "prompt_cache_hit_tokens": 4}}, Usage(5, 2, 4)),
        ({"usage": {**COUNTS, "prompt_tokens": 5.0, "prompt_tokens_details": "none"}}, Usage(5, 2)),
        ({"usage": {"prompt_tokens": 5}}, Usage(5, 0)),
        ({"usage": {}}, None),
        ({"usage": {"prompt_tokens": -1, "completion_tokens": 2}}, None),
        ({"usage": {"prompt_tokens": "many", "completion_tokens": 2}}, None),
        ({"usage": "none"}, None),
        ({"x_groq": {"usage": COUNTS}}, Usage(5, 2)),
        ({"x_groq": {"usage": "none"}}, None),
    ],
)
def test_usage_in_all_places(fields: dict[str, Any], usage: Usage | None) -> None:
    wanted = [TextDelta("a"), *([usage] if usage else [])]
    assert read(chunk({"content": "a"}), {**END, **fields})[0] == wanted
    assert read(chunk({"content": "a"}), END, chunk(None, **fields))[0] == wanted
    without_choices = {name: value for name, value in chunk(None, **fields).items() if name != "choices"}
    assert read(chunk({"content": "a"}), END, without_choices)[0] == wanted


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"object": "ping"},
        {"choices": None},
        {"choices": [5]},
        {"choices": math.nan},
        {"error": None, "choices": []},
    ],
)
def test_objects_that_say_nothing_are_passed_over(odd: dict[str, Any]) -> None:
    events, decoder = read(odd, chunk({"content": "a"}), odd, chunk({"content": "b"}), END)
    assert events == [TextDelta("a"), TextDelta("b")]
    assert decoder.failure is None


@pytest.mark.parametrize("odd", ["[1]", "{", '{"choices": [NaN}', '[{"a": 1}, {}]', "[DONE"])
def test_what_begins_like_json_and_is_no_chunk_is_refused_and_not_passed_over(odd: str) -> None:
    events, decoder = read(chunk({"content": "a"}), odd, chunk({"content": "b"}), END)
    assert events == [TextDelta("a")]
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.PROTOCOL


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ({"error": "busy", "code": 503}, ErrorKind.OVERLOADED),
        ({"error": {"message": "m", "code": 429}}, ErrorKind.RATE_LIMITED),
        ({"object": "error", "message": "m", "code": 400}, ErrorKind.BAD_REQUEST),
        ({"type": "error", "message": "m"}, ErrorKind.UNKNOWN),
        (chunk({"content": ""}, finish_reason="error", error={"code": 502, "message": "m"}), ErrorKind.SERVER_ERROR),
        (chunk({}, x_groq={"error": "internal server error"}), ErrorKind.SERVER_ERROR),
        (chunk({}, finish_reason="error"), ErrorKind.SERVER_ERROR),
        (chunk({}, finish_reason="abort"), ErrorKind.SERVER_ERROR),
        (chunk({}, finish_reason="insufficient_system_resource"), ErrorKind.OVERLOADED),
    ],
)
def test_errors_inside_a_stream(broken: dict[str, Any], kind: ErrorKind) -> None:
    events, decoder = read(chunk({"content": "a"}), broken, chunk({"content": "b"}), END)
    assert events == [TextDelta("a")]
    assert decoder.failure is not None
    assert (decoder.failure.kind, decoder.failure.request_id) == (kind, "r1")


def test_text_beside_an_error_is_given_before_it() -> None:
    events, decoder = read(chunk({"content": "a"}, error={"message": "m"}))
    assert events == [TextDelta("a")]
    assert decoder.failure is not None


def test_an_error_behind_the_finish_reason_wins() -> None:
    _, decoder = read(chunk({"content": "a"}), END, {"error": {"message": "m", "code": 500}})
    assert decoder.failure is not None
    assert decoder.finish is not None


def test_an_event_named_error_is_one() -> None:
    decoder = provider.decoder(STREAM)
    decoder.feed(b'event: error\ndata: {"message": "m", "code": 429}\n\n')
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.RATE_LIMITED


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":\n {"message": "m", "code": 429}}', ErrorKind.RATE_LIMITED),
        (b"<html>gateway</html>\n", ErrorKind.TRUNCATED),
        (b"[1]\n", ErrorKind.PROTOCOL),
        (b"[1\n", ErrorKind.TRUNCATED),
        (b"", ErrorKind.TRUNCATED),
    ],
)
def test_a_body_that_only_calls_itself_a_stream(body: bytes, kind: ErrorKind) -> None:
    decoder = provider.decoder(STREAM)
    decoder.feed(body)
    decoder.end()
    assert decoder.failure is not None
    assert decoder.failure.kind is kind


def whole(message: Any, **fields: Any) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": fields.pop("finish_reason", "stop")}
    return json.dumps({"id": "x", "model": "m", "choices": [choice], **fields}).encode()


def test_a_whole_answer_gives_what_a_stream_gives() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": "a", "reasoning_content": "t", "refusal": "no", "tool_calls": [call]}
    for head in (JSON, STREAM, ResponseHead(200, {})):
        decoder = provider.decoder(head)
        events = decoder.feed(whole(message, usage=COUNTS, finish_reason="tool_calls")) + decoder.end()
        assert events == [
            Started("m", "x"), ReasoningDelta("t"), TextDelta("a"), ToolCallDelta(0, "c", "f", "{}"),
            RefusalDelta("no"), Usage(5, 2),
        ]  # fmt: skip
        assert decoder.finish == Finished("tool_calls", "tool_calls")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error": {"code": 502, "message": "m"}}', ErrorKind.SERVER_ERROR),
        (b'[{"error": {"code": 429, "message": "m"}}]', ErrorKind.RATE_LIMITED),
        (b'{"object": "error", "message": "m", "code": 400}', ErrorKind.BAD_REQUEST),
        (b"[]", ErrorKind.PROTOCOL),
        (b"{}", ErrorKind.PROTOCOL),
        (b'{"choices": []}', ErrorKind.PROTOCOL),
        (whole({"content": "a"}, finish_reason=None), ErrorKind.TRUNCATED),
        (whole({"content": "a"}, finish_reason="abort"), ErrorKind.SERVER_ERROR),
    ],
)
def test_whole_answers_that_are_none(body: bytes, kind: ErrorKind) -> None:
    decoder = provider.decoder(JSON)
    decoder.feed(body)
    decoder.end()
    assert decoder.failure is not None
    assert decoder.failure.kind is kind
