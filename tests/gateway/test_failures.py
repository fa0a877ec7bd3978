"""What a client is told of each failure: every kind, as every exception that can hold it."""

import json
from typing import Any

import pytest
from standby.gateway import failures
from standby.gateway.exchange import dialect_of
from standby.gateway.ingress import ANTHROPIC, OPENAI
from standby.providers import ErrorKind, ProviderError
from standby.providers.serving import Failure
from standby.router.result.errors import (
    AllTargetsFailed,
    CallFailed,
    NoTargetAvailable,
    RequestRejected,
    RouterClosed,
    StreamInterrupted,
)
from standby.router.result.report import AttemptReport, Report, Skipped

STATUSES = {400, 429, 499, 502, 503, 504}
OWN = {
    ErrorKind.BAD_REQUEST, ErrorKind.CONTENT_FILTER, ErrorKind.CONTEXT_LENGTH, ErrorKind.REFUSED_HERE,
    ErrorKind.UNSUPPORTED,
}  # fmt: skip
"""The request's own failures, which are told in the provider's words."""


def said(kind: ErrorKind, **facts: Any) -> ProviderError:
    error = ProviderError(
        kind, status=facts.pop("status", 400), provider_message="SAID so", native_code="native", param="p", **facts
    )
    error.target = "a"
    return error


def report(kind: ErrorKind, *skipped: Skipped, attempts: bool = True) -> Report:
    asked = AttemptReport("a", "openai", "m", "first", 0.0, outcome="failed", kind=kind, ended_s=1.0)
    return Report("id", "chat", [asked] if attempts else [], "failed", kind, ended_s=1.0, skipped=list(skipped))


def failed(how: str, kind: ErrorKind) -> CallFailed:
    error = said(kind)
    made: dict[str, CallFailed] = {
        "all": AllTargetsFailed(kind, report(kind), [error]),
        "none": NoTargetAvailable(kind, report(kind, attempts=False)),
        "rejected": RequestRejected(kind, report(kind), error),
        "broken": StreamInterrupted(kind, report(kind), "SAID partial", error),
        "closed": RouterClosed(kind, report(kind, attempts=False)),
    }
    return made[how]


@pytest.mark.parametrize("kind", ErrorKind)
@pytest.mark.parametrize("how", ["all", "none", "rejected", "broken", "closed"])
def test_every_failure_has_a_status_and_a_sentence_and_shows_only_what_it_may(kind: ErrorKind, how: str) -> None:
    told = failures.of_call(failed(how, kind), "openai", dialect_of, "req_1")
    assert told.failure.status in STATUSES
    assert told.failure.request_id == "req_1"
    assert told.failure.message
    shown = "SAID" in told.failure.message
    assert shown == (kind in OWN and how not in ("none", "closed"))
    assert (told.cause == "request") >= shown
    retry = dict(told.fields).get("x-should-retry")
    assert retry == ("false" if how in ("all", "rejected") else None)


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_has_its_row(kind: ErrorKind) -> None:
    row = failures.ROWS[kind]
    assert row.status in STATUSES
    assert (row.cause == "request") == (kind in OWN)
    assert (row.status == 400) == (row.cause == "request")


@pytest.mark.parametrize(("status", "shown"), [(400, 400), (413, 413), (422, 422), (404, 400), (None, 400), (403, 400)])
def test_the_providers_status_is_kept_where_it_is_one_of_requests(status: int | None, shown: int) -> None:
    error = said(ErrorKind.BAD_REQUEST, status=status)
    told = failures.of_call(RequestRejected(error.kind, report(error.kind), error), "openai", dialect_of, "r")
    assert told.failure.status == shown


def test_words_for_programs_go_only_where_they_are_understood() -> None:
    error = said(ErrorKind.CONTEXT_LENGTH)
    failure = AllTargetsFailed(error.kind, report(error.kind), [error])
    same = failures.of_call(failure, "openai", dialect_of, "r").failure
    other = failures.of_call(failure, "anthropic", dialect_of, "r").failure
    assert (same.code, same.param) == ("native", "p")
    assert (other.code, other.param) == ("context_length_exceeded", None)
    assert same.message == other.message == "SAID so"


def test_what_a_person_has_to_mend_is_the_operators() -> None:
    error = said(ErrorKind.REFUSED_HERE, needs_operator=True)
    told = failures.of_call(AllTargetsFailed(error.kind, report(error.kind), [error]), "openai", dialect_of, "r")
    assert (told.failure.status, told.cause) == (503, "operator")
    assert "SAID" not in told.failure.message


NOBODY = [
    # why no target was asked -> kind of the call, status, whether the limit is told as ours
    (Skipped("a", "limit", "full", 0.0, 4.0), ErrorKind.RATE_LIMITED, 429, "target"),
    (Skipped("a", "limit", "full", 0.0), ErrorKind.DEADLINE, 429, "target"),
    (Skipped("a", "budget", "spent", 0.0), ErrorKind.BUDGET, 429, "budget"),
    (Skipped("a", "budget", "spent", 0.0, 9.0), ErrorKind.DEADLINE, 429, "budget"),
    (Skipped("a", "parked", "parked", 0.0, 31.0), ErrorKind.RATE_LIMITED, 429, None),
    (Skipped("a", "no_key", "no key", 0.0), ErrorKind.AUTH, 502, None),
    (Skipped("a", "misconfigured", "no model", 0.0), ErrorKind.UNSUPPORTED, 503, None),
    (Skipped("a", "unsupported", "it takes no images", 0.0), ErrorKind.UNSUPPORTED, 400, None),
    (Skipped("a", "context_window", "its window is too small", 0.0), ErrorKind.CONTEXT_LENGTH, 400, None),
    (Skipped("a", "isolated", "away", 0.0), ErrorKind.ISOLATED, 503, None),
    (Skipped("a", "breaker_open", "open", 0.0, 5.5), ErrorKind.OVERLOADED, 503, None),
]


@pytest.mark.parametrize(
    ("skip", "kind", "status", "limited_by"), NOBODY, ids=[f"{row[0].reason}-{row[1]}" for row in NOBODY]
)
def test_targets_that_were_not_asked(skip: Skipped, kind: ErrorKind, status: int, limited_by: str | None) -> None:
    error = NoTargetAvailable(kind, report(kind, skip, attempts=False))
    told = failures.of_call(error, "openai", dialect_of, "r")
    fields = dict(told.fields)
    assert told.failure.status == status
    assert fields.get("x-standby-limited-by") == limited_by
    waits = skip.until_s is not None and status in (429, 503)
    assert ("retry-after" in fields) == waits
    if waits:
        assert skip.until_s is not None
        assert fields["retry-after-ms"] == str(round((skip.until_s - 1.0) * 1000))
    assert (skip.detail in told.failure.message) == (status == 400)


WORDS: list[tuple[str, dict[str, Any], str, str | None, str | None]] = [
    ("openai", {"native_type": "t", "native_code": "c"}, "openai", "c", "t"),
    ("openai", {"native_type": "t", "native_code": None}, "openai", None, "t"),
    ("openai", {"native_type": None, "native_code": None}, "openai", "context_length_exceeded", None),
    ("openai", {"native_type": "t", "native_code": "c"}, "anthropic", "context_length_exceeded", None),
]
"""The client's protocol, what the provider says, the provider's protocol; and the code and the type that are told."""


@pytest.mark.parametrize(("dialect", "facts", "of_provider", "code", "type_"), WORDS)
def test_the_words_for_programs_are_the_providers_own_where_it_speaks_the_same(
    dialect: str, facts: dict[str, Any], of_provider: str, code: str | None, type_: str | None
) -> None:
    kind = ErrorKind.CONTEXT_LENGTH
    error = ProviderError(kind, status=400, provider_message="Too long.", **facts)
    error.target = "a"
    told = failures.of_call(AllTargetsFailed(kind, report(kind), [error]), dialect, lambda _: of_provider, "req_1")
    assert (told.failure.code, told.failure.type) == (code, type_)


def test_each_protocol_has_a_place_for_the_code() -> None:
    failure = Failure(kind=ErrorKind.BAD_REQUEST, status=413, message="No.", code="c", type="t")
    assert json.loads(OPENAI.error(failure))["error"] == {"message": "No.", "type": "t", "param": None, "code": "c"}
    assert json.loads(ANTHROPIC.error(failure))["error"]["details"] == {"error_code": "c"}
    without = Failure(kind=ErrorKind.BAD_REQUEST, status=413, message="No.", type="t")
    assert json.loads(OPENAI.error(without))["error"]["code"] is None, "a provider that has none has said so"
    assert "details" not in json.loads(ANTHROPIC.error(without))["error"]
