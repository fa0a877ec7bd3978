"""Calls that waited for a target come back one after another: the pace of their line."""

import pytest
from standby.router.health.return_line import ReturnLine, Turns

LASTS_S = 10.0


def all_through(line: ReturnLine, callers: int, *, answers: bool = True) -> list[float]:
    """When so many callers ask, each as soon as it is due."""
    places = [line.join() for _ in range(callers)]
    looks = dict.fromkeys(places, 0.0)
    asked: list[float] = []
    while looks:
        place = min(looks, key=lambda each: (looks[each], each))
        now_s = looks.pop(place)
        due_s = line.due_s(place, now_s)
        if due_s > now_s:
            looks[place] = due_s
            continue
        asked.append(now_s)
        (line.answered if answers else line.failed)(now_s)
    return asked


def test_the_first_asks_at_once_and_none_out_of_turn() -> None:
    line = ReturnLine(LASTS_S, 0.0)
    first, second = line.join(), line.join()
    assert line.due_s(second, 0.0) == pytest.approx(0.25)
    assert line.due_s(first, 0.0) == 0.0
    assert line.due_s(second, 0.25) == 0.25


def test_answers_make_the_line_faster() -> None:
    asked_s = all_through(ReturnLine(LASTS_S, 0.0), 1000)
    assert asked_s == sorted(asked_s)
    halves = asked_s[500] - asked_s[0], asked_s[-1] - asked_s[500]
    assert halves[1] < halves[0] / 3
    assert asked_s[-1] < 60.0


def test_failures_make_it_slower_but_it_never_stands() -> None:
    asked_s = all_through(ReturnLine(LASTS_S, 0.0), 20, answers=False)
    assert asked_s[-1] - asked_s[-2] == pytest.approx(10.0, rel=0.01)


def test_no_call_is_told_to_wait_for_longer_than_the_pace_may_stay() -> None:
    line = ReturnLine(LASTS_S, 0.0)
    places = [line.join() for _ in range(100)]
    assert line.due_s(places[-1], 0.0) == 1.0


def test_after_a_failure_it_becomes_faster_only_gently() -> None:
    line, careful = ReturnLine(LASTS_S, 0.0), ReturnLine(LASTS_S, 0.0)
    careful.failed(0.0)
    for each in (line, careful):
        places = [each.join() for _ in range(1000)]
        for _ in range(50):
            each.answered(0.0)
    assert line.due_s(3, 0.0) == pytest.approx(2 / 9.0)
    assert careful.due_s(places[2], 0.0) == pytest.approx(2 / 3.0)


def test_it_is_over_when_all_are_through_and_slow_start_is() -> None:
    line = ReturnLine(LASTS_S, 0.0)
    all_through(line, 5)
    assert not line.is_over(LASTS_S - 0.1)
    line.due_s(1, LASTS_S)
    assert line.is_over(LASTS_S)


def test_a_call_keeps_its_place_until_the_target_returns_anew() -> None:
    turns, line = Turns(), ReturnLine(LASTS_S, 0.0)
    line.join()
    turns.join(0, None)
    assert turns.refusal(0, None, 0.0) is None
    turns.join(0, line)
    refusal = turns.refusal(0, line, 0.0)
    assert refusal is not None
    assert (refusal.reason, refusal.until_s) == ("returning", pytest.approx(0.25))
    assert turns.refusal(0, line, 0.25) is None
    later = ReturnLine(LASTS_S, 20.0)
    later.join()
    turns.join(0, later)
    assert turns.refusal(0, later, 20.0) is not None
