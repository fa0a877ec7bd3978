"""Budgets survive a restart: of keys, targets and routes, shared among workers."""

from typing import NamedTuple

from standby.config import Price
from standby.gateway.spending import Spending
from standby.router.limits.ledger import Budgets, Ledger
from standby.router.router import ledgers

from standby import Config, Route, Router, Target

NOON_S = 20_000 * 86_400.0 + 43_200


class Book(NamedTuple):
    """A state file in memory."""

    before: dict[tuple[str, str], tuple[float, float]]
    written: list[tuple[str, str, float]]

    def spent(self, scope: str, name: str) -> tuple[float, float]:
        return self.before.get((scope, name), (0.0, 0.0))

    def spend(self, scope: str, name: str, usd: float) -> None:
        self.written.append((scope, name, usd))


def ledger() -> Ledger:
    return Ledger(lambda: NOON_S)


def test_what_was_spent_before_counts_once_and_is_not_written_again() -> None:
    book = Book({("key", "app"): (2.0, 5.0)}, [])
    spending, purse = Spending(book), ledger()
    for _ in range(3):
        spending.follow("key", "app", purse)
    assert (purse.spent_day, purse.spent_month) == (2.0, 5.0)
    spending.collect()
    assert book.written == []
    refusal = purse.refusal(Budgets(day=2.5), 1.0, 0.0)
    assert refusal is not None
    purse.reserve(1.0).settle(0.5)
    spending.collect()
    spending.collect()
    purse.reserve(1.0).settle(0.25)
    spending.collect()
    assert book.written == [("key", "app", 0.5), ("key", "app", 0.25)]


def test_each_of_several_workers_carries_its_part() -> None:
    purse = ledger()
    Spending(Book({("key", "app"): (3.0, 6.0)}, []), workers=3).follow("key", "app", purse)
    assert (purse.spent_day, purse.spent_month) == (1.0, 2.0)


def test_a_ledger_in_place_of_another_loses_nothing_and_counts_nothing_twice() -> None:
    book = Book({("route", "chat"): (1.0, 1.0)}, [])
    spending, old, new = Spending(book), ledger(), ledger()
    spending.follow("route", "chat", old)
    old.reserve(1.0).settle(0.5)
    spending.follow("route", "chat", new)
    new.reserve(1.0).settle(0.125)
    spending.collect()
    assert book.written == [("route", "chat", 0.5), ("route", "chat", 0.125)]


def test_money_spent_over_midnight_is_written_though_the_day_begins_anew() -> None:
    wall_s = NOON_S
    book, purse = Book({}, []), Ledger(lambda: wall_s)
    spending = Spending(book)
    spending.follow("key", "app", purse)
    purse.reserve(1.0).settle(0.5)
    wall_s += 86_400
    purse.reserve(1.0).settle(0.25)
    spending.collect()
    assert (purse.spent_day, purse.spent_month, purse.total) == (0.25, 0.75, 0.75)
    assert book.written == [("key", "app", 0.75)]


async def test_a_router_names_the_ledgers_of_what_has_a_budget() -> None:
    price = Price(input=1, output=1)
    targets = {
        "a": Target("koala", name="a", price=price, budget_day=5),
        "b": Target("koala", name="plain"),
        "c": Target("koala", name="a", base_url="https://other.example", price=price, budget_month=5),
    }
    config = Config(targets=targets, routes={"chat": Route(("a", "b", "c"), budget_month=1), "free": Route(("b",))})
    async with Router(config) as router:
        found = ledgers(router)
        assert [(scope, name) for scope, name, _ in found] == [
            ("target", "a"), ("target", "a (2)"), ("route", "chat"),
        ]  # fmt: skip
        assert [each for *_, each in ledgers(router)] == [each for *_, each in found]
        book = Book({("target", "a"): (1.5, 2.5)}, [])
        spending = Spending(book)
        for scope, name, purse in found:
            spending.follow(scope, name, purse)
        assert [(purse.spent_day, purse.spent_month) for *_, purse in found] == [(1.5, 2.5), (0.0, 0.0), (0.0, 0.0)]
