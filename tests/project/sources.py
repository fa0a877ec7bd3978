"""The project as its own tests read it: which packages there are, and the syntax tree of each module in them."""

import ast
import subprocess
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOT_SHIPPED = {"tests", "benchmarks", "docs", "examples", "worlds", "build", "dist", "requirements"}


@dataclass(frozen=True)
class Module:
    """One module of the package: its name as it is imported, and where its source stands."""

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    @property
    def place(self) -> str:
        """The path from the top of the checkout, as a person would name it."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        """What a single dot means in its imports."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def packages() -> dict[str, Path]:
    """Folders by the name of the package that they are mounted as."""
    return {name: ROOT / folder for name, folder in pyproject()["tool"]["setuptools"]["package-dir"].items()}


@cache
def modules() -> dict[str, Module]:
    """Every module of the package, by its name."""
    found = {}
    for package, folder in packages().items():
        for path in sorted(folder.glob("*.py")):
            name = package if path.name == "__init__.py" else f"{package}.{path.stem}"
            found[name] = Module(name, path)
    return found


@cache
def kept_files() -> list[Path]:
    """Every text file that is, or is about to be, in the repository; outside of one, every file that is not hidden."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listing.returncode == 0:
        found = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts)]
    return [path for path in found if path.is_file() and b"\0" not in path.read_bytes()]
