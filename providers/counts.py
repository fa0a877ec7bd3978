"""Token counts as providers write them: read here, once for every dialect, whatever stands in their place.

A count is a whole number from 0 to `COUNT_MAX`. Anything else (a fraction, a truth value, a text, a number of hundreds
of digits) costs no answer. Where one makes no sense, those beside it are not trusted either: nothing is said to
be counted, and the decoder shows that it is `miscounted`, so that an earlier count is not taken for the last word.
"""

from typing import Any, TypeAlias

from .events import ProviderEvent, Usage

Count: TypeAlias = Any
"""The type of a count in a dialect's structs: any JSON. A stricter one would refuse the event, and the answer in it."""

COUNT_MAX = 1_000_000_000
"""More tokens than any request has; what a target's window allows is the router's to know."""

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
        sent: tuple[Count, ...],
        answered: tuple[Count, ...],
        cached: Count = None,
        reasoning: Count = None,
    ) -> None:
        """Add what was counted to the events. A count that is not given (None) is none.

        Args:
            sent, answered: The counts that add up to the prompt's and to the answer's.
        """
        prompt, answer = total(sent), total(answered)
        read = None if cached is None else total((cached,))
        thought = None if reasoning is None else total((reasoning,))
        self.miscounted = _NONSENSE in (prompt, answer, read, thought)
        if not self.miscounted:
            events.append(Usage(prompt, answer, read, thought))


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
