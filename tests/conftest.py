"""What holds for every test: no secret and no text of a call shows in a log, and nothing is left running or open."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog

from canaries import CANARIES, canaries_in

ROUNDS_TO_CLOSE = 5
"""Sockets close on the loop's next rounds, those of TLS a few rounds later."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "shows_canaries: the test shows canaries on purpose; its output is not searched")
    config.addinivalue_line("markers", "leaves_behind: the test leaves tasks or files open on purpose")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Hide what stays for the whole run, modules and all tests, from the garbage collector.

    Nearly a million objects are never garbage, and each full collection would visit them for a third of a second: those
    that tests ask for, and those that come by themselves.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()  # or garbage would stay, too
        gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def hidden_from_the_collector() -> None:
    """Hide what earlier modules left for good, reports and caches: or each collection would be dearer than the last."""
    gc.collect()
    gc.freeze()


LONGEST = ("worlds", "engine", "failover", "targets", "benchmarks", "cli")
"""Folders whose files take longest. They begin, so that no worker is left with one at the end while the others idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)
    for item in items:
        if isinstance(item, pytest.Function) and asyncio.iscoroutinefunction(item.function):
            item.fixturenames.insert(0, "nothing_left_behind")  # set up first, so that it looks last


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Search what a test printed. An answer may be printed, that is what the command line is for; a key never."""
    report = yield
    if call.when == "teardown" and item.get_closest_marker("shows_canaries") is None:
        for heading, text in report.sections:
            found = canaries_in(text, frozenset({"key"} if "stdout" in heading else CANARIES))
            if found and report.outcome == "passed":
                report.outcome = "failed"
                report.longrepr = f"{heading} shows the canary {' and '.join(found)}"
    return report


class _Recorder(logging.Handler):
    """Keeps every record as text: message, arguments, traceback, and the fields that were handed over beside them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {record.__dict__!r}")

    def event(self, logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """The same as a structlog processor."""
        error = sys.exc_info()[1]
        self.lines.append(f"{event!r} {error!r}")
        return event


@pytest.fixture(autouse=True)
def no_canary_in_the_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Record everything that is logged, down to DEBUG, by logging and by structlog, and search it after the test."""
    recorder, root = _Recorder(), logging.getLogger()
    processors = structlog.get_config()["processors"]
    level = root.level
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    processors.insert(0, recorder.event)  # in place: structlog counts as unconfigured, as a library must leave it
    try:
        yield
    finally:
        if recorder.event in processors:
            processors.remove(recorder.event)
        root.setLevel(level)
        root.removeHandler(recorder)
    if request.node.get_closest_marker("shows_canaries") is None:
        shown = [(found, line) for line in recorder.lines if (found := canaries_in(line))]
        assert not shown, f"the log shows the canary {' and '.join(shown[0][0])}: {shown[0][1]}"


@pytest.fixture
async def nothing_left_behind(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """After every asynchronous test: no task but its own runs on, and every file and socket it opened is closed."""
    before = _open_files()
    yield
    if request.node.get_closest_marker("leaves_behind") is not None:
        return
    for _ in range(ROUNDS_TO_CLOSE):
        await asyncio.sleep(0)
    running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not running, f"tasks that the test left running: {running}"
    left = {number: what for number, what in _open_files().items() if before.get(number) != what}
    assert not left, f"files and sockets that the test left open: {left}"


def _open_files() -> dict[int, str]:
    """What is open, by file descriptor; only counted, not named, where the system has no /proc."""
    if not os.path.isdir("/proc/self/fd"):
        return {}
    found = {}
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue  # the listing's own
    return found
