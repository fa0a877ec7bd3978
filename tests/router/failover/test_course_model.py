"""`Course` against the reference of `reference.py`: over 100,000 random calls both say the same at every step.

A call is made of fakes: targets that are left alone for a while, or until a probe returns; retries and hedges that must
be paid for; failures of every kind, with hints and without; answers that break off after text, tools or thinking.
"""

import random
from collections import Counter
from typing import Any, get_args

import pytest
from standby.config import Retry
from standby.config.route import AllOpen, MidStream
from standby.providers.capabilities import Capabilities
from standby.providers.errors import DISPOSITIONS
from standby.router.failover.course import Course
from standby.router.failover.standings import Standings
from standby.router.failover.steps import Ask, End, Policy, Resume, Step, Wait, fair_part_s, wants_retry

from coursefakes import Fake, Health, Middling, Relayed
from reference import Reference
from standby import ErrorKind, ProviderError

CALLS = 100_000
SEED = 20_261_122
STEPS_MAX = 40
"""A call of at most four targets that takes more steps does not end."""

KINDS = [kind for kind in ErrorKind if kind is not ErrorKind.CANCELLED]  # a call that was cancelled asks nothing more
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
        self.answered = False
        self.story: list[tuple[Any, ...]] = []  # told only when they differ
        share = rng.choice((0.0, 4 / 9, 1.0))  # a tenth, a half, or the whole of a backoff: multiples of 50 ms
        deadline_s = rng.choice((2.13, 10.13, 30.13, 120.13))  # never met: all else is in multiples of 50 ms
        policy = Policy(
            deadline_s=deadline_s,
            reserve_s=3.0,
            all_open=rng.choice(get_args(AllOpen)),
            dispositions=DISPOSITIONS,
            mid_stream=rng.choice(POLICIES),
            resumable=rng.random() < 0.8,
            single=rng.random() < 0.1,
            fair_s=fair_part_s(deadline_s, 120.13 if share == 1.0 else deadline_s),
        )
        self.deadline_s = policy.deadline_s
        self.mine, self.theirs = self._targets(), []
        self.theirs = [Fake(**vars(fake)) for fake in self.mine]
        self.course = Course(self.mine, policy, Standings(self.mine, 0.0), Middling(share))
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
                    first_delta_held=rng.random() < 0.3, row=rng.choice((1, 1, 1, 1, 2, 5)),
                )
            )  # fmt: skip
        return fakes

    def _while_s(self, quarters: int) -> float:
        return self.rng.randint(1, quarters) / 4

    def _error(self, kinds: list[ErrorKind] = KINDS) -> ProviderError:
        rng = self.rng
        kind = rng.choice(kinds)
        share = 0.6 if kind is ErrorKind.RATE_LIMITED else 0.4 if DISPOSITIONS[kind].heeds_hint else 0.1
        hint_s = rng.choice((0.0, 0.05, self._while_s(20), self._while_s(20))) if rng.random() < share else None
        says = rng.choice((True, False)) if rng.random() < 0.1 else None
        return ProviderError(kind, retry_after_s=hint_s, should_retry=says, reused_connection=rng.random() < 0.3)

    def _same(self, mine: Any, theirs: Any) -> Any:
        told = _told(mine)
        self.story.append((self.now_s, told))
        self.seen["nothing" if told is None else str(told[2] if told[0] == "ask" else told[0])] += 1
        if told is not None and told[0] == "ask":
            self.seen[f"cut: {told[4]}"] += 1
        self.seen["a hint waited out"] += told is not None and told[-1] == "hint"
        if theirs is not None and theirs[0] == "wait":
            same = told is not None and told[0] == "wait" and abs(told[1] - theirs[1]) < 0.05 and told[2] == theirs[2]
        else:
            same = told == theirs
        if not same:
            raise self._differ("the reference", theirs)
        return mine

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
        step = self._next()
        for _ in range(STEPS_MAX):
            if isinstance(step, End):
                return self._look_at(step)
            if isinstance(step, Wait):
                # Until then, or until the health of a target changes
                self.now_s = max(self.now_s, min(step.until_s, self.now_s + self._while_s(80)))
                self.now_s = -(-self.now_s * 4 // 1) / 4
                step = self._next()
                continue
            assert isinstance(step, Ask)
            step = self._turn(step.target_index)
            if step is None:
                return None
        raise self._differ("no end")

    def _next(self) -> Step:
        step = self.course.next(self.now_s)
        self._same(step, self.model.next(self.now_s))
        return step

    def _look_at(self, end: End) -> None:
        kinds = {error.kind for error in self.course.errors}
        assert end.verdict in ("deadline", "unavailable") or end.kind in kinds, "the kind is one that came up"

    def _turn(self, index: int) -> Step | None:
        """One target's turn, or that of two, up to the next step; None: there was an answer."""
        fate = self.rng.random()
        if fate < 0.02:
            self.mine[index].health.spans.append((self.now_s, self.now_s + self._while_s(20), "breaker_open", True))
            step = self.course.not_admitted(index, self.mine[index].refusal(self.now_s), self.now_s)
            return self._same(step, self.model.ended(self.now_s))
        if fate < 0.04:
            step = self.course.unaskable(index, "unsupported", "", self.now_s)
            self.model.exclude(index, "unsupported")
            return self._same(step, self.model.ended(self.now_s))
        self._began(index)
        running = [index]
        if self.rng.random() < 0.2:
            second = self.course.hedge(index, self.now_s)
            self._same(second, self.model.hedge(index, self.now_s))
            if second is not None:
                self._began(second.target_index)
                running.append(second.target_index)
                self.rng.shuffle(running)
        step: Step | None = None
        for who in running:  # one fails: the other is waited for
            assert step is None
            step = self._tries(who)
            if self.answered:
                return None
        assert step is not None
        return step

    def _began(self, index: int) -> None:
        self.course.began(index)
        self.model.began(index)

    def _tries(self, index: int) -> Step | None:
        """Tries at one target until one answers or there is no other. What is next; None: another is in flight."""
        while True:
            self.now_s += self.rng.randint(0, 8) / 4
            fate = self.rng.random()
            if fate < 0.25:
                self.answered = True
                if fate >= 0.08:
                    self._after_the_commit(index, self._error(BREAKS))
                return None
            error = self._error()
            self._suffers(index, error)
            begun = fate < 0.35  # held back, or collected: it failed after its first delta
            step = self.course.attempt_failed(index, error, self.now_s, begun=begun)
            self._same(step, self.model.attempt_failed(index, error, self.now_s, begun=begun))
            if not wants_retry(step):
                return step
            self.now_s = step.not_before_s
            if self.rng.random() < 0.05:
                self.mine[index].health.spans.append((self.now_s, self.now_s + self._while_s(20), "breaker_open", True))
            if (refusal := self.mine[index].refusal(self.now_s)) is not None:
                step = self.course.not_admitted(index, refusal, self.now_s)
                self._same(step, self.model.gone(index, error, self.now_s))
                return step
            self._began(index)

    def _suffers(self, place: int, error: ProviderError) -> None:
        """What a failure does to the target's health."""
        self.story.append((self.now_s, place, "fails", error, error.should_retry, error.reused_connection))
        hint_s, patience_s = error.heeded_s, self.mine[place].retry.patience_s
        if hint_s is not None and (hint_s > patience_s or self.rng.random() < 0.2):  # or another call was told so
            self.mine[place].health.spans.append((self.now_s, self.now_s + hint_s, "parked", True))
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
            self.now_s = step.not_before_s
            assert step.first_by_s == self.now_s + self.mine[step.target_index].first_delta_s
            self._began(step.target_index)
            self.now_s += self.rng.randint(0, 8) / 4
            fate = self.rng.random()
            if fate < 0.2:
                return
            if fate < 0.4:
                self.story.append((self.now_s, step.target_index, "says something else"))
                step, theirs = self.course.go_on(relayed, self.now_s), self.model.go_on(relayed, self.now_s)
                continue
            went_on = fate < 0.6
            if went_on:  # and broke off in its turn
                relayed = self.rng.choice(DELIVERED)
            error = self._error(BREAKS if went_on else KINDS)
            place = step.target_index
            self._suffers(place, error)
            step = self.course.broke_off(place, error, relayed, self.now_s)
            theirs = self.model.broke_off(place, error, relayed, self.now_s)
        raise self._differ("no end")


def _told(step: Step | Resume | None) -> tuple[Any, ...] | None:
    match step:
        case Ask(index, why, first_by_s, cut, not_before_s, wait):
            return ("ask", index, why, first_by_s, cut, not_before_s, wait)
        case Wait(until_s, _, wait):
            return ("wait", until_s, wait)
        case Resume(index, policy, _, not_before_s):
            return ("resume", index, policy, not_before_s)
        case End(verdict):
            return ("end", verdict)
        case None:
            return None


@pytest.mark.parametrize("part", range(4))
def test_the_course_and_the_reference_say_the_same(part: int) -> None:
    rng, seen = random.Random(SEED + part), Counter[str]()
    for _ in range(CALLS // 4):
        Game(rng, seen).play()
    assert (
        min(seen[word] for word in ("first", "handover", "retry", "wait", "resume", "end", "nothing")) > CALLS // 50
    ), seen
    assert min(seen["cut: no"], seen["cut: fair"], seen["cut: short"]) > CALLS // 50, seen
    assert seen["a hint waited out"] > CALLS // 250, seen
