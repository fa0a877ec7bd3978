"""Closing the Router is a promise: every open call ends, is told so, and leaves nothing; whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standby.config import Hedge, Hold
from standby.router.engine.interruptible import Interruptible
from standby.router.reload import STOP_S, Reloader
from test_leaving import PHASES as PHASES_OF_AN_ATTEMPT

from stage import DONE, SILENT, Play, Stage, breaks_off, chunk, now_s, perform, refuses, says, status, texts
from standby import (
    CallFailed,
    Config,
    ErrorKind,
    RequestRejected,
    Route,
    RoutedStream,
    Router,
    RouterClosed,
    StreamInterrupted,
    WrongLoop,
)

MakeStage = Callable[..., Stage]

PHASES = {
    **PHASES_OF_AN_ATTEMPT,
    "waiting for a hint": status(429, retry_after="2"),
    "waiting for a park": status(429, retry_after="60"),
}
RESTING = Play([(1.0, chunk("1")), (1.0, chunk("2")), (1.0, chunk(finish="stop") + DONE)])
"""Something happens to it after each whole second."""


async def told(awaitable: Awaitable[Any]) -> CallFailed:
    """How the call failed, which has to say that the Router was closed, and nothing else."""
    with pytest.raises(CallFailed) as caught:
        await awaitable
    failed = caught.value
    assert isinstance(failed, RouterClosed | StreamInterrupted)
    assert not isinstance(failed, RequestRejected)
    assert failed.kind is failed.report.kind is ErrorKind.CLOSED
    assert failed.report.outcome == "failed"
    assert all(attempt.outcome != "running" for attempt in failed.report.attempts)
    return failed


@pytest.mark.parametrize("form", ["stream", "whole", "single"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_call_in_any_phase_is_told_that_the_router_was_closed(stage: MakeStage, phase: str, form: str) -> None:
    one = stage(a=PHASES[phase])

    async def play() -> None:
        router = one.router()
        async with router:
            if form == "stream":
                call: Awaitable[Any] = texts(router.stream("hi"))
            else:
                call = router.complete("hi", upstream="single" if form == "single" else "stream")
            task = asyncio.create_task(told(call))
            await asyncio.sleep(0.1)
            asked = len(one.asked)
            changes: list[object] = []
            router.on_health_change.append(changes.append)
        failed = await task
        begun = form == "stream" and phase in ("between deltas", "in the tail")
        assert isinstance(failed, StreamInterrupted if begun else RouterClosed)
        if isinstance(failed, StreamInterrupted):
            assert failed.partial == "1"
        assert (one.open, len(one.asked)) == (0, asked)
        if "back-off" not in phase:  # there the target itself has said that it is to be left alone
            assert changes == []
        assert now_s() == 0.1
        assert len(asyncio.all_tasks()) == 1

    perform(play())


@pytest.mark.parametrize("hold", [None, Hold(for_s=1.0), Hold(deltas=2)])
@pytest.mark.parametrize("hedge", [None, Hedge(after=0.5, budget_ratio=1.0)])
@pytest.mark.parametrize("lead", [RESTING, Play(then="stall"), breaks_off("1"), Play([(1.0, chunk("1"))])])
def test_closing_in_the_very_turn_in_which_something_happens_leaves_nothing_behind(
    stage: MakeStage, hold: Hold | None, hedge: Hedge | None, lead: Play
) -> None:
    async def closed_at(at_s: float, turns: int) -> None:
        one = stage(a=lead, b=RESTING)
        targets = tuple(one.targets(first_delta_s=2.0, stall_s=1.0))
        route = Route(targets, hold=hold, hedge=hedge, mid_stream=("replay", "ask_to_continue"))
        router = Router(Config(routes={"default": route}), transport=one.transport)
        router.enter()
        readers = [asyncio.create_task(texts(router.stream("hi"))), asyncio.create_task(router.complete("hi"))]
        await asyncio.sleep(at_s)
        for _ in range(turns):
            await asyncio.sleep(0)
        await router.aclose()
        for ending in await asyncio.gather(*readers, return_exceptions=True):
            if isinstance(ending, BaseException):
                if isinstance(ending, CallFailed) and ending.kind is ErrorKind.STALLED:
                    continue  # in that very turn, and for the target's own sake
                await told(_raise(ending))
        assert one.open == 0
        assert len(asyncio.all_tasks()) == 1

    for at_s in (0.0, 0.5, 1.0, 2.0, 3.0):
        for turns in range(8):
            perform(closed_at(at_s, turns))


async def _raise(error: BaseException) -> None:
    raise error


def test_a_call_that_waits_in_a_queue_is_told(stage: MakeStage) -> None:
    one = stage(a=SILENT)

    async def play() -> None:
        router = one.router(concurrency=1)
        async with router:
            tasks = [asyncio.create_task(told(router.complete("hi"))) for _ in range(3)]
            await asyncio.sleep(0.1)
        assert [len((await task).report.attempts) for task in tasks] == [1, 0, 0]

    perform(play())


@pytest.mark.parametrize("refused_first", [False, True])
@pytest.mark.parametrize("way", ["the Router closes", "the stream is left", "the task is cancelled"])
def test_a_function_that_gives_a_key_is_not_waited_for(stage: MakeStage, way: str, *, refused_first: bool) -> None:
    """It may take a second or an hour, at first, and when the key that it gave was refused."""
    one = stage(a=status(401))
    asked = 0

    async def key() -> str:
        nonlocal asked
        asked += 1
        if asked == 1 and refused_first:
            return "k"
        await asyncio.sleep(5.0)
        return "k"

    async def play() -> None:
        router = Router([replace(each, key=key) for each in one.targets()], transport=one.transport)
        router.enter()
        stream = router.stream("hi")
        reader = asyncio.create_task(texts(stream))
        await asyncio.sleep(0.5)
        if way == "the task is cancelled":
            reader.cancel()
        else:
            await (router.aclose() if way == "the Router closes" else stream.aclose())
        await asyncio.wait([reader])
        assert now_s() == 0.5
        assert reader.cancelled() is (way == "the task is cancelled")
        if way == "the Router closes":
            assert isinstance(reader.exception(), RouterClosed)
        elif not reader.cancelled():
            assert reader.result() == []
        assert len(one.asked) == refused_first
        await router.aclose()

    perform(play())


@pytest.mark.parametrize("catches", [False, True])
def test_an_interrupted_wait_leaves_no_cancellation_with_its_task(*, catches: bool) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(9.0)
        except asyncio.CancelledError:
            if not catches:
                raise
        return "what it liked"

    async def play() -> None:
        wait = Interruptible()

        async def waits() -> tuple[str | None, int]:
            result = await wait.result_of(stubborn())
            task = asyncio.current_task()
            assert task is not None
            return result, task.cancelling()

        task = asyncio.create_task(waits())
        await asyncio.sleep(1.0)
        wait.interrupt()
        wait.interrupt()
        assert await task == ("what it liked" if catches else None, 0)
        task = asyncio.create_task(waits())
        wait = Interruptible()
        await asyncio.sleep(1.0)
        wait.interrupt()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() is not catches

    perform(play())


def test_a_function_that_is_cancelled_of_its_own_cancels_no_call(stage: MakeStage) -> None:
    one = stage(a=says("1"), b=says("2"))

    async def key() -> str:
        raise asyncio.CancelledError

    async def play() -> None:
        lead, spare = one.targets()
        async with Router([replace(lead, key=key), spare], transport=one.transport) as router:
            answer = await router.complete("hi")
            assert (answer.text, answer.report.attempts[0].kind) == ("2", ErrorKind.AUTH)

    perform(play())


def test_a_stream_whose_reader_never_comes_back_is_closed(stage: MakeStage) -> None:
    one = stage(a=says("1", "2", "3", every_s=1.0))

    async def play() -> None:
        async with one.router() as router:
            streams = [router.stream("hi") for _ in range(3)]
            for stream in streams:
                while stream.report.first_delta_s is None:
                    await anext(stream)
            assert one.open == 3
        assert one.open == 0
        for stream in streams:
            failed = await told(texts(stream))
            assert isinstance(failed, StreamInterrupted)
            assert failed.partial == "1"
            with pytest.raises(StopAsyncIteration):
                await anext(stream)

    perform(play())


def test_calls_on_an_older_configuration_are_told_too(stage: MakeStage) -> None:
    one = stage(a=SILENT)

    async def play() -> None:
        router = one.router()
        async with router:
            tasks = []
            for _ in range(3):
                tasks.append(asyncio.create_task(told(router.complete("hi"))))
                await asyncio.sleep(0.1)
                router.swap(Config.of_targets(tuple(one.targets(stall_s=now_s() + 1))))
            assert one.open == 0  # none has a response yet
        for task in tasks:
            await task

    perform(play())


def test_a_call_that_was_made_before_a_swap_begins_after_it_and_leaves_nothing(stage: MakeStage) -> None:
    one = stage(a=says("1"), b=SILENT)

    async def play() -> None:
        router = Router(one.targets("a"), transport=one.transport)
        async with router:
            first = router._entered().generation
            made = [router.stream("hi") for _ in range(2)] + [router.stream("hi", targets=one.targets("b"))]
            router.swap(Config.of_targets(tuple(one.targets("b"))))
            await asyncio.sleep(1.0)
            assert [await texts(stream) for stream in made[:2]] == [["1"], ["1"]]
            await asyncio.sleep(1.0)
            assert all(live._transport.present is None for live in first.all_live())
            reader = asyncio.create_task(told(texts(made[2])))
            await asyncio.sleep(1.0)
        await reader

    perform(play())


def test_a_call_that_begins_late_is_told_and_asks_no_target(stage: MakeStage) -> None:
    one = stage(a=says("1"))

    async def play() -> None:
        router = one.router()
        router.enter()
        early = router.stream("hi")
        closing = asyncio.create_task(router.aclose())
        await asyncio.sleep(0)
        during = router.complete("hi")
        await asyncio.gather(told(during), told(texts(early)))
        await closing
        failed = await told(router.complete("hi", targets=["koala"]))
        assert "the Router was closed" in str(failed)
        await told(_begin(router))
        for ask in (router.health, router.explain):
            with pytest.raises(WrongLoop, match="was closed"):
                ask()
        assert one.asked == []
        async with router:
            assert (await router.complete("hi")).text == "1"

    perform(play())


async def _begin(router: Router) -> RoutedStream:
    return router.stream("hi", route="default")


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("again", [1, 3])
def test_a_closing_that_is_cancelled_leaves_nothing_open_and_the_next_one_ends_it(
    stage: MakeStage, turns: int, again: int
) -> None:
    one = stage(a=Play([(0.0, chunk("1"))], then="stall"))
    seen: list[str] = []

    async def play() -> None:
        router = Router(
            one.targets(), observers=[lambda notice: seen.append(type(notice).__name__)], transport=one.transport
        )
        router.enter()
        readers = [asyncio.create_task(told(texts(router.stream("hi")))) for _ in range(3)]
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(router.aclose())
        await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        if not closing.done():
            closing.cancel()
            await asyncio.wait([closing])
            assert closing.cancelled()
            assert closing.cancelling() == 1
        assert one.open == 0
        await asyncio.gather(*readers)
        await asyncio.gather(*(router.aclose() for _ in range(again)))
        await router.aclose()
        assert seen.count("CallEnded") == 3

    perform(play())


class SlowWatcher:
    """Tells of no change, and takes its time to end."""

    def __init__(self, ends_after_s: float) -> None:
        self._ends_after_s = ends_after_s
        self.ended = False

    async def changes(self) -> AsyncIterator[object]:
        try:
            await asyncio.Event().wait()
            yield None
        finally:
            try:
                await asyncio.sleep(self._ends_after_s)
            finally:
                self.ended = True


@pytest.mark.parametrize("ends_after_s", [1.0, 1e6])
def test_a_watcher_that_is_slow_to_end_keeps_no_connection_open_and_swallows_no_cancellation(
    stage: MakeStage, tmp_path: Path, ends_after_s: float
) -> None:
    one = stage(a=Play([(0.0, chunk("1"))], then="stall"))
    lines: list[tuple[str, str]] = []

    async def play() -> None:
        router = one.router()
        router.enter()
        watcher = SlowWatcher(ends_after_s)
        router._reloader = Reloader(
            tmp_path / "x.yaml", router.swap, lambda *line: lines.append(line), watcher.changes()
        )
        router._reloader.start()
        reader = asyncio.create_task(told(texts(router.stream("hi"))))
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(router.aclose())
        await asyncio.sleep(0.5)
        assert one.open == 0
        await reader
        assert not closing.done()
        closing.cancel()
        await asyncio.wait([closing])
        assert closing.cancelled()
        await asyncio.gather(router.aclose(), router.aclose())
        assert watcher.ended is (ends_after_s < STOP_S)
        assert bool(lines) is not watcher.ended
        assert now_s() == pytest.approx(1.1 if watcher.ended else 0.6 + STOP_S)

    perform(play())


def test_a_router_is_closed_from_its_own_loop_only(stage: MakeStage) -> None:
    one = stage(a=refuses())

    async def play() -> None:
        async with one.router() as router:

            def elsewhere() -> None:
                with pytest.raises(WrongLoop, match="another event loop"):
                    perform(router.aclose())

            await asyncio.to_thread(elsewhere)
            with pytest.raises(WrongLoop, match="entered already"):
                router.enter()

    perform(play())
