"""Token counts as providers write them: read here, once for every dialect, whatever stands in their place.

A count is a whole number from 0 to `COUNT_MAX`. Anything else (a fraction, a truth value, a text, a number of hundreds
of digits) costs no answer. Where one makes no sense, those beside it are not trusted either: nothing is said to
be counted, and the decoder shows that it is `miscounted`, so that an earlier count is not taken for the last word.
"""

from typing import Annotated, Any, TypeAlias

import msgspec

from .events import ProviderEvent, Usage

Count: TypeAlias = Any
"""The type of a count in a dialect's structs: any JSON. A stricter one would refuse the event, and the answer in it."""

COUNT_MAX = 1_000_000_000
"""More tokens than any request has; what a target's window allows is the router's to know."""

PlainCount: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)]
"""A count that makes sense, for structs that are tried first and may refuse: it needs no second look."""

_NONSENSE = -1


class Counting:
    """A part of a decoder that reads counts.

    Attributes:
        miscounted: What the provider has counted last makes no sense.
    """

    miscounted = False

    def _counted(
        self,
        events: list[ProviderEvent],
        prompt: Count,
        answer: Count,
        cached: Count = None,
        reasoning: Count = None,
    ) -> None:
        """Add what was counted to the events. A count that is not given (None) is none.

        Args:
            prompt, answer: As the provider counted them, or the `total` of what it counted apart.
        """
        counts = prompt, answer, cached, reasoning
        for count in counts:
            if count is not None and (type(count) is not int or not 0 <= count <= COUNT_MAX):
                prompt, answer, cached, reasoning = (None if each is None else total((each,)) for each in counts)
                break
        self.miscounted = _NONSENSE in (prompt, answer, cached, reasoning)
        if not self.miscounted:
            events.append(Usage(prompt or 0, answer or 0, cached, reasoning))


def total(counts: tuple[Count, ...]) -> int:
    """The sum of these counts; -1 when one of them makes no sense."""
    tokens = 0
    for count in counts:
        if type(count) is not int:  # nor is a truth value's type
            if count is None:
                continue
            if not (type(count) is float and count.is_integer()):  # Cohere writes `12.0`
                return _NONSENSE
            count = int(count)
        if not 0 <= count <= COUNT_MAX:
            return _NONSENSE
        tokens += count
    return tokens
