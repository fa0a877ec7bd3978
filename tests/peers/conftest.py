"""A simulator for the tests with real peers."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from standby.simulator.server import Simulator

from components import need
from entrances import ENTRANCES, Entrance
from gateway_sockets import Chosen


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A running simulator on a port of loopback."""
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture(params=ENTRANCES)
def entrance(request: Any) -> Iterator[Entrance]:
    """Each way into the gateway, one after another."""
    way: Entrance = request.param
    if way == "asgi":
        need("uvicorn")
    Chosen.entrance = way
    yield way
    Chosen.entrance = "socket"
