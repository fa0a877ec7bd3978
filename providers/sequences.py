"""A list as callers may write it: any sequence but a text, which is a sequence of texts to a type checker too."""

from collections.abc import Iterator
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class ListOf(Protocol[T_co]):
    """A list, a tuple, or another sequence; never a text, of which `in` can be asked for texts alone."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[T_co]: ...

    def __getitem__(self, index: int, /) -> T_co: ...

    def __contains__(self, value: object, /) -> bool: ...
