"""Schemathesis asks the gateway everything that its `/openapi.json` describes, and much that it does not.

It fails on a status, a content type or a body that is not described, on a 5xx, on a body that breaks its schema and is
taken all the same, on a method that is not described and is answered, and on a request without its key that is.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from standby.config import Admin as AdminSettings
from standby.config import ClientKey, Config, Route, Serve
from standby.gateway.access import Access, for_admin
from standby.gateway.admin import Admin
from standby.gateway.http import Handler
from standby.gateway.operated import OneProcess
from standby.gateway.process.listening import bind, listen
from standby.gateway.service import Service
from standby.gateway.shells.aiohttp_server import HttpServer

from standby import Router, Target
from standby.testing import Answer, Script, Simulator

KEY = "sk-standby-" + "t" * 32
PATIENCE_S = 240
EXAMPLES = 25
"""Of each operation, in addition to those that cover each part of its schema."""

ANY_MODEL = {"*": "chat"}
"""With it each name that is made up is a model's."""


@asynccontextmanager
async def at_a_url(handler: Handler, faults: list[BaseException]) -> AsyncIterator[str]:
    """A handler on a port of loopback."""

    def note(what: str, error: BaseException | None) -> None:
        faults.extend([error] if error is not None else [])

    server = HttpServer(handler, note=note)
    listening = await listen(server.protocol, bind(Serve(listen="127.0.0.1:0").address), handshake_s=5.0)
    try:
        yield listening.url
    finally:
        listening.close()
        server.abort()
        await server.emptied()


async def ask_everything(url: str, folder: Path, *options: str) -> None:
    """Run it, and fail with its own words."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json",
        "--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1",
        "--header", f"Authorization: Bearer {KEY}", "--continue-on-failure", "--no-color", "--warnings", "off",
        "--request-timeout", "20",
        *options,
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode:
        pytest.fail(out.decode())


@asynccontextmanager
async def routed(simulator: Simulator, serve: Serve) -> AsyncIterator[Router]:
    simulator.play("one", Script(Answer("Once upon a time.")), dialect="openai")
    target = Target("openai", model="m", name="one", key="k", base_url=simulator.base_url("one"))
    async with Router(Config(targets={"one": target}, routes={"chat": Route(("one",))}, serve=serve)) as router:
        yield router


async def test_what_clients_may_ask_is_answered_as_described(standby_simulator: Simulator, tmp_path: Path) -> None:
    serve = Serve(keys={"app": ClientKey(keys=(KEY,), models=("*",))}, aliases=ANY_MODEL)
    faults: list[BaseException] = []
    async with routed(standby_simulator, serve) as router, at_a_url(Service(router).handle, faults) as url:
        await ask_everything(url, tmp_path, "--exclude-checks", "positive_data_acceptance")
    assert faults == []


async def test_what_operators_may_ask_is_answered_as_described(standby_simulator: Simulator, tmp_path: Path) -> None:
    serve = Serve(auth="none", admin=AdminSettings(keys=(KEY,)))
    faults: list[BaseException] = []
    async with routed(standby_simulator, serve) as router:
        admin = Admin(OneProcess(router), Access(for_admin(serve)), render=lambda: b"standby_x 1\n", drain=lambda: None)
        async with at_a_url(admin.handle, faults) as url:
            await ask_everything(url, tmp_path, "--exclude-checks", "positive_data_acceptance")
    assert faults == []
