"""Koala: both ways in, histories of equal length, and answers of undocumented shapes."""

import json
import re
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.chat import ImagePart, Message, TextPart, chat_request
from standby.providers.dialects.koala import Koala, provider, visitor_id
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, Started, TextDelta
from standby.providers.provider import Endpoint, Provider, ResponseHead, Unsupported, WireRequest
from standby.providers.secret import Secret

koala = Koala(make_visitor_id=lambda: "v" * 20)


def asked(messages: Any, said: dict[str, Any] | None = None, **endpoint: Any) -> tuple[WireRequest, dict[str, Any]]:
    given = {"base_url": "https://koala.sh", "model": "gpt-4o-mini"} | endpoint
    wire = koala.build_request(chat_request(messages, **(said or {})), Endpoint(**given))
    return wire, json.loads(wire.body)


def turns(*said: str) -> list[dict[str, str]]:
    """`u:Hello` is what the user says, `a:…` the assistant, `s:…` the system."""
    roles = {"u": "user", "a": "assistant", "s": "system"}
    return [{"role": roles[each[0]], "content": each[2:]} for each in said]


def test_it_says_what_it_is() -> None:
    info = provider.info
    assert isinstance(provider, Provider)
    assert registry.get("koala") is provider
    assert (info.site_url, info.base_url, info.endpoint) == ("https://koala.sh/chat", "https://koala.sh", "/api/gpt/")
    assert (info.default_model, info.key_env, info.key_required) == ("gpt-4o-mini", "KOALA_API_KEY", False)
    assert (info.keeps_history, info.official, info.working) == (True, False, False)
    assert "last known not to work" in info.note
    assert repr(provider) == "<provider koala>"


def test_a_conversation_becomes_an_input_and_two_histories() -> None:
    _, body = asked(turns("u:Привет!", "a:Здравствуйте! Как я могу вам помочь?", "u:Расскажи мне о Python."))
    assert body == {
        "input": "Расскажи мне о Python.",
        "inputHistory": ["Привет!"],
        "outputHistory": ["Здравствуйте! Как я могу вам помочь?"],
        "model": "gpt-4o-mini",
    }


@pytest.mark.parametrize(
    ("said", "sent", "inputs", "outputs"),
    [
        (["u:a"], "a", [], []),
        (["u:a", "s:S"], "a S", [], []),
        (["s:S", "u:a", "s:T"], "a S\n\nT", [], []),
        (["u:a", "u:b"], "a\n\nb", [], []),
        (["u:a", "u:b", "a:c", "u:d"], "d", ["a\n\nb"], ["c"]),
        (["u:a", "a:b", "a:c", "u:d"], "d", ["a"], ["b\n\nc"]),
        (["a:hello", "u:a"], "a", [""], ["hello"]),
        (["u:a", "a:b"], "Continue.", ["a"], ["b"]),
        (["u:a", "a:b", "s:S"], "Continue. S", ["a"], ["b"]),
        (["a:hello"], "Continue.", [""], ["hello"]),
    ],
)
def test_the_histories_are_of_equal_length_in_any_order_of_roles(
    said: list[str], sent: str, inputs: list[str], outputs: list[str]
) -> None:
    _, body = asked(turns(*said))
    assert (body["input"], body["inputHistory"], body["outputHistory"]) == (sent, inputs, outputs)


def test_without_a_key_it_comes_as_a_browser() -> None:
    wire, _ = asked("a")
    assert wire.url == "https://koala.sh/api/gpt/"
    assert wire.headers["User-Agent"].startswith("Mozilla/5.0")
    assert wire.headers["Visitor-ID"] == "v" * 20
    assert wire.headers["Accept"] == "text/event-stream"
    assert wire.headers["Accept-Encoding"] == "identity"
    assert (wire.headers["Origin"], wire.headers["Referer"]) == ("https://koala.sh", "https://koala.sh/chat")
    assert wire.headers["Flag-Real-Time-Data"] == "false"
    assert "authorization" not in {name.lower() for name in wire.headers}


def test_every_call_is_another_visitor() -> None:
    ids = {visitor_id() for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch("[a-z0-9]{20}", each) for each in ids)
    chat, endpoint = chat_request("a"), Endpoint(base_url="https://koala.sh", model="")
    first, second = (provider.build_request(chat, endpoint) for _ in range(2))
    assert first.headers["Visitor-ID"] != second.headers["Visitor-ID"]
    assert json.loads(first.body)["model"] == "gpt-4o-mini"


def test_with_a_key_it_asks_the_official_api() -> None:
    wire, body = asked("a", key=Secret("k-1"), model="gpt-4o")
    names = {name.lower(): value for name, value in wire.headers.items()}
    assert names["authorization"] == "Bearer k-1"
    assert names["user-agent"].startswith("standby/")
    assert {"visitor-id", "origin", "referer"}.isdisjoint(names)
    assert body == {"input": "a", "inputHistory": [], "outputHistory": [], "model": "gpt-4o"}
    assert "k-1" not in repr(wire)


def test_it_may_search_the_web() -> None:
    live = {"real_time_data": True}
    wire, body = asked("a", options=live)
    assert wire.headers["Flag-Real-Time-Data"] == "true"
    assert "realTimeData" not in body
    assert asked("a", options=live, key=Secret("k"))[1]["realTimeData"] is True


def test_targets_and_callers_add_fields_and_headers() -> None:
    wire, body = asked("a", {"extra": {"x": 1}}, headers={"user-agent": "mine", "X-Y": "z"}, body={"model": "m2"})
    assert (body["x"], body["model"]) == (1, "m2")
    assert [value for name, value in wire.headers.items() if name.lower() == "user-agent"] == ["mine"]
    assert wire.headers["x-y"] == "z"


TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("messages", "options", "feature"),
    [
        ([Message("user", (TextPart("a"), ImagePart("https://host/a.png")))], {}, "images"),
        ("a", {"tools": [TOOL]}, "tools"),
        ([*turns("u:a"), {"role": "tool", "tool_call_id": "c", "content": "1"}], {}, "tools"),
        ("a", {"response_format": {"type": "json_object"}}, "response_format"),
        ("a", {"prefill": "b"}, "prefill"),
        ("a", {"stop": ["x"]}, "stop"),
    ],
)
def test_what_it_cannot_say_is_refused(messages: Any, options: dict[str, Any], feature: str) -> None:
    with pytest.raises(Unsupported, match=feature):
        asked(messages, options)


def test_what_only_shapes_the_answer_is_left_out_with_a_note() -> None:
    wire, body = asked("a", {"temperature": 0.5, "max_tokens": 5})
    assert {"temperature", "max_tokens"}.isdisjoint(body)
    assert wire.notes == (
        "temperature was left out: Koala does not take it",
        "max_tokens was left out: Koala does not take it",
    )


def test_it_takes_text_only() -> None:
    known = provider.capabilities("any")
    assert (known.tools, known.images, known.json_schema, known.system, known.prefill) == (
        False, False, False, True, "none",
    )  # fmt: skip


# Answers.


def read(body: str, content_type: str = "text/event-stream") -> tuple[list[Any], Finished | None, ErrorKind | None]:
    decoder = provider.decoder(ResponseHead(200, {"content-type": content_type}))
    events = decoder.feed(body.encode()) + decoder.end()
    return events, decoder.finish, decoder.failure.kind if decoder.failure else None


DONE = Finished(None)


@pytest.mark.parametrize(
    ("body", "text", "kind"),
    [
        ('data: "a"\n\n', "a", None),
        ('data:"a"\n\ndata:  "b"\n\n', "ab", None),
        ('data: "a"\r\n\r\ndata: "b"\r\rdata: "c"\r\r', "abc", None),
        ('data: ""\n\n', "", None),
        (': ping\n\ndata: "a"\n\n: ping\n', "a", None),
        ('data: "a\\ud800"\n\n', "a\ufffd", None),
        ('data: "a"\n\ndata: "b"\n', "a", ErrorKind.TRUNCATED),
        ('data: "a"\n\ndata: "b"', "a", ErrorKind.TRUNCATED),
        ('data: "a"\n\n: pi', "a", ErrorKind.TRUNCATED),
        ('data: "a"\n\nevent: x\n', "a", ErrorKind.TRUNCATED),
        (": ping\n\n", "", ErrorKind.TRUNCATED),
        ("<html>\n", "", ErrorKind.TRUNCATED),
        ('data: "a"\n\ndata: {"text": "b"}\n\n', "a", ErrorKind.PROTOCOL),
        ('data: "a"\n\ndata: "b\n\n', "a", ErrorKind.PROTOCOL),
        ('{"output": "a"}', "a", None),
        ('data: "a"\n\ndata: 5\n\n', "a", None),
        ('data: "a"\n\ndata: null\n\n', "a", None),
        ('data: "a"\n\ndata: broken\n\n', "a", None),
        ('data: "a"\n\ndata: {"error": "Rate limit exceeded"}\n\n', "a", ErrorKind.UNKNOWN),
        ('data: {"error": {"message": "m", "code": 429}}\n\n', "", ErrorKind.RATE_LIMITED),
        ('data: {"error": {"message": "m", "type": "overloaded_error"}}\n\n', "", ErrorKind.OVERLOADED),
        ('{"error": "m"}\n', "", ErrorKind.UNKNOWN),
        ('{"message": "m", "code": 402}', "", ErrorKind.QUOTA_EXHAUSTED),
        ('{"message": "m", "co', "", ErrorKind.TRUNCATED),
        ('{"message": "m", "code": 402}\n', "", ErrorKind.QUOTA_EXHAUSTED),
    ],
)
def test_streams(body: str, text: str, kind: ErrorKind | None) -> None:
    events, finish, failure = read(body)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == text
    assert (finish, failure) == (None if kind else DONE, kind)
    assert events[:1] == ([Started()] if text or kind is None else [])


@pytest.mark.parametrize(
    ("body", "events", "kind"),
    [
        ('{"output": "a"}', [Started(), TextDelta("a")], None),
        ('{"output": ""}', [Started()], None),
        ('{"output": 5}', [], ErrorKind.PROTOCOL),
        ('{"answer": "a"}', [], ErrorKind.PROTOCOL),
        ("[]", [], ErrorKind.PROTOCOL),
        ('{"output": "a', [], ErrorKind.TRUNCATED),
        ('{"message": "No credits left"}', [], ErrorKind.UNKNOWN),
        ('{"error": {"code": 402, "message": "m"}}', [], ErrorKind.QUOTA_EXHAUSTED),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_whole_answers(content_type: str, body: str, events: list[Any], kind: ErrorKind | None) -> None:
    assert read(body, content_type) == (events, None if kind else DONE, kind)


def test_a_stream_under_another_type_and_a_page_instead_of_an_answer() -> None:
    assert read('data: "a"\n\n', "application/json") == ([Started(), TextDelta("a")], DONE, None)
    assert read("<html>", "text/html")[2] is ErrorKind.PROTOCOL
    assert read("<html>", "text/plain")[2] is ErrorKind.PROTOCOL


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (402, ErrorKind.QUOTA_EXHAUSTED),
        (403, ErrorKind.BLOCKED),
        (429, ErrorKind.RATE_LIMITED),
        (500, ErrorKind.SERVER_ERROR),
    ],
)
def test_refusals(status: int, kind: ErrorKind) -> None:
    page = b"<html><title>Just a moment...</title></html>" if status == 403 else b'{"message": "m"}'
    assert provider.error_for(ResponseHead(status, {}), page).kind is kind
