"""The callers of a simulated world: they read to the end, collect, break off, stall, are cancelled, or left.

A caller hands its result to the monitors, and judges nothing itself.
"""

import asyncio
import warnings
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec
from standby.router.router import Router

from .draw import CANARY_PROMPT, POISON
from .records import TEMPERS, Heard, Temper
from .struck import CALL
from .world import World

IN_A_TURN = 0.7
"""Share of the cancelled and left callers that go at an exact turn of the loop after bytes have come for them."""

SLOW_EVENTS = 20
"""Maximum events that a slow caller reads slowly: an answer of a thousand would take an hour."""

TURNS = 8
"""Turns of the loop after which all effects of an arrival of bytes are over."""


class CallersOwnError(Exception):
    """Raised by a caller within its own loop: it must come out unchanged."""


class Listener(Protocol):
    def over(self, heard: Heard) -> None: ...


class Leaving(msgspec.Struct):
    """A caller that goes away after bytes have come for its call.

    Attributes:
        arrivals: Number of arrivals still to come before it goes.
        turns: Number of turns of the loop after the last arrival.
        where: Whether the turns count from before these bytes are handed on, or from after.
        leave: Makes the caller go.
    """

    arrivals: int
    turns: int
    where: Literal["before", "behind"]
    leave: Callable[[], None]


class Departures:
    """The callers to go away, with the arrival of bytes and the turn, by the number of the call."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._leaving: dict[int, Leaving] = {}

    def add(self, call: int, leaving: Leaving) -> None:
        self._leaving[call] = leaving

    def arrived(self, where: Literal["before", "behind"]) -> None:
        """Count an arrival of bytes for the call that runs now."""
        call = CALL.get()
        leaving = None if call is None else self._leaving.get(call)
        if call is None or leaving is None or leaving.where != where:
            return
        leaving.arrivals -= 1
        if leaving.arrivals == 0:
            del self._leaving[call]
            self._turn(leaving.turns, leaving.leave)

    def _turn(self, turns: int, leave: Callable[[], None]) -> None:
        if turns:
            self._loop.call_soon(self._turn, turns - 1, leave)
        else:
            leave()


class Caller:
    """One call, as it is made."""

    def __init__(self, world: World, departures: Departures, router: Router, number: int) -> None:
        rng = world.rng
        self._router, self._number = router, number
        self._departures, self._poisoner = departures, world.poisoner
        self._poisoned = world.is_poisoned(number)
        self._prompt = f"{POISON} {CANARY_PROMPT}" if self._poisoned else f"#{number} {CANARY_PROMPT}"
        self._temper: Temper = "reads" if world.core is not None else rng.choice(TEMPERS)
        if world.core is not None and rng.random() < 0.3:
            self._temper = "collects"
        self._after = rng.randrange(1, 8)
        self._after_s = rng.choice((0.0, 0.001, rng.uniform(0, 0.2), rng.uniform(0, 4)))
        self._slow_s = rng.choice((0.1, 3.0))
        self._turns = rng.randrange(TURNS) if rng.random() < IN_A_TURN else None
        self._where: Literal["before", "behind"] = rng.choice(("before", "behind"))

    async def go(self, listener: Listener) -> None:
        if not self._poisoned:
            return await self._go(listener)
        async with self._poisoner:  # one user repeats one request
            return await self._go(listener)

    async def _go(self, listener: Listener) -> None:
        loop = asyncio.get_running_loop()
        heard = Heard(self._number, self._temper, loop.time(), poisoned=self._poisoned)
        CALL.set(None if self._poisoned else self._number)
        task = loop.create_task(self._listen(heard), name=f"call {self._number}")
        if self._temper == "is_cancelled":
            await self._cancel(task, heard)
        await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        if task.cancelled():
            heard.left = True
        else:
            heard.error = error
        heard.ended_s = loop.time()
        listener.over(heard)
        heard.error = None

    async def _cancel(self, task: "asyncio.Task[None]", heard: Heard) -> None:
        """Cancel the call after some time; or in one turn of the loop, if bytes ever come for it."""

        def cancel() -> None:
            if not task.done():
                heard.left, heard.turn = True, self._turns
                task.cancel()

        if self._turns is not None:
            self._departures.add(self._number, Leaving(self._after, self._turns, self._where, cancel))
            return
        await asyncio.wait([task], timeout=self._after_s)
        heard.left = not task.done()
        task.cancel()

    async def _listen(self, heard: Heard) -> None:
        router, temper = self._router, self._temper
        if temper == "collects":
            answer = await router.complete(self._prompt)
            heard.pieces, heard.report, heard.finished = [answer.text], answer.report, True
            heard.events += 1
            return
        aside: asyncio.TimerHandle | None = None
        closing: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        async with router.stream(self._prompt) as stream:
            heard.report = stream.report

            async def leave() -> None:
                heard.left = stream.report.outcome == "running"
                heard.turn = self._turns if heard.left else None
                await stream.aclose()

            def leave_from_aside() -> None:
                closing.append(loop.create_task(leave()))

            if temper == "is_left" and self._turns is not None:
                self._departures.add(self._number, Leaving(self._after, self._turns, self._where, leave_from_aside))
            elif temper == "is_left":
                aside = loop.call_later(self._after_s, leave_from_aside)
            try:
                if temper == "reads_text":
                    async for text in stream.text():
                        heard.pieces[-1] += text
                        heard.events += 1
                    heard.finished = True
                    return
                async for event in stream:
                    heard.hear(event)
                    if temper == "breaks_off" and heard.events >= self._after:
                        break
                    if temper == "raises" and heard.events >= self._after:
                        heard.left = True
                        raise CallersOwnError
                    if temper == "is_slow" and heard.events <= SLOW_EVENTS:
                        await asyncio.sleep(self._slow_s)
                if temper == "breaks_off" and not heard.finished:
                    heard.left = True
            finally:
                if aside is not None:
                    aside.cancel()
                if closing:
                    with warnings.catch_warnings():
                        await asyncio.wait(closing)
