"""Several processes on one address."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from standby.config.addresses import Address
from standby.gateway.process.ending import BROKEN_OFF, DONE, Stop
from standby.gateway.process.listening import bind
from standby.gateway.process.supervisor import FAILED, PAUSE_MAX_S, Supervisor, exit_code, pause_s, which_worker

import gateway_worker
from gateway_stage import PATIENCE_S, Wire

GET = b"GET / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"
LONG_S = 3 * PATIENCE_S
"""Three interpreters start, on machines that are at something else."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers share a port on Linux alone")


def test_a_worker_that_keeps_ending_is_started_ever_more_seldom() -> None:
    assert [pause_s(times) for times in range(5)] == [0, 0.5, 1, 2, 4]
    assert pause_s(100) == PAUSE_MAX_S


@pytest.mark.parametrize(("codes", "code"), [
    ([0, 0], DONE), ([0, 3], BROKEN_OFF), ([3, 3], BROKEN_OFF), ([0, -9], FAILED), ([3, 1], FAILED),
])  # fmt: skip
def test_the_exit_code_is_that_of_the_worst_worker(codes: list[int], code: int) -> None:
    assert exit_code(codes) == code


@pytest.mark.parametrize(("text", "told"), [("2/4", (2, 4)), ("", None), ("x/4", None), ("2", None)])
def test_a_worker_knows_which_it_is(text: str, told: tuple[int, int] | None) -> None:
    assert which_worker({"STANDBY_WORKER": text}) == told
    assert which_worker({}) is None


async def answering(port: int, *, without: frozenset[int] = frozenset()) -> set[int]:
    """Ask on new connections until two processes have answered that are not among those."""
    found: set[int] = set()
    async with asyncio.timeout(LONG_S):
        while len(found) < 2:
            try:
                async with Wire("127.0.0.1", port) as wire:
                    answer = await wire.ask(GET)
            except ConnectionError:
                await asyncio.sleep(0.02)  # none listens yet
                continue
            if answer.is_whole:
                found |= {int(answer.body)} - without
    return found


async def test_workers_share_the_port_and_one_that_dies_is_started_again() -> None:
    reserved = bind(Address("127.0.0.1"), share=True)
    log: list[tuple[str, int, int]] = []
    stop = Stop()
    supervisor = Supervisor(
        lambda number: gateway_worker.command(reserved.address.port),
        2,
        drain=gateway_worker.DRAIN,
        told=lambda what, number, process: log.append((what, number, process)),
    )
    running = asyncio.create_task(supervisor.run(stop))
    try:
        first = await answering(reserved.address.port)
        assert first == set(supervisor.running.values())
        died = supervisor.running[1]
        os.kill(died, signal.SIGKILL)
        second = await answering(reserved.address.port, without=frozenset({died}))
        assert len(second - first) == 1
        stop.ask()
        async with asyncio.timeout(LONG_S):
            assert await running == DONE
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        reserved.close()
    assert [what for what, number, _ in log if number == 1] == [
        "worker_started", "worker_ended", "worker_started", "worker_ended",
    ]  # fmt: skip
    assert ("worker_ended", 1, -signal.SIGKILL) in log


async def test_a_worker_that_was_started_wrongly_ends_all() -> None:
    supervisor = Supervisor(
        lambda number: [
            sys.executable,
            "-S",
            "-c",
            "import sys, time; sys.exit(2) if sys.argv[1] == '2' else time.sleep(60)",
            str(number),
        ],
        2,
        drain=gateway_worker.DRAIN,
        told=lambda what, number, process: None,
    )
    async with asyncio.timeout(LONG_S):
        assert await supervisor.run(Stop()) == 2
    assert supervisor.running == {}


async def test_a_worker_that_is_told_to_end_while_it_still_starts_has_broken_nothing_off() -> None:
    stop = Stop()
    supervisor = Supervisor(
        lambda number: [sys.executable, "-S", "-c", "import time; time.sleep(60)"],
        2,
        drain=gateway_worker.DRAIN,
        told=lambda what, number, process: stop.ask() if len(supervisor.running) == 2 else None,
    )
    async with asyncio.timeout(LONG_S):
        assert await supervisor.run(stop) == DONE


async def test_workers_do_not_outlive_a_supervisor_that_was_killed() -> None:
    reserved = bind(Address("127.0.0.1"), share=True)
    supervisor = await asyncio.create_subprocess_exec(*gateway_worker.command(reserved.address.port), "supervise")
    workers = await answering(reserved.address.port)
    supervisor.kill()
    await supervisor.wait()
    async with asyncio.timeout(LONG_S):
        while any(is_running(each) for each in workers):  # noqa: ASYNC110 - they are another process's
            await asyncio.sleep(0.02)
    reserved.close()


def is_running(process: int) -> bool:
    """Whether it is there, and more than a line in the table of processes."""
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
