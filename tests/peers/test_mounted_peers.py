"""The gateway mounted into web applications that run under uvicorn."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from standby.config import Config, Route
from standby.gateway import asgi
from standby.router.threads.home import home_of

from components import need
from entrances import uvicorned
from gateway_upstream import HEAD, Asked, upstream
from sdk_clients import SDKS
from stage import chunk
from standby import Router

for _package in ("fastapi", "uvicorn"):
    need(_package)
import aiohttp  # noqa: E402 - only where they are installed
from fastapi import FastAPI  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.routing import Mount  # noqa: E402


def in_fastapi(router: Router) -> Any:
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncGenerator[None]:
        async with router:
            yield

    app = FastAPI(lifespan=life)
    app.mount("/llm", asgi(router, auth="app"))
    return app


def in_fastapi_behind_a_proxy(router: Router) -> Any:
    app = in_fastapi(router)
    app.root_path = "/behind"
    return app


def in_starlette_without_a_life(router: Router) -> Any:
    return Starlette(routes=[Mount("/llm", app=asgi(router, auth="app"))])


def by_hand(router: Router) -> Any:
    """As an application of Django is put beside it."""
    gateway = asgi(router, auth="app")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if (scope["type"] == "http" and scope["path"].startswith("/llm/")) or scope["type"] == "lifespan":
            await gateway(scope, receive, send)
        else:
            raise AssertionError(scope["path"])

    return application


@pytest.mark.parametrize("mount", [in_fastapi, in_fastapi_behind_a_proxy, in_starlette_without_a_life, by_hand])
async def test_a_mounted_gateway_answers_and_notices_who_leaves(mount: Any) -> None:
    async def stalls(asked: Asked) -> None:
        await asked.send(HEAD, chunk("Once "))

    async with upstream() as provider:
        router = Router(Config(routes={"default": Route((provider.target(),))}))
        async with uvicorned(mount(router)) as url:
            async with SDKS["chat"].client(f"{url}/llm") as client:
                whole = await SDKS["chat"].read(client, "whole", model="default")
                assert whole.choices[0].message.content == "Once upon"
            provider.script = stalls
            body = {"model": "default", "stream": True, "messages": [{"role": "user", "content": "?"}]}
            asked = f"{url}/llm/v1/chat/completions"
            async with aiohttp.ClientSession() as session, session.post(asked, json=body) as answer:
                assert await answer.content.readany()
                answer.close()
            async with asyncio.timeout(10):
                await provider.asked[-1].gone.wait()
        if mount is in_starlette_without_a_life:
            await asyncio.to_thread(home_of(router).close)
