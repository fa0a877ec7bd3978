"""The way to a watched file: whatever is done on it is seen, and what cannot be seen any more is told."""

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from standby.config import trail
from standby.config.trail import LINKS_MAX, LOOK_EVERY_S
from standby.router import reload
from standby.router.reload import Reloader

from standby import Router

FILE = """\
targets:
  a: {{provider: openai, model: {model}, key: k, base_url: "https://a.test"}}
"""


def _names(path: Path, below: Path) -> set[str]:
    return {str(Path(name).relative_to(below)) for name in trail.trail(path).names if Path(name).is_relative_to(below)}


def test_a_plain_file_has_its_folders_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "u.yaml").touch()
    way = trail.trail(tmp_path / "a" / "u.yaml")
    assert _names(tmp_path / "a" / "u.yaml", tmp_path) >= {"a", "a/u.yaml"}
    assert {str(tmp_path), str(tmp_path / "a"), "/"} <= set(way.folders)
    assert str(tmp_path / "a" / "u.yaml") not in way.folders


def test_links_are_followed_and_are_on_the_way_themselves(tmp_path: Path) -> None:
    """As a ConfigMap is mounted."""
    (tmp_path / "..2026_1").mkdir()
    (tmp_path / "..2026_1" / "u.yaml").touch()
    (tmp_path / "..data").symlink_to("..2026_1")
    (tmp_path / "u.yaml").symlink_to(Path("..data", "u.yaml"))
    found = _names(tmp_path / "u.yaml", tmp_path)
    assert found >= {"u.yaml", "..data", "..2026_1", "..2026_1/u.yaml"}


def test_links_to_elsewhere_and_upwards(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "real.yaml").touch()
    (tmp_path / "x" / "u.yaml").symlink_to(Path("..", "y", "real.yaml"))
    (tmp_path / "x" / "v.yaml").symlink_to(tmp_path / "y" / "real.yaml")
    for name in ("u.yaml", "v.yaml"):
        assert _names(tmp_path / "x" / name, tmp_path) >= {"x", f"x/{name}", "y", "y/real.yaml"}


def test_what_is_missing_ends_the_way(tmp_path: Path) -> None:
    way = trail.trail(tmp_path / "gone" / "deeper" / "u.yaml")
    assert str(tmp_path / "gone") in way.names
    assert str(tmp_path / "gone" / "deeper") not in way.names
    assert str(tmp_path) in way.folders


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "u.yaml").symlink_to("v.yaml")
    (tmp_path / "v.yaml").symlink_to("u.yaml")
    assert len(trail.trail(tmp_path / "u.yaml").names) < LINKS_MAX + 20


def test_another_folder_of_the_same_name_is_another_way(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before = trail.trail(tmp_path / "a" / "u.yaml")
    assert trail.trail(tmp_path / "a" / "u.yaml") == before
    (tmp_path / "a").rename(tmp_path / "c")
    (tmp_path / "b").rename(tmp_path / "a")
    assert trail.trail(tmp_path / "a" / "u.yaml") != before


# What people do, on real files


def _replaced(at: Path, text: str) -> None:
    fresh = at / "conf" / "fresh"
    fresh.write_text(text)
    fresh.replace(at / "conf" / "u.yaml")


def _config_map(at: Path, text: str) -> None:
    folder = at / "conf" / f"..{len(list((at / 'conf').iterdir()))}"
    folder.mkdir()
    (folder / "u.yaml").write_text(text)
    (at / "conf" / "..tmp").symlink_to(folder.name)
    (at / "conf" / "..tmp").replace(at / "conf" / "..data")


def _target_of_a_link(at: Path, text: str) -> None:
    (at / "elsewhere" / "real.yaml").write_text(text)


def _folder_replaced(at: Path, text: str) -> None:
    shutil.copytree(at / "conf", at / "next")
    (at / "next" / "u.yaml").write_text(text)
    (at / "conf").rename(at / "before")
    (at / "next").rename(at / "conf")


def _folder_removed(at: Path, text: str) -> None:
    shutil.rmtree(at / "conf")
    (at / "conf").mkdir()
    (at / "conf" / "u.yaml").write_text(text)


def _folder_above_replaced(at: Path, text: str) -> None:
    (at / "release-2" / "conf").mkdir(parents=True)
    (at / "release-2" / "conf" / "u.yaml").write_text(text)
    (at / "tmp").symlink_to("release-2")
    (at / "tmp").replace(at / "current")


DEEDS: dict[str, tuple[Callable[[Path], Path], Callable[[Path, str], None]]] = {
    "another file in its place": (lambda at: at / "conf" / "u.yaml", _replaced),
    "the data of a ConfigMap": (lambda at: at / "conf" / "linked.yaml", _config_map),
    "what a link points to": (lambda at: at / "conf" / "far.yaml", _target_of_a_link),
    "another folder in its place": (lambda at: at / "conf" / "u.yaml", _folder_replaced),
    "the folder removed and made anew": (lambda at: at / "conf" / "u.yaml", _folder_removed),
    "a link above moved": (lambda at: at / "current" / "conf" / "u.yaml", _folder_above_replaced),
}


@pytest.fixture
def at(tmp_path: Path) -> Path:
    text = FILE.format(model="m1")
    for folder in ("conf/..1", "elsewhere", "release-1/conf"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("conf/u.yaml", "conf/..1/u.yaml", "elsewhere/real.yaml", "release-1/conf/u.yaml"):
        (tmp_path / file).write_text(text)
    (tmp_path / "conf" / "..data").symlink_to("..1")
    (tmp_path / "conf" / "linked.yaml").symlink_to(Path("..data", "u.yaml"))
    (tmp_path / "conf" / "far.yaml").symlink_to(tmp_path / "elsewhere" / "real.yaml")
    (tmp_path / "current").symlink_to("release-1")
    return tmp_path


def _rewrite(path: Path, text: str) -> None:
    path.write_text(text)


async def _until(what: Callable[[], object], for_s: float = 20.0) -> None:
    async with asyncio.timeout(for_s):
        while not what():  # noqa: ASYNC110 - what is waited for tells no event
            await asyncio.sleep(0.02)


@pytest.mark.leaves_behind  # the watcher's own thread, in Rust, closes its files a moment after it was told to
@pytest.mark.parametrize("deed", DEEDS)
async def test_whatever_is_done_on_the_way_is_seen_and_what_follows_too(at: Path, deed: str) -> None:
    path_of, do = DEEDS[deed]
    path = path_of(at)
    async with Router(path, reload=True) as router:
        await asyncio.sleep(0.3)
        do(at, FILE.format(model="m2"))
        await _until(lambda: router.config.targets["a"].model == "m2")
        _rewrite(path, FILE.format(model="m3"))
        await _until(lambda: router.config.targets["a"].model == "m3")
        seen = router.watched_file()
        assert seen is not None
        assert (seen.file, seen.lost, seen.blind, seen.refused) == (str(path), None, None, None)
    assert router.watched_file() is None


# What cannot be seen any more


class Watching:
    """A reloader of a file, and what it tells; it looks when it is told to."""

    def __init__(self, path: Path) -> None:
        self.told: list[tuple[str, str]] = []
        self.swapped: list[Any] = []
        self.reloader = Reloader(
            path, self.swapped.append, lambda event, words: self.told.append((event, words)), never()
        )

    def events(self) -> list[str]:
        return [event.removeprefix("standby.reload") for event, _ in self.told]


async def never() -> AsyncGenerator[object, None]:
    await asyncio.Event().wait()
    yield None


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the loop's clock forward."""
    loop = asyncio.get_running_loop()
    real, ahead_s = loop.time, 0.0

    def forward(by_s: float) -> None:
        nonlocal ahead_s
        ahead_s += by_s

    monkeypatch.setattr(loop, "time", lambda: real() + ahead_s)
    return forward


def _removed(path: Path) -> None:
    path.unlink()


def _folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe_in_its_place(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _folder_gone(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("deed", [_removed, _folder_in_its_place, _pipe_in_its_place, _link_to_nothing, _folder_gone])
async def test_a_file_that_is_gone_is_told_once_and_again_when_it_is_back(
    at: Path, clock: Callable[[float], None], deed: Callable[[Path], None]
) -> None:
    path = at / "conf" / "u.yaml"
    watching = Watching(path)
    reloader = watching.reloader
    deed(path)
    await reloader.look()
    assert watching.told == []  # another one may be about to take its place
    for _ in range(3):
        clock(LOOK_EVERY_S)
        await reloader.look()
    assert watching.events() == ["_lost"]
    assert str(path) in watching.told[0][1]
    assert "serves on" in watching.told[0][1]
    assert reloader.snapshot().lost is not None
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(exist_ok=True)
    path.write_text(FILE.format(model="m1"))
    await reloader.look()
    assert watching.events() == ["_lost", "_found"]  # it says what it said: there is nothing to serve anew
    path.write_text(FILE.format(model="m2"))
    await reloader.look()
    assert watching.events() == ["_lost", "_found", "ed"]
    assert (reloader.snapshot().lost, len(watching.swapped)) == (None, 1)


async def test_a_file_that_may_not_be_read_any_more(
    at: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = Watching(at / "conf" / "u.yaml")

    def refuse(path: object, bytes_max: int) -> bytes:
        raise reload.UnreadableFile("cannot be read: Permission denied")

    monkeypatch.setattr(reload, "read_bounded", refuse)
    for _ in range(3):
        await watching.reloader.look()
        clock(LOOK_EVERY_S)
    assert watching.events() == ["_lost"]
    assert "Permission denied" in watching.told[0][1]


async def test_a_swap_that_raises_ends_no_watching(at: Path) -> None:
    path = at / "conf" / "u.yaml"
    told: list[tuple[str, str]] = []

    def swap(config: object) -> None:
        raise RuntimeError("of a plug-in")

    reloader = Reloader(path, swap, lambda *what: told.append(what), never())
    path.write_text(FILE.format(model="m2"))
    await reloader.look()
    assert told == [("standby.reload_refused", "it raised RuntimeError")]
    assert (reloader.refusals, reloader.snapshot().refused) == (1, "it raised RuntimeError")


class Watcher:
    """Stands where watchfiles stands. Each of its lives is a list of changes, or an error."""

    def __init__(self, *lives: list[list[str]] | Exception) -> None:
        self._lives: Iterator[list[list[str]] | Exception] = iter(lives)
        self.folders: list[set[str]] = []

    async def __call__(self, *folders: str, **settings: object) -> AsyncGenerator[set[tuple[int, str]], None]:
        assert settings["recursive"] is False
        self.folders.append(set(folders))
        life = next(self._lives, None)
        if isinstance(life, Exception):
            raise life
        for names in life or ():
            yield {(1, name) for name in names}
        if life is None:
            await asyncio.Event().wait()


async def _yields(path: Path, tell: Callable[[str | None], None], count: int) -> None:
    async with aclosing(trail.changes(path, tell)) as seen:
        for _ in range(count):
            async with asyncio.timeout(10):
                await anext(seen)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """No wait between two looks is longer than a turn of the loop."""
    monkeypatch.setattr(trail, "LOOK_EVERY_S", 0.0)
    return lambda watcher: monkeypatch.setattr(trail, "watcher", lambda: watcher)


async def test_a_watcher_that_fails_is_told_once_and_again_when_it_works(
    at: Path, quick: Callable[[Callable[..., Any]], None]
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    quick(watcher := Watcher(full, full, full, [[]]))
    told: list[str | None] = []
    await _yields(at / "conf" / "u.yaml", told.append, 6)
    assert told == ["No space left on device", None]
    assert len(watcher.folders) == 4


async def test_one_failure_of_the_watcher_is_a_folder_that_was_removed_just_now(
    at: Path, quick: Callable[[Callable[..., Any]], None]
) -> None:
    quick(Watcher(FileNotFoundError(errno.ENOENT, "gone"), [[]]))
    told: list[str | None] = []
    await _yields(at / "conf" / "u.yaml", told.append, 3)
    assert told == []


async def test_what_happens_beside_the_way_is_no_reason_to_look(at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher([["/somewhere/else"]] * 50 + [[str(at / "conf" / "u.yaml")]])
    monkeypatch.setattr(trail, "watcher", lambda: watcher)
    await _yields(at / "conf" / "u.yaml", lambda _: None, 2)
    assert len(watcher.folders) == 1


async def test_a_way_that_has_changed_is_watched_anew(at: Path, quick: Callable[[Callable[..., Any]], None]) -> None:
    path = at / "current" / "conf" / "u.yaml"

    async def seen(do: Awaitable[None]) -> None:
        await do

    async def move() -> None:
        _folder_above_replaced(at, "")

    quick(watcher := Watcher([[str(at / "current")]]))
    async with aclosing(trail.changes(path, lambda _: None)) as changes:
        await anext(changes)
        await seen(move())
        async with asyncio.timeout(10):
            await anext(changes)
            later = asyncio.ensure_future(anext(changes))
            await _until(lambda: len(watcher.folders) == 2)
            later.cancel()
            await asyncio.wait([later])
    assert str(at / "release-1" / "conf") in watcher.folders[0]
    assert str(at / "release-2" / "conf") in watcher.folders[1]
