"""Time, not only CPU: how much longer an operation of ours lasts than by hand, and how much a fail-over adds.

A failed attempt takes its time in any client. What it takes by hand is taken off ours, round by round: what is left is
what our fail-over adds over the failed attempt itself.
"""

from collections.abc import Callable

from .case import Case, Group
from .clients import BASELINE
from .commands import Sample
from .figures import Figure, Spread
from .result import Result

CLIENT = "standby"


def added_time(groups: list[Group], result: Result) -> list[Figure]:
    """All of that, of these cases."""
    found: list[Figure] = []
    for group in groups:
        plain = next((case for case in group if case.before == "nothing"), None)
        for case in group:
            if not {BASELINE, CLIENT} <= result.samples.get(case.name, {}).keys():
                continue
            for name, pick in (("p50", _p50), ("p99", _p99)):
                mine, other = (_times(case, client, pick, result) for client in (CLIENT, BASELINE))
                found += [
                    Figure(f"{name} of {case.name}", client, "ms", Spread.of(times))
                    for client, times in ((BASELINE, other), (CLIENT, mine))
                ]
                found.append(_figure(f"{name} of {case.name}, more than by hand", _minus(mine, other)))
            if plain is not None and case is not plain:
                over = [
                    _minus(_times(case, client, _p50, result), _times(plain, client, _p50, result))
                    for client in (CLIENT, BASELINE)
                ]
                found.append(_figure(f"fail-over time c{case.concurrency} by {case.before}", over[0]))
                found.append(
                    _figure(f"fail-over time c{case.concurrency} by {case.before}, more than by hand", _minus(*over))
                )
    return found


def _times(case: Case, client: str, pick: Callable[[Sample], float], result: Result) -> list[float]:
    return [pick(sample) / 1e3 for sample in result.samples[case.name][client]]


def _minus(some: list[float], others: list[float]) -> list[float]:
    return [one - other for one, other in zip(some, others, strict=True)]


def _figure(what: str, values: list[float]) -> Figure:
    return Figure(what, CLIENT, "ms", Spread.of(values))


def _p50(sample: Sample) -> float:
    return sample.p50_us


def _p99(sample: Sample) -> float:
    return sample.p99_us
