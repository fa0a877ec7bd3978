"""The yardstick of the public failoverbench (methodology 0.1): its sixteen faults, its checks, and how it judges.

Facts from `failoverbench/failoverbench`: `scenarios/catalogue.yaml`, `METHODOLOGY.md` and the timings of its full
profile; the words here are ours. A system is given two retries, a timeout of 30 s, and one fallback.

    pass     the whole answer was given (S13: a clean error), and every check is clean
    partial  the same, but an advisory check is not
    safe     no answer, but a clean error in time, and every required check is clean
    fail     a required check is not clean, the call hung, or a truncated answer passed for a whole one
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

ANSWER = (
    "A standby learns every line of the lead and hopes never to speak one. Night after night the house fills, the"
    " lights fall, and nothing happens to her. Then one evening a voice breaks in the second act. She steps from the"
    " wings, finds the sentence where it stopped, and goes on. The audience hears the story and no change."
)
WORDS = tuple(f" {word}" if place else word for place, word in enumerate(ANSWER.split()))
assert len(WORDS) == 60

OTHER_ANSWER = (
    "Every lead has a shadow who knows the part by heart. She waits behind the curtain, evening after evening, with the"
    " script closed in her lap. Should the voice out there fail, she walks on without a pause and takes up the thought."
    " The house does not even need to notice, for the play belongs to those who came tonight."
)
OTHER_WORDS = tuple(f" {word}" if place else word for place, word in enumerate(OTHER_ANSWER.split()))
"""A fallback that says something else, as real models do."""
assert len(OTHER_WORDS) == 60

CUT_AFTER, STALL_AFTER, MALFORMED_AT = 40, 20, 10
"""Words before the cut (S08, S14) and the stall (S09), and the event that cannot be decoded (S10)."""
HINT_S, SLOW_S, OUTAGE_S = 2.0, 20.0, 60.0
"""Retry-After (S01), the first token (S07), the outage (S15)."""
WORD_S = 0.015
CALLS, EVERY_S = 24, 4.0
"""The calls of S15."""

PRIMARY, FALLBACK = "primary-model", "fallback-model"


@dataclass
class Run:
    """What a caller and the providers have seen of one scenario.

    Attributes:
        text: What the caller was given, also before an error.
        answers: What a whole answer is: the primary's, the fallback's, or what both have said of one.
        error: The kind of the clean error that ended the call; None when it was answered.
        asked: Time, in seconds since the scenario began, and target of each request.
        prefills_refused: Requests that the fallback refused for their trailing assistant turn.
        alive: A call that the fallback can serve was answered afterwards.
        during: For S15: of the calls within the outage, whether each was answered whole.
        back_s: For S15: how long after the outage the primary answered again.
        whole_s: How long the call took.
    """

    text: str = ""
    answers: tuple[str, ...] = (ANSWER,)
    error: str | None = None
    whole_s: float = 0.0
    model: str | None = None
    usage: bool = False
    asked: list[tuple[float, str]] = field(default_factory=list)
    prefills_refused: int = 0
    rescue: str = ""
    alive: bool = False
    during: list[bool] = field(default_factory=list)
    back_s: float | None = None

    @property
    def whole(self) -> bool:
        return self.error is None and self.text in self.answers

    @property
    def primary_s(self) -> list[float]:
        return [at_s for at_s, name in self.asked if name == "primary"]

    @property
    def fallback_s(self) -> list[float]:
        return [at_s for at_s, name in self.asked if name == "fallback"]


@dataclass(frozen=True)
class Check:
    """One check of a scenario. An advisory one that is not clean makes the verdict `partial`."""

    name: str
    clean: Callable[[Run], bool]
    advisory: bool = False


def _at_most(count: int, within_s: float) -> Callable[[Run], bool]:
    return lambda run: sum(at_s < run.primary_s[0] + within_s for at_s in run.primary_s) <= count


def _ends_within(limit_s: float, *, advisory: bool = False) -> Check:
    return Check(f"ends within {limit_s:g} s", lambda run: run.whole_s <= limit_s, advisory)


_BOUNDED = Check("at most 6 requests at the primary", lambda run: len(run.primary_s) <= 6)
_ONCE = Check("the same request is not sent twice", lambda run: len(run.primary_s) == 1)
_NOT_TRUNCATED = Check("no part passes for the whole", lambda run: run.error is not None or run.whole)
_ALIVE = Check("the next call is served", lambda run: run.alive)
_USAGE = Check("usage is reported", lambda run: run.usage, advisory=True)
_RETRIED = Check("the primary is asked again", lambda run: len(run.primary_s) >= 2, advisory=True)


@dataclass(frozen=True)
class Scenario:
    """One fault.

    Attributes:
        within_s: By then the call must have ended; it hung otherwise.
        ideal: Whether the caller shall be answered, or get a clean error.
    """

    key: str
    fault: str
    within_s: float
    checks: tuple[Check, ...] = ()
    ideal: Literal["answer", "error"] = "answer"

    def unclean(self, run: Run) -> list[str]:
        """The names of the checks that are not clean, advisory ones too."""
        return [check.name for check in self._checks() if not check.clean(run)]

    def verdict(self, run: Run) -> Literal["pass", "partial", "safe", "fail"]:
        """What the benchmark says of a run."""
        if any(not check.clean(run) for check in self._checks() if not check.advisory):
            return "fail"
        if self.ideal == "error":
            return "pass" if run.error is not None else "partial"
        if run.error is not None:
            return "safe"
        return "partial" if self.unclean(run) else "pass"

    def _checks(self) -> Sequence[Check]:
        hung = Check(f"no hang: ends within {self.within_s:g} s", lambda run: run.whole_s <= self.within_s)
        return (hung, *([_NOT_TRUNCATED] if self.ideal == "answer" else []), *self.checks)


SCENARIOS = (
    Scenario(
        "S01",
        "429 with `Retry-After: 2`, then well",
        20,
        (
            _RETRIED,
            Check("waits 1.8 s first", lambda run: run.primary_s[1] - run.primary_s[0] >= 1.8, advisory=True),
            Check("at most 2 requests in 1.5 s", _at_most(2, 1.5)),
        ),
    ),
    Scenario(
        "S02",
        "429 without a hint, always",
        40,
        (Check("at most 4 requests in 3 s", _at_most(4, 3)), _BOUNDED),
    ),
    Scenario("S03", "one 500, then well", 20, (_RETRIED,)),
    Scenario("S04", "503, always", 40, (_BOUNDED,)),
    Scenario("S05", "reset before any byte, then well", 20),
    Scenario(
        "S06",
        "takes the request and never answers",
        130,
        (
            _ends_within(100),
            Check("a silent one is not asked twice", lambda run: len(run.primary_s) == 1, advisory=True),
            _ends_within(15, advisory=True),  # stricter than the benchmark
        ),
    ),
    Scenario("S07", "headers at once, the first token after 20 s", 60, (_ends_within(15, advisory=True),)),
    Scenario("S08", "cut after 40 of 60 words", 40),
    Scenario("S09", "silent for good after 20 words", 70, (_ends_within(45), _ALIVE)),
    Scenario("S10", "the tenth event cannot be decoded", 30, (_ALIVE,)),
    Scenario("S11", "whole, but without `[DONE]`", 30, (_ends_within(8), _USAGE)),
    Scenario("S12", "400, the context is too long", 20, (_ONCE,)),
    Scenario(
        "S13",
        "400, the content is filtered",
        20,
        (_ONCE, Check("no laxer provider is looked for", lambda run: not run.fallback_s, advisory=True)),
        ideal="error",
    ),
    Scenario(
        "S14",
        "cut after 40 words, and the fallback refuses a prefill",
        40,
        (Check("no refused prefill is shown", lambda run: run.error is None or not run.prefills_refused),),
    ),
    Scenario(
        "S15",
        "503 for 60 s, then well; a call every 4 s",
        200,
        (
            Check("every call of the outage is answered", lambda run: bool(run.during) and all(run.during)),
            Check("the primary is back within 30 s", lambda run: run.back_s is not None and run.back_s <= 30),
            Check(
                "few requests at the primary meanwhile",
                lambda run: sum(at_s < OUTAGE_S for at_s in run.primary_s) <= len(run.during),
                advisory=True,
            ),
        ),
    ),
    Scenario(
        "S16",
        "503, always: who answered, and for how many tokens",
        40,
        (Check("the model is the fallback's", lambda run: run.model == FALLBACK), _USAGE, _BOUNDED),
    ),
)
