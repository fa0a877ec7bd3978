"""The waits of a service at its start, and the modules that a first failure would still have to load.

Both in fresh processes. A Router is made from a file of 20 targets twice in each: the first also loads what reads
files, the second shows what the file itself costs. Modules are compared before and after a first call that fails over,
following one that did not: a load at that moment delays just the calls that are in trouble.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from .figures import Figure, Spread
from .imports import import_figures
from .processes import ROOT, Processes
from .result import Result, Setting
from .wire import Script

TARGETS = 20

_FROM_YAML = """
import sys, time
from standby import Router
for _ in range(2):
    began_s = time.perf_counter()
    Router.from_yaml(sys.argv[1])
    print(time.perf_counter() - began_s)
"""

_FAIL_OVER = """
import asyncio, json, sys, time
from standby import Router, Target

async def main():
    failing, healthy = [Target("openai/m", name=url, key="sk-bench", base_url=url) for url in sys.argv[1:]]
    async with Router([failing, healthy]) as router:
        await router.complete("Why is the sky blue?", targets=[healthy])
        before, began_s = set(sys.modules), time.perf_counter()
        answer = await router.complete("Why is the sky blue?")
        lasted_s = time.perf_counter() - began_s
    assert len(answer.report.attempts) > 1, "nothing failed"
    print(json.dumps([sorted(set(sys.modules) - before), lasted_s]))

asyncio.run(main())
"""


def start(setting: Setting) -> Result:
    """Imports, the file, and the first failure."""
    setting.progress("imports")
    result = Result(import_figures(max(7, setting.repeats)))
    result.add(from_yaml(setting))
    with setting.processes() as processes:
        result.add(first_failure(processes, setting))
    return result


def settings_of(targets: int) -> str:
    """A file with so many targets, and a route over all of them."""
    lines = ["targets:"]
    for number in range(targets):
        lines += [f"  t{number}:", "    provider: openai", "    model: gpt-5-mini", f"    key: sk-bench-{number}"]
        lines += [f"    base_url: http://127.0.0.1:{9000 + number}/v1", "    first_delta_s: 5"]
    names = ", ".join(f"t{number}" for number in range(targets))
    return "\n".join([*lines, "routes:", "  default:", f"    targets: [{names}]", "    deadline_s: 30", ""])


def from_yaml(setting: Setting) -> Result:
    """What a Router of many targets costs."""
    first, again = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "standby.yaml"
        file.write_text(settings_of(TARGETS), encoding="utf-8")
        for at in range(setting.repeats):
            setting.progress(f"a Router from YAML: round {at + 1} of {setting.repeats}")
            one, other = map(float, _run(_FROM_YAML, str(file)).split())
            first.append(one * 1e3)
            again.append(other * 1e3)
    return Result(
        [
            Figure(f"Router of {TARGETS} targets from YAML", "standby", "ms", Spread.of(again)),
            Figure("Router from YAML, first in a process", "standby", "ms", Spread.of(first)),
        ]
    )


def first_failure(processes: Processes, setting: Setting) -> Result:
    """What is loaded by a first call that fails over."""
    counts, loaded = [], set()
    for before in ("500", "refused"):
        setting.progress(f"a first failure: {before}")
        modules, _ = json.loads(_run(_FAIL_OVER, *processes.urls(Script("single"), before)))
        counts.append(float(len(modules)))
        loaded |= set(modules)
    words = ", ".join(sorted(loaded)) or "nothing"
    figure = Figure("loaded by a first failure", "standby", "modules", Spread.of([max(counts)]))
    return Result([figure], notes=[f"A first failure loads: {words}."])


def _run(program: str, *args: str) -> str:
    done = subprocess.run([sys.executable, "-c", program, *args], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout
