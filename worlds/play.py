"""One simulated world, played from its beginning to its end, in virtual time.

The real Router, with its real transport, serves callers that read, collect, break off, are cancelled, or are slow;
`invariants` checks what reaches them. In `safety` mode the faults go on throughout; in `liveness` mode one target heals
after a while and stays well, and every call that begins later must succeed; in `poisoned` mode all targets are well,
but one request fails at each of them, and every other call must be answered.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast
from unittest import mock

from standby.providers.http import transport
from standby.router.router import Router
from standby.simulator.scenario.script import Scenario
from standby.simulator.server import Simulator
from standby.simulator.virtual.loop import GoesRound, StandsStill, VirtualLoop, perform
from standby.simulator.virtual.network import RESOLVER_GIVES_UP_S, Network

from .callers import Caller, Departures
from .draw import CANARY_KEY, CANARY_PROMPT, Mode
from .health_invariants import STEP_MAX_BYTES, log_watched, steps_watched
from .invariants import Monitors
from .wire_faults import SwarmWeather
from .world import STREAMS, World

HEALED_AFTER_S = 8.0

Http: TypeAlias = Literal["private", "public"]
"""The two ways to use aiohttp."""


@dataclass
class Played:
    """What one world came to.

    Attributes:
        violations: What must not be, in words that name the call.
        slow_steps: Steps that took this machine too long; a violation where they do so again.
        faults: How many streams each fault struck.
        faulty: How many streams were struck by any.
        edges: How often each way of going on, and of ending, was taken.
        points: How often each point of our own code was struck.
        trace: The digest of all that happened.
    """

    seed: int
    streams: int
    violations: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    faulty: int = 0
    edges: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    trace: str = ""
    slow_steps: list[str] = field(default_factory=list)


def run(
    seed: int,
    *,
    mode: Mode = "safety",
    streams: int = STREAMS,
    points: Container[str] | None = None,
    http: Http = "private",
) -> Played:
    """Play one world.

    Args:
        points: At which points our own code is struck, instead of those that are drawn.
        http: The way that the transport takes: by aiohttp's insides, or by what aiohttp documents.
    """
    try:
        with public_way() if http == "public" else nullcontext():
            return perform(play(World(seed, mode=mode, streams=streams, points=points)))
    except (GoesRound, StandsStill) as stuck:
        return Played(seed, streams, [f"I10 seed {mode} {seed}: {stuck}"])


@contextmanager
def public_way() -> Iterator[None]:
    """Let every transport take the public way of aiohttp, as on a release that was never tested."""
    with (
        mock.patch.object(transport, "obstacle", return_value="a world wants it"),
        mock.patch.object(transport, "tell"),
    ):
        yield


async def play(world: World) -> Played:
    """Play a world in the loop that runs, which must be a virtual one."""
    with world.points.active():
        return await _Play(world).whole()


class _Play:
    """A world, and the network, the router and the monitors of its one performance."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.loop = cast(VirtualLoop, asyncio.get_running_loop())
        self.simulator = Simulator({name: Scenario(world.script, world.dialects[name]) for name in world.names})
        self.weather = SwarmWeather(world.rng, world.kinds, world.share * 0.5, world.strikes)
        self.network = self.loop.network = Network(self.loop, self.weather)
        self.departures = Departures(self.loop)
        self.network.on_arrival = self.departures.arrived

    async def whole(self) -> Played:
        world, simulator, network = self.world, self.simulator, self.network
        await simulator.start(listen=False)
        for name in world.names:
            network.serve(f"{name}.sim", simulator.protocol)
        config = world.config()
        if "tiny_pool" in world.points:
            world.lined_up.update(world.names)
        chance = random.Random(world.seed)  # noqa: S311 - chance, not cryptography
        router = Router(config, rng=chance, wall=self.loop.wall_s)
        monitors = Monitors(world, simulator, network, router)
        self.loop.set_exception_handler(monitors.unhandled)
        secrets = {CANARY_KEY[:14]: "I44", CANARY_PROMPT: "I45"}
        # Where the loop turns behind a read, it need not turn again before the next.
        step_bytes = STEP_MAX_BYTES * (2 if "turns_around_reads" in world.points else 1)
        with (
            log_watched(secrets, monitors.blame),
            steps_watched(self.loop, monitors.blame, monitors.took_long, step_bytes),
        ):
            async with router:
                await self._calls(router, monitors)
                trace = network.trace()  # the order in which a closing pool closes its connections matters to nothing
        await asyncio.sleep(0.1)
        monitors.closed()
        await simulator.aclose()
        world.strikes.settle(world.told, simulator.exchanges)
        faults, faulty = world.strikes.counted(), world.strikes.faulty()
        points = world.points.counted()
        return Played(
            world.seed,
            world.streams,
            monitors.violations,
            faults,
            faulty,
            monitors.edges,
            points,
            trace,
            monitors.slow_steps,
        )

    async def _calls(self, router: Router, monitors: Monitors) -> None:
        """Let all callers call, and wait until all is over."""
        world = self.world
        troubles = asyncio.ensure_future(self._troubles())
        callers = []
        for number in range(world.streams):
            await asyncio.sleep(world.rng.expovariate(world.calls_per_s))
            if world.core is not None and world.healed_s is None and self.loop.time() >= HEALED_AFTER_S:
                self._heal(world.core)
            caller = Caller(world, self.departures, router, number)
            world.strikes.running.add(number)
            callers.append(self.loop.create_task(caller.go(monitors), name=f"caller {number}"))
        await asyncio.gather(*callers)
        troubles.cancel()
        await asyncio.wait([troubles])
        await asyncio.sleep(1.0)
        monitors.settled()

    def _heal(self, core: str) -> None:
        """From now on nothing befalls the core. Calls that begin once old lookups have ended must all end well."""
        host = f"{core}.sim"
        self.weather.spare(host)
        self.network.cut_off(host)
        self.world.healed = True
        self.world.healed_s = self.loop.time() + RESOLVER_GIVES_UP_S + 1.0

    async def _troubles(self) -> None:
        """What befalls the process itself."""
        world, rng = self.world, self.world.rng
        while True:
            await asyncio.sleep(rng.expovariate(0.25))
            if "process_stall" in world.kinds and rng.random() < 0.5:
                world.strikes.strike_all("process_stall")
                lasts_s = rng.choice((0.1, 2.0, 30.0))
                world.stalled_s += lasts_s
                self.loop.stall(lasts_s)
            if "wall_jump" in world.kinds and rng.random() < 0.5:
                world.strikes.strike_all("wall_jump")
                self.loop.wall_skew_s += rng.choice((-3600.0, 3600.0))
