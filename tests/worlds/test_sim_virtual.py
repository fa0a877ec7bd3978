"""The loop with a jumping clock, and the network in memory, under the real transport."""

import ast
import asyncio
import gc
import itertools
import socket
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import cast

import pytest
from standby.config import Hold
from standby.simulator.scenario.faults import At, Cut
from standby.simulator.scenario.reply import Answer
from standby.simulator.scenario.script import Script
from standby.simulator.server import Simulator
from standby.simulator.virtual.loop import TURNS_MAX, GoesRound, StandsStill, VirtualLoop, perform
from standby.simulator.virtual.network import LATENCY_S, ConnectFault, FineWeather, Network, WireFault

from standby import CallFailed, Router, Target

WORDS = "one two three four five six seven eight"


class Bad(FineWeather):
    """One fault, always."""

    def __init__(self, connect: ConnectFault | None = None, down: WireFault | None = None) -> None:
        self._connect, self._down = connect, down

    def resolving(self, host: str) -> ConnectFault | None:
        return self._connect if self._connect in ("dns", "dns_timeout") else None

    def reaching(self, host: str) -> ConnectFault | None:
        return self._connect

    def wires(self, host: str) -> tuple[WireFault | None, WireFault | None]:
        return None, self._down


async def asked(script: Script, weather: FineWeather | None = None) -> tuple[str, float, Network]:
    """The text of one call, when it ended, and the network that it went over."""
    loop = cast(VirtualLoop, asyncio.get_running_loop())
    simulator = Simulator({"a": script})
    await simulator.start(listen=False)
    network = loop.network = Network(loop, weather)
    network.serve("a.sim", simulator.protocol)
    target = Target("openai", model="m", key="k", base_url="http://a.sim/a", reasoning=False)
    try:
        async with Router([target]) as router:
            answer = await router.complete("Hi", deadline_s=30)
            ended_s = loop.time()
    finally:
        await simulator.aclose()
    return answer.text, ended_s, network


def test_a_day_takes_no_time() -> None:
    async def sleeper() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    assert perform(sleeper()) == 86_400


def test_the_end_waits_for_threads_and_jumps_to_no_limit() -> None:
    """Python 3.12 brought the limit; an event loop that is closed is given five minutes."""
    release = threading.Event()

    async def leave_one_waiting() -> None:
        asyncio.get_running_loop().run_in_executor(None, release.wait)

    loop = VirtualLoop()
    loop.run_until_complete(leave_one_waiting())
    loop.call_soon(release.set)
    try:
        loop.run_until_complete(loop.shutdown_default_executor(300))
    finally:
        release.set()  # or the process would not end
    assert loop.time() == 0
    loop.close()


def test_a_wait_without_a_timer_is_an_error_and_no_hanging_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standby.simulator.virtual.loop.THREADS_MAX_S", 0.0)

    async def waits() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StandsStill):
        perform(waits())


def test_tasks_that_wake_each_other_for_ever_are_an_error_and_no_hanging_test() -> None:
    async def goes_round() -> None:
        for _ in itertools.count():
            await asyncio.sleep(0)

    with pytest.raises(GoesRound, match=f"{TURNS_MAX} times at 5.0 s"):
        perform(_after(5.0, goes_round()))


def test_a_loop_may_turn_as_often_as_it_likes_while_time_passes() -> None:
    async def turns() -> int:
        for _ in range(10):
            await asyncio.sleep(1.0)
            for _ in range(TURNS_MAX // 5):
                await asyncio.sleep(0)
        return cast(VirtualLoop, asyncio.get_running_loop()).turns

    assert perform(turns()) > 2 * TURNS_MAX - 10


async def _after(seconds: float, what: Awaitable[None]) -> None:
    await asyncio.sleep(seconds)
    await what


def test_the_real_transport_asks_over_the_network_in_memory() -> None:
    text, ended_s, network = perform(asked(Script(Answer(WORDS), first_delay_s=3.0)))
    assert text == WORDS
    assert 3.0 < ended_s < 3.0 + 20 * LATENCY_S
    assert network.opened == 1
    assert not network.open


def test_the_same_play_leaves_the_same_trace() -> None:
    traces = {perform(asked(Script(Answer(WORDS), delta_delay_s=0.1)))[2].trace() for _ in range(3)}
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("refuse", "connect"), ("black_hole", "connect"), ("unreachable", "connect"), ("no_descriptors", "connect"),
        ("dns", "dns"), ("dns_timeout", "connect"), ("tls", "tls"), ("tls_stall", "connect"),
    ],
)  # fmt: skip
def test_connecting_fails_as_it_does_on_real_sockets(fault: ConnectFault, kind: str) -> None:
    with pytest.raises(CallFailed) as failed:
        perform(asked(Script(Answer(WORDS)), Bad(fault)))
    assert {attempt.kind and attempt.kind.value for attempt in failed.value.report.attempts} == {kind}


@pytest.mark.parametrize("what", ["rst", "fin", "stall"])
def test_a_direction_breaks_off_at_an_offset(what: str) -> None:
    with pytest.raises(CallFailed) as failed:
        perform(asked(Script(Answer(WORDS)), Bad(down=WireFault(what, 900))))  # type: ignore[arg-type]
    assert failed.value.report.attempts[0].kind in {"truncated", "stalled"}


def test_slices_and_late_bytes_change_nothing_but_the_time() -> None:
    assert perform(asked(Script(Answer(WORDS)), Bad(down=WireFault("slice", 1, size=1))))[0] == WORDS
    text, ended_s, _ = perform(asked(Script(Answer(WORDS)), Bad(down=WireFault("late", 900, seconds=2.0))))
    assert (text, round(ended_s)) == (WORDS, 2)


def test_a_cut_of_the_script_reaches_the_client_too() -> None:
    with pytest.raises(CallFailed):
        perform(asked(Script(Answer(WORDS), (Cut(At.delta(3), rst=True),))))


def test_a_hold_by_time_that_ends_between_two_deltas_loses_nothing() -> None:
    async def held() -> list[str]:
        loop = cast(VirtualLoop, asyncio.get_running_loop())
        simulator = Simulator({"a": Script(Answer(WORDS), delta_delay_s=1.0)})
        await simulator.start(listen=False)
        network = loop.network = Network(loop)
        network.serve("a.sim", simulator.protocol)
        target = Target("openai", model="m", key="k", base_url="http://a.sim/a", reasoning=False)
        async with Router([target]) as router, router.stream("Hi", hold=Hold(for_s=2.5)) as stream:
            pieces = [piece async for piece in stream.text()]
        await simulator.aclose()
        return pieces

    assert "".join(perform(held())) == WORDS


def test_where_a_socket_is_connected_to_is_known_to_its_own_loop_and_for_as_long_as_it_lives() -> None:
    """By its number, another loop of the process, or a socket that gets the number next, would be joined there too."""

    async def connected(loop: VirtualLoop) -> socket.socket:
        network = loop.network = Network(loop)
        network.serve("lead.sim", asyncio.Protocol)
        [(*_, address)] = await loop.getaddrinfo("lead.sim", 80)
        sock = socket.socket()
        await loop.sock_connect(sock, address)
        return sock

    with asyncio.Runner(loop_factory=VirtualLoop) as one, asyncio.Runner(loop_factory=VirtualLoop) as two:
        first, second = cast(VirtualLoop, one.get_loop()), cast(VirtualLoop, two.get_loop())
        mine = one.run(connected(first))
        with mine, pytest.raises(KeyError):
            two.run(second.create_connection(asyncio.Protocol, sock=mine))
        assert len(first._connected) == 1
        del mine
        gc.collect()
        assert len(first._connected) == len(second._connected) == 0


def test_there_is_one_virtual_loop() -> None:
    """Tests, drills and worlds share it, so that none of them learns of time in a way of its own."""
    root = Path(__file__).parents[2]
    made = [
        f"{path.relative_to(root)}: {node.name}"
        for room in ("tests", "worlds", "simulator", "benchmarks")
        for path in sorted((root / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any("EventLoop" in ast.unparse(base) for base in node.bases)
    ]
    assert made == ["simulator/virtual/loop.py: VirtualLoop"]
