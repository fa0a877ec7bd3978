"""Until the first word of an answer, show on a terminal which target is asked and which attempts have failed."""

import asyncio
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from ..router import RoutedStream
from ..router.result.report import Report

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
        while True:
            status.update(Text(_state(self._stream.report), style="dim"))
            await asyncio.sleep(_EVERY_S)


def _state(report: Report) -> str:
    lines = [attempt.line() for attempt in report.attempts if attempt.outcome == "failed"]
    running = next((attempt.target for attempt in report.attempts if attempt.outcome == "running"), None)
    now = f"waiting for {running}" if running else "waiting to try again" if lines else "asking"
    return "\n".join([f"{now} …", *(f"  {line}" for line in lines)])
