"""Blocking of the event loop in the heaviest case: 256 streams with all events at once."""

from .case import EVENTS_PER_WRITE, MANY, OURS
from .clients import BASELINE
from .commands import Delays, Watch, Watched
from .figures import Figure, Spread, ratios
from .result import Result, Setting
from .wire import Script

STREAMS = 256
GAP_US = 200 * STREAMS
"""As in the cases: all streams have something to read at the same moment, and then there is time to read it."""


def lag(setting: Setting) -> Result:
    """How late timers are, and how long callbacks run (on asyncio's own loop, the only one that can tell)."""
    result = Result()
    watched: tuple[tuple[Watched, str, str], ...] = (
        ("lag", "timer late", setting.loop),
        ("steps", "step of the loop", "asyncio"),
    )
    for what, words, loop in watched:
        found: dict[str, list[Delays]] = {client: [] for client in OURS}
        with setting.processes(loop) as processes:
            urls = processes.urls(Script("stream", MANY, EVENTS_PER_WRITE, GAP_US))
            for at in range(setting.repeats):
                for client in OURS:
                    setting.progress(f"{words}: {client}, round {at + 1} of {setting.repeats}")
                    command = Watch(urls, "stream", MANY, STREAMS, STREAMS, what=what)
                    found[client].append(processes.tell(client, command, Delays))
        for name, pick in (("p99", _p99), ("p99.9", _p999), ("max", _longest)):
            by_client = {client: [pick(each) for each in rounds] for client, rounds in found.items()}
            result.figures += _figures(f"{words} c{STREAMS}, {name}", by_client)
        seen = min(each.count for rounds in found.values() for each in rounds)
        result.notes.append(f"{words}: at least {seen:,} were seen in each round, on {loop}.")
    return result


def _figures(what: str, found: dict[str, list[float]]) -> list[Figure]:
    return [
        Figure(
            what,
            client,
            "ms",
            Spread.of(mine),
            {} if client == BASELINE or 0 in found[BASELINE] else {BASELINE: ratios(mine, found[BASELINE])},
        )
        for client, mine in found.items()
    ]


def _p99(delays: Delays) -> float:
    return delays.p99_ms


def _p999(delays: Delays) -> float:
    return delays.p999_ms


def _longest(delays: Delays) -> float:
    return delays.longest_ms
