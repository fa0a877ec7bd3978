"""The means to strike our own code in a simulated world: the chance of each point, and the attributes it replaces.

Limits and delays that are put in place of ours count by themselves how often they made a difference, so that the code
that they strike is left as it is.
"""

import asyncio
import random
from contextlib import ExitStack
from unittest import mock

_SHARES = (0.05, 0.3, 0.7)
"""How often a point strikes in a world, where it can."""


class Chance:
    """When one point strikes in one world.

    Attributes:
        rng: Draws how.
        strikes: How often it did.
    """

    def __init__(self, seed: str) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - chance, not cryptography
        self.share = self.rng.choice(_SHARES)
        self.strikes = 0

    def comes(self, share: float | None = None) -> bool:
        """Does it strike now?"""
        if self.rng.random() >= (self.share if share is None else share):
            return False
        self.strikes += 1
        return True

    async def turns(self) -> None:
        """Let the loop turn, once or several times, if it strikes now."""
        if self.comes():
            for _ in range(self.rng.choice((1, 1, 2, 5))):
                await asyncio.sleep(0)


class Swaps(ExitStack):
    """What stands in the place of something of the product: taken back when it is left, the last first."""

    def put(self, owner: object, name: str, instead: object) -> None:
        """Put this in the place of an attribute."""
        self.enter_context(mock.patch.object(owner, name, instead))


class Tiny(int):
    """A limit that counts, as a strike, each time that something is found to reach or exceed it."""

    def __new__(cls, size: int, chance: Chance) -> "Tiny":
        """Made as an int is, which takes no more than a size."""
        return super().__new__(cls, size)

    def __init__(self, size: int, chance: Chance) -> None:
        self._chance = chance

    def __le__(self, other: int) -> bool:
        return self._counted(int(self) <= other)

    def __lt__(self, other: int) -> bool:
        return self._counted(int(self) < other)

    def _counted(self, reached: bool) -> bool:
        self._chance.strikes += reached
        return reached


class Short(float):
    """A delay that counts, as a strike, each time that a timer is set by it."""

    def __new__(cls, seconds: float, chance: Chance) -> "Short":
        """Made as a float is."""
        return super().__new__(cls, seconds)

    def __init__(self, seconds: float, chance: Chance) -> None:
        self._chance = chance

    def __radd__(self, now_s: float) -> float:
        self._chance.strikes += 1
        return now_s + float(self)
