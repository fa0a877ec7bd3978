"""The upstream and the load generator in C, as one process that obeys commands.

They verify every byte: a request is what was asked, an answer is well formed, and its text is the upstream's, whole and
once. Anything else ends the run.
"""

import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

import msgspec

from ..wire import Script
from .build import built

QUESTION = "Why is the sky blue?"
SILENT_STREAM, SILENT_CALL = "silent-stream", "silent-call"
"""Scripts by which nothing is answered, for as long as the client waits."""

T = TypeVar("T")


class Times(NamedTuple):
    """Durations in microseconds."""

    p50: float
    p99: float
    longest: float


class Load(msgspec.Struct):
    """What a load came to; the times are those of an answer.

    Attributes:
        wall_us: From the first request to the last byte.
        reads: Of the load generator.
        pieces: Of text that came as one.
        total_us, first_us: Until its end, and until its first text.
        end_us: From its last text to its end.
        added_first_us: From the request to the upstream's being asked, and from its first text to the client's.
        added_end_us: From the upstream's last byte to the client's. Both mean something for one answer at a time.
    """

    count: int
    wall_us: float
    reads: int
    pieces: int
    total_us: Times
    first_us: Times
    end_us: Times
    added_first_us: Times
    added_end_us: Times


class Left(msgspec.Struct):
    """How soon the upstream's connection was closed after the client had left; less than nothing: not for 3 s."""

    closed_us: float


class _Error(msgspec.Struct):
    error: str | None = None


class Ask(NamedTuple):
    """How something is asked for: where, by which script the upstream answers, and the bytes of the request."""

    port: int
    script: str
    request: bytes


def ask(port: int, script: str, path: str, model: str, *, stream: bool) -> Ask:
    """Ask a gateway for what the upstream says by this script."""
    asked = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "stream": stream}
    body = msgspec.json.encode(asked)
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer sk-bench\r\n"
    head += f"content-type: application/json\r\naccept: */*\r\ncontent-length: {len(body)}\r\n\r\n"
    return Ask(port, script, head.encode() + body)


class Generator:
    """Starts the process, and ends it.

    Args:
        scripts: What the upstream knows to say, beside keeping silent.
        core: The core that it runs on; None: wherever the system likes.

    Attributes:
        port: Of the upstream.

    Raises:
        RuntimeError: It cannot be compiled.
    """

    port: int

    def __init__(self, scripts: Iterable[Script], core: int | None = None) -> None:
        self._program, self._core = built(), core
        self._scripts = b"".join([*map(_written, scripts), f"{SILENT_STREAM} 1 1 0 1 0 0\n\n".encode()])
        self._scripts += f"{SILENT_CALL} 0 1 0 1 0 0\n\n".encode()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        file = Path(self._stack.enter_context(tempfile.TemporaryDirectory())) / "scripts"
        file.write_bytes(self._scripts)
        command = [str(self._program), str(file), *([] if self._core is None else [str(self._core)])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._stack.callback(self._end)
        self.port = int(self._line())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def load(self, asked: Ask, connections: int, count: int) -> Load:
        """Ask so often, so many at a time."""
        return self._tell("load", asked, connections, count, Load)

    def hold(self, asked: Ask, count: int) -> None:
        """Open so many streams, and leave them open after their first text."""
        self._tell("hold", asked, 1, count, _Error)

    def leave(self, asked: Ask, pieces: int) -> Left:
        """Ask, and go after so many pieces of text."""
        return self._tell("leave", asked, 1, pieces, Left)

    def drop(self) -> None:
        """Close all connections to gateways."""
        self._say(b"drop\n", _Error)

    def answers(self) -> int:
        """How many answers the upstream has sent to their end."""
        return self._say(b"answers\n", dict[str, int])["answers"]

    def _tell(self, name: str, asked: Ask, connections: int, count: int, answer: type[T]) -> T:
        head = f"{name} {asked.port} {connections} {count} {asked.script} {len(asked.request)}\n"
        return self._say(head.encode() + asked.request, answer)

    def _say(self, command: bytes, answer: type[T]) -> T:
        assert self._process.stdin is not None
        self._process.stdin.write(command)
        self._process.stdin.flush()
        line = self._line()
        if (error := msgspec.json.decode(line, type=_Error).error) is not None:
            raise RuntimeError(error)
        return msgspec.json.decode(line, type=answer)

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator ended")
        return line

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


def _written(script: Script) -> bytes:
    """A script as the program reads it. The head of an answer stays in one write with what follows it."""
    stream, text = script.kind != "single", script.text.encode()
    holds = script.kind == "hold"
    head = f"{script.segment} {stream:d} {holds:d} {script.gap_us} {script.spread} {len(script.writes)} {len(text)}\n"
    writes = b"".join(b"%d\n%b\n" % (len(write), write) for write in script.writes)
    return head.encode() + text + b"\n" + writes
