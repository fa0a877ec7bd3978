"""Until the first word of an answer, show on a terminal which target is asked and which attempts have failed."""

import asyncio
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from ..router import RoutedStream
from ..router.result.report import Report
from .told import failed_lines

_EVERY_S = 0.1


class Waiting:
    """Shows its status while its block runs, or until `over`; only on a terminal.

    Args:
        stream: The stream with the report to show.
        quiet: Show nothing.
    """

    def __init__(self, stream: RoutedStream, err: Console, *, quiet: bool = False) -> None:
        self._stream = stream
        self._status = None if quiet or not err.is_terminal else Status("", console=err, spinner="dots")
        self._task: asyncio.Task[None] | None = None

    def over(self) -> None:
        """Stop: the answer has begun. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._status is not None:
            self._status.stop()
            self._status = None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
            self._task = asyncio.get_running_loop().create_task(self._follow(self._status))
        return self

    def __exit__(self, *_: object) -> None:
        self.over()

    async def _follow(self, status: Status) -> None:
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        while True:
            status.update(Text(_state(self._stream.report, loop.time() - since_s), style="dim"))
            await asyncio.sleep(_EVERY_S)


def _state(report: Report, waited_s: float) -> str:
    lines = failed_lines(report)
    running = next((attempt.target for attempt in report.attempts if attempt.outcome == "running"), None)
    now = f"waiting for {running}" if running else "waiting to try again" if lines else "asking"
    return "\n".join([f"{now} … {waited_s:.0f} s" if waited_s >= 1 else f"{now} …", *(f"  {line}" for line in lines)])
