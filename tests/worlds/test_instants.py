"""Which waits, and which holding back, the monitors of the worlds blame by the instants of a report."""

import pytest
from standby.config.limits import Retry
from standby.config.route import Hold
from standby.router.result.reasons import WaitReason
from standby.router.result.report import AttemptReport, Report, Waited

from worlds.instants import held_too_long, overslept

RETRY = Retry(patience_s=2.5, backoff_max_s=8.0)
DEADLINE_S, SLACK_S = 30.0, 0.01


def report(committed_s: float | None, *heard_s: float | None, wait: Waited | None = None) -> Report:
    attempts = [AttemptReport("a", "openai", "m", "first", 0.0, first_delta_s=at_s) for at_s in heard_s]
    return Report("id", "r", attempts, first_delta_s=committed_s, waits=[] if wait is None else [wait])


WAITS: list[tuple[float | None, bool, WaitReason, float, float, bool]] = [
    # committed, whole, the wait: why, from when, for how long; is it blamed?
    (None, False, "queue", 1.0, 29.0, False),
    (None, False, "queue", 1.0, 29.1, True),
    (None, False, "hint", 29.9, 0.2, True),
    (29.5, False, "return", 0.0, 29.4, False),
    (31.0, False, "return", 0.0, 30.5, True),  # it committed too late, and slept meanwhile
    (1.4, False, "hint", 40.2, 0.2, False),  # the deadline was that of the commit
    (1.4, False, "hint", 1.5, 8.0, False),
    (1.4, False, "hint", 1.5, 8.1, True),
    (1.4, False, "hint", 1.0, 40.0, True),
    (1.4, False, "backoff", 40.2, 0.2, True),
    (1.4, False, "return", 40.2, 0.2, True),
    (1.4, False, "queue", 2.0, 0.2, True),
    (1.4, True, "hint", 40.2, 0.2, True),  # a whole answer commits with its end, whatever was heard
    (1.4, True, "queue", 2.0, 0.2, False),
]


@pytest.mark.parametrize(("committed_s", "whole", "reason", "at_s", "for_s", "blamed"), WAITS)
def test_a_call_sleeps_up_to_its_deadline_and_behind_its_commit_for_a_short_hint_alone(
    committed_s: float | None, whole: bool, reason: WaitReason, at_s: float, for_s: float, blamed: bool
) -> None:
    slept = report(committed_s, wait=Waited(reason, "a", at_s, for_s))
    assert len(list(overslept(slept, DEADLINE_S, RETRY, SLACK_S, whole=whole))) == blamed


@pytest.mark.parametrize(
    ("hold", "committed_s", "heard_s", "blamed"),
    [
        (Hold(for_s=0.4), 5.4, [5.0], False),
        (Hold(for_s=0.4), 5.55, [5.0], True),
        (Hold(for_s=0.4), 5.55, [5.0, None, 5.3], False),  # what was held broke off, and another answer was held
        (Hold(for_s=0.4), 5.55, [5.0, 9.0], True),  # what goes on with it says nothing of the commit
        (Hold(for_s=0.4), None, [5.0], False),
        (Hold(), 50.0, [5.0], False),
        (None, 50.0, [5.0], False),
    ],
)
def test_an_answer_is_held_back_for_as_long_as_its_route_says(
    hold: Hold | None, committed_s: float | None, heard_s: list[float | None], blamed: bool
) -> None:
    assert len(list(held_too_long(report(committed_s, *heard_s), hold, SLACK_S))) == blamed
