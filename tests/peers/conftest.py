"""A simulator for the tests with real peers."""

from collections.abc import AsyncIterator

import pytest
from standby.simulator.server import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A running simulator on a port of loopback."""
    async with Simulator() as simulator:
        yield simulator
