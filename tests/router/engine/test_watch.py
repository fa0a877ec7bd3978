"""One timer for the clocks of all attempts: which it wakes, when, and how seldom it is armed."""

from collections.abc import Callable
from typing import Any

import pytest
from standby.router.engine.watchdog import LATE_S, NEVER, Watchdog


class Timer:
    """One timer of the clockwork."""

    def __init__(self, at_s: float, ring: Callable[[], None]) -> None:
        self.at_s, self.ring, self.cancelled = at_s, ring, False

    def cancel(self) -> None:
        self.cancelled = True


class Clockwork:
    """A loop that is nothing but a clock and its timers."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, at_s: float, ring: Callable[[], None]) -> Timer:
        self.timers.append(Timer(at_s, ring))
        return self.timers[-1]

    @property
    def armed(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.cancelled]

    def until(self, now_s: float, *, late_s: float = 0.0) -> None:
        """Let every timer ring that is due by then, each so much too late."""
        while due := [timer for timer in self.armed if timer.at_s <= now_s]:
            timer = min(due, key=lambda each: each.at_s)
            timer.cancel()
            self.now_s = timer.at_s + late_s
            timer.ring()
        self.now_s = max(self.now_s, now_s)


class Clocked:
    """An attempt with a clock."""

    def __init__(self, loop: Clockwork, limit_s: float, *, answering: bool = True) -> None:
        self.limit_s = limit_s
        self.expired_s: list[float] = []
        self._loop, self._answering = loop, answering

    def lenient(self, until_s: float) -> None:
        if self._answering:
            self.limit_s = max(self.limit_s, until_s)

    def expire(self) -> None:
        self.limit_s = NEVER
        self.expired_s.append(self._loop.now_s)


@pytest.fixture
def loop() -> Clockwork:
    return Clockwork()


def watch_on(loop: Any) -> Watchdog:
    return Watchdog(loop)


def test_each_clock_runs_out_at_its_own_time(loop: Clockwork) -> None:
    watch = watch_on(loop)
    clocked = [Clocked(loop, limit_s) for limit_s in (3.0, 1.0, 2.0)]
    for each in clocked:
        watch.over(each)
    loop.until(10.0)
    assert [each.expired_s for each in clocked] == [[3.0], [1.0], [2.0]]
    assert loop.armed == []


def test_a_later_clock_arms_nothing(loop: Clockwork) -> None:
    """What nearly every attempt does: it begins after others, and is over before anything rings."""
    watch = watch_on(loop)
    for second in range(100):
        loop.now_s = second / 10
        clocked = Clocked(loop, loop.now_s + 30.0)
        watch.over(clocked)
        watch.no_more(clocked)
    assert len(loop.timers) == 1
    loop.until(100.0)
    assert loop.armed == []


def test_a_clock_that_was_put_off_runs_out_then(loop: Clockwork) -> None:
    watch, clocked = watch_on(loop), Clocked(loop, 1.0)
    watch.over(clocked)
    clocked.limit_s = 5.0
    loop.until(4.9)
    assert clocked.expired_s == []
    loop.until(5.0)
    assert clocked.expired_s == [5.0]


def test_a_clock_that_now_runs_out_sooner_does(loop: Clockwork) -> None:
    watch, clocked = watch_on(loop), Clocked(loop, 30.0)
    watch.over(clocked)
    clocked.limit_s = 0.25
    watch.until(clocked.limit_s)
    loop.until(1.0)
    assert clocked.expired_s == [0.25]


def test_a_clock_that_stands_does_not_run_out(loop: Clockwork) -> None:
    watch, clocked = watch_on(loop), Clocked(loop, 1.0)
    watch.over(clocked)
    clocked.limit_s = NEVER
    loop.until(100.0)
    assert clocked.expired_s == loop.armed == []
    clocked.limit_s = 101.0
    watch.until(clocked.limit_s)
    loop.until(102.0)
    assert clocked.expired_s == [101.0]


def test_when_the_loop_was_late_what_came_meanwhile_is_read_first(loop: Clockwork) -> None:
    watch, answering, connecting = watch_on(loop), Clocked(loop, 1.0), Clocked(loop, 1.0, answering=False)
    watch.over(answering)
    watch.over(connecting)
    loop.until(1.0, late_s=0.5)
    assert (answering.expired_s, connecting.expired_s) == ([], [1.5])
    loop.until(3.0)
    assert answering.expired_s == [1.5 + LATE_S]


def test_a_timer_that_rings_early_is_armed_anew(loop: Clockwork) -> None:
    watch, clocked = watch_on(loop), Clocked(loop, 1.0)
    watch.over(clocked)
    loop.now_s = 0.999
    loop.armed[0].ring()
    loop.timers[0].cancel()
    assert clocked.expired_s == []
    loop.until(1.5)
    assert clocked.expired_s == [1.0]


def test_thousands_that_run_out_one_after_another_are_not_looked_through_each_time(loop: Clockwork) -> None:
    watch = watch_on(loop)
    clocked = [Clocked(loop, 1.0 + place / 10_000) for place in range(10_000)]
    for each in clocked:
        watch.over(each)
    loop.until(3.0)
    late_s = [each.expired_s[0] - 1.0 - place / 10_000 for place, each in enumerate(clocked)]
    assert min(late_s) >= 0.0
    assert max(late_s) <= 0.0101
    assert len(loop.timers) <= 110


def test_no_attempt_is_woken_after_the_end(loop: Clockwork) -> None:
    watch, clocked = watch_on(loop), Clocked(loop, 1.0)
    watch.over(clocked)
    watch.close()
    loop.until(10.0)
    assert clocked.expired_s == loop.armed == []
