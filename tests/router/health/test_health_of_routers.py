"""Health as a Router lives it: keys, isolation, snapshots, changes, slow calls and recovery, in virtual time."""

import asyncio
import json
import os
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from standby.config import Health, Hedge, Secret
from standby.router import HealthSnapshot

from canaries import CANARY_KEY, CANARY_PROMPT, assert_no_canary
from stage import SILENT, Play, Stage, now_s, perform, refuses, says, status, texts
from standby import (
    CallFailed,
    Config,
    ConfigError,
    ErrorKind,
    HealthChanged,
    NoTargetAvailable,
    Route,
    Router,
    Target,
    WrongLoop,
)

MakeStage = Callable[..., Stage]
ONE, TWO, THREE = (CANARY_KEY + str(number) for number in (1, 2, 3))
BAD_KEY = status(401)


def with_keys(*keys: object, **settings: object) -> Target:
    return Target("openai", model="m", name="a", keys=keys, base_url="https://a.test", **settings)  # type: ignore[arg-type]


def by_key(one: Stage, plays: dict[str, Play]) -> Callable[[float], Play]:
    """Each key has its own play; any other is well."""

    def play(_: float) -> Play:
        return plays.get(used(one)[-1], says("A"))

    return play


def used(one: Stage) -> list[str]:
    return [headers["authorization"].removeprefix("Bearer ") for headers in one.headers]


def health_of(router: Router, name: str = "a") -> HealthSnapshot:
    [found] = [each for each in router.health() if each.target == name]
    return found


def router_of(one: Stage, *targets: Target, rng: int = 7, health: Health | None = None, **route: object) -> Router:
    config = Config(routes={"r": Route(targets, **route)}, health=health or Health())  # type: ignore[arg-type]
    return Router(config, rng=random.Random(rng), transport=one.transport)


# Keys


@pytest.mark.parametrize("refusal", [BAD_KEY, status(402), status(429, retry_after="60"), status(429)])
def test_a_call_goes_on_with_the_next_key(stage: MakeStage, refusal: Play) -> None:
    one = stage()
    one.scripts["a"] = by_key(one, {ONE: refusal})

    async def play() -> None:
        async with router_of(one, with_keys(TWO, ONE, THREE)) as router:
            for _ in range(5):
                assert await texts(router.stream("hi")) == ["A"]
            assert now_s() == 0.0
            [park] = health_of(router).parks
            assert park.credential == "key-2"
            assert health_of(router).state == "closed"
            assert_no_canary(router.health())

    perform(play())
    assert used(one).count(ONE) == 1


def test_with_every_key_refused_the_call_ends_after_its_attempts(stage: MakeStage) -> None:
    one = stage(a=BAD_KEY)

    async def play() -> None:
        async with router_of(one, with_keys(ONE, TWO), all_open="fail") as router:
            with pytest.raises(CallFailed) as caught:
                await texts(router.stream("hi"))
            assert caught.value.kind is ErrorKind.AUTH
            assert [attempt.why for attempt in caught.value.report.attempts] == ["first", "retry"]
            with pytest.raises(NoTargetAvailable):
                await texts(router.stream("hi"))
            assert_no_canary(caught.value)

    perform(play())
    assert sorted(used(one)) == [ONE, TWO]


def test_a_key_callback_that_raises_leaves_the_others(stage: MakeStage) -> None:
    async def broken() -> str:
        raise RuntimeError(ONE)

    one = stage(a=says("A"))

    async def play() -> None:
        async with router_of(one, with_keys(broken, TWO)) as router:
            for _ in range(4):
                assert await texts(router.stream("hi")) == ["A"]

    perform(play())
    assert used(one) == [TWO] * 4


def test_a_key_callback_that_hangs_ends_with_the_first_delta_clock(stage: MakeStage) -> None:
    async def hanging() -> str:
        await asyncio.sleep(1e9)
        return ONE

    one = stage(b=says("B"))
    a = Target("openai", model="m", name="a", key=hanging, base_url="https://a.test", first_delta_s=4)

    async def play() -> None:
        async with router_of(one, a, *one.targets("b")) as router:
            assert await texts(router.stream("hi")) == ["B"]
            assert now_s() == 4.0
            assert health_of(router).state == "closed"

    perform(play())


def test_a_key_that_was_renewed_meanwhile_is_tried_at_once(stage: MakeStage, tmp_path: Path) -> None:
    """The old key is revoked while a call is under way: no target is left alone for that (F112)."""
    file = tmp_path / "key"
    file.write_text("old-key")
    one = stage()

    def play_of(_: float) -> Play:
        if used(one)[-1] == "new-key":
            return says("A")
        file.write_text("new-key\n")
        os.utime(file, ns=(1, 1))
        return BAD_KEY

    one.scripts["a"] = play_of
    a = Target("openai", model="m", name="a", key_file=str(file), base_url="https://a.test")

    async def play() -> None:
        async with router_of(one, a) as router:
            assert await texts(router.stream("hi")) == ["A"]
            assert now_s() == 0.0
            assert health_of(router).parks == ()

    perform(play())
    assert used(one) == ["old-key", "new-key"]


def test_a_refused_key_from_a_callback_is_asked_for_anew_and_then_left_alone(stage: MakeStage) -> None:
    calls = 0

    async def key() -> Secret:
        nonlocal calls
        calls += 1
        return Secret("always the same")

    one = stage(a=BAD_KEY)
    a = Target("openai", model="m", name="a", key=key, base_url="https://a.test")

    async def play() -> None:
        async with router_of(one, a, all_open="fail") as router:
            with pytest.raises(CallFailed):
                await texts(router.stream("hi"))
            assert health_of(router).state == "parked"

    perform(play())
    assert (len(one.asked), calls) == (1, 2)


# By hand


def test_an_isolated_target_gets_no_calls_and_finishes_those_it_has(stage: MakeStage) -> None:
    one = stage(a=says("A", "A", every_s=5.0), b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            under_way = router.stream("hi")
            async with under_way:
                text = under_way.text()
                assert await anext(text) == "A"
                router.isolate("a")
                assert await texts(router.stream("hi")) == ["B"]
                assert [piece async for piece in text] == ["A"]
            router.restore("a")
            assert await texts(router.stream("hi")) == ["A", "A"]

    perform(play())


@pytest.mark.parametrize("all_open", ["wait", "last_resort", "fail"])
def test_no_call_waits_for_an_isolated_target_nor_asks_it_as_a_last_resort(stage: MakeStage, all_open: str) -> None:
    one = stage(a=says("A"))

    async def play() -> None:
        async with router_of(one, *one.targets(), all_open=all_open) as router:
            router.isolate("a")
            with pytest.raises(NoTargetAvailable) as caught:
                await texts(router.stream("hi"))
            assert caught.value.kind is ErrorKind.ISOLATED
            [skip] = caught.value.report.skipped
            assert (skip.reason, skip.until_s) == ("isolated", None)
            assert now_s() == 0.0
            json.dumps(caught.value.report.to_dict())

    perform(play())
    assert one.asked == []


def test_an_isolation_ends_by_itself(stage: MakeStage) -> None:
    one = stage(a=says("A"), b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            router.isolate("a", for_s=60)
            assert await texts(router.stream("hi")) == ["B"]
            await asyncio.sleep(60)
            assert await texts(router.stream("hi")) == ["A"]

    perform(play())


def test_who_waits_is_woken_by_a_restoration(stage: MakeStage) -> None:
    one = stage(a=[BAD_KEY, says("A")])

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(CallFailed):
                await texts(router.stream("hi"))
            waiting = asyncio.create_task(texts(router.stream("hi")))
            await asyncio.sleep(7)
            router.restore("a")
            assert await waiting == ["A"]
            assert now_s() == 7.0

    perform(play())


def test_by_hand_only_what_is_there_and_makes_sense(stage: MakeStage) -> None:
    one = stage(a=says("A"), b=says("B"))

    async def play() -> None:
        router = one.router()
        for act in (router.health, lambda: router.isolate("a"), lambda: router.restore("a")):
            with pytest.raises(WrongLoop):
                act()
        async with router:
            with pytest.raises(ConfigError, match="no target 'c'; there are a, b"):
                router.isolate("c")
            with pytest.raises(ConfigError, match="no target"):
                router.restore("c")
            for for_s in (0, -1, float("inf"), float("nan")):
                with pytest.raises(ConfigError, match="for_s must be"):
                    router.isolate("a", for_s)

    perform(play())


# What is shown


def test_a_snapshot_shows_all_targets_before_any_is_asked(stage: MakeStage) -> None:
    one = stage(a=says("A"), b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            first, second = router.health()
            assert (first.target, second.target) == ("a", "b")
            assert (first.state, first.reason, first.until_s, first.parks, first.share) == ("closed", None, None, (), 1)
            assert (first.first_delta_ewma_s, first.tokens_per_s, first.retry_tokens) == (None, None, 10.0)

    perform(play())


def test_a_snapshot_shows_what_happened(stage: MakeStage) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":40,"total_tokens":43}}\n\n'
    well = says("A", "A", first_s=0.5, every_s=1.0)
    counted = Play([*well.body[:-1], (1.0, well.body[-1][1].replace(b"data: [DONE]", usage + b"data: [DONE]"))])
    one = stage(a=[counted, *[refuses()] * 5, SILENT])

    async def play() -> None:
        async with one.router() as router:
            await texts(router.stream(CANARY_PROMPT))
            seen = health_of(router)
            assert seen.first_delta_ewma_s == pytest.approx(0.5)
            assert seen.tokens_per_s == pytest.approx(40 / 2)
            assert (seen.calls, seen.failures, seen.failure_ratio) == (1, 0, 0.0)
            for _ in range(5):
                with pytest.raises(CallFailed):
                    await texts(router.stream("hi", deadline_s=1))
            seen = health_of(router)
            assert (seen.state, seen.reason, seen.calls) == ("open", "connect", 6)
            assert seen.failure_ratio == pytest.approx(5 / 6)
            assert seen.until_s is not None
            assert 4.5 <= seen.until_s - seen.at_s <= 5.0
            await asyncio.sleep(5)
            probe = asyncio.create_task(texts(router.stream("hi", deadline_s=2)))
            await asyncio.sleep(1)
            assert (health_of(router).state, health_of(router).probing) == ("half_open", True)
            assert json.loads(json.dumps(health_of(router).to_dict()))["reason"] == "connect"
            with pytest.raises(CallFailed):
                await probe
            assert_no_canary(router.health())

    perform(play())


def test_percentiles_come_with_experience(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=0.25))

    async def play() -> None:
        async with one.router() as router:
            for calls, known in ((19, None), (1, pytest.approx(0.25))):
                for _ in range(calls):
                    await texts(router.stream("hi"))
                seen = health_of(router)
                assert (seen.first_delta_p50_s, seen.first_delta_p95_s, seen.first_delta_p99_s) == (known,) * 3

    perform(play())


def test_listeners_hear_every_change_and_one_that_raises_harms_nothing(
    stage: MakeStage, caplog: pytest.LogCaptureFixture
) -> None:
    one = stage(a=lambda at_s: refuses() if at_s < 60 else says("A"), b=says("B"))
    heard: list[HealthChanged] = []

    def raising(change: HealthChanged) -> None:
        raise RuntimeError(CANARY_PROMPT)

    async def play() -> None:
        router = one.router()
        router.on_health_change += [raising, heard.append]
        async with router:
            while now_s() < 90:
                assert await texts(router.stream("hi"))
                await asyncio.sleep(1)
            assert router.notices.listeners_raised == len(heard)

    perform(play())
    states = [change.now for change in heard]
    assert (states[0], states[-1]) == ("open", "closed")
    assert [change.was for change in heard[1:]] == states[:-1]
    raised = [record for record in caplog.records if "observer_raised" in record.getMessage()]
    assert len(raised) == 1
    lines = [record.getMessage() for record in caplog.records if "standby.health" in record.getMessage()]
    assert len(lines) == len(heard)


def test_a_listener_may_act_on_what_it_hears(stage: MakeStage) -> None:
    one = stage(a=BAD_KEY, b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            router.on_health_change.append(
                lambda change: router.isolate(change.target) if change.reason == "auth" else None
            )
            assert await texts(router.stream("hi")) == ["B"]
            assert health_of(router).state == "isolated"

    perform(play())


# Slow calls (F72, F92)


def test_a_slow_target_is_left_alone_without_a_single_error(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=4.0), b=says("B"))

    async def play(health: Health, last: str) -> None:
        async with router_of(one, *one.targets(), health=health) as router:
            for _ in range(12):
                answer = await texts(router.stream("hi"))
            assert answer == [last]
            assert health_of(router).state == ("closed" if last == "A" else "open")

    perform(play(Health(slow_call_s=2, window_min_calls=5), "B"))
    perform(play(Health(slow_call_s=5, window_min_calls=5), "A"))
    perform(play(Health(), "A"))


def test_a_slow_target_that_hedges_beat_is_still_seen_to_be_slow(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=4.0), b=says("B"))

    async def play() -> None:
        hedge, health = Hedge(after=3.0, budget_ratio=1.0), Health(slow_call_s=2, window_min_calls=5)
        async with router_of(one, *one.targets(), health=health, hedge=hedge) as router:
            for _ in range(8):
                await texts(router.stream("hi"))
            seen = health_of(router)
            assert (seen.state, seen.reason, seen.failures, seen.slow_ratio) == ("open", "slow", 0, 1.0)

    perform(play())


def test_time_in_which_the_loop_stood_still_makes_no_target_slow(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=0.5))
    heard: list[HealthChanged] = []

    async def play() -> None:
        loop = asyncio.get_running_loop()
        router = router_of(one, *one.targets(), health=Health(slow_call_s=1, window_min_calls=1))
        router.on_health_change.append(heard.append)
        async with router:
            for _ in range(20):
                call = asyncio.create_task(texts(router.stream("hi")))
                await asyncio.sleep(0.1)
                loop.stall(5.0)  # type: ignore[attr-defined]  # a callback that blocked for so long
                assert await call == ["A"]
            assert health_of(router).slow_ratio == 0.0

    perform(play())
    assert heard == []


def test_a_long_answer_that_began_in_time_is_not_slow(stage: MakeStage) -> None:
    one = stage(a=says(*"0123456789", first_s=0.5, every_s=3.0))

    async def play() -> None:
        async with router_of(one, *one.targets(), health=Health(slow_call_s=1, window_min_calls=1)) as router:
            assert len(await texts(router.stream("hi"))) == 10
            seen = health_of(router)
            assert (seen.calls, seen.slow_ratio) == (1, 0.0)

    perform(play())


# Recovery (I23, I25, F76)


@pytest.mark.parametrize("healed_s", [61.0, 67.3, 75.0, 88.8, 101.1])
def test_traffic_is_back_within_one_open_interval_and_stays(stage: MakeStage, healed_s: float) -> None:
    one = stage(a=lambda at_s: refuses() if at_s < healed_s else says("A"), b=says("B"))
    heard: list[HealthChanged] = []
    health = Health()

    async def play() -> None:
        router = router_of(one, *one.targets(), health=health)
        router.on_health_change.append(heard.append)
        async with router:
            for tick in range(1200):
                assert await texts(router.stream("hi"))
                await asyncio.sleep(tick * 0.25 + 0.25 - now_s())

    perform(play())
    closed = [change for change in heard if change.now == "closed"]
    assert len(closed) == 1, "it does not flap"
    opened = [change for change in heard if change.now == "open"]
    last_open_s = (opened[-1].until_s or 0.0) - opened[-1].at_s
    assert closed[0].at_s - healed_s <= 1.1 * min(last_open_s, health.open_max_s)
    for was, now in pairwise(opened):
        assert now.at_s >= (was.until_s or 0.0), "one probe an interval"
    ramp_s = [at_s for at_s, name in one.asked if name == "a" and closed[0].at_s < at_s <= closed[0].at_s + 4]
    full_s = [at_s for at_s, name in one.asked if name == "a" and at_s > closed[0].at_s + health.slow_start_s]
    assert len(ramp_s) < 10, "sixteen calls in four seconds, of which a growing share comes back"
    rest_s = 300 - closed[0].at_s - health.slow_start_s
    assert len(full_s) == pytest.approx(rest_s * 4, abs=8), "then all of them"


@pytest.mark.parametrize("hedge", [None, Hedge(after=5.0, budget_ratio=1.0)], ids=["plain", "hedged"])
def test_a_thousand_waiting_calls_send_one_probe(stage: MakeStage, hedge: Hedge | None) -> None:
    one = stage(a=lambda at_s: refuses() if at_s < 3 else says("A", first_s=0.5))

    async def play() -> None:
        async with router_of(one, *one.targets(), hedge=hedge) as router:
            for _ in range(5):
                with pytest.raises(CallFailed):
                    await texts(router.stream("hi", deadline_s=0.1))
            answers = await asyncio.gather(*(texts(router.stream("hi", deadline_s=60)) for _ in range(1000)))
            assert answers == [["A"]] * 1000

    perform(play())
    probes = [at_s for at_s, _ in one.asked if at_s >= 3]
    assert len([at_s for at_s in probes if at_s < probes[0] + 0.5]) == 1
