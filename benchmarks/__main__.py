"""`python -m benchmarks`, or `make bench ARGS=...`: measure the cost of standby, and print it beside the targets."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from . import case
from .case import Group
from .clients import CLIENTS
from .gateway.part import ROUNDS, gateway
from .growth import growth
from .imports import import_figures
from .lag import lag
from .latency import added_time
from .loops import LOOPS
from .memory import memory
from .report import Report, machine, show
from .result import Result, Setting
from .run import measure
from .slopes import slopes
from .start import start

SUITES = {
    "quick": (
        case.quick,
        "what the targets are about, about a minute (done with --growth when nothing is asked for)",
    ),
    "full": (case.full, "every case, without the routers of others: a quarter of an hour"),
    "peers": (case.peers, "beside the routers of others, as far as benchmarks/peers.txt is installed: ten minutes"),
    "engine": (case.engine, "with everything switched on, and beside an earlier release: a minute"),
    "latency": (case.latency, "durations p50 and p99, and the time that a fail-over adds: a minute"),
}
"""Cases, measured in turns."""

PARTS: dict[str, tuple[Callable[[Setting], Result], str]] = {
    "start": (start, "imports, a Router from YAML, what a first failure loads: half a minute"),
    "memory": (memory, "idle streams with and without TLS, stalled consumers, peak with 256 callers: three minutes"),
    "slopes": (
        slopes,
        "whether costs stay flat with more targets, more streams, and after 100,000 calls: six minutes",
    ),
    "growth": (growth, "the hardest input for every decoder: CPU time, longest step, growth: half a minute"),
    "gateway": (gateway, "our gateway beside nginx, TensorZero's and LiteLLM's: a quarter of an hour"),
    "lag": (lag, "how long the event loop is kept from others in the heaviest case: a minute"),
}
"""What is not about cases of ours alone."""

REPEATS = 5
MORE_REPEATS = {"gateway": ROUNDS}


def main(args: list[str] | None = None) -> int:
    """Measure; the exit code is 0 whatever was found: a noisy machine breaks no build."""
    wanted = _parser().parse_args(args)
    names = wanted.parts or ["quick", "growth"]
    groups = {name: _groups(name, wanted) for name in names if name in SUITES}
    if wanted.list:
        print("\n".join(each.name for found in groups.values() for group in found for each in group))
        return 0
    setting = Setting(
        wanted.loop, wanted.pin, wanted.repeats or REPEATS, wanted.hold, _progress, tuple(wanted.only or ())
    )
    result = Result()
    for name in names:
        if name in SUITES:
            result.add(_cases(name, groups[name], setting, wanted))
            continue
        more = setting if wanted.repeats else msgspec.structs.replace(setting, repeats=MORE_REPEATS.get(name, REPEATS))
        result.add(PARTS[name][0](more))
    _progress("")
    clients = {client for found in groups.values() for group in found for each in group for client in each.clients}
    report = Report(
        " ".join(f"--{name}" for name in names), time.strftime("%Y-%m-%d"), machine(setting, clients), result
    )
    show(report)
    if wanted.json:
        _write_json(wanted.json, report)
    return 0


def _cases(name: str, groups: list[Group], setting: Setting, wanted: argparse.Namespace) -> Result:
    with setting.processes() as processes:
        result = measure(groups, processes, setting)
    if name == "latency":
        result.figures += added_time(groups, result)
    if name == "quick" and not wanted.only:
        setting.progress("imports")
        result.figures += import_figures(max(7, setting.repeats))
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parts = parser.add_argument_group("what to measure (several may be named)")
    for name, (_, words) in {**SUITES, **PARTS}.items():
        parts.add_argument(f"--{name}", dest="parts", action="append_const", const=name, help=words)
    parser.add_argument("--only", action="append", metavar="TEXT", help="cases whose name holds this text; repeatable")
    parser.add_argument("--clients", metavar="A,B", help=f"cases only with these of: {', '.join(CLIENTS)}")
    parser.add_argument("--repeats", type=int, help=f"rounds of each case ({REPEATS}; of --gateway {ROUNDS})")
    parser.add_argument("--loop", choices=LOOPS, default=LOOPS[0], help="event loop on both sides (%(default)s)")
    parser.add_argument("--hold", type=int, metavar="N", default=10_000, help="idle streams of --memory (%(default)s)")
    parser.add_argument("--no-pin", dest="pin", action="store_false", help="leave processes to the system's scheduler")
    parser.add_argument("--json", metavar="FILE", help="also write everything as JSON; - is standard output")
    parser.add_argument("--list", action="store_true", help="name the cases and measure nothing")
    return parser


def _groups(name: str, wanted: argparse.Namespace) -> list[Group]:
    """The suite, cut down to what was asked for. A group stays whole: its figures are made of all its cases."""
    groups = SUITES[name][0]()
    if wanted.only:
        groups = [group for group in groups if any(text in each.name for text in wanted.only for each in group)]
    if wanted.clients:
        chosen = wanted.clients.split(",")
        if unknown := set(chosen) - CLIENTS.keys():
            sys.exit(f"there is no client {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}")
        groups = [
            tuple(msgspec.structs.replace(c, clients=tuple(n for n in c.clients if n in chosen)) for c in group)
            for group in groups
        ]
    return groups


def _write_json(path: str, report: Report) -> None:
    text = msgspec.json.format(msgspec.json.encode(report), indent=1)
    if path == "-":
        print(text.decode())
    else:
        Path(path).write_bytes(text + b"\n")


_told = {""}


def _progress(words: str) -> None:
    """On a terminal one line that changes; elsewhere a line for each new thing, without its rounds."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)
    elif (what := words.partition(": ")[0]) not in _told:
        _told.add(what)
        print(f"measuring {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
