"""The state that all calls of a Router share: its loop, the records of its targets, and the waiting calls."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from typing import Literal

from ...config.model import Config
from ...providers import prices
from ...providers.http.idle import Ways
from ...providers.transport import TransportFactory
from ...providers.wall_clock import WALL_CLOCK, WallClock
from ..health.snapshot import HealthChanged
from ..limits.ledger import Ledger
from ..limits.retry_budget import TokenBudget
from ..notices.alerts import Alerts
from ..notices.log import CallLog
from ..notices.observers import AttemptEnded, CallEnded, NoticeCounts, Observer, Observers
from ..result.report import AttemptReport, Report
from ..targets.call_targets import KEPT_S
from ..targets.generation import Generation, OpenCall, hedge_ratio
from ..targets.live_target import LiveTarget
from ..targets.memory import HELD_MAX, Memory
from ..targets.record import Identity, TargetRecord
from ..targets.target_transport import close_all
from .watchdog import Watchdog

_ABOVE_64_BITS = 1 << 64


class Shared:
    """One Router's state, made when it is entered.

    Args:
        on_health_change: Called in the loop after each change of a target's health. One that raises is counted, and
            reported once in the log.
        wall: The calendar of the budgets, and of dates in hints.
        counts: Where is counted what could not be told.
        transport: Makes the transport of each target; None: it is the standard one.

    Attributes:
        generation: What new calls are served by.
        wall: The calendar.
        closed: The Router is closed, or about to be: there are no new calls.
        watch: Looks after the clocks of all attempts.
        waiting: Calls that wait for a target to return, each with the instants of its beginning and of its deadline;
            all are woken when the health of any target changes.
    """

    def __init__(
        self,
        config: Config,
        loop: asyncio.AbstractEventLoop,
        rng: random.Random,
        observers: Sequence[Observer] = (),
        on_health_change: Sequence[Callable[[HealthChanged], None]] = (),
        wall: WallClock = WALL_CLOCK,
        counts: NoticeCounts | None = None,
        transport: TransportFactory | None = None,
    ) -> None:
        from . import retrying  # noqa: F401 - tenacity is loaded now: not with the package, and not on a failure

        prices.load_for(t.provider for t in config.all_targets() if t.price is None)  # for the same reason
        self.loop = loop
        self.closed = False
        self.watch = Watchdog(loop)
        self.rng = rng
        self.process = os.getpid()
        self._ids = random.Random()  # noqa: S311 - a name for people, and no secret
        self.waiting: dict[asyncio.Future[None], tuple[float, float]] = {}
        self._counts = NoticeCounts() if counts is None else counts
        self.log = CallLog(loop, self._counts)
        self._alerts = Alerts()
        self.observers = Observers(observers, self.log.observer_raised, self._counts)
        self._on_health_change = on_health_change
        self._memory = Memory(self._record)
        self._ways, self._transport = Ways(), transport
        self._tidying: asyncio.TimerHandle | None = None
        self._hedge_budgets: dict[object, TokenBudget] = {}
        self.wall = wall
        self._ledgers: dict[object, Ledger] = {}
        self._retired: dict[Generation, None] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.generation = self._generation(1, config)

    @property
    def forked(self) -> bool:
        """Is this a copy, in a process that was forked from the one that entered the Router?"""
        return os.getpid() != self.process

    def call_id(self) -> str:
        """An id for a call: sixteen digits."""
        return hex(self._ids.getrandbits(64) | _ABOVE_64_BITS)[3:]  # to format it would take four times as long

    def swap(self, config: Config) -> None:
        """Serve new calls by this configuration from now on; the old generation closes with its last call."""
        if self.closed:
            return
        old = self.generation
        self.generation = self._generation(old.number + 1, config)
        self.generation.inherit(old)
        for older in (old, *self._retired):
            self.generation.resize(older)
        self._memory.follow(config)
        self._follow_routes()
        old.retired = True
        self._retired[old] = None
        if not old.calls:
            self._close(old)

    def call_began(self, call: OpenCall, generation: Generation, brought: Iterable[LiveTarget]) -> None:
        """A call is open from now on.

        Args:
            brought: Its own targets.
        """
        generation.calls[call] = None
        for live in brought:
            generation.brought.begun(live)
        if generation.retired:  # since the call was made
            self._retired[generation] = None

    def call_ended(self, call: OpenCall, report: Report, generation: Generation, brought: Iterable[LiveTarget]) -> None:
        """A call is over."""
        if generation.calls.pop(call, self) is None:
            for live in brought:
                generation.brought.ended(live, self.loop.time())
        if generation.retired and not generation.calls and not self.closed:
            self._close(generation)
        self.log.call_ended(report)
        if self.observers.present:
            self.observers.tell(CallEnded(report))

    def attempt_ended(self, report: Report, attempt: AttemptReport) -> None:
        """One attempt of a call is over."""
        if attempt.alert and self._alerts.tell(attempt, self.loop.time()):
            self.log.alert(attempt)
        if self.observers.present:
            self.observers.tell(AttemptEnded(report.call_id, report.route, copy(attempt)))

    def health_changed(self, change: HealthChanged) -> None:
        """Let all calls that wait for a return look again, and tell of it.

        They come back to a sound target in the order of their coming. Of one that is still left alone the first to look
        becomes the probe: that is the call with the most time left. One that is about to end would be cut before it
        had an answer, and so would the next one, for as long as calls keep coming.
        """
        sound, waiting = change.now == "closed", self.waiting
        for wake in sorted(waiting, key=lambda wake: waiting[wake][0] if sound else -waiting[wake][1]):
            if not wake.done():
                wake.set_result(None)
        self.log.health_changed(change)
        for listener in tuple(self._on_health_change):
            raised = ""
            try:
                listener(change)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it may raise anything, and harm no call
                raised = type(error).__name__
            if raised:  # told after the exception is gone: loggers add the one that is being handled
                self._counts.listeners_raised += 1
                if self._counts.listeners_raised == 1:
                    self.log.observer_raised(raised)

    def close(self) -> None:
        """End every call and close every connection, as far as nothing has to be waited for. Idempotent."""
        self.closed = True
        for generation in self._all_generations():
            generation.close()
        self.watch.close()
        if self._tidying is not None:
            self._tidying.cancel()

    async def aclose(self) -> None:
        """Close, wait until the sockets are gone, and let the observers have what waits for them.

        Idempotent. One that is cancelled leaves no connection open; the next one waits for what is left.
        """
        self.close()
        try:
            await close_all(generation.aclose for generation in self._all_generations())
        finally:
            if self._closing:
                await asyncio.wait(self._closing)
            if self.observers.present:
                await self._close_observers()

    async def _close_observers(self) -> None:
        try:
            closing = self.loop.run_in_executor(None, self.observers.close)
        except RuntimeError:  # the interpreter ends and gives no thread: then they are waited for here
            self.observers.close()
        else:
            await closing

    def _record(self, identity: Identity) -> TargetRecord:
        return TargetRecord(self.generation.config, self.rng, self.health_changed, identity.keys, self.wall)

    def _ledger(self, route: object) -> Ledger:
        ledger = self._ledgers.get(route)
        if ledger is None:
            ledger = self._ledgers[route] = Ledger(self.wall)
        return ledger

    def ledgers(self) -> Iterator[tuple[Literal["target", "route"], str, Ledger]]:
        """What is spent on each target and each route that has a budget, by its name."""
        named: Counter[str] = Counter()
        for live in self.generation.all_live():
            if live.target.budget_day is not None or live.target.budget_month is not None:
                named[live.label] += 1
                again = f" ({named[live.label]})" if named[live.label] > 1 else ""
                yield "target", live.label + again, live.ledger
        for name, route in self.generation.config.routes.items():
            if route.budget_day is not None or route.budget_month is not None:
                yield "route", name, self._ledger(name)

    def _generation(self, number: int, config: Config) -> Generation:
        return Generation(
            number,
            config,
            self._memory,
            self.loop.time,
            self._hedge_budgets,
            ledger_of=self._ledger,
            on_brought=self._tidy_later,
            on_closing=self._close_behind,
            ways=self._ways,
            transport=self._transport,
        )

    def _follow_routes(self) -> None:
        """Forget routes that there are no more, but for what was spent on them: they may come back."""
        routes = self.generation.config.routes
        for name, budget in tuple(self._hedge_budgets.items()):
            if isinstance(name, str) and name in routes:
                budget.follow(hedge_ratio(routes[name]))
            else:
                del self._hedge_budgets[name]  # a new one begins with nothing saved
        for name in [name for name, ledger in self._ledgers.items() if name not in routes and not ledger.holds()]:
            del self._ledgers[name]
        gone = [name for name in self._ledgers if name not in routes]
        for name in gone[: max(0, len(gone) - HELD_MAX)]:
            del self._ledgers[name]

    def _tidy_later(self) -> None:
        if self._tidying is None and not self.closed:
            self._tidying = self.loop.call_later(KEPT_S, self._tidy)

    def _tidy(self) -> None:
        """Forget what was brought along and not used for too long, and what does not matter any more."""
        self._tidying, now_s = None, self.loop.time()
        for generation in self._all_generations():
            generation.brought.sweep(now_s)
        if self._memory.sweep(now_s) or any(len(generation.brought) for generation in self._all_generations()):
            self._tidy_later()

    def _all_generations(self) -> tuple[Generation, ...]:
        return (*self._retired, self.generation)

    def _close(self, generation: Generation) -> None:
        self._retired.pop(generation, None)
        generation.close()
        generation.over()
        self._tidy_later()
        self._close_behind(generation)

    def _close_behind(self, given_up: Generation | LiveTarget) -> None:
        """Wait for what is given up in a task of its own; `aclose` waits for that."""
        task = self.loop.create_task(given_up.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
