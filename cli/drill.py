"""`standby drill`: play an outage of a route in virtual time. Sends nothing."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias, TypeVar

import typer

from ..config import load
from ..config.origin import ENV_FILE
from ..simulator.drill.result import DrillResult
from ..simulator.drill.words import Demand, Latency, Spell, demand, duration_s, latency_of_target, rate_per_s, spell
from .choice import usual_file
from .drill_table import show_drill, show_drills
from .exits import ExitCode, UsageError, guarded
from .options import AsJson, Debugging, EnvFile, RouteName
from .render import console, say, show_json

T = TypeVar("T")

RATE_PER_S = 10.0
LASTS_S = 60.0

_SPELL = "TARGET@FROM..UNTIL"

Failing: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar=_SPELL, help="It answers 503.", show_default=False)
]
Slow: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar=_SPELL, help="Its first word takes long.", show_default=False)
]
RateLimited: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar=_SPELL, help="It answers 429.", show_default=False)
]
Latencies: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--latency", metavar="TARGET=MEDIAN..P95", help="How soon it answers when well.", show_default=False),
]


def drill(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="The configuration; of several, each is played. Else: $STANDBY_CONFIG, or ./standby.yaml.",
            show_default=False,
        ),
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option("--drill", metavar="FILE", help="The drill, in YAML.", show_default=False)
    ] = None,
    env_file: EnvFile = None,
    route: RouteName = None,
    fail: Failing = None,
    slow: Slow = None,
    rate_limit: RateLimited = None,
    latencies: Latencies = None,
    rate: Annotated[str | None, typer.Option(help="Calls a second.", show_default="10/s")] = None,
    lasts: Annotated[str | None, typer.Option("--for", help="Duration, in virtual time.", show_default="1m")] = None,
    require: Annotated[
        list[str] | None,
        typer.Option("--require", help="Fail unless this holds: availability>=99.9%, p95<2s.", show_default=False),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same drill.", show_default="0")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="OUT.svg|png", help="Draw what happened.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play a route under outages in virtual time, with the real router and simulated providers. Sends nothing.

    For example: standby drill standby.yaml --fail openai@10s..70s --for 5m --require 'availability>=99.9%'
    """
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        told = _Told(
            [
                *_read_all(fail, partial(spell, trouble="fail")),
                *_read_all(slow, partial(spell, trouble="slow")),
                *_read_all(rate_limit, partial(spell, trouble="rate_limit")),
            ],
            _read_all(require, demand),
            dict(_read_all(latencies, latency_of_target)),
            _read_all([rate] if rate else (), rate_per_s),
            _read_all([lasts] if lasts else (), duration_s),
            seed,
        )
        asked = files or [usual_file()]
        if plot is not None and len(asked) > 1:
            raise UsageError("--plot draws one drill: name one file")
        from .drill_plot import Drawing

        drawing = None if plot is None else Drawing(plot)
        played = [_play(file, env_file, route, scenario, told) for file in asked]
        if drawing is not None:
            drawing.drill(played[0].result, played[0].spells)
        _show(played, as_json=as_json)


class _Told(NamedTuple):
    """What the command line says of a drill; it wins over the drill's file."""

    spells: list[Spell]
    demands: list[Demand]
    latencies: dict[str, Latency]
    rate_per_s: list[float]
    for_s: list[float]
    seed: int | None


class _Played(NamedTuple):
    """A drill of one configuration."""

    file: Path
    result: DrillResult
    spells: list[Spell]
    demands: list[Demand]

    @property
    def missed(self) -> list[Demand]:
        """What of the demands was not met."""
        return [wanted for wanted in self.demands if not wanted.holds(self.result)]


def _play(file: Path, env_file: Path | None, route: str | None, scenario: Path | None, said: _Told) -> _Played:
    from ..simulator.drill.drill import drill as play
    from ..simulator.drill.drill import targets_of
    from ..simulator.drill.file import DrillFile, read_drill_file

    config = load(file, env_file=env_file or ENV_FILE)
    if route is not None:
        config.route(route)  # one that is not there is the command line's mistake, not the file's
    told = DrillFile()
    if scenario is not None:
        told = read_drill_file(scenario, lambda named: targets_of(config, config.route(route or named)))
    spells, demands = [*told.spells, *said.spells], [*told.require, *said.demands]
    result = play(
        config,
        spells,
        latencies=told.latencies | said.latencies,
        route=route or told.route,
        rate=_first(said.rate_per_s, told.rate, RATE_PER_S),
        for_s=_first(said.for_s, told.for_s, LASTS_S),
        seed=_first([] if said.seed is None else [said.seed], told.seed, 0),
    )
    return _Played(file, result, spells, demands)


def _show(played: Sequence[_Played], *, as_json: bool) -> None:
    """Show the results, and what of the demands was not met.

    Raises:
        typer.Exit: Something was not.
    """
    told = [each.result.to_dict() | {"missed": [wanted.text for wanted in each.missed]} for each in played]
    alone = len(played) == 1
    if as_json:
        show_json(told[0] if alone else [{"file": str(each.file), **it} for each, it in zip(played, told, strict=True)])
    elif alone:
        show_drill(console(), played[0].result, played[0].demands, played[0].spells)
    else:
        show_drills(console(), {str(each.file): each.result for each in played})
    for each in played:
        for wanted in each.missed:
            say(f"not met{'' if alone else f' by {each.file}'}: {wanted.text}", style="red")
    if any(each.missed for each in played):
        raise typer.Exit(ExitCode.NOBODY_ANSWERED)


def _read_all(texts: Sequence[str] | None, read: Callable[[str], T]) -> list[T]:
    try:
        return [read(text) for text in texts or ()]
    except ValueError as refusal:
        raise UsageError(str(refusal)) from None


def _first(given: Sequence[T], told: T | None, usual: T) -> T:
    """The value of the command line, else of the file, else the default."""
    return next(each for each in (*given, told, usual) if each is not None)
