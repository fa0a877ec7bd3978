"""Leaving a stream early, in any phase and in any way, closes the upstream socket at once, and asks no other target."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from standby.config import Limits, Retry

from playing import Playing, live_of, until
from standby import Config, ErrorKind, Route, RoutedStream, Router, Target, TextDelta
from standby.testing import At, Failure, LeaveOut, Script, Stall

WITHIN_S = 0.05
TEXT = "One two three four."
ENDLESS_S = 600.0


@dataclass
class Watched:
    """A call under way, and what was delivered of it."""

    simulator: Playing
    router: Router
    stream: RoutedStream
    texts: list[str] = field(default_factory=list)

    async def read(self, until_text: int | None = None) -> None:
        """Read on, in the one task that owns the stream; break off after so many deltas."""
        async with self.stream:
            async for event in self.stream:
                if isinstance(event, TextDelta):
                    self.texts.append(event.text)
                    if len(self.texts) == until_text:
                        break

    @property
    def connections(self) -> int:
        return live_of(self.router, "lead").transport.open_connections

    def failed(self) -> bool:
        attempts = self.stream.report.attempts
        return bool(attempts) and attempts[-1].outcome == "failed"


@dataclass(frozen=True)
class Phase:
    """Where a call stands when it is left.

    Attributes:
        reached: Is the call there?
        plays: What the target does; nothing: the connection is never taken.
        deltas: How many are delivered by then.
        asked_before: The target was asked before, and refused.
    """

    reached: Callable[[Watched], bool]
    plays: tuple[Any, ...] = ()
    deltas: int = 0
    asked_before: bool = False


PHASES: dict[str, Phase] = {
    "connecting": Phase(lambda seen: seen.connections == 1),
    "before the head": Phase(lambda seen: bool(seen.simulator.exchanges), (Script(TEXT, (Stall(At.head()),)),)),
    "before the first delta": Phase(
        lambda seen: seen.stream.report.attempts[0].headers_s is not None, (Script(TEXT, (Stall(At.delta(0)),)),)
    ),
    "between deltas": Phase(lambda seen: len(seen.texts) == 2, (Script(TEXT, (Stall(At.delta(2)),)),), deltas=2),
    "in the tail": Phase(
        lambda seen: len(seen.texts) == 4,
        (Script(TEXT, (LeaveOut(("usage", "marker")), Stall(At.end())), events_per_write=100),),
        deltas=4,
    ),
}
"""Phases with an upstream socket."""

WAITS: dict[str, Phase] = {
    "in back-off": Phase(Watched.failed, (Failure(ErrorKind.SERVER_ERROR), TEXT)),
    "waiting for a hint": Phase(Watched.failed, (Failure(ErrorKind.RATE_LIMITED, retry_after_s=2), TEXT)),
    "waiting for a park": Phase(
        lambda seen: bool(seen.stream.report.skipped),
        (Failure(ErrorKind.RATE_LIMITED, retry_after_s=30), TEXT),
        asked_before=True,
    ),
}
"""Phases in which no target is being asked."""


async def _cancelled(task: asyncio.Task[None], _: Watched) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def _closed(task: asyncio.Task[None], seen: Watched) -> None:
    await seen.stream.aclose()
    await task


Way = Callable[[asyncio.Task[None], Watched], Awaitable[None]]
WAYS: dict[str, Way] = {"the task is cancelled": _cancelled, "another task closes the stream": _closed}


class Longest(random.Random):
    """Draws the longest back-off."""

    def uniform(self, a: float, b: float) -> float:
        return b


def watched(simulator: Playing, phase: Phase) -> Watched:
    if phase.plays:
        simulator.play("lead", *phase.plays)
    url = simulator.base_url("lead") if phase.plays else simulator.black_hole_url()
    config = Config(
        targets={"lead": Target("openai", model="m", name="lead", key="k", base_url=url)},
        routes={"r": Route(("lead",), mid_stream=("replay", "restart"), deadline_s=ENDLESS_S)},
        limits=Limits(
            connect_s=ENDLESS_S, first_delta_s=ENDLESS_S, stall_s=ENDLESS_S, tail_s=ENDLESS_S, reserve_s=0.001
        ),
        retry=Retry(backoff_s=ENDLESS_S / 2, backoff_max_s=ENDLESS_S / 2),
    )
    router = Router(config, rng=Longest())
    router.enter()
    return Watched(simulator, router, router.stream("Hello?", route="r"))


async def assert_left(seen: Watched, left_s: float) -> None:
    """The socket is closed within the time, as the other side saw it, and nothing is held any more."""
    if seen.simulator.exchanges:
        [exchange] = seen.simulator.exchanges
        await asyncio.wait_for(exchange.left.wait(), 1)
        assert exchange.ended_s is not None
        assert exchange.ended_s - left_s < WITHIN_S
    else:
        await until(lambda: seen.connections == 0)
        assert seen.simulator.now_s() - left_s < WITHIN_S
    transport = live_of(seen.router, "lead").transport
    assert (transport.open_exchanges, transport.open_connections) == (0, 0)
    assert seen.stream.report.outcome == "cancelled"
    assert [attempt.outcome for attempt in seen.stream.report.attempts] == ["cancelled"]
    await seen.router.aclose()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PHASES)
async def test_leaving_closes_the_socket(simulator: Playing, name: str, way: str) -> None:
    phase = PHASES[name]
    seen = watched(simulator, phase)
    reader = asyncio.create_task(seen.read())
    await until(lambda: seen.stream.report.attempts and phase.reached(seen))
    await asyncio.sleep(0)
    left_s = simulator.now_s()
    await WAYS[way](reader, seen)
    await assert_left(seen, left_s)
    assert len(seen.texts) == phase.deltas


@pytest.mark.parametrize("name", PHASES)
async def test_the_consumers_own_timeout_closes_the_socket(simulator: Playing, name: str) -> None:
    seen = watched(simulator, PHASES[name])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1) as limit:
            await seen.read()
    left_s = limit.when()
    assert left_s is not None
    await assert_left(seen, left_s - asyncio.get_running_loop().time() + simulator.now_s())
    assert len(seen.texts) == PHASES[name].deltas


@pytest.mark.parametrize("name", [name for name, phase in PHASES.items() if phase.deltas])
async def test_a_break_closes_the_socket(simulator: Playing, name: str) -> None:
    seen = watched(simulator, PHASES[name])
    await seen.read(until_text=PHASES[name].deltas)
    await assert_left(seen, simulator.now_s())


@pytest.mark.parametrize("name", [name for name, phase in PHASES.items() if phase.deltas])
async def test_an_error_of_the_consumer_closes_the_socket(simulator: Playing, name: str) -> None:
    seen = watched(simulator, PHASES[name])
    with pytest.raises(KeyError, match="mine"):
        async with seen.stream:
            async for event in seen.stream:
                if isinstance(event, TextDelta):
                    raise KeyError("mine")
    await assert_left(seen, simulator.now_s())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", WAITS)
async def test_leaving_ends_a_wait_and_no_target_is_asked_any_more(simulator: Playing, name: str, way: str) -> None:
    phase = WAITS[name]
    seen = watched(simulator, phase)
    if phase.asked_before:
        with pytest.raises(ExceptionGroup):
            await seen.router.complete("Hello?", route="r", deadline_s=1)
    reader = asyncio.create_task(seen.read())
    await until(lambda: phase.reached(seen))
    await asyncio.sleep(0)
    left_s = simulator.now_s()
    await WAYS[way](reader, seen)
    assert simulator.now_s() - left_s < WITHIN_S
    assert seen.stream.report.outcome == "cancelled"
    assert len(simulator.exchanges) == 1
    await seen.router.aclose()
