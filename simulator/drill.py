"""A drill: a route of the user's own configuration under a scenario of outages, in virtual time, with the real Router.

Nobody outside is asked: every target is played by the simulator in its own dialect, over a network in memory. What
comes out is what the caller would have seen: how many calls were answered, how soon, by whom, and how the targets'
health went.
"""

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, cast

import msgspec

from ..config.model import Config, ConfigError, Route, Target
from ..providers import registry
from ..providers.errors import ErrorKind
from ..router.errors import CallFailed
from ..router.router import Router
from .dialects import DIALECTS
from .network import Network
from .reply import Answer, Failure
from .request import Request
from .script import Scenario, Script
from .server import Simulator
from .virtual import VirtualLoop, perform

Trouble = Literal["fail", "slow", "rate_limit"]

FIRST_DELTA_S = 0.4
"""The median time to the first word of a sound target; one in twenty takes twice as long."""

SLOWER = 10.0
"""So much longer takes a slow one."""

RATE_LIMIT_HINT_S = 10.0
LOOKS_EVERY_S = 0.5
CALLS_MAX = 1_000_000


class Spell(msgspec.Struct, frozen=True):
    """What is wrong with one target, and from when to when, in seconds since the drill began."""

    target: str
    trouble: Trouble
    from_s: float = 0.0
    until_s: float = math.inf


class Stretch(msgspec.Struct):
    """How a target's health stood, and from when to when."""

    target: str
    state: str
    from_s: float
    until_s: float


class Drilled(msgspec.Struct):
    """What one call of a drill came to.

    Attributes:
        served_by: Who answered; None: nobody.
        first_delta_s: When its first useful delta came, from its beginning.
    """

    began_s: float
    served_by: str | None
    first_delta_s: float | None
    attempts: int
    kind: str | None = None


class DrillResult(msgspec.Struct):
    """What a drill came to.

    Attributes:
        availability: The share of calls that were answered.
        first_delta_s: Percentiles of the time to the first useful delta of the answered calls, `p50`, `p95`, `p99`.
        served: How many calls each target answered.
        asked: How many requests each target got.
        retries: Attempts beyond the first of their calls.
        failures: How many calls ended without an answer, by kind.
        health: How each target stood over time.
        cost: What it would have cost, in US dollars, as far as prices are known.
    """

    calls: int
    answered: int
    availability: float
    first_delta_s: dict[str, float]
    served: dict[str, int]
    asked: dict[str, int]
    retries: int
    failures: dict[str, int]
    health: list[Stretch]
    cost: float | None
    for_s: float
    drilled: list[Drilled]

    def to_dict(self) -> dict[str, object]:
        """Everything but the single calls, as plain JSON types."""
        plain: dict[str, object] = msgspec.to_builtins(self)
        del plain["drilled"]
        return plain


def drill(
    config: Config,
    spells: Sequence[Spell] = (),
    *,
    route: str | None = None,
    rate: float = 10.0,
    for_s: float = 60.0,
    seed: int = 0,
) -> DrillResult:
    """Play a route under a scenario.

    Args:
        rate: Calls a second, drawn evenly at random.
        for_s: How long, in virtual seconds.

    Raises:
        ConfigError: A spell names no target of the route, or a target's dialect cannot be played.
    """
    if not 0 < rate * for_s <= CALLS_MAX:
        raise ConfigError(f"a drill has between one call and {CALLS_MAX}; rate times duration is {rate * for_s:g}")
    return perform(_Drill(config, config.route(route), spells, rate, for_s, seed).play())


class _Drill:
    def __init__(
        self, config: Config, route: Route, spells: Sequence[Spell], rate: float, for_s: float, seed: int
    ) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - chance, not cryptography
        self._rate, self._for_s = rate, for_s
        played: dict[str, tuple[str, Target]] = {}

        def stand_in(reference: str | Target) -> Target:
            target = config.target(reference)
            found = played.get(target.label)
            if found is None:
                host = f"t{len(played)}"
                dialect = registry.get(target.provider).info.dialect
                if dialect not in DIALECTS:
                    raise ConfigError(f"target {target.label}: the simulator does not speak {dialect}")
                found = played[target.label] = (host, _simulated(target, host))
            return found[1]

        targets = tuple(
            stand_in(entry) if isinstance(entry, str | Target) else tuple(stand_in(each) for each in entry)
            for entry in route.targets
        )
        on = {kind: tuple(stand_in(each) for each in tier) for kind, tier in route.on.items()}
        self._config = replace(config, targets={}, routes={"drill": replace(route, targets=targets, on=on)})
        self._label = {host: label for label, (host, _) in played.items()}
        self._dialect = {host: registry.get(target.provider).info.dialect for host, target in played.values()}
        for spell in spells:
            if spell.target not in played:
                raise ConfigError(f"the route has no target {spell.target!r}; it has {', '.join(played)}")
        self._spells = {
            host: [spell for spell in spells if spell.target == label] for host, label in self._label.items()
        }
        self._asked = dict.fromkeys(played, 0)
        self._drilled: list[Drilled] = []
        self._stretches: dict[str, list[Stretch]] = {label: [] for label in played}
        self._retries = 0
        self._cost: float | None = None

    async def play(self) -> DrillResult:
        loop = cast(VirtualLoop, asyncio.get_running_loop())
        simulator = Simulator({host: Scenario(self._script, self._dialect[host]) for host in self._label})
        await simulator.start(listen=False)
        network = loop.network = Network(loop)
        for host in self._label:
            network.serve(f"{host}.sim", simulator.protocol)
        async with Router(self._config, rng=random.Random(self._rng.random())) as router:  # noqa: S311
            watching = loop.create_task(self._watch(router))
            calls = []
            began_s = loop.time()
            instants = sorted(self._rng.uniform(0, self._for_s) for _ in range(max(1, round(self._rate * self._for_s))))
            for at_s in instants:
                await asyncio.sleep(max(0.0, began_s + at_s - loop.time()))
                calls.append(loop.create_task(self._call(router)))
            await asyncio.gather(*calls)
            watching.cancel()
            await asyncio.wait([watching])
        await simulator.aclose()
        return self._result()

    def _script(self, request: Request) -> Script:
        host = request.provider
        self._asked[self._label[host]] += 1
        now_s = asyncio.get_running_loop().time()
        first_s = FIRST_DELTA_S * self._rng.lognormvariate(0.0, 0.42)
        for spell in self._spells[host]:
            if spell.from_s <= now_s < spell.until_s:
                match spell.trouble:
                    case "fail":
                        return Script(Failure(ErrorKind.SERVER_ERROR, status=503))
                    case "rate_limit":
                        return Script(Failure(ErrorKind.RATE_LIMITED, retry_after_s=RATE_LIMIT_HINT_S))
                    case "slow":
                        first_s *= SLOWER
        return Script(Answer("Drilled."), head_delay_s=first_s, events_per_write=1000)

    async def _call(self, router: Router) -> None:
        began_s = asyncio.get_running_loop().time()
        kind: str | None = None
        async with router.stream("A drill.") as stream:
            try:
                async for _ in stream:
                    pass
            except CallFailed as failed:
                kind = failed.kind.value
            report = stream.report
        served_by = report.target if kind is None else None
        self._drilled.append(Drilled(began_s, served_by, report.first_delta_s, len(report.attempts), kind))
        self._retries += max(0, len(report.attempts) - 1)
        if report.cost is not None:
            self._cost = (self._cost or 0.0) + report.cost

    async def _watch(self, router: Router) -> None:
        """Look at everybody's health, over and over."""
        loop = asyncio.get_running_loop()
        shared = router._entered()
        while True:
            for live in shared.generation.all_live():
                now_s, stretches = loop.time(), self._stretches[live.label]
                state = live.health.state(now_s)
                if stretches and stretches[-1].state == state:
                    stretches[-1].until_s = now_s
                else:
                    stretches.append(Stretch(live.label, state, now_s, now_s))
            await asyncio.sleep(LOOKS_EVERY_S)

    def _result(self) -> DrillResult:
        drilled = self._drilled
        soon = sorted(each.first_delta_s for each in drilled if each.kind is None and each.first_delta_s is not None)
        failures: dict[str, int] = {}
        for each in drilled:
            if each.kind is not None:
                failures[each.kind] = failures.get(each.kind, 0) + 1
        answered = sum(each.kind is None for each in drilled)
        return DrillResult(
            calls=len(drilled),
            answered=answered,
            availability=answered / len(drilled),
            first_delta_s={f"p{p}": soon[min(len(soon) - 1, len(soon) * p // 100)] for p in (50, 95, 99) if soon},
            served={label: sum(each.served_by == label for each in drilled) for label in self._asked},
            asked=self._asked,
            retries=self._retries,
            failures=failures,
            health=[stretch for stretches in self._stretches.values() for stretch in stretches],
            cost=self._cost,
            for_s=self._for_s,
            drilled=drilled,
        )


def _simulated(target: Target, host: str) -> Target:
    """The same target, played by the simulator: its clocks and model stay, its ways out do not."""
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
