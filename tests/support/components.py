"""Real components that some tests need: a program, a package. Missing ones are seen, and in CI they are failures."""

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest


def need(component: str) -> None:
    """Go on only if a program on the path, or a Python package, of this name is installed."""
    if not shutil.which(component) and not _has_package(component):
        lack(f"needs {component}, which is not installed")


def lack(reason: str) -> NoReturn:
    """Skip the test, and let the summary say why. With `CI=true` it fails: what guards main tests everything."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)


def _has_package(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False  # the package around it is missing: `google` of `google.genai`
