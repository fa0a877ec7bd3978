"""The money spent, in USD: by the day and the month of the UTC calendar, reserved before a call, settled after it.

A budget is the one thing in the router that follows the calendar, so a wall clock is handed in here, and read for
nothing but the end of the day and of the month. What is spent is remembered for as long as the Router lives; a program
that lives longer writes it down (`total`), and tells the next one (`carry_over`).
"""

from datetime import UTC, datetime
from typing import NamedTuple

from ...providers.errors import ErrorKind
from ...providers.wall_clock import WALL_CLOCK, WallClock
from .limiter import Limited
from .queue import QUEUE_MAX, Queue, Ticket

_DAY_S = 86_400.0


class Budgets(NamedTuple):
    """The most that may be spent, in USD; None: not bounded."""

    day: float | None = None
    month: float | None = None


class Purse(NamedTuple):
    """What is paid from: where it is written down, and how much there is."""

    ledger: "Ledger"
    budgets: Budgets


class Reservation:
    """Money set aside for one attempt. Settled exactly once; doing it again does nothing."""

    __slots__ = ("_ledger", "_open", "cost")

    def __init__(self, ledger: "Ledger", cost: float) -> None:
        self._ledger, self.cost = ledger, cost
        self._open = True

    def settle(self, cost: float) -> None:
        """The attempt has cost this much."""
        if self._open:
            self._open = False
            self._ledger._settled(self.cost, cost)


class Ledger:
    """What was spent on one target, or one route.

    Attributes:
        wall: The calendar.
        reserved: Set aside for attempts that are under way.
        spent_day, spent_month: Settled within the present day and month.
        total: Settled since it was made, whatever the calendar says.
    """

    __slots__ = (
        "_day_ends_s", "_month_ends_s", "_reservations", "queue", "reserved", "spent_day", "spent_month", "total",
        "wall",
    )  # fmt: skip

    def __init__(self, wall: WallClock = WALL_CLOCK) -> None:
        self.wall = wall
        self._day_ends_s = self._month_ends_s = 0.0
        self._reservations = 0
        self.queue = Queue()
        self.reserved = self.spent_day = self.spent_month = self.total = 0.0

    def refusal(self, budgets: Budgets, cost: float, now_s: float, ticket: Ticket | None = None) -> Limited | None:
        """Why a call that may cost this much may not go now; None when it may.

        Args:
            now_s: The clock that `until_s` is on.
            ticket: Its place in the queue, if it waits already.
        """
        wall_s = self._turned()
        for name, budget, spent, ends_s in (
            ("day", budgets.day, self.spent_day, self._day_ends_s),
            ("month", budgets.month, self.spent_month, self._month_ends_s),
        ):
            if budget is None or spent + self.reserved + cost <= budget:
                continue
            if spent + cost > budget:
                detail = f"{spent:.4g} of {budget:.4g} USD a {name} are spent, and it may cost {cost:.2g}"
                return Limited("budget", detail, now_s + ends_s - wall_s, ErrorKind.BUDGET)
            detail = f"the rest of {budget:.4g} USD a {name} is set aside for calls in flight"
            return Limited("budget", detail, None, queue=None if self.queue.full and ticket is None else self.queue)
        queue = self.queue
        if not queue or queue.first is ticket:
            return None
        if ticket is None and queue.full:
            return Limited("budget", f"{QUEUE_MAX} wait for its budget already", None, ErrorKind.BUDGET)
        return Limited("budget", f"{len(queue)} wait for its budget already", None, queue=queue)

    def holds(self) -> bool:
        """Was anything spent within the present day or month, or is set aside?"""
        self._turned()
        return bool(self.spent_day or self.spent_month or self._reservations)

    def spent(self) -> tuple[float, float]:
        """What was settled within the present day, and the present month."""
        self._turned()
        return self.spent_day, self.spent_month

    def carry_over(self, day: float, month: float) -> None:
        """So much was spent before within the present day and month, by a process that is gone."""
        self._turned()
        self.spent_day += day
        self.spent_month += month

    def reserve(self, cost: float) -> Reservation:
        """Reserve an amount."""
        self._turned()
        self._reservations += 1
        self.reserved += cost
        return Reservation(self, cost)

    def _settled(self, reserved: float, cost: float) -> None:
        self._reservations -= 1
        self.reserved = self.reserved - reserved if self._reservations else 0.0  # no rounding outlives its causes
        self._turned()
        self.spent_day += cost
        self.spent_month += cost
        self.total += cost
        self.queue.wake_first()

    def _turned(self) -> float:
        """Turn the page when a day or a month is over. The wall clock, in seconds."""
        wall_s = self.wall()
        if wall_s >= self._day_ends_s:
            self._day_ends_s = (wall_s // _DAY_S + 1) * _DAY_S
            self.spent_day = 0.0
            if wall_s >= self._month_ends_s:
                day = datetime.fromtimestamp(wall_s, UTC)
                year, month = divmod(day.year * 12 + day.month, 12)
                self._month_ends_s = datetime(year, month + 1, 1, tzinfo=UTC).timestamp()
                self.spent_month = 0.0
        return wall_s
