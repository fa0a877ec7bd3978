"""What refusals mean: every shape of body, every source, from the most specific to the most general."""

import json
from typing import Any

import pytest
from standby.providers.error_facts import error_facts, facts_of
from standby.providers.errors import ErrorKind, ProviderError
from standby.providers.mapping import provider_error, rule, stream_error
from standby.providers.provider import ResponseHead


def refused(status: int, body: Any = b"", **headers: str) -> ProviderError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return provider_error(ResponseHead(status, names, 1000.0), raw)


@pytest.mark.parametrize(
    ("body", "message", "code", "type_"),
    [
        ({"error": {"message": "m", "type": "t", "param": None, "code": "c"}}, "m", "c", "t"),
        ({"error": {"type": "t", "message": "m", "details": {"error_code": "c"}}}, "m", "c", "t"),
        ({"error": "m"}, "m", None, None),
        ({"error": "m", "code": "a sentence"}, "m", "a sentence", None),
        ({"object": "error", "message": "m", "type": "BadRequestError", "code": 400}, "m", 400, "BadRequestError"),
        ([{"error": {"message": "m", "code": 429, "status": "RESOURCE_EXHAUSTED"}}], "m", 429, "RESOURCE_EXHAUSTED"),
        ({"message": "m"}, "m", None, None),
        ({"Message": "m"}, "m", None, None),
        ({"detail": "m"}, "m", None, None),
        ({"detail": [{"loc": ["body"], "msg": "m", "type": "x"}]}, "m", None, None),
        ({"message": {"detail": [{"msg": "m"}]}, "type": "t"}, "m", None, "t"),
        ({"errors": [{"message": "m", "code": 7003}]}, "m", 7003, None),
        ({"error": True, "message": "m"}, "m", None, None),
        ({"error": {"message": "m", "metadata": {"error_type": "t"}}}, "m", None, "t"),
        ({"error": {"code": True, "message": ["m"]}}, "m", None, None),
        ({"error": None}, "", None, None),
        ({}, "", None, None),
        ([], "", None, None),
        ("m", "m", None, None),
        (5, "", None, None),
    ],
)
def test_error_bodies_of_all_shapes(body: Any, message: str, code: str | int | None, type_: str | None) -> None:
    facts = error_facts(json.dumps(body).encode())
    assert (facts.message, facts.code, facts.type, facts.is_json) == (message, code, type_, True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_becomes_the_message(body: bytes) -> None:
    facts = error_facts(body)
    assert not facts.is_json
    assert facts.message == body.decode(errors="replace")[:2048]


def test_an_error_is_read_however_deep_it_is_nested() -> None:
    nested: Any = "deep"
    for _ in range(1000):
        nested = {"message": nested}
    assert facts_of({"error": nested}).message == ""


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ErrorKind.BAD_REQUEST), (401, ErrorKind.AUTH), (402, ErrorKind.QUOTA_EXHAUSTED), (403, ErrorKind.AUTH),
        (404, ErrorKind.NOT_FOUND), (405, ErrorKind.BAD_REQUEST), (407, ErrorKind.CONNECT), (408, ErrorKind.TIMEOUT),
        (409, ErrorKind.TIMEOUT), (413, ErrorKind.CONTEXT_LENGTH), (418, ErrorKind.BAD_REQUEST),
        (422, ErrorKind.BAD_REQUEST), (425, ErrorKind.TIMEOUT), (429, ErrorKind.RATE_LIMITED),
        (451, ErrorKind.BLOCKED), (498, ErrorKind.TIMEOUT), (500, ErrorKind.SERVER_ERROR),
        (501, ErrorKind.UNSUPPORTED), (502, ErrorKind.SERVER_ERROR), (503, ErrorKind.OVERLOADED),
        (504, ErrorKind.TIMEOUT), (520, ErrorKind.SERVER_ERROR), (529, ErrorKind.OVERLOADED),
        (302, ErrorKind.PROTOCOL), (304, ErrorKind.PROTOCOL),
    ],
)  # fmt: skip
def test_a_status_without_words(status: int, kind: ErrorKind) -> None:
    error = refused(status)
    assert (error.kind, error.status, error.local) == (kind, status, status == 407)
    assert error.detail


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, {"code": "context_length_exceeded"}, ErrorKind.CONTEXT_LENGTH),
        (400, {"type": "exceed_context_size_error", "code": 400}, ErrorKind.CONTEXT_LENGTH),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, ErrorKind.CONTEXT_LENGTH),
        (400, {"message": "The input token count (1200000) exceeds the maximum"}, ErrorKind.CONTEXT_LENGTH),
        (400, {"message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"},
         ErrorKind.CONTEXT_LENGTH),
        (400, {"message": "input length and `max_tokens` exceed context limit: 1 + 2 > 2"}, ErrorKind.CONTEXT_LENGTH),
        (429, {"message": "Too many tokens, please wait"}, ErrorKind.RATE_LIMITED),
        (429, {"code": "insufficient_quota"}, ErrorKind.QUOTA_EXHAUSTED),
        (429, {"code": "credit_balance_exhausted"}, ErrorKind.QUOTA_EXHAUSTED),
        (403, {"message": "Your credit balance is too low to access the API"}, ErrorKind.QUOTA_EXHAUSTED),
        (429, {"message": "You have reached your specified API usage limits."}, ErrorKind.QUOTA_EXHAUSTED),
        (429, {"details": {"error_code": "enforced_spend_limit_reached"}}, ErrorKind.QUOTA_EXHAUSTED),
        (400, {"code": "content_policy_violation"}, ErrorKind.CONTENT_FILTER),
        (400, {"innererror": {"code": "ResponsibleAIPolicyViolation"}}, ErrorKind.CONTENT_FILTER),
        (403, {"message": "Incorrect API key provided: xa***ab."}, ErrorKind.AUTH),
        (400, {"message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}, ErrorKind.AUTH),
        (401, {"type": "invalid_request_error", "code": "invalid_api_key"}, ErrorKind.AUTH),
        (403, {"code": "model_not_found"}, ErrorKind.NOT_FOUND),
        (403, {"message": "The model `nope` does not exist"}, ErrorKind.NOT_FOUND),
        (403, {"code": "unsupported_country_region_territory"}, ErrorKind.BLOCKED),
        (400, {"message": "This model does not support assistant message prefill. The"}, ErrorKind.PREFILL_UNSUPPORTED),
        (400, {"message": "Assistant response prefill is incompatible with enable_thinking."},
         ErrorKind.PREFILL_UNSUPPORTED),
        (400, {"message": "Cannot have 2 or more assistant messages at the end of the list."},
         ErrorKind.PREFILL_UNSUPPORTED),
        (500, {"message": "Loading model"}, ErrorKind.OVERLOADED),
        (500, {"type": "OverloadedError"}, ErrorKind.OVERLOADED),
        (498, {"code": "capacity_exceeded"}, ErrorKind.OVERLOADED),
        (429, {"message": "the engine is overloaded"}, ErrorKind.RATE_LIMITED),
        (413, {"code": "rate_limit_exceeded"}, ErrorKind.RATE_LIMITED),
        (500, {"type": "invalid_request_error"}, ErrorKind.SERVER_ERROR),
    ],
)  # fmt: skip
def test_words_that_say_more_than_the_status(status: int, words: dict[str, Any], kind: ErrorKind) -> None:
    assert refused(status, {"error": words}).kind is kind


@pytest.mark.parametrize(
    "message",
    [
        "Your credit balance is too low to access the API",
        "You have reached your specified API usage limits.",
        "Insufficient balance",
        "Incorrect API key provided: xa***ab.",
        "API key not valid. Please pass a valid API key.",
        "The model `nope` does not exist",
        "Unknown model",
    ],
)
@pytest.mark.parametrize("status", [400, 422, 500, None])
def test_words_alone_park_nothing(message: str, status: int | None) -> None:
    body = {"error": {"message": message, "type": "invalid_request_error"}}
    error = stream_error(body, ResponseHead(200, {})) if status is None else refused(status, body, retry_after="60")
    assert (error.kind, error.alerts, error.heeded_s) == (ErrorKind.REFUSED_HERE, True, None)
    assert not error.disposition.parks


@pytest.mark.parametrize(
    ("message", "code", "kind"),
    [
        ("Rate limit exceeded, try again in 20 seconds.", None, ErrorKind.UNKNOWN),
        ("Too many requests", None, ErrorKind.UNKNOWN),
        ("Rate limit exceeded, try again in 20 seconds.", "too_many_requests", ErrorKind.RATE_LIMITED),
        ("Overloaded, try again in 20 seconds.", None, ErrorKind.OVERLOADED),
    ],
)
def test_inside_an_answer_a_delay_is_believed_with_a_code_only(message: str, code: str | None, kind: ErrorKind) -> None:
    error = stream_error({"message": message, "code": code}, ResponseHead(200, {}))
    assert (error.kind, error.retry_after_s) == (kind, 20 if code else None)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (500, {"type": "insufficient_balance_error", "message": "no"}, ErrorKind.QUOTA_EXHAUSTED),
        (500, {"code": "1113", "message": "Insufficient balance"}, ErrorKind.QUOTA_EXHAUSTED),
        (500, {"code": "1113", "message": "Something else"}, ErrorKind.SERVER_ERROR),
        (400, {"code": "Arrearage", "message": "Access denied."}, ErrorKind.QUOTA_EXHAUSTED),
        (429, {"code": "Throttling.AllocationQuota", "message": "Slow."}, ErrorKind.RATE_LIMITED),
        (403, {"code": "AllocationQuota.FreeTierOnly", "message": "No."}, ErrorKind.QUOTA_EXHAUSTED),
        (500, {"code": 429, "message": "slow"}, ErrorKind.RATE_LIMITED),
        (400, {"code": "403", "message": "no"}, ErrorKind.AUTH),
        (429, {"code": 400, "message": "slow"}, ErrorKind.RATE_LIMITED),
        (429, {"code": "rate_limit_exceeded", "message": "All credits are used up."}, ErrorKind.QUOTA_EXHAUSTED),
        (429, {"message": "Per day: free-models. Add 10 credits to unlock 1000 requests"}, ErrorKind.RATE_LIMITED),
        (403, {"message": "Your account was suspended: it violates our usage policies."}, ErrorKind.AUTH),
        (429, {"type": "engine_overloaded_error", "message": "Try again later."}, ErrorKind.OVERLOADED),
        (400, {"message": '"The prompt is too long"'}, ErrorKind.CONTEXT_LENGTH),
        (400, {"message": "litellm.ContentPolicyViolationError: AzureException - no"}, ErrorKind.CONTENT_FILTER),
        (429, {"message": "on tokens per min (TPM): Limit 6,000, Used 100, Requested 7,000"}, ErrorKind.UNSUPPORTED),
        (429, {"message": "on tokens per min (TPM): Limit 6,000, Used 5,000, Requested 1,200"},
         ErrorKind.RATE_LIMITED),
        (400, {"message": "limit 5, requested 6"}, ErrorKind.BAD_REQUEST),
    ],
)  # fmt: skip
def test_a_code_or_a_status_decides_and_words_choose_among_them(
    status: int, words: dict[str, Any], kind: ErrorKind
) -> None:
    assert refused(status, {"error": words}).kind is kind


TOO_LARGE = "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 45000."


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (403, {"code": 403, "message": 'openai/gpt-4o requires moderation. Your input was flagged for "harassment".'},
         ErrorKind.CONTENT_FILTER),
        (403, {"code": "permission-denied", "message": "Content violates usage guidelines. Failed check: X"},
         ErrorKind.CONTENT_FILTER),
        (404, {"code": 404, "message": "No endpoints found that support image input"}, ErrorKind.UNSUPPORTED),
        (404, {"code": 404, "message": "No endpoints found that can handle the requested parameters."},
         ErrorKind.UNSUPPORTED),
        (402, {"message": "This request requires more credits, or fewer max_tokens. You can only afford 5183."},
         ErrorKind.UNSUPPORTED),
        (429, {"message": TOO_LARGE, "type": "tokens", "code": "rate_limit_exceeded"}, ErrorKind.UNSUPPORTED),
        (413, {"message": TOO_LARGE, "type": "tokens", "code": "rate_limit_exceeded"}, ErrorKind.UNSUPPORTED),
    ],
)  # fmt: skip
def test_a_refusal_of_one_request_never_parks(status: int, words: dict[str, Any], kind: ErrorKind) -> None:
    error = refused(status, {"error": words}, retry_after="60")
    assert error.kind is kind
    assert not error.disposition.parks
    assert not error.disposition.health
    assert not error.alerts
    assert stream_error(words, ResponseHead(200, {"retry-after": "60"})).kind is kind  # as an event, without a status


@pytest.mark.parametrize(
    ("words", "needs_operator"),
    [
        ({"code": "model_decommissioned", "message": "The model `x` is no longer supported."}, True),
        ({"message": "The model `x` has been decommissioned."}, True),
        ({"code": "organization_restricted", "message": "Organization has been restricted."}, True),
        ({"code": "unsupported_value", "message": "Your organization must be verified to stream this model."}, True),
        ({"code": "invalid_request_error", "message": "Model Not Exist"}, True),
        ({"code": 400, "message": "foo/bar is not a valid model ID"}, True),
        (
            {"code": "OperationNotSupported", "message": "The operation does not work with the specified model, x."},
            True,
        ),
        ({"type": "BadRequestError", "message": '"auto" tool choice requires --enable-auto-tool-choice'}, True),
        ({"code": "tool_use_failed", "message": "Failed to call a function."}, False),
        ({"code": "unsupported_value", "message": "'temperature' does not support 0.2 with this model."}, False),
        ({"code": "unsupported_parameter", "message": "Unsupported parameter: 'max_tokens'."}, False),
        ({"message": "top_logprobs is not supported by this model"}, False),
    ],
)
def test_what_this_model_or_account_does_not_take_is_refused_here(words: dict[str, Any], needs_operator: bool) -> None:
    said = {"type": "invalid_request_error", **words}
    for error in (refused(400, {"error": said}), stream_error(said, ResponseHead(200, {}))):
        assert error.kind is ErrorKind.REFUSED_HERE
        assert (error.alerts, error.disposition.ask_another) == (needs_operator, "yes")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_status_that_says_more_than_words_of_a_value_wins(status: int) -> None:
    assert refused(status, {"error": {"code": "unsupported_value"}}).kind is not ErrorKind.REFUSED_HERE


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 502}, ErrorKind.SERVER_ERROR),
        ({"code": "429"}, ErrorKind.RATE_LIMITED),
        ({"code": "1300", "raw_status_code": 429}, ErrorKind.RATE_LIMITED),
        ({"status_code": 400}, ErrorKind.BAD_REQUEST),
        ({"code": 500, "message": "Context size has been exceeded."}, ErrorKind.CONTEXT_LENGTH),
        ({"type": "server_error"}, ErrorKind.SERVER_ERROR),
        ({"type": "overloaded_error"}, ErrorKind.OVERLOADED),
        ({"type": "timeout_error"}, ErrorKind.TIMEOUT),
        ({"type": "permission_error"}, ErrorKind.AUTH),
        ({"type": "invalid_request_error", "code": "tool_use_failed"}, ErrorKind.REFUSED_HERE),
        ({"code": "slow_down"}, ErrorKind.RATE_LIMITED),
        ({"type": "tokens"}, ErrorKind.RATE_LIMITED),
        ("internal server error", ErrorKind.SERVER_ERROR),
        ("who knows", ErrorKind.UNKNOWN),
        ({"code": 7}, ErrorKind.UNKNOWN),
        ({"code": 999}, ErrorKind.UNKNOWN),
        (None, ErrorKind.UNKNOWN),
    ],
)
def test_an_error_inside_an_answer(error: Any, kind: ErrorKind) -> None:
    found = stream_error(error, ResponseHead(200, {"x-request-id": "r"}))
    assert (found.kind, found.status, found.request_id) == (kind, None, "r")


def test_an_error_inside_an_answer_may_bring_its_own_headers_and_status() -> None:
    head = ResponseHead(200, {}, 1000.0)
    openai = {"error": {"type": "too_many_requests", "headers": {"Retry-After": "3"}}, "request_id": "r"}
    assert (stream_error(openai, head).retry_after_s, stream_error(openai, head).request_id) == (3, "r")
    router = {"error": {"code": 429, "metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"}}}}
    assert stream_error(router, head).retry_after_s == 9
    assert stream_error("busy", head, status=529).kind is ErrorKind.OVERLOADED


def test_everything_that_the_provider_said_is_kept() -> None:
    body = {"error": {"message": "m", "type": "tokens", "code": "rate_limit_exceeded"}}
    error = refused(429, body, retry_after="2", x_should_retry="false", x_request_id="r")
    assert (error.provider_message, error.native_type, error.native_code) == ("m", "tokens", "rate_limit_exceeded")
    assert (error.retry_after_s, error.should_retry, error.request_id, error.status) == (2, False, "r", 429)
    assert "m" not in str(error).split()


def test_reset_headers_speak_only_of_limits() -> None:
    resets = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "30s"}
    assert refused(429, **resets).retry_after_s == 30
    assert refused(503, **resets).retry_after_s is None, "they come with every answer, and say nothing of an outage"
    assert refused(503, retry_after="7", **resets).retry_after_s == 7
    assert refused(400, **resets).retry_after_s is None
    assert refused(429, {"error": {"code": "insufficient_quota"}}, **resets).retry_after_s is None


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_the_sentence_speaks_where_no_header_does(status: int) -> None:
    body = {"error": {"message": "We are busy. Please try again in 20 seconds."}}
    assert refused(status, body).retry_after_s == 20
    assert refused(status, body, retry_after="3").retry_after_s == 3
    assert refused(status, body, retry_after="0").retry_after_s == 20, "which is no hint"
    assert refused(status, {"error": {"message": "No."}}, retry_after="0").retry_after_s == 0
    assert refused(status, body, retry_after_ms="3500").retry_after_s == 3.5
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "9s"}]
    assert refused(status, {"error": {**body["error"], "details": details}}).retry_after_s == 9
    named = {"code": status, **body["error"]}
    assert stream_error(named, ResponseHead(200, {})).retry_after_s == 20, "inside an answer, too"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 501])
def test_the_sentence_of_any_other_refusal_is_no_hint(status: int) -> None:
    body = {"error": {"message": "I was told to try again in 20 seconds."}}
    assert refused(status, body).retry_after_s is None, "it may be the caller's own"


@pytest.mark.parametrize(
    ("status", "body", "headers", "detail"),
    [
        (403, b"<html><title>Just a moment...</title>", {}, "Cloudflare challenge"),
        (403, b'<div id="cf-please-wait">', {}, "Cloudflare challenge"),
        (503, b"<script src=/cdn-cgi/challenge-platform/x>", {}, "Cloudflare challenge"),
        (429, b"", {"cf_mitigated": "challenge"}, "Cloudflare challenge"),
        (403, b" <p>Unable to load site</p>", {}, "a web page keeps us out"),
        (403, b"denied", {"content_type": "text/html; charset=utf-8"}, "a web page keeps us out"),
    ],
)
def test_a_wall_is_no_word_about_keys_or_limits(status: int, body: bytes, headers: Any, detail: str) -> None:
    error = refused(status, body, **headers)
    assert (error.kind, error.detail) == (ErrorKind.BLOCKED, detail)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b"denied", ErrorKind.AUTH),
        (403, b'{"error": "Just a moment..."}', ErrorKind.AUTH),
        (503, b"<html>maintenance", ErrorKind.OVERLOADED),
        (404, b"<title>Just a moment...", ErrorKind.NOT_FOUND),
    ],
)
def test_other_pages_are_no_wall(status: int, body: bytes, kind: ErrorKind) -> None:
    assert refused(status, body).kind is kind


def test_a_page_is_kept_by_its_beginning() -> None:
    error = refused(502, b"<html>" + b"x" * 5000)
    assert error.provider_message is not None
    assert error.provider_message.startswith("<html>x")
    assert len(error.provider_message) == 2048


def test_a_dialects_own_rows_are_asked_first() -> None:
    rows = (
        rule(ErrorKind.OVERLOADED, "ModelNotReadyException", statuses=(429,)),
        rule(ErrorKind.QUOTA_EXHAUSTED, pattern="daily cap", not_statuses=(500,)),
    )
    head = ResponseHead(429, {})
    assert provider_error(head, b'{"type": "model_not_ready_exception"}', rules=rows).kind is ErrorKind.OVERLOADED
    assert provider_error(head, b'{"message": "DAILY CAP reached"}', rules=rows).kind is ErrorKind.QUOTA_EXHAUSTED
    assert stream_error({"type": "ModelNotReadyException"}, ResponseHead(200, {}), rules=rows).kind is ErrorKind.UNKNOWN
    assert stream_error("daily cap", head, status=500, rules=rows).kind is ErrorKind.SERVER_ERROR
