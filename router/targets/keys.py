"""Sources of a target's keys: values that are known at once, files that may change, functions that are called.

What cannot be had is an error of kind `auth` on our side. Its text names the file, never a key, nor what a function
said when it raised.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ...config.errors import ConfigError
from ...config.keys import KEY_BYTES_MAX, key_in
from ...config.target import KeyCallback, Target
from ...providers.cloud_keys import NoKey
from ...providers.errors import ErrorKind, MissingExtraError, ProviderError
from ...providers.files import UnreadableFile, read_off_loop
from ...providers.secret import Secret

KeySource: TypeAlias = Secret | KeyCallback | Path


def key_sources(
    target: Target, key_env: str | None, environment: Mapping[str, str], provider: object = None
) -> tuple[KeySource, ...]:
    """Where the keys of a target come from, in the order in which they are written; empty: it has none.

    Args:
        provider: May have a `key_source` of its own, for targets that give no key.
    """
    given = (target.key, *target.keys)
    sources = tuple(Secret(key) if isinstance(key, str) else key for key in given if key is not None)
    if sources:
        return sources
    if target.key_file is not None:
        return (Path(target.key_file).expanduser(),)
    own = getattr(provider, "key_source", None)
    if own is not None and (source := own(target.options, environment)) is not None:
        return (source,)
    value = environment.get(key_env, "").strip() if key_env else ""
    return (Secret(value),) if value else ()


Stamp: TypeAlias = tuple[int, int, int, int, int]

INSTANT_S = 2.0
"""The coarsest clock of a file system in use (FAT) ticks so slowly; those of others by some milliseconds."""


class _Seen(NamedTuple):
    """A key that was read.

    Attributes:
        stamp: Of its file, before it was read.
        since_s: When the stamp was seen first, on the loop's clock.
        settled: It was read so long after that a later change has another stamp.
    """

    stamp: Stamp
    key: Secret
    since_s: float
    settled: bool


class KeyReader:
    """Reads the keys of one target. A file is read anew when it has changed."""

    __slots__ = ("_reading", "_seen", "_sources")

    def __init__(self, sources: tuple[KeySource, ...]) -> None:
        self._sources = sources
        self._seen: dict[Path, _Seen] = {}
        self._reading: dict[Path, asyncio.Future[Secret]] = {}

    def at_once(self, index: int) -> Secret | None:
        """The key, if it is known without a file or a callback."""
        source = self._sources[index]
        return source if isinstance(source, Secret) else None

    async def read(self, index: int, by_s: float) -> Secret:
        """The key as its file or function gives it now.

        Args:
            by_s: When the function or the file system must have answered, on the loop's clock.

        Raises:
            ProviderError: The key cannot be had; the cause is local.
        """
        source = self._sources[index]
        if isinstance(source, Secret):
            return source
        if isinstance(source, Path):
            return await self._from_file(source, by_s - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout_at(by_s):
                key = await source()
        except TimeoutError:
            raise ProviderError(ErrorKind.AUTH, "the key callback gave no key in time", local=True) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise ProviderError(ErrorKind.AUTH, "the key callback was cancelled", local=True) from None
        except (NoKey, MissingExtraError) as error:
            raise ProviderError(ErrorKind.AUTH, str(error), local=True) from None
        except Exception as error:  # noqa: BLE001 - a user's callback may raise anything, and its text may hold the token
            raise ProviderError(ErrorKind.AUTH, f"the key callback raised {type(error).__name__}", local=True) from None
        text = key.reveal() if isinstance(key, Secret) else key
        if not isinstance(text, str) or not text.strip():
            gave = "an empty key" if isinstance(text, str) else f"no text, but {type(text).__name__}"
            raise ProviderError(ErrorKind.AUTH, f"the key callback gave {gave}", local=True)
        return Secret(text.strip())

    async def _from_file(self, path: Path, for_s: float) -> Secret:
        """The key in a file; what was read is kept until the file is another one, or was changed.

        A change within the same instant of the file system's clock leaves no trace. So what was read is trusted only
        once it is older than that.
        """
        stamp, seen = _stamp(path), self._seen.get(path)
        if seen is not None and seen.settled and seen.stamp == stamp:
            return seen.key
        reading = self._reading.get(path)
        if reading is None:
            reading = asyncio.ensure_future(self._read_file(path, for_s))
            self._reading[path] = reading
            reading.add_done_callback(partial(self._was_read, path))
        try:
            return await asyncio.shield(reading)
        except ProviderError as shared:  # an exception of its own for each call: it goes on to hold the call's frames
            problem = shared.detail
        raise ProviderError(ErrorKind.AUTH, problem, local=True)

    def _was_read(self, path: Path, reading: asyncio.Future[Secret]) -> None:
        del self._reading[path]
        if not reading.cancelled():
            reading.exception()  # told to the calls that wait for it; there may be none left

    async def _read_file(self, path: Path, for_s: float) -> Secret:
        now_s = asyncio.get_running_loop().time
        stamp, seen = _stamp(path), self._seen.get(path)
        since_s = now_s() if seen is None or seen.stamp != stamp else seen.since_s
        try:
            key = key_in(await read_off_loop(path, KEY_BYTES_MAX, for_s), str(path))
        except UnreadableFile as error:
            raise ProviderError(ErrorKind.AUTH, f"the key file {path} {error}", local=True) from None
        except ConfigError as error:
            raise ProviderError(ErrorKind.AUTH, str(error), local=True) from None
        if stamp is not None:
            self._seen[path] = _Seen(stamp, key, since_s, now_s() - since_s > INSTANT_S)
        return key


def _stamp(path: Path) -> Stamp | None:
    """What changes when another file takes its place, or it is written or given other attributes; None: it is gone."""
    try:
        about = path.stat()
    except (OSError, ValueError):
        return None
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
