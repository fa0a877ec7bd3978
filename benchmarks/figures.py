"""Figures from samples: medians with their spread, differences, and ratios of what was measured in the same round.

The machine is never quiet. So a ratio is taken within each round, in which the two clients took turns, and the figure
is the median of those; quartiles say how far apart they lie.
"""

import statistics
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec

from .case import FEW, GATEWAYS, MANY, PEERS, VERSIONS, Case, Group
from .clients import BASELINE

Samples: TypeAlias = Mapping[tuple[str, str], list[float]]
"""By case and client: the CPU time of one operation in microseconds, a value for each round."""

Unit: TypeAlias = Literal["µs", "ms", "KiB", "MiB", "calls", "modules", "%", "x"]


class Spread(msgspec.Struct, frozen=True):
    """A median and its quartiles; of a drift, its estimate and the ends of its confidence interval."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """The spread of these values, at least one."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


class Figure(msgspec.Struct, frozen=True):
    """One thing that was found out, for one client.

    Attributes:
        what: What it is; the name by which targets know it.
        value: In `unit`.
        ratios: To other clients: the baseline, and those that targets compare with.
    """

    what: str
    client: str
    unit: Unit
    value: Spread
    ratios: dict[str, Spread] = {}


def figures(groups: Iterable[Group], samples: Samples) -> list[Figure]:
    """All figures that these samples give."""
    found: list[Figure] = []
    for group in groups:
        for case in group:
            found += _compared(case.name, _of_case(case, samples))
        found += _slopes(group, samples)
        found += _added(group, samples)
    return found


def ratios(of: list[float], to: list[float]) -> Spread:
    """The ratio, round by round."""
    return Spread.of([mine / other for mine, other in zip(of, to, strict=True)])


def _of_case(case: Case, samples: Samples) -> dict[str, list[float]]:
    per = case.script.deltas if case.name.startswith("paced") else 1
    return {
        client: [value / per for value in samples[case.name, client]]
        for client in case.clients
        if (case.name, client) in samples
    }


def _compared(what: str, values: dict[str, list[float]]) -> list[Figure]:
    """Compare each client with the baseline and the official client, and ours with the other routers, too."""
    found = []
    for client, mine in values.items():
        others = (
            BASELINE,
            "openai",
            *((*PEERS, *VERSIONS, *GATEWAYS, "standby") if client.startswith("standby") else ()),
        )
        beside = {other: ratios(mine, values[other]) for other in others if other in values and other != client}
        found.append(Figure(what, client, "µs", Spread.of(mine), beside))
    return found


def _slopes(group: Group, samples: Samples) -> list[Figure]:
    """What one more delta costs."""
    by_deltas = {case.script.deltas: case for case in group if case.operation == "stream"}
    if not {FEW, MANY} <= by_deltas.keys():
        return []
    few, many = by_deltas[FEW], by_deltas[MANY]
    slopes = {
        client: [
            (more - less) / (MANY - FEW)
            for more, less in zip(samples[many.name, client], samples[few.name, client], strict=True)
        ]
        for client in many.clients
        if (many.name, client) in samples
    }
    return _compared(many.name.replace(f"{MANY:,} deltas", "delta"), slopes)


def _added(group: Group, samples: Samples) -> list[Figure]:
    """What a first target that fails adds: in operations of the same client, and in CPU time.

    Of ours also what it adds over the failed attempt itself, which by hand costs what it adds by hand.
    """
    plain = next((case for case in group if case.before == "nothing"), None)
    found: list[Figure] = []
    for case in group:
        if plain is None or case.before == "nothing":
            continue
        name = f"c{case.concurrency} by {case.before}"
        more: dict[str, list[float]] = {}
        per: dict[str, list[float]] = {}
        for client in case.clients:
            if (case.name, client) in samples:
                pairs = list(zip(samples[case.name, client], samples[plain.name, client], strict=True))
                more[client], per[client] = [after - without for after, without in pairs], [each for _, each in pairs]
        for client, added in more.items():
            calls = Spread.of([each / one for each, one in zip(added, per[client], strict=True)])
            found.append(Figure(f"added {name}", client, "calls", calls))
            if client.startswith("standby") and BASELINE in more:
                over = zip(added, more[BASELINE], per[client], strict=True)
                spread = Spread.of([(each - attempt) / one for each, attempt, one in over])
                found.append(Figure(f"added {name}, more than by hand", client, "calls", spread))
        found += _compared(f"fail-over {name}", more)
    return found
