"""`standby.testing`: the simulator's public names, and a user's test as the documentation shows it."""

from collections.abc import Callable

from standby.providers.errors import ErrorKind

import standby
from standby import simulator, testing


def test_the_face_of_testing_is_that_of_the_simulator() -> None:
    assert testing.__all__ == simulator.__all__ == sorted(simulator.__all__)
    for name in testing.__all__:
        thing = getattr(testing, name)
        assert thing is getattr(simulator, name)
        assert thing.__doc__, f"standby.testing.{name} has no docstring"
        assert name in dir(simulator)


async def test_a_users_test_plays_a_failing_lead(
    standby_simulator: testing.Simulator, standby_provider: Callable[..., testing.ScriptedProvider]
) -> None:
    standby_provider("face-lead", testing.Failure(ErrorKind.AUTH))
    standby_provider("face-second", "Hello from the second.")
    answer = await standby.complete("Say it.", targets=["face-lead", "face-second"])
    assert answer.text == "Hello from the second."
    assert [exchange.provider for exchange in standby_simulator.exchanges] == ["face-lead", "face-second"]
