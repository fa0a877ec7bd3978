"""Import the product under the name that it has in its environment: an earlier release may have another one."""

import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NAMED = "product.txt"
"""A file in the environment of an earlier release, which says its name."""


def project_of(tree: Path) -> dict[str, Any]:
    """What a checkout says of the package that it holds."""
    project: dict[str, Any] = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def name_in(tree: Path) -> str:
    """The name of the package that a checkout holds."""
    name: str = project_of(tree)["name"]
    return name


def name_of(environment: Path) -> str:
    """The name of the package that is measured in an environment: this checkout's, unless it says another itself."""
    named = environment / NAMED
    return named.read_text(encoding="utf-8").strip() if named.exists() else name_in(ROOT)


def product() -> ModuleType:
    """The package that is measured in the environment that runs this."""
    return import_module(name_of(Path(sys.prefix)))
