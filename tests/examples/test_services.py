"""The examples run as a user would run them: real servers, forked workers, and a first target that is down."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from components import need
from standby.testing import Simulator

ROOT = Path(__file__).parents[2]
FILE = """\
targets:
  down: {{provider: openai, model: m, key: unused, base_url: "{down}"}}
  well: {{provider: openai, model: m, key: unused, base_url: "{well}"}}
routes:
  chat: {{targets: [down, well], deadline_s: 20}}
"""


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator({"well": "blue, mostly"}) as simulator:
        yield simulator


@pytest.fixture
def environment(simulator: Simulator, tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "standby.yaml"
    path.write_text(FILE.format(down=simulator.refused_url(), well=simulator.base_url("well")))
    return os.environ | {"STANDBY_CONFIG": str(path), "PYTHONUNBUFFERED": "1"}


@contextlib.asynccontextmanager
async def running(environment: dict[str, str], *arguments: str, ready: str) -> AsyncIterator[re.Match[str]]:
    """A server in a process of its own, from the line that says that it is ready until it has ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(60):
            while not (found := re.search(ready, said)):
                line = await process.stdout.readline()
                assert line, f"{arguments[0]} ended before it was ready:\n{said}"
                said += line.decode()
        reading = asyncio.create_task(process.stdout.read())
        yield found
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(30):
            await process.wait()
        with contextlib.suppress(UnboundLocalError):
            await reading
        process._transport.close()  # type: ignore[attr-defined]


async def post(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(url, json={"question": "Sky?"}) as response:
        return response.status, await response.text()


async def test_fastapi_with_a_lifespan(environment: dict[str, str]) -> None:
    need("fastapi")
    need("uvicorn")
    command = ("uvicorn", "examples.fastapi_app:app", "--port", "0")
    async with running(environment, *command, ready=r"running on (http://\S+)") as found:
        assert await post(f"{found[1]}/answer") == (200, '{"text":"blue, mostly","target":"well"}')
        assert await post(f"{found[1]}/stream") == (200, "blue, mostly")


async def test_gunicorn_with_forked_workers(environment: dict[str, str]) -> None:
    need("gunicorn")
    command = ("gunicorn", "--workers", "2", "--bind", "127.0.0.1:0", "examples.gunicorn_app:app")
    async with running(environment, *command, ready=r"Listening at: (http://\S+)") as found:
        for _ in range(6):
            assert await post(found[1]) == (200, '{"text": "blue, mostly", "target": "well"}')


async def test_celery_with_forked_workers(environment: dict[str, str], tmp_path: Path) -> None:
    need("celery")
    folder = tmp_path / "broker"
    folder.mkdir()
    environment |= {
        "CELERY_BROKER": "filesystem://", "CELERY_FOLDER": str(folder), "CELERY_BACKEND": f"file://{tmp_path}",
    }  # fmt: skip
    asks = "from examples.celery_app import answer; print(answer.delay('Sky?').get(timeout=30))"
    command = ("celery", "--app", "examples.celery_app", "worker", "--pool", "prefork", "--concurrency", "2")
    async with running(environment, *command, "--loglevel", "INFO", ready=r"ready\."):
        for _ in range(3):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", asks, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
            )
            said, _ = await process.communicate()
            assert said.decode().strip() == "{'text': 'blue, mostly', 'target': 'well'}"
