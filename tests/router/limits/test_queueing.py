"""Calls at a target's limits, in virtual time: they wait in order within their deadline, or another target answers."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standby.config import Health, Hedge, Price, Retry
from standby.router.limits.limiter import TargetLimits
from standby.router.router import begin_call

from stage import SILENT, Play, Stage, breaks_off, now_s, perform, says, status, texts
from standby import CallFailed, Config, ErrorKind, NoTargetAvailable, Route, Router, Target

MakeStage = Callable[..., Stage]


def limits_of(router: Router, place: int = 0) -> TargetLimits:
    """The limits of the first route's target."""
    shared = router._shared
    assert shared is not None
    route = next(iter(router.config.routes.values()))
    return shared.generation.live(route.placed()[place][1]).limits


def limited(one: Stage, route: dict[str, Any] | None = None, health: Health | None = None, **sizes: Any) -> Router:
    """A Router over the stage's targets, the first of which is limited."""
    first, *rest = one.targets()
    config = Config(routes={"r": Route((replace(first, **sizes), *rest), **(route or {}))}, health=health or Health())
    return Router(config, rng=random.Random(7), transport=one.transport)


async def answered(router: Router, **options: Any) -> tuple[float, str]:
    """When a call was over, and with what: the answering target, or the kind of the failure."""
    try:
        outcome = (await router.complete("hi", **options)).target
    except CallFailed as failed:
        outcome = failed.kind.value
    return now_s(), outcome


def test_what_is_full_is_waited_for_in_order(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=1.0))

    async def play() -> None:
        async with limited(one, concurrency=1) as router:
            order: list[int] = []

            async def call(number: int) -> None:
                answer = await router.complete("hi")
                order.append(number)
                waited = [(wait.reason, wait.at_s, wait.for_s) for wait in answer.report.waits]
                assert waited == ([("queue", 0.0, float(number))] if number else [])
                assert [attempt.why for attempt in answer.report.attempts] == ["first"]

            await asyncio.gather(*(call(number) for number in range(6)))
            assert (order, now_s()) == ([0, 1, 2, 3, 4, 5], 6.0)
            assert (limits_of(router).in_flight, len(limits_of(router).queue)) == (0, 0)

    perform(play())
    assert [at_s for at_s, _ in one.asked] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize("all_open", ["wait", "fail", "last_resort"])
def test_full_is_no_outage_whatever_the_route_says_of_outages(stage: MakeStage, all_open: str) -> None:
    one = stage(a=says("A", first_s=1.0))

    async def play() -> None:
        async with limited(one, {"all_open": all_open}, concurrency=1) as router:
            assert len(await asyncio.gather(*(router.complete("hi") for _ in range(3)))) == 3

    perform(play())
    assert [at_s for at_s, _ in one.asked] == [0.0, 1.0, 2.0]


def test_another_target_answers_what_does_not_fit(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=1.0), b=says("B", first_s=1.0))

    async def play() -> None:
        async with limited(one, concurrency=2) as router:
            answers = await asyncio.gather(*(router.complete("hi") for _ in range(5)))
            assert [answer.target for answer in answers] == ["a", "a", "b", "b", "b"]
            assert now_s() == 1.0
            [skip] = answers[-1].report.skipped
            assert (skip.target, skip.reason, skip.detail) == ("a", "limit", "2 of 2 calls are in flight")

    perform(play())


def test_a_wait_ends_when_another_target_is_free(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=9.0), b=[status(401), says("B", first_s=1.0)])

    async def play() -> None:
        async with limited(one, health=Health(park_auth_s=3.0), concurrency=1) as router:
            await asyncio.gather(router.complete("hi"), router.complete("hi"), answered(router))
            assert [(at_s, name) for at_s, name in one.asked if name == "b"][1] == (3.0, "b")

    perform(play())


def test_a_wait_is_no_longer_than_the_deadline(stage: MakeStage) -> None:
    one = stage(a=SILENT)

    async def play() -> None:
        async with limited(one, concurrency=1) as router:
            silent = asyncio.create_task(answered(router))
            await asyncio.sleep(0)
            with pytest.raises(NoTargetAvailable) as failed:
                await router.complete("hi", deadline_s=2.0)
            assert failed.value.kind is ErrorKind.DEADLINE
            assert 1.97 <= now_s() <= 2.0
            assert "1 of 1 calls are in flight" in str(failed.value)
            assert len(limits_of(router).queue) == 0
            silent.cancel()
            await asyncio.wait([silent])

    perform(play())


def test_no_call_waits_for_what_comes_after_the_deadline(stage: MakeStage) -> None:
    one = stage(a=says("A"))

    async def play() -> None:
        async with limited(one, requests_per_min=3) as router:
            for _ in range(3):
                await router.complete("hi")
            assert await answered(router, deadline_s=60.0) == (0.0, "rate_limited")
            assert now_s() == 0.0
            assert (await router.complete("hi", deadline_s=62.0)).target == "a"
            assert now_s() == 61.0

    perform(play())


def test_a_minute_of_requests_holds_retries_and_hedges_too(stage: MakeStage) -> None:
    rng = random.Random(5)
    one = stage(a=lambda _: rng.choice([says("A", first_s=2.0), status(503), breaks_off("A")]))

    async def play() -> None:
        async with limited(one, {"hedge": Hedge(after=1.0, budget_ratio=1.0)}, requests_per_min=20) as router:
            calls = []
            for _ in range(300):
                calls.append(asyncio.create_task(answered(router, deadline_s=100.0)))
                await asyncio.sleep(1.0)
            await asyncio.gather(*calls)

    perform(play())
    instants = [at_s for at_s, _ in one.asked]
    assert len(instants) > 60
    assert max(sum(1 for at_s in instants if from_s <= at_s < from_s + 60) for from_s in instants) <= 20


def overload(
    one: Stage, *, calls_per_s: float, for_s: float, whole: bool, deadline_s: float, **sizes: Any
) -> list[tuple[float, float, str]]:
    """Much more than a target is let take: when each call began and was over, and with what."""
    rng = random.Random(11)
    ends: list[tuple[float, float, str]] = []

    async def call(router: Router) -> None:
        began_s = now_s()
        try:
            if whole:
                target = (await router.complete("hi", deadline_s=deadline_s)).target
                ended_s = now_s()
            else:
                async with router.stream("hi", deadline_s=deadline_s) as stream:
                    await anext(stream)
                    ended_s = now_s()
                    _ = [event async for event in stream]
                    target = stream.report.target or ""
        except CallFailed as failed:
            ended_s, target = now_s(), failed.kind.value
        ends.append((began_s, ended_s, target))

    async def play() -> None:
        async with limited(one, **sizes) as router:
            calls = []
            while now_s() < for_s:
                calls.append(asyncio.create_task(call(router)))
                await asyncio.sleep(rng.expovariate(calls_per_s))
            await asyncio.gather(*calls)
            assert (limits_of(router).in_flight, len(limits_of(router).queue)) == (0, 0)

    perform(play())
    return ends


USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":900,"total_tokens":1000}}\n\n'


def quick(rng: random.Random) -> Callable[[float], Play]:
    """Answers within about a second, and counts a thousand tokens."""

    def script(_: float) -> Play:
        first, last = says("x", "y", first_s=rng.uniform(0.2, 0.8), every_s=rng.uniform(0.1, 0.4)).body, USAGE
        return Play([*first[:-1], (first[-1][0], first[-1][1].replace(b"data: [DONE]", last + b"data: [DONE]"))])

    return script


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("sizes", "per_s", "for_s", "deadline_s"),
    [
        ({"concurrency": 10}, 10.0, 30.0, 2.5),
        ({"concurrency": 10}, 10.0, 40.0, 20.0),
        ({"requests_per_min": 60}, 1.0, 240.0, 20.0),
        ({"requests_per_min": 60}, 1.0, 240.0, 150.0),
        ({"tokens_per_min": 60_000}, 1.0, 240.0, 90.0),
    ],
    ids=["calls, short deadline", "calls", "requests, short deadline", "requests", "tokens"],
)
def test_at_five_times_a_limit_nearly_all_of_it_is_used_and_no_call_outlasts_the_deadline(
    stage: MakeStage, sizes: dict[str, int], per_s: float, for_s: float, deadline_s: float, whole: bool
) -> None:
    one = stage(a=quick(random.Random(3)))
    ends = overload(one, calls_per_s=5 * per_s, for_s=for_s, whole=whole, deadline_s=deadline_s, **sizes)
    goodput = sum(1 for _, ended_s, target in ends if target == "a" and ended_s <= for_s) / for_s
    assert goodput >= 0.9 * per_s
    assert all(ended_s <= began_s + deadline_s + 1e-6 for began_s, ended_s, _ in ends)
    assert {target for _, _, target in ends} <= {"a", "rate_limited", "deadline"}
    refused = [ended_s - began_s for began_s, ended_s, target in ends if target == "rate_limited"]
    assert sorted(refused)[len(refused) // 2] == 0.0  # most calls that cannot be served know it at once


def test_at_five_times_a_limit_another_target_answers_the_excess(stage: MakeStage) -> None:
    one = stage(a=quick(random.Random(3)), b=quick(random.Random(4)))
    ends = overload(one, calls_per_s=50.0, for_s=30.0, whole=True, deadline_s=10.0, concurrency=10)
    by_a = sum(1 for _, _, target in ends if target == "a")
    assert {target for _, _, target in ends} == {"a", "b"}
    assert by_a >= 0.9 * 10 * 30


def test_a_retry_waits_its_turn_like_any_call_and_counts_as_one(stage: MakeStage) -> None:
    one = stage(a=[status(503), says("A", first_s=5.0), status(503), status(503), says("never")])

    async def play() -> None:
        async with limited(one, concurrency=1) as router:
            first = asyncio.create_task(router.complete("hi"))
            await asyncio.sleep(0)
            assert (await router.complete("hi")).target == "a"  # takes the place while the first is in back-off
            with pytest.raises(CallFailed) as failed:
                await first
            report = failed.value.report
            assert [attempt.why for attempt in report.attempts] == ["first", "return", "retry"]
            assert report.attempts[1].began_s == 5.0
            assert [wait.reason for wait in report.waits] == ["backoff", "queue", "backoff"]
            assert limits_of(router).in_flight == 0

    perform(play())
    assert one.count("a") == 4


def test_what_a_provider_says_is_left_is_not_exceeded(stage: MakeStage) -> None:
    def left(number: int) -> Play:
        bucket = {"limit": "60", "reset": f"{60 - number}s", "remaining": str(number)}
        return replace(says("A"), headers={f"x-ratelimit-{name}-requests": value for name, value in bucket.items()})

    one = stage(a=[left(1), left(0)], b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            answers = [await router.complete("hi") for _ in range(3)]
            assert [answer.target for answer in answers] == ["a", "a", "b"]
            [skip] = answers[-1].report.skipped
            assert (skip.reason, skip.detail) == ("limit", "its provider says that no requests are left")
            assert skip.until_s == pytest.approx(1.0)
            await asyncio.sleep(1.001)
            assert (await router.complete("hi")).target == "a"
        async with one.router("a") as router:
            for _ in range(4):
                await router.complete("hi")
            assert now_s() == pytest.approx(1.001 + 3.0)

    perform(play())


def test_of_several_keys_nothing_is_learnt(stage: MakeStage) -> None:
    spent = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "59s"}
    one = stage(a=replace(says("A"), headers=spent))

    async def play() -> None:
        async with Router([replace(one.targets()[0], key=None, keys=("k1", "k2"))], transport=one.transport) as router:
            for _ in range(3):
                await router.complete("hi")
            assert now_s() == 0.0

    perform(play())


def test_leaving_the_line_lets_the_next_one_up(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=4.0))

    async def play() -> None:
        async with limited(one, concurrency=1) as router:
            calls = [asyncio.create_task(answered(router)) for _ in range(4)]
            await asyncio.sleep(1.0)
            stream = router.stream("hi")
            reader = asyncio.ensure_future(anext(stream, None))
            await asyncio.sleep(1.0)
            assert len(limits_of(router).queue) == 4
            calls[1].cancel()
            await stream.aclose()
            assert len(limits_of(router).queue) == 3
            await asyncio.sleep(0)
            assert len(limits_of(router).queue) == 2
            assert await reader is None
            assert await calls[2] == (8.0, "a")
            assert await calls[3] == (12.0, "a")

    perform(play())


def test_a_hedge_needs_a_place_at_once(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=5.0), b=says("B", first_s=3.0))

    async def play() -> None:
        a, b = one.targets()
        route = Route((a, replace(b, concurrency=1)), hedge=Hedge(after=1.0, budget_ratio=1.0))
        async with Router(Config(routes={"r": route}), rng=random.Random(7), transport=one.transport) as router:
            first, second = await asyncio.gather(router.complete("hi"), router.complete("hi"))
            assert [first.target, second.target] == ["b", "a"]
            assert [len(first.report.attempts), len(second.report.attempts)] == [2, 1]
            assert limits_of(router, 1).in_flight == 0

    perform(play())


def test_an_answer_that_broke_off_goes_before_waiting_calls(stage: MakeStage) -> None:
    one = stage(a=[breaks_off("1", "2"), says("1", "2", "3"), says("B")])

    async def play() -> None:
        async with limited(one, {"mid_stream": ("replay",)}, concurrency=1) as router:
            stream = router.stream("hi")
            async with stream:
                await anext(stream)
                waiting = asyncio.create_task(answered(router))
                await asyncio.sleep(1.0)
                rest = [event async for event in stream]
            assert any(getattr(event, "text", "") == "3" for event in rest)
            assert (await waiting)[1] == "a"

    perform(play())


def test_a_last_resort_respects_our_own_limits(stage: MakeStage) -> None:
    one = stage(a=Play(refuse=ErrorKind.CONNECT), b=says("B"))

    async def play() -> None:
        route = {"all_open": "last_resort"}
        async with limited(one, route, Health(failures_in_row=1, open_s=60.0), requests_per_min=1) as router:
            await router.complete("hi")
            assert (await router.complete("hi", deadline_s=5.0)).target == "b"
            one.scripts["b"] = status(401)
            assert await answered(router, deadline_s=5.0) == (0.0, "auth")

    perform(play())
    assert one.count("a") == 1


def test_explaining_shows_which_target_is_full_and_takes_nothing(stage: MakeStage) -> None:
    one = stage(a=says("A"), b=says("B"))

    async def play() -> None:
        async with limited(one, requests_per_min=1) as router:
            assert router.explain().targets[0].skipped is None
            await router.complete("hi")
            for _ in range(3):
                first, second = router.explain().targets
                assert first.skipped is not None
                assert (first.skipped.reason, first.skipped.until_s) == ("limit", 61.0)
                assert second.place == 1
            assert len(limits_of(router).queue) == 0

    perform(play())


def test_limits_outlive_a_change_of_the_configuration(stage: MakeStage) -> None:
    one = stage(a=says("A"))

    async def play() -> None:
        async with limited(one, requests_per_min=2) as router:
            for _ in range(2):
                await router.complete("hi")
            config = router.config
            [a] = config.routes["r"].targets
            assert isinstance(a, Target)
            router.swap(replace(config, routes={"r": Route((replace(a, requests_per_min=3),))}))
            await router.complete("hi")
            assert await answered(router, deadline_s=30.0) == (0.0, "rate_limited")

    perform(play())


def test_where_nothing_is_limited_calls_share_their_seats(stage: MakeStage) -> None:
    one = stage(a=says("A"), b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            shared = router._shared
            assert shared is not None
            call = begin_call(router, "hi", {}, whole=True)
            assert call._context.route_targets is shared.generation.route_targets(router.config.route(), "default")
            await call.next()

    perform(play())


ENDS = st.sampled_from(["answer", "fail", "break off", "stall", "limit", "refuse"])


@settings(max_examples=60, deadline=None)
@given(
    plays=st.lists(st.tuples(ENDS, st.floats(0.0, 2.0)), min_size=1, max_size=12),
    calls=st.lists(
        st.tuples(st.floats(0.0, 1.0), st.booleans(), st.none() | st.floats(0.0, 5.0), st.floats(0.1, 8.0)),
        min_size=1,
        max_size=14,
    ),
    sizes=st.fixed_dictionaries(
        {"concurrency": st.integers(1, 3)}, optional={"requests_per_min": st.integers(2, 9), "budget_day": st.just(0.5)}
    ),
    hedged=st.booleans(),
)
def test_whatever_happens_everything_is_given_back(
    plays: list[tuple[str, float]],
    calls: list[tuple[float, bool, float | None, float]],
    sizes: dict[str, Any],
    hedged: bool,
) -> None:
    """Random histories with cancels at any moment, while queued, asked, hedged, in back-off or between deltas."""
    turns = iter([*plays, *[("answer", 0.1)] * 1000])

    def script(_: float) -> Play:
        end, after_s = next(turns)
        if end == "fail":
            return replace(status(503), head_after_s=after_s)
        if end == "limit":
            return status(429, retry_after="1")
        if end == "refuse":
            return Play(refuse=ErrorKind.CONNECT)
        if end == "answer":
            return says("x", "y", first_s=after_s, every_s=after_s / 2)
        return replace(breaks_off("x", then="stall" if end == "stall" else "cut"), head_after_s=after_s)

    one = Stage(a=script, b=script)

    async def call(router: Router, whole: bool, deadline_s: float) -> None:
        try:
            if whole:
                await router.complete("hi", deadline_s=deadline_s)
            else:
                await texts(router.stream("hi", deadline_s=deadline_s))
        except CallFailed:
            return

    async def play() -> None:
        first, second = one.targets()
        priced = replace(first, price=Price(input=10_000, output=100), stall_s=1.0, **sizes)
        hedge = Hedge(after=0.2, budget_ratio=1.0) if hedged else None
        route = Route((priced, replace(second, concurrency=2)), hedge=hedge, budget_month=2.0)
        config = Config(routes={"r": route}, retry=Retry(backoff_s=0.3))
        async with Router(config, rng=random.Random(1), transport=one.transport) as router:
            leaving = []
            for pause_s, whole, leaves_after_s, deadline_s in calls:
                task = asyncio.create_task(call(router, whole, deadline_s))
                leaving.append(task)
                if leaves_after_s is not None:
                    asyncio.get_running_loop().call_later(leaves_after_s, task.cancel)
                await asyncio.sleep(pause_s)
            await asyncio.wait(leaving)
            shared = router._shared
            assert shared is not None
            for place in (0, 1):
                each = shared.generation.live(route.placed()[place][1])
                limits, ledger = each.limits, each.ledger
                assert (limits.in_flight, len(limits.queue), limits.queue.tokens) == (0, 0, 0)
                assert (ledger.reserved, ledger._reservations, len(ledger.queue)) == (0.0, 0, 0)
            route_ledger = shared._ledgers["default"]
            assert (route_ledger.reserved, route_ledger._reservations, len(route_ledger.queue)) == (0.0, 0, 0)
            assert not shared.waiting
            assert one.open == 0
            assert len(asyncio.all_tasks()) == 1

    perform(play())


def test_two_calls_that_find_the_last_place_in_line_in_one_turn_do_not_both_take_it(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a race: its task decides some turns of the loop before the call acts on it."""
    monkeypatch.setattr("standby.router.limits.queue.QUEUE_MAX", 1)
    one = stage(a=status(500), b=says("B", first_s=5.0))

    async def play() -> None:
        first, second = one.targets()
        hedge, once = Hedge(after=9.0, budget_ratio=1.0), Retry(attempts=1)
        route = Route((first, replace(second, concurrency=1)), hedge=hedge, retry=once)
        async with Router(
            Config(routes={"r": route}, health=Health(failures_in_row=99)), transport=one.transport
        ) as router:
            calls = [asyncio.create_task(answered(router))]
            await asyncio.sleep(1.0)
            calls += [asyncio.create_task(answered(router)) for _ in range(2)]
            outcomes = await asyncio.gather(*calls)
            assert outcomes == [(5.0, "b"), (10.0, "b"), (1.0, "server_error")]
            assert not limits_of(router, 1).queue

    perform(play())
