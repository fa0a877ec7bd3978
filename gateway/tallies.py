"""What requests come to, in plain numbers: counters, and how durations are spread. Pure; a scrape reads them.

A request is counted where it is answered, in the event loop. So these are dictionaries and lists, without locks.
"""

from bisect import bisect_left
from typing import TypeAlias

Labels: TypeAlias = tuple[str, ...]
"""Values of labels, in the order of their names."""


class Counter:
    """Counts, by labels.

    Attributes:
        name, about, labels: As a scrape says them.
    """

    __slots__ = ("about", "labels", "name", "values")

    def __init__(self, name: str, about: str, *labels: str) -> None:
        self.name, self.about, self.labels = name, about, labels
        self.values: dict[Labels, float] = {}

    def add(self, labels: Labels, amount: float = 1.0) -> None:
        """Count so many more."""
        self.values[labels] = self.values.get(labels, 0.0) + amount


class Spread:
    """How many durations lie below each bound.

    Attributes:
        counts: Of each bound those above the one before; last those above all.
        total_s: The sum of them.
    """

    __slots__ = ("_bounds", "counts", "total_s")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total_s = 0.0

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts)

    def add(self, other: "Spread") -> None:
        """Take in another with the same bounds."""
        self.counts = [mine + more for mine, more in zip(self.counts, other.counts, strict=True)]
        self.total_s += other.total_s

    def observe(self, seconds: float) -> None:
        """Note a duration."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total_s += seconds


class Requests:
    """What requests of one kind come to.

    Attributes:
        count, input_tokens, output_tokens, cost_usd: In all.
        total, first, overhead: How long they took, until their first byte, and how much of that was the gateway's own.
    """

    __slots__ = ("cost_usd", "count", "first", "input_tokens", "output_tokens", "overhead", "total")

    def __init__(self, seconds: tuple[float, ...], overhead_seconds: tuple[float, ...]) -> None:
        self.count = self.input_tokens = self.output_tokens = 0
        self.cost_usd = 0.0
        self.total, self.first, self.overhead = Spread(seconds), Spread(seconds), Spread(overhead_seconds)
