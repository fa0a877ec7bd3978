"""Cancellation is a promise: leaving in any phase closes what is open, gives back what is held, blames no target."""

import asyncio
import gc
from collections.abc import Callable
from dataclasses import replace

import pytest
from standby.config import Hedge, Hold

from stage import DONE, SILENT, Play, Stage, chunk, now_s, perform, says, status, texts
from standby import Config, Route, Router, StreamBusy, WrongLoop

MakeStage = Callable[..., Stage]

PHASES = {
    "before the head": SILENT,
    "before the first delta": Play(then="stall"),
    "between deltas": Play([(0.0, chunk("1"))], then="stall"),
    "in the tail": Play([(0.0, chunk("1")), (0.0, chunk(finish="stop"))], then="stall"),
    "in back-off": status(429),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_cancelled_task_leaves_nothing_behind(stage: MakeStage, phase: str) -> None:
    one = stage(a=PHASES[phase])

    async def read(router: Router) -> None:
        async with router.stream("hi") as stream:
            async for _ in stream:
                pass

    async def play() -> None:
        async with one.router() as router:
            for at_s in (0.0, 0.001, 0.1, 0.2):
                task = asyncio.create_task(read(router))
                await asyncio.sleep(at_s)
                task.cancel()
                await asyncio.wait([task])
                assert task.cancelled() or task.exception() is None
                assert task.cancelling() == 1
                assert one.open == 0
            assert len(asyncio.all_tasks()) == 1

    perform(play())


@pytest.mark.parametrize("phase", PHASES)
def test_closing_from_another_task_ends_the_reader(stage: MakeStage, phase: str) -> None:
    one = stage(a=PHASES[phase])

    async def play() -> None:
        async with one.router() as router:
            stream = router.stream("hi")

            async def read() -> list[str]:
                return [piece async for piece in stream.text()]

            reader = asyncio.create_task(read())
            await asyncio.sleep(0.1)
            await stream.aclose()
            await stream.aclose()
            assert await reader in ([], ["1"])
            assert one.open == 0
            assert stream.report.outcome == "cancelled"

    perform(play())


RESTING = Play([(1.0, chunk("1")), (1.0, chunk("2")), (1.0, DONE)])
"""Something happens to it after each whole second."""


@pytest.mark.parametrize("hold", [None, Hold(for_s=1.0), Hold(deltas=2)])
@pytest.mark.parametrize("hedge", [None, Hedge(after=0.5, budget_ratio=1.0)])
@pytest.mark.parametrize("cancels", [False, True])
@pytest.mark.parametrize(
    "lead", [RESTING, Play(then="stall"), Play([(0.0, chunk("1"))], then="stall"), Play([(1.0, chunk("1"))])]
)
def test_leaving_in_the_very_turn_in_which_something_happens_leaves_nothing_behind(
    stage: MakeStage, hold: Hold | None, hedge: Hedge | None, lead: Play, cancels: bool
) -> None:
    async def left_at(at_s: float, turns: int) -> None:
        one = stage(a=lead, b=RESTING)
        targets = tuple(one.targets(first_delta_s=2.0, stall_s=1.0))
        route = Route(targets, hold=hold, hedge=hedge, mid_stream=("ask_to_continue",))
        async with Router(Config(routes={"default": route}), transport=one.transport) as router:
            stream = router.stream("hi")

            async def read() -> list[str]:
                return [piece async for piece in stream.text()]

            reader = asyncio.create_task(read())
            await asyncio.sleep(at_s)
            for _ in range(turns):
                await asyncio.sleep(0)
            if cancels:
                reader.cancel()
                await asyncio.wait([reader])
                assert reader.cancelled()
            else:
                await stream.aclose()
                assert set(await reader) <= {"1", "2"}
            assert one.open == 0
            assert stream.report.outcome == "cancelled"
            assert all(attempt.outcome != "running" for attempt in stream.report.attempts)

    for at_s in (1.0, 2.0):
        for turns in range(8):
            perform(left_at(at_s, turns))


def test_leaving_while_a_key_is_fetched_asks_no_target(stage: MakeStage) -> None:
    one = stage(a=says("1"))

    async def key() -> str:
        await asyncio.sleep(1.0)
        return "k"

    async def play() -> None:
        async with Router([replace(each, key=key) for each in one.targets()], transport=one.transport) as router:
            stream = router.stream("hi")
            reader = asyncio.create_task(texts(stream))
            await asyncio.sleep(0.5)
            await stream.aclose()
            assert await reader == []
        assert one.asked == []

    perform(play())


def test_a_break_closes_at_once_and_hurts_no_targets_health(stage: MakeStage) -> None:
    one = stage(a=says(*"123456", every_s=1.0))

    async def play() -> None:
        async with one.router() as router:
            for _ in range(10):
                async with router.stream("hi") as stream:
                    async for _ in stream:
                        break
            assert one.open == 0
            assert stream.report.outcome == "cancelled"
            assert [a.outcome for a in stream.report.attempts] == ["cancelled"]

    perform(play())
    assert one.count("a") == 10


def test_an_error_of_the_consumer_passes_unchanged(stage: MakeStage) -> None:
    one = stage(a=says("1", "2", every_s=1.0))

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(KeyError, match="mine"):
                async with router.stream("hi") as stream:
                    async for _ in stream:
                        raise KeyError("mine")
            assert one.open == 0

    perform(play())


def test_a_dropped_stream_is_closed_and_warned_about(stage: MakeStage) -> None:
    one = stage(a=says("1", "2", every_s=1.0))

    async def play() -> None:
        async with one.router() as router:
            stream = router.stream("hi")
            await anext(stream)
            with pytest.warns(ResourceWarning, match="async with"):
                del stream
                gc.collect()
            assert one.open == 0

    perform(play())


def test_two_consumers_are_refused(stage: MakeStage) -> None:
    one = stage(a=says("1", first_s=5.0))

    async def play() -> None:
        async with one.router() as router, router.stream("hi") as stream:
            first = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(1)
            with pytest.raises(StreamBusy):
                await anext(stream)
            await first

    perform(play())


def test_a_probe_that_is_cancelled_lets_the_next_call_probe(stage: MakeStage) -> None:
    one = stage(a=[status(503)] * 7 + [SILENT, says("back")])

    async def play() -> None:
        async with one.router() as router:
            for _ in range(5):
                with pytest.raises(ExceptionGroup):
                    await router.complete("hi")
            await asyncio.sleep(6)
            probe = asyncio.create_task(router.complete("hi"))
            await asyncio.sleep(0.1)
            waiting = asyncio.create_task(router.complete("hi"))
            await asyncio.sleep(0.1)
            before_s = now_s()
            probe.cancel()
            assert (await waiting).text == "back"
            assert now_s() == before_s

    perform(play())


def test_calls_that_wait_for_a_probe_go_on_when_it_comes_back(stage: MakeStage) -> None:
    one = stage(a=[status(503)] * 7 + [Play([(3.0, chunk("1")), (9.0, chunk(finish="stop") + DONE)]), says("2")])

    async def play() -> None:
        async with one.router() as router:
            for _ in range(5):
                with pytest.raises(ExceptionGroup):
                    await router.complete("hi")
            await asyncio.sleep(6)
            began_s = now_s()
            probe = asyncio.create_task(router.complete("hi"))
            await asyncio.sleep(0)
            ended_s: list[float] = []

            async def wait() -> None:
                assert (await router.complete("hi")).text == "2"
                ended_s.append(now_s() - began_s)

            await asyncio.gather(*(wait() for _ in range(20)))
            assert ended_s[0] == pytest.approx(3.0)  # at its first useful delta
            assert ended_s[-1] < 10.0  # one after another
            await probe

    perform(play())


def test_a_router_belongs_to_its_loop(stage: MakeStage) -> None:
    one = stage(a=says("1"))
    router = one.router()
    with pytest.raises(WrongLoop, match="not entered"):
        router.stream("hi")

    async def enter() -> None:
        router.enter()

    async def use() -> None:
        with pytest.raises(WrongLoop, match="another event loop"):
            router.stream("hi")

    perform(enter())
    perform(use())
