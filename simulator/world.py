"""Many simulated worlds, one seed each: `python -m understudy.simulator.world --seeds 500`.

Says how many streams were run, what was violated, and whether every fault and every way of ending came up often enough
for the silence of the monitors to mean something. Its status is 1 when anything is wrong, and 0 otherwise.
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from .drill_draw import ALL_FAULTS, Mode
from .drill_points import POINTS
from .drill_world import STREAMS, Played, run

FAULT_SHARE_MIN = 0.01
"""Each kind of fault strikes in at least so many of the streams."""

VIOLATIONS_TOLD = 50

ENOUGH_STREAMS = 10_000
"""From so many streams on, every fault and every edge must have come up."""

EVERY_TENTH = 10
"""So often a seed is played twice, and must leave the same trace."""

EDGES = frozenset(
    {f"ask {why}" for why in ("first", "retry", "handover", "return", "last_resort", "hedge", "standby")}
    | {f"ask {policy}" for policy in ("continue", "ask_to_continue", "replay", "restart")}
    | {f"switch {policy}" for policy in ("continue", "ask_to_continue", "replay", "restart")}
    | {f"wait {reason}" for reason in ("backoff", "hint", "return", "queue")}
    | {
        f"skip {why}"
        for why in ("breaker_open", "probing", "parked", "returning", "limit", "dialect", "context_window")
    }
    | {"end finished", "end cancelled", "end AllTargetsFailed", "end RequestRejected", "end NoTargetAvailable"}
    | {"end StreamInterrupted"}
)
"""What may become of a call: how it is asked, gone on with, waits, is skipped, and ends. All must be seen."""


@dataclass
class Summary:
    """What many worlds came to.

    Attributes:
        faulty: How many streams were really struck by a fault.
        faults: How many streams each fault has struck.
        points: How often each point of our own code was struck.
    """

    worlds: int = 0
    streams: int = 0
    violations: list[str] = field(default_factory=list)
    faulty: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)

    def add(self, played: Played) -> None:
        self.worlds += 1
        self.streams += played.streams
        self.violations += played.violations
        self.faulty += played.faulty
        self.faults += played.faults
        self.edges += played.edges
        self.points += played.points

    def include(self, other: "Summary") -> None:
        """Add what other worlds came to."""
        self.worlds += other.worlds
        self.streams += other.streams
        self.faulty += other.faulty
        self.violations += other.violations
        self.faults += other.faults
        self.edges += other.edges
        self.points += other.points

    def line(self) -> str:
        """The numbers, in words."""
        return (
            f"{self.streams} streams in {self.worlds} worlds, {self.faulty} of them struck by a fault,"
            f" {len(self.violations)} violations"
        )

    def rare(self) -> list[str]:
        """The faults that struck too seldom."""
        return [name for name in ALL_FAULTS if self.faults[name] < FAULT_SHARE_MIN * self.streams]

    def untaken(self) -> list[str]:
        """The edges that nobody took."""
        return sorted(EDGES - self.edges.keys())

    def unstruck(self) -> list[str]:
        """The points that never struck."""
        return [name for name in POINTS if not self.points[name]]


def play(seed: int, mode: Mode) -> Played:
    """One world, played twice now and then. What breaks the world itself is a violation too, and names the seed."""
    try:
        played = run(seed, mode=mode)
    except Exception as error:  # noqa: BLE001
        return Played(seed, 0, [f"I10 seed {mode} {seed}: the world broke down: {error!r}"])
    if seed % EVERY_TENTH == 0 and (again := run(seed, mode=mode)).trace != played.trace:
        played.violations.append(f"I40 seed {mode} {seed}: two runs, two traces: {played.trace} and {again.trace}")
    return played


def sweep(first: int, count: int, *, mode: Mode = "safety", processes: int = 1) -> Summary:
    """Play `count` worlds, from the seed `first` on."""
    seeds = range(first, first + count)
    summary = Summary()
    if processes == 1:
        for seed in seeds:
            summary.add(play(seed, mode))
        return summary
    with ProcessPoolExecutor(processes) as pool:
        for played in pool.map(play, seeds, [mode] * count, chunksize=5):
            summary.add(played)
    return summary


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m understudy.simulator.world", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help=f"how many worlds, of {STREAMS} streams each")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--mode", choices=("safety", "liveness", "both"), default="both")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    began_s, out = time.monotonic(), sys.stdout
    shares: list[tuple[Mode, int]] = [("safety", asked.seeds - asked.seeds // 5), ("liveness", asked.seeds // 5)]
    if asked.mode != "both":
        shares = [(asked.mode, asked.seeds)]
    total = Summary()
    for mode, count in shares:
        summary = sweep(asked.first, count, mode=mode, processes=asked.processes)
        total.include(summary)
        out.write(f"{mode}: {summary.line()}, {time.monotonic() - began_s:.0f} s so far\n")
        for violation in summary.violations[:VIOLATIONS_TOLD]:
            out.write(f"  {violation}\n")
    out.write("points of our own code, and how often each was struck:\n")
    for name in POINTS:
        out.write(f"  {name:22}{total.points[name]:>9,}\n")
    wrong = bool(total.violations)
    if total.streams >= ENOUGH_STREAMS and asked.mode == "both":
        for words, missing in (
            ("too rare", total.rare()), ("never taken", total.untaken()), ("never struck", total.unstruck()),
        ):  # fmt: skip
            if missing:
                out.write(f"  {words}: {', '.join(missing)}\n")
                wrong = True
        rarest = min(ALL_FAULTS, key=lambda name: total.faults[name])
        share = total.faults[rarest] / total.streams
        out.write(
            f"{total.line()}; each of {len(ALL_FAULTS)} faults struck, {rarest} least, {share:.2%} of the streams\n"
        )
    return int(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
