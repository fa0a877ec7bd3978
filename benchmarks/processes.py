"""The processes of a run: one upstream, and one worker for each client, alive from the first case to the last."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from .case import Before
from .clients import CLIENTS
from .commands import Command
from .loops import cores
from .wire import Script

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")

_APART = """\
import sys
from importlib import import_module
sys.path.append(sys.argv.pop(1))
import_module("benchmarks." + sys.argv.pop(1)).main()
"""


class Processes:
    """Starts processes when they are needed, and ends those it has started.

    Args:
        loop: The kind of event loop that all of them run.
        pinned: The upstream has a core of its own, the clients share another.
        tls: The upstream speaks TLS, and the clients trust its certificate; needs trustme.
        without: Packages that the clients do not find, as if they were not installed.
    """

    def __init__(self, loop: str, *, pinned: bool = True, tls: bool = False, without: Sequence[str] = ()) -> None:
        self._loop = loop
        self._without = [word for name in without for word in ("--without", name)]
        self._tls = tls
        available = cores() if pinned else []
        apart = len(available) > 1
        self._upstream_core = available[0] if apart else None
        self._client_core = available[1] if apart else None
        self._environment = dict(os.environ)
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        certificate = self._certificate() if self._tls else []
        self._upstream = self._start("upstream", certificate, self._upstream_core)
        self._port = int(self._line(self._upstream))
        refusing = self._stack.enter_context(socket.socket())
        refusing.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        self._refusing_port: int = refusing.getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def pinned(self) -> bool:
        """The upstream does not share a core with the clients."""
        return self._client_core is not None

    def urls(self, script: Script, before: Before = "nothing", *, spares: int = 0) -> tuple[str, ...]:
        """The base URLs at which this script is answered, after what comes before it, and before spares like it."""
        answering = (self._url(self._port, script),) * (1 + spares)
        match before:
            case "nothing":
                return answering
            case "500":
                return (self._url(self._port, Script("refuse")), *answering)
            case "refused":
                return (self._url(self._refusing_port, script), *answering)
            case "cut":
                half = msgspec.structs.replace(script, kind="cut", deltas=script.deltas // 2)
                return (self._url(self._port, half), *answering)

    def tell(self, client: str, command: Command, answer: type[T]) -> T:
        """Have a client's worker obey a command.

        Raises:
            RuntimeError: It ended instead; its own words are on standard error.
        """
        worker = self._workers.get(client)
        if worker is None:
            python = CLIENTS[client].python
            worker = self._workers[client] = self._start("worker", [client, *self._without], self._client_core, python)
        assert worker.stdin is not None
        worker.stdin.write(msgspec.json.encode(command) + b"\n")
        worker.stdin.flush()
        return msgspec.json.decode(self._line(worker), type=answer)

    def asked(self) -> dict[str, int]:
        """How often each script was asked for so far."""
        assert self._upstream.stdin is not None
        self._upstream.stdin.write(b"\n")
        self._upstream.stdin.flush()
        counts: dict[str, int] = json.loads(self._line(self._upstream))
        return counts

    def _url(self, port: int, script: Script) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{port}/{script.segment}/v1"

    def _certificate(self) -> list[str]:
        """A fresh one, that the workers to come trust."""
        import trustme

        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "authority.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        self._environment["SSL_CERT_FILE"] = str(folder / "authority.pem")
        return ["--certificate", str(folder / "server.pem")]

    def _start(
        self, module: str, args: Sequence[str], core: int | None, python: str = sys.executable
    ) -> subprocess.Popen[bytes]:
        if python == sys.executable:
            command = [python, "-m", f"benchmarks.{module}", *args, "--loop", self._loop]
        else:  # in an environment of its own; its packages come before those of this folder
            command = [python, "-P", "-c", _APART, str(ROOT), module, *args, "--loop", self._loop]
        if core is not None:
            command += ["--cpu", str(core)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._stack.callback(_end, process)
        return process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process of the benchmark ended: {' '.join(map(str, process.args))}")  # type: ignore[arg-type]
        return line


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()  # both kinds end with their input
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
