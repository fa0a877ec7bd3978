"""Clocks and retries for both shapes of an answer: deltas that come one by one, and one body that comes whole."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from standby.config import Health, Hedge, Hold, Limits, Retry

from stage import SILENT, Play, Stage, breaks_off, chunk, now_s, perform, says, status, texts
from standby import AllTargetsFailed, Config, ErrorKind, Route, Router

MakeStage = Callable[..., Stage]
BODY = b'{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}'


def body(after_s: float = 0.0, bytes_: bytes = BODY, then: str = "end") -> Play:
    """An answer in one JSON body."""
    return Play([(after_s, bytes_)], then=then, headers={"content-type": "application/json"})


# One JSON body


def test_a_body_that_takes_longer_than_a_first_delta_may_is_no_failure(stage: MakeStage) -> None:
    one = stage(a=body(after_s=12.0), b=body())

    async def play() -> None:
        async with Router(one.targets(first_delta_s=1.0), transport=one.transport) as router:
            for _ in range(6):
                answer = await router.complete("hi", upstream="single")
                assert (answer.text, answer.target) == ("whole", "a")
            assert router.health()[0].failure_ratio == 0.0

    perform(play())
    assert one.count("b") == 0


@pytest.mark.parametrize("of", ["targets", "call", "limits"])
def test_the_clock_of_a_body_is_the_whole_answers(stage: MakeStage, of: str) -> None:
    one = stage(a=SILENT, b=body())
    config = Config(
        routes={"r": Route(tuple(one.targets(total_s=30.0 if of == "targets" else None)))},
        limits=Limits(total_s=30.0 if of == "limits" else None),
    )
    options: dict[str, Any] = {"total_s": 30.0} if of == "call" else {}

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            answer = await router.complete("hi", upstream="single", **options)
            assert (answer.target, now_s()) == ("b", 30.0)
            assert answer.report.attempts[0].kind is ErrorKind.STALLED

    perform(play())


def test_without_a_clock_of_its_own_a_silent_body_leaves_time_for_the_next(stage: MakeStage) -> None:
    one = stage(a=SILENT, b=body())

    async def play() -> None:
        async with one.router() as router:
            answer = await router.complete("hi", upstream="single", deadline_s=60)
            assert (answer.target, now_s()) == ("b", 57.0)
            assert router.health()[0].failure_ratio == 0.0, "it had less time than a clock of its own would give"

    perform(play())


def test_a_body_is_never_a_slow_call(stage: MakeStage) -> None:
    one = stage(a=body(after_s=8.0))
    config = Config(
        routes={"r": Route(tuple(one.targets()))},
        health=Health(slow_call_s=1.0, window_min_calls=2, slow_ratio=0.5, window_s=1000),
    )

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            for _ in range(5):
                await router.complete("hi", upstream="single")
            assert router.health()[0].state == "closed"

    perform(play())


def test_bodies_are_hedged_by_how_long_bodies_take(stage: MakeStage) -> None:
    one = stage(a=body(after_s=5.0), b=body())
    streams = says("s", first_s=0.1)
    route = Route(tuple(one.targets()), hedge=Hedge(after="p90", budget_ratio=1))

    async def play() -> None:
        async with Router(Config(routes={"r": route}), transport=one.transport) as router:
            one.scripts["a"] = streams
            for _ in range(20):
                await texts(router.stream("hi"))
            one.scripts["a"] = body(after_s=5.0)
            for _ in range(20):  # from so many on a percentile is known
                assert (await router.complete("hi", upstream="single")).target == "a"
            assert one.count("b") == 0, "0.1 s is what streams take"
            one.scripts["a"] = body(after_s=50.0)
            began_s = now_s()
            assert (await router.complete("hi", upstream="single")).target == "b"
            assert now_s() - began_s == pytest.approx(5.0)
            assert router.health()[0].first_delta_p99_s == pytest.approx(0.1)

    perform(play())


def test_the_plan_of_a_body_knows_no_first_delta(stage: MakeStage) -> None:
    one = stage(a=SILENT, b=SILENT)

    async def play() -> None:
        async with one.router() as router:
            of_streams, of_bodies = (
                router.explain("hi", deadline_s=60, upstream=shape).asked for shape in ("stream", "single")
            )
            assert [each.silent_until_s for each in of_streams] == [10.0, 60.0]
            assert [each.silent_until_s for each in of_bodies] == [57.0, 60.0]

    perform(play())


# A clock of a target or a call


@pytest.mark.parametrize(("of", "silent_s"), [("target", 2.0), ("call", 2.0), ("route", 20.0), ("limits", 20.0)])
@pytest.mark.parametrize("behind_another", [False, True])
def test_a_clock_that_was_set_for_this_target_or_call_holds_on_the_last_one(
    stage: MakeStage, of: str, silent_s: float, behind_another: bool
) -> None:
    one = stage(a=SILENT, **({"b": status(401)} if behind_another else {}))
    set_s = {of: 2.0}
    targets = one.targets(*("ba" if behind_another else "a"), first_delta_s=set_s.get("target"))
    config = Config(
        routes={"r": Route(tuple(targets), first_delta_s=set_s.get("route"))},
        limits=Limits(first_delta_s=set_s.get("limits", 10.0)),
    )

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            with pytest.raises(AllTargetsFailed):
                await router.complete("hi", deadline_s=20, first_delta_s=set_s.get("call"))
            assert now_s() == silent_s

    perform(play())


# A cut where no other target is left


CUT = breaks_off("Well", " then")
WELL = says("Well", " then", ".")


@pytest.mark.parametrize("cut", [CUT, Play([(0, chunk("Well"))]), Play([(0, chunk("W")), (0, b"data: {nonsense\n\n")])])
@pytest.mark.parametrize("ended", [False, True])
def test_a_whole_answer_that_is_cut_is_asked_for_once_more(stage: MakeStage, cut: Play, ended: bool) -> None:
    one = stage(a=[cut, cut if ended else WELL])

    async def play() -> None:
        async with one.router() as router:
            if ended:
                with pytest.raises(AllTargetsFailed):
                    await router.complete("hi")
            else:
                answer = await router.complete("hi")
                assert (answer.text, [each.why for each in answer.report.attempts]) == (
                    "Well then.",
                    ["first", "retry"],
                )

    perform(play())
    assert one.count("a") == 2


def test_a_cut_answer_goes_to_another_target_first(stage: MakeStage) -> None:
    one = stage(a=CUT, b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            assert (await router.complete("hi")).text == "B"

    perform(play())
    assert one.count("a") == 1


def test_a_held_answer_that_is_cut_is_asked_for_once_more(stage: MakeStage) -> None:
    one = stage(a=[CUT, WELL])

    async def play() -> None:
        async with one.router() as router:
            assert await texts(router.stream("hi", hold=Hold())) == ["Well", " then", "."]

    perform(play())


def test_a_silent_answer_is_not_asked_for_twice(stage: MakeStage) -> None:
    one = stage(a=[breaks_off("Well", then="stall"), WELL])

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(AllTargetsFailed):
                await router.complete("hi")

    perform(play())
    assert one.count("a") == 1


def test_an_error_within_an_answer_lets_the_same_target_try_again_after_a_backoff(stage: MakeStage) -> None:
    broken = Play([(0, chunk("Well")), (0, b'data: {"error":{"message":"x","type":"overloaded_error"}}\n\n')])
    one = stage(a=[broken, WELL])
    config = Config(routes={"r": Route(tuple(one.targets()))}, retry=Retry(backoff_s=4.0))

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert (await router.complete("hi")).text == "Well then."
            assert now_s() > 0

    perform(play())


def test_a_call_that_is_left_while_it_waits_to_ask_once_more_leaves_nothing(stage: MakeStage) -> None:
    broken = Play([(0, chunk("Well")), (0, b'data: {"error":{"message":"x","type":"overloaded_error"}}\n\n')])
    one = stage(a=[broken, WELL])
    config = Config(routes={"r": Route(tuple(one.targets()))}, retry=Retry(backoff_s=400.0, backoff_max_s=400.0))

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            call = asyncio.create_task(router.complete("hi"))
            await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    perform(play())
    assert one.count("a") == 1
