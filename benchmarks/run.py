"""One run: every case of a suite, round by round, the clients in turns; and streams that are held open."""

from collections.abc import Callable, Sequence

import msgspec

from .case import Case, Group
from .clients import BASELINE, CLIENTS
from .figures import Figure, Spread, figures
from .loops import raise_file_limit
from .processes import Processes
from .wire import Script
from .worker import CountReads, Held, Hold, Measure, Reads, Sample

FILES_BESIDE_STREAMS = 200
"""Open files that a process needs for itself."""


class Result(msgspec.Struct):
    """What a run found.

    Attributes:
        reads: Per operation, by case and client: whoever needs fewer found more in each.
        p50_us: The median duration of an operation, by case and client.
        waited: The largest share of a block in which a client was ready to run, and others had its core.
        absent: Clients that could not be measured, because they are not installed.
    """

    figures: list[Figure]
    reads: dict[str, dict[str, float]]
    p50_us: dict[str, dict[str, float]]
    waited: float
    absent: list[str]


def measure(groups: Sequence[Group], processes: Processes, repeats: int, progress: Callable[[str], None]) -> Result:
    """Measure these cases.

    Args:
        repeats: How many rounds.
        progress: Is told what is being measured.
    """
    asked_for = {client for group in groups for case in group for client in case.clients}
    absent = sorted(client for client in asked_for if not CLIENTS[client].installed)
    groups = [tuple(_present(case) for case in group) for group in groups]
    samples: dict[tuple[str, str], list[float]] = {}
    durations: dict[tuple[str, str], list[float]] = {}
    reads: dict[str, dict[str, float]] = {}
    waited = 0.0
    for group in groups:
        for at in range(repeats):
            for case in group:
                progress(f"{case.name}, round {at + 1} of {repeats}")
                for client in case.clients:
                    sample = processes.tell(client, _command(case, client, processes), Sample)
                    samples.setdefault((case.name, client), []).append(sample.cpu_us)
                    durations.setdefault((case.name, client), []).append(sample.p50_us)
                    waited = max(waited, sample.waited)
        for case in group:
            if case.operation == "stream":
                reads[case.name] = {client: _reads(case, client, processes) for client in case.clients}
    p50_us: dict[str, dict[str, float]] = {}
    for (name, client), found in durations.items():
        p50_us.setdefault(name, {})[client] = Spread.of(found).median
    return Result(figures(groups, samples), reads, p50_us, waited, absent)


def hold(processes: Processes, streams: int, progress: Callable[[str], None]) -> list[Figure]:
    """What an open stream that says nothing costs in memory, and how much of it is ours.

    Args:
        streams: How many; the system's limit on open files may allow fewer.
    """
    streams = min(streams, raise_file_limit() - FILES_BESIDE_STREAMS)
    found: dict[str, float] = {}
    for client in (name for name, info in CLIENTS.items() if info.holds):
        progress(f"{streams:,} idle streams, {client}")
        held = processes.tell(client, Hold(processes.urls(Script("hold")), streams), Held)
        found[client] = held.bytes_per_stream / 1024
    more = {client: size - found[BASELINE] for client, size in found.items() if client != BASELINE}
    return [
        Figure(what, client, "KiB", Spread.of([size]))
        for what, sizes in ((f"idle stream, of {streams:,}", found), ("idle stream, more than by hand", more))
        for client, size in sizes.items()
    ]


def _present(case: Case) -> Case:
    clients = tuple(
        name
        for name in case.clients
        if CLIENTS[name].installed and (case.before == "nothing" or CLIENTS[name].fails_over)
    )
    return msgspec.structs.replace(case, clients=clients)


def _command(case: Case, client: str, processes: Processes) -> Measure:
    urls = processes.urls(case.script, case.before)
    count = case.count_of(CLIENTS[client].share)
    return Measure(urls, case.operation, case.expected, case.concurrency, count)


def _reads(case: Case, client: str, processes: Processes) -> float:
    urls = processes.urls(case.script, case.before)
    return processes.tell(
        client, CountReads(urls, case.operation, case.expected, case.concurrency), Reads
    ).per_operation
