"""Several processes that serve one address: a supervisor starts them, starts them again, and ends with them.

The supervisor takes the address and answers nothing itself. Each worker listens with a socket of its own
(SO_REUSEPORT): of a shared one, a single worker would get most connections. A worker's standard input is a pipe from
the supervisor: when it ends, the supervisor has died, and the worker ends as by SIGTERM.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from .ending import BROKEN_OFF, DONE, LAST_WORDS_S, Drain, Stop

WORKER = "STANDBY_WORKER"
"""The variable that tells a worker which of how many it is: `1/4`."""

STABLE_S = 10.0
"""A worker that ends sooner is started again after a pause, which doubles each time."""

PAUSE_S, PAUSE_MAX_S = 0.5, 30.0

KILL_S = 10.0
"""So much longer than it may take in all, a worker may take to end; then it is killed."""

FAILED = 1
"""Exit code: a worker ended otherwise than it was told to."""

NOT_AGAIN = frozenset((2,))
"""Exit codes of workers that would end in the same way each time: they were started wrongly."""

Told: TypeAlias = Literal["worker_started", "worker_ended", "worker_killed"]


def pause_s(short_lives: int) -> float:
    """How long to wait before a worker is started again, after it has ended early so many times in a row."""
    return 0.0 if short_lives == 0 else min(PAUSE_MAX_S, PAUSE_S * 2.0 ** (short_lives - 1))


def exit_code(codes: Sequence[int]) -> int:
    """Make one exit code of those of all workers."""
    if all(code == DONE for code in codes):
        return DONE
    return BROKEN_OFF if set(codes) <= {DONE, BROKEN_OFF} else FAILED


def which_worker(environment: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """Read which worker this process is, of how many; None: it is none."""
    number, _, of = environment.get(WORKER, "").partition("/")
    return (int(number), int(of)) if number.isdigit() and of.isdigit() else None


async def end_with_supervisor(stop: Stop) -> None:
    """In a worker: ask for the end when the supervisor has died. Runs until then; the worker cancels it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        await reader.read()
        stop.ask()
    finally:
        transport.close()


class Supervisor:
    """Keeps a number of workers running.

    Args:
        command: Gives what starts a worker, by its number from 1.
        workers: How many there are.
        drain: How long they may take to end.
        told: Called with what happened, the worker's number, and its process or exit code.
        environment: Variables of theirs, besides those of this process.
        sockets: Descriptors that are handed down to them.
    """

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        workers: int,
        *,
        drain: Drain,
        told: Callable[[Told, int, int], None],
        environment: Mapping[str, str] = MappingProxyType({}),
        sockets: Sequence[int] = (),
    ) -> None:
        self._command, self._workers, self._drain, self._told = command, workers, drain, told
        self._environment, self._sockets = environment, tuple(sockets)
        self._running: dict[int, Process] = {}

    @property
    def running(self) -> dict[int, int]:
        """The workers that run, by their number: the numbers of their processes."""
        return {number: each.pid for number, each in self._running.items()}

    async def run(self, stop: Stop) -> int:
        """Keep the workers running until asked to end; the exit code of all together.

        A worker that was started wrongly ends them all, with its exit code.
        """
        keeping = [asyncio.create_task(self._keep(number, stop)) for number in range(1, self._workers + 1)]
        passing_on = asyncio.create_task(self._pass_on(stop))
        try:
            codes = await asyncio.gather(*keeping)
        finally:
            ending: list[asyncio.Task[Any]] = [*keeping, passing_on]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            await self._kill()
        wrong = [code for code in codes if code in NOT_AGAIN]
        return wrong[0] if wrong else exit_code(codes)

    def reload(self) -> None:
        """Let every worker reload."""
        self._signal(signal.SIGHUP)

    async def _keep(self, number: int, stop: Stop) -> int:
        """Keep one worker running; its last exit code."""
        loop = asyncio.get_running_loop()
        short_lives = 0
        while True:
            begun_s = loop.time()
            worker = await self._start(number)
            if stop.asked.is_set():  # while it was being started
                with suppress(ProcessLookupError):
                    worker.send_signal(signal.SIGTERM)
            code = await worker.wait()
            del self._running[number]
            self._told("worker_ended", number, code)
            if stop.asked.is_set():
                return DONE if code == -signal.SIGTERM else code  # it was told before it served anything
            if code in NOT_AGAIN:
                stop.ask()
                return code
            short_lives = short_lives + 1 if loop.time() - begun_s < STABLE_S else 0
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s(short_lives)):
                    await stop.asked.wait()
                    return DONE  # nothing was under way

    async def _start(self, number: int) -> Process:
        worker = await asyncio.create_subprocess_exec(
            *self._command(number),
            stdin=PIPE,
            env={**os.environ, **self._environment, WORKER: f"{number}/{self._workers}"},
            pass_fds=self._sockets,
            start_new_session=True,  # a Ctrl-C in the terminal reaches the supervisor alone, which passes it on
        )
        self._running[number] = worker
        self._told("worker_started", number, worker.pid)
        return worker

    async def _pass_on(self, stop: Stop) -> None:
        """Pass the wish to end on to the workers, and kill those that take longer than they may."""
        await stop.asked.wait()
        self._signal(signal.SIGTERM)
        patience_s = self._drain.delay_s + self._drain.wait_s + LAST_WORDS_S + KILL_S
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await stop.at_once.wait()
                self._signal(signal.SIGTERM)
                await asyncio.sleep(KILL_S)
        for number, worker in list(self._running.items()):
            self._told("worker_killed", number, worker.pid)
            worker.kill()

    def _signal(self, number: signal.Signals) -> None:
        for worker in list(self._running.values()):
            with suppress(ProcessLookupError):
                worker.send_signal(number)

    async def _kill(self) -> None:
        """Leave no worker behind."""
        for worker in list(self._running.values()):
            with suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()
