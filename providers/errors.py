"""The kinds of errors, in one closed enum, and what may follow each: one table from kind to disposition.

Every provider maps its statuses, codes and sentences into these kinds once; no code downstream reads a message or a
status again. A route may override single rows of the table.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal, Self, TypeAlias

import msgspec


class ErrorKind(StrEnum):
    """Why an attempt, or a call, failed."""

    CONNECT = "connect"
    DNS = "dns"
    TLS = "tls"
    DISCONNECTED = "disconnected"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105 - a kind, not a password
    STALLED = "stalled"
    TRUNCATED = "truncated"
    TIMEOUT = "timeout"
    BLOCKED = "blocked"
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    CONTEXT_LENGTH = "context_length"
    CONTENT_FILTER = "content_filter"
    BAD_REQUEST = "bad_request"
    REFUSED_HERE = "refused_here"
    PREFILL_UNSUPPORTED = "prefill_unsupported"
    UNSUPPORTED = "unsupported"
    PROTOCOL = "protocol"
    UNKNOWN = "unknown"
    EMPTY = "empty"
    INVALID_ANSWER = "invalid_answer"
    DEADLINE = "deadline"
    BUDGET = "budget"
    ISOLATED = "isolated"
    CANCELLED = "cancelled"
    CLOSED = "closed"


RetryRule: TypeAlias = Literal["never", "once", "backoff", "hint", "fresh_connection"]
AskAnother: TypeAlias = Literal["yes", "no", "larger_window", "one_other"]


class Disposition(msgspec.Struct, frozen=True):
    """What an error of one kind may cause.

    Attributes:
        retry: May the same target be asked again in this call, and how? `once` and `backoff` wait with jitter;
            `hint` waits a short hint out once and backs off without one; `fresh_connection` asks once more when
            the connection was a reused one, or no other target is left.
        ask_another: May another target be asked, and which? `one_other`: one, whose word on the request is the last.
        health: How much one such failure counts against the target's health, 0 to 1.
        parks: Is the target, or its credential, left alone until a hint or a park's end?
        heeds_hint: Does the provider's own delay decide when it is asked again? A short one is waited out by the call
            that was told; for a longer one the target is left alone. False: it is the request that was refused, and a
            delay says nothing of others; or it is parked for a reason that a delay does not mend.
        alert: Should an operator be told, because it will not heal by itself? A single error can ask for it, too.
    """

    retry: RetryRule
    ask_another: AskAnother
    health: float = 0.0
    parks: bool = False
    heeds_hint: bool = False
    alert: bool = False


_UNREACHED = Disposition("never", "yes", health=1.0)
_RETRYABLE = Disposition("backoff", "yes", health=1.0, heeds_hint=True)
_PARKED = Disposition("never", "yes", parks=True, alert=True)
_CALLER = Disposition("never", "no")
_OURS = Disposition("never", "yes")
"""Our own limits, or an operator, keep one target from being asked. The others may be."""

DISPOSITIONS: dict[ErrorKind, Disposition] = {
    ErrorKind.CONNECT: _UNREACHED,
    ErrorKind.DNS: _UNREACHED,
    ErrorKind.TLS: _UNREACHED,
    ErrorKind.DISCONNECTED: Disposition("fresh_connection", "yes", health=1.0),
    ErrorKind.FIRST_TOKEN_TIMEOUT: _UNREACHED,
    ErrorKind.STALLED: _UNREACHED,
    ErrorKind.TRUNCATED: Disposition("fresh_connection", "yes", health=1.0),
    ErrorKind.TIMEOUT: Disposition("once", "yes", health=0.5, heeds_hint=True),
    ErrorKind.BLOCKED: _UNREACHED,
    ErrorKind.SERVER_ERROR: _RETRYABLE,
    ErrorKind.OVERLOADED: _RETRYABLE,
    ErrorKind.RATE_LIMITED: Disposition("hint", "yes", parks=True, heeds_hint=True),
    ErrorKind.QUOTA_EXHAUSTED: _PARKED,
    ErrorKind.AUTH: _PARKED,
    ErrorKind.NOT_FOUND: _PARKED,
    ErrorKind.CONTEXT_LENGTH: Disposition("never", "larger_window"),
    ErrorKind.CONTENT_FILTER: _CALLER,
    ErrorKind.BAD_REQUEST: Disposition("never", "one_other"),
    ErrorKind.REFUSED_HERE: Disposition("never", "yes"),
    ErrorKind.PREFILL_UNSUPPORTED: Disposition("never", "yes"),
    ErrorKind.UNSUPPORTED: Disposition("never", "yes"),
    ErrorKind.PROTOCOL: _UNREACHED,
    ErrorKind.UNKNOWN: Disposition("once", "yes", health=1.0),
    ErrorKind.EMPTY: _UNREACHED,
    ErrorKind.INVALID_ANSWER: Disposition("never", "yes"),
    ErrorKind.DEADLINE: _CALLER,
    ErrorKind.BUDGET: _OURS,
    ErrorKind.ISOLATED: _OURS,
    ErrorKind.CANCELLED: _CALLER,
    ErrorKind.CLOSED: _CALLER,
}
"""The whole table: one row per kind."""


class StandbyError(Exception):
    """The base of all exceptions that standby raises on purpose."""


class InvalidRequest(StandbyError, ValueError):
    """The caller's request makes no sense; the message names the place and the mend, never the content."""


class MissingExtraError(StandbyError):
    """Raised when an optional dependency is missing; the message says which extra to install."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional package: pip install 'standby[{extra}]'")
        self.what, self.extra = what, extra

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.extra)


WORDS_MAX_BYTES = 2048
"""Maximum bytes kept of each text of a provider about an error."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:/-]+")
_CODE_MAX = 64
_LIKE_A_KEY = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16}")


def safe_code(code: object) -> str | None:
    """Return a provider's own code if it is a plain identifier; else None: a sentence may echo a prompt or a key."""
    if type(code) is str:
        text = code
    elif isinstance(code, str | int) and not isinstance(code, bool):
        text = str(code)
    else:
        return None
    return text if len(text) <= _CODE_MAX and _is_safe(text) else None


@lru_cache(256)
def _is_safe(text: str) -> bool:
    return _IDENTIFIER.fullmatch(text) is not None and not looks_like_a_key(text)


def looks_like_a_key(text: str) -> bool:
    """Does the text hold a long mix of letters and digits, as keys do and hardly any words?"""
    return _LIKE_A_KEY.search(text) is not None


_KNOWN_KEY = (
    r"(?<![A-Za-z0-9])(?:(?:sk|pk|rk|gsk|xai|hf|nvapi|csk|pplx|fw|tgp|ghp|r8)[-_]|AIza|AKIA|eyJ)[A-Za-z0-9_+/=.~-]{5,}"
)
"""The beginnings of providers' keys."""
_KEY_OR_WORD = re.compile(rf"{_KNOWN_KEY}|[A-Za-z0-9_+~-]{{16,}}")
_BEGINS_LIKE_A_KEY = re.compile(_KNOWN_KEY)


def without_keys(text: str) -> str:
    """Mask what looks like a key with `***`, in a message about a configuration."""
    return _KEY_OR_WORD.sub(
        lambda found: "***" if _BEGINS_LIKE_A_KEY.match(found[0]) or looks_like_a_key(found[0]) else found[0], text
    )


_FROM_OUTSIDE = ("detail", "native_code", "native_type", "request_id", "provider_message", "param", "url")
"""The attributes of a `ProviderError` that may repeat the request."""


class ProviderError(StandbyError):
    """Raised when one attempt fails. `kind` says what may follow; no code reads the message or the status again.

    `str`, `repr`, `args` and pickles hold only what is safe to log: providers echo prompts in their messages, so the
    provider's own words are in `provider_message`, `param`, `native_code` and `native_type` and nowhere else. They,
    and `url`, are for the process that made the call: a pickle leaves them behind. Keys are masked in all of them.

    Attributes:
        kind: The kind of the failure.
        detail: Our own words about it, safe to show.
        status: The HTTP status, when there was one.
        native_code: The provider's own code, as sent (it may be a sentence; `safe_code` decides what is shown).
        native_type: The provider's own type of the error, as sent.
        request_id: The provider's id of the request, for its support.
        retry_after_s: When the provider says it may be asked again, in seconds from now.
        should_retry: The provider's own `x-should-retry`, which overrides the retry column.
        provider_message: The provider's words, at most 2 KiB. May hold the caller's text.
        param: The part of the request that the provider says is wrong, as sent.
        url: Where it was asked, without a query.
        local: The cause is on our side (no file descriptors, a full pool, a proxy): it hurts no target's health.
        reused_connection: It happened on a kept-alive connection, before any byte of an answer.
        needs_operator: Only a person can mend the cause: a retired model, an account that is not verified.
    """

    def __init__(
        self,
        kind: ErrorKind,
        detail: str = "",
        *,
        status: int | None = None,
        native_code: str | int | None = None,
        native_type: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        should_retry: bool | None = None,
        provider_message: str | None = None,
        param: str | None = None,
        local: bool = False,
        reused_connection: bool = False,
        needs_operator: bool = False,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.detail = detail
        self.status = status
        self.native_code = _bounded(native_code) if isinstance(native_code, str) else native_code
        self.native_type = _bounded(native_type)
        self.request_id = _bounded(request_id)
        self.retry_after_s = retry_after_s
        self.should_retry = should_retry
        self.provider_message = _bounded(provider_message)
        self.param = _bounded(param)
        self.url: str | None = None
        self.local = local
        self.reused_connection = reused_connection
        self.needs_operator = needs_operator
        self.target: str | None = None

    @property
    def code(self) -> str | int | None:
        """The provider's own code, as sent; where it has none, its type of the error."""
        return self.native_type if self.native_code is None else self.native_code

    def mask(self, masked: Callable[[str], str]) -> None:
        """Apply `masked` to every text from outside."""
        said = {name: text for name in _FROM_OUTSIDE if isinstance(text := getattr(self, name), str)}
        together = "\n".join(said.values())
        if masked(together) != together:  # hardly ever: one look at all of them is enough
            for name, text in said.items():
                setattr(self, name, masked(text))

    @property
    def disposition(self) -> Disposition:
        """The row of the table for this kind, before a route's overrides."""
        return DISPOSITIONS[self.kind]

    @property
    def alerts(self) -> bool:
        """Should an operator be told?"""
        return self.needs_operator or self.disposition.alert

    @property
    def heeded_s(self) -> float | None:
        """The provider's delay where one is heeded. None: there is none, it is over, or this kind knows of none.

        Of nothing to wait for ("Retry-After: 0", a date that is past) no official SDK makes a delay: it backs off.
        """
        return (self.retry_after_s or None) if self.disposition.heeds_hint and not self.local else None

    def __str__(self) -> str:
        facts = [f"HTTP {self.status}"] if self.status else []
        code = safe_code(self.native_code) or safe_code(self.native_type)
        if code and code != str(self.status):
            facts.append(f"code {code}")
        if self.retry_after_s is not None:
            facts.append(f"may be asked again in {self.retry_after_s:g} s")
        where = f"{self.target}: " if self.target else ""
        what = f"{self.kind.value}: {self.detail}" if self.detail else self.kind.value
        return f"{where}{what}" + (f" ({', '.join(facts)})" if facts else "")

    def __repr__(self) -> str:
        return f"ProviderError({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._safe_state())

    def _safe_state(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state["provider_message"] = state["param"] = state["url"] = None
        state["native_code"] = safe_code(self.native_code)
        state["native_type"] = safe_code(self.native_type)
        if self.request_id is not None and not _IDENTIFIER.fullmatch(self.request_id):
            state["request_id"] = None
        return state

    def __copy__(self) -> Self:
        twin = type(self)(self.kind)
        twin.__dict__.update(self.__dict__)
        return twin


def _bounded(said: str | None) -> str | None:
    """The beginning of what was said; None of nothing."""
    if not said:
        return None
    return (
        said
        if len(said) * 4 <= WORDS_MAX_BYTES
        else said.encode("utf-8", "replace")[:WORDS_MAX_BYTES].decode("utf-8", "ignore")
    )


def _rebuild(cls: type[ProviderError], state: dict[str, Any]) -> ProviderError:
    error = cls(state["kind"])
    error.__dict__.update(state)
    return error
