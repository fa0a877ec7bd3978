"""The results of a run, and the settings of every part of it."""

from collections.abc import Callable, Sequence

import msgspec

from .commands import Sample
from .figures import Figure
from .processes import Processes


class Result(msgspec.Struct):
    """What was found.

    Attributes:
        figures: What it comes to.
        samples: Every round of every case, by case and client.
        reads: Reads per operation, by case and client: a client with fewer reads found more in each.
        absent: Clients that could not be measured, because they are not installed.
        notes: What a reader has to know beside the figures.
    """

    figures: list[Figure] = []
    samples: dict[str, dict[str, list[Sample]]] = {}
    reads: dict[str, dict[str, float]] = {}
    absent: list[str] = []
    notes: list[str] = []

    def add(self, other: "Result") -> None:
        """Take in what another part of the run found."""
        self.figures += other.figures
        for name, found in other.samples.items():
            self.samples[name] = {**self.samples.get(name, {}), **found}
        self.reads |= other.reads
        self.absent = sorted({*self.absent, *other.absent})
        self.notes += other.notes

    @property
    def waited(self) -> float:
        """The largest share of a block in which a client was ready to run, and others had its core."""
        return max(
            (sample.waited for found in self.samples.values() for each in found.values() for sample in each),
            default=0.0,
        )


class Setting(msgspec.Struct, frozen=True):
    """How to measure.

    Attributes:
        loop: The kind of event loop on both sides.
        pinned: The upstream and the clients have a core each.
        repeats: Rounds of each case.
        streams: How many idle streams are held open.
        progress: Is told what is being measured.
        only: Texts, of which one is in the name of what is measured; none: all of it.
    """

    loop: str
    pinned: bool
    repeats: int
    streams: int
    progress: Callable[[str], None]
    only: tuple[str, ...] = ()

    def wants(self, *names: str) -> bool:
        """Is something of these names asked for?"""
        return not self.only or any(text in name for text in self.only for name in names)

    def processes(self, loop: str | None = None, *, tls: bool = False, without: Sequence[str] = ()) -> Processes:
        """An upstream and workers that have done nothing yet."""
        return Processes(loop or self.loop, pinned=self.pinned, tls=tls, without=without)
