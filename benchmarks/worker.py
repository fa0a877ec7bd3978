"""A process that measures one client, whenever it is told to, for as long as the benchmark runs.

Commands come as lines of JSON on its standard input and are answered, line by line, on its standard output. It takes
turns with the processes of the other clients: what one of them does in its turn, the others do in the same minute.
CPU time is that of the whole process, threads included.

    python -m benchmarks.worker CLIENT [--loop asyncio|uvloop] [--cpu N]
"""

import argparse
import asyncio
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import IO, TypeAlias

import msgspec

from .case import Operation
from .clients import CLIENTS, Client
from .loops import LOOPS, new_loop, pin, raise_file_limit
from .reads import counted_reads

FRESH_S = 9.0
"""After so long a pause connections may have been closed: they are opened again before anything is measured."""


class Measure(msgspec.Struct, tag=True):
    """Do an operation `count` times, `concurrency` at a time. Answered by a `Sample`."""

    urls: tuple[str, ...]
    operation: Operation
    expected: int
    concurrency: int
    count: int


class CountReads(msgspec.Struct, tag=True):
    """Do an operation `concurrency` times, all at once, and count the reads. Answered by `Reads`."""

    urls: tuple[str, ...]
    operation: Operation
    expected: int
    concurrency: int


class Hold(msgspec.Struct, tag=True):
    """Hold this many streams open. Answered by `Held`."""

    urls: tuple[str, ...]
    streams: int


class Sample(msgspec.Struct):
    """What an operation took.

    Attributes:
        cpu_us: CPU time of one, on average.
        p50_us: The median of their durations.
        waited: The share of the time in which the process was ready to run, and others had its core.
    """

    cpu_us: float
    p50_us: float
    waited: float


class Reads(msgspec.Struct):
    """How many reads one operation needed, on average."""

    per_operation: float


class Held(msgspec.Struct):
    """By how much the process grew for each stream, in bytes."""

    bytes_per_stream: float


Command: TypeAlias = Measure | CountReads | Hold


class Worker:
    """One client, made anew for each list of URLs that it is given."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._clients: dict[tuple[str, ...], Client] = {}
        self._used_s: dict[tuple[str, ...], float] = {}

    async def do(self, command: Command) -> Sample | Reads | Held:
        """Obey one command."""
        match command:
            case Measure():
                return await self._measure(command)
            case CountReads():
                return await self._count_reads(command)
            case Hold():
                return await self._hold(command)

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    async def _measure(self, command: Measure) -> Sample:
        client = await self._client(command.urls, command.concurrency)
        operation, lasted_s = _operation(client, command.operation), []

        async def once() -> None:
            began_s = time.perf_counter()
            got = await operation()
            lasted_s.append(time.perf_counter() - began_s)
            if got != command.expected:
                raise ValueError(f"expected {command.expected}, got {got}")

        if time.perf_counter() - self._used_s.get(command.urls, -FRESH_S) >= FRESH_S:
            await _times(command.concurrency, command.concurrency, once)
            lasted_s.clear()
        gc.collect()
        waited_s, began_s, cpu_s = _waited_s(), time.perf_counter(), time.process_time()
        await _times(command.count, command.concurrency, once)
        cpu_s = time.process_time() - cpu_s
        ended_s = self._used_s[command.urls] = time.perf_counter()
        waited = (_waited_s() - waited_s) / (ended_s - began_s)
        return Sample(cpu_s * 1e6 / command.count, statistics.median(lasted_s) * 1e6, waited)

    async def _count_reads(self, command: CountReads) -> Reads:
        client = await self._client(command.urls, command.concurrency)
        operation = _operation(client, command.operation)

        async def once() -> None:
            await operation()

        with counted_reads() as reads:
            await _times(command.concurrency, command.concurrency, once)
        return Reads(reads() / command.concurrency)

    async def _hold(self, command: Hold) -> Held:
        client = await self._client(command.urls, command.streams)
        held = [await client.hold()]  # what is loaded and made with the first one is not its own
        await asyncio.sleep(0)
        gc.collect()
        before = resident_bytes()
        held += [await client.hold() for _ in range(command.streams)]
        gc.collect()
        grown = resident_bytes() - before
        await client.aclose()
        del self._clients[command.urls]
        return Held(grown / command.streams)

    async def _client(self, urls: tuple[str, ...], concurrency: int) -> Client:
        client = self._clients.get(urls)
        if client is None:
            client = self._clients[urls] = self._make()
            await client.start(urls, max(1000, concurrency + 1))
        return client


def resident_bytes() -> int:
    """The memory of this process that stands in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _operation(client: Client, name: Operation) -> Callable[[], Coroutine[None, None, int]]:
    return client.call if name == "call" else client.stream


async def _times(count: int, concurrency: int, once: Callable[[], Coroutine[None, None, None]]) -> None:
    numbers = iter(range(count))

    async def one_after_another() -> None:
        for _ in numbers:
            await once()

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(one_after_another())


def _waited_s() -> float:
    schedstat = Path("/proc/self/schedstat")
    return int(schedstat.read_text().split()[1]) / 1e9 if schedstat.exists() else 0.0


def _answer_commands(worker: Worker, commands: IO[bytes], answers: IO[bytes], runner: asyncio.Runner) -> None:
    decode = msgspec.json.Decoder(Command).decode
    for line in commands:
        answers.write(msgspec.json.encode(runner.run(worker.do(decode(line)))) + b"\n")
        answers.flush()
    runner.run(worker.aclose())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker", description="Measure one client.")
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("--loop", choices=LOOPS, default=LOOPS[0])
    parser.add_argument("--cpu", type=int)
    args = parser.parse_args()
    pin(args.cpu)
    raise_file_limit()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a client prints is no answer
    with asyncio.Runner(loop_factory=lambda: new_loop(args.loop)) as runner:
        _answer_commands(Worker(CLIENTS[args.client].make), sys.stdin.buffer, answers, runner)


if __name__ == "__main__":
    main()
