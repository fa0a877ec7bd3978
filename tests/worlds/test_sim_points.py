"""Points of our own code: each strikes, harms no promise, leaves the same trace every time, and is gone afterwards."""

import asyncio
import gc
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from standby.simulator.virtual.loop import perform

from worlds import __main__ as world
from worlds.__main__ import sweep, unstruck
from worlds.injection import POINTS, SAFETY_ONLY, Points
from worlds.play import Played, play, run
from worlds.progress import Summary
from worlds.world import World

SEEDS_MAX = 12

Attributes = dict[tuple[str, str], object]

MSGSPEC_CACHE = "__msgspec_cache__"
"""What msgspec remembers of an enumeration, on it, when it decodes the first."""


def attributes() -> Attributes:
    """What every module of ours, and every class in one, has at this moment."""
    found: Attributes = {}
    for name, module in tuple(sys.modules.items()):
        if name.startswith(("standby.", "worlds.")):
            ours = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == name]
            for owner in (module, *ours):
                had = {each: value for each, value in vars(owner).items() if each != MSGSPEC_CACHE}
                found |= {(f"{name} {owner.__name__}", attribute): value for attribute, value in had.items()}
    return found


def changed(before: Attributes) -> list[tuple[str, str]]:
    """What is not what it was. Modules that came since do not count."""
    owners, nothing = {owner for owner, _ in before}, object()
    now = {
        key: value
        for key, value in attributes().items()
        if key in before or (key[0] in owners and not isinstance(value, ModuleType))
    }
    return [key for key in before.keys() | now.keys() if before.get(key, nothing) is not now.get(key, nothing)]


def struck(point: str) -> Played:
    """The first world in which a point strikes, where it is the only one."""
    for seed in range(SEEDS_MAX):
        played = run(seed, points=(point,))
        assert played.violations == []
        if played.points[point]:
            return played
    raise AssertionError(f"{point} never struck in {SEEDS_MAX} worlds")


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the collector's permanent generation, in order.

    Its count says nothing: Python 3.12 moves objects that are immortal there whenever it collects.
    """
    done: list[str] = []
    for name in ("freeze", "unfreeze"):
        act = getattr(gc, name)
        monkeypatch.setattr(gc, name, lambda name=name, act=act: (done.append(name), act())[1])
    return done


@pytest.mark.parametrize("point", POINTS)
def test_each_point_strikes_harms_no_call_and_is_put_back(point: str, frozen: list[str]) -> None:
    before = attributes()
    played = struck(point)
    assert changed(before) == []
    assert frozen == ["freeze", "unfreeze"] * (len(frozen) // 2)
    assert run(played.seed, points=(point,)).trace == played.trace


@pytest.mark.parametrize("point", POINTS)
def test_a_point_stands_in_place_of_something_until_it_is_left_however_that_is(point: str) -> None:
    before = attributes()
    with pytest.raises(KeyboardInterrupt), Points("0", safety=True, only=[point]).active():
        assert changed(before)
        raise KeyboardInterrupt
    assert changed(before) == []


def test_all_points_together_harm_no_call() -> None:
    for seed in range(4):
        assert run(seed, points=POINTS).violations == []
        assert run(seed, mode="liveness", points=POINTS.keys() - SAFETY_ONLY).violations == []


def test_a_world_has_some_points_or_none_and_each_comes_up() -> None:
    drawn = [{name for name in POINTS if name in World(seed).points} for seed in range(200)]
    assert set().union(*drawn) == POINTS.keys()
    assert 30 < sum(not names for names in drawn) < 80
    assert all(len(names) < len(POINTS) for names in drawn)
    healed = [World(seed, mode="liveness").points for seed in range(200)]
    assert not any(name in points for name in SAFETY_ONLY for points in healed)


def test_a_small_sweep_strikes_each() -> None:
    assert unstruck(sweep(0, 40)) == []


def test_a_sweep_tells_how_often_each_point_struck(capsys: pytest.CaptureFixture[str]) -> None:
    world.main(["--seeds", "2", "--processes", "1"])
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in POINTS)


def test_a_large_sweep_in_which_a_point_never_struck_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def swept(_: int, count: int, **__: object) -> Summary:
        points = Counter({name: 1 for name in POINTS if name != "cut_reads"})
        return Summary(
            worlds=count,
            streams=world.ENOUGH_STREAMS,
            faults=Counter(dict.fromkeys(world.ALL_FAULTS, 10**6)),
            edges=Counter(world.EDGES),
            points=points,
        )

    monkeypatch.setattr(world, "sweep", swept)
    assert world.main([]) == 1
    assert "never struck: cut_reads\n" in capsys.readouterr().out


def test_the_page_of_guarantees_tells_what_each_point_does() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guarantees.md").read_text(encoding="utf-8")
    assert "\n".join(f"| `{name}` | {point.__doc__} |" for name, point in POINTS.items()) in page


def test_what_the_loop_has_to_complain_of_is_a_violation() -> None:
    async def disturbed() -> list[str]:
        playing = asyncio.ensure_future(play(World(0, streams=1, points=())))
        await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        return (await playing).violations

    assert any(each.startswith("I17") and "ZeroDivisionError" in each for each in perform(disturbed()))
