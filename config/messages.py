"""Turn pydantic's findings into plain words: what a value must be, never what it was."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from .errors import NoTargets
from .fields import NameOrTarget
from .layers import Layer, layer_of, names_at
from .origin import Path
from .problems import PROBLEMS_MAX, ConfigProblem, did_you_mean

_WORDS = {
    "missing": "is missing",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number, and a smaller one",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be a text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping (name: value)",
    "mapping_type": "must be a mapping (name: value)",
    "dataclass_type": "must be a mapping (name: value)",
}
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


def problems_of(error: ValidationError, layers: Sequence[Layer]) -> Iterator[ConfigProblem]:
    """Each finding once, with its place in the layer that its value comes from; the first ones with hints."""
    seen: set[Path] = set()
    for found in error.errors(include_url=False):
        path = tuple(part for part in found["loc"] if part not in NameOrTarget.tags)
        message, hint, path = _said(found, path, hinting=len(seen) < PROBLEMS_MAX)
        if path not in seen:
            seen.add(path)
            unknown = found["type"] in _UNKNOWN_KEY
            yield layer_of(path, layers).problem(path, message, hint, of_key=unknown)


def _said(found: Any, path: Path, *, hinting: bool) -> tuple[str, str, Path]:
    kind, cause = found["type"], found.get("ctx", {}).get("error")
    if kind in _UNKNOWN_KEY:
        return "unknown key", _meant(path) if hinting else "", path
    if kind == "literal_error":
        choices = found["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        meant = did_you_mean(found["input"], choices) if isinstance(found["input"], str) and hinting else ""
        return f"must be one of {', '.join(choices)}", meant, path
    if isinstance(cause, NoTargets):
        return "needs at least one target", "", (*path, "targets")
    if isinstance(cause, Exception):
        return str(cause), getattr(cause, "hint", ""), path
    return _WORDS.get(kind, "cannot be used here"), "", path


def _meant(path: Path) -> str:
    known = names_at(path[:-1])
    return did_you_mean(str(path[-1]), known) or (f"known are {', '.join(known)}" if len(known) <= _FEW else "")


_FEW = 8
"""Maximum names listed when none looks like the one that was meant."""
