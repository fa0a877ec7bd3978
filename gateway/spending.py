"""Budgets survive a restart: what the ledgers have counted is written down, and counted again by the next process.

With several workers each carries an equal part of what all have spent, as it has an equal part of each budget.
"""

from typing import Protocol

from ..router.limits.ledger import Ledger


class Spent(Protocol):
    """The part of the state file that knows of money."""

    def spent(self, scope: str, name: str) -> tuple[float, float]:
        """What was spent within the day and the month."""
        ...

    def spend(self, scope: str, name: str, usd: float) -> None:
        """So much more was spent today."""
        ...


class Spending:
    """Follows ledgers.

    Args:
        state: Where it is written down.
        workers: How many processes share the budgets.
    """

    def __init__(self, state: Spent, workers: int = 1) -> None:
        self._state, self._workers = state, workers
        self._followed: dict[tuple[str, str], tuple[Ledger, float]] = {}  # with what is written down

    def follow(self, scope: str, name: str, ledger: Ledger) -> None:
        """Tell a ledger what was spent before, once, and write down what it counts from now on."""
        key = scope, name
        known = self._followed.get(key)
        if known is not None and known[0] is ledger:
            return
        if known is None:
            day, month = self._state.spent(scope, name)
            ledger.carry_over(day / self._workers, month / self._workers)
        else:
            self._collect(key)
        self._followed[key] = ledger, ledger.total

    def collect(self) -> None:
        """Write down what was spent since the last time."""
        for key in self._followed:
            self._collect(key)

    def _collect(self, key: tuple[str, str]) -> None:
        ledger, written = self._followed[key]
        total = ledger.total
        if total != written:
            self._state.spend(*key, total - written)
            self._followed[key] = ledger, total
