"""The figures as tables for people: with rich when it is installed, else plain."""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec

from .clients import BASELINE
from .figures import Figure, Spread, Unit
from .targets import IMPORTS, Verdict

Row = tuple[str, ...]


def figure_rows(figures: Iterable[Figure], reads: dict[str, dict[str, float]]) -> list[Row]:
    """A row per figure: name, client, value, the ratio to the baseline and to the official client, and reads."""
    rows: list[Row] = []
    last = ""
    for figure in figures:
        needed = reads.get(figure.what, {}).get(figure.client)
        first = figure.ratios.get(BASELINE) or figure.ratios.get(IMPORTS)
        rows.append(
            (
                "" if figure.what == last else figure.what,
                figure.client,
                f"{_number(figure.value.median)} {figure.unit}",
                f"{_number(figure.value.low)} - {_number(figure.value.high)}",
                _ratio(first),
                _share(figure.ratios["openai"].median) if "openai" in figure.ratios else "",
                f"{needed:.0f}" if needed else "",
            )
        )
        last = figure.what
    return rows


def verdict_rows(verdicts: Iterable[Verdict]) -> list[Row]:
    """A row for each target: what it says, what was measured, and whether that is within it."""
    rows: list[Row] = []
    for verdict in verdicts:
        target = verdict.target
        what = f"{target.what}, {target.client}" + (f" / {target.versus}" if target.versus else "")
        rows.append(
            (
                what,
                _measured(verdict.measured, verdict.unit),
                _bound(target.at_most, verdict.unit, verdict.met),
                _bound(target.goal, verdict.unit, verdict.goal_met),
            )
        )
    return rows


FIGURE_HEAD = ("figure", "client", "median", "quartiles", "x baseline", "x openai", "reads")
VERDICT_HEAD = ("held against", "measured", "target", "goal")
_WORDS = ("figure", "client", "held against")


def show_table(title: str, head: Row, rows: Sequence[Row]) -> None:
    """Print one table."""
    if find_spec("rich"):
        from rich import box
        from rich.console import Console
        from rich.table import Table

        table = Table(title=title, box=box.SIMPLE, title_justify="left", pad_edge=False)
        for column in head:
            table.add_column(column, justify="left" if column in _WORDS else "right", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        Console(width=None if Console().is_terminal else 160, highlight=False).print(table)
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    print(f"\n{title}")
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _ratio(ratio: Spread | None) -> str:
    return "" if ratio is None else f"{_share(ratio.median)} ({_share(ratio.low)} - {_share(ratio.high)})"


def _share(ratio: float) -> str:
    return f"1/{1 / ratio:.1f}" if 0 < ratio < 0.2 else f"{ratio:.2f}"


def _measured(value: float, unit: Unit | None) -> str:
    return _share(value) if unit is None else f"{_number(value)} {unit}"


def _bound(bound: float | None, unit: Unit | None, met: bool | None) -> str:
    return "" if bound is None else f"<= {_measured(bound, unit)} {'met' if met else 'NOT MET'}"
