"""The sources of settings, one layer over the other: what each holds, and where in it a setting stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from .fields import FieldsOf, Rule
from .model import Config
from .origin import Origin, Path
from .problems import ConfigProblem


@dataclass(slots=True)
class Layer:
    """One source.

    Attributes:
        label: What messages call it.
        tree: Its settings.
        variables: For settings from variables, which one holds which.
        origin: For settings from a file, where they stand.
        problems: What is wrong with the source itself.
    """

    label: str
    tree: Mapping[str, Any] = field(default_factory=dict, repr=False)
    variables: Mapping[Path, str] = field(default_factory=dict)
    origin: Origin | None = None
    problems: list[ConfigProblem] = field(default_factory=list)

    def holds(self, path: Path) -> bool:
        """Whether it says anything at this path."""
        node: Any = self.tree
        for part in path:
            if isinstance(node, Mapping):
                if part not in node:
                    return False
                node = node[part]
            elif isinstance(node, list | tuple) and isinstance(part, int) and part < len(node):
                node = node[part]
            elif is_dataclass(node) and isinstance(part, str) and hasattr(node, part):
                node = getattr(node, part)
            else:
                return False
        return True

    def problem(self, path: Path, message: str, hint: str = "", *, of_key: bool = False) -> ConfigProblem:
        """A problem at this path, with its place in this source."""
        if self.origin:
            place = self.origin.place(path, of_key=of_key)
            line, column = (place.line, place.column) if place else (None, None)
            return ConfigProblem(self.origin.file, line, column, path, message, hint)
        nearest = max(self.variables, key=lambda known: _shared(known, path), default=None)
        label = f"{self.label} {self.variables[nearest]}" if nearest else self.label
        return ConfigProblem(label, None, None, path, message, hint)


def layer_of(path: Path, layers: Sequence[Layer]) -> Layer:
    """The layer that a setting comes from: the first that holds it, or that holds most of the way to it."""
    for length in range(len(path), 0, -1):
        for layer in layers:
            if layer.holds(path[:length]):
                return layer
    return layers[-1]


def _shared(known: Path, path: Path) -> int:
    return next((n for n, (a, b) in enumerate(zip(known, path, strict=False)) if a != b), min(len(known), len(path)))


def names_at(path: Path) -> tuple[str, ...]:
    """The names that a mapping at this path may hold; empty where the user chooses them."""
    known = _parts_at(path)
    if cls := next((found for found in known if is_dataclass(found)), None):
        return tuple(found.name for found in fields(cls) if found.name not in _NOT_WRITTEN)
    return next((found.names for found in known if isinstance(found, FieldsOf)), ())


_NOT_WRITTEN = ("origin", "connector")
"""Fields that only code can give."""


def _step(hint: Any, part: str | int) -> Any:
    """The type of what stands at a name or place within a value of this type; None when there is nothing."""
    for found in _parts(hint):
        if is_dataclass(found):
            cls: Any = found
            return _hints(cls).get(str(part))
        if get_origin(found) in (Mapping, tuple) and not any(isinstance(rule, Rule) for rule in _parts(hint)):
            return get_args(found)[get_origin(found) is Mapping]
    return None


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


@cache
def _parts(hint: Any) -> tuple[Any, ...]:
    """A type without what is around it: the choices of a union, and the rules that annotate them."""
    if get_origin(hint) is Annotated:
        return (*_parts(hint.__origin__), *hint.__metadata__)
    if get_origin(hint) in (Union, UnionType):
        return tuple(part for choice in get_args(hint) for part in _parts(choice))
    return (hint,)


def is_collection(path: Path) -> bool:
    """Whether a mapping or list stands at this path."""
    parts = _parts_at(path)
    held = any(is_dataclass(part) or get_origin(part) in (Mapping, tuple) for part in parts)
    return held or any(isinstance(part, FieldsOf) for part in parts)


def is_list_of_texts(path: Path) -> bool:
    """Whether a list may stand at this path whose entries may be texts."""
    lists = [part for part in _parts_at(path) if get_origin(part) is tuple]
    inside = [part for hint in lists for part in _parts(get_args(hint)[0])]
    return any(part is str or get_origin(part) is Literal for part in inside)


def _parts_at(path: Path) -> tuple[Any, ...]:
    hint: Any = Config
    for part in path:
        hint = _step(hint, part)
    return _parts(hint)
