"""Files that say how to serve: has one of them another content than when it was last read?

The content is compared, not a date: links of a deployment that are moved, files of network file systems and two edits
within one tick of a clock are all seen. The files are small, and are looked at in a thread.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from ..config.yaml_source import BYTES_MAX
from ..providers.files import UnreadableFile, read_bounded

Contents: TypeAlias = dict[Path, bytes | None]
"""Of each file a digest of its content; None: it cannot be read."""


class Watched:
    """Files that are looked at now and then.

    Args:
        files: Gives their paths as they are now: a new configuration may name others.
    """

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        self._files = files
        self._seen = self._look()

    @property
    def any(self) -> bool:
        """Are there any?"""
        return bool(self._seen)

    def has_changed(self) -> bool:
        """Is one of them other than when they were last `seen`? Reads files: ask it in a thread."""
        return self._look() != self._seen

    def seen(self) -> None:
        """Take them as they are now: what changes after this is a change. Reads files: call it in a thread."""
        self._seen = self._look()

    def _look(self) -> Contents:
        return {path: _digest(path) for path in self._files()}


def _digest(path: Path) -> bytes | None:
    try:
        return sha256(read_bounded(path, BYTES_MAX)).digest()
    except UnreadableFile:
        return None
