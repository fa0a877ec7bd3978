"""Bounds on the token counts that a provider reports: whole numbers, from zero to what window and cap allow. Pure.

Adapters may come from anywhere, and what they make of a provider's numbers ends in windows, budgets and averages, where
one negative or huge number outweighs a day of calls. So every count is held against its room before it is booked, here
and nowhere else; counts that do not fit are replaced by the estimate that a call without any gets.
"""

from msgspec.structs import astuple

from ...providers.counts import COST_MAX_USD
from ...providers.events import Usage

TOKENS_MAX = 10_000_000
"""The largest context window of any model, for models with an unknown window."""

WINDOW_SLACK = 1.5
"""Maximum length of a prompt, as a factor on the known window: capability data age, and selection asks up to here."""

CAP_SLACK = 16
"""Maximum tokens counted beyond the cap of an answer: some providers count its end, or the beginning of a tool call."""


class UsageBounds:
    """The room for the counts of one attempt.

    Args:
        window: The target's context window, as far as it is known.
        cap: What the answer was bounded to.
    """

    __slots__ = ("_answer_most", "_most")

    def __init__(self, window: int | None = None, cap: int | None = None) -> None:
        self._most = TOKENS_MAX if window is None else window * WINDOW_SLACK
        self._answer_most = self._most if cap is None else cap + CAP_SLACK

    def holds(self, usage: Usage) -> bool:
        """Whether all of it can be booked as it is. Of a plug-in's adapter a count may be anything."""
        most, sent, answered = self._most, usage.input_tokens, usage.output_tokens
        if not (type(sent) is type(answered) is int and 0 <= sent <= most and 0 <= answered <= most):
            return False
        read, thought = usage.cached_input_tokens, usage.reasoning_tokens
        if not ((read is None or _fits(read, most)) and (thought is None or _fits(thought, most))):
            return False
        if answered > self._answer_most + (thought or 0):  # some leave thoughts out of it
            return False
        return usage.counts_text_alone() or self._holds_beside(usage)

    def _holds_beside(self, usage: Usage) -> bool:
        *counts, uses, cost = astuple(usage)[_PLAIN_COUNTS:]
        counts += (uses or {}).values()
        if not all(count is None or _fits(count, self._most) for count in counts):
            return False
        return cost is None or (type(cost) is float and 0 <= cost <= COST_MAX_USD)


_PLAIN_COUNTS = Usage.__struct_fields__.index("reasoning_tokens") + 1


def _fits(part: object, most: float) -> bool:
    return type(part) is int and 0 <= part <= most
