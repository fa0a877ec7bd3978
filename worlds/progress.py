"""Keep the progress of a long run of simulated worlds in a file, so that an interrupted run resumes.

A run is played in stretches. After each, the file holds what all worlds so far came to; it is replaced as a whole, so
that it is never half written.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Any, Self

import msgspec

from .draw import Mode
from .play import Played


class Summary(msgspec.Struct):
    """What many worlds came to.

    Attributes:
        faulty: How many streams were really struck by a fault.
        faults: How many streams each fault has struck.
        edges: How often each way of going on, and of ending, was taken.
        points: How often each point of our own code was struck.
    """

    worlds: int = 0
    streams: int = 0
    violations: list[str] = []
    faulty: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    edges: Counter[str] = msgspec.field(default_factory=Counter)
    points: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, played: Played) -> None:
        """Count one world."""
        self._count(1, played)

    def include(self, other: "Summary") -> None:
        """Count what other worlds came to."""
        self._count(other.worlds, other)

    def _count(self, worlds: int, came: "Played | Summary") -> None:
        self.worlds += worlds
        self.streams += came.streams
        self.violations += came.violations
        self.faulty += came.faulty
        self.faults += came.faults
        self.edges += came.edges
        self.points += came.points

    def line(self) -> str:
        """The numbers, in words."""
        return (
            f"{self.streams:,} streams in {self.worlds:,} worlds, {self.faulty:,} of them struck by a fault,"
            f" {len(self.violations)} violations"
        )


class Progress(msgspec.Struct):
    """A run, and how far it has come.

    Attributes:
        first: The first seed.
        shares: How many worlds of each mode it has in all.
        reached: What the worlds of each mode have come to so far: they were played in the order of their seeds.
    """

    first: int
    shares: dict[Mode, int]
    reached: dict[Mode, Summary] = {}

    @classmethod
    def of(cls, first: int, shares: dict[Mode, int], path: Path | None) -> Self:
        """The run that is asked for: from its beginning, or from where the file says.

        Raises:
            ValueError: The file is of another run.
        """
        asked = cls(first, shares)
        if path is None or not path.exists():
            return asked
        kept = msgspec.json.decode(path.read_bytes(), type=cls, dec_hook=_counter)
        if (kept.first, kept.shares) != (first, shares):
            raise ValueError(f"{path} is of another run: --first {kept.first}, {kept.shares}")
        return kept

    def next_stretch(self, mode: Mode, worlds_max: int) -> range:
        """The seeds that come next, at most so many; none when the mode's share is done."""
        done = self.first + self.came_to(mode).worlds
        return range(done, min(done + worlds_max, self.first + self.shares[mode]))

    def came_to(self, mode: Mode) -> Summary:
        """What the worlds of one mode have come to."""
        return self.reached.setdefault(mode, Summary())

    def save(self, path: Path) -> None:
        """Replace the file."""
        beside = path.with_name(f"{path.name}.new")
        beside.write_bytes(msgspec.json.encode(self))
        os.replace(beside, path)


def _counter(_: type, kept: Any) -> Any:
    """Counters, the only thing here that is no plain data, are kept as plain objects."""
    return Counter(kept)
