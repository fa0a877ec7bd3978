"""What was converted as YAML: with the line that each target comes from, and every line that was not carried over."""

import json
import re
from collections.abc import Iterator
from typing import Any

from .litellm_file import Converted

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_NO_TEXT = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


def write(found: Converted, source: str) -> str:
    """Write it."""
    return "".join(f"{line}\n" for line in _lines(found, source))


def _lines(found: Converted, source: str) -> Iterator[str]:
    yield f"# Converted from {source}. Look it over with: standby check"
    if found.notes:
        yield "#"
        yield "# Keys that stood in the file itself are not written here. Set these variables:"
        yield from (f"#   {note}" for note in found.notes)
    if found.left:
        yield "#"
        yield f"# Not carried over ({len(found.left)}):"
        yield from (f"#   line {each.line}: {each.path}: {each.why}" for each in found.left)
    yield ""
    yield "targets:"
    for target in found.targets:
        yield f"  {scalar(target.name)}:  # line {target.line}"
        yield from _block(target.settings, 4)
    yield ""
    yield "routes:"
    for name, route in found.routes.items():
        yield f"  {scalar(name)}:"
        yield from _block(route, 4)
    for name, section in found.sections.items():
        yield ""
        yield f"{name}:"
        yield from _block(section, 2)
    yield ""
    yield "serve:"
    yield from _block(found.serve, 2)


def _block(value: dict[str, Any], indent: int) -> Iterator[str]:
    before = " " * indent
    for name, each in value.items():
        if isinstance(each, dict) and each and name not in ("price", "on", "weights", "body"):
            yield f"{before}{scalar(name)}:"
            yield from _block(each, indent + 2)
        else:
            yield f"{before}{scalar(name)}: {flow(each)}"


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(str(name))}: {flow(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(each) for each in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A plain value, in quotes where it could be read as something else."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) and value < 1e6 else str(int(value))
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return json.dumps(text, ensure_ascii=False)
