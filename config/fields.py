"""Rules for the values of fields, written once beside the field and checked in code, files, environment and schema.

Each class annotates a field of the settings, as `Bounds` does for numbers. pydantic is imported only inside the hooks
that it calls itself, so that importing the settings classes stays cheap.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec

from ..providers import registry
from ..providers.secret import Secret
from ..providers.sendable import json_problem, type_name
from .problems import did_you_mean
from .scalars import as_json


class WrongSetting(ValueError):
    """A value cannot be used. `str` is what is wrong, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Rule:
    """Annotates a field with what pydantic cannot know. Code is held to `problem` as files are."""

    __slots__ = ()

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value of the right type; None when nothing is. Never tells the value."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: Any) -> Any:
        if value is not None and (problem := self.problem(value)):
            raise WrongSetting(problem)
        return value


class OneOf(Rule):
    """One of these words, or with `many` a list of them. Only for code: pydantic knows the type."""

    __slots__ = ("many", "words")

    def __init__(self, words: tuple[str, ...], *, many: bool) -> None:
        self.words, self.many = words, many

    def problem(self, value: Any) -> str | None:
        known = ", ".join(self.words)
        if not self.many:
            return self._not(f"one of {known}", value)
        if not isinstance(value, list | tuple):
            return f"must be a list of {known}, but is a {type_name(value)}"
        wrong = (problem for each in value if (problem := self._not(f"a list of {known}", each)))
        return next(wrong, None)

    def _not(self, what: str, word: Any) -> str | None:
        if isinstance(word, str):
            return None if word in self.words else f"must be {what}"
        return f"must be {what}, but {'holds' if self.many else 'is'} a {type_name(word)}"


class EachOf(Rule):
    """A list of texts, each of which is held to another rule. Only for code: pydantic knows the list."""

    __slots__ = ("rule",)

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def problem(self, value: Any) -> str | None:
        for each in value:
            if (
                problem := self.rule.problem(each)
                if isinstance(each, str)
                else f"must be a text, not {type_name(each)}"
            ):
                return f"holds one that {problem}"
        return None


class Made(Rule):
    """An object of one of the settings classes. Only for code: pydantic makes one."""

    __slots__ = ("of",)

    def __init__(self, of: type) -> None:
        self.of = of

    def problem(self, value: Any) -> str | None:
        return None if isinstance(value, self.of) else f"must be a {self.of.__name__}, but is a {type_name(value)}"


class Url(Rule):
    """An address of one of these schemes, with a host."""

    __slots__ = ("may_hold_login", "schemes")

    def __init__(self, *schemes: str, may_hold_login: bool = False) -> None:
        self.schemes, self.may_hold_login = schemes, may_hold_login

    def problem(self, value: Any) -> str | None:
        begin = " or ".join(f"{scheme}://" for scheme in self.schemes)
        try:
            url = urlsplit(value)
            host, port = url.hostname, url.port
        except ValueError:
            return f"must be an address that begins with {begin}"
        if url.scheme not in self.schemes or not host or port == 0 or _BLANK.search(value):
            return f"must be an address that begins with {begin}"
        if not self.may_hold_login and (url.username or url.password):
            return "must not hold a user name or password; use key, or headers"
        return "must not hold a '?' or '#'" if url.query or url.fragment else None


_BLANK = re.compile(r"[\s\x00-\x20\x7f]")


class HeaderFields(Rule):
    """Request headers: names and values that HTTP can carry. A line left empty means none."""

    __slots__ = ()

    def problem(self, value: Any) -> str | None:
        for name, text in value.items():
            if not _HEADER_NAME.fullmatch(name):
                return f"{name[:40]!a} cannot be the name of a header"
            if not isinstance(text, str) or not _HEADER_VALUE.fullmatch(text):
                return f"the value of {name} holds a character that a header cannot carry"
        return None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return none_is_empty(super().__get_pydantic_core_schema__(source, handler))


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Section:
    """A mapping, or a part of the settings, that is an empty one when all its lines are commented out."""

    __slots__ = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return none_is_empty(handler(source))


class FieldsOf(Rule):
    """A mapping of some fields of a msgspec struct, checked and converted as that struct's own types say.

    Args:
        without: Fields that may not be given.
        only: The fields that may be given; None: all but those.
        also: What may be wrong with the values, as far as it knows; None: nothing.
    """

    __slots__ = ("also", "only", "struct", "without")

    def __init__(
        self,
        struct: type[msgspec.Struct],
        *,
        without: frozenset[str] = frozenset(),
        only: tuple[str, ...] | None = None,
        also: Callable[[Mapping[str, Any]], str | None] = lambda value: None,
    ) -> None:
        self.struct, self.without, self.only, self.also = struct, without, only, also

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that may be given."""
        return self.only or tuple(name for name in self.struct.__struct_fields__ if name not in self.without)

    def problem(self, value: Any) -> str | None:
        unknown = sorted(set(value).difference(self.names))
        return f"has no {unknown[0]!r}; known are {', '.join(self.names)}" if unknown else self.also(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        hints = get_type_hints(self.struct)
        free = _free_form()
        fields = {
            name: core_schema.typed_dict_field(
                handler.generate_schema(hints[name]) if _is_simple(hints[name]) else free, required=False
            )
            for name in self.names
        }
        finite = core_schema.CoreConfig(allow_inf_nan=False, title=self.struct.__name__)
        mapping = core_schema.typed_dict_schema(fields, extra_behavior="forbid", config=finite)
        return none_is_empty(mapping)


class FreeForm(Rule):
    """A mapping in which anything goes; with `sent`, anything that JSON can hold."""

    __slots__ = ("sent",)

    def __init__(self, *, sent: bool = False) -> None:
        self.sent = sent

    def problem(self, value: Any) -> str | None:
        if not all(isinstance(name, str) for name in value):
            return "must have texts as names"
        return json_problem(dict(value)) if self.sent else None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        anything = core_schema.dict_schema(core_schema.str_schema(), _free_form())
        return none_is_empty(anything)


class ProviderName(Rule):
    """The name of a provider in the registry, alone or as `provider/model`. Held in files only: code may register
    a provider after it has made a target of it."""

    __slots__ = ()

    def problem(self, value: Any) -> str | None:
        return None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(_known_provider, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        described: dict[str, Any] = handler(schema)
        return described | {"examples": list(registry.names())}


def _known_provider(reference: str) -> str:

    name, known = reference.partition("/")[0], registry.names()
    if name not in known:
        raise WrongSetting(f"no provider {name[:80]!r}", did_you_mean(name, known) or f"known are {', '.join(known)}")
    return reference


class KeyText:
    """A key: a text that becomes a `Secret`, or in code a callback."""

    __slots__ = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(_checked_key)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return Secret.__get_pydantic_json_schema__(schema, handler)


def _checked_key(value: object) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise WrongSetting("is empty", "leave the line out to use the provider's usual environment variable")
    return value if callable(value) else Secret._checked(value)


class OnlyInCode:
    """A value that no file can hold."""

    __slots__ = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(_refuse_written)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        from pydantic_core import PydanticOmit

        raise PydanticOmit


def _refuse_written(value: object) -> object:
    if isinstance(value, str | int | float | list | dict):
        raise WrongSetting("can only be given in code")
    return value


class NameOrTarget:
    """An entry of a route's targets: a name, a whole target in place, or a tier: a list of these."""

    __slots__ = ()
    tags = ("<name>", "<target>", "<tier>")
    """Mark the kinds in pydantic's paths, from where they are taken out again."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        kinds = get_args(source)
        choices = dict(zip(self.tags, (handler.generate_schema(kind) for kind in kinds), strict=False))

        def tag(value: object) -> str:
            name, target, tier = self.tags
            return name if isinstance(value, str) else tier if isinstance(value, list | tuple) and kinds[2:] else target

        return core_schema.tagged_union_schema(choices, tag)


def none_is_empty(schema: Any) -> Any:
    """Turn a mapping with all its lines commented out into an empty one."""
    from pydantic_core import core_schema

    return core_schema.no_info_before_validator_function(lambda value: {} if value is None else value, schema)


def _free_form() -> Any:
    from pydantic_core import core_schema

    return core_schema.no_info_after_validator_function(as_json, core_schema.any_schema())


@cache
def _is_simple(hint: Any) -> bool:
    """Whether pydantic knows the type: texts, numbers, truth values, choices and lists of these."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return False
    origin = get_origin(hint)
    return hint is not Any and (origin is not dict) and all(_is_simple(part) for part in get_args(hint) if part != ...)
