"""Errors as the wires of 2026 tell them: of which kind they are, whole, byte by byte and at every 2-way split.

`tests/fixtures/wire-2026/errors` holds reported ones, `refusal_scenes` their siblings; docs/failover.md says what then.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.error_facts import facts_of, is_error
from standby.providers.errors import ErrorKind, ProviderError
from standby.providers.mapping import provider_error, stream_error
from standby.providers.provider import ResponseHead

from components import need
from refusal_scenes import REFUSALS, Refusal

FOLDER = Path(__file__).parents[1] / "fixtures" / "wire-2026" / "errors"
REPORTED: dict[str, dict[str, Any]] = json.loads((FOLDER / "errors.json").read_bytes())
IN_AN_ANSWER = [pytest.param(said, id=str(said)) for said in REFUSALS["flat_in_200"]]
JSON = {"content-type": "application/json"}


def read(provider: str, head: ResponseHead, pieces: Iterable[bytes]) -> ProviderError | None:
    """What a decoder makes of an answer that is an error."""
    if provider == "bedrock":
        need("botocore")
    decoder = registry.get(provider).decoder(head)
    for piece in pieces:
        if decoder.failure is None:
            decoder.feed(piece)
    if decoder.failure is None:
        decoder.end()
    return decoder.failure


def ways_to_cut(data: bytes) -> Iterable[list[bytes]]:
    yield [data]
    yield [data[place : place + 1] for place in range(len(data))]
    yield from ([data[:place], data[place:]] for place in range(1, len(data)))


@pytest.mark.parametrize("name", REPORTED)
def test_a_reported_error_is_of_its_kind(name: str) -> None:
    case, data = REPORTED[name], (FOLDER / name).read_bytes()
    head = ResponseHead(case["status"], {"content-type": case["content_type"]})
    if case["status"] >= 400:
        errors = [registry.get(case["provider"]).error_for(head, data)]
    else:
        errors = [read(case["provider"], head, pieces) for pieces in ways_to_cut(data)]
    assert {error and error.kind.value for error in errors} == {case["error_kind"]}


SPEAKERS = [name for name in registry.names() if registry.get(name).info.dialect == "openai" and name != "openai"]
OPENAIS = [said for row in REFUSALS.values() for said in row if said.provider == "openai" and said.status >= 400]


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_what_openai_says_is_understood_of_each_speaker_of_its_protocol(speaker: str) -> None:
    for said in OPENAIS:
        page = said.page
        head = ResponseHead(page.status, {"content-type": page.content_type or ""})
        heard = registry.get(speaker).error_for(head, page.body)
        meant = registry.get("openai").error_for(head, page.body)
        assert (heard.kind, heard.alerts, heard.provider_message) == (meant.kind, meant.alerts, meant.provider_message)


@pytest.mark.parametrize("server", ["uvicorn", "Uvicorn/0.30"])
def test_a_stream_of_no_bytes_of_llama_cpp_python_is_a_prompt_too_long(server: str) -> None:
    head = ResponseHead(200, {"content-type": "text/event-stream", "server": server})
    for pieces in ([], [b""]):
        error = read("llamacpp", head, pieces)
        assert error is not None
        assert error.kind is ErrorKind.CONTEXT_LENGTH


@pytest.mark.parametrize(
    ("provider", "server", "pieces"),
    [
        ("llamacpp", "llama.cpp", []),
        ("llamacpp", "", []),
        ("vllm", "uvicorn", []),
        ("llamacpp", "uvicorn", [b": ping\n\n"]),
        ("llamacpp", "uvicorn", [b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n']),
    ],
)
def test_any_other_stream_that_ends_early_was_cut(provider: str, server: str, pieces: list[bytes]) -> None:
    error = read(provider, ResponseHead(200, {"content-type": "text/event-stream", "server": server}), pieces)
    assert error is not None
    assert error.kind is ErrorKind.TRUNCATED


@pytest.mark.parametrize("refusal", IN_AN_ANSWER)
def test_an_error_in_another_shape_is_read_however_it_is_cut(refusal: Refusal) -> None:
    page = refusal.page
    head = ResponseHead(200, {"content-type": page.content_type})
    for pieces in ways_to_cut(page.body):
        error = read(refusal.provider, head, pieces)
        assert error is not None
        assert (error.kind, error.code) == (ErrorKind.RATE_LIMITED, refusal.code)
        assert refusal.words in (error.provider_message or "")


STARTED = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"Good"}}]}\n\n'


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (
            {"choices": [{"index": 0, "error": {"code": 429, "message": "Slow."}, "delta": {"content": ""}}]},
            "rate_limited",
        ),
        (
            {
                "choices": [
                    {"error": {"message": "No.", "metadata": {"raw": '{"error":{"code":"insufficient_quota"}}'}}}
                ]
            },
            "quota_exhausted",
        ),
        ({"choices": [{"error": {"message": "Your input was flagged."}, "finish_reason": "error"}]}, "content_filter"),
        ({"choices": [], "base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}}, "content_filter"),
        (
            {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
            "quota_exhausted",
        ),
        ({"error_type": "rate_limit", "error_message": "Slow."}, "rate_limited"),
        ({"detail": "Too many tokens in the prompt: the prompt is too long"}, "context_length"),
        ({"detail": "Something is odd"}, "unknown"),
        ({"success": False, "message": "Something is odd"}, "unknown"),
        ({"code": "1301", "message": "unsafe or sensitive content"}, "content_filter"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "overloaded"),
        ({"type": "error", "message": "insufficient balance"}, "refused_here"),
        ({"status_code": 402, "error": "pay"}, "quota_exhausted"),
    ],
)
def test_an_error_after_the_answer_has_begun(event: Any, kind: str) -> None:
    body = STARTED + b"data: " + json.dumps(event).encode() + b"\n\n"
    for pieces in ways_to_cut(body):
        error = read("openrouter", ResponseHead(200, {"content-type": "text/event-stream"}), pieces)
        assert error is not None
        assert error.kind.value == kind


@pytest.mark.parametrize(
    "event",
    [
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
        {"choices": [], "prompt_filter_results": []},
        {"choices": None, "base_resp": {"status_code": 0, "status_msg": ""}},
        {"type": "ping", "message": "still working"},
        {"code": 0, "message": "ok"},
        {"code": "success", "message": "fine", "status": "processing"},
        {"code": 200, "msg": "fine"},
    ],
)
def test_a_sign_of_life_is_no_error(event: Any) -> None:
    whole = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    body = STARTED + b"data: " + json.dumps(event).encode() + b"\n\n" + whole
    assert read("openai", ResponseHead(200, {"content-type": "text/event-stream"}), [body]) is None
    assert not is_error(event)


def behind(raw: Any, status: int = 400, **metadata: Any) -> ProviderError:
    body = {"error": {"message": "Provider returned error", "code": status, "metadata": {"raw": raw, **metadata}}}
    found = registry.get("openrouter").error_for(ResponseHead(status, JSON), json.dumps(body).encode())
    streamed = stream_error(body, ResponseHead(200, {}))
    assert (streamed.kind, streamed.code, streamed.param) == (found.kind, found.code, found.param)
    return found


CONTEXT = {"error": {"message": "maximum context length is 9", "code": "context_length_exceeded", "param": "messages"}}


def test_the_error_behind_a_gateway_is_the_providers_own() -> None:
    for raw in (CONTEXT, json.dumps(CONTEXT), json.dumps([CONTEXT]), json.dumps({"error": json.dumps(CONTEXT)})):
        error = behind(raw)
        assert (error.kind, error.code, error.param) == (
            ErrorKind.CONTEXT_LENGTH,
            "context_length_exceeded",
            "messages",
        )
        assert error.provider_message == "Provider returned error: maximum context length is 9"


@pytest.mark.parametrize(
    ("raw", "status", "kind"),
    [
        ("The prompt is too long.", 400, ErrorKind.CONTEXT_LENGTH),
        ('{"error":{"message":"x","type":"data_inspection_failed"}}', 400, ErrorKind.CONTENT_FILTER),
        ('{"detail":"Content violates usage guidelines"}', 403, ErrorKind.CONTENT_FILTER),
        ('{"error":{"code":429,"message":"slow"}}', 502, ErrorKind.RATE_LIMITED),
        ('{"error":{"code":"rate_limit_exceeded"}}', 400, ErrorKind.RATE_LIMITED),
        ("insufficient balance", 400, ErrorKind.REFUSED_HERE),
        ("insufficient balance", 402, ErrorKind.QUOTA_EXHAUSTED),
        ("something odd", 400, ErrorKind.BAD_REQUEST),
        ("", 429, ErrorKind.RATE_LIMITED),
        ("{", 400, ErrorKind.BAD_REQUEST),
    ],
)
def test_what_is_behind_a_gateway_decides(raw: str, status: int, kind: ErrorKind) -> None:
    assert behind(raw, status).kind is kind


def test_a_gateway_that_has_judged_shows_its_own_words() -> None:
    error = behind("upstream is slow", 429, error_type="rate_limit_exceeded")
    assert (error.kind, error.provider_message) == (ErrorKind.RATE_LIMITED, "Provider returned error")


def test_an_error_as_json_text_in_a_message_is_read() -> None:
    for message in (json.dumps(CONTEXT), json.dumps({"message": json.dumps(CONTEXT["error"])})):
        error = provider_error(ResponseHead(400, JSON), json.dumps({"error": {"message": message}}).encode())
        assert (error.kind, error.provider_message) == (ErrorKind.CONTEXT_LENGTH, "maximum context length is 9")


def test_errors_inside_errors_are_read_to_a_bounded_depth() -> None:
    deep = json.dumps({"message": "the end"})
    for _ in range(50):
        deep = json.dumps({"message": deep[:60_000]})
    assert facts_of({"error": {"message": deep}}).is_json


def test_an_error_that_is_the_name_of_a_field_is_one() -> None:
    line = b'{"error parsing tool call: raw=x":null}\n'
    error = read("ollama", ResponseHead(200, {"content-type": "application/x-ndjson"}), [line])
    assert error is not None
    assert (error.kind, error.provider_message) == (ErrorKind.SERVER_ERROR, "error parsing tool call: raw=x")


@pytest.mark.parametrize("provider", ["anthropic", "openai-responses", "cohere"])
def test_a_bare_error_in_what_calls_itself_a_stream_is_read(provider: str) -> None:
    error = read(
        provider, ResponseHead(200, {"content-type": "text/event-stream"}), [b'{"code": 429,\n "message": "Slow."}']
    )
    assert error is not None
    assert (error.kind, error.provider_message) == (ErrorKind.RATE_LIMITED, "Slow.")


@pytest.mark.parametrize(
    ("provider", "event", "kind"),
    [
        (
            "openai-responses",
            {"type": "response.failed", "response": {"error": {"code": "cyber_policy", "message": "No."}}},
            "content_filter",
        ),
        ("openai-responses", {"type": "error", "code": "context_length_exceeded", "message": "No."}, "context_length"),
        (
            "azure-openai",
            {"error": {"code": "content_filter", "message": "The response was filtered."}},
            "content_filter",
        ),
        (
            "anthropic",
            {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}},
            "context_length",
        ),
        ("anthropic", {"type": "error", "error": {"type": "request_too_large", "message": "No."}}, "unsupported"),
        ("gemini", {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, "content_filter"),
        (
            "gemini",
            {"error": {"code": 429, "message": "The spend cap is reached", "status": "RESOURCE_EXHAUSTED"}},
            "quota_exhausted",
        ),
        ("cohere", {"type": "error", "message": "the prompt is too long"}, "context_length"),
        ("groq", {"x_groq": {"error": "Your input was flagged by moderation"}, "choices": []}, "content_filter"),
    ],
)
def test_a_verdict_inside_a_stream_is_that_of_its_code_or_words(provider: str, event: Any, kind: str) -> None:
    body = b"data: " + json.dumps(event).encode() + b"\n\n"
    for pieces in ways_to_cut(body):
        error = read(provider, ResponseHead(200, {"content-type": "text/event-stream"}), pieces)
        assert error is not None
        assert error.kind.value == kind


@pytest.mark.parametrize("provider", ["openai", "anthropic", "openai-responses", "gemini", "cohere"])
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Content Exists Risk", ErrorKind.CONTENT_FILTER),
        ("the prompt is too long", ErrorKind.CONTEXT_LENGTH),
        ("too many requests, try again in 60 seconds", ErrorKind.SERVER_ERROR),
        ("something odd", ErrorKind.SERVER_ERROR),
    ],
)
def test_words_in_an_event_called_an_error_are_compared_with_the_tables(
    provider: str, words: str, kind: ErrorKind
) -> None:
    body = f"event: error\ndata: {words}\n\n".encode()
    error = read(provider, ResponseHead(200, {"content-type": "text/event-stream"}), [body])
    assert error is not None
    assert (error.kind, error.provider_message, error.retry_after_s) == (kind, words, None), "a delay needs a code"
