"""The path to a file through folders and links, and changes on it, as far as the system reports them.

A file is not all that changes when people change it. Editors put another file in its place, orchestrators move a link
to a folder (`..data` of a ConfigMap, `current` of a deployment), and folders are moved away, removed and made anew. A
watch holds on to what it was set on. So every folder on the way is watched, of links both ways, and the watch is set
anew when the way has become another one.

Systems do not tell of everything: nothing of network file systems, and nothing once their limits are used up. So there
is a look every `LOOK_EVERY_S` beside it, which takes some microseconds in a thread.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

from ..providers.errors import MissingExtraError

LOOK_EVERY_S = 2.0

LINKS_MAX = 40
"""More links than the system itself follows."""

STEP_MS = 200
"""How long after a change it is told, at most; the watcher's thread wakes so often."""


class Trail(NamedTuple):
    """The way to a file, as it is now.

    Attributes:
        names: Each folder, link and file on it, by its path, from the root on: what may change.
        folders: Those that are there and hold a name, with what tells one from another of the same name.
    """

    names: frozenset[str]
    folders: Mapping[str, tuple[int, int]]


def trail(path: str | os.PathLike[str]) -> Trail:
    """The way to a file. What is missing on it ends it, and is on it."""
    names: set[str] = set()
    folders: dict[str, tuple[int, int]] = {}
    parts = list(Path(os.path.abspath(path)).parts)
    here, links = parts.pop(0), 0
    while parts:
        try:
            about = os.stat(here)
        except OSError:
            break
        folders[here] = about.st_dev, about.st_ino
        part = parts.pop(0)
        if part == os.pardir:
            here = os.path.dirname(here)
            continue
        entry = os.path.join(here, part)
        names.add(entry)
        try:
            target = os.readlink(entry)
        except OSError:  # no link, or not there
            here = entry
            continue
        links += 1
        if links > LINKS_MAX:
            break
        anchor, *rest = Path(target).parts or (os.curdir,)
        if os.path.isabs(target):
            here = anchor
        else:
            rest = [anchor, *rest]
        parts = rest + parts
    return Trail(frozenset(names), folders)


async def changes(path: Path, tell: Callable[[str | None], None]) -> AsyncGenerator[object, None]:
    """Yields at the beginning, when something happens on the way to a file, and in any case every `LOOK_EVERY_S`.

    Args:
        tell: Takes what keeps the system from telling of changes, once; None, once it tells again.

    Raises:
        MissingExtraError: watchfiles is not installed.
    """
    awatch, now_s = watcher(), asyncio.get_running_loop().time
    told: str | None = None
    failures = 0
    while True:
        way = await asyncio.to_thread(trail, path)
        yield None  # since the last look, and between two watches, anything may have happened
        looked_s = now_s()
        try:
            async with aclosing(_watch(awatch, way)) as seen:
                async for changed in seen:
                    failures = 0
                    if told is not None:
                        told = None
                        tell(None)
                    if changed and way.names.isdisjoint(changed) and now_s() - looked_s < LOOK_EVERY_S:
                        continue  # of a neighbour: in the folders near the root much happens
                    if not way.folders.keys().isdisjoint(changed) or await asyncio.to_thread(trail, path) != way:
                        break  # a folder that is made anew may even have the number of the old one
                    yield None
                    looked_s = now_s()
                else:
                    await asyncio.sleep(LOOK_EVERY_S)  # it ended by itself
        except Exception as error:  # noqa: BLE001 - the watcher's own errors are of several sorts, and none is the file's
            problem = getattr(error, "strerror", None) or type(error).__name__
            failures += 1  # the first may be a folder's that was removed just now
            if failures > 1 and told != problem:
                told = problem
                tell(problem)
            await asyncio.sleep(LOOK_EVERY_S)


async def _watch(awatch: Callable[..., AsyncGenerator[Any, None]], way: Trail) -> AsyncGenerator[list[str], None]:
    """The names that have changed, as they do; and none, every `LOOK_EVERY_S`."""
    watching = awatch(
        *way.folders,
        watch_filter=None,
        debounce=5 * STEP_MS,
        step=STEP_MS,
        rust_timeout=int(LOOK_EVERY_S * 1000),
        yield_on_timeout=True,
        recursive=False,
        ignore_permission_denied=True,
    )
    async with aclosing(watching):
        async for found in watching:
            yield [name for _, name in found]


def watcher() -> Callable[..., AsyncGenerator[Any, None]]:
    """The function of watchfiles that watches.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        from watchfiles import awatch
    except ImportError:
        raise MissingExtraError("watching a file for changes", "reload") from None
    return awatch
