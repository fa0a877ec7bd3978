"""What holds for what users write, whatever it is: all problems told with places, nothing raised but `ConfigError`."""

import contextlib
import math
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from standby.config import yaml_source as yaml_module
from standby.config.errors import ConfigError
from standby.config.problems import ConfigFileError
from standby.config.references import resolve
from standby.config.scalars import Text, as_json
from standby.config.settings import load
from standby.config.yaml_source import DEPTH_MAX, Document, read
from standby.simulator.drill.file import read_drill_file

VARIABLES = {"SET": "${GONE} *a !!b", "EMPTY": ""}
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\}", re.DOTALL)


def yaml_source(data: bytes) -> None:
    """YAML: nothing raised, every problem with its place, only texts, lists and mappings, and no deeper than told.

    By both parsers of PyYAML: of libyaml's a fuzzer sees nothing, and where it is missing the other one reads.
    """
    for loader in {yaml_module.LOADER, yaml.SafeLoader}:
        with mock.patch.object(yaml_module, "LOADER", loader):
            _check_document(read(data, "u.yaml"), data)


def _check_document(document: Document, data: bytes) -> None:
    lines = data.count(b"\n") + data.count(b"\r") + data.count(b"\x85") + data.count(b"\xe2\x80") + 1
    for problem in document.problems:
        assert str(problem).startswith("u.yaml")
        assert problem.line is None or 1 <= problem.line <= lines + 1
        assert problem.column is None or 1 <= problem.column <= len(data) + 2
    for path, value in _leaves(document.tree, ()):
        assert len(path) <= DEPTH_MAX + 1
        assert value is None or isinstance(value, Text | dict | list)
        assert path in document.values, f"the place of {path} is not known"
        assert not value or len(str(value)) <= len(data), "more than was written"
    with contextlib.suppress(ValueError):  # a number that cannot be held
        as_json(document.tree)


def _leaves(tree: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in parts:
        yield from _leaves(value, (*path, name))
    if path and not (isinstance(tree, dict | list) and tree):
        yield path, tree


def environment_references(data: bytes) -> None:
    """`${NAME}`, a text a line: what a variable holds is put in as it is, everything else is told or left alone."""
    texts = data.decode(errors="replace").split("\n")
    document = Document("u.yaml", {"values": [Text(text) for text in texts]})
    resolve(document, VARIABLES)
    found = document.tree["values"]
    assert isinstance(found, list)
    wanted = [_resolved(text) for text in texts]
    assert found == wanted
    assert len(document.problems) == wanted.count(None)
    assert {problem.path for problem in document.problems} == {
        ("values", place) for place, text in enumerate(wanted) if text is None
    }


def _resolved(text: str) -> str | None:
    """What a value comes to, by the words of docs/configuration.md; None: a problem."""
    if match := _REFERENCE.fullmatch(text):
        name, default = match[1], match[2]
        if default is not None and "${" in default:
            return None
        return VARIABLES.get(name) or default
    if "${" in text.replace("$${", ""):
        return None
    return text.replace("$${", "${")


def settings(data: bytes) -> None:
    """A whole configuration: it loads, or its problems are told in lines of text."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "u.yaml"
        file.write_bytes(data)
        try:
            loaded, told = load(file), ""
        except ConfigError as refusal:
            loaded, told = None, str(refusal)
    if loaded is None:
        assert told.strip(), "a refusal says why"
    else:
        assert all(loaded.route(name).targets for name in loaded.routes)


def drill_file(data: bytes) -> None:
    """A drill file: it says something that can be played, or its problems are told with their places."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "d.yaml"
        file.write_bytes(data)
        try:
            found = read_drill_file(file, lambda route: ("lead", "second"))
        except ConfigFileError as refusal:
            found, told = None, refusal.problems
    if found is None:
        assert all(str(problem).startswith(str(file)) for problem in told)
        return
    for spell in found.spells:
        assert spell.target in ("lead", "second")
        assert 0 <= spell.from_s < spell.until_s
    assert all(0 < latency.median_s <= latency.p95_s < math.inf for latency in found.latencies.values())
    assert found.rate is None or 0 < found.rate < math.inf
    assert found.for_s is None or 0 <= found.for_s < math.inf
    assert all(math.isfinite(demand.bound) for demand in found.require)
