"""`understudy drill`: what a route would do in an outage, played in virtual time. Asks nobody."""

import math
import operator
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from ..config import load
from .exits import ExitCode, UsageError, guarded
from .options import AsJson, Debugging, RouteName
from .render import bar, console, say, seconds, show_json, show_table

if TYPE_CHECKING:
    from ..simulator.drill import DrillResult, Spell, Trouble

_UNITS_S = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|)")
_DEMAND = re.compile(r"(availability|p50|p95|p99)\s*(>=|<=|>|<)\s*([0-9]+(?:\.[0-9]+)?)(%|ms|s|)")
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_BAR_WIDTH = 60
_STYLES = {"closed": "green", "half_open": "yellow", "parked": "magenta", "isolated": "blue"}

Spells = Annotated[list[str] | None, typer.Option(metavar="TARGET@FROM..UNTIL", show_default=False)]


def drill(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)],
    route: RouteName = None,
    fail: Spells = None,
    slow: Spells = None,
    rate_limit: Spells = None,
    rate: Annotated[str, typer.Option("--rate", help="Calls a second.")] = "10/s",
    lasts: Annotated[str, typer.Option("--for", help="How long, in virtual time.")] = "1m",
    require: Annotated[
        list[str] | None,
        typer.Option("--require", help="Fail unless this holds: availability>=99.9%, p95<2s.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same drill.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Play a route under outages in virtual time, with the real router and simulated providers. Asks nobody.

    For example: understudy drill understudy.yaml --fail openai@10s..70s --for 5m --require 'availability>=99.9%'
    """
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        from ..simulator.drill import drill as play

        demands = [_demand(text) for text in require or ()]
        wrong: tuple[tuple[Trouble, list[str] | None], ...]
        wrong = (("fail", fail), ("slow", slow), ("rate_limit", rate_limit))
        spells = [_spell(text, trouble) for trouble, texts in wrong for text in texts or ()]
        result = play(
            load(file), spells, route=route, rate=_duration(rate.removesuffix("/s")), for_s=_duration(lasts), seed=seed
        )
        missed = [text for text, holds in zip(require or (), demands, strict=True) if not holds(result)]
        if as_json:
            show_json(result.to_dict() | {"missed": missed})
        else:
            _show(console(), result)
        for text in missed:
            say(f"not met: {text}", style="red")
        if missed:
            raise typer.Exit(ExitCode.NOBODY_ANSWERED)


def _duration(text: str) -> float:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no duration; write for example 30s, 5m or 1.5h")
    return float(found[1]) * _UNITS_S[found[2]]


def _spell(text: str, trouble: "Trouble") -> "Spell":
    from ..simulator.drill import Spell

    target, at, span = text.partition("@")
    if not at:
        return Spell(target, trouble)
    begin, _, end = span.partition("..")
    from_s, until_s = (_duration(begin) if begin else 0.0), (_duration(end) if end else math.inf)
    if until_s <= from_s:
        raise UsageError(f"{text!r} ends before it begins")
    return Spell(target, trouble, from_s, until_s)


class _demand:  # noqa: N801 - reads as the verb it is
    """What `--require` asks of a result."""

    def __init__(self, text: str) -> None:
        found = _DEMAND.fullmatch(text.strip())
        if found is None or (found[1] == "availability") != (found[4] == "%"):
            raise UsageError(f"{text!r} cannot be required; write for example availability>=99.9% or p95<2s")
        self._what, self._holds = found[1], _COMPARE[found[2]]
        self._bound = float(found[3]) * (0.01 if found[4] == "%" else _UNITS_S[found[4]])

    def __call__(self, result: "DrillResult") -> bool:
        if self._what == "availability":
            return bool(self._holds(result.availability, self._bound))
        value = result.first_delta_s.get(self._what)
        return value is not None and bool(self._holds(value, self._bound))


def _show(out: Console, result: "DrillResult") -> None:
    out.print(Text(f"{result.calls} calls in {result.for_s:g} s: {result.availability:.3%} answered", style="bold"))
    words = ", ".join(f"{name} {seconds(value)}" for name, value in result.first_delta_s.items())
    out.print(f"  first word: {words or '-'}; {result.retries} attempts beyond the first")
    if result.cost is not None:
        out.print(f"  it would have cost ${result.cost:.4f}, as far as prices are known")
    for kind, count in result.failures.items():
        out.print(f"  {count} failed: {kind.replace('_', ' ')}", style="red")
    show_table(
        out,
        ["target", "answered", "asked", "left alone"],
        [
            [target, str(count), str(result.asked[target]), seconds(_left_alone_s(result, target))]
            for target, count in result.served.items()
        ],
        right=("answered", "asked", "left alone"),
    )
    if out.is_terminal:
        for stretch in result.health:
            if stretch.state != "closed":
                line = bar(
                    stretch.from_s, stretch.until_s, result.for_s, _BAR_WIDTH, style=_STYLES.get(stretch.state, "red")
                )
                out.print(line, f"{stretch.target} {stretch.state.replace('_', ' ')}")


def _left_alone_s(result: "DrillResult", target: str) -> float:
    from ..simulator.drill import LOOKS_EVERY_S

    return sum(
        stretch.until_s - stretch.from_s + LOOKS_EVERY_S
        for stretch in result.health
        if stretch.target == target and stretch.state not in ("closed", "half_open")
    )
