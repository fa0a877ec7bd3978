"""Parse the words of a drill, on the command line and in a file alike: texts in, plain values out.

A text that cannot be read raises `ValueError`; its message says what to write instead.
"""

import math
import operator
import random
import re
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec

if TYPE_CHECKING:
    from .result import DrillResult

Trouble: TypeAlias = Literal["fail", "slow", "rate_limit"]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)

_UNITS_S = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_DURATION = re.compile(rf"({_NUMBER})(ms|s|m|h|)")
_RATE = re.compile(rf"({_NUMBER})(?:/(s|m|h))?")
_DEMAND = re.compile(rf"(availability|p50|p95|p99)\s*(>=|<=|>|<)\s*({_NUMBER})(%|ms|s|)")
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_P95_SIGMAS = 1.6449  # standard deviations from the median to the 95th percentile


class Latency(msgspec.Struct, frozen=True):
    """The time of a healthy target to its first word: random, around a median.

    Attributes:
        p95_s: 95th percentile: one answer in twenty takes longer.
    """

    median_s: float = 0.4
    p95_s: float = 0.8

    def drawn_s(self, rng: random.Random) -> float:
        """The time of one request."""
        return self.median_s * rng.lognormvariate(0.0, math.log(self.p95_s / self.median_s) / _P95_SIGMAS)


class Spell(msgspec.Struct, frozen=True):
    """A spell of trouble at one target (an outage), in seconds since the drill began."""

    target: str
    trouble: Trouble
    from_s: float = 0.0
    until_s: float = math.inf


class Demand(msgspec.Struct, frozen=True):
    """A requirement on the result of a drill.

    Attributes:
        text: The requirement as written.
        bound: A share of 1, or seconds.
    """

    text: str
    what: str
    compare: str
    bound: float

    def found(self, result: "DrillResult") -> float | None:
        """The value of the result; None when no call was answered."""
        return result.availability if self.what == "availability" else result.first_delta_s.get(self.what)

    def holds(self, result: "DrillResult") -> bool:
        """Is it met?"""
        found = self.found(result)
        return found is not None and bool(_COMPARE[self.compare](found, self.bound))


def duration_s(text: str) -> float:
    """`30s`, `5m`, `1.5h`, `250ms`; a bare number is seconds."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no duration; write for example 30s, 5m or 1.5h")
    return float(found[1]) * _UNITS_S[found[2]]


def rate_per_s(text: str) -> float:
    """`50/s`, `600/m`; a bare number is per second."""
    found = _RATE.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise ValueError(f"{text!r} is no rate; write for example 50/s or 600/m")
    return float(found[1]) / _UNITS_S[found[2] or "s"]


def spell(text: str, trouble: Trouble) -> Spell:
    """`openai@10s..70s`; without an end it lasts to the end of the drill, without times for all of it."""
    target, at, span = text.strip().rpartition("@")
    if not at:
        target, span = span, ""
    begin, _, end = span.partition("..")
    if not target:
        raise ValueError(f"{text!r} names no target; write for example openai@10s..70s")
    from_s, until_s = (duration_s(begin) if begin else 0.0), (duration_s(end) if end else math.inf)
    if until_s <= from_s:
        raise ValueError(f"{text!r} ends before it begins")
    return Spell(target, trouble, from_s, until_s)


def latency(text: str) -> Latency:
    """`0.3s..1.2s`: the median and the 95th percentile; without the latter it is twice the median."""
    median, _, p95 = text.partition("..")
    median_s = duration_s(median)
    found = Latency(median_s, duration_s(p95) if p95 else 2 * median_s)
    if not 0 < found.median_s <= found.p95_s:
        raise ValueError(f"{text!r} is no latency; write for example 0.3s..1.2s, the median first")
    return found


def latency_of_target(text: str) -> tuple[str, Latency]:
    """`openai=0.3s..1.2s`."""
    target, equals, told = text.strip().rpartition("=")
    if not (equals and target):
        raise ValueError(f"{text!r} names no target; write for example openai=0.3s..1.2s")
    return target, latency(told)


def demand(text: str) -> Demand:
    """`availability>=99.9%`, `p95<2s`."""
    found = _DEMAND.fullmatch(text.strip())
    if found is None or (found[1] == "availability") != (found[4] == "%"):
        raise ValueError(f"{text!r} cannot be required; write for example availability>=99.9% or p95<2s")
    unit = 0.01 if found[4] == "%" else _UNITS_S[found[4]]
    return Demand(text.strip(), found[1], found[2], float(found[3]) * unit)
