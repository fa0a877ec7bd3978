"""Check a settings object made in code by the rules of its fields: code is refused as files are."""

from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from ..providers.sendable import text_problem, type_name
from .bounds import Bounds
from .errors import ConfigError
from .fields import EachOf, Made, OneOf, Rule


def check(settings: object) -> None:
    """Hold a settings object to the bounds of its fields.

    Raises:
        ConfigError: A value is out of bounds or cannot be used; all such fields are named at once.
    """
    cls: Any = type(settings)
    problems = [
        f"{cls.__name__}.{name} {problem}"
        for name, rule in _rules(cls).items()
        if (value := getattr(settings, name)) is not None and (problem := rule.problem(value))
    ]
    for name in cls.__dataclass_fields__:
        if isinstance(value := getattr(settings, name), str) and (problem := text_problem(str(value))):
            problems.append(f"{cls.__name__}.{name} {problem}")
    if problems:
        raise ConfigError("; ".join(problems))


def as_tuples(settings: object, *names: str) -> None:
    """Turn the lists that code may give into the tuples that files give.

    Raises:
        ConfigError: One of them is no list.
    """
    for name in names:
        value = getattr(settings, name)
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{type(settings).__name__}.{name} must be a list, but is a {type_name(value)}")
        object.__setattr__(settings, name, tuple(value))


def setting_problem(cls: type, name: str, value: object) -> str | None:
    """What is wrong with a value, not None, for a field of a settings class; None when nothing is."""
    rule = _rules(cls).get(name)
    return None if rule is None else rule.problem(value)


@cache
def _rules(cls: Any) -> dict[str, Bounds | Rule]:
    hints = get_type_hints(cls, include_extras=True)
    found: dict[str, Bounds | Rule | None] = {}
    for name, whole in hints.items():
        inside = get_args(whole) if get_origin(whole) in (Union, UnionType) else ()
        word = get_args(whole)[0] if get_origin(whole) is tuple else whole
        if made := next((hint for hint in (whole, *inside) if isinstance(hint, type) and is_dataclass(hint)), None):
            found[name] = Made(made)
        if get_origin(word) is Literal:
            found[name] = OneOf(get_args(word), many=word is not whole)
        if word is not whole and (each := next((part for part in get_args(word) if isinstance(part, Rule)), None)):
            found[name] = EachOf(each)
        for hint in (whole, *inside):
            if get_origin(hint) is Annotated:
                found[name] = next((part for part in get_args(hint) if isinstance(part, Bounds | Rule)), None)
    return {name: rule for name, rule in found.items() if rule}
