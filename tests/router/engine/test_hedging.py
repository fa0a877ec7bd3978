"""Hedging: a second target beside a silent one, the faster wins, the other is closed, and a budget bounds it all."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from standby.config import Hedge
from standby.router.targets.live_target import LiveTarget

from stage import SILENT, Play, Stage, now_s, perform, refuses, says, status, texts
from standby import CallFailed, Config, Route, Router

MakeStage = Callable[..., Stage]


def router(one: Stage, **hedge: Any) -> Router:
    spare = {"budget_ratio": 1.0} | hedge
    config = Config(routes={"r": Route(tuple(one.targets()), hedge=Hedge(**spare))})
    return Router(config, rng=random.Random(7), transport=one.transport)


def test_the_faster_of_two_wins_and_the_other_is_closed_at_once(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=8.0), b=says("B", first_s=1.0))

    async def play() -> None:
        async with router(one, after=2.0) as opened:
            stream = opened.stream("hi")
            assert await texts(stream) == ["B"]
            assert now_s() == 3.0
            assert one.left == [(3.0, "a")]
            report = stream.report
            assert [(a.target, a.why, a.outcome) for a in report.attempts] == [
                ("a", "first", "cancelled"),
                ("b", "hedge", "finished"),
            ]

    perform(play())


def test_the_first_may_still_win(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=3.0), b=says("B", first_s=8.0))

    async def play() -> None:
        async with router(one, after=2.0) as opened:
            assert await texts(opened.stream("hi")) == ["A"]
            assert (now_s(), one.left) == (3.0, [(3.0, "b")])
            assert (await opened.complete("hi")).text == "A"

    perform(play())


def test_two_that_fail_in_one_turn_fail_the_call(stage: MakeStage) -> None:
    refusal = Play([], status=404, headers={"content-type": "application/json"}, head_after_s=3.0)
    one = stage(a=refusal, b=Play([], status=404, headers={"content-type": "application/json"}, head_after_s=1.0))

    async def play() -> None:
        for _ in range(20):  # which of them is looked at first is drawn anew each time
            async with router(one, after=2.0) as opened:
                with pytest.raises(CallFailed) as caught:
                    await texts(opened.stream("hi"))
                assert [attempt.target for attempt in caught.value.report.attempts] == ["a", "b"]

    perform(play())


def test_who_answers_in_time_is_not_hedged(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=1.0), b=says("B"))

    async def play() -> None:
        async with router(one, after=2.0) as opened:
            for _ in range(5):
                assert await texts(opened.stream("hi")) == ["A"]

    perform(play())
    assert one.count("b") == 0


def test_when_one_fails_the_other_is_waited_for(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=5.0), b=status(401), c=says("C"))

    async def play() -> None:
        async with router(one, after=2.0) as opened:
            assert await texts(opened.stream("hi")) == ["A"]
            assert now_s() == 5.0

    perform(play())
    assert one.count("c") == 0


def test_when_both_fail_the_next_is_asked(stage: MakeStage) -> None:
    one = stage(a=Play(head_after_s=3.0, status=401), b=status(401), c=says("C"))

    async def play() -> None:
        async with router(one, after=2.0) as opened:
            assert await texts(opened.stream("hi")) == ["C"]
            assert now_s() == 3.0

    perform(play())


def test_one_in_back_off_is_handed_over_instead(stage: MakeStage) -> None:
    one = stage(a=status(429, retry_after="2"), b=says("B"))

    async def play() -> None:
        async with router(one, after=1.0) as opened:
            assert await texts(opened.stream("hi")) == ["B"]
            assert now_s() == 1.0

    perform(play())
    assert one.count("a") == 1


def test_a_hedge_needs_a_closed_breaker(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=4.0), b=refuses())

    async def play() -> None:
        async with router(one, after=2.0) as opened:
            for _ in range(8):
                assert await texts(opened.stream("hi")) == ["A"]

    perform(play())
    assert one.count("b") == 5


def test_leaving_a_race_leaves_no_attempt_behind(stage: MakeStage) -> None:
    one = stage(a=SILENT, b=Play(then="stall"))

    async def play() -> None:
        async with router(one, after=2.0) as opened:
            task = asyncio.create_task(opened.complete("hi"))
            await asyncio.sleep(3.0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert one.open == 0
            stream = opened.stream("hi")
            reader = asyncio.ensure_future(anext(stream, None))
            await asyncio.sleep(3.0)
            await stream.aclose()
            assert await reader is None
            assert len(asyncio.all_tasks()) == 1

    perform(play())


@pytest.mark.parametrize("whole", [True, False])
def test_a_race_that_ends_in_a_cancellation_of_no_caller_gives_no_empty_answer(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    """An adapter may raise what it likes; an answer that no target gave is not made up for it."""
    one = stage(a=says("A"), b=says("B"))

    def raises(*_: object) -> None:
        raise asyncio.CancelledError

    async def play() -> None:
        async with router(one, after=2.0) as opened:
            monkeypatch.setattr(LiveTarget, "wire", raises)
            with pytest.raises(asyncio.CancelledError):
                await (opened.complete("hi") if whole else texts(opened.stream("hi")))
            assert len(asyncio.all_tasks()) == 1

    perform(play())
    assert one.asked == []


def first_deltas(stage: MakeStage, slow_share: float, hedge: Hedge | None) -> tuple[list[float], int]:
    """Times to the first useful delta of 2,000 calls, and how many extra requests they cost."""
    rng = random.Random(3)

    def script(_: float) -> Play:
        base_s = rng.uniform(0.3, 0.6)
        return says("x", first_s=base_s * 20 if rng.random() < slow_share else base_s)

    one = stage(a=script, b=script)
    took: list[float] = []

    async def play() -> None:
        config = Config(routes={"r": Route(tuple(one.targets()), first_delta_s=60, hedge=hedge)})
        async with Router(config, rng=random.Random(7), transport=one.transport) as opened:
            for _ in range(2000):
                began_s = now_s()
                async with opened.stream("hi") as stream:
                    async for _ in stream.text():
                        took.append(now_s() - began_s)
                        break

    perform(play())
    return sorted(took), len(one.asked) - 2000


def test_the_slow_tail_falls_at_a_bounded_cost(stage: MakeStage) -> None:
    plain, _ = first_deltas(stage, 0.03, None)
    hedged, extra = first_deltas(stage, 0.03, Hedge())
    p99 = int(len(plain) * 0.99)
    assert plain[p99] / hedged[p99] >= 5
    assert extra <= 0.05 * 2000


def test_with_everything_slow_the_budget_holds(stage: MakeStage) -> None:
    _, extra = first_deltas(stage, 1.0, Hedge(after=1.0))
    assert 0 < extra <= 0.05 * 2000


def test_without_enough_history_no_call_is_hedged(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=9.0), b=says("B"))

    async def play() -> None:
        async with router(one, after="p95") as opened:
            for _ in range(10):
                assert await texts(opened.stream("hi")) == ["A"]

    perform(play())


def test_when_all_fail_the_report_holds_both(stage: MakeStage) -> None:
    one = stage(a=Play(head_after_s=3.0, status=401), b=status(402))

    async def play() -> None:
        async with router(one, after=2.0) as opened:
            with pytest.raises(CallFailed) as caught:
                await opened.complete("hi")
            assert [(a.target, a.status) for a in caught.value.report.attempts] == [("a", 401), ("b", 402)]

    perform(play())


def test_two_that_fail_in_one_turn_are_two_failures(stage: MakeStage) -> None:
    """In whatever order their tasks are looked at: which comes first is chance, so it is tried often."""

    async def play() -> None:
        one = stage(a=Play(status=400, head_after_s=2.0), b=Play(status=400, head_after_s=1.0), c=says("C"))
        async with router(one, after=1.0) as opened:
            with pytest.raises(CallFailed) as failed:
                await texts(opened.stream("hi"))
        assert [(a.target, a.ended_s) for a in failed.value.report.attempts] == [("a", 2.0), ("b", 2.0)]

    for _ in range(20):
        perform(play())
