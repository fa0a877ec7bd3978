"""The face: public names, cheap to import."""

import json
import subprocess
import sys
from inspect import isroutine

import pytest
from sources import pyproject

import standby

HEAVY = {
    "aiohttp_socks", "botocore", "google", "httpx", "httpx2", "matplotlib", "openai", "pydantic",
    "pydantic_core", "pydantic_settings", "pytest", "redis", "rich", "structlog", "tenacity", "typer", "uvloop",
    "watchfiles", "yaml",
}  # fmt: skip
"""Loaded when they are used: when a Router is made, a file is read, the command line starts."""

MAX_PUBLIC_NAMES = 54


def modules_after(statement: str) -> set[str]:
    """The top-level packages that are loaded once a fresh interpreter has run a statement."""
    listing = "import sys, json; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    program = f"{statement}\n{listing}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_standby_loads_nothing_heavy() -> None:
    before = modules_after("pass")  # an environment may load some of them into every interpreter
    loaded = (modules_after("import standby") - before) & HEAVY
    assert not loaded, f"import standby loads {sorted(loaded)}; import them where they are used"


def test_importing_standby_loads_nothing_of_the_gateway() -> None:
    listing = "import sys; print([name for name in sys.modules if name.startswith('standby.gateway')])"
    public = "standby, standby.adapters, standby.batches, standby.messages, standby.reports"
    program = f"import {public}; standby.Router\n{listing}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", getattr(standby, "__all__", ()))
def test_a_public_name_is_there_and_documented(name: str) -> None:
    thing = getattr(standby, name)
    assert name in dir(standby)
    if isinstance(thing, type) or isroutine(thing):  # an alias of a type can hold none
        assert thing.__doc__, f"standby.{name} has no docstring"


def test_importing_what_an_adapter_needs_loads_no_client_and_no_router() -> None:
    loaded = modules_after("import standby.adapters") - modules_after("pass")
    assert not loaded & (HEAVY | {"aiohttp"})


def test_the_gateway_is_a_room_that_is_loaded_when_it_is_named() -> None:
    program = "import standby, sys; assert 'standby.gateway' not in sys.modules; standby.gateway.asgi"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_version_is_that_of_the_package() -> None:
    assert standby.__version__ == pyproject()["project"]["version"]


def test_the_face_is_small() -> None:
    assert 0 < len(standby.__all__) <= MAX_PUBLIC_NAMES


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = standby.no_such_name  # type: ignore[attr-defined]
