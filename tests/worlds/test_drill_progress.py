"""A long run of worlds that is ended goes on where it stood, and comes to the same as one that was not."""

from pathlib import Path

import pytest

from worlds import __main__ as world
from worlds.play import Played
from worlds.progress import Progress, Summary

ASKED = ["--first", "7", "--seeds", "5", "--processes", "1"]


def came_to(state: Path) -> dict[str, Summary]:
    return dict(Progress.of(7, world.shares_of(5, "all"), state).reached)


def test_a_run_that_was_ended_goes_on_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[int] = []
    play = world.play

    def counted(seed: int, mode: world.Mode, http: world.Http) -> Played:
        played.append(seed)
        if len(played) == 4:
            raise KeyboardInterrupt
        return play(seed, mode, http)

    monkeypatch.setattr(world, "STRETCH", 2)
    whole, ended = tmp_path / "whole.json", tmp_path / "ended.json"
    assert world.main([*ASKED, "--state", str(whole)]) == 0
    monkeypatch.setattr(world, "play", counted)
    with pytest.raises(KeyboardInterrupt):
        world.main([*ASKED, "--state", str(ended)])
    assert played == [7, 8, 9, 10]
    assert came_to(ended)["safety"].worlds == 2
    assert world.main([*ASKED, "--state", str(ended)]) == 0
    assert played[4:] == [9, 10, 7]
    assert came_to(ended) == came_to(whole)
    assert not list(tmp_path.glob("*.new"))


def test_a_run_that_is_over_is_told_again_and_not_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state.json"
    told = Progress.of(7, world.shares_of(5, "all"), None)
    told.came_to("safety").add(Played(7, 70, ["I2 seed safety 7: it"]))
    told.came_to("safety").worlds, told.came_to("liveness").worlds = 4, 1
    told.save(state)
    monkeypatch.delattr(world, "play")
    assert world.main([*ASKED, "--state", str(state)]) == 1
    assert "I2 seed safety 7: it" in capsys.readouterr().out


def test_a_file_of_another_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state.json"
    Progress(8, {"safety": 4, "liveness": 1}).save(state)
    with pytest.raises(SystemExit):
        world.main([*ASKED, "--state", str(state)])
    assert "is of another run: --first 8" in capsys.readouterr().err
