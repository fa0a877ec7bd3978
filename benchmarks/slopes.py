"""Drift of costs with more targets in a route, with more streams at a time, and over 100,000 calls.

Each figure is a drift: by how many percent the cost rises from one end of the range to the other. A machine drifts,
too: so the baseline's drift stands beside ours, and the drift of the ratio of the two, taken within the same round.

A loop that is woken for many at once does less for each, which is the system's doing and not ours. So each read wakes
the process by itself, among 1,000 streams as with one, and calls are made 32 at a time beside the streams. How it is
with more and more callers at a time can be told of the ratio alone.
"""

import math
from collections.abc import Callable, Sequence

from .case import EVENTS_PER_WRITE, OURS
from .clients import BASELINE
from .commands import Keep, Kept, Measure, Sample
from .drift import drift
from .figures import Figure
from .processes import Processes
from .result import Result, Setting
from .wire import ANSWER, Script

TARGETS = (1, 5, 10, 20)
STREAMS = (1, 10, 100, 1000)
DELTAS = 240
"""Of each stream, so that a delta bears its share of a call: the difference of two streams would be less certain."""

CALLS, BLOCK, CALLERS = 100_000, 2000, 32

Cost = Callable[[str, int], float]
"""What an operation of a client costs at a place of the range."""


def slopes(setting: Setting) -> Result:
    """All of them."""
    result = Result()
    with setting.processes() as processes:
        for what, places, cost in (
            ("call, 1 to 20 targets", TARGETS, _call_of_route(processes)),
            ("delta, 1 to 20 targets", TARGETS, _delta_of_route(processes)),
            ("call beside 1 to 1,000 streams", STREAMS, _call_beside(processes)),
            ("delta, 1 to 1,000 streams", STREAMS, _delta_among(processes)),
            ("call, 1 to 1,000 at a time", STREAMS, _call_among(processes)),
        ):
            result.figures += _drifts(what, places, cost, setting)
        result.figures += _over_time(processes, setting)
    return result


def _drifts(what: str, places: Sequence[int], cost: Cost, setting: Setting) -> list[Figure]:
    """Targets are counted; streams go by their logarithm, since there are ten times as many from place to place."""
    at: list[float] = []
    found: dict[str, list[float]] = {client: [] for client in OURS}
    for around in range(setting.repeats):
        for place in places:
            setting.progress(f"{what}: {place:,}, round {around + 1} of {setting.repeats}")
            at.append(math.log10(place) if places is STREAMS else place)
            for client in OURS[:: 1 if around % 2 else -1]:
                found[client].append(cost(client, place))
    return _figures(what, at, found)


def _over_time(processes: Processes, setting: Setting) -> list[Figure]:
    """Calls, block after block, of clients that are never made anew."""
    what, command = f"call, 1 to {CALLS:,}", _calls(processes, CALLERS, BLOCK)
    at: list[float] = []
    found: dict[str, list[float]] = {client: [] for client in OURS}
    for block in range(CALLS // BLOCK):
        setting.progress(f"{what}: call {block * BLOCK:,}")
        at.append(block)
        for client in OURS[:: 1 if block % 2 else -1]:
            found[client].append(processes.tell(client, command, Sample).cpu_us)
    return _figures(what, at, found)


def _figures(what: str, at: list[float], found: dict[str, list[float]]) -> list[Figure]:
    share = [mine / other for mine, other in zip(found["standby"], found[BASELINE], strict=True)]
    drifts = [Figure(f"drift of a {what}", client, "%", drift(at, costs)) for client, costs in found.items()]
    return [*drifts, Figure(f"drift of a {what}, to by hand", "standby", "%", drift(at, share))]


def _call_of_route(processes: Processes) -> Cost:
    def cost(client: str, targets: int) -> float:
        return processes.tell(client, _calls(processes, CALLERS, 1600, targets), Sample).cpu_us

    return cost


def _call_among(processes: Processes) -> Cost:
    def cost(client: str, callers: int) -> float:
        return processes.tell(client, _calls(processes, callers, max(1000, 2 * callers)), Sample).cpu_us

    return cost


def _call_beside(processes: Processes) -> Cost:
    urls = processes.urls(Script("either"))

    def cost(client: str, streams: int) -> float:
        processes.tell(client, Keep(urls, streams), Kept)
        return processes.tell(client, Measure(urls, "call", len(ANSWER), CALLERS, 1600), Sample).cpu_us

    return cost


def _delta_of_route(processes: Processes) -> Cost:
    def cost(client: str, targets: int) -> float:
        return _delta(processes, client, 8, 128, targets=targets)

    return cost


def _delta_among(processes: Processes) -> Cost:
    def cost(client: str, streams: int) -> float:
        return _delta(processes, client, streams, max(320, streams), spread=streams)

    return cost


def _calls(processes: Processes, callers: int, count: int, targets: int = 1) -> Measure:
    return Measure(processes.urls(Script("single"), spares=targets - 1), "call", len(ANSWER), callers, count)


def _delta(processes: Processes, client: str, streams: int, count: int, *, targets: int = 1, spread: int = 1) -> float:
    script = Script("stream", DELTAS, EVENTS_PER_WRITE, 200 * streams, spread)
    command = Measure(processes.urls(script, spares=targets - 1), "stream", DELTAS, streams, count)
    return processes.tell(client, command, Sample).cpu_us / DELTAS
