"""What is told of a request once it is over: one line of the log, and what counters count. No prompt, no answer.

A record holds names from the configuration, numbers and words of ours. What a client or a provider has written, but
for a request's id of plain letters, is not in it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from ..router.result.report import Report

Outcome: TypeAlias = Literal["finished", "refused", "failed", "cancelled", "fault"]
"""Answered; refused for the request's own sake, or by a limit; failed at providers or at the gateway's accounts; its
client has left; the gateway has a bug."""

NO_ROUTE = "-"
CLIENT_LEFT = 499
"""The status, in log and counters, of a request whose client has left."""


class AttemptLine(msgspec.Struct, frozen=True):
    """One attempt of a request."""

    target: str
    why: str
    outcome: str
    kind: str | None
    status: int | None
    began_s: float
    first_s: float | None
    ended_s: float | None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


class Record(msgspec.Struct, kw_only=True):
    """One request.

    Attributes:
        time: When it came, in UTC.
        ingress: The protocol that the client speaks, or what else was asked.
        key: The name of its key; `-` without one.
        route: The route that it asked; `-`: a target alone, or none.
        status: Of the answer; 499: its client has left.
        kind: Why there was no whole answer.
        body_s, first_s, total_s: Until its body was there, until the first byte of the answer, until the end, in
            seconds since it came.
        overhead_s: The gateway's own part of the time to the first byte.
    """

    time: str
    request_id: str
    ingress: str
    key: str = "-"
    route: str = NO_ROUTE
    target: str | None = None
    stream: bool = False
    status: int = 0
    outcome: Outcome = "fault"
    kind: str | None = None
    limited_by: str | None = None
    body_s: float | None = None
    first_s: float | None = None
    total_s: float = 0.0
    overhead_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    switches: int = 0
    call_id: str | None = None
    attempts: tuple[AttemptLine, ...] = ()

    def called(self, report: Report) -> None:
        """Take over what a call's report says at its end."""
        self.call_id, self.target, self.switches = report.call_id, report.target, len(report.switches)
        self.cost_usd = report.cost
        if report.tokens is not None:
            self.input_tokens, self.output_tokens = report.tokens.input_tokens, report.tokens.output_tokens
        self.attempts = tuple(
            AttemptLine(
                attempt.target,
                attempt.why,
                attempt.outcome,
                None if attempt.kind is None else attempt.kind.value,
                attempt.status,
                round(attempt.began_s, 6),
                _rounded(attempt.first_delta_s),
                _rounded(attempt.ended_s),
                None if attempt.usage is None else attempt.usage.input_tokens,
                None if attempt.usage is None else attempt.usage.output_tokens,
                attempt.cost,
            )
            for attempt in report.attempts
        )


Observe: TypeAlias = Callable[[Record], None]
"""Told of each request once it is over, in the event loop: it must be quick."""

_encode = msgspec.json.encode


def line_of(record: Record) -> bytes:
    """The record as a line of the log."""
    return _encode(record) + b"\n"


def moment(wall_s: float) -> str:
    """A time of the log, in UTC to the millisecond."""
    second = int(wall_s)
    return f"{_second(second)}.{int((wall_s - second) * 1000):03d}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
