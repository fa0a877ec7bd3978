"""Points that strike our own code while a world runs: tiny limits, extra turns of the loop, timers at odd times, and
awkward moments of users and of Python itself.

A point replaces an attribute of the product while a world runs, and puts it back afterwards. The product holds no code
for it and pays nothing. Each world has some of the points, or none, drawn from its seed; each point draws from its own
chance, and counts its strikes. A sweep is no good if one of them never struck. After FoundationDB's BUGGIFY.

Places without a point: `asyncio.timeout` reads no clock when it rings, so it must not ring early. Between the check of
a pooled connection and the request on it, or of a queue and the wait in it, our code has no await and relies on that.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import msgspec
from standby.providers.errors import ProviderError
from standby.providers.http import exchange, private_way, transport, way
from standby.providers.http.connector import Line, PooledConnector
from standby.providers.http.exchange import HttpExchange
from standby.providers.http.transport import HttpTransport
from standby.providers.provider import WireRequest
from standby.providers.secret import Secret
from standby.providers.transport import TransportOptions
from standby.router.engine import hedging as race
from standby.router.engine import held_back, pause
from standby.router.engine.attempt import Attempt
from standby.router.engine.pause import Pause
from standby.router.engine.slow_call import SlowCall
from standby.router.engine.target_attempts import TargetAttempts
from standby.router.engine.watchdog import Watchdog
from standby.router.limits.queue import Queue
from standby.router.targets import live_target as live
from standby.router.targets.keys import key_sources
from standby.simulator.virtual.loop import VirtualLoop

from .chance import Chance, Short, Swaps, Tiny
from .moments import garbage, overruled, raising_listeners, raising_logs, reloads

LATE_S = 0.005
"""Maximum delay of a late timer."""

_NONE, _EACH = 0.25, 0.3
"""Share of the worlds without any point, and share of the others that has each point."""

_SELDOM = {"tiny_pool": 0.1, "short_drain": 0.1}
"""Drawn seldom: these leave hardly a connection idle for the faults of idle ones."""


# Tiny limits


def tiny_read_buffer(chance: Chance, swaps: Swaps) -> None:
    """At most a few bytes of a body wait to be read: beyond them the connection pauses."""
    paused = Line.pause_reading

    def counted(self: Line) -> None:
        chance.strikes += 1
        paused(self)

    swaps.put(way, "READ_BUFFER_BYTES", chance.rng.choice((1, 16, 100)))
    swaps.put(Line, "pause_reading", counted)


def tiny_caches(chance: Chance, swaps: Swaps) -> None:
    """A transport remembers one address and one head, and is asked at two URLs with two heads by turns."""
    swaps.put(transport, "ADDRESSES_MAX", Tiny(1, chance))
    swaps.put(private_way, "HEADS_MAX", Tiny(1, chance))
    opened = HttpTransport.open

    async def at_another_url(self: HttpTransport, wire: WireRequest, **how: Any) -> HttpExchange:
        if chance.rng.random() < chance.share:
            wire = msgspec.structs.replace(
                wire, url=f"{wire.url}{'&' if '?' in wire.url else '?'}other", headers={**wire.headers, "X-Other": "1"}
            )
        return await opened(self, wire, **how)

    swaps.put(HttpTransport, "open", at_another_url)


def tiny_pool(chance: Chance, swaps: Swaps) -> None:
    """A target has one connection, or two; the rest wait for it."""
    size = chance.rng.choice((1, 2))
    connect = PooledConnector.connect

    async def counted(self: PooledConnector, *what: Any, **how: Any) -> Any:
        chance.strikes += self.acquired >= size
        return await connect(self, *what, **how)

    swaps.put(live, "TransportOptions", lambda **options: TransportOptions(**options | {"connections_max": size}))
    swaps.put(PooledConnector, "connect", counted)


def tiny_queues(chance: Chance, swaps: Swaps) -> None:
    """One call, or three, may wait for a place."""
    size = Tiny(chance.rng.choice((1, 3)), chance)
    swaps.put(Queue, "full", property(lambda self: size <= len(self)))


def tiny_hold(chance: Chance, swaps: Swaps) -> None:
    """At most a few characters of an answer are held."""
    swaps.put(held_back, "HOLD_MAX_CHARS", Tiny(chance.rng.choice((0, 10)), chance))


def cut_reads(chance: Chance, swaps: Swaps) -> None:
    """The bytes of one read come a few at a time."""
    size = chance.rng.choice((1, 5, 30))
    rests: dict[HttpExchange, bytes] = {}
    read, pending, interrupt = HttpExchange.read, HttpExchange.pending, HttpExchange.interrupt
    ended: property = vars(HttpExchange)["ended"]

    async def cut(self: HttpExchange) -> bytes:
        data = rests.pop(self, b"") or await read(self)
        if len(data) > size and chance.comes():
            at = chance.rng.randint(1, size)
            data, rests[self] = data[:at], data[at:]
        return data

    def interrupted(self: HttpExchange, error: ProviderError) -> None:
        if self._failure is None:
            rests.pop(self, None)
        interrupt(self, error)

    swaps.put(HttpExchange, "read", cut)
    swaps.put(HttpExchange, "pending", lambda self: self in rests or pending(self))
    swaps.put(HttpExchange, "ended", property(lambda self: self not in rests and ended.__get__(self)))
    swaps.put(HttpExchange, "interrupt", interrupted)


def short_drain(chance: Chance, swaps: Swaps) -> None:
    """The rest of a finished body has next to no time until its connection is closed."""
    swaps.put(exchange, "DRAIN_S", Short(chance.rng.choice((0.0, 0.0006)), chance))


# Turns of the loop in between


def turns_around_reads(chance: Chance, swaps: Swaps) -> None:
    """The loop turns before and after a read of a body."""
    read = HttpExchange.read

    async def slowly(self: HttpExchange) -> bytes:
        try:
            await chance.turns()
            data = await read(self)
            await chance.turns()
        except asyncio.CancelledError:
            self.close()
            raise
        return data

    swaps.put(HttpExchange, "read", slowly)


def turns_around_requests(chance: Chance, swaps: Swaps) -> None:
    """Before a request is sent, and when its response's head has come, the loop turns."""
    opened = HttpTransport.open

    async def slowly(self: HttpTransport, wire: WireRequest, **how: Any) -> HttpExchange:
        await chance.turns()
        response = await opened(self, wire, **how)
        try:
            await chance.turns()
        except asyncio.CancelledError:
            response.close()
            raise
        return response

    swaps.put(HttpTransport, "open", slowly)


def turns_in_attempts(chance: Chance, swaps: Swaps) -> None:
    """Once an attempt has its first useful delta, and before and after each later batch, the loop turns."""
    opened, following = Attempt.open, Attempt.next

    async def open_slowly(self: Attempt, *what: Any, **how: Any) -> Any:
        batch = await opened(self, *what, **how)
        await chance.turns()
        return batch

    async def next_slowly(self: Attempt, *what: Any) -> Any:
        await chance.turns()
        batch = await following(self, *what)
        await chance.turns()
        return batch

    swaps.put(Attempt, "open", open_slowly)
    swaps.put(Attempt, "next", next_slowly)


def turns_after_tries(chance: Chance, swaps: Swaps) -> None:
    """Between a try at a target, well or not, and what comes of it, the loop turns."""
    once = TargetAttempts.once

    async def slowly(self: TargetAttempts, *what: Any, **how: Any) -> Any:
        try:
            return await once(self, *what, **how)
        finally:
            await chance.turns()

    swaps.put(TargetAttempts, "once", slowly)


def turns_after_waits(chance: Chance, swaps: Swaps) -> None:
    """When a wait is over, the loop turns before the call goes on."""
    until = Pause.until

    async def slowly(self: Pause, *what: Any) -> None:
        await until(self, *what)
        await chance.turns()

    swaps.put(Pause, "until", slowly)


def fetched_keys(chance: Chance, swaps: Swaps) -> None:
    """Every key comes from a callback, in which the loop turns."""
    fetchers: dict[str, object] = {}  # a reload finds the same

    async def fetch(key: str) -> str:
        await chance.turns()
        return key

    def fetched(*what: Any) -> tuple[object, ...]:
        keys = [key.reveal() for key in key_sources(*what) if isinstance(key, Secret)]
        return tuple(fetchers.setdefault(key, partial(fetch, key)) for key in keys)

    swaps.put(live, "key_sources", fetched)


# Timers at odd times


def _rings(
    chance: Chance, swaps: Swaps, whose: Callable[..., object], moved_s: Callable[[float, float], float]
) -> None:
    """Move the timers that call this.

    Args:
        moved_s: When a timer rings instead, of now and of its time.
    """
    call_at = VirtualLoop.call_at

    def moved(self: VirtualLoop, when: float, callback: Any, *given: Any, **how: Any) -> asyncio.TimerHandle:
        now_s = self.time()
        if getattr(callback, "__func__", callback) is whose and when > now_s and chance.comes():
            when = moved_s(now_s, when)
        return call_at(self, when, callback, *given, **how)

    swaps.put(VirtualLoop, "call_at", moved)


def _early(chance: Chance, swaps: Swaps, whose: Callable[..., object]) -> None:
    _rings(chance, swaps, whose, lambda now_s, when_s: now_s + (when_s - now_s) * chance.rng.random())


def _late(chance: Chance, swaps: Swaps, whose: Callable[..., object]) -> None:
    _rings(chance, swaps, whose, lambda _, when_s: when_s + LATE_S * chance.rng.random())


def early_clocks(chance: Chance, swaps: Swaps) -> None:
    """The timer of all attempts' clocks rings before its time."""
    _early(chance, swaps, Watchdog._ring)


def late_clocks(chance: Chance, swaps: Swaps) -> None:
    """It rings some milliseconds late."""
    _late(chance, swaps, Watchdog._ring)


def early_slow_clocks(chance: Chance, swaps: Swaps) -> None:
    """The timer that tells a slow call rings before its time."""
    _early(chance, swaps, SlowCall._ring)


def early_pauses(chance: Chance, swaps: Swaps) -> None:
    """The timer of a back-off, or of a wait for a target, rings before its time."""
    _early(chance, swaps, pause._ring)


def late_pauses(chance: Chance, swaps: Swaps) -> None:
    """It rings some milliseconds late."""
    _late(chance, swaps, pause._ring)


def early_holds(chance: Chance, swaps: Swaps) -> None:
    """A read with an end in time comes back empty before it."""
    read_until = HttpExchange.read_until

    async def early(self: HttpExchange, until_s: float) -> bytes | None:
        now_s = asyncio.get_running_loop().time()
        if until_s > now_s and chance.comes():
            until_s = now_s + (until_s - now_s) * chance.rng.random()
        return await read_until(self, until_s)

    swaps.put(HttpExchange, "read_until", early)


def early_hedges(chance: Chance, swaps: Swaps) -> None:
    """The wait for a hedge ends before its time."""

    async def wait(tasks: Any, *, timeout: float | None = None, **how: Any) -> Any:
        if timeout and chance.comes():
            timeout *= chance.rng.random()
        return await asyncio.wait(tasks, timeout=timeout, **how)

    swaps.put(race, "asyncio", SimpleNamespace(**{**vars(asyncio), "wait": wait}))


POINTS: dict[str, Callable[[Chance, Swaps], None]] = {
    point.__name__: point
    for point in (
        tiny_read_buffer, tiny_caches, tiny_pool, tiny_queues, tiny_hold, cut_reads, short_drain,
        turns_around_reads, turns_around_requests, turns_in_attempts, turns_after_tries, turns_after_waits,
        fetched_keys, early_clocks, late_clocks, early_slow_clocks, early_pauses, late_pauses, early_holds,
        early_hedges, overruled, reloads, garbage, raising_logs, raising_listeners,
    )
}  # fmt: skip
"""All of them. Each is told its chance, and puts what it needs."""

SAFETY_ONLY = frozenset(("overruled", "tiny_pool"))
"""What a person, or a limit of our own, keeps from answering, need not end well."""


class Points:
    """The points of one world.

    Args:
        only: These and no others, instead of those that are drawn.
    """

    def __init__(self, seed: str, *, safety: bool, only: Container[str] | None = None) -> None:
        rng = random.Random(f"points-{seed}")  # noqa: S311 - chance, not cryptography
        if only is None:
            drawn = [name for name in POINTS if rng.random() < _SELDOM.get(name, _EACH)]
            only = [name for name in drawn if safety or name not in SAFETY_ONLY] if rng.random() >= _NONE else ()
        self._chances = {name: Chance(f"{name}-{seed}") for name in POINTS if name in only}

    def __contains__(self, name: str) -> bool:
        """Is it one of this world's?"""
        return name in self._chances

    @property
    def late_s(self) -> float:
        """So much too late a timer of ours may ring."""
        return LATE_S if self._chances.keys() & {"late_clocks", "late_pauses"} else 0.0

    @contextmanager
    def active(self) -> Iterator[None]:
        """While it holds, they strike."""
        with Swaps() as swaps:
            for name, chance in self._chances.items():
                POINTS[name](chance, swaps)
            yield

    def counted(self) -> Counter[str]:
        """How often each has struck."""
        return Counter({name: chance.strikes for name, chance in self._chances.items() if chance.strikes})
