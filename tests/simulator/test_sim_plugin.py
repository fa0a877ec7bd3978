"""The pytest plugin: fixtures when asked for, nothing before; and the providers that it puts into the registry."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from standby.providers import registry
from standby.providers.capabilities import Capabilities
from standby.providers.provider import Provider
from standby.simulator.scripted import ScriptedProvider, registered
from standby.simulator.server import Simulator

USERS_TEST = """
import pytest
from standby.testing import Simulator

@pytest.mark.asyncio
async def test_one(standby_simulator, standby_provider):
    assert isinstance(standby_simulator, Simulator)
    provider = standby_provider("pytest-lead", "Hello.")
    assert provider.info.base_url == standby_simulator.base_url("pytest-lead")
"""

WITHOUT_PYTEST_ASYNCIO = """
import builtins

real_import = builtins.__import__

def without_pytest_asyncio(name, *arguments):
    if name == "pytest_asyncio":
        raise ModuleNotFoundError(name)
    return real_import(name, *arguments)

builtins.__import__ = without_pytest_asyncio
"""


async def test_the_fixtures_give_a_provider_by_name(
    standby_simulator: Simulator, standby_provider: Callable[..., ScriptedProvider]
) -> None:
    made = standby_provider("pytest-scripted", "Hello.", dialect="openai")
    assert registry.get("pytest-scripted") is made
    assert made.info.base_url == standby_simulator.base_url("pytest-scripted")
    assert (made.info.key_required, made.info.key_env) == (False, None)
    assert made.info.dialect == registry.get("openai").info.dialect


def test_a_name_is_free_again_after_its_block() -> None:
    provider = ScriptedProvider("pytest-brief", "http://127.0.0.1:1/x")
    with registered(provider):
        assert "pytest-brief" in registry.names()
        with (
            pytest.raises(ValueError, match="already registered"),
            registered(ScriptedProvider("pytest-brief", "http://127.0.0.1:1/y")),
        ):
            pass
    assert "pytest-brief" not in registry.names()
    with pytest.raises(registry.UnknownProvider):
        registry.unregister("pytest-brief")


def test_a_built_in_provider_stays() -> None:
    with pytest.raises(registry.UnknownProvider):
        registry.unregister("openai")
    assert registry.get("openai").name == "openai"


def test_capabilities_are_the_dialects_or_the_tests_own() -> None:
    own = Capabilities(context_window=5)
    plain = ScriptedProvider("a", "http://127.0.0.1:1/a")
    assert isinstance(plain, Provider)
    assert plain.capabilities("m") == registry.get("openai").capabilities("m")
    assert ScriptedProvider("b", "http://127.0.0.1:1/b", capabilities=own).capabilities("m") is own


def test_a_users_project_gets_the_fixtures_in_strict_mode(tmp_path: Path) -> None:
    done = _run_pytest(tmp_path, USERS_TEST, "pass", "-o", "asyncio_mode=strict")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_without_pytest_asyncio_the_fixture_says_what_is_missing(tmp_path: Path) -> None:
    test = "def test_one(standby_simulator):\n    pass\n"
    done = _run_pytest(tmp_path, test, WITHOUT_PYTEST_ASYNCIO, "-p", "no:asyncio")
    assert "pip install pytest-asyncio" in done.stdout, done.stdout + done.stderr
    assert "1 error" in done.stdout


def test_loading_the_plugin_loads_nothing_of_the_room() -> None:
    program = (
        "import sys, standby.simulator.pytest_plugin;"
        "print([name for name in sys.modules if name.startswith('standby.simulator.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['standby.simulator.pytest_plugin']"


def _run_pytest(folder: Path, test: str, before: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """A test run of another project, in an interpreter of its own."""
    (folder / "test_users.py").write_text(test)
    program = f"{before}\nimport pytest, sys\nsys.exit(pytest.main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "-q", *options, "test_users.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
