"""Where a target's keys come from: values that are known at once, files that may change, functions that are asked.

What cannot be had is an error of kind `auth` on our side. Its text names the file, never a key, nor what a function
said when it raised.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from ..config.model import KeyCallback, Target
from ..providers.errors import ErrorKind, ProviderError
from ..providers.secret import Secret

KeySource: TypeAlias = Secret | KeyCallback | Path


def key_sources(target: Target, key_env: str | None, environment: Mapping[str, str]) -> tuple[KeySource, ...]:
    """Where the keys of a target come from, in the order in which they are written; empty: it has none."""
    given = (target.key, *target.keys)
    sources = tuple(Secret(key) if isinstance(key, str) else key for key in given if key is not None)
    if sources:
        return sources
    if target.key_file is not None:
        return (Path(target.key_file).expanduser(),)
    value = environment.get(key_env, "").strip() if key_env else ""
    return (Secret(value),) if value else ()


class KeyReader:
    """Reads the keys of one target. A file is read anew when it has changed."""

    __slots__ = ("_seen", "_sources")

    def __init__(self, sources: tuple[KeySource, ...]) -> None:
        self._sources = sources
        self._seen: dict[Path, tuple[int, Secret]] = {}

    def at_once(self, place: int) -> Secret | None:
        """The key, when it is known without asking anybody."""
        source = self._sources[place]
        return source if isinstance(source, Secret) else None

    async def read(self, place: int, by_s: float) -> Secret:
        """The key as its file or function gives it now.

        Args:
            by_s: When a function must have answered, on the loop's clock.

        Raises:
            ProviderError: It cannot be had; nobody but ourselves is to blame.
        """
        source = self._sources[place]
        if isinstance(source, Secret):
            return source
        if isinstance(source, Path):
            return self._from_file(source)
        try:
            async with asyncio.timeout_at(by_s):
                key = await source()
        except TimeoutError:
            raise ProviderError(ErrorKind.AUTH, "the key callback gave no key in time", local=True) from None
        except Exception as error:  # noqa: BLE001 - a user's callback may raise anything, and its text may hold the token
            raise ProviderError(ErrorKind.AUTH, f"the key callback raised {type(error).__name__}", local=True) from None
        text = key.reveal() if isinstance(key, Secret) else key
        if not isinstance(text, str) or not text.strip():
            gave = "an empty key" if isinstance(text, str) else f"no text, but {type(text).__name__}"
            raise ProviderError(ErrorKind.AUTH, f"the key callback gave {gave}", local=True)
        return Secret(text.strip())

    def _from_file(self, path: Path) -> Secret:
        try:
            stamp = path.stat().st_mtime_ns
            seen = self._seen.get(path)
            if seen is None or seen[0] != stamp:
                key = path.read_text(encoding="utf-8").strip()
                if not key:
                    raise ProviderError(ErrorKind.AUTH, f"the key file {path} is empty", local=True)
                seen = self._seen[path] = (stamp, Secret(key))
        except (OSError, UnicodeDecodeError) as error:
            raise ProviderError(
                ErrorKind.AUTH, f"the key file {path} cannot be read: {type(error).__name__}", local=True
            ) from None
        return seen[1]
