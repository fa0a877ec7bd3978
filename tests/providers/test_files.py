"""Files that people name, and that are none: nothing waits for them, and what they are is told."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standby.providers import files
from standby.providers.files import UnreadableFile, read_bounded, read_off_loop

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket may not be long
        bound.bind(path.name)
        os.chdir(here)


def _large(path: Path) -> None:
    path.write_bytes(b"x" * 1025)


ODD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "pipe": (_pipe, "is a pipe, not a file: write what comes through it into a file"),
    "device": (_zeros, "is a device, not a file"),
    "socket": (_socket, "is a socket, not a file"),
    "folder": (Path.mkdir, "cannot be read: Is a directory"),
    "large": (_large, "is larger than 1 KiB"),
    "gone": (lambda path: None, "cannot be read: No such file or directory"),
    "loop": (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
}


@pytest.mark.parametrize("sort", ODD)
async def test_what_is_no_file_is_refused_at_once(tmp_path: Path, sort: str) -> None:
    make, words = ODD[sort]
    make(tmp_path / "f")
    with pytest.raises(UnreadableFile) as caught:
        read_bounded(tmp_path / "f", 1024)
    assert str(caught.value) == words
    with pytest.raises(UnreadableFile) as caught:
        await read_off_loop(tmp_path / "f", 1024, 1.0)
    assert str(caught.value) == words


async def test_a_pipe_with_a_writer_is_none_the_less_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f")
    number = os.open(tmp_path / "f", os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(number, b"sk-1")
        with pytest.raises(UnreadableFile, match="is a pipe"):
            read_bounded(tmp_path / "f", 1024)
    finally:
        os.close(number)


async def test_a_file_is_read_up_to_its_bound_and_the_empty_device_is_empty(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 1024)
    (tmp_path / "link").symlink_to(tmp_path / "f")
    for name in ("f", "link"):
        assert read_bounded(tmp_path / name, 1024) == b"x" * 1024
        assert await read_off_loop(str(tmp_path / name), 1024, 1.0) == b"x" * 1024
    assert read_bounded(os.devnull, 10) == b""


def test_a_name_that_none_can_have(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="cannot be read: ValueError"):
        read_bounded(str(tmp_path / "a\0b"), 10)


async def test_a_file_system_that_hangs_costs_the_loop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(files, "read_bounded", lambda path, bytes_max: release.wait() and b"late")
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    other = asyncio.ensure_future(turning())
    before = time.monotonic()
    with pytest.raises(UnreadableFile, match="its file system does not answer"):
        await read_off_loop("anywhere", 10, 0.1)
    assert time.monotonic() - before < 5.0
    assert turns > 3
    reading = asyncio.ensure_future(read_off_loop("anywhere", 10, 60.0))
    await asyncio.sleep(0.02)
    release.set()
    assert await reading == b"late"
    gone = asyncio.ensure_future(read_off_loop("anywhere", 10, 60.0))
    gone.cancel()
    other.cancel()
    await asyncio.wait([other, gone])


async def test_without_threads_it_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(UnreadableFile, match="no thread can be started"):
        await read_off_loop(tmp_path / "f", 10, 1.0)


async def test_a_file_that_only_calls_itself_one_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `/proc/kmsg`, which is a regular file by its mode."""
    _pipe(tmp_path / "f")
    monkeypatch.setattr(files, "_no_file", lambda mode: None)
    writer = os.open(tmp_path / "f", os.O_RDWR)
    try:
        with pytest.raises(UnreadableFile, match=r"^cannot be read: it holds nothing yet, as a pipe does$"):
            read_bounded(tmp_path / "f", 1024)
        with pytest.raises(UnreadableFile, match=r"^cannot be read: it holds nothing yet, as a pipe does$"):
            await read_off_loop(tmp_path / "f", 1024, 1.0)
    finally:
        os.close(writer)
