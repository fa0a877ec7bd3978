"""A process that measures one client, whenever it is told to, for as long as the benchmark runs.

Commands come as lines of JSON on its standard input and are answered, line by line, on its standard output. It takes
turns with the processes of the other clients: what one of them does in its turn, the others do in the same minute.
CPU time is that of the whole process, threads included.

    python -m benchmarks.worker CLIENT [--loop asyncio|uvloop] [--cpu N] [--without PACKAGE]...
"""

import argparse
import asyncio
import gc
import os
import re
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import IO

import msgspec

from .case import Operation
from .clients import CLIENTS, Client
from .commands import (
    Command,
    CountReads,
    Delays,
    Held,
    Hold,
    Keep,
    Kept,
    Measure,
    Peak,
    Reads,
    Reply,
    Sample,
    Size,
    Watch,
    Work,
)
from .loops import LOOPS, new_loop, pin, raise_file_limit
from .reads import counted_reads
from .watch import WATCHES, delays

FRESH_S = 9.0
"""After so long a pause connections may have been closed: they are opened again before anything is measured."""

OPENING_AT_ONCE = 16
"""Streams that are opened at a time, before all of them are held."""

KEPT_MAX = 1100
"""Connections of a client that keeps streams open while it does something else."""


class Worker:
    """One client, made anew for each list of URLs that it is given."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._clients: dict[tuple[str, ...], Client] = {}
        self._used_s: dict[tuple[str, ...], float] = {}
        self._kept: dict[tuple[str, ...], list[object]] = {}

    async def do(self, command: Command) -> Reply:
        """Obey one command."""
        match command:
            case Measure():
                return await self._measure(command)
            case CountReads():
                return await self._count_reads(command)
            case Watch():
                return await self._watch(command)
            case Hold():
                return await self._hold(command)
            case Keep():
                return await self._keep(command)
            case Peak():
                return Size(_of_status("VmHWM"))

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    async def _measure(self, command: Measure) -> Sample:
        client = await self._client(command.urls, command.concurrency)
        once, lasted_s = _checked(client, command)
        if time.perf_counter() - self._used_s.get(command.urls, -FRESH_S) >= FRESH_S:
            await _times(command.concurrency, command.concurrency, once)
            lasted_s.clear()
        gc.collect()
        waited_s, began_s, cpu_s = _waited_s(), time.perf_counter(), time.process_time()
        await _times(command.count, command.concurrency, once)
        cpu_s = time.process_time() - cpu_s
        ended_s = self._used_s[command.urls] = time.perf_counter()
        waited = (_waited_s() - waited_s) / (ended_s - began_s)
        lasted_s.sort()
        p50_s, p99_s = (lasted_s[int(len(lasted_s) * share)] for share in (0.5, 0.99))
        return Sample(cpu_s * 1e6 / command.count, p50_s * 1e6, p99_s * 1e6, waited)

    async def _count_reads(self, command: CountReads) -> Reads:
        client = await self._client(command.urls, command.concurrency)
        once, _ = _checked(client, command)
        with counted_reads() as reads:
            await _times(command.count, command.concurrency, once)
        return Reads(reads() / command.count)

    async def _watch(self, command: Watch) -> Delays:
        client = await self._client(command.urls, command.concurrency)
        once, _ = _checked(client, command)
        await _times(command.concurrency, command.concurrency, once)
        with WATCHES[command.what]() as seen_s:
            await _times(command.count, command.concurrency, once)
        return delays(seen_s)

    async def _hold(self, command: Hold) -> Held:
        client = await self._client(command.urls, command.streams)
        held: list[object] = [await client.hold()]  # what is loaded and made with the first one is not its own

        async def one_more() -> None:
            held.append(await client.hold())

        await asyncio.sleep(0)
        gc.collect()
        before = _of_status("VmRSS")
        await _times(command.streams, OPENING_AT_ONCE, one_more)
        sizes = []
        for _ in range(2):
            await asyncio.sleep(command.settle_s)
            gc.collect()
            sizes.append(_of_status("VmRSS"))
        await self._drop(command.urls)
        return Held((sizes[0] - before) / command.streams, (sizes[1] - sizes[0]) / command.streams)

    async def _keep(self, command: Keep) -> Kept:
        if len(self._kept.get(command.urls, ())) > command.streams:
            await self._drop(command.urls)
        client = await self._client(command.urls, KEPT_MAX)
        kept = self._kept.setdefault(command.urls, [])

        async def one_more() -> None:
            kept.append(await client.hold())

        await _times(command.streams - len(kept), OPENING_AT_ONCE, one_more)
        return Kept(len(kept))

    async def _drop(self, urls: tuple[str, ...]) -> None:
        """Close a client, with the streams that it has kept."""
        await self._clients.pop(urls).aclose()
        self._kept.pop(urls, None)
        self._used_s.pop(urls, None)

    async def _client(self, urls: tuple[str, ...], concurrency: int) -> Client:
        client = self._clients.get(urls)
        if client is None:
            client = self._clients[urls] = self._make()
            await client.start(urls, max(1000, concurrency + 1))
        return client


def _of_status(name: str) -> int:
    """A line of what the kernel says of this process, in bytes."""
    found = re.search(rf"^{name}:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def _checked(client: Client, work: Work) -> tuple[Callable[[], Coroutine[None, None, None]], list[float]]:
    """The operation, which fails when it loses something, and where it will write down how many seconds it took."""
    operation, lasted_s = _operation(client, work.operation), []

    async def once() -> None:
        began_s = time.perf_counter()
        got = await operation()
        lasted_s.append(time.perf_counter() - began_s)
        if got != work.expected:
            raise ValueError(f"expected {work.expected}, got {got}")

    return once, lasted_s


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
    parser.add_argument("--without", action="append", default=[], metavar="PACKAGE", help="as if it were not installed")
    args = parser.parse_args()
    pin(args.cpu)
    for name in args.without:
        sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails
    raise_file_limit()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a client prints is no answer
    with asyncio.Runner(loop_factory=lambda: new_loop(args.loop)) as runner:
        _answer_commands(Worker(CLIENTS[args.client].make), sys.stdin.buffer, answers, runner)


if __name__ == "__main__":
    main()
