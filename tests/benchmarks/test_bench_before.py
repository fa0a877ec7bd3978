"""An earlier release is measured under the name that it had, and a call of it beside a call of today."""

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.before import commit_of, extras_of, main
from benchmarks.case import engine
from benchmarks.clients import CLIENTS
from benchmarks.product import NAMED, ROOT, name_in, name_of, product
from benchmarks.targets import TARGETS


def test_a_checkout_says_what_its_package_is_called(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "as-it-was-called"\n')
    assert name_in(tmp_path) == "as-it-was-called"
    assert product().__name__ == name_in(ROOT)


def test_an_environment_says_what_is_measured_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_of(tmp_path) == name_in(ROOT)
    (tmp_path / NAMED).write_text("json\n")
    assert name_of(tmp_path) == "json"
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert product() is json


def test_what_is_measured_of_the_present_release_is_found_where_it_offers_it() -> None:
    client = import_module("benchmarks.clients.router")
    assert client.target(0, "http://127.0.0.1:1/v1", 5).connections_max == 5
    assert client.Routed().start


def test_an_earlier_release_has_the_extras_that_are_here(tmp_path: Path) -> None:
    extras = '[project.optional-dependencies]\nfast = ["a>=1"]\nboth = ["a>=1", "b"]\nnone = ["c"]\n'
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\n{extras}')
    assert extras_of(tmp_path, {"a"}) == ["fast"]
    assert extras_of(tmp_path, {"a", "b"}) == ["fast", "both"]


def test_a_revision_is_named_by_its_commit() -> None:
    assert len(commit_of("HEAD")) == 40


@pytest.mark.parametrize("wrong", ["no-such-revision", "", "HEAD:README.md", "--remote=elsewhere", "HEAD HEAD"])
def test_what_is_no_revision_is_refused_before_anything_is_made(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.before.venv", None)
    with pytest.raises(SystemExit) as ended:
        main(["--", wrong])
    assert ended.value.code == 2
    assert f"git knows no revision {wrong!r} here" in capsys.readouterr().err


def test_help_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "revision" in capsys.readouterr().out


def test_a_delta_and_a_call_are_measured_beside_an_earlier_release() -> None:
    (before,) = (name for name, client in CLIENTS.items() if client.apart)
    assert {"1,000 deltas c8", "call c32"} <= {
        case.name for group in engine() for case in group if before in case.clients
    }
    assert {target.what for target in TARGETS if target.versus == before} == {"delta c8", "call c32"}
