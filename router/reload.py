"""A changed file is picked up while the service runs: read and checked off the loop, then swapped as a whole.

A file that is wrong, or cannot be seen any more, changes nothing: the configuration that serves goes on, and the log
says what is wrong and where.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from ..config import load_off_loop, trail
from ..config.errors import ConfigError
from ..config.model import Config
from ..config.trail import LOOK_EVERY_S, watcher
from ..config.yaml_source import BYTES_MAX
from ..providers.files import UnreadableFile, read_bounded
from .health.snapshot import FileSnapshot

Changes: TypeAlias = AsyncIterator[object]
"""Yields whenever the file may have changed."""

GONE_AFTER_S = 1.0
"""A file that is replaced in two steps is not there for a moment."""

STOP_S = 5.0
"""A watcher that takes longer to end, because a file system does not answer, ends without anything waiting for it."""


class Reloader:
    """Watches one file and swaps what it says into a Router.

    Args:
        path: The file.
        swap: Takes the new configuration.
        tell: Takes the outcome, for the log: `reloaded` or `reload_refused`, and what is wrong; `reload_lost`, once,
            when the file cannot be seen any more, and `reload_found`, when it can again.
        changes: When the file may have changed; None: the extra `reload` (watchfiles) tells.

    Raises:
        MissingExtraError: Nothing is given to tell of changes, and watchfiles is not installed.

    Attributes:
        reloads: How often the file was read anew and serves.
        refusals: How often it was wrong.
        refused: What is wrong with it as it is now; None: it serves.
        lost: Why it cannot be read any more; None: it can.
        blind: Why the system tells of no changes, so that it is only looked at now and then; None: it tells.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        swap: Callable[[Config], None],
        tell: Callable[[str, str], None],
        changes: Changes | None = None,
    ) -> None:
        self._path, self._swap, self._tell = Path(os.path.abspath(path)), swap, tell
        if changes is None:
            watcher()
            changes = trail.changes(self._path, self._is_blind)
        self._changes = changes
        self._text = _text(self._path)
        self._task: asyncio.Task[None] | None = None
        self._gone_from_s: float | None = None
        self._stopped = False
        self.reloads = 0
        self.refusals = 0
        self.refused: str | None = None
        self.lost: str | None = None
        self.blind: str | None = None

    def start(self) -> None:
        """Watch from now on, in a task of its own."""
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="standby-reload")

    def stop(self) -> None:
        """Watch no longer, from now on. Idempotent."""
        if self._task is not None and not self._stopped:
            self._stopped = True
            self._task.cancel()

    async def aclose(self, wait_s: float = STOP_S) -> None:
        """Watch no longer, and wait for the watcher's end, for at most so long.

        Idempotent; after a cancellation the next one waits for what is left.
        """
        self.stop()
        if self._task is not None:
            _, still = await asyncio.wait([self._task], timeout=wait_s)
            if still:
                self._tell("standby.reload_lost", f"the watcher of {self._path} does not end")

    async def look(self) -> None:
        """Read the file now; if it says something else than before, serve by that."""
        try:
            text = await asyncio.to_thread(read_bounded, self._path, BYTES_MAX)
        except UnreadableFile as error:
            self._is_gone(str(error))
            return
        self._is_there()
        if text == self._text:
            return
        self._text = text
        try:
            self._swap(await load_off_loop(self._path))
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the configuration that serves goes on
            self.refused = str(error) if isinstance(error, ConfigError) else f"it raised {type(error).__name__}"
        else:
            self.refused = None
        if self.refused is None:
            self.reloads += 1
            self._tell("standby.reloaded", str(self._path))
        else:
            self.refusals += 1
            self._tell("standby.reload_refused", self.refused)

    def snapshot(self) -> FileSnapshot:
        """How the file stands at this instant."""
        return FileSnapshot(str(self._path), self.reloads, self.refusals, self.refused, self.lost, self.blind)

    def _is_gone(self, problem: str) -> None:
        """The file cannot be read: for a moment, while another one takes its place; or it is to be told."""
        now_s = asyncio.get_running_loop().time()
        if self._gone_from_s is None:
            self._gone_from_s = now_s
        elif now_s - self._gone_from_s >= GONE_AFTER_S and self.lost != problem:
            self.lost = problem
            self._tell("standby.reload_lost", f"{self._path} {problem}; what was read last serves on")

    def _is_there(self) -> None:
        self._gone_from_s = None
        if self.lost is not None:
            self.lost = None
            self._tell("standby.reload_found", f"{self._path} can be read again")

    def _is_blind(self, problem: str | None) -> None:
        """The system tells of changes no more, or again."""
        self.blind = problem
        if problem is None:
            self._tell("standby.reload_found", f"the system tells of changes of {self._path} again")
        else:
            instead = f"it is looked at every {LOOK_EVERY_S:g} s"
            self._tell("standby.reload_lost", f"the system tells of no changes of {self._path} ({problem}): {instead}")

    async def _follow(self) -> None:
        try:
            async for _ in self._changes:
                await self.look()
        except Exception as error:  # noqa: BLE001 - whatever ends the watching, the service goes on, and says so
            self.lost = f"is watched no longer: {type(error).__name__}"
            self._tell("standby.reload_lost", f"{self._path} {self.lost}")
        finally:
            if isinstance(self._changes, AsyncGenerator):
                await self._changes.aclose()  # the watcher holds files of its own


def _text(path: Path) -> bytes | None:
    try:
        return read_bounded(path, BYTES_MAX)
    except UnreadableFile:
        return None
