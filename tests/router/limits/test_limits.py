"""The limits of one target: true minutes, places in order, and what a provider says is left."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from standby.providers.hints import Remaining
from standby.router.limits.limiter import LEARNT_MAX_S, WINDOW_S, Limited, Permit, Sizes, TargetLimits, Window
from standby.router.limits.queue import QUEUE_MAX, Queue, Ticket

ONE_AT_A_TIME = Sizes(concurrency=1)


def nobody() -> None:
    """Wakes no call."""


def refused(
    limits: TargetLimits, sizes: Sizes, now_s: float = 0.0, tokens: int = 1, ticket: Ticket | None = None
) -> Limited:
    refusal = limits.refusal(sizes, tokens, now_s, ticket)
    assert refusal is not None
    assert refusal.reason == "limit"
    return refusal


@given(
    st.lists(st.tuples(st.floats(0.0, 20.0), st.integers(1, 6)), max_size=60),
    st.integers(6, 12),
)
def test_no_minute_holds_more_than_the_limit_and_none_waits_a_second_too_long(
    wishes: list[tuple[float, int]], limit: int
) -> None:
    window = Window()
    now_s = 0.0
    log: list[tuple[float, int]] = []
    for pause_s, amount in wishes:
        now_s += pause_s
        earliest_s = next(
            at_s
            for at_s in [now_s, *(t + WINDOW_S for t, _ in log if t + WINDOW_S > now_s)]
            if sum(used for t, used in log if t + WINDOW_S > at_s) + amount <= limit
        )
        fits_s = window.fits_s(amount, limit, now_s)
        assert earliest_s <= fits_s <= earliest_s + 1.0
        now_s = fits_s
        assert window.fits_s(amount, limit, now_s) == now_s
        window.add(amount, now_s)
        log.append((now_s, amount))
        assert sum(used for t, used in log if t + WINDOW_S > now_s) <= limit


def test_more_than_the_limit_takes_several_minutes() -> None:
    window = Window()
    window.add(10, 0.0)
    assert window.fits_s(10, 10, 5.0) == 61.0
    assert window.fits_s(11, 10, 5.0) == 61.0 + 61.0
    assert window.fits_s(31, 10, 5.0) == 61.0 + 3 * 61.0


def test_a_correction_counts_within_its_minute_and_not_after_it() -> None:
    window = Window()
    slot = window.add(100, 0.5)
    window.correct(slot, -90, 30.0)
    assert window.used == 10
    assert window.fits_s(90, 100, 30.0) == 30.0
    window.add(5, 61.0)
    window.correct(slot, -10, 61.0)
    assert window.used == 5


def test_a_window_keeps_no_more_than_its_seconds() -> None:
    window = Window()
    for tenth in range(100_000):
        window.add(1, tenth / 10)
    assert window.used <= 61 * 10
    assert len(window._slots) <= 61


def test_concurrency_is_given_back_once() -> None:
    limits = TargetLimits()
    sizes = Sizes(concurrency=2)
    one, _ = limits.take(sizes, 0, 0.0), limits.take(sizes, 0, 0.0)
    refusal = refused(limits, sizes)
    assert refusal.queues
    assert (refusal.detail, refusal.until_s) == ("2 of 2 calls are in flight", None)
    for _ in range(3):
        one.release(1.0)
    assert limits.in_flight == 1
    assert limits.refusal(sizes, 0, 1.0) is None


def test_requests_say_when_they_fit() -> None:
    limits, sizes = TargetLimits(), Sizes(requests_per_min=2)
    limits.take(sizes, 0, 0.2).release(0.3)
    limits.take(sizes, 0, 10.0).release(10.1)
    refusal = refused(limits, sizes, 20.0)
    assert (refusal.detail, refusal.until_s, refusal.queues) == ("2 requests within a minute", 61.0, True)
    assert limits.refusal(sizes, 0, 61.0) is None


def test_tokens_are_counted_as_they_really_were() -> None:
    limits, sizes = TargetLimits(), Sizes(tokens_per_min=1000)
    permit = limits.take(sizes, 900, 0.0)
    assert refused(limits, sizes, 1.0, tokens=200).until_s == 61.0
    permit.release(2.0, 300)
    assert limits.refusal(sizes, 700, 2.0) is None
    assert refused(limits, sizes, 2.0, tokens=701).until_s == 61.0


def test_a_call_of_more_tokens_than_a_minute_has_goes_alone() -> None:
    limits, sizes = TargetLimits(), Sizes(tokens_per_min=1000)
    assert limits.refusal(sizes, 5000, 0.0) is None
    limits.take(sizes, 5000, 0.0)
    assert refused(limits, sizes, 1.0, tokens=5000).until_s == 61.0
    assert limits.refusal(sizes, 5000, 61.0) is None


def test_no_call_overtakes() -> None:
    limits = TargetLimits()
    permit = limits.take(ONE_AT_A_TIME, 0, 0.0)
    woken: list[str] = []
    first = limits.queue.join(lambda: woken.append("first"))
    second = limits.queue.join(lambda: woken.append("second"))
    permit.release(1.0)
    assert woken == ["first"]
    assert refused(limits, ONE_AT_A_TIME, 1.0).detail == "2 wait for it already"
    assert refused(limits, ONE_AT_A_TIME, 1.0, ticket=second).detail == "others wait for longer"
    assert limits.refusal(ONE_AT_A_TIME, 0, 1.0, first) is None
    first.leave()
    assert woken == ["first", "second"]
    assert limits.refusal(ONE_AT_A_TIME, 0, 1.0, second) is None


def test_who_leaves_frees_the_place_and_only_the_first_wakes_the_next() -> None:
    queue = Queue()
    woken: list[int] = []
    tickets = [queue.join(lambda number=number: woken.append(number), 10) for number in range(4)]  # type: ignore[misc]
    tickets[1].leave()
    assert (woken, queue.tokens) == ([], 30)
    tickets[0].leave()
    tickets[0].leave()
    assert (woken, len(queue), queue.tokens) == ([2], 2, 20)


def test_a_queue_has_a_bound_and_no_ticket_of_it_is_refused_for_it() -> None:
    limits = TargetLimits()
    limits.take(ONE_AT_A_TIME, 0, 0.0)
    tickets = [limits.queue.join(nobody) for _ in range(QUEUE_MAX)]
    refusal = refused(limits, ONE_AT_A_TIME)
    assert (refusal.queues, refusal.detail) == (False, f"{QUEUE_MAX} wait for it already")
    assert refused(limits, ONE_AT_A_TIME, ticket=tickets[-1]).queues


def test_who_would_join_is_told_about_when_his_turn_would_be() -> None:
    limits, sizes = TargetLimits(), Sizes(requests_per_min=10)
    for _ in range(10):
        limits.take(sizes, 0, 0.0)
    for _ in range(15):
        limits.queue.join(nobody)
    assert refused(limits, sizes, 1.0).until_s == 61.0 + 61.0
    few = TargetLimits()
    few.take(ONE_AT_A_TIME, 0, 0.0).release(4.0)
    few.take(ONE_AT_A_TIME, 0, 4.0)
    for _ in range(5):
        few.queue.join(nobody)
    assert refused(few, ONE_AT_A_TIME, 4.0).until_s == 4.0 + 5 * 4.0


def told(
    left: float, limit: float | None = 100, reset_s: float = 50.0, unit: str = "requests", **more: bool
) -> Remaining:
    return Remaining(unit, left, limit, reset_s, more.get("refills", True))  # type: ignore[arg-type]


def test_what_is_left_is_shared_out_before_the_provider_refuses() -> None:
    limits = TargetLimits()
    limits.learn(told(2.0), 0.0)
    for _ in range(2):
        assert limits.refusal(Sizes(), 0, 0.0) is None
        limits.take(Sizes(), 0, 0.0)
    refusal = refused(limits, Sizes())
    assert (refusal.queues, refusal.detail) == (True, "its provider says that no requests are left")
    assert refusal.until_s == pytest.approx(50 / 98)  # it refills evenly: one request after a 98th of its time
    assert limits.refusal(Sizes(), 0, 0.52) is None


def test_a_fixed_window_comes_back_as_a_whole() -> None:
    limits = TargetLimits()
    limits.learn(told(0.0, refills=False), 0.0)
    assert refused(limits, Sizes(), 1.0).until_s == 50.0
    assert limits.refusal(Sizes(), 0, 50.0) is None
    assert refused(limits, Sizes(), 1.0).until_s == 50.0
    limits.take(Sizes(), 0, 50.0)
    assert not limits.told


def test_tokens_that_are_left_bound_what_a_call_may_use() -> None:
    limits = TargetLimits()
    limits.learn(told(1000, 10_000, 9.0, "tokens"), 0.0)
    assert limits.refusal(Sizes(), 1000, 0.0) is None
    assert refused(limits, Sizes(), tokens=3000).until_s == pytest.approx(2.0)
    assert limits.refusal(Sizes(), 1_000_000, 9.0) is None


def test_a_courtesy_is_believed_for_a_minute_at_most() -> None:
    limits = TargetLimits()
    limits.learn(told(0.0, None, 86_400.0), 0.0)
    assert refused(limits, Sizes()).until_s == LEARNT_MAX_S


def test_plenty_is_no_limit_and_better_news_wakes_the_first() -> None:
    limits = TargetLimits()
    limits.learn(told(90.0), 0.0)
    assert not limits.told
    limits.learn(told(0.0), 0.0)
    woken: list[int] = []
    limits.queue.join(lambda: woken.append(1))
    limits.learn(told(100.0), 1.0)
    assert (woken, limits.told) == ([1], {})


class Callers(RuleBasedStateMachine):
    """Calls that come, wait, go, end and leave in any order. Whatever they do, nothing is lost and none overtakes."""

    SIZES = Sizes(concurrency=3, requests_per_min=20, tokens_per_min=500)

    def __init__(self) -> None:
        super().__init__()
        self.limits = TargetLimits()
        self.now_s = 0.0
        self.waiting: list[Ticket] = []
        self.running: list[Permit] = []
        self.began: list[float] = []

    @rule(tokens=st.integers(0, 200))
    def come(self, tokens: int) -> None:
        refusal = self.limits.refusal(self.SIZES, tokens, self.now_s)
        if refusal is None:
            assert not self.waiting
            self.go(tokens)
        elif refusal.queues:
            self.waiting.append(self.limits.queue.join(nobody, tokens))

    def go(self, tokens: int) -> None:
        self.running.append(self.limits.take(self.SIZES, tokens, self.now_s))
        self.began.append(self.now_s)

    @precondition(lambda self: self.waiting)
    @rule(drawn=st.randoms())
    def look(self, drawn: random.Random) -> None:
        ticket = drawn.choice(self.waiting)
        if self.limits.refusal(self.SIZES, ticket.tokens, self.now_s, ticket) is None:
            assert ticket is self.waiting[0]
            self.go(ticket.tokens)
            self.waiting.remove(ticket)
            ticket.leave()

    @precondition(lambda self: self.waiting)
    @rule(drawn=st.randoms())
    def leave(self, drawn: random.Random) -> None:
        ticket = drawn.choice(self.waiting)
        self.waiting.remove(ticket)
        ticket.leave()

    @precondition(lambda self: self.running)
    @rule(drawn=st.randoms(), tokens=st.none() | st.integers(0, 300), times=st.integers(1, 3))
    def end(self, drawn: random.Random, tokens: int | None, times: int) -> None:
        permit = self.running.pop(drawn.randrange(len(self.running)))
        for _ in range(times):
            permit.release(self.now_s, tokens)

    @rule(for_s=st.floats(0.0, 70.0))
    def wait(self, for_s: float) -> None:
        self.now_s += for_s

    @invariant()
    def all_adds_up(self) -> None:
        limits = self.limits
        assert limits.in_flight == len(self.running) <= 3
        assert len(limits.queue) == len(self.waiting)
        assert limits.queue.tokens == sum(ticket.tokens for ticket in self.waiting)
        assert limits.queue.first is (self.waiting[0] if self.waiting else None)
        assert sum(1 for at_s in self.began if at_s > self.now_s - WINDOW_S) <= 20

    def teardown(self) -> None:
        for ticket in self.waiting:
            ticket.leave()
        for permit in self.running:
            permit.release(self.now_s)
        assert (self.limits.in_flight, len(self.limits.queue), self.limits.queue.tokens) == (0, 0, 0)
        later_s = self.now_s + WINDOW_S + 1
        assert self.limits.refusal(self.SIZES, 500, later_s) is None
        self.limits.take(self.SIZES, 0, later_s).release(later_s)
        assert (self.limits._requests.used, self.limits._tokens.used) == (1, 0)


TestCallers = Callers.TestCase
TestCallers.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
