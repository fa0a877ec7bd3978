"""Consoles, tables and JSON for all commands, and text from outside made safe for a terminal.

On a terminal rich draws, to its full width, without colours if NO_COLOR is set. In a pipe there are no colours, no
boxes and no wrapping: one line per row.
"""

import sys
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Cell: TypeAlias = str | Text

NONE = "-"
"""The text of an empty cell."""

WIDE = 80
"""A terminal with fewer columns has narrower gaps in its tables."""

PIPE_WIDTH = 100_000
"""In characters. Wide enough that a line in a pipe is never wrapped."""

_UNSAFE = {
    **{code: "\N{REPLACEMENT CHARACTER}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"},
    **dict.fromkeys((ord("\r"), *range(0x202A, 0x202F), *range(0x2066, 0x206A))),
}


def console(*, stderr: bool = False) -> Console:
    """Standard output, or standard error, as it is now."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def say(text: Cell, *, style: str | None = None) -> None:
    """One line on standard error."""
    console(stderr=True).print(text, style=style)


def show_json(thing: object) -> None:
    """One JSON value on standard output, on one line when a program reads it."""
    data = msgspec.json.encode(thing, order="deterministic")
    if sys.stdout.isatty():
        data = msgspec.json.format(data, indent=2)
    sys.stdout.write(data.decode() + "\n")


def safe(text: str) -> str:
    """Remove what could steer a terminal from text: escape sequences, overstriking, changes of direction."""
    return text.translate(_UNSAFE)


def show_table(
    out: Console, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, right: Sequence[str] = ()
) -> None:
    """Print a table; in a pipe, a header and one line per row in aligned columns.

    Args:
        right: The columns that hold numbers.
    """
    if out.is_terminal:
        out.print(drawn_table(columns, rows, right=right, gap=1 if out.width < WIDE else 2))
        return
    lines = [[column.upper() for column in columns], *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        out.print("  ".join(padded).rstrip(), soft_wrap=True)


def drawn_table(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, right: Sequence[str] = (), gap: int = 2
) -> Table:
    """A table for a terminal: long cells fold, nothing is cut off.

    Args:
        gap: Blanks between columns.
    """
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def bar(began: float, ended: float, whole: float, width: int, *, style: str) -> Text:
    """Draw the time from `began` to `ended` as a stroke on a line of `width` characters that stands for `whole`."""
    scale = width / whole if whole > 0 else 0.0
    first = min(int(began * scale), width - 1)
    length = max(1, min(round(ended * scale), width) - first)
    return Text(" " * first).append("━" * length, style=style).append(" " * (width - first - length))


def seconds(value: float | None) -> str:
    """Seconds as text."""
    return NONE if value is None else f"{value:.2f} s"


def setting(value: float | None) -> str:
    """A configured number of seconds, as the user wrote it."""
    return NONE if value is None else f"{value:g} s"


def _one_line(cell: Cell) -> str:
    return " ".join(str(cell).split())
