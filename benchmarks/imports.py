"""The cost of an import: CPU time and memory in fresh processes, from byte code, in turns.

Only the first line is what a program that imports the name pays. The others say when the rest is paid: with the first
name that is used, and with the first Router that is entered. rich is hidden: structlog would load it where it happens
to be installed, and the price of that is not ours.
"""

import subprocess
import sys
import tempfile

from .figures import Figure, Spread, Unit, ratios
from .targets import IMPORTS

STATEMENTS = {
    IMPORTS: IMPORTS,
    "import standby": "import standby",
    "from standby import Router": "from standby import Router",
    "a Router, entered": (
        "import asyncio; from standby import Router, Target; "
        "router = Router([Target('openai', key='sk-bench')]); asyncio.run(router.__aenter__())"
    ),
}

_PROGRAM = """
import os, sys, time
sys.modules["rich"] = None
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before, began_s = resident(), time.process_time()
{statement}
print(time.process_time() - began_s, resident() - before)
"""


def import_figures(repeats: int) -> list[Figure]:
    """CPU time in ms and memory in MiB of each statement. The first round, which writes byte code, is left out."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    sizes: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for at in range(repeats + 1):
        for name, statement in STATEMENTS.items():
            spent_s, grown = _run(statement)
            if at:
                times[name].append(spent_s * 1e3)
                sizes[name].append(grown / 2**20)
    return [*_figures("import", "ms", times), *_figures("import memory", "MiB", sizes)]


def _figures(what: str, unit: Unit, found: dict[str, list[float]]) -> list[Figure]:
    return [
        Figure(what, name, unit, Spread.of(mine), {} if name == IMPORTS else {IMPORTS: ratios(mine, found[IMPORTS])})
        for name, mine in found.items()
    ]


def _run(statement: str) -> tuple[float, float]:
    program = _PROGRAM.format(statement=statement)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tempfile.gettempdir(), capture_output=True, text=True, check=True
    )
    spent_s, grown = done.stdout.split()
    return float(spent_s), float(grown)
