"""Ties the state file to a Router and to the door: what was spent goes both ways, and an operator's orders come in.

All of it happens beside the requests: once a second amounts are handed to the thread that writes, and orders come from
it as they are given. What was spent and ordered before is known before the first request.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from ..config.errors import ConfigError
from ..providers.wall_clock import WALL_CLOCK, WallClock
from ..router.health.snapshot import HealthSnapshot
from ..router.router import Router, ledgers
from .access import Access
from .spending import Spending
from .state import Order, State

COLLECT_EVERY_S = 1.0

_encode = msgspec.json.encode


class Keeper:
    """Keeps the state of one process. Made in the event loop, with the Router entered.

    Args:
        path: The state file.
        worker: The number of this process, among `workers` that share the file and the budgets.
        tell: Takes what an operator should know, in a sentence.

    Raises:
        StateError: The file cannot be used.
    """

    def __init__(
        self,
        router: Router,
        access: Access,
        path: Path,
        *,
        worker: int = 0,
        workers: int = 1,
        wall: WallClock = WALL_CLOCK,
        tell: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._router, self._access, self._tell, self._wall = router, access, tell, wall
        self._tells_standings = workers > 1
        self._standings: dict[str, bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._unknown: dict[str, Order] = {}
        self._told: str | None = None
        self.state = State(path, worker=worker, wall=wall, on_orders=self._came)
        self._spending = Spending(self.state, workers)
        self._config = router.config
        self._follow()
        self.obey(self.state.standing)
        self._timer = self._loop.call_later(COLLECT_EVERY_S, self._tick)

    def obey(self, orders: Iterable[Order]) -> None:
        """Do what an operator has said of targets. One that is not configured now is left alone once it is."""
        for order in orders:
            self._unknown.pop(order.target, None)
            left_s = order.left_s(self._wall())
            try:
                if order.action == "restore":
                    self._router.restore(order.target)
                elif left_s is None or left_s > 0:  # else it is over, and the target back by its own clock
                    self._router.isolate(order.target, left_s)
            except ConfigError:
                if order.action == "isolate":
                    self._unknown[order.target] = order

    def collect(self) -> None:
        """Hand over what was spent; after a reload also follow what is new."""
        if self._router.config is not self._config:
            self._config = self._router.config
            self._follow()
            self.obey(tuple(self._unknown.values()))
        self._spending.collect()
        if self._tells_standings:
            self._collect_standings()
        if (problem := self.state.problem) != self._told:
            self._told = problem
            self._tell("the state file is written again" if problem is None else f"the state file fails: {problem}")

    async def close(self) -> None:
        """Write down the rest, and let go of the file. Before the Router is closed."""
        self._timer.cancel()
        self.collect()
        await asyncio.to_thread(self.state.close)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(COLLECT_EVERY_S, self._tick)
        self.collect()

    def _collect_standings(self) -> None:
        """Hand over how targets stand, if they stand otherwise than the last time."""
        found = {each.target: _encode(standing_of(each)) for each in self._router.health()}
        if found != self._standings:
            self._standings = found
            self.state.stand(found)

    def _follow(self) -> None:
        for scope, name, ledger in ledgers(self._router):
            self._spending.follow(scope, name, ledger)
        for name, usage in self._access.usages.items():
            self._spending.follow("key", name, usage.ledger)

    def _came(self, orders: list[Order]) -> None:
        """In the thread of the state."""
        with suppress(RuntimeError):  # the loop is closed: nothing is asked any more
            self._loop.call_soon_threadsafe(self.obey, orders)


def standing_of(snapshot: HealthSnapshot) -> dict[str, object]:
    """What other processes are told of a target: of what moves on by itself, such as clocks, nothing."""
    return {
        "state": snapshot.state,
        "reason": snapshot.reason,
        "share": round(snapshot.share, 2),
        "failures": snapshot.failures,
        "failure_ratio": round(snapshot.failure_ratio, 2),
    }
