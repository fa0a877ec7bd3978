"""What stands where a file belongs, in every place where a configuration names one."""

import os
from pathlib import Path
from typing import Any

import pytest
from standby.config import Config, ConfigFileError, Route, Target, load
from standby.config import warnings as advice
from standby.simulator.drill.file import read_drill_file

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")

PIPE, DEVICE = "is a pipe, not a file: write what comes through it into a file", "is a device, not a file"
GOOD = "routes: {r: {targets: [koala]}}\n"


@pytest.fixture(params=["pipe", "device", "large"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "odd"
    match request.param:
        case "pipe":
            os.mkfifo(path)
            return path, PIPE
        case "device":
            path.symlink_to("/dev/zero")
            return path, DEVICE
        case _:
            with path.open("wb") as file:
                file.truncate(100 * 2**20)  # of holes: it takes no place
            return path, "is larger than"


def test_a_configuration(odd: tuple[Path, str]) -> None:
    with pytest.raises(ConfigFileError) as caught:
        load(odd[0], env_file=None)
    assert str(caught.value).startswith(f"{odd[0]}: {odd[1]}")


def test_a_file_of_variables_named_or_not(odd: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(odd[0].parent)
    Path("u.yaml").write_text(GOOD)
    with pytest.raises(ConfigFileError) as caught:
        load("u.yaml", env_file=odd[0])
    assert str(caught.value).startswith(f"{odd[0]}: {odd[1]}")
    odd[0].rename(odd[0].with_name(".env"))
    with pytest.raises(ConfigFileError) as caught:
        load("u.yaml")
    assert str(caught.value).startswith(f".env: {odd[1]}")


def test_a_drill(odd: tuple[Path, str]) -> None:
    with pytest.raises(ConfigFileError) as caught:
        read_drill_file(odd[0], lambda route: ())
    assert str(caught.value).startswith(f"{odd[0]}: {odd[1]}")


@pytest.mark.parametrize("setting", ["key_file", "ca_file", "client_cert"])
def test_files_of_a_target_are_told_by_check(odd: tuple[Path, str], setting: str) -> None:
    given: dict[str, Any] = {"key": "k"} if setting != "key_file" else {}
    target = Target("openai", model="m", name="a", **given, **{setting: str(odd[0])})
    config = Config(targets={"a": target}, routes={"r": Route(("a", "koala"))})
    (found,) = [str(problem) for problem in advice(config, {}) if setting in str(problem)]
    assert odd[1] in found
    assert str(odd[0]) in found
