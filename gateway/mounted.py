"""The gateway within a web application: an ASGI app, in the application's own event loop or beside it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from multidict import CIMultiDict

from ..router.router import Router, loop_of
from ..router.threads.feed import Feed, runs_here
from ..router.threads.home import home_of
from .http import Reply, Request
from .service import HEALTH, READY, Service
from .shells.answering import Note
from .shells.asgi import AsgiApp
from .shells.feed_reply import feeding, pass_on

_OF_PAGES = frozenset(("origin", "sec-fetch-site"))


class Mounted(AsgiApp):
    """The gateway as an ASGI app, wherever its Router lives and at whatever path it is mounted.

    A Router that is not entered when the server starts is entered for as long as the server runs. An app that is told
    of no start, as one that is mounted into another, asks it in a thread of its own.

    Args:
        trusted: The application lets clients in.
    """

    def __init__(self, router: Router, service: Service, note: Note, *, trusted: bool) -> None:
        super().__init__(self._handle, service.clients, note=note, life=self._entered)
        self._router, self._service, self._told = router, service, note
        self._home = home_of(router)
        self._trusted = trusted

    async def _handle(self, request: Request, reply: Reply) -> None:
        request.path = below(request.path)
        if self._trusted:  # which page may ask is the application's own affair
            request.headers = CIMultiDict(
                [pair for pair in request.headers.items() if pair[0].lower() not in _OF_PAGES]
            )
        loop, here = self._home.loop, asyncio.get_running_loop()
        if runs_here(loop):
            await self._service.handle(request, reply)
            return

        async def body() -> bytes:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(request.read(), here))

        asked = Request(
            request.method,
            request.path,
            headers=request.headers,
            query=request.query,
            body=body,
            peer=request.peer,
            tls=request.tls,
        )
        await pass_on(Feed(loop, feeding(self._service.handle, asked, self._told)), reply)

    @asynccontextmanager
    async def _entered(self) -> AsyncGenerator[None]:
        """Enter the Router, if it is not."""
        if loop_of(self._router) is None:
            async with self._router:
                yield
        else:
            yield


def below(path: str) -> str:
    """The gateway's own path, where the application's own may stand in front: not every server tells apart which."""
    begins = path.find("/v1/")
    if begins > 0:
        return path[begins:]
    return next((own for own in (HEALTH, READY) if path.endswith(own)), path)
