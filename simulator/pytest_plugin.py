"""The pytest plugin of standby: its fixtures cost nothing until a test asks for one.

    async def test_falls_over(standby_simulator, standby_provider):
        standby_provider("lead", Failure(ErrorKind.OVERLOADED))
        standby_provider("second", "Hello.")
        answer = await standby.complete("Hi", targets=["lead", "second"])
        assert answer.text == "Hello."

pytest loads this module at every start, also where standby is not tested: it imports nothing of the project but
inside its fixtures.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .scenario.script import Chooser, Scenario, Step
    from .scripted import ScriptedProvider
    from .server import Simulator

try:
    from pytest_asyncio import fixture as async_fixture
except ImportError:

    @pytest.fixture(name="standby_simulator")
    def _no_simulator() -> None:
        """A running simulator; needs pytest-asyncio, which is not installed."""
        pytest.fail("the fixture standby_simulator needs pytest-asyncio: pip install pytest-asyncio", pytrace=False)

else:

    @async_fixture(name="standby_simulator")
    async def _simulator() -> "AsyncIterator[Simulator]":
        """A running `standby.testing.Simulator`, closed after the test."""
        from .server import Simulator

        async with Simulator() as simulator:
            yield simulator


@pytest.fixture
def standby_provider(standby_simulator: "Simulator") -> "Iterator[Callable[..., ScriptedProvider]]":
    """`standby_provider(name, *played, dialect="openai")`: a provider in the registry that plays what it is given.

    `played` is what `Simulator.play` takes. After the test, the name is free again.
    """
    from .scripted import ScriptedProvider, registered

    with ExitStack() as stack:

        def make(name: str, *played: "Scenario | Chooser | Step", dialect: str = "openai") -> "ScriptedProvider":
            standby_simulator.play(name, *played, dialect=dialect)
            provider = ScriptedProvider(name, standby_simulator.base_url(name), dialect=dialect)
            stack.enter_context(registered(provider))
            return provider

        yield make
