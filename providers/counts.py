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
        prompt, answer, read, thought = total(*sent), total(*answered), total(cached), total(reasoning)
        self.miscounted = min(prompt, answer, read, thought) == _NONSENSE
        if not self.miscounted:
            events.append(
                Usage(prompt, answer, None if cached is None else read, None if reasoning is None else thought)
            )


def total(*counts: Count) -> int:
    """The sum of these counts; -1 when one of them makes no sense."""
    tokens = 0
    for count in counts:
        if count is None:
            continue
        number = int(count) if type(count) is float and count.is_integer() else count  # Cohere writes `12.0`
        if type(number) is not int or not 0 <= number <= COUNT_MAX:  # a truth value's type is another
            return _NONSENSE
        tokens += number
    return tokens
