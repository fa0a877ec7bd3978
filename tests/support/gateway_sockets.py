"""A gateway on a socket of loopback, over simulated providers; one can end, and another begin in its place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from standby.config import Config, Serve
from standby.gateway.process.listening import bind, listen
from standby.gateway.service import Service
from standby.gateway.shells.aiohttp_server import HttpServer

from standby import Router

OPEN = Serve(auth="none")


@asynccontextmanager
async def gateway(config: Config) -> AsyncIterator[str]:
    """Serve a configuration until the block ends; gives the URL."""
    async with Router(config) as router:
        server = HttpServer(Service(router).handle)
        listening = await listen(server.protocol, bind(Serve(listen="127.0.0.1:0").address), handshake_s=5.0)
        try:
            yield listening.url
        finally:
            listening.close()
            server.abort()
            await server.emptied()
