"""Gateways as processes: started and ended, their CPU time and memory read from outside."""

import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from ..wire import Script
from .arms import BARE_ENVIRONMENT, ArmInfo, Place
from .generator import Ask, Generator, ask

START_S = 90.0
"""So long a gateway may take until it answers; the slowest imports for half a minute on a busy machine."""

END_S = 10.0
SINGLE = Script("single").segment
ROOT = Path(__file__).resolve().parents[2]


class Running:
    """A gateway, from its start to its end.

    Args:
        scripts: What it is to be asked for, besides a call.
        core: The core that it runs on; None: wherever the system likes.

    Attributes:
        port: That it listens on.
    """

    port: int

    def __init__(
        self, info: ArmInfo, generator: Generator, scripts: Sequence[str] = (), core: int | None = None
    ) -> None:
        self._info, self._generator, self._core = info, generator, core
        self._scripts = list(dict.fromkeys((SINGLE, *scripts)))
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            port = free_port()
            self._plan = plan = self._info.plan(Place(folder, port, self._generator.port, self._scripts))
            said = folder / "said"
            with said.open("wb") as errors, (plan.log or said).open("ab") as log:
                self._process = subprocess.Popen(
                    [*([] if self._core is None else ["taskset", "-c", str(self._core)]), *plan.command],
                    cwd=ROOT,
                    env={**BARE_ENVIRONMENT, **plan.environment},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE if plan.prints_port else log,
                    stderr=errors,
                )
            stack.callback(self._end)
            self.port = self._printed_port() if plan.prints_port else port
            try:
                self._wait()
            except RuntimeError as error:
                last = said.read_text(errors="replace").strip().splitlines()[-20:]
                raise RuntimeError("\n".join([f"{self._info.what} does not answer: {error}", *last])) from None
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def ask(self, script: str, *, stream: bool) -> Ask:
        """How it is asked for what the upstream says by a script."""
        return ask(self.port, script, self._plan.path(script), self._plan.model(script), stream=stream)

    @property
    def cpu_s(self) -> float:
        """The CPU time of its processes so far, ended threads included."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids)  # the kernel's number of their clocks

    @property
    def waited_s(self) -> float:
        """How long its main threads were ready to run while others had the core."""
        return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) for pid in self.pids) / 1e9

    @property
    def resident(self) -> int:
        """What stands in RAM for it, in bytes."""
        return sum(_resident(pid) for pid in self.pids)

    @property
    def logged(self) -> int | None:
        """How many requests its log has so far; None: it keeps none."""
        log = self._plan.log
        return None if log is None else log.read_bytes().count(b'"request_id"')

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        found = [self._process.pid]
        for pid in found:  # grows while it is walked over
            found += [int(child) for tasks in _tasks(pid) for child in (tasks / "children").read_text().split()]
        return found

    def _printed_port(self) -> int:
        assert self._process.stdout is not None
        port = urlsplit(self._process.stdout.readline().decode()).port
        if port is None:
            raise RuntimeError(f"{self._info.what} does not say where it listens")
        return port

    def _wait(self) -> None:
        """Wait until it answers."""
        deadline_s = time.monotonic() + START_S
        while True:
            try:
                self._generator.load(self.ask(SINGLE, stream=False), 1, 1)
                return
            except RuntimeError:
                if time.monotonic() > deadline_s or self._process.poll() is not None:
                    raise
            time.sleep(0.1)

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _resident(pid: int) -> int:
    found = re.search(r"^VmRSS:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
