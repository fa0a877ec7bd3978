"""One world of the simulation: what `drill_draw` has drawn for it, played by providers and by callers of every temper.

The real Router, with its real transport, is asked by callers who read, collect, break off, are cancelled, or are slow;
`drill_monitors` watches what reaches them. In `safety` mode the faults go on throughout; in `liveness` mode one target
is healed after a while and spared from then on, and every call that begins later must end well; in `poisoned` mode all
targets are well, but one request fails at each of them, and every other call must be answered.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field
from typing import cast

import msgspec

from ..router.router import Router
from .drill_callers import POISON, Caller, Departures
from .drill_draw import CANARY_KEY, SURFACED, Draw, Mode
from .drill_monitors import Monitors
from .drill_points import Points
from .drill_strikes import CALL, ON_IDLE, Strikes
from .drill_texts import as_heard, cut, text_of, went_on
from .drill_watchers import STEP_MAX_BYTES, log_watched, steps_watched
from .faults_script import SCRIPT_FAULTS, Cast, ScriptFault
from .faults_wire import SwarmWeather
from .network import RESOLVER_GIVES_UP_S, Network
from .reply import Answer, Failure
from .request import Request
from .script import Scenario, Script
from .server import Simulator
from .virtual import VirtualLoop, perform

ENDS_ALL_THE_SAME = ("kept_open", "short_body")
"""Something goes wrong behind the dialect's end marker, which has proven that the answer is whole. Koala has none."""

UNASKED = ("late_answer", "late_garbage")
"""Bytes that nobody asked for."""

STREAMS = 70
CANARY_PROMPT = "canaryprompt-9f3b"
HEALED_AFTER_S = 8.0


@dataclass
class Played:
    """What one world came to.

    Attributes:
        violations: What must not be, in words that name the call.
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


class Told(msgspec.Struct):
    """What a provider was to say to one request, kept to be held against what arrived.

    Attributes:
        call: The number of the call that asked.
        text: All of its text, as it is heard.
        sound: Its own end is told, so that it may count as whole. Nothing at all is the end of an answer that is gone
            on with: that its provider has nothing to add must be believed.
    """

    call: int
    provider: str
    number: int
    text: str
    fault: str | None
    sound: bool


class World(Draw):
    """A seed, and what comes of it.

    Args:
        points: At which points our own code is struck, instead of those that are drawn.
    """

    def __init__(
        self, seed: int, *, mode: Mode = "safety", streams: int = STREAMS, points: Container[str] | None = None
    ) -> None:
        super().__init__(seed, mode)
        self.streams = streams
        self.points = Points(f"{mode}-{seed}", safety=mode == "safety", only=points)
        self.poisoner = asyncio.Lock()
        self.told: list[Told] = []
        self.strikes = Strikes()
        self.drawn: Counter[str] = Counter()
        self._wholes: dict[int, str] = {}
        self.healed = False
        self.healed_s: float | None = None
        self.stalled_s = 0.0

    # What the providers say

    def script(self, request: Request) -> Script:
        """What a provider does with a request: the answer, or the answer spoilt."""
        rng = self.rng
        name, dialect = request.provider, self.dialects[request.provider]
        if any(POISON in text for _, text in request.reading.messages):
            return self._poisoned(dialect, stream=request.reading.stream)
        call, left, goes_on = self._what_to_say(request, dialect)
        CALL.set(call)
        answer = Answer(cut(left, rng))
        spared = name == self.core and self.healed
        fault = None
        if answer.text and not spared and rng.random() < self.share:
            known = [kind for kind in self.kinds if kind in SCRIPT_FAULTS]
            known = [kind for kind in known if request.reading.stream or not SCRIPT_FAULTS[kind].streams_only]
            if name in self.lined_up:  # nobody can tell an answer from what is under way when the next request is sent
                known = [kind for kind in known if kind not in UNASKED]
            if "down_slice" in self.kinds or "cut_reads" in self.points:
                known = [kind for kind in known if not SCRIPT_FAULTS[kind].large]
            if "cut_reads" in self.points:  # a few bytes at a time, without a turn: no bound is meant for that
                known = [kind for kind in known if kind != "inflating"]
            fault = self._drawn(known) if known else None
        pace_s = rng.choice((0.0, 0.01, 0.05))
        script = Script(answer) if fault is None else fault.spoil(Cast(answer, dialect, request.reading.stream, rng))
        script = msgspec.structs.replace(
            script, delta_delay_s=pace_s, head_delay_s=rng.choice((0.0, 0.02)),
            keep_alive=script.keep_alive and (fault is not None or rng.random() < 0.7),
        )  # fmt: skip
        empty = fault is not None and fault.name == "empty"
        ends = fault is not None and fault.name in ENDS_ALL_THE_SAME and dialect != "koala"
        sound = fault is None or fault.harmless or ends or (empty and goes_on)
        text = "" if empty else as_heard(left)
        self.told.append(Told(call, name, request.number, text, fault.name if fault else None, sound))
        return script

    def _poisoned(self, dialect: str, *, stream: bool) -> Script:
        """What the poisoned request gets. What lies between events is a server's error where none are asked for."""
        CALL.set(None)
        fault = SCRIPT_FAULTS[self.poison]
        if fault.streams_only and not stream:
            fault = SCRIPT_FAULTS["server_error"]
        script = fault.spoil(Cast(Answer("lost"), dialect, stream, self.rng))
        if isinstance(script.reply, Failure):  # without a hint: one would park its target, whoever asked
            return msgspec.structs.replace(script, reply=msgspec.structs.replace(script.reply, retry_after_s=None))
        return script

    def _drawn(self, known: list[str]) -> ScriptFault:
        """One of these faults, rather one that has seldom been drawn: many compete, and some need a stream."""
        weights = [_weight(kind) / (1 + self.drawn[kind]) ** 2 for kind in known]
        (kind,) = self.rng.choices(known, weights)
        self.drawn[kind] += 1
        return SCRIPT_FAULTS[kind]

    def _what_to_say(self, request: Request, dialect: str) -> tuple[int, str, bool]:
        """The call that asks, what is left of it to be said, and whether an answer is gone on with."""
        messages = request.reading.messages
        asked = next(text for role, text in messages if CANARY_PROMPT in text)
        call = int(asked.split("#")[1].split()[0])
        said = next((text for role, text in reversed(messages) if role == "assistant"), "")
        if not self.common:
            return call, text_of(f"c{call}_{request.provider}_{request.number}", self.texts), bool(said)
        text, prefilled = self._text(call), request.reading.prefilled
        begins_anew = prefilled and (dialect == "mistral" or request.provider in self.forgetful)
        if not said or begins_anew or not self.whole(call).startswith(said):
            return call, text, bool(said)
        rest = text[len(said) :]
        return call, rest if prefilled else went_on(said, rest, self.rng), True

    def whole(self, call: int) -> str:
        """What everybody would answer to a call, in a world where all would say the same, as it is heard."""
        whole = self._wholes.get(call)
        if whole is None:
            whole = self._wholes[call] = as_heard(self._text(call))
        return whole

    def _text(self, call: int) -> str:
        return text_of(f"c{call}_all", self.texts)

    # The play

    async def play(self) -> Played:
        with self.points.active():
            return await self._play()

    async def _play(self) -> Played:
        loop = cast(VirtualLoop, asyncio.get_running_loop())
        simulator = Simulator({name: Scenario(self.script, self.dialects[name]) for name in self.names})
        await simulator.start(listen=False)
        weather = SwarmWeather(self.rng, self.kinds, self.share * 0.5, self.strikes)
        network = Network(loop, weather)
        loop.network = network
        self.departures = Departures(loop)
        network.on_arrival = self.departures.arrived
        for name in self.names:
            network.serve(f"{name}.sim", simulator.protocol)
        config = self.config()
        if "tiny_pool" in self.points:
            self.lined_up.update(self.names)
        router = Router(config, rng=random.Random(self.seed))  # noqa: S311 - chance, not cryptography
        monitors = Monitors(self, simulator, network, router)
        loop.set_exception_handler(monitors.unhandled)
        secrets = {CANARY_KEY[:14]: "I44", CANARY_PROMPT: "I45"}
        # Where the loop turns behind a read, it need not turn again before the next.
        step_bytes = STEP_MAX_BYTES * (2 if "turns_around_reads" in self.points else 1)
        with log_watched(secrets, monitors.blame), steps_watched(loop, monitors.blame, step_bytes):
            async with router:
                await self._calls(router, monitors, weather, network)
                trace = network.trace()  # in what order a closing pool closes its connections is nobody's concern
        await asyncio.sleep(0.1)
        monitors.closed()
        await simulator.aclose()
        self.strikes.settle(self.told, simulator.exchanges)
        faults, faulty = self.strikes.counted(), self.strikes.faulty()
        points = self.points.counted()
        return Played(self.seed, self.streams, monitors.violations, faults, faulty, monitors.edges, points, trace)

    async def _calls(self, router: Router, monitors: Monitors, weather: SwarmWeather, network: Network) -> None:
        """Let everybody call, and wait until all is over."""
        loop = cast(VirtualLoop, asyncio.get_running_loop())
        troubles = asyncio.ensure_future(self._troubles(loop))
        callers = []
        for number in range(self.streams):
            await asyncio.sleep(self.rng.expovariate(self.calls_per_s))
            if self.core is not None and self.healed_s is None and loop.time() >= HEALED_AFTER_S:
                self._heal(weather, network)
            caller = Caller(self, router, number)
            self.strikes.running.add(number)
            callers.append(loop.create_task(caller.go(monitors), name=f"caller {number}"))
        await asyncio.gather(*callers)
        troubles.cancel()
        await asyncio.wait([troubles])
        await asyncio.sleep(1.0)
        monitors.settled()

    def _heal(self, weather: SwarmWeather, network: Network) -> None:
        """From now on nothing befalls the core. Calls that begin once old lookups have ended must all end well."""
        host = f"{self.core}.sim"
        weather.spare(host)
        network.cut_off(host)
        self.healed = True
        self.healed_s = asyncio.get_running_loop().time() + RESOLVER_GIVES_UP_S + 1.0

    async def _troubles(self, loop: VirtualLoop) -> None:
        """What befalls the process itself."""
        rng = self.rng
        while True:
            await asyncio.sleep(rng.expovariate(0.25))
            if "process_stall" in self.kinds and rng.random() < 0.5:
                self.strikes.strike_all("process_stall")
                lasts_s = rng.choice((0.1, 2.0, 30.0))
                self.stalled_s += lasts_s
                loop.stall(lasts_s)
            if "wall_jump" in self.kinds and rng.random() < 0.5:
                self.strikes.strike_all("wall_jump")
                loop.wall_skew_s += rng.choice((-3600.0, 3600.0))


def _weight(kind: str) -> float:
    """Drawn more often is what cannot befall every request, or comes when many a caller is gone."""
    fault = SCRIPT_FAULTS[kind]
    if fault.large:
        return 58.0
    if kind == "stall_mid":
        return 11.0
    if kind in UNASKED:
        return 20.0
    if kind in ("silent", "slow_answer", "rst_mid", "pings_forever", "pings_mid", "hiccup"):
        return 7.0
    if kind in ("short_body", "malformed", "no_end", "inflating", "some_pings", *SURFACED):
        return 5.0
    return 3.0 if fault.streams_only or kind in ON_IDLE else 1.5


def run(seed: int, *, mode: Mode = "safety", streams: int = STREAMS, points: Container[str] | None = None) -> Played:
    """Play one world from its beginning to its end, in virtual time.

    Args:
        points: At which points our own code is struck, instead of those that are drawn.
    """
    return perform(World(seed, mode=mode, streams=streams, points=points).play())
