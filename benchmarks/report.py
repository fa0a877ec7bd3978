"""The report of a run, kept and printed: its arguments, the machine, the figures, and the targets beside them."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

import msgspec

from .clients import CLIENTS
from .loops import cores
from .peers import versions
from .result import Result, Setting
from .table import FIGURE_HEAD, VERDICT_HEAD, figure_rows, show_table, verdict_rows
from .targets import Verdict, verdicts

PACKAGES = ("aiohttp", "msgspec", "uvloop", "openai")


class Machine(msgspec.Struct, frozen=True):
    """Where it ran, as far as that matters for figures."""

    python: str
    system: str
    processor: str
    cores: int
    pinned: bool
    loop: str
    packages: dict[str, str]

    def __str__(self) -> str:
        apart = ", upstream and clients on one each" if self.pinned else ""
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return f"{self.python}, {self.system}, {self.processor}, {self.cores} cores{apart}, {self.loop}; {packages}"


class Report(msgspec.Struct):
    """A run.

    Attributes:
        command: The flags that named what was measured.
        date: When, as year, month and day.
    """

    command: str
    date: str
    machine: Machine
    result: Result

    @property
    def verdicts(self) -> list[Verdict]:
        """The targets that it says something about."""
        return verdicts(self.result.figures)

    @property
    def remarks(self) -> list[str]:
        """What a reader has to know beside the figures."""
        said = list(self.result.notes)
        if self.result.waited > 0.05:
            said.append(
                f"Others used the clients' core: for up to {self.result.waited:.0%} of a block a client waited for it."
            )
        if self.result.absent:
            names = ", ".join(self.result.absent)
            said.append(f"Not installed, and so not measured: {names} (see benchmarks/peers.txt and gateways.txt).")
        return said


def machine(setting: Setting, clients: Iterable[str]) -> Machine:
    """This one, with the versions of what these clients are made of."""
    packages = {name: found for name in PACKAGES if (found := _version(name))}
    for peer in sorted({CLIENTS[client].peer for client in clients} - {""}):
        packages |= versions(peer)
    return Machine(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        pinned=setting.pinned and len(cores()) > 1,
        loop=setting.loop,
        packages=packages,
    )


def show(report: Report) -> None:
    """Print it for people."""
    print(report.machine)
    for remark in report.remarks:
        print(remark)
    show_table("What it costs", FIGURE_HEAD, figure_rows(report.result.figures, report.result.reads))
    show_table("What it is held against", VERDICT_HEAD, verdict_rows(report.verdicts))


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    except FileNotFoundError:
        return platform.processor()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
