"""A drill: a route of the user's own configuration under a scenario of outages, in virtual time, with the real Router.

It sends nothing: the simulator plays every target in its own dialect, over a network in memory. The result is what a
caller would have seen: the calls answered, their times, the answering targets, and the health of each target over time.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from ...config.errors import ConfigError
from ...config.model import Config
from ...config.problems import did_you_mean
from ...config.route import Route
from ...config.target import Target
from ...providers import registry
from ...providers.errors import ErrorKind
from ...providers.events import Usage
from ...router.result.errors import CallFailed
from ...router.router import Router
from ..dialects import DIALECTS
from ..scenario.reply import Answer, Failure
from ..scenario.request import Request
from ..scenario.script import Scenario, Script
from ..server import Simulator
from ..virtual.loop import VirtualLoop, perform
from ..virtual.network import Network
from .result import Drilled, DrillResult, Stretch, Tried, summed_up
from .words import Latency, Spell

SOUND = Latency()
"""The latency of a healthy target without one of its own."""

SLOWER = 10.0
"""Factor on the time to the first word of a slow target."""

RATE_LIMIT_HINT_S = 10.0
USAGE = Usage(input_tokens=500, output_tokens=200)
"""Tokens of every answer, for costs and for limits on tokens: the few words that are really sent tell nothing."""

LOOKS = 600
"""Number of looks at the health of the targets in a drill."""

CALLS_MAX = 1_000_000


def drill(
    config: Config,
    spells: Sequence[Spell] = (),
    *,
    latencies: Mapping[str, Latency] | None = None,
    route: str | None = None,
    rate: float = 10.0,
    for_s: float = 60.0,
    seed: int = 0,
) -> DrillResult:
    """Play a route under a scenario.

    Args:
        latencies: Time to the first word, by the target's name; the others have `SOUND`.
        rate: Calls a second, at random instants.
        for_s: Duration in virtual seconds.

    Raises:
        ConfigError: A spell or a latency names no target of the route, a spell begins too late, or a target's dialect
            cannot be played.
    """
    if not 0.5 <= rate * for_s <= CALLS_MAX:
        raise ConfigError(f"a drill has between one call and {CALLS_MAX}; rate times duration is {rate * for_s:g}")
    for spell in spells:
        if spell.from_s >= for_s:
            raise ConfigError(
                f"the outage of {spell.target} begins at {spell.from_s:g} s, but the drill ends at {for_s:g} s"
            )
    play = _Drill(config, config.spelled_out(config.route(route)), spells, latencies or {}, rate, for_s, seed)
    return perform(play.play())


def targets_of(config: Config, route: Route) -> tuple[str, ...]:
    """The names of all targets that a route may ask, the best first."""
    listed: list[str | Target] = []
    route = config.spelled_out(route)
    for entry in (*route.targets, *route.on.values()):
        listed += [entry] if isinstance(entry, str | Target) else entry
    return tuple(dict.fromkeys(config.target(each).label for each in listed))


def unknown_target(name: str, targets: Sequence[str]) -> str:
    """The message for a name that is not a target of the route."""
    meant = did_you_mean(name, targets)
    return f"the route has no target {name!r}; it has {', '.join(targets)}" + (f"; {meant}" if meant else "")


class _Drill:
    def __init__(
        self,
        config: Config,
        route: Route,
        spells: Sequence[Spell],
        latencies: Mapping[str, Latency],
        rate: float,
        for_s: float,
        seed: int,
    ) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - chance, not cryptography
        self._rate, self._for_s = rate, for_s
        names = targets_of(config, route)
        for name in (*(spell.target for spell in spells), *latencies):
            if name not in names:
                raise ConfigError(unknown_target(name, names))
        hosts = {name: f"t{number}" for number, name in enumerate(names)}

        def stand_in(reference: str | Target) -> Target:
            target = config.target(reference)
            return _simulated(target, hosts[target.label])

        targets = tuple(
            stand_in(entry) if isinstance(entry, str | Target) else tuple(stand_in(each) for each in entry)
            for entry in route.targets
        )
        on = {kind: tuple(stand_in(each) for each in tier) for kind, tier in route.on.items()}
        self._config = replace(config, targets={}, routes={"drill": replace(route, targets=targets, on=on)})
        self._label = {host: name for name, host in hosts.items()}
        self._dialect: dict[str, str] = {}
        for entry in (*targets, *on.values()):
            for target in (entry,) if isinstance(entry, Target) else entry:
                self._dialect[hosts[target.label]] = _dialect_of(target)
        self._spells = {host: [spell for spell in spells if spell.target == name] for name, host in hosts.items()}
        self._latency = {host: latencies.get(name, SOUND) for name, host in hosts.items()}
        self._asked = dict.fromkeys(names, 0)
        self._drilled: list[Drilled] = []
        self._stretches: dict[str, list[Stretch]] = {name: [] for name in names}
        self._began_s = 0.0

    async def play(self) -> DrillResult:
        loop = cast(VirtualLoop, asyncio.get_running_loop())
        simulator = Simulator({host: Scenario(self._script, self._dialect[host]) for host in self._label})
        await simulator.start(listen=False)
        network = loop.network = Network(loop)
        for host in self._label:
            network.serve(f"{host}.sim", simulator.protocol)
        chance = random.Random(self._rng.random())  # noqa: S311 - chance, not cryptography
        async with Router(self._config, rng=chance, wall=loop.wall_s) as router:
            self._began_s = loop.time()
            watching = loop.create_task(self._watch(router))
            calls = []
            instants = sorted(self._rng.uniform(0, self._for_s) for _ in range(max(1, round(self._rate * self._for_s))))
            for at_s in instants:
                await asyncio.sleep(max(0.0, at_s - self._now_s()))
                calls.append(loop.create_task(self._call(router)))
            await asyncio.gather(*calls)
            watching.cancel()
            await asyncio.wait([watching])
        await simulator.aclose()
        health = [stretch for stretches in self._stretches.values() for stretch in stretches]
        return summed_up(self._drilled, self._asked, health, self._for_s)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    def _script(self, request: Request) -> Script:
        host = request.provider
        self._asked[self._label[host]] += 1
        now_s = self._now_s()
        first_s = self._latency[host].drawn_s(self._rng)
        for spell in self._spells[host]:
            if spell.from_s <= now_s < spell.until_s:
                match spell.trouble:
                    case "fail":
                        return Script(Failure(ErrorKind.SERVER_ERROR, status=503))
                    case "rate_limit":
                        return Script(Failure(ErrorKind.RATE_LIMITED, retry_after_s=RATE_LIMIT_HINT_S))
                    case "slow":
                        first_s *= SLOWER
        # Few writes, for a long drill is many calls: one for the head, one for all events, none for an end of chunks.
        answer = Answer("Drilled.", usage=USAGE)
        return Script(answer, head_delay_s=first_s, events_per_write=1000, framing="content_length")

    async def _call(self, router: Router) -> None:
        began_s = self._now_s()
        kind: str | None = None
        async with router.stream("A drill.") as stream:
            try:
                async for _ in stream:
                    pass
            except CallFailed as failed:
                kind = failed.kind.value
            report = stream.report
        served_by = report.target if kind is None else None
        tried = [Tried(each.target, began_s + each.began_s, each.outcome, each.cost) for each in report.attempts]
        self._drilled.append(Drilled(began_s, served_by, report.first_delta_s, tried, kind))

    async def _watch(self, router: Router) -> None:
        """Look at the health of every target again and again. A state lasts until another one is seen."""
        loop = asyncio.get_running_loop()
        shared = router._entered()
        while (now_s := self._now_s()) < self._for_s:
            for live in shared.generation.all_live():
                stretches = self._stretches[live.label]
                state = live.health.state(loop.time())
                if not stretches or stretches[-1].state != state:
                    if stretches:
                        stretches[-1].until_s = now_s
                    stretches.append(Stretch(live.label, state, now_s, self._for_s))
            await asyncio.sleep(self._for_s / LOOKS)


def _dialect_of(target: Target) -> str:
    dialect = registry.get(target.provider).info.dialect
    if dialect not in DIALECTS:
        raise ConfigError(f"target {target.label}: the simulator does not speak {dialect}")
    return dialect


def _simulated(target: Target, host: str) -> Target:
    """The same target, played by the simulator: it keeps its time limits and model, and loses its key and network."""
    return replace(
        target,
        name=target.label,
        key="simulated",
        keys=(),
        key_file=None,
        base_url=f"http://{host}.sim/{host}",
        proxy=None,
        connector=None,
        trust_env=False,
        ca_file=None,
        client_cert=None,
        model=target.model or registry.get(target.provider).info.default_model,
    )
