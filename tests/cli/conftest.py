"""The command line in tests: in an empty folder, without keys, run in a thread beside the simulator."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from standby.providers import registry

from canaries import CANARY_KEY
from commands import Ended, Invoke, run
from standby.testing import Simulator


@pytest.fixture(autouse=True)
def nobody_is_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working directory, and an environment without keys, settings, colours or a width."""
    keys = {registry.get(name).info.key_env for name in registry.names()}
    for name in tuple(os.environ):
        if name in keys or name.startswith(("STANDBY_", "AWS_")):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def invoke() -> Invoke:
    """Run a command in a thread, so that a simulator on this loop can answer it."""

    async def run_beside(*arguments: str, given: str | bytes | None = None) -> Ended:
        return await asyncio.to_thread(run, *arguments, given=given)

    return run_beside


@pytest.fixture
def configured(standby_simulator: Simulator, nobody_is_configured: Path) -> Callable[..., Path]:
    """`configured("lead", "second")`: ./standby.yaml with a target for each provider that the simulator plays."""

    def write(*names: str, settings: str = "retry: {attempts: 1}\n") -> Path:
        lines = ["targets:"]
        for name in names:
            url = standby_simulator.base_url(name)
            lines.append(f"  {name}: {{provider: openai, model: m-1, base_url: '{url}', key: '{CANARY_KEY}'}}")
        lines += ["routes:", f"  chat: {{targets: [{', '.join(names)}]}}", settings]
        file = nobody_is_configured / "standby.yaml"
        file.write_text("\n".join(lines), encoding="utf-8")
        return file

    return write


@pytest.fixture
def path(nobody_is_configured: Path) -> str:
    """A PATH on which `standby` is this checkout's."""
    folder = nobody_is_configured / "bin"
    folder.mkdir()
    command = folder / "standby"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m standby "$@"\n')
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
