"""Memory: of streams that are open and say nothing, of consumers that stop reading, and at its peak with many calls.

Each figure comes from processes that have done nothing else, for memory that was used once and is free again would be
used first. Only user space is counted: the buffers of the kernel are the same for all clients.
"""

from importlib.util import find_spec

from .case import EVENTS_PER_WRITE, MANY, OURS
from .clients import BASELINE
from .commands import Held, Hold, Measure, Peak, Sample, Size
from .figures import Figure, Spread, ratios
from .loops import raise_file_limit
from .result import Result, Setting
from .wire import ANSWER, Script

FILES_BESIDE_STREAMS = 200
"""Open files that a process needs for itself."""

STALLED = 1000
SETTLE_S = 4.0
"""Until an upstream that floods finds everything full, and from the first look at memory to the second."""

CALLERS = 256
OF_EXTRAS = ("genai_prices", "rich")
"""What a Router, or a library that it uses, loads where it is installed, and does without where it is not."""


def memory(setting: Setting) -> Result:
    """All three."""
    result = idle(setting)
    result.add(stalled(setting))
    result.add(peak(setting))
    return result


def idle(setting: Setting) -> Result:
    """What an open stream that says nothing costs, and how much of that is ours; without TLS and with it."""
    streams = min(setting.streams, raise_file_limit() - FILES_BESIDE_STREAMS)
    result = Result()
    if streams < setting.streams:
        result.notes.append(f"The limit on open files allows {streams:,} idle streams, not {setting.streams:,}.")
    for words, tls in (("idle stream", False), ("idle stream, TLS", True)):
        if tls and not find_spec("trustme"):
            result.notes.append("trustme is not installed, and so TLS was not measured.")
            continue
        found: dict[str, float] = {}
        for client in OURS:
            setting.progress(f"{words}: {streams:,} of {client}")
            with setting.processes(tls=tls) as processes:
                held = processes.tell(client, Hold(processes.urls(Script("hold")), streams), Held)
            found[client] = held.bytes_per_stream / 1024
        result.figures += [
            Figure(f"{words}, of {streams:,}", client, "KiB", _one(size)) for client, size in found.items()
        ]
        more = found["standby"] - found[BASELINE]
        result.figures.append(Figure(f"{words}, more than by hand", "standby", "KiB", _one(more)))
    return result


def stalled(setting: Setting) -> Result:
    """Cost of a stream while its consumer has stopped and its upstream sends all that it can; and its growth."""
    result = Result()
    for client in OURS:
        setting.progress(f"stalled stream: {STALLED:,} of {client}")
        with setting.processes() as processes:
            held = processes.tell(client, Hold(processes.urls(Script("flood")), STALLED, SETTLE_S), Held)
        result.figures += [
            Figure(f"stalled stream, of {STALLED:,}", client, "KiB", _one(held.bytes_per_stream / 1024)),
            Figure(f"stalled stream, {SETTLE_S:g} s later", client, "KiB", _one(held.more_bytes_per_stream / 1024)),
        ]
    return result


def peak(setting: Setting) -> Result:
    """The most memory that a process ever had, with many callers at a time: of calls, and of streams.

    Once as `pip install standby` has it, and once with what all extras bring: prices, and what prints in colours.
    """
    single, stream = Script("single"), Script("stream", MANY, EVENTS_PER_WRITE, 200 * CALLERS)
    result = Result()
    for words, without in (("", OF_EXTRAS), (", with all extras", ())):
        sizes: dict[str, list[float]] = {client: [] for client in OURS}
        for at in range(3):
            for client in OURS:
                setting.progress(f"peak memory{words}: c{CALLERS}, {client}, round {at + 1} of 3")
                with setting.processes(without=without) as processes:
                    calls = Measure(processes.urls(single), "call", len(ANSWER), CALLERS, 10 * CALLERS)
                    streams = Measure(processes.urls(stream), "stream", MANY, CALLERS, CALLERS)
                    for command in (calls, streams):
                        processes.tell(client, command, Sample)
                    sizes[client].append(processes.tell(client, Peak(), Size).bytes / 2**20)
        result.figures += [
            Figure(
                f"peak memory c{CALLERS}{words}",
                client,
                "MiB",
                Spread.of(mine),
                {} if client == BASELINE else {BASELINE: ratios(mine, sizes[BASELINE])},
            )
            for client, mine in sizes.items()
        ]
    return result


def _one(value: float) -> Spread:
    return Spread.of([value])
