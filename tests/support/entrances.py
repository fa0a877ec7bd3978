"""Ways into a gateway: over a socket to our server, to an ASGI app under uvicorn, or within the process.

What tests of clients do over `gateway`, they do over the entrance that the fixture of that name has chosen.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Literal, TypeAlias

from standby.config import Config, Serve
from standby.gateway import asgi
from standby.gateway.process.listening import bind, listen
from standby.gateway.service import Service
from standby.gateway.shells.aiohttp_server import HttpServer

import standby
from standby import Router

Entrance: TypeAlias = Literal["socket", "asgi", "transport"]
ENTRANCES: tuple[Entrance, ...] = ("socket", "asgi", "transport")


class Url(str):
    """The URL of a gateway; of one within the process, what makes clients that reach it."""

    router: Router | None = None

    def client(self, *, sync: bool) -> dict[str, Any]:
        """What an SDK's client needs besides the URL."""
        if self.router is None:
            return {}
        make: Any = standby.sync_httpx_client if sync else standby.httpx_client
        return {"http_client": make(self.router)}


@asynccontextmanager
async def entrance(config: Config, way: Entrance) -> AsyncIterator[Url]:
    """Let clients in by one way until the block ends; gives the URL."""
    async with Router(config) as router:
        if way == "transport":
            url = Url("http://standby.invalid")
            url.router = router
            yield url
        elif way == "asgi":
            async with uvicorned(asgi(router)) as served:
                yield served
        else:
            server = HttpServer(Service(router).handle)
            listening = await listen(server.protocol, bind(Serve(listen="127.0.0.1:0").address), handshake_s=5.0)
            try:
                yield Url(listening.url)
            finally:
                listening.close()
                server.abort()
                await server.emptied()


@asynccontextmanager
async def uvicorned(app: Any) -> AsyncIterator[Url]:
    """Serve an ASGI app by uvicorn, in this loop; gives its URL."""
    import uvicorn  # not everywhere: a component of another make

    class Quiet(uvicorn.Server):
        def capture_signals(self) -> Any:
            return nullcontext()  # the signals are the test's

    server = Quiet(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        assert not serving.done(), "uvicorn did not start"
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Url(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        await serving
