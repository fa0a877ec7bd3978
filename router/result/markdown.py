"""Markdown for notebooks: tables that no name and no detail breaks."""

from collections.abc import Iterable, Sequence

_ESCAPED = str.maketrans({char: "\\" + char for char in "\\`*_[]<>|#~$"} | {"\n": " ", "\r": " "})


def escaped(text: object) -> str:
    """A text of ours, or a name, as it may stand within a line."""
    return str(text).translate(_ESCAPED)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; what is None is an empty cell."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join("" if cell is None else escaped(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def facts(each: Iterable[object]) -> str:
    """A line of those that there are."""
    return " · ".join(escaped(fact) for fact in each if fact)
