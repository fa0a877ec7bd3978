"""The budgets of extra calls: a share of the calls, a floor a second, and a small burst."""

from standby.router.limits.retry_budget import TokenBudget


def test_a_burst_is_allowed_and_then_time_earns_one_a_second() -> None:
    budget = TokenBudget(0.1, 1.0, saved=10.0)
    assert [budget.try_acquire(0.0) for _ in range(11)] == [True] * 10 + [False]
    assert budget.try_acquire(1.0)
    assert not budget.try_acquire(1.0)
    assert budget.try_acquire(2.5)


def test_every_call_earns_a_share() -> None:
    budget = TokenBudget(0.1, saved=10.0)
    while budget.try_acquire(0.0):
        pass
    for _ in range(10):
        budget.credit()
    assert budget.try_acquire(0.0)
    assert not budget.try_acquire(0.0)


def test_under_total_outage_retries_stay_below_a_fifth_of_the_calls() -> None:
    budget = TokenBudget(0.1, 1.0, saved=10.0)
    calls = retries = 0
    for second in range(600):
        for _ in range(20):
            calls += 1
            budget.credit()
            retries += budget.try_acquire(float(second))
    assert retries / calls <= 0.2
