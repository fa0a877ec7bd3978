"""The simulator with two more ways of being down, and the waits that tests on real sockets need."""

import asyncio
import ssl
from collections.abc import Callable

from standby.router.health.snapshot import HealthSnapshot
from standby.router.targets.live_target import LiveTarget

from standby import Router, Target
from standby.testing import Simulator

LONG_S = 5.0
"""A wait for something that is sure to come ends by then, as a failure."""


class Playing(Simulator):
    """A simulator that also listens, with an untrusted certificate, on `untrusted_url()`."""

    def __init__(self, untrusted: ssl.SSLContext) -> None:
        super().__init__()
        self._untrusted = untrusted
        self._tls_port = 0
        self._tls_server: asyncio.Server | None = None

    async def start(self, *, listen: bool = True) -> None:
        await super().start(listen=listen)
        loop = asyncio.get_running_loop()
        self._tls_server = await loop.create_server(asyncio.Protocol, "127.0.0.1", ssl=self._untrusted)
        self._tls_port = self._tls_server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        if self._tls_server is not None:
            self._tls_server.close()
        await super().aclose()

    def untrusted_url(self) -> str:
        return f"https://127.0.0.1:{self._tls_port}"


async def until(condition: Callable[[], object]) -> None:
    """Let the loop go round until a condition holds, which nothing tells by an event."""
    async with asyncio.timeout(LONG_S):
        while not condition():  # noqa: ASYNC110 - a state, which no event tells of
            await asyncio.sleep(0)


def live_of(router: Router, target: str | Target) -> LiveTarget:
    """What a Router keeps of a target."""
    assert router._shared is not None
    return router._shared.generation.live(target)


def health_of(router: Router, name: str) -> HealthSnapshot:
    """How a target stands now."""
    return next(health for health in router.health() if health.target == name)


async def settled(router: Router, target: str | Target) -> None:
    """Until the target's finished exchanges have given their connections back."""
    transport = live_of(router, target).transport
    await until(lambda: transport.open_exchanges == transport.connections_in_use == 0)
