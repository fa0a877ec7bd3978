"""Print the result of `standby drill`: figures, one row per target, and on a terminal one time line per target."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from .render import NONE, Cell, seconds, show_table

if TYPE_CHECKING:
    from ..simulator.drill.result import DrillResult
    from ..simulator.drill.words import Demand, Spell

STATE_STYLES = {"open": "red", "half_open": "yellow", "parked": "magenta", "isolated": "blue"}
"""All states but `closed`: a closed target is asked as usual."""

_STATE_MARKS = {"open": "─", "half_open": "╌", "parked": "═", "isolated": "#"}
_TROUBLE_STYLES = {"fail": "red", "slow": "yellow", "rate_limit": "magenta"}
_TROUBLE = "▔"

STRETCHES_MAX = 40
"""Maximum stretches of time listed in a pipe; of the rest, only the number is printed."""

_LEVELS = "▁▂▃▄▅▆▇█"
_FAILED = "✗"
_WIDTH = 60  # of a line of time, half as many as there are slices


def show_drills(out: Console, results: Mapping[str, "DrillResult"]) -> None:
    """Print the results of several configurations under the same troubles, a row each."""
    rows: list[list[Cell]] = []
    for name, result in results.items():
        waits = [seconds(result.first_delta_s.get(percentile)) for percentile in ("p50", "p95", "p99")]
        share = Text(f"{result.availability:.3%}", style="green" if result.answered == result.calls else "red")
        cost = NONE if result.cost is None else f"${result.cost:.4f}"
        rows.append([Text(name, style="bold"), share, *waits, str(result.retries), cost])
    columns = ["file", "answered", "p50", "p95", "p99", "more tries", "cost"]
    show_table(out, columns, rows, right=columns[1:])


def show_drill(
    out: Console, result: "DrillResult", demands: Sequence["Demand"] = (), spells: Sequence["Spell"] = ()
) -> None:
    """Print a result, and whether it meets each requirement.

    Args:
        spells: The troubles that were played, for the lines of time.
    """
    lost = result.calls - result.answered
    head = f"{result.calls} calls in {result.for_s:g} s: {result.availability:.3%} answered"
    out.print(Text(head, style="bold red" if lost else "bold green"))
    words = ", ".join(f"{name} {seconds(value)}" for name, value in result.first_delta_s.items())
    out.print(f"  first word: {words or NONE}; {result.retries} attempts beyond the first")
    if result.cost is not None:
        out.print(f"  it would have cost ${result.cost:.4f}, as far as prices are known")
    for kind, count in result.failures.items():
        out.print(f"  {count} failed: {kind.replace('_', ' ')}", style="red")
    if not out.is_terminal:
        out.print()
    columns = ["target", "answered", "share", "asked", "failed", "left alone", "cost"]
    show_table(out, columns, [_row(result, target) for target in result.served], right=columns[1:])
    if out.is_terminal:
        _draw_time(out, result, spells)
    else:
        _list_stretches(out, result)
    if demands and not out.is_terminal:
        out.print()
    for demand in demands:
        met = demand.holds(result)
        line = Text().append("✓ " if met else "✗ ", style="green" if met else "red").append(demand.text, style="bold")
        out.print(line.append(f"  it is {_found(demand, result)}"))


def _row(result: "DrillResult", target: str) -> list[Cell]:
    served, failed = result.served[target], result.failed[target]
    alone_s = result.left_alone_s(target)
    cost = result.spend.get(target)
    return [
        Text(target, style="bold"),
        str(served),
        f"{served / result.calls:.1%}",
        str(result.asked[target]),
        Text(str(failed), style="red" if failed else ""),
        Text(seconds(alone_s) if alone_s else NONE, style="red" if alone_s else ""),
        NONE if cost is None else f"${cost:.4f}",
    ]


def _found(demand: "Demand", result: "DrillResult") -> str:
    found = demand.found(result)
    if found is None:
        return "not known: no call was answered"
    return f"{found:.3%}" if demand.what == "availability" else seconds(found)


def _list_stretches(out: Console, result: "DrillResult") -> None:
    found = [each for each in result.health if each.state in STATE_STYLES]
    if found:
        out.print()
        rows = [
            [each.target, each.state.replace("_", " "), seconds(each.from_s), seconds(each.until_s)]
            for each in found[:STRETCHES_MAX]
        ]
        show_table(out, ["target", "was", "from", "until"], rows)
    if len(found) > STRETCHES_MAX:
        out.print(f"and {len(found) - STRETCHES_MAX} more")


def _draw_time(out: Console, result: "DrillResult", spells: Sequence["Spell"]) -> None:
    timeline, lost = result.timeline, result.answered < result.calls
    longest = max(len(name) for name in (*timeline.served, *(["unanswered"] if lost else [])))
    width = _WIDTH if out.width > _WIDTH + longest else _WIDTH // 2
    names = max(1, min(longest, out.width - width - 1))  # a longer name is cut, so that the lines stay lines
    step = len(timeline.unanswered) // width
    served = {name: _joined(counts, step) for name, counts in timeline.served.items()}
    failed = {name: _joined(counts, step) for name, counts in timeline.failed.items()}
    most = max(1, *(max(counts) for counts in served.values()))
    for name in served:
        line = Text().append(f"{_cut(name, names):>{names}} ", style="bold")
        for index in range(width):
            middle_s = (index + 0.5) * result.for_s / width
            line.append(_cell(served[name][index], failed[name][index], most, _state(result, name, middle_s)))
        out.print(line, no_wrap=True)
        _draw_troubles(out, [each for each in spells if each.target == name], result.for_s, names, width)
    if lost:
        line = Text().append(f"{_cut('unanswered', names):>{names}} ", style="bold red")
        for count in _joined(timeline.unanswered, step):
            line.append(_FAILED if count else " ", style="red")
        out.print(line, no_wrap=True)
    ends = f"{result.for_s:g} s"
    out.print(Text(f"{'':{names}} 0 s{ends:>{width - 3}}", style="dim"))
    legend = Text(f"{'':{names}} ").append("▂▆", style="green").append(" answered  ").append(_FAILED, style="red")
    legend.append(" failed  ")
    for state in dict.fromkeys(each.state for each in result.health if each.state in STATE_STYLES):
        legend.append(_STATE_MARKS[state], style=STATE_STYLES[state]).append(f" {state.replace('_', ' ')}  ")
    out.print(legend)
    out.print()


def _draw_troubles(out: Console, spells: Sequence["Spell"], for_s: float, names: int, width: int) -> None:
    """Below the line of a target, from when to when it was in which trouble."""
    for spell in spells:
        first = round(min(spell.from_s, for_s) * width / for_s)
        length = max(1, round(min(spell.until_s, for_s) * width / for_s) - first)
        line = Text(f"{'':{names}} {'':{first}}").append(_TROUBLE * length, style=_TROUBLE_STYLES[spell.trouble])
        out.print(line.append(f" {spell.trouble.replace('_', ' ')}", style="dim"), no_wrap=True)


def _cell(served: int, failed: int, most: int, state: str) -> Text:
    """One character: the share of answers; if there are none, whether the target failed or was not asked."""
    if served:
        level = _LEVELS[(served * len(_LEVELS) - 1) // most]
        return Text(level, style="yellow" if failed else "green")
    if failed:
        return Text(_FAILED, style="red")
    return Text(_STATE_MARKS[state], style=STATE_STYLES[state]) if state in STATE_STYLES else Text("·", style="dim")


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"


def _joined(counts: Sequence[int], step: int) -> list[int]:
    return [sum(counts[start : start + step]) for start in range(0, len(counts), step)]


def _state(result: "DrillResult", target: str, at_s: float) -> str:
    found = (each.state for each in result.health if each.target == target and each.from_s <= at_s < each.until_s)
    return next(found, "closed")
