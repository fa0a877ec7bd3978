"""`Course` against the reference of `reference.py`: over 100,000 random calls both say the same at every step.

A call is made of fakes: targets that are left alone for a while, or until a probe returns; retries and hedges that must
be paid for; failures of every kind, with hints and without; answers that break off after text, tools or thinking.
"""

import random
from collections import Counter
from typing import Any, get_args

import pytest
from coursefakes import Fake, Health, Middling, Relayed
from reference import Reference
from understudy.config.model import AllOpen, MidStream
from understudy.providers.capabilities import Capabilities
from understudy.providers.errors import DISPOSITIONS
from understudy.router.course import Course
from understudy.router.steps import Ask, End, Policy, Resume, Wait

from understudy import ErrorKind, ProviderError, Retry

CALLS = 100_000
SEED = 20_261_122
STEPS_MAX = 40
"""A call of at most four targets that takes more steps does not end."""

KINDS = [kind for kind in ErrorKind if kind is not ErrorKind.CANCELLED]  # a caller who left asks nothing more
KINDS += [ErrorKind.SERVER_ERROR, ErrorKind.TIMEOUT, ErrorKind.DISCONNECTED, *[ErrorKind.RATE_LIMITED] * 6]
"""Those with rules of their own come up more often."""
BREAKS = [kind for kind in KINDS if kind not in (ErrorKind.PREFILL_UNSUPPORTED, ErrorKind.UNSUPPORTED)]
"""An answer that has begun does not end with the news that it cannot be asked for."""
RETRIES = [Retry(), Retry(attempts=1), Retry(attempts=5, backoff_s=1.0, backoff_max_s=4.0, patience_s=0.0)]
CAPABILITIES = [
    Capabilities(context_window=w, prefill=p) for w in (None, 8, 32) for p in (None, "none", "plain", "echoed")
]
POLICIES: list[tuple[MidStream, ...]] = [
    ("continue", "replay"), ("ask_to_continue", "restart"), ("replay",), ("restart",), ("continue",), (),
    ("continue", "ask_to_continue", "replay", "restart"),
]  # fmt: skip


DELIVERED = [Relayed(plain=True), Relayed(plain=True), Relayed(), Relayed(only_reasoning=True)]


class Differ(AssertionError):
    """The two do not say the same."""


class Game:
    """One random call, told to both."""

    def __init__(self, rng: random.Random, seen: Counter[str]) -> None:
        self.rng, self.seen, self.now_s = rng, seen, 0.0
        self.story: list[tuple[Any, ...]] = []  # told only when they differ
        share = rng.choice((0.0, 0.5, 1.0))
        policy = Policy(
            deadline_s=rng.choice((2.1, 10.1, 30.1, 120.1)),  # never met exactly: all else is in quarters of a second
            reserve_s=3.0,
            all_open=rng.choice(get_args(AllOpen)),
            dispositions=DISPOSITIONS,
            mid_stream=rng.choice(POLICIES),
            resumable=rng.random() < 0.8,
        )
        self.deadline_s = policy.deadline_s
        self.mine, self.theirs = self._targets(), []
        self.theirs = [Fake(**vars(fake)) for fake in self.mine]
        self.course = Course(self.mine, policy, 0.0, Middling(share))
        self.model = Reference(self.theirs, policy, share)
        self.course.restartable = self.model.restartable = rng.random() < 0.7
        self.story.append((policy.deadline_s, policy.all_open, policy.mid_stream, policy.resumable, share, self.mine))

    def _targets(self) -> list[Fake]:
        rng = self.rng
        fakes = []
        for place in range(rng.choice((1, 2, 2, 3, 3, 4))):
            health = Health()
            if rng.random() < 0.25:
                health.spans.append(
                    (0.0, self._while_s(40), rng.choice(("breaker_open", "parked", "probing")), rng.random() < 0.8)
                )
            fakes.append(
                Fake(
                    "abcd"[place], rng.choice(("x", "x", "y")), rng.choice(CAPABILITIES), rng.choice(RETRIES),
                    rng.choice((1.0, 10.0, 60.0)), health, rng.random() < 0.7, rng.choice((0, 1, 9)),
                )
            )  # fmt: skip
        return fakes

    def _while_s(self, quarters: int) -> float:
        return self.rng.randint(1, quarters) / 4

    def _error(self, kinds: list[ErrorKind] = KINDS) -> ProviderError:
        rng = self.rng
        kind = rng.choice(kinds)
        hint_s = self._while_s(20) if kind is ErrorKind.RATE_LIMITED and rng.random() < 0.6 else None
        says = rng.choice((True, False)) if rng.random() < 0.1 else None
        return ProviderError(kind, retry_after_s=hint_s, should_retry=says, reused_connection=rng.random() < 0.3)

    def _same(self, mine: Any, theirs: Any) -> None:
        told = _told(mine)
        self.story.append((self.now_s, told))
        self.seen[str(told[0]) if isinstance(told, tuple) else "nothing" if told is None else "delay"] += 1
        if isinstance(theirs, tuple) and theirs[0] == "wait":
            same = isinstance(told, tuple) and told[0] == "wait" and abs(told[1] - theirs[1]) < 0.05
        else:
            same = told == theirs
        if not same:
            raise self._differ("the reference", theirs)

    def _differ(self, *what: object) -> Differ:
        return Differ("\n".join(" ".join(map(str, line)) for line in [*self.story, what]))

    # The call

    def play(self) -> None:
        """From the first step to the end."""
        if self.rng.random() < 0.1:
            place = self.rng.randrange(len(self.mine))
            self.course.exclude(place, "unsupported", "", 0.0)
            self.model.exclude(place, "unsupported")
        self._before_the_commit()
        self._same_books()

    def _same_books(self) -> None:
        skips = {(skip.target, skip.reason) for skip in self.course.skipped}
        paid = [(fake.retries_left, fake.hedges_left) for fake in self.mine]
        if skips != self.model.skips or paid != [(fake.retries_left, fake.hedges_left) for fake in self.theirs]:
            raise self._differ("skips", skips, "the reference", self.model.skips, "paid", paid)

    def _before_the_commit(self) -> None:
        for _ in range(STEPS_MAX):
            step = self.course.next(self.now_s)
            self._same(step, self.model.next(self.now_s))
            if isinstance(step, End):
                return self._look_at(step)
            if isinstance(step, Wait):
                # Until then, or until somebody's health changes
                self.now_s = max(self.now_s, min(step.until_s, self.now_s + self._while_s(80)))
                self.now_s = -(-self.now_s * 4 // 1) / 4
                continue
            assert isinstance(step, Ask)
            if (end := self._turn(step.candidate)) is not None:
                return self._look_at(end) if isinstance(end, End) else None
        raise self._differ("no end")

    def _look_at(self, end: End) -> None:
        kinds = {error.kind for error in self.course.errors}
        assert end.verdict in ("deadline", "unavailable") or end.kind in kinds, "the kind is one that came up"

    def _turn(self, place: int) -> End | str | None:
        """One target's turn, or that of two, up to an answer, an end, or the next step."""
        self._tried(place)
        running = [place]
        if self.rng.random() < 0.2:
            second = self.course.hedge(place, self.now_s)
            self._same(second, self.model.hedge(place, self.now_s))
            if second is not None:
                self._tried(second.candidate)
                running.append(second.candidate)
                self.rng.shuffle(running)
        failures = []
        for who in running:  # one fails: the other is waited for
            outcome = self._tries(who)
            if isinstance(outcome, str):
                return outcome
            failures.append((who, outcome))
        ends = []
        for who, error in failures:
            end = self.course.failed(who, error, self.now_s)
            self._same(end, self.model.failed(who, error))
            ends += [end] if end is not None else []
        return ends[0] if ends else None

    def _tried(self, place: int) -> None:
        self.course.tried(place)
        self.model.tried(place)

    def _tries(self, place: int) -> ProviderError | str:
        """Tries at one target until one answers or there is no other. The last failure, or `over`."""
        while True:
            self.now_s += self.rng.randint(0, 8) / 4
            fate = self.rng.random()
            if fate < 0.08:
                return "over"
            if fate < 0.25:
                self._after_the_commit(place, self._error(BREAKS))
                return "over"
            error = self._error()
            self._suffers(place, error)
            if fate < 0.3:
                return error  # held back, or collected: it failed after its first delta, and no retry follows
            delay_s = self.course.try_failed(place, error, self.now_s)
            self._same(delay_s, self.model.retry(place, error, self.now_s))
            if delay_s is None:
                return error
            self.now_s += delay_s
            if self.rng.random() < 0.05:
                self.mine[place].health.spans.append((self.now_s, self.now_s + self._while_s(20), "breaker_open", True))
            if self.mine[place].refusal(self.now_s) is not None:
                return error
            assert self.course.first_by(place, self.now_s) == self.model.first_by(place, self.now_s)
            self._tried(place)

    def _suffers(self, place: int, error: ProviderError) -> None:
        """What a failure does to the target's health."""
        self.story.append((self.now_s, place, "fails", error, error.should_retry, error.reused_connection))
        if error.retry_after_s is not None:
            self.mine[place].health.spans.append((self.now_s, self.now_s + error.retry_after_s, "parked", True))
        elif self.rng.random() < 0.1:
            self.mine[place].health.spans.append((self.now_s, self.now_s + self._while_s(40), "breaker_open", True))

    def _after_the_commit(self, place: int, error: ProviderError) -> None:
        """An answer breaks off, perhaps several times."""
        relayed = self.rng.choice(DELIVERED)
        self._suffers(place, error)
        step: Any = self.course.broke_off(place, error, relayed, self.now_s)
        theirs: Any = self.model.broke_off(place, error, relayed, self.now_s)
        for _ in range(STEPS_MAX):
            self._same(step, theirs)
            if isinstance(step, End):
                assert step.kind is error.kind
                return
            assert isinstance(step, Resume)
            assert step.first_by_s == self.now_s + self.mine[step.candidate].first_delta_s
            self._tried(step.candidate)
            self.now_s += self.rng.randint(0, 8) / 4
            fate = self.rng.random()
            if fate < 0.2:
                return
            if fate < 0.4:
                self.story.append((self.now_s, step.candidate, "says something else"))
                step, theirs = self.course.go_on(relayed, self.now_s), self.model.go_on(relayed, self.now_s)
                continue
            went_on = fate < 0.6
            if went_on:  # and broke off in its turn
                relayed = self.rng.choice(DELIVERED)
            error = self._error(BREAKS if went_on else KINDS)
            place = step.candidate
            self._suffers(place, error)
            step = self.course.broke_off(place, error, relayed, self.now_s)
            theirs = self.model.broke_off(place, error, relayed, self.now_s)
        raise self._differ("no end")


def _told(step: Any) -> Any:
    match step:
        case Ask(candidate, why, first_by_s, short):
            return ("ask", candidate, why, first_by_s, short)
        case Wait(until_s):
            return ("wait", until_s)
        case Resume(candidate, policy):
            return ("resume", candidate, policy)
        case End(verdict):
            return ("end", verdict)
        case _:
            return step


@pytest.mark.parametrize("part", range(4))
def test_the_course_and_the_reference_say_the_same(part: int) -> None:
    rng, seen = random.Random(SEED + part), Counter[str]()
    for _ in range(CALLS // 4):
        Game(rng, seen).play()
    assert min(seen[word] for word in ("ask", "wait", "resume", "end", "delay", "nothing")) > CALLS // 50, seen
