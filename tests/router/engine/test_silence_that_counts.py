"""Silence up to a deadline: when it is the target's failure, and when it says little about the target."""

import asyncio
import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from standby.config import Health, Hedge, Limits, Retry
from standby.providers.capabilities import Capabilities
from standby.providers.errors import DISPOSITIONS
from standby.router.failover.course import Course
from standby.router.failover.standings import Standings
from standby.router.failover.steps import Ask, Policy, fair_part_s

from coursefakes import Fake
from coursefakes import Health as Left
from stage import SILENT, Play, Stage, breaks_off, chunk, now_s, perform, says, texts
from standby import CallFailed, Config, ErrorKind, ProviderError, Route, Router, Target

MakeStage = Callable[..., Stage]

IN_ROW = Health().failures_in_row
BODY = b'{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}'


def body(after_s: float = 0.0) -> Play:
    """An answer in one JSON body."""
    return Play([(after_s, BODY)], headers={"content-type": "application/json"})


def configured(targets: list[Target], where: str = "route", deadline_s: float = 5.0, **route: Any) -> Config:
    """One route, with a deadline that was set for it, or for everything."""
    at = {where: deadline_s}
    return Config(
        routes={"r": Route(tuple(targets), deadline_s=at.get("route"), **route)},
        limits=Limits(deadline_s=at.get("limits", 120.0), complete_deadline_s=at.get("limits", 600.0)),
    )


async def ask(router: Router, form: str, question: str = "hi", **options: Any) -> bool:
    """Was it answered?"""
    try:
        if form == "complete":
            await router.complete(question, **options)
        else:
            await texts(router.stream(question, **options))
    except CallFailed:
        return False
    return True


def states(router: Router) -> list[str]:
    return [health.state for health in router.health()]


# What an attempt is given, and what of it counts


def candidate(label: str, first_delta_s: float = 10.0) -> Fake:
    return Fake(label, "x", Capabilities(), Retry(attempts=1), first_delta_s, Left(), False, 0)


def cuts(deadline_s: float, standing_s: float, targets: int, *, spent_s: float, single: bool) -> list[str]:
    """What the deadline cuts of each target's time when all are silent, and the first is asked so late in the call."""
    fakes = [candidate("abcd"[index]) for index in range(targets)]
    fair_s = fair_part_s(deadline_s, standing_s)
    policy = Policy(deadline_s, 3.0, "wait", DISPOSITIONS, single=single, fair_s=fair_s)
    course, found, at_s = Course(fakes, policy, Standings(fakes, 0.0), random.Random(1)), [], spent_s
    step: Any = course.next(at_s)
    while isinstance(step, Ask):
        course.began(step.target_index)
        found.append(step.cut)
        silent_s, at_s = step.first_by_s - at_s, step.first_by_s
        own_s = math.inf if single else fakes[step.target_index].first_delta_s
        assert (step.cut == "no") is (silent_s >= own_s), "all that its own clock gives, or the deadline cuts it"
        if step.cut == "fair":
            assert silent_s >= 0.45 * standing_s
        step = course.attempt_failed(step.target_index, ProviderError(ErrorKind.FIRST_TOKEN_TIMEOUT), at_s)
    return found


DEADLINES_S = (0.5, 2.0, 5.0, 6.0, 8.0, 12.0, 60.0, 120.0, 600.0)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("targets", [1, 2, 3, 4])
def test_every_calls_first_target_is_given_a_fair_part_and_two_are_at_most(targets: int, single: bool) -> None:
    for deadline_s, standing_s in itertools.product(DEADLINES_S, repeat=2):
        for late_s in (0.0, 0.05 * deadline_s):  # a busy loop
            found = cuts(deadline_s, standing_s, targets, spent_s=late_s, single=single)
            if deadline_s < standing_s:
                assert "fair" not in found, "the call alone has set so short a deadline"
            elif deadline_s == standing_s:
                assert found[0] != "short", (deadline_s, found)
                assert found.count("fair") <= 2, "nearly half of it each"


def test_a_target_that_is_asked_late_in_its_call_is_given_no_fair_part() -> None:
    for deadline_s, targets in itertools.product(DEADLINES_S, (1, 2, 3)):
        found = cuts(deadline_s, deadline_s, targets, spent_s=0.6 * deadline_s, single=True)
        assert set(found) == {"short"}, (deadline_s, found)


@pytest.mark.parametrize(
    ("deadline_s", "targets", "single", "expected"),
    [
        (5.0, 1, False, ["fair"]),
        (5.0, 2, False, ["fair", "fair"]),  # half each, which is what the second would have as the first
        (5.0, 3, False, ["fair", "short", "short"]),
        (8.0, 2, False, ["fair", "short"]),
        (12.0, 2, False, ["fair", "short"]),
        (60.0, 2, False, ["no", "no"]),
        (60.0, 1, True, ["fair"]),
        (60.0, 2, True, ["fair", "short"]),
        (60.0, 3, True, ["fair", "short", "short"]),
    ],
)
def test_what_the_deadline_cuts_by_table(deadline_s: float, targets: int, single: bool, expected: list[str]) -> None:
    assert cuts(deadline_s, deadline_s, targets, spent_s=0.0, single=single) == expected


# Alone


@pytest.mark.parametrize("upstream", ["stream", "single"])
@pytest.mark.parametrize("form", ["stream", "complete"])
@pytest.mark.parametrize("where", ["route", "limits", "default"])
def test_a_hung_target_is_not_waited_for_by_every_call(stage: MakeStage, where: str, form: str, upstream: str) -> None:
    one = stage(a=SILENT)

    async def play() -> None:
        config = configured(one.targets(), where, all_open="fail", upstream=upstream)
        async with Router(config, transport=one.transport) as router:
            for _ in range(IN_ROW):
                assert states(router) == ["closed"]
                assert not await ask(router, form)
            assert states(router) == ["open"]
            at_s = now_s()
            assert not await ask(router, form)
            assert now_s() == at_s, "no call waits for it any more"

    perform(play())
    assert one.count("a") == IN_ROW


@pytest.mark.parametrize("cut", ["head", "delta", "usage"])
def test_an_answer_that_begins_and_hangs_up_to_the_deadline_counts(stage: MakeStage, cut: str) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'
    begins = {
        "head": Play(then="stall"),
        "delta": breaks_off("Well", then="stall"),
        "usage": Play([(0.0, chunk("Well")), *[(1.0, usage)] * 100], then="stall"),
    }
    one = stage(a=begins[cut])

    async def play() -> None:
        async with Router(configured(one.targets(), all_open="fail"), transport=one.transport) as router:
            for number in range(IN_ROW):
                with pytest.raises(CallFailed) as caught:
                    await router.complete("hi")
                assert caught.value.kind is ErrorKind.DEADLINE
                expected = ErrorKind.FIRST_TOKEN_TIMEOUT if cut == "head" else ErrorKind.STALLED
                assert [each.kind for each in caught.value.report.attempts] == [expected]
                assert now_s() == pytest.approx(5.0 * (number + 1))
            assert states(router) == ["open"]

    perform(play())


def test_an_answer_that_flows_on_past_the_deadline_is_no_failure(stage: MakeStage) -> None:
    one = stage(a=says(*"0123456789", every_s=2.0))

    async def play() -> None:
        async with Router(configured(one.targets()), transport=one.transport) as router:
            for _ in range(2 * IN_ROW):
                assert not await ask(router, "complete")
            assert [(health.state, health.failure_ratio) for health in router.health()] == [("closed", 0.0)]

    perform(play())


@pytest.mark.parametrize("play_", [SILENT, breaks_off("Well", then="stall")], ids=["silent", "stalls"])
@pytest.mark.parametrize("upstream", ["stream", "single"])
def test_a_deadline_that_only_the_call_set_never_counts(stage: MakeStage, upstream: str, play_: Play) -> None:
    one = stage(a=play_)

    async def play() -> None:
        async with Router(configured(one.targets(), deadline_s=8.0), transport=one.transport) as router:
            for _ in range(3 * IN_ROW):
                assert not await ask(router, "complete", deadline_s=7.9, upstream=upstream)
            assert [(health.state, health.failure_ratio) for health in router.health()] == [("closed", 0.0)]

    perform(play())


@pytest.mark.parametrize("given_s", [8.0, 20.0])
def test_a_deadline_of_the_call_that_is_no_shorter_counts(stage: MakeStage, given_s: float) -> None:
    one = stage(a=SILENT)

    async def play() -> None:
        async with Router(configured(one.targets(), deadline_s=8.0), transport=one.transport) as router:
            assert not await ask(router, "complete", deadline_s=given_s, upstream="single")
            assert router.health()[0].failures == 1

    perform(play())


@pytest.mark.parametrize("clock", ["first_delta_s", "stall_s"])
def test_a_clock_of_the_call_that_did_not_ring_takes_no_blame_off_the_target(stage: MakeStage, clock: str) -> None:
    """One body has no first delta, and no clock for it runs."""
    one = stage(a=SILENT)

    async def play() -> None:
        async with Router(configured(one.targets(), deadline_s=8.0), transport=one.transport) as router:
            assert not await ask(router, "complete", upstream="single", **{clock: 1.0})
            assert (now_s(), router.health()[0].failures) == (8.0, 1)

    perform(play())


# Several


@pytest.mark.parametrize("deadline_s", [8.0, 60.0])
def test_the_next_target_is_not_blamed_for_what_the_first_has_left_of_the_deadline(
    stage: MakeStage, deadline_s: float
) -> None:
    """It answers in time as the first of a call, and cannot in three seconds."""
    one = stage(a=SILENT, b=body(after_s=4.0))
    found: list[bool] = []

    async def play() -> None:
        config = configured(one.targets(), deadline_s=deadline_s, upstream="single")
        async with Router(config, transport=one.transport) as router:
            for number in range(IN_ROW + 1):
                found.append(await ask(router, "complete", f"hi {number}"))
                assert states(router)[1] == "closed"
            assert states(router)[0] == "open"

    perform(play())
    assert one.count("a") == IN_ROW, "the other did not answer either: in doubt until the next call fails there, too"
    assert found == [*[False] * IN_ROW, True]


@pytest.mark.parametrize("fixed", [False, True], ids=["many prompts", "one fixed prompt"])
@pytest.mark.parametrize("names", ["a", "ab", "abc"])
@pytest.mark.parametrize("deadline_s", [5.0, 60.0])
def test_silence_everywhere_opens_one_breaker_after_another(
    stage: MakeStage, deadline_s: float, names: str, fixed: bool
) -> None:
    one = stage(**dict.fromkeys(names, SILENT))

    async def play() -> None:
        policy = Health(open_s=10_000, open_max_s=10_000)
        config = configured(one.targets(), deadline_s=deadline_s, upstream="single", all_open="fail")
        async with Router(Config(routes=config.routes, health=policy), transport=one.transport) as router:
            for number in range((IN_ROW + 2) * len(names)):
                await ask(router, "complete", "hi" if fixed else f"hi {number}")
            at_s = now_s()
            assert states(router) == ["open"] * len(names)
            assert not await ask(router, "complete", "hi")
            assert now_s() == at_s

    perform(play())


def test_a_request_that_no_target_answers_in_time_opens_no_breaker(stage: MakeStage) -> None:
    """The first target has nearly all of the deadline, and the others little: that is one request's fault as any."""
    one = stage(a=body(), b=body(), c=body())
    well = one.play

    def poisoned(name: str) -> Play:
        return SILENT if b"poison" in one.bodies[-1] else well(name)

    one.play = poisoned  # type: ignore[method-assign]

    async def play() -> None:
        config = configured(one.targets(), deadline_s=20.0, upstream="single")
        async with Router(config, transport=one.transport) as router, asyncio.TaskGroup() as calls:
            for number in range(50):
                for _ in range(2):
                    calls.create_task(ask(router, "complete", "poison"))
                assert await ask(router, "complete", f"hello {number}")
                assert set(states(router)) == {"closed"}
                await asyncio.sleep(2.0)

    perform(play())


def test_a_hedge_that_is_silent_with_the_first_is_judged_by_what_it_was_given(stage: MakeStage) -> None:
    one = stage(a=SILENT, b=SILENT)

    async def play() -> None:
        hedge = Hedge(after=1.0, budget_ratio=1.0)
        config = configured(one.targets(), deadline_s=5.0, hedge=hedge)
        async with Router(config, transport=one.transport) as router:
            for number in range(3):
                with pytest.raises(CallFailed) as caught:
                    await texts(router.stream(f"hi {number}"))
                found = [(each.why, each.began_s, each.ended_s) for each in caught.value.report.attempts]
                assert found == [("first", 0.0, 2.5), ("hedge", 1.0, pytest.approx(3.0))]
            assert [health.failures for health in router.health()] == [2, 0], "the third is in doubt until the next"

    perform(play())


def test_a_target_is_not_blamed_for_a_key_that_comes_late(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=3.0))

    async def slow() -> str:
        await asyncio.sleep(4.0)
        return "sk-abcdefghijkl"

    async def play() -> None:
        target = Target("openai", model="m", name="a", key=slow, base_url="https://a.test", first_delta_s=5.0)
        async with Router([target], transport=one.transport) as router:
            assert await texts(router.stream("hi")) == ["A"]
            assert now_s() == pytest.approx(7.0)

    perform(play())
