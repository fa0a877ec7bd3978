"""`python -m benchmarks`, or `make bench ARGS=...`: measure what understudy costs, and print it beside the targets."""

import argparse
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from . import case
from .case import Group
from .clients import CLIENTS
from .figures import Figure
from .imports import import_figures
from .loops import LOOPS
from .processes import Processes
from .run import Result, hold, measure
from .table import FIGURE_HEAD, VERDICT_HEAD, figure_rows, show, verdict_rows
from .targets import verdicts

SUITES = {"quick": case.quick, "full": case.full, "peers": case.peers}


def main(args: list[str] | None = None) -> int:
    """Measure; the exit code is 0 whatever was found: a noisy machine breaks no build."""
    wanted = _parser().parse_args(args)
    groups = _groups(wanted)
    if wanted.list:
        print("\n".join(each.name for group in groups for each in group))
        return 0
    with Processes(wanted.loop, pinned=wanted.pin) as processes:
        result = measure(groups, processes, wanted.repeats, _progress)
        if wanted.hold:
            result.figures += hold(processes, wanted.hold, _progress)
        pinned = processes.pinned
    if not wanted.only:
        _progress("imports")
        result.figures += import_figures(max(7, wanted.repeats))
    _progress("")
    machine = _machine(wanted.loop, pinned=pinned)
    _show(result, machine)
    if wanted.json:
        _write_json(wanted.json, result, machine)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    suites = parser.add_mutually_exclusive_group()
    for name, words in (
        ("quick", "what the targets are about, about a minute (the default)"),
        ("full", "everything, a quarter of an hour"),
        ("peers", "beside other routers, as far as benchmarks/peers.txt is installed"),
    ):
        suites.add_argument(f"--{name}", dest="suite", action="store_const", const=name, help=words)
    parser.set_defaults(suite="quick")
    parser.add_argument("--only", action="append", metavar="TEXT", help="cases whose name holds this text; repeatable")
    parser.add_argument("--clients", metavar="A,B", help=f"only these of: {', '.join(CLIENTS)}")
    parser.add_argument("--repeats", type=int, default=5, help="rounds of each case (%(default)s)")
    parser.add_argument("--loop", choices=LOOPS, default=LOOPS[0], help="event loop on both sides (%(default)s)")
    parser.add_argument("--hold", type=int, metavar="N", help="also measure the memory of N idle streams")
    parser.add_argument("--no-pin", dest="pin", action="store_false", help="leave processes to the system's scheduler")
    parser.add_argument("--json", metavar="FILE", help="also write everything as JSON; - is standard output")
    parser.add_argument("--list", action="store_true", help="name the cases and measure nothing")
    return parser


def _groups(wanted: argparse.Namespace) -> list[Group]:
    """The suite, cut down to what was asked for. A group stays whole: its figures are made of all its cases."""
    groups = SUITES[wanted.suite]()
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


def _machine(loop: str, *, pinned: bool) -> dict[str, Any]:
    packages = ("aiohttp", "msgspec", "uvloop", "openai")
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "pinned": pinned,
        "loop": loop,
        "packages": {name: found for name in packages if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except ModuleNotFoundError:
        return None


def _show(result: Result, machine: dict[str, Any]) -> None:
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    print(
        f"{machine['python']}, {machine['system']}, {machine['cores']} cores"
        f"{', upstream and clients on one each' if machine['pinned'] else ''}, {machine['loop']}; {packages}"
    )
    if result.waited > 0.05:
        print(f"Others used the clients' core: for up to {result.waited:.0%} of a block a client waited for it.")
    if result.absent:
        print(f"Not installed, and so not measured: {', '.join(result.absent)} (see benchmarks/peers.txt).")
    show("What it costs", FIGURE_HEAD, figure_rows(result.figures, result.reads))
    show("What it is held against", VERDICT_HEAD, verdict_rows(verdicts(result.figures)))


def _write_json(path: str, result: Result, machine: dict[str, Any]) -> None:
    figures: list[Figure] = result.figures
    whole = {"machine": machine, **msgspec.to_builtins(result), "targets": msgspec.to_builtins(verdicts(figures))}
    text = msgspec.json.format(msgspec.json.encode(whole), indent=2)
    if path == "-":
        print(text.decode())
    else:
        Path(path).write_bytes(text + b"\n")


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
