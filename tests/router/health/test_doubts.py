"""When the failures of calls count: by table, and at random against the rules told over the whole history."""

import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from standby.config import Health
from standby.router.health.breaker import Breaker
from standby.router.health.doubts import HELD_MAX, CallFailures, Doubts, alike

from standby import ErrorKind

HISTORIES = 6_000
POLICY = Health(failures_in_row=4, window_min_calls=6, window_s=30)
NEVER_OPENS = Health(failures_in_row=1000, window_min_calls=1000, window_s=30)
SICK, SILENT, REFUSED = ErrorKind.SERVER_ERROR, ErrorKind.FIRST_TOKEN_TIMEOUT, ErrorKind.CONNECT


def doubts(policy: Health = POLICY) -> Doubts:
    return Doubts(Breaker(policy, random.Random(1)), policy)


def failing(
    at_s: float, request: bytes, *at: tuple[Doubts, ErrorKind], answered: Doubts | None = None, took_s: float = 0.0
) -> None:
    """One call, which fails at these targets one after another."""
    call = CallFailures(lambda: request, at_s - took_s)
    for target, kind in at:
        call.failed(target, kind, 1.0, at_s, slow=False)
        call.over(target)
    if answered is not None:
        answered.breaker.succeeded(at_s)
        call.answered(answered)
    call.end()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (SICK, SICK, True),
        (SICK, ErrorKind.OVERLOADED, True),
        (SICK, ErrorKind.TIMEOUT, True),
        (SILENT, ErrorKind.TIMEOUT, True),
        (ErrorKind.TRUNCATED, ErrorKind.PROTOCOL, True),
        (ErrorKind.EMPTY, ErrorKind.EMPTY, True),
        (ErrorKind.EMPTY, ErrorKind.TRUNCATED, True),
        (ErrorKind.EMPTY, ErrorKind.DISCONNECTED, True),
        (SICK, SILENT, False),
        (SICK, ErrorKind.EMPTY, False),
        (ErrorKind.DISCONNECTED, SICK, False),
        (REFUSED, REFUSED, False),
        (ErrorKind.DNS, SICK, False),
    ],
)
def test_which_failures_are_alike(one: ErrorKind, other: ErrorKind, expected: bool) -> None:
    assert alike(one, other) is alike(other, one) is expected


def test_a_failure_counts_once_a_call_however_often_it_is_tried() -> None:
    a = doubts()
    call = CallFailures(lambda: b"x", 0.0)
    for _ in range(3):
        call.failed(a, SICK, 1.0, 0.0, slow=False)
    assert (a.breaker.in_row, a.failed_in_row(0.0)) == (1, 1)


def test_a_call_that_fails_again_behind_an_answer_stands_in_the_row_again() -> None:
    a = doubts()
    call = CallFailures(lambda: b"x", 0.0)
    call.failed(a, SICK, 1.0, 0.0, slow=False)
    a.breaker.succeeded(0.1)
    assert a.breaker.in_row == 0
    call.failed(a, SICK, 1.0, 0.2, slow=False)
    assert a.breaker.in_row == 1
    assert a.breaker.window(0.2).failure_ratio == 0.5, "and counts no second time"


def test_the_first_failure_is_taken_back_when_a_second_target_fails_alike() -> None:
    a, b = doubts(), doubts()
    failing(0.0, b"x", (a, SICK), (b, SICK))
    assert (a.breaker.in_row, b.breaker.in_row) == (0, 0)
    assert a.breaker.window(0.0).calls == 0
    assert (a.failed_in_row(0.0), b.failed_in_row(0.0)) == (1, 1), "for retries a doubt is a failure"


@pytest.mark.parametrize(("first", "second"), [(SICK, SILENT), (REFUSED, SICK), (REFUSED, REFUSED)])
def test_what_is_not_alike_counts_at_both(first: ErrorKind, second: ErrorKind) -> None:
    a, b = doubts(), doubts()
    failing(0.0, b"x", (a, first), (b, second))
    assert (a.breaker.in_row, b.breaker.in_row) == (1, 1)


@pytest.mark.parametrize(
    ("after_s", "request_", "counted"), [(1.0, b"y", 2), (1.0, b"x", 1), (30.0, b"y", 2), (30.1, b"y", 1)]
)
def test_a_doubt_counts_when_another_request_fails_there_within_the_window(
    after_s: float, request_: bytes, counted: int
) -> None:
    a, b = doubts(), doubts()
    failing(0.0, b"x", (a, SICK), (b, SICK))
    failing(after_s, request_, (a, SICK))
    assert a.breaker.in_row == counted


@pytest.mark.parametrize(("took_s", "lasts_s"), [(0.0, 30.0), (7.5, 30.0), (20.0, 80.0)])
def test_a_doubt_of_calls_that_take_long_lasts_for_as_many_of_them_as_open_a_breaker(
    took_s: float, lasts_s: float
) -> None:
    for after_s, counted in ((lasts_s - 0.1, 2), (lasts_s + 0.1, 1)):
        a, b = doubts(), doubts()
        failing(100.0, b"x", (a, SILENT), (b, SILENT), took_s=took_s)
        failing(100.0 + after_s, b"y", (a, SILENT))
        assert a.breaker.in_row == counted


@pytest.mark.parametrize(("kind", "doubted"), [(SILENT, True), (SICK, False)])
def test_an_attempt_that_was_cut_short_has_not_failed_but_repeats_what_failed_alike(
    kind: ErrorKind, doubted: bool
) -> None:
    a, b = doubts(), doubts()
    call = CallFailures(lambda: b"x", 0.0)
    call.failed(a, kind, 1.0, 57.0, slow=False)
    call.over(a)
    call.unanswered(b, SILENT, 60.0)
    call.end()
    assert (a.breaker.in_row, a.failed_in_row(60.0)) == (0 if doubted else 1, 1)
    assert (b.breaker.in_row, b.failed_in_row(60.0)) == (0, 0)
    b.breaker.succeeded(61.0)
    assert a.failed_in_row(61.0) == 1, "what it answers later refutes nothing: it has not failed alike"
    failing(117.0, b"y", (a, kind))
    assert a.breaker.in_row == 2


def test_a_doubt_is_refuted_when_another_target_answers_later_even_one_that_has_counted() -> None:
    a, b = doubts(), doubts()
    failing(0.0, b"x", (a, SICK), (b, SICK))
    failing(0.1, b"y", (a, SICK), (b, SICK))
    assert b.breaker.in_row == 1, "x counts, y is in doubt"
    a.breaker.succeeded(0.2)
    assert b.failed_in_row(0.2) == 0
    assert b.breaker.window(0.2).calls == 0


def test_one_fixed_request_opens_when_nothing_is_answered_and_the_opening_is_in_doubt() -> None:
    a, b = doubts(), doubts()
    for number in range(POLICY.failures_in_row):
        assert {a.breaker.state, b.breaker.state} == {"closed"}
        failing(float(number), b"x", (a, SICK), (b, SICK))
    assert [(one.breaker.state, one.breaker.suspect) for one in (a, b)] == [("open", b"x")] * 2
    assert not a.breaker.admits_at_once(lambda: b"x")
    assert a.breaker.admits_at_once(lambda: b"y")
    a.breaker.begin_probe()
    a.breaker.abandon_probe(9.0)
    assert not a.breaker.admits_at_once(lambda: b"y"), "once an opening"


def test_one_fixed_request_opens_nothing_while_a_target_that_fails_alike_answers_others() -> None:
    a, b = doubts(), doubts()
    for number in range(100):
        if number % 10 == 0:
            a.breaker.succeeded(float(number))
        failing(float(number), b"x", (a, SICK), (b, SICK))
    assert {a.breaker.state, b.breaker.state} == {"closed"}


def test_many_requests_that_fail_open_for_good() -> None:
    a, b = doubts(), doubts()
    for number in range(POLICY.failures_in_row):
        failing(float(number), str(number).encode(), (a, SICK), (b, SICK))
    assert [(one.breaker.state, one.breaker.suspect) for one in (a, b)] == [("open", None)] * 2


def test_an_opening_by_one_request_at_once_comes_into_doubt_when_a_second_target_fails_alike() -> None:
    a, b = doubts(), doubts()
    a.breaker.succeeded(0.0)
    calls = [CallFailures(lambda: b"x", 0.0) for _ in range(20)]
    for target in (a, b):  # all at one, then all at the other
        for call in calls:
            if target.breaker.state == "closed":
                call.failed(target, SICK, 1.0, 0.0, slow=False)
            else:
                call.failed_unheeded(target, SICK, 0, 0.0)
        for call in calls:
            call.over(target)
    assert (a.breaker.state, a.breaker.suspect) == ("open", b"x")
    assert b.breaker.state == "closed"


def test_an_old_connection_that_broke_says_of_the_others_that_the_request_may_be_to_blame() -> None:
    """The first target answers all others, so that the connection that this request breaks is always an old one."""
    a, b, c = doubts(), doubts(), doubts()
    for number in range(3 * POLICY.failures_in_row):
        a.breaker.succeeded(float(number))
        call = CallFailures(lambda: b"x", float(number))
        call.failed_unheeded(a, ErrorKind.DISCONNECTED, a.breaker.epoch, float(number))
        call.over(a)
        for target in (b, c):
            call.failed(target, ErrorKind.DISCONNECTED, 1.0, float(number), slow=False)
            call.over(target)
        call.end()
    assert [(one.breaker.state, one.breaker.in_row) for one in (a, b, c)] == [("closed", 0)] * 3


def test_a_failure_behind_one_on_an_old_connection_counts_as_the_first_one_there() -> None:
    a = doubts()
    call = CallFailures(lambda: b"x", 0.0)
    call.failed_unheeded(a, ErrorKind.DISCONNECTED, a.breaker.epoch, 0.0)
    call.failed(a, ErrorKind.DISCONNECTED, 1.0, 0.1, slow=False)
    call.end()
    assert a.breaker.in_row == 1


@pytest.mark.parametrize(("request_", "doubles"), [(b"x", False), (b"y", True)])
def test_a_probe_that_fails_opens_again_and_doubles_only_if_it_asks_something_else(
    request_: bytes, doubles: bool
) -> None:
    a, b = doubts(), doubts()
    for number in range(POLICY.failures_in_row):
        failing(float(number), b"x", (a, SICK), (b, SICK))
    open_s = []
    for at_s in (10.0, 30.0):
        a.breaker.begin_probe()
        CallFailures(lambda: request_, at_s).probe_failed(a, SICK, at_s)
        assert a.breaker.state == "open"
        open_s.append(a.breaker.until_s - at_s)
    assert a.breaker.suspect == (None if doubles else b"x")
    assert (open_s[1] > 1.5 * open_s[0]) is doubles


def test_no_more_is_kept_of_a_target_than_its_bound() -> None:
    a, b = doubts(NEVER_OPENS), doubts(NEVER_OPENS)
    for number in range(10 * HELD_MAX):
        failing(number / 1000, str(number).encode(), (a, SICK), (b, SICK))
    assert len(a._held) <= HELD_MAX
    assert len(a._counted) <= HELD_MAX
    assert len(a._refutable) <= HELD_MAX


def test_a_failure_costs_no_more_for_those_before_it_that_count() -> None:
    """Most failures are of one target alone, which nothing can refute: none of them is looked at again."""
    a = doubts(NEVER_OPENS)
    costs = [calls_of(lambda: failing(0.0, b"x", (a, SICK))) for _ in range(HELD_MAX)]
    assert len(a._counted) == HELD_MAX
    assert costs[-1] == costs[1]


def calls_of(action: Callable[[], None]) -> int:
    """How many functions of Python are called."""
    made: list[str] = []
    sys.setprofile(lambda frame, event, _: made.append(frame.f_code.co_name) if event == "call" else None)
    try:
        action()
    finally:
        sys.setprofile(None)
    return len(made)


# At random


@dataclass
class Told:
    """One failure in the reference's history: when it began to count, and when it ceased to."""

    request: bytes
    kind: ErrorKind
    at_s: float
    answers: int
    took_s: float
    doubted: bool = False
    counted: bool = True
    partners: list[int] = field(default_factory=list)


class Reference:
    """The rules over whole lists, of targets with breakers that never open. Calls do not overlap."""

    def __init__(self, targets: int) -> None:
        self.failures: list[list[Told]] = [[] for _ in range(targets)]
        self.answers: list[list[float]] = [[] for _ in range(targets)]

    def look(self, target: int, now_s: float) -> None:
        """Strike out what an answer of another target has refuted, and doubts that the window has left behind."""
        kept = []
        for told in self.failures[target]:
            refuted = any(at_s > told.at_s for other in told.partners for at_s in self.answers[other])
            lasts_s = max(NEVER_OPENS.window_s, NEVER_OPENS.failures_in_row * told.took_s)
            if not refuted and not (told.doubted and now_s - told.at_s > lasts_s):
                kept.append(told)
        self.failures[target] = kept

    def call(self, now_s: float, request: bytes, at: list[tuple[int, ErrorKind]], took_s: float) -> None:
        mine: list[tuple[int, Told]] = []
        for target, kind in at:
            self.look(target, now_s)
            for told in self.failures[target]:
                if told.doubted and (told.request != request or kind is REFUSED):
                    told.doubted, told.counted = False, True
            new = Told(request, kind, now_s, len(self.answers[target]), took_s)
            for other, told in mine:
                if alike(told.kind, kind):
                    for one in (told, new):
                        one.doubted, one.counted = True, False
                    told.partners.append(target)
                    new.partners.append(other)
            self.failures[target].append(new)
            mine.append((target, new))

    def row(self, target: int) -> int:
        return sum(t.counted and t.answers == len(self.answers[target]) for t in self.failures[target])


@pytest.mark.parametrize("part", range(2))
def test_counts_and_reference_never_differ(part: int) -> None:
    rng, seen = random.Random(20_261_130 + part), Counter[str]()
    for _ in range(HISTORIES // 2):
        targets = [doubts(NEVER_OPENS) for _ in range(rng.choice((2, 3)))]
        reference, now_s, story = Reference(len(targets)), 0.0, []
        for _ in range(rng.randint(3, 25)):
            now_s += rng.choice((0.5, 1.0, 12.0, 31.0))
            if rng.random() < 0.25:
                target = rng.randrange(len(targets))
                targets[target].breaker.succeeded(now_s)
                reference.answers[target].append(now_s)
                story.append((now_s, target, "answers"))
                continue
            order = rng.sample(range(len(targets)), rng.randint(1, len(targets)))
            at = [(target, rng.choice((SICK, SICK, SICK, SILENT, REFUSED))) for target in order]
            request = rng.choice((b"x", b"x", b"y", b"z"))
            took_s = rng.choice((0.0, 0.0, 0.02, 0.04))
            story.append((now_s, request, at, took_s))
            failing(now_s, request, *((targets[target], kind) for target, kind in at), took_s=took_s)
            reference.call(now_s, request, at, took_s)
            for index, target in enumerate(targets):
                target.failed_in_row(now_s)
                reference.look(index, now_s)
                assert target.breaker.in_row == reference.row(index), story
                seen["in doubt" if any(told.doubted for told in reference.failures[index]) else "counted"] += 1
        assert {target.breaker.state for target in targets} == {"closed"}
    assert min(seen["in doubt"], seen["counted"]) > HISTORIES, seen
