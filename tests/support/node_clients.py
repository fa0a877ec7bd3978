"""The SDKs of Node, asked by one run of node: questions in, and what each was told."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from components import lack

HERE = Path(__file__).parents[1] / "peers" / "node"
PATIENCE_S = 120.0


def need_node() -> None:
    """Go on only with node and the packages that `make parts` installs from the lock."""
    if not shutil.which("node"):
        lack("needs node, which is not installed")
    if not (HERE / "node_modules" / ".installed").exists():
        lack("needs the packages of tests/peers/node, which make parts installs")


async def told(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each question was told: `{"told": …}`, or `{"failed": …}`."""
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "ask.mjs"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, _ = await process.communicate(json.dumps(questions).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    found: list[dict[str, Any]] = json.loads(out)
    return found
