"""Read drill files: a scenario in YAML, in the words of the command line; each problem names its line.

for: 5m
rate: 50/s
spells:
  - fail: openai@2m..3m
latency:
  openai: 0.3s..1.2s
require: [availability>=99.9%]
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path as FilePath
from typing import Any, TypeVar

import msgspec

from ...config.errors import ConfigError
from ...config.origin import Path
from ...config.problems import ConfigFileError, did_you_mean
from ...config.yaml_source import Document, read_file
from .drill import unknown_target
from .words import TROUBLES, Demand, Latency, Spell, demand, duration_s, latency, rate_per_s, spell

T = TypeVar("T")

_SETTINGS = ("route", "rate", "for", "seed", "spells", "latency", "require")


class DrillFile(msgspec.Struct):
    """The settings of a drill file; None: not set."""

    spells: list[Spell] = []
    latencies: dict[str, Latency] = {}
    require: list[Demand] = []
    route: str | None = None
    rate: float | None = None
    for_s: float | None = None
    seed: int | None = None


def read_drill_file(path: FilePath, targets_of: Callable[[str | None], Sequence[str]]) -> DrillFile:
    """Read a drill file.

    Args:
        targets_of: Gives the targets of a route by its name (None: the default route); the file may name only these.

    Raises:
        ConfigFileError: The file cannot be read, or has problems. All of them are listed.
    """
    document = read_file(path)
    reading = _Reading(document)
    if document.tree:
        reading.run(targets_of)
    elif not document.problems:
        document.complain("says nothing")
    if document.problems:
        raise ConfigFileError(document.problems, "the drill file")
    return reading.found


class _Reading:
    """One pass over the settings of a file."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._named: list[tuple[str, Path]] = []
        self.found = DrillFile()

    def run(self, targets_of: Callable[[str | None], Sequence[str]]) -> None:
        tree, into = self._document.tree, self.found
        for name in tree:
            if name not in _SETTINGS:
                self._complain("unknown key", (name,), did_you_mean(name, _SETTINGS), of_key=True)
        into.route = self._said("route", str)
        into.rate = self._said("rate", rate_per_s)
        into.for_s = self._said("for", duration_s)
        into.seed = self._said("seed", _whole_number)
        for place, each in enumerate(self._list("spells")):
            self._spell(each, ("spells", place))
        for name, each in self._mapping(tree.get("latency"), ("latency",), "target: median..p95").items():
            self._named.append((name, ("latency", name)))
            told = self._read(each, ("latency", name), latency)
            if told is not None:
                into.latencies[name] = told
        for place, each in enumerate(self._list("require")):
            wanted = self._read(each, ("require", place), demand)
            if wanted is not None:
                into.require.append(wanted)
        self._check_targets(targets_of)

    def _check_targets(self, targets_of: Callable[[str | None], Sequence[str]]) -> None:
        try:
            targets = targets_of(self.found.route)
        except ConfigError as refusal:
            self._complain(str(refusal), ("route",))
            return
        for name, path in self._named:
            if name not in targets:
                self._complain(unknown_target(name, targets), path)

    def _spell(self, entry: Any, path: Path) -> None:
        written = self._mapping(entry, path, "fail: openai@10s..70s")
        for word, text in written.items():
            trouble = next((each for each in TROUBLES if each == word), None)
            if trouble is None:
                hint = did_you_mean(word, TROUBLES) or f"there are {', '.join(TROUBLES)}"
                self._complain("unknown kind of spell", (*path, word), hint, of_key=True)
                continue
            found = self._read(text, (*path, word), partial(spell, trouble=trouble))  # pyright: ignore[reportArgumentType] - it makes a str of the word
            if found is not None:
                self.found.spells.append(found)
                self._named.append((found.target, (*path, word)))

    def _said(self, name: str, read: Callable[[str], T]) -> T | None:
        tree = self._document.tree
        return self._read(tree[name], (name,), read) if name in tree else None

    def _read(self, value: Any, path: Path, read: Callable[[str], T]) -> T | None:
        if not isinstance(value, str):
            self._complain("must be a text", path)
            return None
        try:
            return read(str(value))
        except ValueError as refusal:
            self._complain(str(refusal), path)
            return None

    def _list(self, name: str) -> list[Any]:
        found = self._document.tree.get(name, [])
        if isinstance(found, list):
            return found
        self._complain("must be a list", (name,))
        return []

    def _mapping(self, value: Any, path: Path, form: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if value is not None or path[-1:] != ("latency",):
            self._complain(f"must be a mapping; write for example {form}", path)
        return {}

    def _complain(self, message: str, path: Path, hint: str = "", *, of_key: bool = False) -> None:
        places = self._document.keys if of_key else self._document.values
        self._document.complain(message, places.get(path), path, hint)


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"{text!r} is no seed; write a whole number")
    return int(text)
