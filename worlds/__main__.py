"""Many simulated worlds, one seed each: `python -m worlds --seeds 500`.

Prints the number of streams, the violations, and whether every fault and every kind of end came up often enough for the
silence of the monitors to mean something. The exit status is 1 if anything is wrong, else 0. A long run prints its
progress from time to time, and with `--state` an interrupted run resumes.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from .callers import TURNS
from .draw import ALL_FAULTS, POISONS, Mode
from .injection import POINTS
from .play import Http, Played, run
from .progress import Progress, Summary
from .world import STREAMS

FAULT_SHARE_MIN = 0.01
"""Minimum share of the streams of safety mode that each kind of fault strikes; other modes do not play all kinds."""

VIOLATIONS_TOLD = 50

ENOUGH_STREAMS = 10_000
"""Minimum streams of a run in which every fault and every edge must come up."""

EVERY_TENTH = 10
"""One seed in ten is played twice, and must leave the same trace."""

STRETCH = 500
"""Worlds between two progress lines, at which the state is saved: half a minute on two cores."""

MODES: tuple[Mode, ...] = ("safety", "liveness", "poisoned")

EDGES = frozenset(
    {f"ask {why}" for why in ("first", "retry", "handover", "return", "last_resort", "hedge", "standby")}
    | {f"ask {policy}" for policy in ("continue", "ask_to_continue", "replay", "restart")}
    | {f"switch {policy}" for policy in ("continue", "ask_to_continue", "replay", "restart")}
    | {f"wait {reason}" for reason in ("backoff", "hint", "return", "queue")}
    | {f"skip {why}" for why in ("breaker_open", "probing", "parked", "returning", "limit", "context_window")}
    | {"end finished", "end cancelled", "end AllTargetsFailed", "end RequestRejected", "end NoTargetAvailable"}
    | {"end StreamInterrupted"}
    | {f"{temper} in turn {turn}" for temper in ("is_left", "is_cancelled") for turn in range(TURNS)}
    | {f"poison {name}" for name in POISONS}
)
"""Ways of a call: how it asks, continues, waits, skips, is left, is poisoned, and ends. A run must see all of them."""


def rare(summary: Summary) -> list[str]:
    """The faults that struck too seldom in these worlds of safety mode."""
    return [name for name in ALL_FAULTS if summary.faults[name] < FAULT_SHARE_MIN * summary.streams]


def untaken(summary: Summary) -> list[str]:
    """The edges that were never taken."""
    return sorted(EDGES - summary.edges.keys())


def unstruck(summary: Summary) -> list[str]:
    """The points that never struck."""
    return [name for name in POINTS if not summary.points[name]]


def play(seed: int, mode: Mode, http: Http = "private") -> Played:
    """Play one world, some worlds twice. An exception of the world itself is a violation, too, and names the seed.

    A step that took too long is one where it does so twice: what a world does is the same each time, what else the
    machine does is not.
    """
    try:
        played = run(seed, mode=mode, http=http)
    except Exception as error:  # noqa: BLE001
        return Played(seed, 0, [f"I10 seed {mode} {seed}: the world broke down: {error!r}"])
    if seed % EVERY_TENTH == 0 or played.slow_steps:
        again = run(seed, mode=mode, http=http)
        if again.trace != played.trace:
            played.violations.append(f"I40 seed {mode} {seed}: two runs, two traces: {played.trace} and {again.trace}")
        if played.slow_steps:
            played.violations += again.slow_steps
    return played


def sweep(first: int, count: int, *, mode: Mode = "safety", processes: int = 1, http: Http = "private") -> Summary:
    """Play `count` worlds, from the seed `first` on."""
    seeds = range(first, first + count)
    summary = Summary()
    if processes == 1:
        for seed in seeds:
            summary.add(play(seed, mode, http))
        return summary
    with ProcessPoolExecutor(processes) as pool:
        for played in pool.map(play, seeds, [mode] * count, [http] * count, chunksize=5):
            summary.add(played)
    return summary


def shares_of(seeds: int, mode: str) -> dict[Mode, int]:
    """Number of worlds per mode: of ten, seven or eight in safety, two in liveness, one poisoned."""
    if mode == "all":
        liveness, poisoned = seeds // 5, seeds // 10
        return {"safety": seeds - liveness - poisoned, "liveness": liveness, "poisoned": poisoned}
    return {each: seeds for each in MODES if each == mode}


class Told:
    """Prints the progress of a run: each mode's sum so far, and each violation once."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._violations: Counter[Mode] = Counter()

    def tell(self, mode: Mode, summary: Summary) -> None:
        """Print the sum of a mode so far."""
        out = sys.stdout
        out.write(f"{mode}: {summary.line()}, {time.monotonic() - self._began_s:.0f} s so far\n")
        for violation in summary.violations[self._violations[mode] : VIOLATIONS_TOLD]:
            out.write(f"  {violation}\n")
        self._violations[mode] = len(summary.violations)
        out.flush()


def play_all(progress: Progress, state: Path | None, processes: int, http: Http = "private") -> Summary:
    """Play the rest of a run; return its sum."""
    total, told = Summary(), Told()
    for mode in progress.shares:
        summary = progress.came_to(mode)
        if summary.worlds:
            told.tell(mode, summary)
        while seeds := progress.next_stretch(mode, STRETCH):
            summary.include(sweep(seeds.start, len(seeds), mode=mode, processes=processes, http=http))
            if state is not None:
                progress.save(state)
            told.tell(mode, summary)
        total.include(summary)
    return total


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m worlds.__main__", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help=f"how many worlds, of {STREAMS} streams each")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--mode", choices=(*MODES, "all"), default="all")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--state", type=Path, help="a file that keeps how far the run is; it goes on from there")
    parser.add_argument("--http", choices=("private", "public"), default="private", help="the way to use aiohttp")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    try:
        progress = Progress.of(asked.first, shares_of(asked.seeds, asked.mode), asked.state)
    except ValueError as problem:
        parser.error(str(problem))
    total = play_all(progress, asked.state, asked.processes, asked.http)
    return int(_judged(total, progress.came_to("safety"), whole=asked.mode == "all"))


def _judged(total: Summary, safety: Summary, *, whole: bool) -> bool:
    """Print the sum of the run. Is anything wrong?"""
    out = sys.stdout
    out.write("points of our own code, and how often each was struck:\n")
    for name in POINTS:
        out.write(f"  {name:22}{total.points[name]:>9,}\n")
    wrong = bool(total.violations)
    if total.streams >= ENOUGH_STREAMS and whole:
        for words, missing in (
            ("too rare", rare(safety)), ("never taken", untaken(total)), ("never struck", unstruck(total)),
        ):  # fmt: skip
            if missing:
                out.write(f"  {words}: {', '.join(missing)}\n")
                wrong = True
        rarest = min(ALL_FAULTS, key=lambda name: safety.faults[name])
        share = f"{rarest} least, {safety.faults[rarest] / safety.streams:.2%} of the streams in safety mode"
        out.write(f"{total.line()}; each of {len(ALL_FAULTS)} faults struck, {share}\n")
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
