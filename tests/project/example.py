"""Runs an example of a page as its reader would: unchanged, in an interpreter of its own."""

import asyncio
import os
import sys
from pathlib import Path

from standby.testing import Simulator

PROVIDERS = ("koala", "openai", "groq")
"""The providers that the examples ask: played by a simulator, never the real ones."""
TIME_LIMIT_S = 60


async def run(simulator: Simulator, script: str, folder: Path, *, keys: bool = True) -> tuple[int, str, str]:
    """Run a script in an interpreter of its own, with every provider of the examples played by the simulator."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    for name in PROVIDERS:
        environment[f"STANDBY_{name.upper()}_BASE_URL"] = simulator.base_url(name)
        if keys and name != "koala":
            environment[f"{name.upper()}_API_KEY"] = f"key-of-{name}"
    (folder / "example.py").write_text(script, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "example.py",
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), TIME_LIMIT_S)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
