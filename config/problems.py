"""The problems of a configuration, all at once and with their places; never with a value that may be a secret."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..providers.errors import without_keys
from .errors import ConfigError
from .origin import Path, shown

PROBLEMS_MAX = 100
"""Maximum problems listed; of the rest, only the number is printed."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong, or suspicious, and where. It quotes nothing that looks like a key.

    Attributes:
        file: The file, or the environment variable, that it is in; `arguments` for what code handed over.
        line: Its line, from 1; None where there are no lines.
        column: Its column, from 1.
        path: The way to the setting; empty for the whole.
        message: What is wrong, in plain words.
        hint: What to do about it, or what was probably meant; may be empty.
    """

    file: str
    line: int | None
    column: int | None
    path: Path
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        for name in ("message", "hint"):
            object.__setattr__(self, name, without_keys(getattr(self, name)))
        path = tuple(without_keys(part) if isinstance(part, str) else part for part in self.path)
        object.__setattr__(self, "path", path)
        if (file := without_keys(self.file)).startswith("***"):
            object.__setattr__(self, "file", file)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        where = f"{place}: {shown(self.path)}" if self.path else place
        return f"{where}: {self.message}" + (f"; {self.hint}" if self.hint else "")


class ConfigFileError(ConfigError):
    """A configuration cannot be used. `str` has one line for each problem, in the order of the file.

    Attributes:
        problems: All that is wrong, sorted by place.
        what: What it is that cannot be used.
    """

    def __init__(self, problems: Iterable[ConfigProblem], what: str = "the configuration") -> None:
        self.problems = tuple(sorted(problems, key=_position))
        self.what = what
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:PROBLEMS_MAX]]
        if len(self.problems) > PROBLEMS_MAX:
            lines.append(f"and {len(self.problems) - PROBLEMS_MAX} more")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, self.what)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that looks most like this one; empty when none does."""
    near = difflib.get_close_matches(name[:100].lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def _position(problem: ConfigProblem) -> tuple[bool, int, int, str, str]:
    return problem.line is None, problem.line or 0, problem.column or 0, problem.file, shown(problem.path)
