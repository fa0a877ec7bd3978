"""References to the environment in a file: `${NAME}`, and `${NAME:-text}` for when it is not set.

They are put in after parsing, as whole values only, and never looked into again: what a variable holds can be no
more than one text. An empty variable counts as missing, for an empty key is not "no key".
"""

import re
from collections.abc import Callable, Mapping

from .origin import Path, holds_keys
from .scalars import Text, Tree
from .yaml_source import Document

PLACEHOLDER_MAX = 11
"""A shorter text is no real key: local servers take any text in its place."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\}", re.DOTALL)
_NOT_WHOLE = "a ${NAME} must be the whole value"
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


class _Resolving:
    def __init__(self, document: Document, variables: Mapping[str, str], is_overridden: Callable[[Path], bool]) -> None:
        self._document, self._variables, self._is_overridden = document, variables, is_overridden
        self.literal_keys: list[Path] = []

    def of(self, value: Tree, path: Path) -> Tree:
        if isinstance(value, dict):
            return {name: self.of(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.of(item, (*path, place)) for place, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) and not self._is_overridden(path) else value

    def _text(self, text: str, path: Path) -> Tree:
        if match := _REFERENCE.fullmatch(text):
            return self._reference(match[1], match[2], path)
        if "${" in text.replace("$${", ""):
            name = "a name in ${…} has letters, digits and underscores" if _is_braced(text) else _NOT_WHOLE
            self._complain(name, path, _LITERAL_HINT)
            return None
        self._note_key(text, path)
        return type(text)(text.replace("$${", "${"))

    def _reference(self, name: str, default: str | None, path: Path) -> Tree:
        if default is not None and "${" in default:
            self._complain("the text after ':-' cannot hold another ${…}", path)
            return None
        if value := self._variables.get(name):
            return Text(value)
        if default is not None:
            self._note_key(default, path)
            return Text(default)
        state = "is empty" if name in self._variables else "is not set"
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
