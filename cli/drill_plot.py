"""Draw a drill: the answers and failures of each target over time, and when it was not asked.

Draws with matplotlib, from the extra `plot`, which only this module loads.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..providers.errors import MissingExtraError
from .exits import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..simulator.drill.result import DrillResult
    from ..simulator.drill.words import Spell

FORMATS = ("svg", "png")

_ANSWERED, _FAILED, _INK, _FAINT = "#2a9d6f", "#d1495b", "#22303c", "#8a97a3"
_BANDS = {"open": "#f6c9cf", "half open": "#fbe6b0", "parked": "#e3d3f2", "isolated": "#cfe2f3"}
_UNANSWERED = "#dfe3e6"
_QUICK, _LATE = "#2b6cb0", "#93b7dd"
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and the file is small
    "svg.hashsalt": "standby",  # the same drill gives the same file
    "font.size": 9.5,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.edgecolor": _FAINT,
}


class Drawing:
    """A picture to draw. Made before the drill runs, so that a missing extra is reported at once.

    Raises:
        UsageError: The file's suffix names no known format.
        MissingExtraError: matplotlib is not installed.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._format = file, file.suffix.lower().removeprefix(".")
        if self._format not in FORMATS:
            raise UsageError(f"{str(file)!r} is not a known picture format; end its name in .svg or .png")
        try:
            import matplotlib.figure  # noqa: F401
        except ImportError:
            raise MissingExtraError("Drawing a picture", "plot") from None

    def drill(self, result: "DrillResult", spells: Sequence["Spell"]) -> None:
        """Draw a result into the file.

        Raises:
            UsageError: The file cannot be written.
        """
        from matplotlib import rc_context

        with rc_context(_STYLE):
            figure = _figure(result, spells)
            try:
                figure.savefig(
                    self._file, format=self._format, metadata={"Date": None} if self._format == "svg" else {}
                )
            except OSError as error:
                raise UsageError(
                    f"{self._file} cannot be written: {(error.strerror or 'no reason given').lower()}"
                ) from None


def _figure(result: "DrillResult", spells: Sequence["Spell"]) -> "Figure":
    from matplotlib.figure import Figure

    targets = list(result.served)
    figure = Figure(figsize=(10, 2.1 + 1.15 * len(targets) + 1.5), dpi=150, layout="constrained")
    axes = figure.subplots(len(targets) + 1, 1, sharex=True, squeeze=False, height_ratios=[1] * len(targets) + [1.25])
    unit_s, unit = _unit(result.for_s)
    begins = [index * result.timeline.slice_s / unit_s for index in range(len(result.timeline.unanswered) + 1)]
    most = max(1.0, *(_per_second(result, name, "served", "failed")[1] for name in targets))
    for name, axis in zip(targets, axes[:-1, 0], strict=True):
        _draw_target(axis, result, name, begins, unit_s)
        axis.set_ylim(0, most * 1.3)
        for spell in spells:
            if spell.target == name:
                _mark(axis, spell, result.for_s, unit_s)
    _draw_waits(axes[-1, 0], result, begins)
    axes[-1, 0].set_xlim(0, result.for_s / unit_s)
    axes[-1, 0].set_xlabel(f"time, {unit}")
    _title(figure, result)
    return figure


def _unit(for_s: float) -> tuple[float, str]:
    return next((each for each in ((3600.0, "hours"), (60.0, "minutes")) if for_s >= 2 * each[0]), (1.0, "seconds"))


def _per_second(result: "DrillResult", target: str, *what: str) -> tuple[list[list[float]], float]:
    """Rates slice by slice, and the highest sum of them."""
    timeline = result.timeline
    rates = [[count / timeline.slice_s for count in getattr(timeline, name)[target]] for name in what]
    return rates, max(map(sum, zip(*rates, strict=True)))


def _draw_target(axis: "Axes", result: "DrillResult", target: str, begins: list[float], unit_s: float) -> None:
    (served, failed), _ = _per_second(result, target, "served", "failed")
    for stretch in result.health:
        band = _BANDS.get(stretch.state.replace("_", " "))
        if stretch.target == target and band is not None:
            axis.axvspan(stretch.from_s / unit_s, stretch.until_s / unit_s, color=band, linewidth=0, zorder=0)
    both = [one + other for one, other in zip(served, failed, strict=True)]
    axis.stairs(served, begins, fill=True, color=_ANSWERED, zorder=2)
    axis.stairs(both, begins, baseline=served, fill=True, color=_FAILED, zorder=2)
    probed = [begin for begin, count in zip(begins, failed, strict=False) if count]
    if probed:  # a single failure is seen, too
        axis.plot(probed, [0] * len(probed), "|", color=_FAILED, markersize=9, clip_on=False, zorder=3)
    share = result.served[target] / result.calls
    said = f"answered {result.served[target]} ({share:.1%})"
    if result.failed[target]:
        said += f", failed {result.failed[target]}"
    axis.set_title(target, loc="left", fontweight="bold", fontsize=10, pad=3)
    axis.set_title(said, loc="right", fontsize=9, color=_INK if result.served[target] else _FAINT, pad=3)
    axis.set_ylabel("per second", fontsize=8.5)
    _plain(axis)


def _mark(axis: "Axes", spell: "Spell", for_s: float, unit_s: float) -> None:
    """What was done to a target: a bracket along the top of its panel."""
    top = axis.get_ylim()[1] * 0.9
    begin, end = spell.from_s / unit_s, min(spell.until_s, for_s) / unit_s
    axis.plot([begin, end], [top, top], "|-", color=_INK, linewidth=2, markersize=8, markeredgewidth=2, zorder=3)
    word = {"fail": "down", "slow": "slow", "rate_limit": "rate limited"}[spell.trouble]
    around = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": _INK, "linewidth": 0.8}
    axis.text((begin + end) / 2, top, word, ha="center", va="center", fontsize=8, bbox=around, zorder=4)


def _draw_waits(axis: "Axes", result: "DrillResult", begins: list[float]) -> None:
    timeline = result.timeline
    middles = [(begin + end) / 2 for begin, end in pairwise(begins)]
    for values, color, name in ((timeline.p95_s, _LATE, "p95"), (timeline.p50_s, _QUICK, "p50")):
        known = [float("nan") if value is None else value for value in values]  # a gap where no call was answered
        axis.plot(middles, known, ".-", color=color, linewidth=1.6, markersize=2.5, label=name)
    axis.set_ylim(bottom=0)
    axis.set_title("first word", loc="left", fontweight="bold", fontsize=10, pad=3)
    whole = ", ".join(f"{name} {value:.2f} s" for name, value in result.first_delta_s.items())
    axis.set_title(whole, loc="right", fontsize=9, pad=3)
    axis.set_ylabel("seconds", fontsize=8.5)
    label: str | None = "some calls unanswered"
    for (begin, end), count in zip(pairwise(begins), timeline.unanswered, strict=True):
        if count:
            axis.axvspan(begin, end, color=_UNANSWERED, linewidth=0, zorder=0, label=label)
            label = None
    axis.legend(loc="upper left", ncols=3, fontsize=8.5, frameon=True, edgecolor="white", framealpha=0.8)
    _plain(axis)


def _title(figure: "Figure", result: "DrillResult") -> None:
    from matplotlib.patches import Patch

    lost = result.calls - result.answered
    said = f"{result.availability:.3%} of {result.calls} calls answered" + (f", {lost} were not" if lost else "")
    figure.suptitle(said, x=0.01, ha="left", fontsize=14, fontweight="bold", color=_FAILED if lost else _INK)
    seen = dict.fromkeys(stretch.state.replace("_", " ") for stretch in result.health)
    keys = [Patch(color=_ANSWERED, label="answered"), Patch(color=_FAILED, label="failed")]
    keys += [
        Patch(color=color, label=f"breaker {state}" if "open" in state else state)
        for state, color in _BANDS.items()
        if state in seen
    ]
    figure.legend(handles=keys, loc="outside lower right", ncols=len(keys), frameon=False, fontsize=9)


def _plain(axis: "Axes") -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(length=3, labelsize=8.5)
    axis.margins(x=0)
