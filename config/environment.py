"""Settings from variables: `STANDBY_LIMITS__DEADLINE_S=20` is `limits.deadline_s: 20`.

Two underscores step into a mapping. Names of targets and routes are found whatever their case, and with `-` or `.`
written as `_`. A mapping or list as a whole is JSON; a list of names or keys may also be written with commas.
Variables without two underscores that are no section (`STANDBY_OPENAI_BASE_URL`, or what Kubernetes adds for a
service named standby) are not settings.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from .layers import Layer, is_collection, is_list_of_texts, names_at
from .origin import Path
from .problems import ConfigProblem
from .scalars import Plain, Text

PREFIX = "STANDBY_"
DELIMITER = "__"


def layer_from(variables: Mapping[str, str], label: str, *, below: Mapping[str, Any]) -> Layer:
    """The settings among these variables.

    Args:
        label: Where the variables come from, for messages.
        below: The settings that they go over: names in them are found again.
    """
    tree: dict[str, Any] = {}
    sources: dict[Path, str] = {}
    problems = []
    for name in sorted(variables, key=lambda name: (name.count(DELIMITER), name)):
        value = variables[name]
        parts = _parts(name)
        if parts is None or not value:
            continue
        path = _path(parts, below)
        try:
            made = _value(value, path)
        except (ValueError, RecursionError):
            problems.append(ConfigProblem(f"{label} {name}", None, None, path, "is not valid JSON"))
            continue
        if _put(tree, path, made):
            sources[path] = name
    return Layer(label, tree, sources, problems=problems)


def settings_among(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that hold a setting, by name."""
    return tuple(name for name in sorted(variables) if variables[name] and _parts(name) is not None)


def _parts(name: str) -> list[str] | None:
    """The steps to a setting, or None when the variable is none."""
    if not name.upper().startswith(PREFIX):
        return None
    parts = name[len(PREFIX) :].lower().split(DELIMITER)
    sections = names_at(())
    if len(parts) == 1:
        return parts if parts[0] in sections else None
    is_address = parts[0] not in sections and parts[-1].endswith("_base_url")
    return None if is_address or not all(parts) else parts


def _path(parts: list[str], below: Any) -> Path:
    path: Path = ()
    for part in parts:
        known = names_at(path) or (tuple(below) if isinstance(below, Mapping) else ())
        name = next((name for name in known if _spelled(name) == _spelled(part)), part)
        below = below.get(name) if isinstance(below, Mapping) else None
        path = (*path, name)
    return path


def _spelled(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())


def _value(text: str, path: Path) -> Any:
    if not is_collection(path):
        return Plain(text)
    if is_list_of_texts(path) and text.lstrip()[:1] not in ("[", "{"):
        return [Plain(name.strip()) for name in text.split(",") if name.strip()]
    return _masked(json.loads(text, parse_constant=_refuse))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _put(tree: dict[str, Any], path: Path, value: Any) -> bool:
    node = tree
    for part in path[:-1]:
        inner = node.setdefault(str(part), {})
        if not isinstance(inner, dict):
            return False
        node = inner
    node[str(path[-1])] = value
    return True
