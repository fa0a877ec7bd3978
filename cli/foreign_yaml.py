"""A YAML file of another program's, as a tree that knows its lines, and what of it has been carried over."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ..config.errors import ConfigError

BYTES_MAX = 1 << 20
"""As of a configuration of ours."""

DEPTH_MAX = 50
PARTS_MAX = 50_000

NOTHING_LIKE_IT = "there is nothing like it here"


class Left(NamedTuple):
    """A line that was not carried over."""

    line: int
    path: str
    why: str


@dataclass(slots=True)
class Node:
    """A part of the file.

    Attributes:
        value: A mapping, a list, or a plain value.
        path: Where it stands, as `model_list[0].model_name`.
        carried: It is, with all that is below it; or why it is not. None: nothing has asked for it.
    """

    value: "dict[str, Node] | list[Node] | str | int | float | bool | None"
    line: int
    path: str
    carried: bool | str | None = None

    def get(self, name: str) -> "Node":
        """The part of this name; one that is empty, if there is none."""
        found = self.value.get(name) if isinstance(self.value, dict) else None
        return found if found is not None else Node(None, 0, f"{self.path}.{name}")

    def __bool__(self) -> bool:
        """Whether it stands in the file and is not empty."""
        return self.line > 0 and self.value is not None

    @property
    def items(self) -> "list[Node]":
        """The parts of a list; of anything else, none."""
        return self.value if isinstance(self.value, list) else []

    @property
    def fields(self) -> "dict[str, Node]":
        """The parts of a mapping; of anything else, none."""
        return self.value if isinstance(self.value, dict) else {}

    def take(self) -> Any:
        """Its plain value, which is carried over with this."""
        self.carried = True
        return self.plain()

    def plain(self) -> Any:
        """Its value without lines."""
        if isinstance(self.value, dict):
            return {name: part.plain() for name, part in self.value.items()}
        if isinstance(self.value, list):
            return [part.plain() for part in self.value]
        return self.value

    def number(self) -> float | None:
        """Its value if it is a number above nothing, also one that stands in quotes."""
        value = self.value
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                return None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None

    def leave(self, why: str) -> None:
        """Say why it is not carried over."""
        if self:
            self.carried = why

    def left(self) -> Iterator[Left]:
        """What was not carried over, each by its line."""
        if isinstance(self.carried, str):
            yield Left(self.line, self.path, self.carried)
        elif self.carried is None and self.line:
            parts = [*self.fields.values(), *self.items]
            for part in parts:
                yield from part.left()
            if not parts:
                yield Left(self.line, self.path, NOTHING_LIKE_IT)


def read(file: Path) -> Node:
    """Read a file.

    Raises:
        ConfigError: It cannot be read, or is no YAML.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    if len(data) > BYTES_MAX:
        raise ConfigError(f"{file} is larger than {BYTES_MAX} bytes")
    try:
        tree = yaml.compose(data.decode("utf-8-sig"), Loader=yaml.SafeLoader)
        return Node({}, 1, "") if tree is None else _Tree().node(tree, "")
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f":{mark.line + 1}"
        raise ConfigError(f"{file}{where}: this is no YAML: {getattr(error, 'problem', None) or 'broken'}") from None


class _Tree:
    """Makes the tree. What is repeated by an alias counts each time: a small file may stand for an endless one."""

    def __init__(self) -> None:
        self._count = 0
        self._loader = yaml.SafeLoader("")

    def node(self, tree: yaml.Node, path: str, depth: int = 0) -> Node:
        self._count += 1
        if depth > DEPTH_MAX or self._count > PARTS_MAX:
            problem = "it has more levels or parts than a configuration"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=tree.start_mark)
        line = tree.start_mark.line + 1
        if isinstance(tree, yaml.MappingNode):
            self._loader.flatten_mapping(tree)  # `<<: *defaults`
            parts: dict[str, Node] = {}
            for key, value in tree.value:
                name = str(key.value)
                parts[name] = self.node(value, f"{path}.{name}" if path else name, depth + 1)
                parts[name].line = key.start_mark.line + 1
            return Node(parts, line, path)
        if isinstance(tree, yaml.SequenceNode):
            return Node([self.node(each, f"{path}[{at}]", depth + 1) for at, each in enumerate(tree.value)], line, path)
        value = self._loader.construct_object(tree)
        return Node(value if isinstance(value, str | int | float | bool) or value is None else str(value), line, path)
