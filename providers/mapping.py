"""Map a provider's refusal into an `ErrorKind`, by tables of statuses, codes and well-known sentences.

The tables are asked from the most specific to the most general: a dialect's own rules, the codes and sentences that
mean one thing wherever they come from, the HTTP status, and last the words that only say something when there is no
status, as inside a stream. Sources: the SDKs' and servers' error tables, and the bodies in `tests/fixtures/wire`.
"""

import re

import msgspec

from . import hints
from .error_facts import ErrorFacts, error_facts, facts_of, plain_word
from .errors import DISPOSITIONS, ErrorKind, ProviderError
from .provider import ResponseHead

_MAX_SEARCHED = 4096


class Rule(msgspec.Struct, frozen=True):
    """One row: an error with one of these words, or with a message that holds this pattern, is of this kind.

    Attributes:
        words: Codes and types, as `plain_word` writes them.
        pattern: Searched for in the message, ignoring case.
        statuses: The row holds for these statuses only, None: without one, as in a stream; empty: for all.
        not_statuses: The row does not hold for these.
        needs_operator: What it speaks of, only a person can mend.
    """

    kind: ErrorKind
    words: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None
    statuses: frozenset[int | None] = frozenset()
    not_statuses: frozenset[int] = frozenset()
    needs_operator: bool = False

    def applies(self, facts: ErrorFacts, status: int | None) -> bool:
        """Whether this row speaks of these facts."""
        if (self.statuses and status not in self.statuses) or status in self.not_statuses:
            return False
        if not self.words.isdisjoint(facts.words):
            return True
        return self.pattern is not None and self.pattern.search(facts.message[:_MAX_SEARCHED]) is not None


def rule(
    kind: ErrorKind,
    words: str = "",
    pattern: str = "",
    *,
    statuses: tuple[int | None, ...] = (),
    not_statuses: tuple[int, ...] = (),
    needs_operator: bool = False,
) -> Rule:
    """A row, written shortly: `words` are separated by spaces, `pattern` is a regular expression."""
    compiled = re.compile(pattern, re.IGNORECASE) if pattern else None
    return Rule(
        kind,
        frozenset(map(plain_word, words.split())),
        compiled,
        frozenset(statuses),
        frozenset(not_statuses),
        needs_operator,
    )


SPECIFIC: tuple[Rule, ...] = (
    rule(
        ErrorKind.PREFILL_UNSUPPORTED,
        pattern=r"does not support assistant message prefill|ending with a model turn are not supported"
        r"|prefill is incompatible with enable_thinking|2 or more assistant messages at the end",
    ),
    rule(
        ErrorKind.CONTENT_FILTER,
        "content_filter content_policy_violation ResponsibleAIPolicyViolation moderation_blocked content_moderation"
        " invalid_prompt",
        r"content management policy|content policy violation|violates usage guidelines|safety_check_type"
        r"|requires moderation|your input was flagged",
    ),
    rule(  # of one request: its size for this rate or this credit, or what it needs; others of the same target are well
        ErrorKind.UNSUPPORTED,
        pattern=r"request too large for|can only afford [1-9]"
        r"|no endpoints found that (?:support|can handle)",
        statuses=(402, 404, 413, 429, None),
    ),
    rule(
        ErrorKind.REFUSED_HERE,
        "model_decommissioned organization_restricted OperationNotSupported",
        r"organization must be verified|has been decommissioned|does not work with the specified model"
        r"|model not exist|is not a valid model id|requires --enable-",
        statuses=(400, 422, None),
        needs_operator=True,
    ),
    rule(
        ErrorKind.REFUSED_HERE,
        "unsupported_value unsupported_parameter tool_use_failed",
        r"not supported (?:by|for|with) (?:this|the) (?:specified )?model|\bnot support(?:ed)? .{0,80}with this model",
        not_statuses=(401, 402, 403, 404, 429, 500, 502, 503),
    ),
    rule(
        ErrorKind.CONTEXT_LENGTH,
        "context_length_exceeded exceed_context_size_error context_window_exceeded model_context_window_exceeded",
        r"maximum context length|context length exceeded|context size has been exceeded"
        r"|exceeds? the (?:available )?context (?:size|window|length)|exceed context limit|prompt is too long"
        r"|input is too long|input token count .{0,80}exceeds|(?:larger|longer) than the (?:maximum )?context"
        r"|too large for model with .{0,40}maximum context",
        not_statuses=(401, 402, 403, 404, 429),
    ),
    rule(
        ErrorKind.QUOTA_EXHAUSTED,
        "insufficient_quota credit_balance_exhausted billing_error billing_hard_limit_reached payment_required"
        " enforced_spend_limit_reached insufficient_balance insufficient_credits",
        r"credit balance is too low|insufficient (?:balance|credits?\b)|reached your specified (?:api )?usage limits",
    ),
    rule(
        ErrorKind.AUTH,
        "invalid_api_key api_key_invalid invalid_authentication authentication_error account_deactivated",
        r"incorrect api key|invalid api key|api key not valid|invalid authentication",
        not_statuses=(429, 500, 502, 503),
    ),
    rule(ErrorKind.BLOCKED, "unsupported_country_region_territory"),
    rule(
        ErrorKind.NOT_FOUND,
        "model_not_found DeploymentNotFound not_found_error model_not_available",
        r"\bmodel\b.{0,200}(?:does not exist|not found)",
        not_statuses=(401, 429, 500, 502, 503),
    ),
    rule(
        ErrorKind.OVERLOADED,
        "capacity_exceeded overloaded_error engine_overloaded provider_overloaded model_overloaded server_overloaded",
        r"\boverloaded\b|loading model",
        not_statuses=(400, 401, 402, 403, 404, 422, 429),
    ),
    rule(ErrorKind.RATE_LIMITED, "rate_limit_exceeded rate_limit_error rate_limited too_many_requests"),
)
"""Rows that say more than the status does: it is right about them only by chance."""

STATUSES: dict[int, ErrorKind] = {
    400: ErrorKind.BAD_REQUEST,
    401: ErrorKind.AUTH,
    402: ErrorKind.QUOTA_EXHAUSTED,
    403: ErrorKind.AUTH,
    404: ErrorKind.NOT_FOUND,
    407: ErrorKind.CONNECT,  # from a proxy on our side
    408: ErrorKind.TIMEOUT,
    409: ErrorKind.TIMEOUT,
    410: ErrorKind.NOT_FOUND,
    413: ErrorKind.CONTEXT_LENGTH,
    422: ErrorKind.BAD_REQUEST,
    424: ErrorKind.SERVER_ERROR,  # Bedrock's and Groq's "the model behind us failed"
    425: ErrorKind.TIMEOUT,
    429: ErrorKind.RATE_LIMITED,
    451: ErrorKind.BLOCKED,
    498: ErrorKind.TIMEOUT,
    499: ErrorKind.TIMEOUT,
    500: ErrorKind.SERVER_ERROR,
    501: ErrorKind.UNSUPPORTED,  # llama.cpp: not_supported_error
    502: ErrorKind.SERVER_ERROR,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.TIMEOUT,
    524: ErrorKind.TIMEOUT,  # Cloudflare waited for the provider
    529: ErrorKind.OVERLOADED,
}
"""Statuses, and the kinds they mean when no word says more. Others go by their class."""

GENERAL: tuple[Rule, ...] = (
    rule(ErrorKind.RATE_LIMITED, "slow_down resource_exhausted requests tokens", r"rate limit|too many requests"),
    rule(ErrorKind.OVERLOADED, "unavailable unavailable_error service_unavailable service_unavailable_error"),
    rule(ErrorKind.TIMEOUT, "timeout timeout_error request_timeout deadline_exceeded"),
    rule(
        ErrorKind.SERVER_ERROR,
        "server_error internal_server_error internal internal_error api_error provider_unavailable",
        r"internal (?:server )?error",
    ),
    rule(ErrorKind.AUTH, "permission_error permission_denied unauthorized unauthenticated forbidden"),
    rule(
        ErrorKind.BAD_REQUEST,
        "invalid_request_error bad_request_error bad_request invalid_argument unprocessable_entity",
    ),
)
"""Rows for an error without a status. Providers give `invalid_request_error` to a wrong key too: the status knows."""

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
    return _error(facts, _verdict(facts, head.status, rules), head, head.status)


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
    return _error(facts, _verdict(facts, facts.status if status is None else status, rules), head, None)


def _verdict(facts: ErrorFacts, status: int | None, rules: tuple[Rule, ...]) -> Rule:
    """The row that speaks of an error, from the most specific source that knows it; for a bare status, a row of it.

    Args:
        facts: What the body says.
        status: The HTTP status, or one that the body names; None when there is neither.
        rules: The dialect's own rows, asked before the shared ones.
    """
    for row in (*rules, *SPECIFIC):
        if row.applies(facts, status):
            return row
    if status is not None and status >= 300:
        return Rule(_of_status(status))
    return next((row for row in GENERAL if row.applies(facts, status)), Rule(ErrorKind.UNKNOWN))


def _of_status(status: int) -> ErrorKind:
    if status < 400:
        return ErrorKind.PROTOCOL  # a redirect is never followed: the key would go with it
    return STATUSES.get(status) or (ErrorKind.BAD_REQUEST if status < 500 else ErrorKind.SERVER_ERROR)


def _error(facts: ErrorFacts, verdict: Rule, head: ResponseHead, status: int | None) -> ProviderError:
    kind = verdict.kind
    headers = {**head.headers, **facts.headers}
    named = facts.error.get("request_id")
    return ProviderError(
        kind,
        _DETAILS[kind],
        status=status,
        native_code=facts.code,
        native_type=facts.type,
        request_id=hints.request_id(headers) or (named if isinstance(named, str) else None),
        retry_after_s=_hint_s(facts, kind, headers, head.now_s),
        should_retry=hints.should_retry(headers),
        provider_message=facts.message,
        param=facts.param,
        local=kind is ErrorKind.CONNECT,
        needs_operator=verdict.needs_operator,
    )


def _hint_s(facts: ErrorFacts, kind: ErrorKind, headers: hints.Headers, now_s: float) -> float | None:
    """When the provider wants to be asked again: by its headers, by the error's details, or by its sentence alone.

    Reset headers say when a rate limit is whole again, and come with every answer: only a refusal that a rate limit
    caused is about them. A sentence is believed only where such a delay is heeded; elsewhere it may be the caller's.
    """
    told_s = hints.retry_after_s(headers, now_s, resets=kind is ErrorKind.RATE_LIMITED)
    if not told_s and DISPOSITIONS[kind].heeds_hint:
        for said_s in (hints.duration_s(facts.retry_delay), hints.told_s(facts.message)):
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
