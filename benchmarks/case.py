"""The cases of the benchmark, and the suites that they make up."""

from typing import Literal, TypeAlias

import msgspec

from .wire import ANSWER, Script

Operation: TypeAlias = Literal["call", "stream"]
Before: TypeAlias = Literal["nothing", "500", "refused", "cut"]

EVENTS_PER_WRITE = 8
FEW, MANY = 100, 1000
"""What a delta costs is the slope between streams of so many."""

OURS = ("loop", "standby")
VARIANTS = ("raw", "loop", "loop-tuned", "standby", "standby-text", "standby-whole", "openai")
LOGGING = ("raw", "loop", "loop-tuned", "loop-at-once", "standby", "standby-log", "openai")
VERSIONS = ("standby-full", "standby-before")
PEERS = ("litellm", "pydantic-ai", "langchain", "tensorzero")
GATEWAYS = ("standby-gateway", "nginx", "tensorzero-http", "litellm-proxy")


class Case(msgspec.Struct, frozen=True):
    """One thing that every client is asked to do.

    Attributes:
        script: What the upstream answers.
        concurrency: How many operations run at a time.
        count: Number of operations measured for a client with a full share.
        clients: The clients measured in it.
        before: The failure of the first of two targets, before the second answers.
    """

    name: str
    operation: Operation
    script: Script
    concurrency: int
    count: int
    clients: tuple[str, ...]
    before: Before = "nothing"

    @property
    def expected(self) -> int:
        """What an operation returns when nothing is lost: characters of the answer, or deltas."""
        return len(ANSWER) if self.operation == "call" else self.script.deltas

    def count_of(self, share: float) -> int:
        """How many operations a client with this share does: whole waves, and at least one."""
        return max(1, round(self.count * share / self.concurrency)) * self.concurrency


Group: TypeAlias = tuple[Case, ...]
"""Cases that are measured in turns, so that their figures may be subtracted."""


def coalesced(concurrency: int, count: int, clients: tuple[str, ...], per_write: int = EVENTS_PER_WRITE) -> Group:
    """Streams with several events per write. All write at the same moment, with time to read in between."""
    gap_us = 25 * per_write * concurrency
    more = "" if per_write == EVENTS_PER_WRITE else f", {per_write} a write"
    return tuple(
        Case(
            f"{deltas:,} deltas c{concurrency}{more}",
            "stream",
            Script("stream", deltas, per_write, gap_us),
            concurrency,
            count,
            clients,
        )
        for deltas in (FEW, MANY)
    )


def paced(deltas: int, streams: int, clients: tuple[str, ...]) -> Group:
    """Streams as models send them: each an event every 10 ms, none at the moment of another."""
    script = Script("stream", deltas, 1, gap_us=10_000, spread=streams)
    return (Case(f"paced c{streams}", "stream", script, streams, streams, clients),)


def calls(concurrency: int, count: int, clients: tuple[str, ...], befores: tuple[Before, ...] = ()) -> Group:
    """Calls that are answered by one JSON body, and the same after a first target that fails."""
    return tuple(
        Case(
            f"call c{concurrency}" + ("" if before == "nothing" else f" after {before}"),
            "call",
            Script("single"),
            concurrency,
            count,
            clients,
            before,
        )
        for before in ("nothing", *befores)
    )


def broken(concurrency: int, count: int, clients: tuple[str, ...]) -> Group:
    """Streams that come whole, and the same after a first target that breaks off halfway."""
    script = Script("stream", FEW, EVENTS_PER_WRITE, 200 * concurrency)
    return (
        Case(f"{FEW} deltas c{concurrency} again", "stream", script, concurrency, count, clients),
        Case(f"{FEW} deltas c{concurrency} after a cut", "stream", script, concurrency, count, clients, "cut"),
    )


def quick() -> list[Group]:
    """What the targets are about, in about a minute."""
    return [
        coalesced(8, 32, (*OURS, "openai")),
        calls(32, 1600, LOGGING[1:], ("500", "refused")),
        paced(300, 32, OURS),
    ]


def engine() -> list[Group]:
    """What a delta and a call cost with everything switched on, and what they cost in an earlier release."""
    return [coalesced(8, 32, (*OURS, *VERSIONS)), calls(32, 1600, (*OURS, *VERSIONS), ("500", "refused"))]


def peers() -> list[Group]:
    """Ours beside the routers of others, as far as they are installed; they are slow, so that few operations do.

    The floor is in the cases where clients differ by large factors: no client in Python can be cheaper than it.
    Thirty-two paced streams keep the slowest peer busy all the time, which lets it find several events in a read.
    """
    everybody = (*OURS, "openai", *PEERS)
    return [
        coalesced(1, 20, ("raw", *everybody)),
        coalesced(8, 32, ("raw", *everybody)),
        calls(1, 200, everybody),
        calls(32, 640, everybody, ("500", "refused")),
        paced(300, 32, ("raw", *everybody)),
    ]


def gateways() -> list[Group]:
    """Our gateway beside those of others, and beside what asks the same upstream without one."""
    return [
        calls(1, 400, (*GATEWAYS, *OURS)),
        calls(32, 3200, (*GATEWAYS, *OURS)),
        calls(256, 5120, (*GATEWAYS, *OURS)),
        paced(200, 32, (*GATEWAYS, *OURS)),
        coalesced(8, 32, (*GATEWAYS, *OURS)),
        coalesced(8, 32, (*GATEWAYS, *OURS), per_write=32),
    ]


def latency() -> list[Group]:
    """How long operations last, and those that fail over.

    One at a time: how long each of many lasts that never pause says only how many there are.
    """
    return [calls(1, 1000, OURS, ("500", "refused")), broken(1, 50, OURS)]


def full() -> list[Group]:
    """Everything; what would take long with slow clients is left to the fast ones."""
    fast = VARIANTS[:-1]
    return [
        coalesced(1, 20, VARIANTS),
        coalesced(8, 32, VARIANTS),
        coalesced(32, 64, fast),
        coalesced(256, 256, fast),
        calls(1, 400, LOGGING, ("500", "refused")),
        calls(32, 1600, LOGGING, ("500", "refused")),
        calls(256, 2560, LOGGING[:-1]),
        broken(8, 64, OURS),
        paced(300, 32, VARIANTS),
    ]
