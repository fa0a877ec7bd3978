"""Map a provider's refusal into an `ErrorKind`: what it says is compared with the tables in `refusals`.

The tables are asked from the most specific to the most general: a dialect's own rows, the codes and sentences that
mean one thing wherever they come from, the HTTP status, and last the words that only say something when there is no
status, as inside a stream. What a provider only repeats of the request is taken out of its sentence first.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from . import hints
from .codecs import UNDECODABLE, SplitCharacter, decode_kindly
from .error_facts import ErrorFacts, error_facts, facts_of, is_error
from .errors import DISPOSITIONS, ErrorKind, ProviderError
from .provider import ResponseHead
from .refusals import GENERAL, SHARED, STATUSES, Rule, rule
from .refusals.quoted import without_quotations
from .refusals.rule import OF_A_CLASS

__all__ = ["STATUSES", "Rule", "error_told", "or_error", "provider_error", "rule", "stream_error"]

_BOT_WALL = re.compile(
    rb"cf-please-wait|<title>Just a moment\.\.\.|challenge-platform|Attention Required! \| Cloudflare|cf-error-details",
    re.IGNORECASE,
)

_DETAILS: dict[ErrorKind, str] = {
    ErrorKind.AUTH: "the provider refuses the key or the rights of this target",
    ErrorKind.QUOTA_EXHAUSTED: "the account of this target has no quota or credit left",
    ErrorKind.NOT_FOUND: "the provider does not have this model, or nothing is at this URL",
    ErrorKind.RATE_LIMITED: "the provider limits the rate of requests or tokens",
    ErrorKind.OVERLOADED: "the provider is overloaded or still starting",
    ErrorKind.SERVER_ERROR: "the provider failed",
    ErrorKind.TIMEOUT: "the provider gave up waiting",
    ErrorKind.CONTEXT_LENGTH: "the conversation is too long for this model",
    ErrorKind.CONTENT_FILTER: "the provider's content filter refused the request or the answer",
    ErrorKind.BAD_REQUEST: "the provider does not accept the request",
    ErrorKind.REFUSED_HERE: "this model or this account does not take the request",
    ErrorKind.PREFILL_UNSUPPORTED: "this model does not go on from a trailing assistant turn",
    ErrorKind.UNSUPPORTED: "the provider does not have what the request needs",
    ErrorKind.PROTOCOL: "the provider sent something that is no answer",
    ErrorKind.BLOCKED: "the provider keeps us out",
    ErrorKind.CONNECT: "the proxy asks for credentials",
    ErrorKind.UNKNOWN: "the provider reports an error that says nothing we know",
}


def provider_error(head: ResponseHead, body: bytes, *, rules: tuple[Rule, ...] = ()) -> ProviderError:
    """What a response with an error status means.

    Args:
        head: Its status and headers.
        body: Its body, or the beginning of it.
        rules: The dialect's own rows, asked before the shared ones.
    """
    facts = error_facts(body)
    wall = _bot_wall(head, body, facts)
    if wall is not None:
        return ProviderError(
            ErrorKind.BLOCKED,
            wall,
            status=head.status,
            request_id=hints.request_id(head.headers),
            provider_message=facts.message,
        )
    return _error(facts, head, head.status, rules, told=head.status)


def stream_error(
    error: object, head: ResponseHead, *, status: int | None = None, rules: tuple[Rule, ...] = ()
) -> ProviderError:
    """What an error means that came inside an answer, where no HTTP status speaks for it.

    Args:
        error: The decoded JSON: the error object, an object with an `error` in it, or a text.
        head: Of the answer it came in.
        status: The status that this error stands for in the dialect's documents; None: one that the error names.
        rules: The dialect's own rows, asked before the shared ones.
    """
    facts = facts_of({"error": error} if isinstance(error, str) else error)
    return _error(facts, head, facts.status if status is None else status, rules, told=None)


def error_told(data: bytes, head: ResponseHead, *, rules: tuple[Rule, ...] = ()) -> ProviderError | None:
    """What came where a piece of the answer should be, if it reports a failure in any of many shapes; else None."""
    try:
        decoded = decode_kindly(data)
    except UNDECODABLE:
        return None
    if isinstance(decoded, list) and len(decoded) == 1:
        decoded = decoded[0]
    return stream_error(decoded, head, rules=rules) if isinstance(decoded, dict) and is_error(decoded) else None


_Decoder = TypeVar("_Decoder", bound=Any)
_Event = TypeVar("_Event")


def or_error(
    parse: Callable[[bytes, _Decoder], list[_Event]], head: ResponseHead, *, rules: tuple[Rule, ...] = ()
) -> Callable[[bytes, _Decoder], list[_Event]]:
    """Make a reader of whole bodies that takes a body which is no answer for the error that it may be."""

    def read(body: bytes, decoder: _Decoder) -> list[_Event]:
        try:
            return parse(body, decoder)
        except SplitCharacter:
            raise
        except UNDECODABLE:
            failure = error_told(body, head, rules=rules)
            if failure is None:
                raise
            decoder.failure = failure
            return []

    return read


def _verdict(facts: ErrorFacts, said: str, status: int | None, rules: tuple[Rule, ...]) -> Rule:
    """The row that speaks of an error, from the most specific source that knows it; for a bare status, a row of it.

    Args:
        facts: What the body says.
        said: Its sentences, without quotations.
        status: The HTTP status, or one that the body names; None when there is neither.
        rules: The dialect's own rows, asked before the shared ones.
    """
    if facts.status in OF_A_CLASS and (status is None or status == 400 or status >= 500):
        status = facts.status  # a gateway gives its own status to what its upstream said
    for row in (*rules, *SHARED):
        if row.applies(facts, said, status):
            return row
    if status is not None and status >= 300:
        return Rule(_of_status(status))
    return next((row for row in GENERAL if row.applies(facts, said, status)), Rule(ErrorKind.UNKNOWN))


def _of_status(status: int) -> ErrorKind:
    if status < 400:
        return ErrorKind.PROTOCOL  # a redirect is never followed: the key would go with it
    return STATUSES.get(status) or (ErrorKind.BAD_REQUEST if status < 500 else ErrorKind.SERVER_ERROR)


def _error(
    facts: ErrorFacts, head: ResponseHead, status: int | None, rules: tuple[Rule, ...], *, told: int | None
) -> ProviderError:
    said = without_quotations(facts.sentences or facts.message)
    verdict = _verdict(facts, said, status, rules)
    kind = verdict.kind
    headers = {**head.headers, **facts.headers}
    named = facts.error.get("request_id")
    return ProviderError(
        kind,
        _DETAILS[kind],
        status=told,
        native_code=facts.code,
        native_type=facts.type,
        request_id=hints.request_id(headers) or (named if isinstance(named, str) else None),
        retry_after_s=_hint_s(facts, said, told, kind, headers, head.now_s),
        should_retry=hints.should_retry(headers),
        provider_message=facts.message,
        param=facts.param,
        local=kind is ErrorKind.CONNECT,
        needs_operator=verdict.needs_operator,
    )


def _hint_s(
    facts: ErrorFacts, said: str, told: int | None, kind: ErrorKind, headers: hints.Headers, now_s: float
) -> float | None:
    """When the provider wants to be asked again: by its headers, by the error's details, or by its sentence alone.

    Reset headers say when a rate limit is whole again, and come with every answer: only a refusal that a rate limit
    caused is about them. A sentence is believed only where such a delay is heeded, and of an error that a status or a
    code has told; elsewhere it may be the caller's.
    """
    told_s = hints.retry_after_s(headers, now_s, resets=kind is ErrorKind.RATE_LIMITED)
    if not told_s and DISPOSITIONS[kind].heeds_hint and (told or facts.status or facts.words):
        for said_s in (hints.duration_s(facts.retry_delay), hints.told_s(said)):
            told_s = told_s or (told_s if said_s is None else said_s)
    return told_s


def _bot_wall(head: ResponseHead, body: bytes, facts: ErrorFacts) -> str | None:
    """What keeps us out, if a page does: a firewall's page says nothing about keys, limits or health."""
    if head.status not in (403, 429, 503) or facts.is_json:
        return None
    if head.headers.get("cf-mitigated") == "challenge" or _BOT_WALL.search(body):
        return "Cloudflare challenge"
    if head.status == 403 and (head.content_type == "text/html" or body.lstrip()[:1] == b"<"):
        return "a web page keeps us out"
    return None
