"""Labels of targets, and the bounds that are drawn by them: what a target must be, or must not be, to be asked at all.

A label is compared by its text, so that `true` in a file, `True` in code and `true` in a variable are the same.
Bounds add up: a target has to be within those of the call, of its route, and of every route that has named it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

from ..providers.sendable import type_name
from .fields import Rule, none_is_empty
from .scalars import as_json

LABELS_MAX = 64
"""Maximum labels of a target, and names in `require` or `avoid`."""

VALUES_MAX = 64
"""Maximum values of one label of which a target may have any."""

VALUE_CHARS_MAX = 200

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")


class LabelValues(Rule):
    """A mapping of labels to a text, a number, true or false.

    Args:
        many: A list of such values may stand for one: any of them.
    """

    __slots__ = ("many",)

    def __init__(self, *, many: bool = False) -> None:
        self.many = many

    def problem(self, value: Any) -> str | None:
        if not isinstance(value, Mapping):
            return f"must be a mapping of labels to values, but is a {type_name(value)}"
        if len(value) > LABELS_MAX:
            return f"has more than {LABELS_MAX} labels"
        for name, given in value.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                return "has a name that is none of a label: letters, digits, dots, dashes and underscores, at most 64"
            listed = given if self.many and isinstance(given, list | tuple) else (given,)
            if not listed or len(listed) > VALUES_MAX:
                return f"a list of values must hold 1 to {VALUES_MAX}"
            wrong = [each for each in listed if not _is_value(each)]
            if wrong:
                also = ", or a list of these" if self.many else ""
                been = "long, empty or broken text" if isinstance(wrong[0], str) else type_name(wrong[0])
                return f"the value of a label must be a text, a number, true or false{also}, but is a {been}"
        return None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        plain = core_schema.no_info_after_validator_function(as_json, core_schema.any_schema())
        mapping = none_is_empty(core_schema.dict_schema(core_schema.str_schema(), plain))
        return core_schema.no_info_after_validator_function(self._checked, mapping)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        value: dict[str, Any] = {"type": ["string", "number", "boolean"]}
        if self.many:
            value = {"anyOf": [value, {"type": "array", "items": value, "minItems": 1, "maxItems": VALUES_MAX}]}
        return {"type": "object", "additionalProperties": value, "maxProperties": LABELS_MAX}


def _is_value(value: object) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= VALUE_CHARS_MAX and value.isprintable()
    return isinstance(value, bool | int | float) and value == value  # NaN is not itself


LabelValue: TypeAlias = str | bool | int | float

if TYPE_CHECKING:
    Labels: TypeAlias = Mapping[str, LabelValue]
    Wanted: TypeAlias = Mapping[str, LabelValue | list[str] | tuple[LabelValue, ...]]
else:
    Labels = Annotated[Mapping[str, Any], LabelValues()]
    Wanted = Annotated[Mapping[str, Any], LabelValues(many=True)]


class Boundary(NamedTuple):
    """What a target must be, and must not be, to be asked.

    Attributes:
        require: Labels that it must have, with one of these values.
        avoid: Labels that it must not have with one of these. One that has no such label is within.
        of: What has drawn it: `the call`, or a route.
    """

    require: Mapping[str, tuple[str, ...]]
    avoid: Mapping[str, tuple[str, ...]]
    of: str

    def problem(self, labels: Mapping[str, LabelValue]) -> str | None:
        """Why a target with these labels is outside; None when it is within."""
        for name, values in self.require.items():
            if (has := labels.get(name)) is None:
                return f"has no label {name}, and {self.of} requires {_any_of(values)}"
            if _text(has) not in values:
                return f"its {name} is {_text(has)}, and {self.of} requires {_any_of(values)}"
        for name, values in self.avoid.items():
            if (has := labels.get(name)) is not None and _text(has) in values:
                return f"its {name} is {_text(has)}, which {self.of} avoids"
        return None


def boundary(require: Wanted, avoid: Wanted, of: str) -> Boundary | None:
    """The bounds that these settings draw; None: none."""
    return Boundary(_texts(require), _texts(avoid), of) if require or avoid else None


def outside(labels: Mapping[str, LabelValue], boundaries: Iterable[Boundary | None]) -> str | None:
    """Why a target with these labels is outside one of these bounds; None when it is within all of them."""
    for each in boundaries:
        if each is not None and (problem := each.problem(labels)):
            return problem
    return None


def _texts(wanted: Wanted) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(map(_text, given if isinstance(given, list | tuple) else (given,)))
        for name, given in wanted.items()
    }


def _text(value: LabelValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _any_of(values: tuple[str, ...]) -> str:
    return " or ".join(values)
