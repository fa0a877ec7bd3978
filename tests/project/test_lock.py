"""The lock files: everything pinned, by hash, in agreement with pyproject.toml, with no address and no path in them."""

import re
from importlib.metadata import distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sources import ROOT, pyproject

PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[(?P<extras>[\w.,-]+)\])?==(?P<version>\S+)(?: ; .*)? \\\n"
    r"(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+",
    re.MULTILINE,
)


def lock(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    pinned = {canonicalize_name(match["name"]): match["version"] for match in PIN.finditer(text)}
    starts = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pinned) == len(starts), f"{name}: a line is not a pinned, hashed requirement"
    return pinned


def wanted(*, extras: tuple[str, ...], groups: tuple[str, ...]) -> list[Requirement]:
    whole = pyproject()
    lines = [*whole["project"]["dependencies"]]
    for extra in extras:
        lines += whole["project"]["optional-dependencies"][extra]
    for group in groups:
        lines += whole["dependency-groups"][group]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("name", "extras", "groups"),
    [
        ("runtime.txt", ("cli",), ("build",)),
        ("dev.txt", tuple(pyproject()["project"]["optional-dependencies"]), ("build", "dev", "peers")),
        ("fuzz.txt", (), ("fuzz",)),
    ],
)
def test_the_lock_holds_what_pyproject_asks_for(name: str, extras: tuple[str, ...], groups: tuple[str, ...]) -> None:
    pinned = lock(name)
    for requirement in wanted(extras=extras, groups=groups):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"requirements/{name} lacks {requirement.name}: run `make lock`"
        assert version in requirement.specifier, f"requirements/{name} has {version} of {requirement}: run `make lock`"


def test_development_runs_on_what_users_get() -> None:
    assert lock("runtime.txt").items() <= lock("dev.txt").items()
    fuzzing = lock("fuzz.txt")
    del fuzzing["atheris"]
    assert fuzzing.items() <= lock("dev.txt").items()


def test_an_extra_that_a_dependency_asks_for_is_pinned_by_name() -> None:
    """A pip before 23.3 looks for `name[extra]` by itself, finds the newest there is, and has no hash of that."""
    text = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    extras = {canonicalize_name(m["name"]): set((m["extras"] or "").split(",")) for m in PIN.finditer(text)}
    asked = 0
    for installed in distributions():
        if canonicalize_name(installed.name) not in extras:
            continue
        for requirement in map(Requirement, installed.requires or ()):
            needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if needed and requirement.extras and canonicalize_name(requirement.name) in extras:
                asked += 1
                assert requirement.extras <= extras[canonicalize_name(requirement.name)], (
                    f"{installed.name}: {requirement}"
                )
    assert asked


def test_what_builds_is_what_the_build_asks_for() -> None:
    assert pyproject()["build-system"]["requires"] == pyproject()["dependency-groups"]["build"]


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt", "fuzz.txt"])
def test_the_lock_names_no_address_and_no_path(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert not re.findall(r"://|--(?:extra-)?index|--find-links|^/|\s/\w", text, re.MULTILINE)
