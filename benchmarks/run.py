"""One run of cases: round by round, the clients in turns."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from .case import Before, Case, Group
from .clients import CLIENTS, ClientInfo
from .commands import CountReads, Measure, Reads, Sample
from .figures import figures
from .result import Result, Setting
from .wire import Script

Samples = dict[str, dict[str, list[Sample]]]
Infos = Mapping[str, ClientInfo]
T = TypeVar("T")


class Measured(Protocol):
    """Processes that obey: an upstream, and the clients."""

    def urls(self, script: Script, before: Before = "nothing") -> tuple[str, ...]:
        """The base URLs at which this script is answered, after what comes before it."""
        ...

    def tell(self, client: str, command: Measure | CountReads, answer: type[T]) -> T:
        """Have a client obey a command."""
        ...


def measure(groups: Sequence[Group], processes: Measured, setting: Setting, infos: Infos = CLIENTS) -> Result:
    """Measure these cases.

    Args:
        infos: What is known of the clients.
    """
    asked_for = {client for group in groups for case in group for client in case.clients}
    absent = sorted(client for client in asked_for if not infos[client].installed)
    groups = [tuple(_present(case, infos) for case in group) for group in groups]
    result = Result(absent=absent)
    for group in groups:
        samples: Samples = {case.name: {client: [] for client in case.clients} for case in group}
        for at in range(setting.repeats):
            for case in group:
                setting.progress(f"{case.name}: round {at + 1} of {setting.repeats}")
                for client in case.clients:
                    sample = processes.tell(client, _command(case, client, processes, infos), Sample)
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


def _present(case: Case, infos: Infos) -> Case:
    clients = tuple(
        name for name in case.clients if infos[name].installed and (case.before == "nothing" or infos[name].fails_over)
    )
    return msgspec.structs.replace(case, clients=clients)


def _command(case: Case, client: str, processes: Measured, infos: Infos) -> Measure:
    urls = processes.urls(case.script, case.before)
    count = case.count_of(infos[client].share)
    return Measure(urls, case.operation, case.expected, case.concurrency, count)


def _reads(case: Case, client: str, processes: Measured) -> float:
    urls = processes.urls(case.script, case.before)
    command = CountReads(urls, case.operation, case.expected, case.concurrency, case.concurrency)
    return processes.tell(client, command, Reads).per_operation
