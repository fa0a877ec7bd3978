"""The named modules beside the face, `standby.testing` among them, and a user's test as the documentation shows it."""

import importlib
from collections.abc import Callable
from inspect import isroutine

import pytest
from standby.providers.errors import ErrorKind

import standby
from standby import testing


@pytest.mark.parametrize("module", ["adapters", "config", "reports", "testing"])
def test_a_public_module_offers_sorted_names_that_are_there_and_documented(module: str) -> None:
    public = importlib.import_module(f"standby.{module}")
    constants_first = sorted(public.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert list(public.__all__) == constants_first
    for name in public.__all__:
        thing = getattr(public, name)
        if isinstance(thing, type) or isroutine(thing):  # an alias of a type can hold no docstring
            assert thing.__doc__, f"standby.{module}.{name} has no docstring"


def test_the_module_for_tests_offers_no_name_under_a_second_meaning() -> None:
    """But for `Answer`: there, what a simulated provider gives; at the face, what a call gives."""
    assert set(testing.__all__) & set(standby.__all__) == {"Answer"}


async def test_a_users_test_plays_a_failing_lead(
    standby_simulator: testing.Simulator, standby_provider: Callable[..., testing.ScriptedProvider]
) -> None:
    standby_provider("face-lead", testing.Failure(ErrorKind.AUTH))
    standby_provider("face-second", "Hello from the second.")
    answer = await standby.complete("Say it.", targets=["face-lead", "face-second"])
    assert answer.text == "Hello from the second."
    assert [exchange.provider for exchange in standby_simulator.exchanges] == ["face-lead", "face-second"]
