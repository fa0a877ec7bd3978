"""What a rule may decide about a request: nothing, a move with notes, or that it cannot be sent."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ..messages import ChatRequest
from .facts import Facts


class Move(NamedTuple):
    """The request is sent in another form.

    Attributes:
        chat: That form.
        feature: Names what was moved: where nothing may be, the request is refused for it.
        notes: What was changed, and why, for the report.
    """

    chat: ChatRequest
    feature: str
    notes: tuple[str, ...]


class Refusal(NamedTuple):
    """The request cannot be sent here; another target may be asked."""

    feature: str


Rule: TypeAlias = Callable[[ChatRequest, Facts], Move | Refusal | None]


def left_out(name: str, why: str) -> str:
    """The note on a field that is not sent."""
    return f"{name} was left out: {why}"


def said_as(name: str, value: object, why: str) -> str:
    """The note on a value that is sent as another one."""
    return f"{name} was said as {value}: {why}"
