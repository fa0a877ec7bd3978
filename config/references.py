"""References to the environment in a file: `${NAME}`, `${NAME:-text}` for when it is not set, and `${NAME?}`.

The last one leaves out the target that it stands in when the variable is not set.

They are put in after parsing, as whole values only, and never looked into again: what a variable holds can be no
more than one text. An empty variable counts as missing, for an empty key is not "no key".
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from .origin import Path, holds_keys, target_of
from .scalars import Text, Tree
from .yaml_source import Document

PLACEHOLDER_MAX = 11
"""A shorter text is no real key: local servers take any text in its place."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(\?)|:-(.*))?\}", re.DOTALL)
_NEEDED = ("provider", "model")
"""Settings without which a target would be no target, or another one."""
_NOT_WHOLE = "a ${NAME} must be the whole value"
_NOT_OPTIONAL = "${NAME?} stands for a key, an address or the like of a target, which is left out without it"
_LITERAL_HINT = "put the whole text into a variable; $${ stands for a literal ${"


def resolve(
    document: Document, variables: Mapping[str, str], is_overridden: Callable[[Path], bool] = lambda path: False
) -> tuple[Path, ...]:
    """Put the variables into a document's tree; what is missing or malformed goes to its problems.

    Args:
        is_overridden: Whether a setting comes from elsewhere, so that its variables are not needed.

    Returns:
        The targets' keys that are written out in the file.
    """
    resolving = _Resolving(document, variables, is_overridden)
    for name, value in document.tree.items():
        document.tree[name] = resolving.of(value, (name,))
    return tuple(resolving.literal_keys)


class _Absent(NamedTuple):
    """Stands for a value that its variable does not give, until it is taken out.

    Attributes:
        target: The way to the target that it belongs to.
        why: What its variable is.
    """

    target: Path
    why: str


class _Resolving:
    def __init__(self, document: Document, variables: Mapping[str, str], is_overridden: Callable[[Path], bool]) -> None:
        self._document, self._variables, self._is_overridden = document, variables, is_overridden
        self.literal_keys: list[Path] = []

    def of(self, value: Tree, path: Path) -> Tree:
        found = self._of(value, path)
        return None if isinstance(found, _Absent) else found

    def _of(self, value: Tree, path: Path) -> "Tree | _Absent":
        if isinstance(value, dict):
            items = {name: self._of(item, (*path, name)) for name, item in value.items()}
            self._leave_out(items.values())
            return {name: item for name, item in items.items() if not isinstance(item, _Absent)}
        if isinstance(value, list):
            each = [self._of(item, (*path, place)) for place, item in enumerate(value)]
            there = [item for item in each if not isinstance(item, _Absent)]
            if not (there and holds_keys(path)):  # else the target goes on with its other keys
                self._leave_out(each)
            return there
        return self._text(value, path) if isinstance(value, str) and not self._is_overridden(path) else value

    def _leave_out(self, items: "Iterable[Tree | _Absent]") -> None:
        """Note the targets that cannot do without what is absent."""
        for item in items:
            if isinstance(item, _Absent):
                self._document.left_out.setdefault(item.target, item.why)

    def _text(self, text: str, path: Path) -> "Tree | _Absent":
        if match := _REFERENCE.fullmatch(text):
            return self._reference(match[1], match[3], path, optional=match[2] is not None)
        if "${" in text.replace("$${", ""):
            name = "a name in ${…} has letters, digits and underscores" if _is_braced(text) else _NOT_WHOLE
            self._complain(name, path, _LITERAL_HINT)
            return None
        self._note_key(text, path)
        return type(text)(text.replace("$${", "${"))

    def _reference(self, name: str, default: str | None, path: Path, *, optional: bool) -> "Tree | _Absent":
        target = target_of(path) if optional else None
        if optional and (target is None or path[-1] in _NEEDED):
            self._complain(_NOT_OPTIONAL, path, "${NAME:-text} gives a text for when it is not set")
            return None
        if default is not None and "${" in default:
            self._complain("the text after ':-' cannot hold another ${…}", path)
            return None
        if value := self._variables.get(name):
            return Text(value)
        if default is not None:
            self._note_key(default, path)
            return Text(default)
        state = "is empty" if name in self._variables else "is not set"
        if target is not None:
            return _Absent(target, f"the environment variable {name} {state}")
        self._complain(f"the environment variable {name} {state}", path)
        return None

    def _note_key(self, text: str, path: Path) -> None:
        setting = path[:-1] if isinstance(path[-1], int) else path  # a key, or one of several
        if holds_keys(setting) and len(text) > PLACEHOLDER_MAX:
            self.literal_keys.append(path)

    def _complain(self, message: str, path: Path, hint: str = "") -> None:
        self._document.complain(message, self._document.values.get(path), path, hint)


def _is_braced(text: str) -> bool:
    return text.startswith("${") and text.endswith("}") and text.count("${") == 1
