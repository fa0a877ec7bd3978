"""Growth: the cost of the hardest input of each kind, its longest step, and whether eight times of it cost eight times.

Measured in this process, without a network: only what is decoded and kept is asked about. A step ends where the loop
turns. Of each room the flood that is worst counts.
"""

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .figures import Figure, Spread
from .floods import Flood, floods
from .result import Result, Setting

SIZE = 64 * 1024
FEW, TIMES = 96 * 1024, 8
"""Both sizes come in pieces that are cut anywhere, and are less than an event may have before its text is looked at."""

GROWTH_MAX = 3 * TIMES
"""What is larger finds less of itself in the processor's caches; a square would be eight times as much again."""

CPU, STEP, GROWTH = "CPU for 64 KiB", "longest step for 64 KiB", f"{TIMES} times as much"
STEP_MAX_MS = 20.0
"""No 64 KiB of anything may keep the loop for longer."""

PAGE = Path(__file__).resolve().parents[1] / "docs" / "guarantees.md"
_PLACE = re.compile(r"(<!-- growth: .*? -->\n).*?(<!-- /growth -->)", re.DOTALL)


def growth(setting: Setting) -> Result:
    """Three figures of each room, and of all together."""
    result = Result()
    rooms: dict[str, list[Flood]] = {}
    for flood in floods():
        rooms.setdefault(flood.room, []).append(flood)
    for room, found in rooms.items():
        setting.progress(f"growth: {room}")
        costs = {flood.said: [_cost(flood) for _ in range(setting.repeats)] for flood in found}
        for what, pick in _PICKS.items():
            by_input = {said: Spread.of([pick(cost) for cost in rounds]) for said, rounds in costs.items()}
            worst = max(by_input, key=lambda said: by_input[said].median)
            result.figures.append(Figure(f"{room}, {what}", worst, "x" if what == GROWTH else "ms", by_input[worst]))
    for what in (STEP, GROWTH):
        values = [figure for figure in result.figures if figure.what.endswith(f", {what}")]
        worst = max(values, key=lambda figure: figure.value.median)
        result.figures.append(Figure(f"anything, {what}", "standby", worst.unit, worst.value))
    return result


Cost = tuple[float, float, float]
"""CPU time for 64 KiB, the longest step for 64 KiB, and the growth."""

_PICKS: dict[str, Callable[[Cost], float]] = {CPU: lambda c: c[0], STEP: lambda c: c[1], GROWTH: lambda c: c[2]}


def _cost(flood: Flood) -> Cost:
    one, step = min(_played(flood, flood.made(SIZE)) for _ in range(3))
    few, many = flood.made(FEW), flood.made(TIMES * FEW)
    less, longest = min(_played(flood, few) for _ in range(3))
    return one, min(step, longest), _played(flood, many)[0] / less


def _played(flood: Flood, made: object) -> tuple[float, float]:
    """CPU milliseconds in all, and of the longest step, for each 64 KiB that it is about."""
    longest = 0.0
    began = last = time.process_time()
    for size in flood.played(made):
        now = time.process_time()
        longest, last = max(longest, (now - last) / max(1.0, size / SIZE)), now
    return 1000 * (last - began), 1000 * longest


def _said(figure: Figure) -> str:
    return f"{figure.value.median:.1f} {figure.unit}"


def with_growth(text: str, found: Iterable[Figure]) -> str:
    """The page of guarantees with the table of what was measured."""
    rooms: dict[str, dict[str, Figure]] = {}
    for figure in found:
        room, _, what = figure.what.rpartition(", ")
        if room != "anything":
            rooms.setdefault(room, {})[what] = figure
    rows = [
        f"| `{room}` | {of[CPU].client} | {_said(of[CPU])} | {_said(of[STEP])} | {_said(of[GROWTH])} |"
        for room, of in rooms.items()
    ]
    head = f"| Where | Hardest input | {CPU} | Longest step for 64 KiB | {GROWTH.capitalize()} |"
    table = "\n".join([head, "|---|---|---:|---:|---:|", *rows])
    return _PLACE.sub(lambda place: f"{place[1]}{table}\n{place[2]}", text)
