"""Hints of a provider about when it may be asked again: pure readings of response headers.

The order of sources is that of the official SDKs: `retry-after-ms`, then `retry-after` (digits, or an HTTP-date), then
the reset headers of the rate limits; last comes what only the error's sentence says. Python's own number parsers are
too kind (`1_000`, full-width digits, `inf`), so numbers are matched as ASCII digits first. What makes no sense is no
hint. Nothing is capped here: how long a hint is honoured is the router's business.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

Headers = Mapping[str, str]
"""Header names are in lower case."""

_NUMBER = re.compile(r"[0-9]{1,400}(?:\.[0-9]{1,400})?")
_GO_DURATION = re.compile(r"(?:[0-9]{1,20}(?:\.[0-9]{1,20})?(?:h|ms|m|us|ns|s))+")
_GO_PART = re.compile(r"([0-9.]+)(h|ms|m|us|ns|s)")
_GO_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_WORD_UNIT_S = _GO_UNIT_S | {
    **dict.fromkeys(("millisecond", "milliseconds", "msec", "msecs"), 1e-3),
    **dict.fromkeys(("second", "seconds", "sec", "secs"), 1.0),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), 60.0),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), 3600.0),
    **dict.fromkeys(("day", "days", "d"), 86_400.0),
}
_UNIT = "|".join(sorted(_WORD_UNIT_S, key=len, reverse=True))
_PART = rf"(?:[0-9]{{1,20}}(?:\.[0-9]{{1,20}})?|\b(?:an?|one)\b) ?(?:{_UNIT})(?![a-z])"
_PARTS = rf"({_PART}(?:(?:,? and |, | )?{_PART})*)"
_AGAIN = (
    r"again (?:in|after)|retry(?: again)?(?: (?:your |the |this )?(?:request|call|query))? (?:in|after)"
    r"|retry-after(?: is)?:?"
    r"|retry after:|resets? (?:in|after)|available (?:again )?(?:in|after)|cool(?:ing)?[- ]?down(?: period)?(?:"
    r" of| for| in|:)?"
    r"|back off(?: for)?"
)
"""What stands before a delay. All other numbers are limits, or of the request."""
_ABOUT = r"(?: about| approximately| at least| around| another)?"
_WAITED = r"(?= (?:before|and|then|between|until|to)\b| ?(?:[.,;:!)]|$))"
"""What follows on a delay that is to be waited out."""
_TOLD = re.compile(
    rf"\b(?:(?:{_AGAIN}){_ABOUT} {_PARTS}|(?<!had to )wait(?:ing)?(?: for)?{_ABOUT} {_PARTS}{_WAITED})",
    re.IGNORECASE | re.ASCII,
)
_TOLD_PART = re.compile(rf"([0-9.]+|\b(?:an?|one)\b) ?({_UNIT})(?![a-z])", re.IGNORECASE | re.ASCII)
_MAX_SEARCHED = 4096
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]"
    r"|[+-][0-9:]+)?"
)
_HTTP_DATE = re.compile(r"[A-Za-z0-9 ,:+-]{10,64}")

_EPOCH_S = 1e9
"""A number of at least this many seconds (31 years) is a moment, not a wait: OpenRouter and Cohere send moments."""
_EPOCH_MS = 1e12

_REQUEST_IDS = (
    "x-request-id",
    "request-id",  # Anthropic
    "x-amzn-requestid",
    "apim-request-id",  # Azure
    "x-generation-id",  # OpenRouter
    "cf-ray",  # of the edge in front of the provider: better than nothing
)

_REMAINING: tuple[tuple[str, str, str, Literal["requests", "tokens"], bool], ...] = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-limit-requests", "x-ratelimit-reset-requests", "requests", True),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-limit-tokens", "x-ratelimit-reset-tokens", "tokens", True),
    (
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-reset",
        "requests",
        True,
    ),
    (
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-reset",
        "tokens",
        True,
    ),
    ("x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset", "requests", False),
)
"""Headers that say what remains, of how much, and when it is whole again; and whether it refills evenly until then.

The limits of OpenAI's protocol and of Anthropic are token buckets: `reset` is when they are full, not when something is
left. The plain `x-ratelimit-*` of others (OpenRouter, Cohere) are fixed windows.
"""
_SAYS_REMAINING = frozenset(name for name, *_ in _REMAINING)


class Remaining(msgspec.Struct, frozen=True):
    """What a provider says is left of one of its limits.

    Attributes:
        limit: Of how much; None: it does not say.
        reset_s: When the limit is whole again, in seconds from now.
        refills: It refills evenly until then; else all at once.
    """

    unit: Literal["requests", "tokens"]
    left: float
    limit: float | None
    reset_s: float
    refills: bool


def retry_after_s(headers: Headers, now_s: float, *, resets: bool = True) -> float | None:
    """Seconds until the provider wants to be asked again; 0 when that moment is past, None without a usable hint.

    Of nothing to wait for no hint is made, while another source tells more.

    Args:
        headers: Of the response.
        now_s: The wall clock when the response came, in epoch seconds. Moments are measured against the response's
            own `Date` where it has one, so that a wrong clock on either side does no harm.
        resets: Whether the reset headers of rate limits count. Only for a refusal that a rate limit caused.
    """
    wait_ms = number(headers.get("retry-after-ms"))
    if wait_ms:
        return wait_ms / 1000
    said = headers.get("retry-after", "")
    wait_s = number(said)
    if wait_s is None and (moment_s := _http_date_s(said)) is not None:
        wait_s = max(0.0, moment_s - _server_now_s(headers, now_s))
    if not wait_s and resets:
        wait_s = _exhausted_reset_s(headers, now_s) or wait_s
    return wait_ms if wait_s is None else wait_s


def remaining(headers: Headers, now_s: float) -> list[Remaining]:
    """What is left of the provider's limits, as far as it says, in any response. Cheap when it says nothing.

    Args:
        now_s: As for `retry_after_s`.
    """
    found: list[Remaining] = []
    if _SAYS_REMAINING.isdisjoint(headers):
        return found
    for name, of, reset, unit, refills in _REMAINING:
        if name in headers:
            left, limit = number(headers[name]), number(headers.get(of))
            wait_s = reset_s(headers.get(reset), headers, now_s)
            if left is not None and limit != 0 and wait_s is not None:  # a limit of nothing is a limit unknown
                found.append(Remaining(unit, left, limit, wait_s, refills))
    return found


def should_retry(headers: Headers) -> bool | None:
    """The provider's own word on whether the same endpoint may be asked again: `x-should-retry`."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def request_id(headers: Headers) -> str | None:
    """The provider's id of the request, under any of the names in use."""
    return next((said for name in _REQUEST_IDS if (said := headers.get(name))), None)


def reset_s(text: str | None, headers: Headers, now_s: float) -> float | None:
    """Seconds until the moment that a reset header names: a duration, plain seconds, epoch time, or a timestamp."""
    text = (text or "").strip()
    plain = number(text)
    if plain is None:
        plain = duration_s(text)
        if plain is not None:
            return plain
        plain = _timestamp_s(text)
    elif plain < _EPOCH_S:
        return plain
    elif plain >= _EPOCH_MS:
        plain /= 1000
    return None if plain is None else max(0.0, plain - _server_now_s(headers, now_s))


def duration_s(text: str | None) -> float | None:
    """A duration as Go and protobuf write it, in seconds: `2m59.56s`, `120ms`, `6m0s`, `46s`."""
    text = (text or "").strip()
    if not _GO_DURATION.fullmatch(text):
        return None
    return sum(float(count) * _GO_UNIT_S[unit] for count, unit in _GO_PART.findall(text))


def told_s(message: str) -> float | None:
    """The delay that only an error's sentence names, in seconds.

    OpenAI and Groq: "Please try again in 1m6.57s."; Gemini: "Please retry in 46.2s."; Azure: "Please retry after 12
    seconds."; GitHub: "Please wait 30 seconds before retrying."; others: "resets in 3h2m", "wait 1 minute".
    """
    found = _TOLD.search(message[:_MAX_SEARCHED])
    if found is None:
        return None
    parts = _TOLD_PART.findall(found[1] or found[2])
    return sum((float(count) if count[0].isdigit() else 1.0) * _WORD_UNIT_S[unit.lower()] for count, unit in parts)


def number(text: str | None) -> float | None:
    """A finite number that is not negative, written in ASCII digits with an optional fraction; else None."""
    text = (text or "").strip(" \t")
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _exhausted_reset_s(headers: Headers, now_s: float) -> float | None:
    """The longest wait among the limits that are used up; a limit that has something left is not why we were refused.

    Limits that do not tell what remains count only when no limit is known to be used up.
    """
    used_up: list[float] = []
    untold: list[float] = []
    if (rejected := _rejected_resets(headers)) is not None:
        waits = (reset_s(headers.get(name), headers, now_s) for name in rejected)
        used_up += [wait_s for wait_s in waits if wait_s is not None]
    for reset, remaining in _limits(headers):
        if rejected is not None and reset.startswith(_UNIFIED):
            continue
        wait_s = reset_s(headers[reset], headers, now_s)
        if wait_s is None:
            continue
        left = number(headers.get(remaining))
        if left is None:
            untold.append(wait_s)
        elif left == 0:
            used_up.append(wait_s)
    return max(used_up or untold, default=None)


_UNIFIED = "anthropic-ratelimit-unified-"
"""Limits of Anthropic's subscriptions, one for each window (5h, 7d, 7d_opus, ...): they tell a status, not what"
" remains."""
_NO_WINDOWS = frozenset({"overage", "fallback"})
"""What stands beside the windows: whether more could be paid for, or had elsewhere."""


def _rejected_resets(headers: Headers) -> list[str] | None:
    """The reset headers of the windows that refused, where they tell; of all together, where no window says so.

    None: no status is told.
    """
    told = [name for name in headers if name.startswith(_UNIFIED) and name.endswith("status")]
    if not told:
        return None
    windows = {name.removeprefix(_UNIFIED).removesuffix("status").removesuffix("-"): headers[name] for name in told}
    refused = [window for window, status in windows.items() if _refuses(status) and window not in _NO_WINDOWS]
    return [f"{_UNIFIED}{window}-reset" for window in refused if window] or [f"{_UNIFIED}reset" for _ in refused]


def _refuses(status: str) -> bool:
    status = status.strip().lower()
    return not status.startswith("allowed") and status not in ("active", "ok", "")


def _limits(headers: Headers) -> Iterator[tuple[str, str]]:
    """Names of the headers of each limit: when it resets, and what remains of it."""
    for name in headers:
        if name in ("x-ratelimit-reset", "ratelimit-reset") or name.startswith("x-ratelimit-reset-"):
            yield name, name.replace("-reset", "-remaining", 1)
        elif name.startswith("anthropic-ratelimit-") and name.endswith("-reset"):
            yield name, name.removesuffix("-reset") + "-remaining"


def _server_now_s(headers: Headers, now_s: float) -> float:
    told_s = _http_date_s(headers.get("date", ""))
    return now_s if told_s is None else told_s


def _http_date_s(text: str) -> float | None:
    text = text.strip()
    if ":" not in text or not _HTTP_DATE.fullmatch(text):
        return None
    try:
        return _epoch_s(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _timestamp_s(text: str) -> float | None:
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        return _epoch_s(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _epoch_s(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
