"""The part of the benchmark that is about gateways: what they cost a call and a delta, and what a client waits for."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from ..case import GATEWAYS, Group, Operation, gateways
from ..clients import CLIENTS
from ..figures import Figure, Spread, ratios
from ..loops import cores, raise_file_limit
from ..peers import requirements, versions
from ..result import Result, Setting
from ..run import measure
from ..wire import Script
from .arms import ARMS
from .around import DIRECT, Around
from .build import PLACE, compiler
from .generator import SILENT_CALL, SILENT_STREAM, Generator
from .install import LIST
from .running import SINGLE

ROUNDS = 11
"""Of everything, unless something else is asked for."""

OURS = "standby-gateway"
TWO = "standby-gateway-2"

WATCHED = Script("stream", 20, 1, 5000)
WATCHED_STREAMS = 10
HELD = Script("hold")
HELD_STREAMS = 1000

TOGETHER, TOGETHER_COUNT = 256, 10_240
"""Calls at a time, and in all, for one worker and for two: enough connections for the system to deal out evenly."""

NEVER_MS = 3000.0


class Leave(NamedTuple):
    """A moment at which a client leaves.

    Attributes:
        words: That it left then.
        operation: What it had asked for.
        pieces: Of text, that it had.
    """

    words: str
    script: str
    operation: Operation
    pieces: int


LEAVES = (
    Leave("its client left in mid-stream", HELD.segment, "stream", 1),
    Leave("its client left before the first delta", SILENT_STREAM, "stream", 0),
    Leave("its client left a call", SILENT_CALL, "call", 0),
)


def gateway(setting: Setting) -> Result:
    """All of it; what cannot be had here is left out, and named."""
    if compiler() is None:
        return Result(
            notes=["Gateways were not measured: what stands around them is compiled by gcc, and there is none."]
        )
    groups = [group for group in gateways() if setting.wants(*(case.name for case in group))]
    result = cost(groups, setting) if groups else Result()
    result.notes.append(f"Gateways of others: {', '.join(_versions()) or 'none'}.")
    for name, part in PARTS.items():
        if setting.wants(name):
            result.add(part(setting))
    return result


def cost(groups: Sequence[Group], setting: Setting) -> Result:
    """CPU time of calls and deltas, in turns with the library's Router alone and the loop by hand."""
    scripts = [case.script for group in groups for case in group]
    with setting.processes() as processes, _generator(scripts, setting) as generator:
        core = _cores(setting)[1]
        with Around(generator, processes, _names(scripts), core) as around:
            return measure(groups, around, setting, {**CLIENTS, **ARMS})


def added(setting: Setting) -> Result:
    """What a client waits for longer than without a gateway: a stream's first text, and its end."""
    first: dict[str, list[float]] = {}
    end: dict[str, list[float]] = {}
    with _around((WATCHED,), setting) as around:
        present = [client for client in GATEWAYS if ARMS[client].installed]
        for at in range(setting.repeats):
            setting.progress(f"first byte and end of a stream: round {at + 1} of {setting.repeats}")
            found = {}
            for client in (DIRECT, *present):
                around.warm(client, 1)
                found[client] = around.generator.load(around.ask(client, WATCHED.segment, "stream"), 1, WATCHED_STREAMS)
                around.count(client, WATCHED_STREAMS)
            for client in present:
                load, bare = found[client], found[DIRECT]
                first.setdefault(client, []).append((load.added_first_us.p50 - bare.added_first_us.p50) / 1e3)
                end.setdefault(client, []).append((load.added_end_us.longest - bare.added_end_us.p50) / 1e3)
    return Result(
        [
            *(Figure("first byte added", client, "ms", Spread.of(each)) for client, each in first.items()),
            *(
                Figure("end of a stream later, the latest", client, "ms", Spread.of(each))
                for client, each in end.items()
            ),
        ]
    )


def memory(setting: Setting) -> Result:
    """By how much a gateway grows for each stream that is open, of a thousand; in processes that did nothing else."""
    result = Result()
    raise_file_limit()  # what is started has it, too
    for client in GATEWAYS:
        if not ARMS[client].installed:
            continue
        setting.progress(f"memory of {HELD_STREAMS:,} streams: {client}")
        with _around((HELD,), setting) as around:
            asked = around.ask(client, HELD.segment, "stream")
            around.warm(client, 8)
            around.generator.hold(asked, 1)
            before = around.running(client).resident
            try:
                around.generator.hold(asked, HELD_STREAMS)
            except RuntimeError as error:
                if client == OURS:
                    raise
                result.notes.append(f"{client} does not hold {HELD_STREAMS:,} streams: {error}.")
                continue
            size = (around.running(client).resident - before) / HELD_STREAMS
            around.generator.drop()
            around.count(client, 1 + HELD_STREAMS)
        result.figures.append(Figure("memory of a stream, of 1,000", client, "KiB", Spread.of([size / 1024])))
    return result


def left(setting: Setting) -> Result:
    """How soon the upstream's connection is closed after the client has gone."""
    result = Result()
    with _around((HELD,), setting, (SILENT_STREAM, SILENT_CALL)) as around:
        for leave in LEAVES:
            for client in GATEWAYS:
                if ARMS[client].installed:
                    setting.progress(f"a client leaves {leave.words}: {client}")
                    result.add(_closed(around, client, leave, setting.repeats))
    return result


def _closed(around: Around, client: str, leave: Leave, times: int) -> Result:
    """One of its moments. What does not close the upstream is waited for once."""
    result, found = Result(), list[float]()
    for _ in range(times):
        soon_us = around.generator.leave(around.ask(client, leave.script, leave.operation), leave.pieces).closed_us
        around.count(client, 1)
        found.append(NEVER_MS if soon_us < 0 else soon_us / 1e3)
        if soon_us < 0:
            result.notes.append(f"{client} had not closed the upstream {NEVER_MS / 1e3:g} s after {leave.words}.")
            break
    result.figures.append(Figure(f"upstream closed after {leave.words}", client, "ms", Spread.of(found)))
    return result


def together(setting: Setting) -> Result:
    """The time of a call with one worker and with two, on all cores, with the load and the upstream beside them."""
    if not ARMS[TWO].installed:
        return Result()
    found: dict[str, list[float]] = {OURS: [], TWO: []}
    with _around((), msgspec.structs.replace(setting, pinned=False)) as around:
        for at in range(setting.repeats):
            setting.progress(f"one worker and two: round {at + 1} of {setting.repeats}")
            for client, each in found.items():
                around.warm(client, TOGETHER)
                load = around.generator.load(around.ask(client, SINGLE, "call"), TOGETHER, TOGETHER_COUNT)
                around.count(client, TOGETHER_COUNT)
                each.append(load.wall_us / load.count)
    beside = {TWO: {OURS: ratios(found[TWO], found[OURS])}}
    what = f"time of a call, {TOGETHER} at a time on all cores"
    return Result(
        [Figure(what, client, "µs", Spread.of(each), beside.get(client, {})) for client, each in found.items()]
    )


PARTS = {"added": added, "memory": memory, "left": left, "together": together}
"""What is measured besides cases, by the name that `--only` knows."""


def _cores(setting: Setting) -> tuple[int | None, int | None]:
    """That of the generator, and that of the gateways."""
    available = cores() if setting.pinned else []
    return (available[0], available[1]) if len(available) > 1 else (None, None)


def _versions() -> Iterator[str]:
    """What is measured beside ours."""
    if (nginx := ARMS["nginx"].program()) is not None:
        said = subprocess.run([nginx, "-v"], capture_output=True, text=True).stderr
        yield said.partition(": ")[2].strip().replace("/", " ").partition("version ")[2] or "nginx"
    for package in requirements(LIST):
        for name, number in versions(package, PLACE).items():
            yield f"{name} {number}"


def _generator(scripts: Sequence[Script], setting: Setting) -> Generator:
    wanted = {script.segment: script for script in (Script("single"), *scripts)}
    return Generator(wanted.values(), _cores(setting)[0])


@contextmanager
def _around(scripts: Sequence[Script], setting: Setting, silent: Sequence[str] = ()) -> Iterator[Around]:
    core = _cores(setting)[1]
    with _generator(scripts, setting) as generator, Around(generator, None, [*_names(scripts), *silent], core) as made:
        yield made


def _names(scripts: Sequence[Script]) -> list[str]:
    return list(dict.fromkeys(script.segment for script in scripts))
