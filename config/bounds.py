"""Bounds of numbers, written once beside the field and checked in code, YAML, environment and JSON Schema."""

from typing import Any

_SHOWN_MAX = 2**64
"""A whole number from here on is not shown: one of many digits cannot even be."""


class Bounds:
    """Annotates a number: finite, and within these bounds."""

    __slots__ = ("above", "at_least", "at_most")

    def __init__(self, *, above: float | None = None, at_least: float | None = None, at_most: float) -> None:
        self.above, self.at_least, self.at_most = above, at_least, at_most

    @property
    def words(self) -> str:
        """The bounds, for a sentence that begins with 'must be'."""
        low = f"more than {self.above:.9g}" if self.above is not None else f"at least {self.at_least:.9g}"
        return f"{low} and at most {self.at_most:.9g}"

    def problem(self, number: object) -> str | None:
        """What is wrong with a number; None when nothing is."""
        if isinstance(number, bool) or not isinstance(number, int | float):
            return f"must be a number, {self.words}, but is a {type(number).__name__}"
        high_enough = (self.above is None or number > self.above) and (self.at_least is None or number >= self.at_least)
        if number <= self.at_most and high_enough:  # both are False for NaN
            return None
        shown = f"{number:.9g}" if isinstance(number, float) or abs(number) < _SHOWN_MAX else "far from it"
        return f"must be {self.words}, but is {shown}"

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        number = core_schema.no_info_before_validator_function(_no_truth_value, handler(source))
        return core_schema.no_info_after_validator_function(self._checked, number)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        described: dict[str, Any] = handler(schema)
        if self.above is not None:
            described["exclusiveMinimum"] = self.above
        if self.at_least is not None:
            described["minimum"] = self.at_least
        described["maximum"] = self.at_most
        return described

    def _checked(self, number: float) -> float:
        if problem := self.problem(number):
            raise ValueError(problem)
        return number


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):  # pydantic would take True for 1
        raise ValueError("must be a number")
    return value
