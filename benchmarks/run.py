"""One run of cases: round by round, the clients in turns."""

from collections.abc import Sequence

import msgspec

from .case import Case, Group
from .clients import CLIENTS
from .commands import CountReads, Measure, Reads, Sample
from .figures import figures
from .processes import Processes
from .result import Result, Setting

Samples = dict[str, dict[str, list[Sample]]]


def measure(groups: Sequence[Group], processes: Processes, setting: Setting) -> Result:
    """Measure these cases."""
    asked_for = {client for group in groups for case in group for client in case.clients}
    absent = sorted(client for client in asked_for if not CLIENTS[client].installed)
    groups = [tuple(_present(case) for case in group) for group in groups]
    result = Result(absent=absent)
    for group in groups:
        samples: Samples = {case.name: {client: [] for client in case.clients} for case in group}
        for at in range(setting.repeats):
            for case in group:
                setting.progress(f"{case.name}: round {at + 1} of {setting.repeats}")
                for client in case.clients:
                    sample = processes.tell(client, _command(case, client, processes), Sample)
                    samples[case.name][client].append(sample)
        reads = {
            case.name: {client: _reads(case, client, processes) for client in case.clients}
            for case in group
            if case.operation == "stream"
        }
        cpu_us = {
            (name, client): [sample.cpu_us for sample in rounds]
            for name, found in samples.items()
            for client, rounds in found.items()
        }
        result.add(Result(figures([group], cpu_us), samples, reads))
    return result


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
    command = CountReads(urls, case.operation, case.expected, case.concurrency, case.concurrency)
    return processes.tell(client, command, Reads).per_operation
