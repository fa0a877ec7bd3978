"""Environments for the routers of others, one for each: what one of them needs, another cannot bear.

    python -m benchmarks.peers       installs what benchmarks/peers.txt names, as far as it can be had

They stand beside the packages of the environment that the benchmark runs in, and hold nothing of ours.
"""

import re
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import distributions, version
from importlib.util import find_spec
from pathlib import Path

from .product import name_of

LIST = Path(__file__).with_name("peers.txt")
PLACE = Path(sys.prefix) / "peers"
BEFORE = "before"
"""The environment of an earlier release of ours, whatever its name was."""
SHARED = ("msgspec", "uvloop")
"""What a worker itself needs, in the versions that are measured."""


def python_of(package: str) -> Path | None:
    """The interpreter of a package's environment; None: there is none."""
    python = PLACE / package / "bin" / "python"
    return python if python.exists() else None


def versions(package: str, place: Path = PLACE) -> dict[str, str]:
    """The version of a package in its environment; empty when it has none.

    Args:
        package: Its name, or `BEFORE`.
        place: Where its environment lies.
    """
    name = name_of(place / package) if package == BEFORE else package
    folders = [str(folder) for folder in (place / package).glob("lib/python*/site-packages")]
    return {each.name: each.version for each in distributions(path=folders) if folders and each.name == name}


def requirements(of: Path = LIST) -> dict[str, str]:
    """What is to be installed, by the name of the package."""
    lines = [line for line in of.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return {package_in(line): line for line in lines}


def package_in(requirement: str) -> str:
    """The package that a requirement is about."""
    return re.split(r"[\[=<>~! ]", requirement, maxsplit=1)[0]


def install(listed: Path, where: Path, beside: Sequence[str] = ()) -> None:
    """Install what a list names, each in an environment of its own; report one that cannot be installed.

    Args:
        beside: Requirements that each of them gets, too.
    """
    for package, requirement in requirements(listed).items():
        print(f"Installing {requirement} ...", flush=True)
        place = where / package
        venv.create(place, clear=True, with_pip=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
        done = subprocess.run([*pip, "install", requirement, *beside], capture_output=True, text=True)
        if done.returncode:
            (place / "bin" / "python").unlink()
            print(f"{requirement} cannot be installed, and will not be measured:\n{done.stderr}", file=sys.stderr)


def main() -> int:
    """Install the routers."""
    install(LIST, PLACE, [f"{name}=={version(name)}" for name in SHARED if find_spec(name)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
