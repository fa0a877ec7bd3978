"""Plain JSON types of what callers get: `to_dict()`, and what pydantic, FastAPI and `dict(…)` make of it.

pydantic is imported only inside the hooks that it calls itself.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec


class Plain:
    """A struct that tells all of itself in plain JSON types.

    `json.dumps(answer.to_dict())` writes it, a field of a pydantic model or an endpoint of FastAPI may hold it, and
    `dict(answer)` is the same mapping.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain JSON types."""
        plain: dict[str, Any] = as_plain(self)
        return plain

    def keys(self) -> Iterable[str]:
        """The names in `to_dict()`, for `dict(…)`."""
        return self.to_dict().keys()

    def __getitem__(self, name: str) -> Any:
        return self.to_dict()[name]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        written = core_schema.plain_serializer_function_ser_schema(_plain)
        return core_schema.is_instance_schema(cls, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "object", "title": cls.__name__}


def as_plain(value: object) -> Any:
    """The same as lists, mappings, texts, numbers, truth values and None, which stands for numbers unknown to JSON."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=_by_pydantic))


def _by_pydantic(value: object) -> Any:
    """What an answer was parsed into, and msgspec does not know."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value)


def _plain(value: Plain) -> dict[str, Any]:
    return value.to_dict()


def instant(wall_s: float | None) -> str | None:
    """An instant in UTC, to the millisecond, as ISO 8601 writes it; None where there is none."""
    if wall_s is None:
        return None
    try:
        moment = datetime.fromtimestamp(wall_s, UTC)
    except (ValueError, OverflowError, OSError):  # a clock of a test, or a hint that is beyond all calendars
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
