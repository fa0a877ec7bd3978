"""Keys in files: what is no file costs the target and no call, and every change of one is seen."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from standby.providers.errors import ErrorKind, ProviderError
from standby.providers.secret import Secret
from standby.router.targets import keys
from standby.router.targets.keys import INSTANT_S, KeyReader

from canaries import CANARY_KEY, assert_no_canary
from stage import Stage, says
from standby import Router, Target

MakeStage = Callable[..., Stage]


def _by_s() -> float:
    return asyncio.get_running_loop().time() + 5.0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("sort", ["pipe", "device", "folder", "gone", "large"])
async def test_the_next_target_is_asked_at_once(stage: MakeStage, tmp_path: Path, sort: str) -> None:
    path = tmp_path / "key"
    match sort:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "large":
            path.write_text(CANARY_KEY * 10_000)
    one = stage(b=says("B"))
    bad = Target("openai", model="m", name="bad", base_url="https://a.test", key_file=str(path))
    began_s = asyncio.get_running_loop().time()
    async with Router([bad, *one.targets()], transport=one.transport) as router:
        answer = await router.complete("hi", deadline_s=20)
    assert asyncio.get_running_loop().time() - began_s < 10
    assert answer.text == "B"
    failed, _ = answer.report.attempts
    assert failed.kind is ErrorKind.AUTH
    assert f"the key file {path} " in failed.detail
    assert_no_canary(failed.detail)


@pytest.mark.parametrize("way", ["in place", "another file", "a link"])
async def test_a_key_of_equal_size_and_time_is_seen(tmp_path: Path, way: str) -> None:
    path, other = tmp_path / "key", tmp_path / "other"
    reader = KeyReader((path,))

    def write(file: Path, key: str) -> None:
        file.write_text(key)
        os.utime(file, ns=(10**18, 10**18))

    write(path, "key-1")
    assert await reader.read(0, _by_s()) == Secret("key-1")
    for number in range(2, 9):
        match way:
            case "in place":
                write(path, f"key-{number}")
            case "another file":
                write(other, f"key-{number}")
                os.replace(other, path)
            case "a link":
                target = tmp_path / f"data-{number}"
                write(target, f"key-{number}")
                other.symlink_to(target)
                os.replace(other, path)
        assert await reader.read(0, _by_s()) == Secret(f"key-{number}")


async def test_a_file_that_stays_is_read_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    path.write_text("key-1")
    reader, loop, reads = KeyReader((path,)), asyncio.get_running_loop(), 0
    real = keys.read_off_loop

    async def counted(*about: object) -> bytes:
        nonlocal reads
        reads += 1
        return await real(*about)  # type: ignore[arg-type]

    monkeypatch.setattr(keys, "read_off_loop", counted)
    now_s = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now_s)
    for at_s, read in ((0.0, 1), (INSTANT_S / 2, 2), (INSTANT_S + 0.1, 3), (INSTANT_S + 0.2, 3), (1000.0, 3)):
        monkeypatch.setattr(loop, "time", lambda at_s=at_s: now_s + at_s)
        assert await reader.read(0, now_s + 2000.0) == Secret("key-1")
        assert reads == read
    path.write_text("key-2")
    assert await reader.read(0, now_s + 2000.0) == Secret("key-2")


async def test_calls_that_ask_at_the_same_time_share_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, released = 0, asyncio.Event()

    async def slow(*_: object) -> bytes:
        nonlocal reads
        reads += 1
        await released.wait()
        return b"key-1"

    monkeypatch.setattr(keys, "read_off_loop", slow)
    (tmp_path / "key").write_text("key-1")
    reader = KeyReader((tmp_path / "key",))
    asked = [asyncio.ensure_future(reader.read(0, _by_s())) for _ in range(50)]
    await asyncio.sleep(0)
    asked.pop().cancel()  # a call that leaves takes the reading away from none of the others
    await asyncio.sleep(0)
    released.set()
    assert await asyncio.gather(*asked) == [Secret("key-1")] * 49
    assert reads == 1


async def test_a_reading_that_fails_is_told_to_each_and_tried_anew(tmp_path: Path) -> None:
    reader = KeyReader((tmp_path / "key",))
    failures = await asyncio.gather(*(reader.read(0, _by_s()) for _ in range(3)), return_exceptions=True)
    for failure in failures:
        assert isinstance(failure, ProviderError)
        assert failure.local
    assert len({id(failure) for failure in failures}) == 3  # what one call notes on its own is not on the others'
    (tmp_path / "key").write_text("key-1")
    assert await reader.read(0, _by_s()) == Secret("key-1")
