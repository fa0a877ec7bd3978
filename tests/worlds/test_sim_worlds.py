"""Simulated worlds: nothing that must hold is violated, and the same seed gives the same run. `make sim` plays more."""

import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Container
from typing import Any, cast

import pytest
from standby.simulator.scenario.faults import Afterwards, At, Delay, Stall
from standby.simulator.scenario.script import Script
from standby.simulator.server import Simulator
from standby.simulator.virtual.loop import VirtualLoop, perform
from standby.simulator.virtual.network import Network

from standby import CallFailed, Router, Target, TextDelta
from worlds.__main__ import MODES, play, sweep, untaken
from worlds.draw import Mode
from worlds.health_invariants import STEP_MAX_S
from worlds.injection import POINTS
from worlds.play import Played, run
from worlds.records import Heard, Told
from worlds.struck import Strikes
from worlds.world import STREAMS

SAFETY = range(8)
LIVENESS = range(4)
POISONED = range(4)


@pytest.mark.parametrize("seed", SAFETY)
def test_whatever_goes_wrong_every_promise_holds(seed: int) -> None:
    assert run(seed).violations == []


@pytest.mark.parametrize("seed", LIVENESS)
def test_with_one_healthy_target_every_call_ends_well(seed: int) -> None:
    assert run(seed, mode="liveness").violations == []


@pytest.mark.parametrize("seed", POISONED)
def test_a_request_that_fails_everywhere_costs_no_other_call_its_answer(seed: int) -> None:
    played = run(seed, mode="poisoned")
    assert played.violations == []
    assert sum(count for edge, count in played.edges.items() if edge.startswith("poison ")) == STREAMS // 20


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(100, 103))
def test_every_promise_holds_on_the_public_way_of_aiohttp_too(seed: int, mode: Mode) -> None:
    assert run(seed, mode=mode, http="public").violations == []


def test_a_seed_can_be_played_again() -> None:
    first, again = run(1), run(1)
    assert first.trace == again.trace
    assert first.edges == again.edges
    assert run(2).trace != first.trace


@pytest.mark.parametrize(("is_slow", "wrong"), [((True, True), True), ((True, False), False), ((False,), False)])
def test_a_step_is_too_slow_where_it_is_so_each_time(
    monkeypatch: pytest.MonkeyPatch, is_slow: tuple[bool, ...], wrong: bool
) -> None:
    """A world does the same each time; what else the machine does in between is no matter of ours."""
    plays = iter(is_slow)

    def run_on_this_machine(*args: Any, **named: Any) -> Played:
        ticks = itertools.count(step=2 * STEP_MAX_S if next(plays) else 0)
        monkeypatch.setattr("worlds.health_invariants.time.thread_time", lambda: next(ticks))
        return run(*args, **named)

    monkeypatch.setattr("worlds.__main__.run", run_on_this_machine)
    assert bool(play(1, "safety", "private").violations) is wrong
    assert next(plays, None) is None


def test_a_sweep_adds_up() -> None:
    summary = sweep(0, 2)
    assert (summary.worlds, summary.streams) == (2, 2 * STREAMS)
    assert summary.streams / 4 < summary.faulty < summary.streams
    assert untaken(summary)


@pytest.mark.parametrize(("named", "points"), [("None", None), ("POINTS", POINTS)], ids=["drawn", "every point"])
def test_the_same_seed_leaves_the_same_trace_in_every_process(named: str, points: Container[str] | None) -> None:
    """Two processes that hash texts differently: an order that hung on a set of texts would show."""
    program = (
        "from worlds.play import run; from worlds.injection import POINTS;"
        f" print(*(run(seed, points={named}).trace for seed in range(3)))"
    )

    def traces(hash_seed: str) -> str:
        told = subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return told.stdout

    assert traces("1") == traces("2") == " ".join(run(seed, points=points).trace for seed in range(3)) + "\n"


@pytest.mark.parametrize(
    ("fault", "script", "strikes"),
    [
        ("hiccup", Script("one two", (Delay(At.delta(1), 0.5),)), True),
        ("stall_mid", Script("one two", (Stall(At.delta(1)),)), True),
        ("idle_close", Script("one two", (Afterwards(0.001, close="fin"),)), True),
        ("late_answer", Script("one two", (Afterwards(1e6, b"x"),)), False),
    ],
)
def test_a_fault_counts_once_it_has_struck(fault: str, script: Script, strikes: bool) -> None:
    assert perform(_struck(fault, script, leave=False)) == ({fault: 1} if strikes else {})


def test_a_fault_that_a_caller_did_not_stay_for_does_not_count() -> None:
    assert perform(_struck("stall_mid", Script("one two", (Stall(At.delta(1)),)), leave=True)) == {}


async def _struck(fault: str, script: Script, *, leave: bool) -> dict[str, int]:
    """The faults counted for one call to a provider that plays this script."""
    loop = cast(VirtualLoop, asyncio.get_running_loop())
    simulator = Simulator({"a": script})
    await simulator.start(listen=False)
    network = loop.network = Network(loop)
    network.serve("a.sim", simulator.protocol)
    target = Target("openai", model="m", name="a", key="k", base_url="http://a.sim/a", reasoning=False)
    strikes = Strikes()
    async with Router([target]) as router:
        heard = Heard(0, "reads", loop.time())
        async with router.stream("Hi") as stream:
            with contextlib.suppress(CallFailed):
                async for event in stream:
                    if leave and isinstance(event, TextDelta):
                        break
        await asyncio.sleep(0.1)
        strikes.over(heard, stream.report)
        told = Told(0, "a", 1, "", fault, False)
        strikes.settle([told], simulator.exchanges)
    await simulator.aclose()
    return dict(strikes.counted())


def test_a_world_that_gets_nowhere_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standby.simulator.virtual.loop.TURNS_MAX", 1)
    (violation,) = run(0).violations
    assert violation.startswith("I10 seed safety 0: the loop has turned 1 times")
