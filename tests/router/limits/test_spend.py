"""Money: set aside before, settled after, by the day and the month of the UTC calendar."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.router.limits.ledger import Budgets, Ledger
from standby.router.limits.queue import QUEUE_MAX


class Wall:
    """A wall clock that stands where it is put."""

    def __init__(self, *moment: int) -> None:
        self.at_s = datetime(*moment, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]

    def __call__(self) -> float:
        return self.at_s


def test_what_is_set_aside_counts_and_what_is_settled_stays() -> None:
    ledger, budgets = Ledger(Wall(2026, 3, 1)), Budgets(day=1.0)
    held = ledger.reserve(0.6)
    refusal = ledger.refusal(budgets, 0.5, 100.0)
    assert refusal is not None
    assert (refusal.reason, refusal.queues, refusal.until_s) == ("budget", True, None)
    for _ in range(3):
        held.settle(0.1)
    assert (ledger.reserved, ledger.spent_day, ledger.spent_month) == (0.0, 0.1, 0.1)
    assert ledger.refusal(budgets, 0.9, 100.0) is None


@pytest.mark.parametrize(
    ("budgets", "moment", "ends"),
    [
        (Budgets(day=1.0), (2026, 2, 28, 23, 30), (2026, 3, 1)),
        (Budgets(day=1.0), (2028, 2, 28, 12), (2028, 2, 29)),
        (Budgets(month=1.0), (2026, 2, 28, 23, 30), (2026, 3, 1)),
        (Budgets(month=1.0), (2026, 12, 5), (2027, 1, 1)),
    ],
)
def test_what_is_spent_is_refused_until_the_page_turns(
    budgets: Budgets, moment: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    wall, end = Wall(*moment), Wall(*ends)
    ledger = Ledger(wall)
    ledger.reserve(0.95).settle(0.95)
    refusal = ledger.refusal(budgets, 0.1, 1000.0)
    assert refusal is not None
    assert not refusal.queues
    assert refusal.until_s == 1000.0 + end.at_s - wall.at_s
    wall.at_s = end.at_s - 0.001
    assert ledger.refusal(budgets, 0.1, 0.0) is not None
    wall.at_s = end.at_s
    assert ledger.refusal(budgets, 1.0, 0.0) is None


def test_a_new_day_leaves_the_month_as_it_is() -> None:
    wall = Wall(2026, 3, 1)
    ledger = Ledger(wall)
    for day in range(3):
        wall.at_s = Wall(2026, 3, 1 + day).at_s
        ledger.reserve(1.0).settle(2.0)
    assert (ledger.spent_day, ledger.spent_month) == (2.0, 6.0)


def test_a_clock_that_goes_back_forgives_nothing() -> None:
    wall = Wall(2026, 3, 5)
    ledger = Ledger(wall)
    ledger.reserve(1.0).settle(1.0)
    wall.at_s = Wall(2026, 3, 4).at_s
    assert ledger.refusal(Budgets(day=1.0), 0.1, 0.0) is not None


def test_money_in_flight_is_waited_for_in_order() -> None:
    ledger, budgets = Ledger(Wall(2026, 3, 1)), Budgets(month=1.0)
    held = ledger.reserve(1.0)
    woken: list[str] = []
    first = ledger.queue.join(lambda: woken.append("first"))
    second = ledger.queue.join(lambda: woken.append("second"))
    held.settle(0.1)
    assert woken == ["first"]
    assert ledger.refusal(budgets, 0.1, 0.0) is not None
    assert ledger.refusal(budgets, 0.1, 0.0, second) is not None
    assert ledger.refusal(budgets, 0.1, 0.0, first) is None
    for _ in range(QUEUE_MAX - 2):
        ledger.queue.join(lambda: None)
    crowded = ledger.refusal(budgets, 0.1, 0.0)
    assert crowded is not None
    assert not crowded.queues
    first.leave()
    assert woken == ["first", "second"]


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 0.4), st.floats(0.0, 1.0)), max_size=80))
def test_the_budget_holds_whatever_the_order(history: list[tuple[bool, float, float]]) -> None:
    ledger, budgets = Ledger(Wall(2026, 3, 1)), Budgets(day=1.0)
    held = []
    for begins, cost, share in history:
        if begins and ledger.refusal(budgets, cost, 0.0) is None:
            held.append((ledger.reserve(cost), cost))
        elif held:
            reservation, reserved = held.pop(int(share * (len(held) - 1)))
            reservation.settle(reserved * share)
        assert ledger.spent_day + ledger.reserved <= 1.0 + 1e-9
    for reservation, _ in held:
        reservation.settle(0.0)
    assert ledger.reserved == 0.0
