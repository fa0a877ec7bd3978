"""Hints: strict about numbers and dates, in the order of the SDKs, and only from limits that are used up."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.providers.hints import (
    duration_s,
    number,
    remaining,
    request_id,
    reset_s,
    retry_after_s,
    should_retry,
    told_s,
)

NOW_S = 1_795_342_513.0  # Sun, 22 Nov 2026 10:15:13 GMT


def told(**headers: str) -> float | None:
    return retry_after_s({name.replace("_", "-"): value for name, value in headers.items()}, NOW_S)


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (" 7.25 ", 7.25),
        ("1000000000", 1e9),
        ("9" * 20, 1e20),
        ("Sun, 22 Nov 2026 10:15:23 GMT", 10.0),
        ("Sunday, 22-Nov-26 10:15:23 GMT", 10.0),
        ("Sun Nov 22 10:15:23 2026", 10.0),
        ("Sun, 22 Nov 2026 11:15:23 +0100", 10.0),
        ("22 Nov 2026 10:15:23", 10.0),
        ("Sun, 22 Nov 2026 10:15:03 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after(said: str, wait_s: float) -> None:
    assert told(retry_after=said) == wait_s


@pytest.mark.parametrize(
    "said",
    ["", " ", "-1", "+1", "inf", "nan", "1e3", "1_000", "１２", "٣", "1,5", "7, 8", "7s", "0x10", ".5", "5.", "9" * 330,
     "soon", "Sun, 99 Nov 2026 10:15:23 GMT", "Sun, 22 Foo 2026 10:15:23 GMT", "Sun, 22 Nov 99999 10:15:23 GMT",
     "2026-11-22T10:15:23Z", "::::::::::"],
)  # fmt: skip
def test_what_makes_no_sense_is_no_hint(said: str) -> None:
    assert told(retry_after=said) is None
    assert told(retry_after_ms=said) is None
    assert told(retry_after=said, x_ratelimit_reset="5s") == 5


def test_a_date_is_measured_against_the_servers_own_clock() -> None:
    slow = {"retry-after": "Sun, 22 Nov 2026 09:15:23 GMT", "date": "Sun, 22 Nov 2026 09:15:13 GMT"}
    assert retry_after_s(slow, NOW_S) == 10
    assert retry_after_s(slow | {"date": "nonsense"}, NOW_S) == 0


@pytest.mark.parametrize("nothing", ["0", "0.0", "Sun, 22 Nov 2020 10:15:23 GMT"])
def test_nothing_to_wait_for_leaves_the_word_to_the_next_source(nothing: str) -> None:
    assert retry_after_s({"retry-after-ms": "0", "retry-after": nothing}, NOW_S) == 0
    assert retry_after_s({"retry-after-ms": "0", "retry-after": "7"}, NOW_S) == 7
    assert retry_after_s({"retry-after-ms": "0"}, NOW_S) == 0
    assert retry_after_s({"retry-after": nothing, "x-ratelimit-reset": "60"}, NOW_S) == 60
    assert retry_after_s({"retry-after": nothing, "x-ratelimit-reset": "60"}, NOW_S, resets=False) == 0
    assert retry_after_s({"retry-after": nothing, "x-ratelimit-reset": "0"}, NOW_S) == 0


def test_milliseconds_win_over_seconds_and_both_over_resets() -> None:
    headers = {"retry-after-ms": "6570", "retry-after": "7", "x-ratelimit-reset": "60"}
    assert retry_after_s(headers, NOW_S) == 6.57
    assert retry_after_s(headers | {"retry-after-ms": "-1"}, NOW_S) == 7
    assert retry_after_s(headers | {"retry-after-ms": "", "retry-after": "soon"}, NOW_S) == 60
    assert retry_after_s({"x-ratelimit-reset": "60"}, NOW_S, resets=False) is None


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("2m59.56s", 179.56),
        ("120ms", 0.12),
        ("6m0s", 360.0),
        ("1h2m3s", 3723.0),
        ("500us", 0.0005),
        ("12", 12.0),
        ("1.5", 1.5),
        ("2026-11-22T10:15:23Z", 10.0),
        ("2026-11-22T10:15:23.5+00:00", 10.5),
        ("2026-11-22 10:15:23", 10.0),
        ("2026-11-22T10:00:00Z", 0.0),
        ("2026-11-22T10:15:23.123456789Z", pytest.approx(10.123456)),
        ("1795342523", 10.0),
        ("1795342523000", 10.0),
        ("1795342503", 0.0),
        ("2026-13-22T10:15:23Z", None),
        ("0001-01-01T00:00:00+14:00", 0.0),
        ("5 s", None),
        ("s", None),
        ("-5s", None),
        ("1d", None),
        ("", None),
        (None, None),
    ],
)
def test_a_reset_in_all_its_forms(said: str | None, wait_s: float | None) -> None:
    assert reset_s(said, {}, NOW_S) == wait_s


def test_only_the_limit_that_is_used_up_counts() -> None:
    groq = {
        "x-ratelimit-remaining-requests": "14370",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-requests": "2m59.56s",
        "x-ratelimit-reset-tokens": "7.66s",
    }
    assert retry_after_s(groq, NOW_S) == 7.66
    assert retry_after_s(groq | {"x-ratelimit-remaining-requests": "0"}, NOW_S) == 179.56
    assert retry_after_s(groq | {"x-ratelimit-remaining-tokens": "17"}, NOW_S) is None
    untold = {name: value for name, value in groq.items() if "remaining" not in name}
    assert retry_after_s(untold, NOW_S) == 179.56


def test_the_reset_headers_of_others() -> None:
    anthropic = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-11-22T10:15:43Z",
        "anthropic-ratelimit-tokens-remaining": "8000",
        "anthropic-ratelimit-tokens-reset": "2026-11-22T10:20:00Z",
        "date": "Sun, 22 Nov 2026 10:15:33 GMT",
    }
    assert retry_after_s(anthropic, NOW_S) == 10
    assert told(anthropic_ratelimit_unified_reset="1795342523") == 10
    assert told(ratelimit_reset="9", ratelimit_remaining="0") == 9
    assert told(ratelimit_reset="9", ratelimit_remaining="1") is None


@pytest.mark.parametrize(
    ("five_hours", "week", "all_of_them", "wait_s"),
    [
        ("rejected", "allowed", "rejected", 10),
        ("allowed", "rejected", "rejected", 500_000),
        ("rejected", "rejected", "rejected", 500_000),
        ("rejected", "allowed_warning", None, 10),
        ("allowed", "allowed", "rejected", 7),
        ("allowed", "allowed", "allowed", None),
        (None, None, None, 500_000),
    ],
)
def test_of_a_subscription_the_window_that_refused_counts(
    five_hours: str | None, week: str | None, all_of_them: str | None, wait_s: float | None
) -> None:
    unified = "anthropic-ratelimit-unified"
    statuses = {"5h-status": five_hours, "7d-status": week, "status": all_of_them, "overage-status": "rejected"}
    resets = {"5h-reset": 10, "7d-reset": 500_000, "reset": 7, "overage-reset": 900_000}
    headers = {f"{unified}-{name}": str(NOW_S + wait) for name, wait in resets.items()}
    if all_of_them is five_hours is week is None:
        del headers[f"{unified}-overage-reset"]
        statuses.clear()
    headers |= {f"{unified}-{name}": status for name, status in statuses.items() if status}
    assert retry_after_s(headers, NOW_S) == wait_s


@given(st.text(max_size=30), st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset", "date"]))
def test_any_text_gives_a_finite_wait_or_none(said: str, name: str) -> None:
    headers = {"retry-after": "Sun, 22 Nov 2026 10:15:23 GMT"} | {name: said}
    wait_s = retry_after_s(headers, NOW_S)
    assert wait_s is None or (wait_s >= 0 and math.isfinite(wait_s))


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("Please try again in 6.57s. Visit the page on limits.", 6.57),
        ("Please try again in 6ms.", 0.006),
        ("Please try again in 2m59.56s.", 179.56),
        ("Please try again in 1h2m3s", 3723.0),
        ("Please retry in 46.2s.", 46.2),
        ("Please retry after 1 second.", 1.0),
        ("PLEASE RETRY AFTER 21 SECONDS", 21.0),
        ("try again in about 5 minutes", 300.0),
        ("try again in 1 minute and 30 seconds.", 90.0),
        ("try again in 1 hr, 2 mins", 3720.0),
        ("try again in 2 days", 172_800.0),
        ("Please wait 30 seconds before retrying.", 30.0),
        ("Please wait for 1.5 sec before the next request", 1.5),
        ("Please retry in 37023.1s", 37_023.1),
        ("try again in 500ms", 0.5),
        ("wait 1 minute", 60.0),
        ("Please wait 1 minute and try again.", 60.0),
        ("It resets in 1h2m.", 3720.0),
        ("Your quota will reset after 21h48m.", 78_480.0),
        ("retry your request after 20 seconds", 20.0),
        ("Retry-After: 5 seconds", 5.0),
        ("available again in 1d", 86_400.0),
        ("a cooldown of 30 seconds", 30.0),
        ("try again in a minute", 60.0),
        ("we had to wait 60 seconds for the model", None),
        ("we had to wait 60 seconds.", None),
        ("images of 30 seconds", None),
        ("Rate limit reached: Limit 30000, Requested 45000.", None),
        ("try again in a while", None),
        ("try again in 5", None),
        ("try again in 5 more steps", None),
        ("try again in 3 smart ways", None),
        ("try again in 5 parsecs", None),
        ("try again in -5s", None),
        ("try again in \uff15s", None),
        ("try again in 5\u017f", None),
        ("retry 3 s", None),
        ("", None),
    ],
)
def test_a_delay_that_only_a_sentence_names(said: str, wait_s: float | None) -> None:
    assert told_s(said) == (None if wait_s is None else pytest.approx(wait_s))


def test_a_long_sentence_is_read_in_linear_time() -> None:
    assert told_s("retry in " * 100_000) is None
    assert told_s("retry in " + "1 h, and " * 100_000) == pytest.approx(3600 * 454, abs=3600)
    assert told_s("retry in " + "9" * 100_000 + "s") is None
    far_s = told_s("retry in " + "9" * 20 + "h" + "9" * 20 + "h")
    assert far_s is not None
    assert math.isfinite(far_s)


def test_a_duration_and_a_number() -> None:
    assert duration_s(" 46s ") == 46
    assert duration_s("46") is None
    assert duration_s("1.5.5s") is None
    assert number(None) is None
    assert number("007") == 7


@pytest.mark.parametrize(
    ("said", "wanted"), [("true", True), (" False ", False), ("yes", None), ("", None), (None, None)]
)
def test_the_providers_own_word_on_a_retry(said: str | None, wanted: bool | None) -> None:
    assert should_retry({} if said is None else {"x-should-retry": said}) is wanted


def test_the_request_id_under_any_name() -> None:
    assert request_id({"cf-ray": "r", "request-id": "a"}) == "a"
    assert request_id({"x-request-id": "", "apim-request-id": "b"}) == "b"
    assert request_id({"cf-ray": "r"}) == "r"
    assert request_id({}) is None


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            {
                "x-ratelimit-remaining-requests": "7",
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-reset-requests": "6m0s",
                "x-ratelimit-remaining-tokens": "149984",
                "x-ratelimit-limit-tokens": "150000",
                "x-ratelimit-reset-tokens": "120ms",
            },
            [("requests", 7, 60, 360, True), ("tokens", 149984, 150000, 0.12, True)],
        ),
        (
            {
                "date": "Sun, 01 Mar 2026 00:00:00 GMT",
                "anthropic-ratelimit-tokens-remaining": "0",
                "anthropic-ratelimit-tokens-limit": "80000",
                "anthropic-ratelimit-tokens-reset": "2026-03-01T00:00:30Z",
            },
            [("tokens", 0, 80000, 30, True)],
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "12"}, [("requests", 0, None, 12, False)]),
        ({"x-ratelimit-remaining-requests": "3"}, []),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "1s"}, []),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-limit-requests": "0",
                "x-ratelimit-reset-requests": "1s",
            },
            [],
        ),
        ({"content-type": "text/event-stream"}, []),
    ],
    ids=["buckets", "a moment", "a window", "no reset", "no number", "no limit", "nothing"],
)
def test_what_is_left_is_read_before_it_is_used_up(
    headers: dict[str, str], found: list[tuple[str, float, float | None, float, bool]]
) -> None:
    read = remaining(headers, 0.0)
    assert [(r.unit, r.left, r.limit, round(r.reset_s, 6), r.refills) for r in read] == found
