"""Which of two waits a call waits out: that of its own turn, or hint, comes before a place in a target's line."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from standby.config import Retry
from standby.providers.capabilities import Capabilities
from standby.providers.errors import DISPOSITIONS
from standby.router.failover.course import Course
from standby.router.failover.standings import Standings
from standby.router.failover.steps import Ask, Policy, Step, Wait
from standby.router.health.refusal import Refusal
from standby.router.health.return_line import ReturnLine
from standby.router.limits.limiter import Limited
from standby.router.limits.queue import Queue

from coursefakes import Fake, Health, Middling

FULL = Limited("limit", "others wait for it already", None, queue=Queue())
AHEAD = 20
"""So many come back to a target before this call: at 4 a second they take 5 s."""


class Busy(Fake):
    """A target that is left alone for a second, and then is full."""

    full = True

    def refusal(self, now_s: float, fingerprint: object = None) -> Refusal | None:
        return Refusal("open", "", 1.0) if now_s < 1.0 else FULL if self.full else None


def just_back() -> ReturnLine:
    line = ReturnLine(60.0, 1.0)
    for _ in range(AHEAD):
        line.join()
    return line


@pytest.fixture
def targets() -> list[Busy]:
    one = Busy("a", "openai", Capabilities(), Retry(), 10.0, Health(), False, 0)
    return [one, replace(one, label="b")]


@pytest.fixture
def asked(targets: list[Busy]) -> Callable[[float], Step]:
    """What a call is told at an instant: it has waited for both targets, and both have a line for those that did."""
    policy = Policy(deadline_s=60.0, reserve_s=3.0, all_open="wait", dispositions=DISPOSITIONS)
    course = Course(targets, policy, Standings(targets, 0.0), Middling(1.0))
    first = course.next(0.0)
    assert isinstance(first, Wait)
    assert (first.until_s, first.wait) == (1.0, "return")
    for target in targets:
        target.returning = just_back()
    return course.next


def test_a_call_whose_turn_has_not_come_takes_no_place_in_line(asked: Callable[[float], Step]) -> None:
    """Else it would take one at each target by turns, and each that it gives up wakes another call to do the same."""
    for now_s in (1.0, 2.0, 3.0):
        step = asked(now_s)
        assert isinstance(step, Wait)
        assert (step.wait, tuple(step.queues)) == ("return", ())
        assert now_s < step.until_s <= now_s + 1.0


def test_a_call_whose_turn_has_come_waits_in_every_line(asked: Callable[[float], Step], targets: list[Busy]) -> None:
    asked(1.0)
    step = asked(1.0 + AHEAD)
    assert isinstance(step, Wait)
    assert (step.wait, tuple(step.queues)) == ("queue", (0, 1))
    targets[1].full = False
    step = asked(1.0 + AHEAD)
    assert isinstance(step, Ask)
    assert step.target_index == 1
