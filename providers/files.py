"""Read files that a configuration names, within bounds: a pipe, a device or a socket is refused at once.

Opening is never blocked by a pipe without a writer, no more is read than the caller's bound, and what is wrong is said
in words that tell what to do. `/dev/null` stands for an empty file, as everywhere.
"""

import asyncio
import os
import stat
import threading
from contextlib import suppress
from os import PathLike
from pathlib import Path

_NEVER_BLOCKS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

CERTIFICATES_BYTES_MAX = 16 * 1024 * 1024
"""A file of all the authorities that browsers trust takes a quarter of a mebibyte."""

AT_ONCE_S = 0.01
"""Maximum time that a file may block the loop, on a slow file system."""

_SORTS = (
    (stat.S_ISDIR, "cannot be read: Is a directory"),
    (stat.S_ISFIFO, "is a pipe, not a file: write what comes through it into a file"),
    (stat.S_ISSOCK, "is a socket, not a file"),
    (stat.S_ISCHR, "is a device, not a file"),
    (stat.S_ISBLK, "is a device, not a file"),
)


class UnreadableFile(OSError):
    """A file cannot be read as one. `str` is the rest of a sentence that begins with its name."""


def read_bounded(path: str | PathLike[str], bytes_max: int) -> bytes:
    """All of a regular file.

    Raises:
        UnreadableFile: It is no regular file, larger than so much, or cannot be read.
    """
    try:
        number = os.open(path, os.O_RDONLY | _NEVER_BLOCKS)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    try:
        about = os.fstat(number)
        if stat.S_ISCHR(about.st_mode) and os.path.samestat(about, os.stat(os.devnull)):
            return b""
        if problem := _no_file(about.st_mode):
            raise UnreadableFile(problem)
        with os.fdopen(number, "rb", closefd=False) as file:
            data: bytes | None = file.read(bytes_max + 1)
    except UnreadableFile:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(number)
    if data is None:  # some files of /proc call themselves regular, and wait for what will come
        raise UnreadableFile("cannot be read: it holds nothing yet, as a pipe does")
    if len(data) > bytes_max:
        raise UnreadableFile(f"is larger than {bytes_max // 1024} KiB")
    return data


async def read_off_loop(path: str | PathLike[str], bytes_max: int, for_s: float) -> bytes:
    """The same in a thread of its own, for at most so long: a file system may hang, and threads of a pool be taken.

    The loop waits for `AT_ONCE_S`, in which nearly every file is read: to go round and come back would take longer. The
    time is the machine's, and no timer of the loop's.

    Raises:
        UnreadableFile: As above; or it was not read in time.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[bytes] = loop.create_future()
    outcome: list[bytes | UnreadableFile] = []
    done = threading.Event()

    def tell() -> None:
        if not found.done():
            _settle(found, outcome[0])

    def read() -> None:
        try:
            data: bytes | UnreadableFile = read_bounded(path, bytes_max)
        except UnreadableFile as error:
            data = error
        end(data)

    def end(data: bytes | UnreadableFile) -> None:
        outcome.append(data)  # of a reader and its watcher, the first counts
        done.set()
        with suppress(RuntimeError):  # the loop is closed: nothing waits for it any more
            loop.call_soon_threadsafe(tell)

    def watch() -> None:
        if not done.wait(min(max(for_s, 0.0), threading.TIMEOUT_MAX)):
            end(UnreadableFile("is not read in time: its file system does not answer"))

    try:
        threading.Thread(target=read, name="standby-file", daemon=True).start()
        if done.wait(AT_ONCE_S):
            _settle(found, outcome[0])
        else:
            threading.Thread(target=watch, name="standby-file-watch", daemon=True).start()
    except RuntimeError:
        raise UnreadableFile("cannot be read: no thread can be started") from None
    return await found


def _settle(found: asyncio.Future[bytes], outcome: bytes | UnreadableFile) -> None:
    if isinstance(outcome, bytes):
        found.set_result(outcome)
    else:
        found.set_exception(outcome)


def _unreadable(path: str | PathLike[str], error: Exception) -> UnreadableFile:
    """A socket cannot even be opened: what it is is told, and not only that it cannot be read."""
    try:
        problem = _no_file(Path(path).stat().st_mode)
    except (OSError, ValueError):
        problem = None
    reason = error.strerror if isinstance(error, OSError) else None
    return UnreadableFile(problem or f"cannot be read: {reason or type(error).__name__}")


def _no_file(mode: int) -> str | None:
    """Why something of this mode is no file; None: it is one."""
    if stat.S_ISREG(mode):
        return None
    return next((words for of_sort, words in _SORTS if of_sort(mode)), "is no file")
