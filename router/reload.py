"""A changed file is picked up while the service runs: read and checked off the loop, then swapped as a whole.

A file that is wrong changes nothing: the configuration that serves goes on, and the log says what is wrong and where.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from ..config import load_off_loop
from ..config.model import Config, ConfigError
from ..config.yaml_source import BYTES_MAX
from ..providers.errors import MissingExtraError
from ..providers.files import UnreadableFile, read_bounded

Changes: TypeAlias = AsyncIterator[object]
"""Yields whenever the file may have changed."""


class Reloader:
    """Watches one file and swaps what it says into a Router.

    Args:
        path: The file.
        swap: Takes the new configuration.
        tell: Takes the outcome, for the log: `reloaded` or `reload_refused`, and what is wrong.
        changes: When the file may have changed; None: the extra `reload` (watchfiles) tells.

    Raises:
        MissingExtraError: Nothing is given to tell of changes, and watchfiles is not installed.

    Attributes:
        reloads: How often the file was read anew and serves.
        refusals: How often it was wrong.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        swap: Callable[[Config], None],
        tell: Callable[[str, str], None],
        changes: Changes | None = None,
    ) -> None:
        self._path, self._swap, self._tell = Path(path), swap, tell
        self._changes = changes if changes is not None else _watched(self._path)
        self._text = _text(self._path)
        self._task: asyncio.Task[None] | None = None
        self.reloads = 0
        self.refusals = 0

    def start(self) -> None:
        """Watch from now on, in a task of its own."""
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="understudy-reload")

    async def aclose(self) -> None:
        """Watch no longer."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if isinstance(self._changes, AsyncGenerator):
            await self._changes.aclose()  # the watcher holds files of its own

    async def look(self) -> None:
        """Read the file now, if it is not what it was."""
        text = await asyncio.to_thread(_text, self._path)
        if text is None or text == self._text:  # gone for a moment while it is replaced, or touched only
            return
        self._text = text
        try:
            config = await load_off_loop(self._path)
        except ConfigError as error:
            self.refusals += 1
            self._tell("understudy.reload_refused", str(error))
            return
        self._swap(config)
        self.reloads += 1
        self._tell("understudy.reloaded", str(self._path))

    async def _follow(self) -> None:
        try:
            async for _ in self._changes:
                await self.look()
        except Exception as error:  # noqa: BLE001 - whatever ends the watching, the service goes on, and says so
            self._tell("understudy.reload_refused", f"{self._path} is watched no longer: {type(error).__name__}")


def _text(path: Path) -> bytes | None:
    try:
        return read_bounded(path, BYTES_MAX)
    except UnreadableFile:
        return None


def _watched(path: Path) -> Changes:
    try:
        from watchfiles import awatch
    except ImportError:
        raise MissingExtraError("watching a file for changes", "reload") from None
    # The folder is watched, not the file: editors and orchestrators replace files, and links to them.
    return awatch(path.parent, recursive=False)
