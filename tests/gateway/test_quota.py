"""What a key may use: refused at once with a hint, told on every answer, given back exactly once."""

import random
from typing import Any

import pytest
from standby.config import ClientKey
from standby.gateway.quota import Grant, KeyUsage, Sized
from standby.gateway.refused import Refused, waiting

DAY_S = 86_400.0


class Desk:
    """A key at a clock that is handed down."""

    def __init__(self, **limits: Any) -> None:
        self.wall_s = 20_000 * DAY_S + 1000.0
        self.sized = Sized.of(ClientKey(**limits))
        self.usage = KeyUsage(lambda: self.wall_s)

    def ask(self, now_s: float, tokens: int = 10, cost: float = 0.0) -> Grant | Refused:
        return self.usage.admit(self.sized, tokens, cost, now_s)

    def granted(self, now_s: float, tokens: int = 10, cost: float = 0.0) -> Grant:
        found = self.ask(now_s, tokens, cost)
        assert isinstance(found, Grant)
        return found

    def refused(self, now_s: float, tokens: int = 10, cost: float = 0.0) -> Refused:
        found = self.ask(now_s, tokens, cost)
        assert isinstance(found, Refused)
        assert found.status == 429
        return found

    def fields(self, now_s: float) -> dict[str, str]:
        return dict(self.usage.fields(self.sized, now_s))


def test_a_key_without_limits_is_never_refused_and_tells_nothing() -> None:
    desk = Desk()
    for _ in range(1000):
        desk.granted(0.0, 10**6, 10**6)
    assert desk.fields(0.0) == {}


def test_requests_a_minute() -> None:
    desk = Desk(requests_per_min=3)
    assert desk.fields(0.0) == {
        "x-ratelimit-limit-requests": "3", "x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "0s",
    }  # fmt: skip
    for now_s in (0.0, 10.0, 20.5):
        desk.granted(now_s).settle(now_s, 5, 0.0)
    refused = desk.refused(30.0)
    assert (refused.why, dict(refused.fields)) == (
        "requests",
        {
            "retry-after": "31", "retry-after-ms": "31000", "x-standby-limited-by": "requests",
            "x-ratelimit-limit-requests": "3", "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "51s",
        },
    )  # fmt: skip
    assert refused.message == "this gateway's own limit for the key: 3 requests within a minute"
    desk.granted(61.0)
    assert desk.refused(61.0).why == "requests"


def test_tokens_a_minute_are_thought_before_and_put_right_after() -> None:
    desk = Desk(tokens_per_min=100)
    grant = desk.granted(0.0, tokens=90)
    assert desk.fields(0.0)["x-ratelimit-remaining-tokens"] == "10"
    refused = desk.refused(0.0, tokens=20)
    assert (refused.why, dict(refused.fields)["x-standby-limited-by"]) == ("tokens", "tokens")
    grant.settle(5.0, 30, 0.0)
    assert desk.fields(5.0)["x-ratelimit-remaining-tokens"] == "70"
    desk.granted(5.0, tokens=20).settle(6.0, 500, 0.0)
    assert desk.fields(6.0)["x-ratelimit-remaining-tokens"] == "0"
    assert desk.refused(6.0, tokens=1).why == "tokens"
    assert desk.fields(70.0)["x-ratelimit-remaining-tokens"] == "100"


def test_a_request_of_more_tokens_than_a_minute_has_goes_alone() -> None:
    desk = Desk(tokens_per_min=100)
    desk.granted(0.0, tokens=5000)
    assert desk.refused(1.0, tokens=1).why == "tokens"


def test_what_is_in_flight() -> None:
    desk = Desk(concurrency=2)
    first, _ = desk.granted(0.0), desk.granted(0.0)
    refused = desk.refused(0.0)
    assert (refused.why, dict(refused.fields)) == (
        "concurrency", {"retry-after": "1", "retry-after-ms": "1000", "x-standby-limited-by": "concurrency"},
    )  # fmt: skip
    first.settle(1.0, None, None)
    first.settle(1.0, None, None)
    desk.granted(1.0)
    assert desk.refused(1.0).why == "concurrency"


def test_a_budget_ends_with_its_day() -> None:
    desk = Desk(budget_day=1.0, budget_month=1.5)
    desk.granted(0.0, cost=0.6).settle(0.0, 1, 0.9)
    refused = desk.refused(0.0, cost=0.2)
    fields = dict(refused.fields)
    assert (refused.why, fields["x-standby-limited-by"], fields["x-should-retry"]) == ("budget", "budget", "false")
    assert fields["retry-after"] == str(int(DAY_S - 1000))
    desk.wall_s += DAY_S
    desk.granted(0.0, cost=0.2).settle(0.0, 1, 0.7)
    assert desk.refused(0.0).why == "budget"
    desk.wall_s += 40 * DAY_S
    desk.granted(0.0)


def test_money_is_set_aside_while_requests_are_in_flight() -> None:
    desk = Desk(budget_day=1.0)
    grant = desk.granted(0.0, cost=0.7)
    refused = desk.refused(0.0, cost=0.7)
    assert (refused.why, "x-should-retry" in dict(refused.fields)) == ("budget", False)  # what is set aside comes back
    grant.settle(0.0, 1, 0.1)
    desk.granted(0.0, cost=0.7)


def test_where_no_price_is_known_before_what_requests_usually_cost_is_set_aside() -> None:
    desk = Desk(budget_day=1.0)
    for _ in range(20):
        desk.granted(0.0).settle(0.0, 1, 0.04)
    at_once = 0
    while isinstance(desk.ask(0.0), Grant):
        at_once += 1
    assert at_once == 5  # of 0.04 each, with 0.2 left
    assert desk.usage.ledger.reserved == pytest.approx(at_once * 0.04, rel=0.05)


def test_a_budget_of_nothing_lets_nothing_through() -> None:
    assert Desk(budget_day=0.0).refused(0.0).why == "budget"


def test_a_refusal_takes_nothing() -> None:
    desk = Desk(requests_per_min=10, budget_day=1.0)
    desk.refused(0.0, cost=2.0)
    assert desk.fields(0.0)["x-ratelimit-remaining-requests"] == "10"
    assert (desk.usage.ledger.reserved, desk.usage.limits.in_flight) == (0.0, 0)


def test_a_limit_that_was_lowered_holds_for_what_was_used_before() -> None:
    desk = Desk(requests_per_min=10)
    for _ in range(5):
        desk.granted(0.0)
    desk.sized = Sized.of(ClientKey(requests_per_min=3))
    assert desk.refused(1.0).why == "requests"
    assert desk.fields(1.0)["x-ratelimit-remaining-requests"] == "0"


@pytest.mark.parametrize(
    ("wait_s", "seconds", "millis"), [(0.0, "1", "1"), (0.2, "1", "200"), (1.0, "1", "1000"), (1.0001, "2", "1001")]
)
def test_a_hint_never_ends_too_early(wait_s: float, seconds: str, millis: str) -> None:
    assert waiting(wait_s) == (("retry-after", seconds), ("retry-after-ms", millis))


def test_what_is_left_agrees_with_a_sum_over_the_last_minute() -> None:
    """Reading it walks over no slot that still counts, and must agree with the slow way."""
    rng = random.Random(7)
    desk = Desk(tokens_per_min=5000)
    used: list[list[float]] = []  # when the second ends within which tokens were taken, and how many
    now_s = 0.0
    for _ in range(2000):
        now_s += rng.choice((0.0, 0.3, 1.0, 1.0, 7.0, 61.5 if rng.random() < 0.05 else 0.1))
        tokens = rng.randrange(0, 200)
        found = desk.ask(now_s, tokens)
        if isinstance(found, Grant):
            used.append([now_s // 1 + 1, tokens])
            if rng.random() < 0.5:
                used[-1][1] = rng.choice((0, tokens // 2, tokens + 50))
                found.settle(now_s, int(used[-1][1]), 0.0)
        held = [(ends_s, amount) for ends_s, amount in used if ends_s + 60 > now_s]
        _, left = desk.usage.limits.left(desk.sized.sizes, now_s)
        assert left is not None
        assert left.left == max(0, 5000 - sum(amount for _, amount in held))
        last_s = max((ends_s for ends_s, amount in held if amount), default=None)
        assert left.reset_s == (0.0 if last_s is None else pytest.approx(last_s + 60 - now_s))
