"""The types of settings, each with its unit and its bounds."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from ..providers.chat import ChatRequest, InvalidRequest, chat_request
from .bounds import Bounds
from .fields import FieldsOf, FreeForm

SECONDS = Bounds(above=0, at_most=86_400 * 31)

Seconds: TypeAlias = Annotated[float, SECONDS]

SecondsOrZero: TypeAlias = Annotated[float, Bounds(at_least=0, at_most=86_400)]

Ratio: TypeAlias = Annotated[float, Bounds(at_least=0, at_most=1)]

Count: TypeAlias = Annotated[int, Bounds(at_least=1, at_most=1_000_000)]

Tokens: TypeAlias = Annotated[int, Bounds(at_least=1, at_most=100_000_000)]

Dollars: TypeAlias = Annotated[float, Bounds(at_least=0, at_most=100_000_000)]


def _as_options(parameters: Mapping[str, Any]) -> str | None:
    """What is wrong with these as options of a call; None when nothing is."""
    try:
        chat_request("x", **parameters)
    except InvalidRequest as refused:
        return f"cannot be: {refused}"
    return None


Parameters: TypeAlias = Annotated[
    Mapping[str, Any], FieldsOf(ChatRequest, without=frozenset({"messages"}), also=_as_options)
]

AnyFields: TypeAlias = Annotated[Mapping[str, Any], FreeForm()]

SentFields: TypeAlias = Annotated[Mapping[str, Any], FreeForm(sent=True)]

STRICT: dict[str, Any] = {"extra": "forbid"}
"""For pydantic, on each class: an unknown name is an error, never ignored."""
