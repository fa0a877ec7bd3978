"""A secret that cannot be shown by accident: not by `str`, `repr`, `format`, `vars`, JSON, copies or pickles."""

from typing import Any, NoReturn


class Secret:
    """A key or password. `reveal()` is the one way to its value, called when a header is written.

    Equality and hash go by value, so that a changed key is seen as a change; nothing else reads it.
    """

    __slots__ = ("__value",)

    def __init__(self, value: "str | Secret") -> None:
        self.__value: str = value.reveal() if isinstance(value, Secret) else value

    def reveal(self) -> str:
        """The value itself. Never put it anywhere but in the request that needs it."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.reveal()

    def __hash__(self) -> int:
        return hash(self.__value)

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never pickled: hand over a reference to it (an environment variable, a file)")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls._checked,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda _: "***"),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {
            "type": "string",
            "writeOnly": True,
            "description": "A secret: write ${NAME_OF_A_VARIABLE}.",
        }

    @classmethod
    def _checked(cls, value: object) -> "Secret":
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise ValueError("a secret is a text, best written as ${NAME_OF_A_VARIABLE}")
        if not value.strip():
            raise ValueError("is empty: an empty key is not 'no key'; leave the line out instead")
        return cls(value.strip())
