"""A simulated model with one answer, and with one of the ways in which real servers treat a prefill."""

from typing import Literal, TypeAlias

import msgspec

from ...providers.errors import ErrorKind
from .reply import Answer, Failure
from .request import Request
from .script import Script

PrefillWay: TypeAlias = Literal["continues", "echoes", "ignores", "refuses"]
"""Goes on from a trailing assistant turn; says that turn again first; begins a new answer, as the server of
llama-cpp-python does; or answers with an error."""


class Model(msgspec.Struct, frozen=True):
    """Says the same to every request; to be played as a scenario's callable.

    Attributes:
        answer: All that it says. A prefill that is no beginning of it is ignored.
        prefill: What it makes of one.
        server: The `server` header of its answers; None: the simulator's own.
        delta_chars: Characters in a delta.
    """

    answer: str
    prefill: PrefillWay = "continues"
    server: str | None = None
    delta_chars: int = 7

    def __call__(self, request: Request) -> Script:
        """What it says to a request."""
        reading, said = request.reading, self.answer
        if reading.prefilled:
            if self.prefill == "refuses":
                return Script(Failure(ErrorKind.PREFILL_UNSUPPORTED))
            begun = reading.messages[-1][1]
            if self.prefill == "continues" and said.startswith(begun):
                said = said[len(begun) :]
        size = self.delta_chars
        deltas = tuple(said[start : start + size] for start in range(0, len(said), size))
        return Script(Answer(deltas), headers={} if self.server is None else {"server": self.server})
