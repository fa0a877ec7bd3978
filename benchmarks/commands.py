"""Commands to a worker, and its answers: lines of JSON on its standard input and output."""

from typing import Literal, TypeAlias

import msgspec

from .case import Operation

Watched: TypeAlias = Literal["lag", "steps"]


class Work(msgspec.Struct):
    """Operations to be done: `count` in all, `concurrency` at a time, each with this result."""

    urls: tuple[str, ...]
    operation: Operation
    expected: int
    concurrency: int
    count: int


class Measure(Work, tag=True):
    """Say what an operation takes. Answered by a `Sample`."""


class CountReads(Work, tag=True):
    """Count the reads. Answered by `Reads`."""


class Watch(Work, tag=True, kw_only=True):
    """Say for how long the event loop was kept from others. Answered by `Delays`.

    Attributes:
        what: `lag`: how late a timer was; `steps`: what each callback took, which only asyncio's own loop can tell.
    """

    what: Watched


class Hold(msgspec.Struct, tag=True):
    """Hold this many streams open and read no more of them. Answered by `Held`.

    Attributes:
        settle_s: Until memory is looked at for the first time, and from then to the second time.
    """

    urls: tuple[str, ...]
    streams: int
    settle_s: float = 0.0


class Keep(msgspec.Struct, tag=True):
    """Have this many streams open from now on, and read no more of them. Answered by `Kept`."""

    urls: tuple[str, ...]
    streams: int


class Peak(msgspec.Struct, tag=True):
    """Say how much memory the process ever had. Answered by `Size`."""


class Sample(msgspec.Struct):
    """What an operation took.

    Attributes:
        cpu_us: CPU time of one, on average.
        p50_us: The median of their durations.
        p99_us: All but a hundredth were shorter.
        waited: The share of the time in which the process was ready to run, and others had its core.
    """

    cpu_us: float
    p50_us: float
    p99_us: float
    waited: float


class Reads(msgspec.Struct):
    """How many reads one operation needed, on average."""

    per_operation: float


class Delays(msgspec.Struct):
    """How long the longest delays were, of `count` that were seen."""

    count: int
    p99_ms: float
    p999_ms: float
    longest_ms: float


class Held(msgspec.Struct):
    """By how much the process grew for each stream, in bytes, and by how much more while nothing was read."""

    bytes_per_stream: float
    more_bytes_per_stream: float


class Kept(msgspec.Struct):
    """How many streams are open now."""

    streams: int


class Size(msgspec.Struct):
    """Memory that stood in RAM, in bytes."""

    bytes: int


Command: TypeAlias = Measure | CountReads | Watch | Hold | Keep | Peak
Reply: TypeAlias = Sample | Reads | Delays | Held | Kept | Size
