"""Read YAML files with care: every value keeps its place, and surprising constructs are refused with theirs.

Built on the events of PyYAML's parser, below its constructors: nothing in a file can name a Python type. Refused are
tags, aliases (a few lines of them can stand for gigabytes), duplicate keys, more than one document, and files that
are too large or too deep. What values mean is left to the fields (see `scalars`).
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Protocol

import yaml

from ..providers.files import UnreadableFile, read_bounded
from .origin import Path, Place
from .problems import ConfigProblem
from .scalars import NULLS, Plain, Text, Tree

BYTES_MAX = 1024 * 1024
DEPTH_MAX = 50
EVENTS_MAX = 50_000
"""Names, values, and beginnings and ends of collections: a file of a thousand targets has about thirty thousand."""

LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: fifteen times as fast; a test holds both to the same places."""


@dataclass(slots=True)
class Document:
    """What a file holds.

    Attributes:
        tree: Its settings; empty when nothing could be read.
        keys: Where the names stand.
        values: Where the values stand.
        problems: What is wrong with the file as YAML.
        left_out: Why targets are left out, by the way to each.
    """

    file: str
    tree: dict[str, Tree] = field(default_factory=dict, repr=False)
    keys: dict[Path, Place] = field(default_factory=dict, repr=False)
    values: dict[Path, Place] = field(default_factory=dict, repr=False)
    problems: list[ConfigProblem] = field(default_factory=list)
    left_out: dict[Path, str] = field(default_factory=dict)

    def complain(self, message: str, place: Place | None = None, path: Path = (), hint: str = "") -> None:
        """Note a problem."""
        line, column = (place.line, place.column) if place else (None, None)
        self.problems.append(ConfigProblem(self.file, line, column, path, message, hint))


def read_file(path: FilePath) -> Document:
    """Read a file once, so that a file that is being replaced is seen whole or not at all. Raises nothing."""
    try:
        return read(read_bounded(path, BYTES_MAX), str(path))
    except UnreadableFile as error:
        document = Document(str(path))
        words = str(error)
        document.complain(words.lower() if words.startswith("cannot") else words)
        return document


def read(data: bytes, file: str) -> Document:
    """Read YAML that may be anything. Raises nothing: what is wrong is in `problems`."""
    document = Document(file)
    if len(data) > BYTES_MAX:
        document.complain(f"is larger than {BYTES_MAX // 1024} KiB")
        return document
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bad, start = error.start, data.rfind(b"\n", 0, error.start) + 1
        before = data[start:bad].decode("utf-8", "replace")
        place = Place(data.count(b"\n", 0, bad) + 1, len(before) + 1)
        document.complain("is not UTF-8", place, hint="save the file in UTF-8")
        return document
    if control := _CONTROL.search(text):
        start = text.rfind("\n", 0, control.start()) + 1
        place = Place(text.count("\n", 0, control.start()) + 1, control.start() - start + 1)
        document.complain("holds a control character", place, hint="remove it")
        return document
    _Reading(document, text).run()
    return document


_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Mark(Protocol):
    line: int
    column: int


class _TooMuch(Exception):
    """The rest of the file is not read."""


class _Reading:
    """One pass over the parser's events, which builds the tree and notes where everything stands."""

    def __init__(self, document: Document, text: str) -> None:
        self._document, self._text = document, text
        self._parser: Iterator[yaml.Event] = yaml.parse(text, Loader=LOADER)
        self._events = self._counted()

    def run(self) -> None:
        document = self._document
        with contextlib.closing(self._parser):  # type: ignore[type-var]  # a generator, which the stubs hide
            try:
                tree = self._documents()
            except _TooMuch:
                return
            except yaml.MarkedYAMLError as error:
                mark = error.problem_mark or error.context_mark
                document.complain(_syntax(error, self._text, mark), _place_of(mark) if mark else None)
                return
            except yaml.YAMLError:
                document.complain("is not YAML")
                return
        if isinstance(tree, dict):
            document.tree = tree
        elif tree is not None or document.problems:
            document.complain("must hold settings as 'name: value', not a list or a single value", Place(1, 1))

    def _counted(self) -> Iterator[yaml.Event]:
        for number, event in enumerate(self._parser):
            if number > EVENTS_MAX:
                self._document.complain(f"holds more than {EVENTS_MAX} names and values", _place(event))
                raise _TooMuch
            yield event

    def _documents(self) -> Tree:
        tree: Tree = None
        seen = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                seen += 1
                if seen > 1:
                    self._document.complain("begins a second document", _place(event), hint="keep one, without '---'")
                    return tree
            elif isinstance(event, yaml.NodeEvent):
                tree = self._node(event, ())
        return tree

    def _node(self, event: yaml.Event, path: Path) -> Tree:
        document = self._document
        document.values[path] = place = _place(event)
        if isinstance(event, yaml.AliasEvent):
            document.complain("aliases (*name) are not supported", place, path, "write the value out")
            return None
        if getattr(event, "tag", None) is not None:
            document.complain("tags (!name) are not supported", place, path, "remove the tag")
        if len(path) > DEPTH_MAX:
            document.complain(f"is nested deeper than {DEPTH_MAX} levels", place)
            raise _TooMuch
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        assert isinstance(event, yaml.ScalarEvent)
        if event.style:
            return Text(event.value)
        return None if event.value in NULLS else Plain(event.value)

    def _list(self, path: Path) -> list[Tree]:
        items: list[Tree] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Tree]:
        document, found = self._document, dict[str, Tree]()
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            place = _place(event)
            name = self._name(event, path)
            if name is None or (*path, name) in document.keys:
                if name is not None:
                    first = document.keys[*path, name]
                    document.complain("duplicate key", place, (*path, name), f"it stands in line {first.line} already")
                self._skip(next(self._events))
                continue
            document.keys[*path, name] = place
            found[name] = self._node(next(self._events), (*path, name))
        return found

    def _name(self, event: yaml.Event, path: Path) -> str | None:
        if isinstance(event, yaml.ScalarEvent) and event.tag is None and event.value:
            return str(event.value)
        self._document.complain("a key must be a plain name", _place(event), path)
        self._skip(event)
        return None

    def _skip(self, event: yaml.Event) -> None:
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                return
            if depth > DEPTH_MAX:  # the parser's own work grows with the square of it
                self._document.complain(f"is nested deeper than {DEPTH_MAX} levels", _place(event))
                raise _TooMuch
            event = next(self._events)


def _place(event: yaml.Event) -> Place:
    return _place_of(event.start_mark)


def _place_of(mark: _Mark | None) -> Place:
    assert mark is not None  # the parser gives every event its mark
    return Place(mark.line + 1, mark.column + 1)


_SYNTAX = (
    ("mapping values are not allowed", "a ':' does not belong here; check the indentation, or put the text in quotes"),
    ("could not find expected ':'", "a ':' is missing after a key"),
    ("unexpected end of stream", "a quote or bracket is not closed"),
    ("unexpected document separator", "a quote or bracket is not closed"),
    ("expected ',' or", "a ',' or a closing bracket is missing"),
    ("block end", "the indentation does not fit, or a quote or bracket is one too many"),
    ("did not find expected key", "the indentation does not fit, or a quote or bracket is one too many"),
    ("did not find expected '-' indicator", "the indentation does not fit, or a quote or bracket is one too many"),
    ("block sequence entries are not allowed", "a '-' does not belong here"),
    ("sequence entries are not allowed", "a '-' does not belong here"),
    ("cannot start any token", "a text that begins with this character must be in quotes"),
    ("unknown escape", "an unknown escape in a text with double quotes"),
)


def _syntax(error: yaml.MarkedYAMLError, text: str, mark: _Mark | None) -> str:
    """The parser's complaint in our words: its own may quote the file."""
    problem = str(error.problem)
    lines = text.splitlines()
    if mark and mark.line < len(lines) and lines[mark.line][mark.column : mark.column + 1] == "\t":
        return "is not YAML: a tab cannot indent; use spaces"
    for fragment, words in _SYNTAX:
        if fragment in problem:
            return f"is not YAML: {words}"
    return "is not YAML"
