"""Token counts as providers write them: read here, once for every dialect, whatever stands in their place.

A count is a whole number from 0 to `COUNT_MAX`. Anything else (a fraction, a truth value, a text, a number of hundreds
of digits) costs no answer. Where one makes no sense, those beside it are not trusted either: nothing is said to
be counted, and the decoder shows that it is `miscounted`, so that an earlier count is not taken for the last word.
"""

import math
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec.structs import replace

from .events import ProviderEvent, Usage

Count: TypeAlias = Any
"""The type of a count in a dialect's structs: any JSON. A stricter one would refuse the event, and the answer in it."""

COUNT_MAX = 1_000_000_000
"""More tokens than any request has; what a target's window allows is the router's to know."""

PlainCount: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)]
"""A count that makes sense, for structs that are tried first and may refuse: it needs no second look."""

COST_MAX_USD = 1_000_000.0
"""More than any answer costs."""

TOOLS_MAX = 32
"""Maximum tools of a provider whose uses are counted apart."""

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
        *,
        cost: Any = None,
        tool_uses: Any = None,
        **parts: Count,
    ) -> None:
        """Add what was counted to the events. A count that is not given (None) is none.

        Args:
            prompt, answer: As the provider counted them, or the `total` of what it counted apart.
            cost, tool_uses: As the provider wrote them, see `dollars` and `uses`.
            parts: More counts, by the names of `Usage`. One that is 0 says nothing.
        """
        wrong = False
        for count in (prompt, answer, cached, reasoning):
            if count is not None and (type(count) is not int or not 0 <= count <= COUNT_MAX):
                counts = prompt, answer, cached, reasoning = [
                    None if each is None else total((each,)) for each in (prompt, answer, cached, reasoning)
                ]
                wrong = _NONSENSE in counts
                break
        beside: Any = {}
        if parts:
            for name, count in parts.items():
                if count is not None and count != 0:
                    beside[name] = total((count,))
            wrong = wrong or _NONSENSE in beside.values()
        self.miscounted = wrong
        if wrong:
            return
        usage = Usage(prompt or 0, answer or 0, cached, reasoning)
        if beside or cost is not None or tool_uses:
            usage = replace(usage, **beside, cost=dollars(cost), tool_uses=uses(tool_uses))
        events.append(usage)


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


def is_none(count: Count) -> bool:
    """Is nothing counted?"""
    return count is None or (type(count) is int and count == 0)


def answer_tokens(prompt: Count, answer: Count, whole: Count, reasoning: Count) -> Count:
    """All tokens of an answer, thoughts included, of servers that may leave these out of it (xAI, Google).

    The sum tells: it is that of prompt, answer and thoughts where the answer leaves them out, and no answer holds more
    thoughts than it has tokens. Where they are not counted apart, they are what the sum has beyond prompt and answer.

    Args:
        whole: What the provider says is the sum.
    """
    thought, said = reasoning or 0, 0 if answer is None else answer
    if not (type(said) is type(thought) is int and said >= 0 and thought >= 0):
        return answer
    if thought > said:
        return said + thought
    beyond = whole - prompt - said if type(whole) is type(prompt) is int else 0
    return said + beyond if beyond > 0 and thought in (0, beyond) and whole <= COUNT_MAX else answer


def dollars(found: Any) -> float | None:
    """A cost: a number, or (Perplexity) an object with the sum of its parts; None of what is none."""
    if isinstance(found, dict):
        found = found.get("total_cost")
    if type(found) not in (int, float) or not (math.isfinite(found) and 0 <= found <= COST_MAX_USD):
        return None
    return float(found)


def ticks(found: Any) -> float | None:
    """The same in xAI's unit (docs.x.ai, cost tracking): ten thousand million a dollar."""
    return dollars(found / 1e10) if type(found) in (int, float) and 0 <= found <= COST_MAX_USD * 1e10 else None


def uses(found: Any) -> dict[str, int] | None:
    """How often tools were used, of an object such as `{"web_search_requests": 2}`; None: never, or it is none."""
    if not isinstance(found, dict):
        return None
    counted: dict[str, int] = {}
    for name, count in found.items():
        times = total((count,)) if isinstance(name, str) and name.isidentifier() and len(name) <= 64 else 0
        if times > 0 and len(counted) < TOOLS_MAX:
            tool = name.removesuffix("_requests").removesuffix("_calls").removesuffix("_call")
            counted[tool] = counted.get(tool, 0) + times
    return counted or None
