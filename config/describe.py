"""Read the meaning of each setting from docstrings, for the JSON Schema and for the tables of docs/configuration.md.

`python -m standby.config.describe docs/configuration.md` writes the tables anew; a test holds the page to them.
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from .bounds import Bounds
from .client_key import ClientKey
from .fields import KeyText
from .health import Health
from .limits import Limits, Retry
from .route import Handling, Hedge, Hold, Route
from .serve import Admin, Clients, Serve, ServedRoute, Tls
from .target import Price, Target

SECTIONS: tuple[type[Any], ...] = (
    Target, Price, Route, Handling, Hold, Hedge, Limits, Retry, Health, Serve, ClientKey, Clients, ServedRoute, Admin,
    Tls,
)  # fmt: skip
"""The classes that a file is made of."""


def descriptions(cls: type[Any]) -> dict[str, str]:
    """What a class's docstring says of each of its fields, under `Attributes:`, in one line each."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in (inspect.getdoc(cls) or "").partition("Attributes:\n")[2].splitlines():
        begins = _ATTRIBUTE.fullmatch(line)
        if begins:
            names = begins[1].split(", ")
            found.update(dict.fromkeys(names, _for_files(begins[2])))
        elif line.startswith(" "):
            found.update({name: _for_files(f"{found[name]} {line.strip()}") for name in names})
    return found


def _for_files(text: str) -> str:
    return text.replace("; None: ", "; not set: ").replace("None: ", "Not set: ")


_ATTRIBUTE = re.compile(r" {4}([a-z0-9_, ]+): (.+)")


def summary(cls: type[Any]) -> str:
    """The first line of a class's docstring."""
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def table(cls: type[Any]) -> str:
    """The settings of a class as a Markdown table: name, type and bounds, default, meaning."""
    rows = ["| Setting | Value | Default | Meaning |", "|---|---|---|---|"]
    hints, said = get_type_hints(cls, include_extras=True), descriptions(cls)
    for field in dataclasses.fields(cls):
        value = _kind(field.name, hints[field.name])
        rows.append(f"| `{field.name}` | {value} | {_default(field)} | {said[field.name]} |")
    return "\n".join(rows)


def with_tables(page: str) -> str:
    """A page with the tables between its `<!-- settings: Name -->` and `<!-- end -->` marks written anew."""
    for cls in SECTIONS:
        begin = f"<!-- settings: {cls.__name__} -->\n"
        before, mark, rest = page.partition(begin)
        if mark:
            page = f"{before}{begin}{table(cls)}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    return page


def _kind(name: str, hint: Any) -> str:
    parts = list(_parts(hint))
    bounds = next((part for part in parts if isinstance(part, Bounds)), None)
    choices = next((part for part in parts if get_origin(part) is Literal), None)
    if bounds:
        if name.endswith("_s") and not name.endswith("_per_s"):
            return "seconds" if bounds.above == 0 else "seconds, may be 0"
        return f"{'whole number' if int in parts else 'number'}, {bounds.words}"
    if choices:
        listed = ", ".join(f"`{choice}`" for choice in get_args(choices))
        return f"list of {listed}" if tuple in parts else f"one of {listed}"
    if name == "connector":
        return "object, in code only"
    if any(isinstance(part, KeyText) for part in parts) and tuple in parts:
        return "list of texts"
    if name == "targets":
        return "list of names or targets; a list inside it is a tier"
    if name == "on":
        return "mapping: kind of error to list of names or targets"
    if name == "errors":
        return "mapping: kind of error to a mapping, as `errors` below"
    if bool in parts:
        return "`true` or `false`"
    if any(dataclasses.is_dataclass(part) for part in parts):
        return f"mapping of names to mappings, as `{name}` below" if Mapping in parts else f"mapping, as `{name}` below"
    if tuple in parts:
        return "list of texts"
    return "mapping" if any(isinstance(part, type) and issubclass(part, Mapping) for part in parts) else "text"


def _parts(hint: Any) -> Iterator[Any]:
    origin = get_origin(hint)
    yield hint if origin is None or origin is Literal else origin
    if origin is not Literal:
        for part in (*get_args(hint), *getattr(hint, "__metadata__", ())):
            yield from _parts(part)


def _default(field: Any) -> str:
    if field.default is dataclasses.MISSING:
        return "required" if field.default_factory is dataclasses.MISSING else "none"
    value = field.default
    if isinstance(value, float):
        return f"`{value:g}`"
    if value is None:
        return "not set"
    if value == ():
        return "none"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
