"""What requests come to, in plain numbers: counters, and how durations are spread. Pure; a scrape reads them.

A request is counted where it is answered, in the event loop. So these are dictionaries and lists, without locks.
"""

from bisect import bisect_left
from typing import TypeAlias

import msgspec

Labels: TypeAlias = tuple[str, ...]
"""Values of labels, in the order of their names."""


class Counter:
    """Counts, by labels.

    Attributes:
        name, about, labels: As a scrape says them.
    """

    __slots__ = ("about", "labels", "name", "values")

    def __init__(self, name: str, about: str, *labels: str) -> None:
        self.name, self.about, self.labels = name, about, labels
        self.values: dict[Labels, float] = {}

    def add(self, labels: Labels, amount: float = 1.0) -> None:
        """Count so many more."""
        self.values[labels] = self.values.get(labels, 0.0) + amount


class Spread:
    """How many durations lie below each bound.

    Attributes:
        counts: Of each bound those above the one before; last those above all.
        total_s: The sum of them.
    """

    __slots__ = ("_bounds", "counts", "total_s")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total_s = 0.0

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts)

    def add(self, other: "Spread") -> None:
        """Take in another with the same bounds."""
        self.counts = [mine + more for mine, more in zip(self.counts, other.counts, strict=True)]
        self.total_s += other.total_s

    def observe(self, seconds: float) -> None:
        """Note a duration."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total_s += seconds


class Requests:
    """What requests of one kind come to.

    Attributes:
        count: In all.
        total, first, overhead: How long they took, until their first byte, and how much of that was the gateway's own.
    """

    __slots__ = ("count", "first", "overhead", "total")

    def __init__(self, seconds: tuple[float, ...], overhead_seconds: tuple[float, ...]) -> None:
        self.count = 0
        self.total, self.first, self.overhead = Spread(seconds), Spread(seconds), Spread(overhead_seconds)


class Attempts:
    """What attempts of one kind come to."""

    __slots__ = ("cost_usd", "count", "input_tokens", "output_tokens")

    def __init__(self) -> None:
        self.count = self.input_tokens = self.output_tokens = 0
        self.cost_usd = 0.0


class Tallies:
    """All that one process has counted, and what stands in it.

    Args:
        seconds, overhead_seconds, lag_seconds: The bounds of spreads.

    Attributes:
        requests: By protocol, route, status and outcome.
        attempts: By route, target, outcome, kind and why.
        handovers: From where, to where, and when in the answer.
        rejected: By reason.
        lag: How late the event loop was.
        in_flight: Requests without an end so far.
        states: How many times each target is in each state.
    """

    __slots__ = ("_bounds", "attempts", "handovers", "in_flight", "lag", "rejected", "requests", "states")

    def __init__(
        self, seconds: tuple[float, ...], overhead_seconds: tuple[float, ...], lag_seconds: tuple[float, ...]
    ) -> None:
        self._bounds = seconds, overhead_seconds
        self.requests: dict[tuple[str, str, int, str], Requests] = {}
        self.attempts: dict[tuple[str, str, str, str, str], Attempts] = {}
        self.handovers = Counter("handovers", "Calls that went on at another target", "from", "to", "when")
        self.rejected = Counter("rejected", "Requests refused by the gateway itself", "reason")
        self.lag = Spread(lag_seconds)
        self.in_flight = 0
        self.states: dict[tuple[str, str], int] = {}

    def of_requests(self, kind: tuple[str, str, int, str]) -> Requests:
        """The tally of a kind of requests."""
        found = self.requests.get(kind)
        if found is None:
            found = self.requests[kind] = Requests(*self._bounds)
        return found

    def of_attempts(self, kind: tuple[str, str, str, str, str]) -> Attempts:
        """The tally of a kind of attempts."""
        found = self.attempts.get(kind)
        if found is None:
            found = self.attempts[kind] = Attempts()
        return found

    def to_bytes(self) -> bytes:
        """All of it, for another process."""
        return msgspec.json.encode(
            _Written(
                [
                    (*kind, each.count, _numbers(each.total), _numbers(each.first), _numbers(each.overhead))
                    for kind, each in self.requests.items()
                ],
                [
                    (*kind, each.count, each.input_tokens, each.output_tokens, each.cost_usd)
                    for kind, each in self.attempts.items()
                ],
                list(self.handovers.values.items()),
                list(self.rejected.values.items()),
                _numbers(self.lag),
                self.in_flight,
                [(*key, count) for key, count in self.states.items()],
            )
        )

    def take_in(self, data: bytes, *, standing: bool = True) -> None:
        """Add what another process, or an earlier life of this one, has counted.

        Args:
            standing: It lives: what stands in it is added, too.

        Raises:
            msgspec.DecodeError: It is no tally.
        """
        read = msgspec.json.decode(data, type=_Written)
        for ingress, route, status, outcome, count, *spreads in read.requests:
            of_kind = self.of_requests((ingress, route, status, outcome))
            of_kind.count += count
            for mine, more in zip((of_kind.total, of_kind.first, of_kind.overhead), spreads, strict=True):
                _take_in(mine, more)
        for *kind, count, input_tokens, output_tokens, cost_usd in read.attempts:
            route, target, outcome, error, why = kind
            tried = self.of_attempts((route, target, outcome, error, why))
            tried.count += count
            tried.input_tokens += input_tokens
            tried.output_tokens += output_tokens
            tried.cost_usd += cost_usd
        for counter, counted in ((self.handovers, read.handovers), (self.rejected, read.rejected)):
            for labels, amount in counted:
                counter.add(labels, amount)
        _take_in(self.lag, read.lag)
        if standing:
            self.in_flight += read.in_flight
            for target, state, count in read.states:
                self.states[target, state] = self.states.get((target, state), 0) + count


def states_of(data: bytes) -> list[tuple[str, str]]:
    """The state of each target in what another process has written.

    Raises:
        msgspec.DecodeError: It is no tally.
    """
    return [(target, state) for target, state, count in msgspec.json.decode(data, type=_Written).states if count]


Numbers: TypeAlias = tuple[list[int], float]


class _Written(msgspec.Struct, array_like=True):
    requests: list[tuple[str, str, int, str, int, Numbers, Numbers, Numbers]]
    attempts: list[tuple[str, str, str, str, str, int, int, int, float]]
    handovers: list[tuple[Labels, float]]
    rejected: list[tuple[Labels, float]]
    lag: Numbers
    in_flight: int
    states: list[tuple[str, str, int]]


def _numbers(spread: Spread) -> Numbers:
    return spread.counts, spread.total_s


def _take_in(spread: Spread, more: Numbers) -> None:
    counts, total_s = more
    spread.counts = [mine + theirs for mine, theirs in zip(spread.counts, counts, strict=True)]
    spread.total_s += total_s
