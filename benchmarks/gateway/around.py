"""What stands around the gateways of a run: the generator, and one process for each gateway, once it is asked for."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TypeVar, cast

from ..case import Before, Operation
from ..commands import CountReads, Measure, Reads, Sample
from ..processes import Processes
from ..wire import Script
from .arms import ARMS
from .generator import Ask, Generator, ask
from .running import SINGLE, Running

LOG_S = 5.0
"""So long lines of a log may wait until they are written."""

DIRECT = "direct"
"""In place of a gateway: none. What is measured then is the measuring."""

T = TypeVar("T")


class Around:
    """Gateways and clients that are told what to measure, as `run.measure` does.

    Args:
        processes: Of the clients that need no gateway.
        scripts: What the upstream can be asked for, besides calls and silence.
        core: That the gateways run on.
    """

    def __init__(self, generator: Generator, processes: Processes | None, scripts: Sequence[str], core: int | None):
        self.generator = generator
        self._processes, self._scripts, self._core = processes, scripts, core
        self._running: dict[str, Running] = {}
        self._stack = ExitStack()
        self._logged: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._check_logs()
        finally:
            self._stack.close()

    def urls(self, script: Script, before: Before = "nothing") -> tuple[str, ...]:
        """The base URL at which the upstream answers by this script."""
        return (f"http://127.0.0.1:{self.generator.port}/{script.segment}/v1",)

    def tell(self, client: str, command: Measure | CountReads, answer: type[T]) -> T:
        """Have a gateway asked, or a client ask without one."""
        if client not in ARMS:
            assert self._processes is not None
            return self._processes.tell(client, command, answer)
        return cast(T, self._asked(client, command))

    def running(self, client: str) -> Running:
        """A gateway that answers."""
        found = self._running.get(client)
        if found is None:
            found = Running(ARMS[client], self.generator, self._scripts, self._core)
            self._running[client] = self._stack.enter_context(found)
            self._logged[client] = 1
        return found

    def ask(self, client: str, script: str, operation: Operation) -> Ask:
        """How it is asked for what the upstream says by a script."""
        stream = operation == "stream"
        if client == DIRECT:
            return ask(self.generator.port, script, f"/{script}/v1/chat/completions", "any", stream=stream)
        return self.running(client).ask(script, stream=stream)

    def warm(self, client: str, connections: int) -> None:
        """Have so many connections open, and what one call needs at hand."""
        self.generator.load(self.ask(client, SINGLE, "call"), connections, connections)
        self.count(client, connections)

    def count(self, client: str, requests: int) -> None:
        """So many requests more were made."""
        if client in self._logged:
            self._logged[client] += requests

    def _asked(self, client: str, command: Measure | CountReads) -> Sample | Reads:
        asked = self.ask(client, command.urls[0].split("/")[3], command.operation)
        self.warm(client, command.concurrency)
        running = self.running(client)
        waited_s, cpu_s = running.waited_s, running.cpu_s
        load = self.generator.load(asked, command.concurrency, command.count)
        cpu_s, waited_s = running.cpu_s - cpu_s, running.waited_s - waited_s
        self.count(client, command.count)
        if isinstance(command, CountReads):
            return Reads(load.reads / load.count)
        waited = waited_s * 1e6 / load.wall_us
        return Sample(cpu_s * 1e6 / command.count, load.total_us.p50, load.total_us.p99, waited)

    def _check_logs(self) -> None:
        """See that what is said to keep a log did so: else it would be measured without."""
        for client, running in self._running.items():
            deadline_s = time.monotonic() + LOG_S
            while (logged := running.logged) is not None and logged != self._logged[client]:
                if time.monotonic() > deadline_s:
                    raise RuntimeError(f"{client} was asked {self._logged[client]:,} times, and logged {logged:,}")
                time.sleep(0.1)
