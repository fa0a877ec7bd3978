"""Random letters and digits for ids. The system is asked for many at a time: a call of it costs more than the id."""

import os

ID_BYTES = 12
_AT_A_TIME = 128


class Tokens:
    """Gives out tokens, each once. Not for secrets: what is given out stays in memory for a while."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: list[str] = []

    def next(self) -> str:
        """A token that no other answer has."""
        if not self._left:
            digits = os.urandom(ID_BYTES * _AT_A_TIME).hex()
            size = 2 * ID_BYTES
            self._left = [digits[at : at + size] for at in range(0, len(digits), size)]
        return self._left.pop()
