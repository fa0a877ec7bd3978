"""The report of a call: attempts, skips and their reasons, timings, tokens. It holds no secret and no prompt.

The same object is live on the stream, final on the result and on every exception, and one line in the log. Times are
seconds since the call began, on the monotonic clock; when that was, the wall clock says once.
"""

from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec

from ...config.route import MidStream
from ...providers.errors import ErrorKind, ProviderError, safe_code
from ...providers.events import Usage
from ...providers.plain import Plain, as_plain, instant
from .reasons import AttemptReason, SkipReason, WaitReason

AttemptOutcome: TypeAlias = Literal["running", "finished", "failed", "cancelled"]
CallOutcome: TypeAlias = Literal["running", "finished", "failed", "cancelled"]


_LEFT: dict[ErrorKind, str] = {ErrorKind.CANCELLED: "the caller left", ErrorKind.CLOSED: "the Router was closed"}
"""Why an attempt was dropped that nothing was wrong with."""


class AttemptReport(Plain, msgspec.Struct):
    """One try at one target.

    Attributes:
        why: What led to it: `first`, `retry`, `handover`, `return` (after waiting for the target), `hedge`,
            `repair` (its answer did not fit its schema), `last_resort`, or the policy by which a delivered answer was
            gone on with.
        headers_s: When the response head came.
        first_delta_s: When the first useful delta came.
        ended_s: When it was over.
        kind: Why it failed.
        detail: Our own words about the failure, or about why an attempt was dropped that had not failed.
        hint_s: When the provider said it may be asked again, in seconds from the failure.
        alert: It failed of what only a person can mend.
        usage: Tokens as the provider counted them; what it cannot have used is estimated instead.
        cost: What it cost, in US dollars; None: its price is not known.
        estimated: `usage` and `cost` are our estimate, rather too high, in part or as a whole: the attempt was over
            before its provider had counted, or what it counted cannot be.
        notes: What the dialect could not say and left out harmlessly, and what was passed over in the answer.
    """

    target: str
    provider: str
    model: str
    why: AttemptReason
    began_s: float
    outcome: AttemptOutcome = "running"
    headers_s: float | None = None
    first_delta_s: float | None = None
    ended_s: float | None = None
    kind: ErrorKind | None = None
    detail: str = ""
    status: int | None = None
    native_code: str | None = None
    request_id: str | None = None
    hint_s: float | None = None
    alert: bool = False
    usage: Usage | None = None
    cost: float | None = None
    estimated: bool = False
    notes: tuple[str, ...] = ()

    def failed(self, error: ProviderError, now_s: float) -> None:
        """Note down why it failed; only what is safe to show."""
        self.outcome = "cancelled" if error.kind in _LEFT else "failed"
        self.ended_s = now_s
        self.kind = error.kind
        self.detail = error.detail or _LEFT.get(error.kind, "")
        self.status = error.status
        self.native_code = safe_code(error.native_code) or safe_code(error.native_type)
        self.request_id = safe_code(error.request_id)
        self.hint_s = error.retry_after_s
        self.alert = error.alerts

    def dropped(self, detail: str, now_s: float) -> None:
        """It was well, but nothing of it is used; the detail says why."""
        self.outcome, self.detail, self.ended_s = "cancelled", detail, now_s

    def line(self) -> str:
        """One line for people."""
        took = f"{(self.ended_s or self.began_s) - self.began_s:.2f} s"
        if self.outcome == "finished":
            return f"{self.target}: answered in {took}"
        if self.outcome != "failed" or self.kind is None:
            return f"{self.target}: {self.outcome} after {took}" + (f", {self.detail}" if self.detail else "")
        facts = [str(fact) for fact in (self.status, self.native_code) if fact is not None]
        shown = f" ({', '.join(dict.fromkeys(facts))})" if facts else ""
        return f"{self.target}: {self.kind.value}{shown} after {took}" + (f", {self.detail}" if self.detail else "")


class Skipped(Plain, msgspec.Struct, frozen=True):
    """A target that was not asked.

    Attributes:
        reason: A word: `breaker_open`, `probing`, `parked`, `isolated`, `returning`, `limit`, `budget`,
            `out_of_bounds`, `no_key`, `misconfigured`, `unsupported`, `missing_extra`, `context_window`, `only_on`, or
            `deadline`.
        detail: What a person should know.
        until_s: When it may be asked again, if that is known.
    """

    target: str
    reason: SkipReason
    detail: str
    at_s: float
    until_s: float | None = None

    def line(self) -> str:
        """One line for people."""
        return f"{self.target}: skipped, {self.detail}"


class Waited(Plain, msgspec.Struct, frozen=True):
    """Time in which no target was asked.

    Attributes:
        reason: `backoff`, `hint` (a short Retry-After was waited out), `return` (of a target that was left alone), or
            `queue` (for a place within its limits, or its budget).
    """

    reason: WaitReason
    target: str | None
    at_s: float
    for_s: float


class Switch(Plain, msgspec.Struct, frozen=True):
    """Another attempt went on with a delivered answer that broke off.

    Attributes:
        policy: `continue`, `ask_to_continue`, `replay` or `restart`.
        why: The kind of error that broke it off.
        at_chars: Characters delivered before it.
        trimmed_chars: Characters that the new attempt repeated, which were left out.
    """

    source: str
    target: str
    policy: MidStream
    why: ErrorKind
    at_s: float
    at_chars: int
    trimmed_chars: int


class Report(Plain, msgspec.Struct):
    """The report of a call.

    Attributes:
        call_id: A random id, the same in the log.
        target: The target that gave the answer.
        model: The model that the provider says answered; else the one that was asked for.
        first_delta_s: When the first useful delta was delivered to the caller.
        ended_s: When the call was over.
        completion: `proven` when the dialect's end marker or HTTP framing shows that the answer is whole.
        usage: Tokens of the answer, as its provider counted them; what it cannot have used is estimated instead.
        tokens: Those of all attempts together, as far as they are known.
        cost: What all attempts cost together, in US dollars, as far as prices are known; None: none is.
        estimated: A part of `tokens` and `cost` is our estimate.
        began_wall_s: When the call began, by the wall clock, in epoch seconds; None: it did not begin.
    """

    call_id: str
    route: str
    attempts: list[AttemptReport]
    outcome: CallOutcome = "running"
    kind: ErrorKind | None = None
    target: str | None = None
    model: str | None = None
    first_delta_s: float | None = None
    ended_s: float | None = None
    completion: Literal["proven", "unproven"] | None = None
    usage: Usage | None = None
    tokens: Usage | None = None
    cost: float | None = None
    estimated: bool = False
    skipped: list[Skipped] = []
    waits: list[Waited] = []
    switches: list[Switch] = []
    began_wall_s: float | None = None

    def add(self, attempt: AttemptReport) -> None:
        """Sum up what one more attempt has used."""
        if attempt.usage is not None:
            self.tokens = attempt.usage if self.tokens is None else _sum(self.tokens, attempt.usage)
        if attempt.cost is not None:
            self.cost = (self.cost or 0.0) + attempt.cost
        if attempt.estimated:
            self.estimated = True

    def waited(self, reason: WaitReason, target: str | None, at_s: float, now_s: float) -> None:
        """Add a wait from `at_s` to now. Waits that follow upon each other are one."""
        last = self.waits[-1] if self.waits else None
        if last is not None and (last.reason, last.target) == (reason, target) and last.at_s + last.for_s > at_s - 1e-6:
            at_s = self.waits.pop().at_s
        self.waits.append(Waited(reason, target, at_s, now_s - at_s))

    def lines(self) -> list[str]:
        """Return one line for each attempt and each skipped target, for a reader."""
        return [attempt.line() for attempt in self.attempts] + [skip.line() for skip in self.skipped]

    @property
    def began_at(self) -> datetime | None:
        """When the call began, by the wall clock, in UTC; None: it did not begin."""
        return None if self.began_wall_s is None else datetime.fromtimestamp(self.began_wall_s, UTC)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain JSON types; and when it began and ended, in UTC."""
        plain: dict[str, Any] = as_plain(self)
        began_s, ended_s = self.began_wall_s, self.ended_s
        plain["began_at"] = instant(began_s)
        plain["ended_at"] = None if began_s is None or ended_s is None else instant(began_s + ended_s)
        return plain

    def _repr_markdown_(self) -> str:
        from .markdown import escaped, table

        head = ("at", "target", "why", "outcome", "detail", "until")
        rows = (
            (_shown(at_s), target, why, outcome, detail, _shown(until_s))
            for at_s, target, why, outcome, detail, until_s in self._rows()
        )
        return f"**{escaped(self.route)}**: {self.facts()}\n\n{table(head, rows)}"

    def facts(self) -> str:
        """A line of Markdown: what answered, how it ended, and what it took."""
        from .markdown import facts

        usage, cost = self.usage, self.cost
        return facts(
            (
                self.target,
                self.model if self.model != self.target else None,
                self.outcome if self.kind is None else f"{self.outcome}: {self.kind.value}",
                None if usage is None else f"{usage.input_tokens} + {usage.output_tokens} tokens",
                None if cost is None else f"{'about ' if self.estimated else ''}{cost:.4g} USD",
                _shown(self.ended_s),
            )
        )

    def _rows(self) -> list[tuple[float, str | None, str, str, str, float | None]]:
        """All that happened, in its order: when, where, what for, how it went, and until when."""
        rows: list[tuple[float, str | None, str, str, str, float | None]] = [
            (a.began_s, a.target, a.why, a.outcome if a.kind is None else a.kind.value, a.detail, a.ended_s)
            for a in self.attempts
        ]
        rows += [(s.at_s, s.target, "", f"skipped: {s.reason}", s.detail, s.until_s) for s in self.skipped]
        rows += [(w.at_s, w.target, "", f"waited: {w.reason}", "", w.at_s + w.for_s) for w in self.waits]
        return sorted(rows, key=lambda row: row[0])


def _shown(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.2f} s"


def _sum(one: Usage, two: Usage) -> Usage:
    summed: dict[str, Any] = {}
    for name in one.__struct_fields__:
        a, b = getattr(one, name), getattr(two, name)
        if a is None or b is None:
            summed[name] = b if a is None else a
        elif name == "tool_uses":
            summed[name] = {tool: a.get(tool, 0) + b.get(tool, 0) for tool in (*a, *b)}
        else:
            summed[name] = a + b
    return Usage(**summed)
