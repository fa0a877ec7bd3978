"""`understudy.testing`: the simulator's public names, and a user's test as the documentation shows it."""

from collections.abc import Callable

from understudy.providers.errors import ErrorKind

import understudy
from understudy import simulator, testing


def test_the_face_of_testing_is_that_of_the_simulator() -> None:
    assert testing.__all__ == simulator.__all__ == sorted(simulator.__all__)
    for name in testing.__all__:
        thing = getattr(testing, name)
        assert thing is getattr(simulator, name)
        assert thing.__doc__, f"understudy.testing.{name} has no docstring"
        assert name in dir(simulator)


async def test_a_users_test_plays_a_failing_lead(
    understudy_simulator: testing.Simulator, understudy_provider: Callable[..., testing.ScriptedProvider]
) -> None:
    understudy_provider("face-lead", testing.Failure(ErrorKind.AUTH))
    understudy_provider("face-second", "Hello from the second.")
    answer = await understudy.complete("Say it.", targets=["face-lead", "face-second"])
    assert answer.text == "Hello from the second."
    assert [exchange.provider for exchange in understudy_simulator.exchanges] == ["face-lead", "face-second"]
