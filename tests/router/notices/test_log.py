"""A log that cannot be written costs no call its answer, whatever of it raises, and wherever a line is written."""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from standby.config import Hedge, Price
from standby.router.notices.log import LOGGER, CallLog
from standby.router.notices.observers import NoticeCounts
from standby.router.reload import Reloader

from canaries import CANARY_PROMPT
from stage import Play, Stage, now_s, perform, refuses, says, texts
from standby import Config, Route, Router

MakeStage = Callable[..., Stage]


class Gone(OSError):
    """What reads the log is gone. The text is what must not be told again."""

    def __init__(self) -> None:
        super().__init__(CANARY_PROMPT)


def _gone(*_: Any, **__: Any) -> Any:
    raise Gone


class _BrokenFile:
    def write(self, text: str) -> None:
        raise Gone

    def flush(self) -> None:
        raise Gone


class _BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise Gone


@pytest.fixture(params=["file", "processor", "factory", "handler", "filter"])
def broken_log(request: pytest.FixtureRequest) -> Iterator[str]:
    """An application with logging that raises at one of the places where it can."""
    logger, handler = logging.getLogger(LOGGER), _BrokenHandler()
    match request.param:
        case "file":
            structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=_BrokenFile()))  # type: ignore[arg-type]
        case "processor":
            structlog.configure(processors=[_gone])
        case "factory":
            structlog.configure(logger_factory=_gone)
        case "handler":
            logger.addHandler(handler)
        case "filter":
            logger.addFilter(_gone)
    try:
        yield request.param
    finally:
        structlog.reset_defaults()
        logger.removeHandler(handler)
        logger.removeFilter(_gone)


def test_every_line_is_written_under_the_guard() -> None:
    written = {name: method for name, method in vars(CallLog).items() if callable(method) and name[0] != "_"}
    assert {"told", "alert", "health_changed", "call_ended"} <= set(written)
    assert [name for name, method in written.items() if not hasattr(method, "__wrapped__")] == []


def _told(loop: asyncio.AbstractEventLoop) -> list[dict[str, Any]]:
    """What the loop's exception handler is told from now on."""
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))
    return told


def test_every_kind_of_call_is_answered_and_the_broken_log_is_told_of_once(stage: MakeStage, broken_log: str) -> None:
    one = stage(a=lambda at_s: refuses() if at_s < 60 else says("A"), b=says("B"))
    told: list[dict[str, Any]] = []
    opened: list[str] = []

    async def play() -> Router:
        told.extend(ours := _told(asyncio.get_running_loop()))
        router = one.router()
        router.on_health_change.append(lambda change: opened.append(change.now))
        async with router:
            for _ in range(5):
                assert await texts(router.stream("hi")) == ["B"]
                assert (await router.complete("hi")).text == "B"
            router.isolate("b")
            router.restore("b")
            await asyncio.sleep(90 - now_s())
            assert await texts(router.stream("hi")) == ["A"]
            assert [live.limits.in_flight for live in router._entered().generation.all_live()] == [0, 0]
        told.extend(ours)
        return router

    router = perform(play())
    assert "open" in opened
    lines = 11 + len(opened)  # a line for each call and for each change
    assert router.notices.log_raised == (1 if broken_log == "factory" else lines)  # our own logger stands in for none
    assert [context["message"].partition(":")[0] for context in told] == ["standby's log cannot be written"]
    assert "Gone" in told[0]["message"]
    assert CANARY_PROMPT not in str(told)


def test_a_broken_log_leaves_observers_and_listeners_to_their_work(stage: MakeStage, broken_log: str) -> None:
    one = stage(a=refuses(), b=says("B"))
    heard: list[object] = []

    async def play() -> Router:
        _told(asyncio.get_running_loop())
        router = Router(one.targets(), observers=[_gone, heard.append], transport=one.transport)
        router.on_health_change += [_gone, heard.append]
        async with router:
            for _ in range(6):
                assert await texts(router.stream("hi")) == ["B"]
        return router

    notices = perform(play()).notices
    assert notices.observers_dropped == 0
    assert notices.observers_raised + notices.listeners_raised == len(heard)
    assert notices.listeners_raised


async def test_a_reload_goes_through_beside_a_broken_log(tmp_path: Path, broken_log: str) -> None:
    told = _told(asyncio.get_running_loop())
    counts, swapped = NoticeCounts(), list[Any]()
    file = tmp_path / "standby.yaml"
    file.write_text("routes: {r: {targets: [koala]}}\n")

    async def changes() -> Any:
        for text in ("nonsense: 1\n", "routes: {r: {targets: [openai/gpt-5-mini]}}\n"):
            file.write_text(text)
            yield

    reloader = Reloader(file, swapped.append, CallLog(asyncio.get_running_loop(), counts).told, changes())
    reloader.start()
    assert reloader._task is not None
    await reloader._task
    await reloader.aclose()
    await asyncio.sleep(0)
    assert (reloader.refusals, reloader.reloads, len(swapped)) == (1, 1, 1)
    assert counts.log_raised
    assert len(told) == 1


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_no_failure_of_the_log(stage: MakeStage, end: type[BaseException]) -> None:
    one = stage(a=says("A"))

    def ends(*_: Any) -> Any:
        raise end

    async def play() -> None:
        async with one.router() as router:
            logger = logging.getLogger(LOGGER)
            logger.addFilter(ends)
            try:
                await router.complete("hi")
            finally:
                logger.removeFilter(ends)
                assert router.notices.log_raised == 0

    with pytest.raises(end):
        perform(play())


def test_without_a_loop_that_can_be_told_standard_error_is(
    broken_log: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loop, counts = asyncio.new_event_loop(), NoticeCounts()
    loop.set_exception_handler(lambda *_: _gone())  # and asyncio's log, which is told of that, raises too
    logging.getLogger("asyncio").addFilter(_gone)
    try:
        log = CallLog(loop, counts)
        log.told("standby.reloaded", "a")
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        logging.getLogger("asyncio").removeFilter(_gone)
        loop.close()
    late = CallLog(loop, NoticeCounts())
    late.told("standby.reloaded", "b")
    monkeypatch.setattr(sys, "stderr", None)
    CallLog(loop, NoticeCounts()).told("standby.reloaded", "c")
    monkeypatch.undo()
    assert capsys.readouterr().err.count("standby's log cannot be written: Gone") == 2


def test_nothing_is_lost_when_only_the_telling_is_slow(stage: MakeStage) -> None:
    """An observer that ends its own thread's work with what no `except Exception` catches is one that raises."""
    one = stage(a=says("A"))
    heard: list[object] = []

    def ends(_: object) -> None:
        raise SystemExit

    async def play() -> Router:
        async with Router(one.targets(), observers=[ends, heard.append], transport=one.transport) as router:
            for _ in range(3):
                assert await texts(router.stream("hi")) == ["A"]
        return router

    notices = perform(play()).notices
    assert len(heard) == 6
    assert (notices.observers_raised, notices.observers_dropped) == (6, 0)


def test_a_machine_without_threads_loses_notices_and_no_answers(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = stage(a=says("A"))
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "standby-observers":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    heard: list[object] = []

    async def play() -> Router:
        async with Router(one.targets(), observers=[heard.append], transport=one.transport) as router:
            assert await texts(router.stream("hi")) == ["A"]
            monkeypatch.setattr(threading.Thread, "start", start)
            assert await texts(router.stream("hi")) == ["A"]
        return router

    assert perform(play()).notices.observers_dropped == 2
    assert len(heard) == 2


@pytest.mark.parametrize("where", ["listener", "log"])
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, RuntimeError])
def test_whatever_is_raised_at_a_change_of_health_nothing_stays_held(
    stage: MakeStage, end: type[BaseException], streamed: bool, where: str
) -> None:
    """Not the permit and the reservation of the attempt, nor the probe, nor the generation's call."""
    one = stage(a=lambda at_s: refuses() if at_s < 60 else says("A"), b=says("B"))
    limits: dict[str, Any] = {"concurrency": 3, "budget_day": 5.0, "price": Price(input=1, output=1)}
    raised: list[BaseException] = []

    def raises(*_: Any) -> Any:
        raise end

    async def play() -> None:
        _told(asyncio.get_running_loop())
        router = one.router(**limits)
        if where == "listener":
            router.on_health_change.append(raises)
        async with router:
            logging.getLogger(LOGGER).addFilter(raises if where == "log" else lambda _: True)
            try:
                for _ in range(30):
                    try:
                        await (texts(router.stream("hi")) if streamed else router.complete("hi"))
                    except end as error:
                        raised.append(error)
                    await asyncio.sleep(4)
            finally:
                logging.getLogger(LOGGER).filters.clear()
            every = router._entered().generation.all_live()
            assert [live.limits.in_flight for live in every] == [0, 0]
            assert [(live.ledger.reserved, live.ledger._reservations) for live in every] == [(0.0, 0)] * 2
            assert [live.health.probing for live in every] == [False, False]
            assert not router._entered().generation.calls

    perform(play())
    assert bool(raised) is (end in (KeyboardInterrupt, SystemExit))


@pytest.mark.parametrize("where", ["listener", "log"])
@pytest.mark.parametrize("hedge", [None, Hedge(after=1.0, budget_ratio=1.0)])
def test_a_cancelled_future_that_a_log_or_a_listener_looks_at_cancels_no_call(
    stage: MakeStage, hedge: Hedge | None, where: str
) -> None:
    """Neither waits, so that what it raises is no cancellation of the task that calls it."""
    one = stage(a=Play(head_after_s=3.0, status=401), b=says("B", first_s=3.0))

    async def play() -> None:
        told = _told(asyncio.get_running_loop())
        future = asyncio.get_running_loop().create_future()
        future.cancel()

        def looks(*_: Any) -> Any:
            return future.result()

        router = Router(Config(routes={"default": Route(tuple(one.targets()), hedge=hedge)}), transport=one.transport)
        if where == "listener":
            router.on_health_change.append(looks)
        async with router:
            logging.getLogger(LOGGER).addFilter(looks if where == "log" else lambda _: True)
            try:
                assert (await router.complete("hi")).text == "B"
                assert await texts(router.stream("hi")) == ["B"]
            finally:
                logging.getLogger(LOGGER).filters.clear()
        counts = router.notices
        assert (counts.listeners_raised > 0, counts.log_raised > 0) == (where == "listener", where == "log")
        assert len(told) == (where == "log")

    perform(play())
