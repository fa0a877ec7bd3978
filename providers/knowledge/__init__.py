"""Knowledge of models and servers, as data: which values each takes, each fact with its source and a date.

One TOML file a provider, in this folder: it is read by people who write no Python, takes comments, needs no parser of
ours, and its names are those that a target may write in YAML (`capabilities`, `quirks`). A file is read when the first
model of its provider is asked for. A row says what holds for all models of the provider, or for those whose names begin
as `models` has it; rows further down win. `like` takes the rows of another file first.

A fact without a source or without a date is no fact: such a row is refused, so that only what can be looked up refuses
a request or changes it.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import msgspec

from ..capabilities import Capabilities
from ..quirks import SAID, Quirks

OLD_AFTER = timedelta(days=180)
"""Knowledge that was looked up longer ago should be looked up again."""

MODELS_KEPT = 256
"""Maximum models of which the facts are cached: every target asks for those of its model."""

_NAME = re.compile(r"[a-z0-9-]{1,60}")
_ABOUT = ("source", "seen", "models")


class UnsourcedFact(ValueError):
    """A row of knowledge without a source or a date, or that says something of which there is no such fact."""


class Fact(msgspec.Struct, frozen=True):
    """One thing that is known.

    Attributes:
        name: A field of `Capabilities`, or of `Quirks`.
        value: Of that field's type.
        source: Where it was read: a page of documentation, a public issue, a server's or an SDK's source.
        seen: When.
        models: How the names of the models begin that it is about, as a regular expression; empty: all.
    """

    name: str
    value: Any
    source: str
    seen: date
    models: str = ""


class Known(msgspec.Struct, frozen=True):
    """What is known of one model at one provider: the same object for all models of which the same is known.

    Attributes:
        facts: One for each name, the one that holds.
        capabilities: Those among them that are about the model.
        quirks: Those that are about how its server wants things said.
        kept: What others have made of it alone.
    """

    facts: tuple[Fact, ...]
    capabilities: Capabilities
    quirks: MappingProxyType[str, Any]
    kept: dict[int, Any] = msgspec.field(default_factory=dict)


def known(provider: str, model: str) -> Known:
    """What is known of a model; nothing where the provider has no file."""
    return _known(provider, model)


@lru_cache(MODELS_KEPT)
def _known(provider: str, model: str) -> Known:
    patterns = dict.fromkeys(fact.models for fact in facts_of(provider))
    return _known_by(provider, frozenset(pattern for pattern in patterns if _matches(pattern, model)))


@lru_cache(MODELS_KEPT)
def _known_by(provider: str, patterns: frozenset[str]) -> Known:
    held = {fact.name: fact for fact in facts_of(provider) if fact.models in patterns}
    capabilities = {name: fact.value for name, fact in held.items() if name in Capabilities.__struct_fields__}
    quirks = {name: fact.value for name, fact in held.items() if name not in capabilities}
    facts = tuple(held[name] for name in NAMES if name in held)
    return Known(facts, Capabilities(**capabilities), MappingProxyType(quirks))


NAMES = tuple(dict.fromkeys((*Capabilities.__struct_fields__, *SAID)))
"""Everything that a fact may be about, in the order in which facts are shown."""


@lru_cache(256)
def facts_of(provider: str) -> tuple[Fact, ...]:
    """All facts of a provider's file, in its order; none where it has no file.

    Raises:
        UnsourcedFact: A row is no fact.
    """
    path = files(__name__).joinpath(f"{provider}.toml")
    if not _NAME.fullmatch(provider) or not path.is_file():
        return ()
    read: dict[str, Any] = msgspec.toml.decode(path.read_bytes())
    like = read.get("like")
    shared = _read(msgspec.toml.decode(files(__name__).joinpath(f"_{like}.toml").read_bytes())) if like else ()
    return (*shared, *_read(read))


def providers() -> tuple[str, ...]:
    """The providers that have a file, sorted."""
    names = (path.name.removesuffix(".toml") for path in files(__name__).iterdir() if path.name.endswith(".toml"))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def older_than(day: date) -> Iterator[tuple[str, Fact]]:
    """The facts that were seen before a day, each with its provider."""
    for provider in providers():
        for fact in facts_of(provider):
            if fact.seen < day:
                yield provider, fact


def _read(content: dict[str, Any]) -> tuple[Fact, ...]:
    return tuple(fact for row in content.get("facts", ()) for fact in _facts(row))


def _facts(row: dict[str, Any]) -> Iterator[Fact]:
    source, seen, models = (row.get(name) for name in _ABOUT)
    said = {name: value for name, value in row.items() if name not in _ABOUT}
    if not isinstance(source, str) or not source.strip() or type(seen) is not date:
        raise UnsourcedFact(f"what is said of {', '.join(said)} has no source, or no date: `source` and `seen`")
    if not said:
        raise UnsourcedFact(f"a row of {source} says nothing")
    if models is not None:
        re.compile(models)
    for name, value in said.items():
        yield Fact(name, _value(name, value), source, seen, models or "")


def _value(name: str, value: Any) -> Any:
    if name not in NAMES:
        raise UnsourcedFact(f"{name} is nothing that can be known; known are {', '.join(NAMES)}")
    struct: type[Any] = Capabilities if name in Capabilities.__struct_fields__ else Quirks
    return getattr(msgspec.convert({name: value}, struct), name)


@lru_cache(1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _matches(pattern: str, model: str) -> bool:
    return not pattern or _compiled(pattern).match(model) is not None
