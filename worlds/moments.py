"""Injected at awkward moments: isolation by hand, a reload, a collection of garbage, an error of the application."""

import asyncio
import gc
import logging
from typing import Any

from standby.router import router as routers
from standby.router.engine.attempt import Attempt
from standby.router.router import Router
from standby.simulator.virtual.loop import VirtualLoop

from .chance import Chance, Swaps
from .health_invariants import LogListener

_RAISED: tuple[Exception, ...] = (
    BrokenPipeError("the reader of the log is gone"), RuntimeError("it is closed"), RecursionError("too deep"),
    UnicodeEncodeError("ascii", "\xe9", 0, 1, "ordinal not in range(128)"),
)  # fmt: skip
"""Errors that a log handler or a listener of the application may raise."""


def overruled(chance: Chance, swaps: Swaps) -> None:
    """While a target is being asked, it is isolated by hand for a moment, or restored."""
    opened = Attempt.open

    def overrule(attempt: Attempt) -> None:
        if chance.comes(0.1):
            health, now_s = attempt.live.health, attempt.loop.time()
            if chance.rng.random() < 0.5:
                health.restore(now_s)
            else:
                health.isolate(now_s, chance.rng.choice((0.1, 2.0)))

    async def asked(self: Attempt, *what: Any, **how: Any) -> Any:
        overrule(self)
        try:
            return await opened(self, *what, **how)
        finally:
            overrule(self)

    swaps.put(Attempt, "open", asked)


def reloads(chance: Chance, swaps: Swaps) -> None:
    """Before a call begins, the configuration is taken up anew."""
    begin = routers.begin_call

    def after_a_reload(router: Router, *what: Any, **how: Any) -> Any:
        if chance.comes(0.1):
            router.swap(router.config)
        return begin(router, *what, **how)

    swaps.put(routers, "begin_call", after_a_reload)


def garbage(chance: Chance, swaps: Swaps) -> None:
    """Python collects garbage at any time: a task held only by its own wait would vanish."""
    call_at = VirtualLoop.call_at
    gc.freeze()  # or each time all that has been imported would be looked through, too
    swaps.callback(gc.unfreeze)

    def collected(self: VirtualLoop, *what: Any, **how: Any) -> asyncio.TimerHandle:
        if chance.comes(0.002):
            gc.collect()
        return call_at(self, *what, **how)

    swaps.put(VirtualLoop, "call_at", collected)


def raising_logs(chance: Chance, swaps: Swaps) -> None:
    """A handler of the application's log raises whatever it likes."""
    emit = LogListener.emit

    def raising(self: LogListener, record: logging.LogRecord) -> None:
        emit(self, record)
        if chance.comes():
            raise chance.rng.choice(_RAISED)

    swaps.put(LogListener, "emit", raising)


def raising_listeners(chance: Chance, swaps: Swaps) -> None:
    """A listener to changes of health raises any error."""
    enter = Router.__aenter__

    def raising(_: object) -> None:
        if chance.comes():
            raise chance.rng.choice(_RAISED)

    async def listened(self: Router) -> Router:
        self.on_health_change.insert(0, raising)
        return await enter(self)

    swaps.put(Router, "__aenter__", listened)
