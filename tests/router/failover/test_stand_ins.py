"""`on`: a target that is left alone, or left out, for a kind is as good as failed with it, for as long as it lasts."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from standby.config import Hedge, Price

from stage import SILENT, Play, Stage, breaks_off, now_s, perform, refuses, says, status, texts
from standby import Config, ErrorKind, Route, Router, StreamInterrupted, Target

MakeStage = Callable[..., Stage]
SPARE = says("spare")
LEAD = says("lead")


def routed(stage: Stage, *names: str, on: dict[Any, list[str]], **settings: Any) -> Config:
    """A route over some of the targets; others stand by."""
    of_target = {name: settings.pop(name) for name in stage.scripts if name in settings}
    targets = {name: stage.targets(name, **of_target.get(name, {}))[0] for name in stage.scripts}
    return Config(targets=targets, routes={"r": Route(names, on=on, **settings)})


async def answers(router: Router, calls: int = 3, **options: Any) -> list[str]:
    return ["".join(await texts(router.stream("hi", **options))) for _ in range(calls)]


@pytest.mark.parametrize(
    ("kind", "failure", "back_s"),
    [
        ("rate_limited", status(429, retry_after="30"), 31),
        ("quota_exhausted", status(402), 601),
        ("auth", status(401), 61),
        ("not_found", status(404), 61),
    ],
)
@pytest.mark.parametrize("other", [(), ("b",)])
def test_a_park_wakes_the_stand_in_of_its_kind_in_every_call_until_it_ends(
    stage: MakeStage, kind: str, failure: Play, back_s: float, other: tuple[str, ...]
) -> None:
    one = stage(a=lambda at_s: failure if at_s < 1 else LEAD, b=says("b"), spare=SPARE, another=SILENT)
    unmeant = "server_error"
    config = routed(one, "a", *other, on={kind: ["spare"], unmeant: ["another"]})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert await answers(router, deadline_s=5) == ["spare"] * 3
            await asyncio.sleep(back_s - now_s())
            assert await answers(router) == ["lead"] * 3

    perform(play())
    assert one.count("spare") == 3
    assert one.count("b") == one.count("another") == 0


def test_an_open_breaker_wakes_the_stand_in_of_the_kind_that_opened_it(stage: MakeStage) -> None:
    one = stage(a=refuses(), spare=SPARE, another=says("another"))
    config = routed(one, "a", on={ErrorKind.CONNECT: ["spare"], ErrorKind.SERVER_ERROR: ["another"]})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert await answers(router, 8) == ["spare"] * 8
            assert router.health()[0].state == "open"

    perform(play())
    assert one.count("another") == 0


def test_a_probe_that_is_out_wakes_it_too(stage: MakeStage) -> None:
    one = stage(a=lambda at_s: refuses() if at_s < 1 else says("lead", first_s=3), spare=SPARE)
    config = routed(one, "a", on={"connect": ["spare"]})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            await answers(router, 5)
            await asyncio.sleep(6 - now_s())
            probe = asyncio.create_task(answers(router, 1))
            await asyncio.sleep(1)
            assert await answers(router, 1) == ["spare"]
            assert await probe == ["lead"]

    perform(play())


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("kind", "capabilities", "asked"),
    [
        ("context_length", {"context_window": 10}, {"messages": "word " * 400}),
        ("unsupported", {"tools": False}, {"messages": "hi", "tools": [TOOL]}),
    ],
)
def test_what_is_left_out_before_it_is_asked_wakes_its_stand_in(
    stage: MakeStage, kind: str, capabilities: dict[str, Any], asked: dict[str, Any]
) -> None:
    one = stage(a=LEAD, spare=SPARE)
    config = routed(one, "a", on={kind: ["spare"]}, a={"capabilities": capabilities})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert [(await router.complete(**asked)).text for _ in range(2)] == ["spare"] * 2
            assert (await router.complete("hi")).text == "lead"

    perform(play())


def test_what_its_dialect_cannot_say_wakes_the_stand_in_of_another(stage: MakeStage) -> None:
    one = stage(a=LEAD, spare=SPARE)
    spare = Target("koala", name="spare", key="k")
    config = Config(
        targets={"a": one.targets("a")[0], "spare": spare}, routes={"r": Route(("a",), on={"unsupported": ("spare",)})}
    )

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            asked = router.explain("hi", route="r", extra={"n": 3}).asked
            assert [each.target for each in asked] == ["spare"]

    perform(play())


def test_a_target_without_a_key_wakes_its_stand_in(stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    one = stage(a=LEAD, spare=SPARE)
    keyless = Target("openai", model="m", name="a", base_url="https://a.test")
    config = Config(
        targets={"a": keyless, "spare": one.targets("spare")[0]},
        routes={"r": Route(("a",), on={ErrorKind.AUTH: ("spare",)})},
    )

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert await answers(router, 2) == ["spare"] * 2

    perform(play())


def test_what_cannot_sign_a_request_is_told_by_a_plan_and_wakes_its_stand_in(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    one = stage(spare=SPARE)
    credentials = {"access_key_id": "AKIATEST", "secret_access_key": "secret-of-the-test"}
    unsigned = Target("bedrock", model="m", name="a", options=credentials)
    config = Config(
        targets={"a": unsigned, "spare": one.targets("spare")[0]}, routes={"r": Route(("a",), on={"auth": ("spare",)})}
    )

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            plan = router.explain()
            assert plan.targets[0].skipped is not None
            assert (plan.targets[0].skipped.reason, [each.target for each in plan.asked]) == ("no_key", ["spare"])
            assert "no region" in plan.targets[0].skipped.detail
            assert await answers(router, 2) == ["spare"] * 2

    perform(play())


def test_a_well_target_comes_before_the_stand_in_of_one_behind_it(stage: MakeStage) -> None:
    one = stage(a=LEAD, b=status(401), spare=SPARE)
    config = routed(one, "a", "b", on={"auth": ["spare"]})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert await answers(router, 1, targets=["b", "spare"]) == ["spare"]
            assert {each.target for each in router.health() if each.state == "parked"} == {"b"}
            assert await answers(router, 2) == ["lead"] * 2

    perform(play())
    assert one.count("spare") == 1


def test_a_stand_in_that_is_parked_itself_wakes_its_own(stage: MakeStage) -> None:
    one = stage(a=status(401), spare=status(429, retry_after="50"), last=says("last"))
    config = routed(one, "a", on={"auth": ["spare"], "rate_limited": ["last"]})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert await answers(router) == ["last"] * 3

    perform(play())
    assert (one.count("a"), one.count("spare")) == (1, 1)


def test_a_silent_target_is_hedged_by_the_stand_in_of_one_that_is_parked(stage: MakeStage) -> None:
    one = stage(a=says("lead", first_s=9), b=status(401), spare=SPARE)
    config = routed(one, "a", "b", on={"auth": ["spare"]}, hedge=Hedge(after=1, budget_ratio=1))

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            await answers(router, 1, targets=["b", "spare"])
            began_s = now_s()
            assert await answers(router, 1, route="r") == ["spare"]
            assert now_s() == began_s + 1

    perform(play())


def test_the_deadline_is_split_for_a_stand_in_that_is_due(stage: MakeStage) -> None:
    one = stage(a=SILENT, b=status(401), spare=SPARE)
    config = routed(one, "a", "b", on={"auth": ["spare"]})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            await answers(router, 1, targets=["b", "spare"])
            assert await answers(router, 1, route="r", deadline_s=8) == ["spare"]

    perform(play())


def test_the_plan_has_the_stand_in_in_its_turn(stage: MakeStage) -> None:
    one = stage(a=status(401), b=says("b"), spare=SPARE)
    config = routed(one, "a", "b", on={"auth": ["spare"]})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert [each.target for each in router.explain(route="r").asked] == ["a", "b"]
            await answers(router, 1)
            assert [each.target for each in router.explain(route="r").asked][:2] == ["spare", "b"]

    perform(play())


def test_an_answer_that_broke_off_wakes_the_stand_in_of_its_kind(stage: MakeStage) -> None:
    one = stage(a=breaks_off("sp"), spare=SPARE, another=SPARE)
    config = routed(one, "a", on={"truncated": ["spare"], "stalled": ["another"]}, mid_stream=("replay",))

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert await answers(router, 1) == ["spare"]

    perform(play())
    assert (one.count("spare"), one.count("another")) == (1, 0)


def test_an_answer_that_broke_off_for_another_kind_wakes_nothing(stage: MakeStage) -> None:
    one = stage(a=breaks_off("sp"), spare=SPARE)
    config = routed(one, "a", on={"stalled": ["spare"]}, mid_stream=())

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            with pytest.raises(StreamInterrupted):
                await answers(router, 1)

    perform(play())
    assert one.count("spare") == 0


def test_a_target_that_is_isolated_wakes_its_stand_in_until_it_is_restored(stage: MakeStage) -> None:
    one = stage(a=LEAD, spare=SPARE)
    config = routed(one, "a", on={"isolated": ["spare"]})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            router.isolate("a")
            assert await answers(router, 2) == ["spare"] * 2
            router.restore("a")
            assert await answers(router, 1) == ["lead"]

    perform(play())


def test_a_budget_that_is_spent_wakes_its_stand_in(stage: MakeStage) -> None:
    one = stage(a=LEAD, spare=SPARE)
    price = Price(input=1e6, output=1e6)
    config = routed(one, "a", on={"budget": ["spare"]}, a={"price": price, "budget_day": 1e-6})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert await answers(router, 2) == ["spare"] * 2

    perform(play())
    assert one.count("a") == 0


def test_a_target_whose_queue_is_full_wakes_its_stand_in(stage: MakeStage) -> None:
    one = stage(a=says("lead", first_s=5), spare=SPARE)
    config = routed(one, "a", on={"rate_limited": ["spare"]}, a={"concurrency": 1})

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            first = asyncio.create_task(answers(router, 1))
            await asyncio.sleep(1)
            assert await answers(router, 1, deadline_s=60) == ["lead"], "it is merely full: its turn comes"
            assert await first == ["lead"]
            for _ in range(30):  # how long it takes is known
                await answers(router, 1)
            busy = asyncio.create_task(answers(router, 1))
            await asyncio.sleep(1)
            assert await answers(router, 1, deadline_s=2) == ["spare"], "its turn would come too late"
            await busy

    perform(play())


@pytest.mark.parametrize("collected", [True, False])
def test_silence_leaves_its_stand_in_a_share_of_the_deadline(stage: MakeStage, collected: bool) -> None:
    one = stage(a=SILENT, spare=SPARE, another=says("another"))
    config = routed(one, "a", on={"first_token_timeout": ["spare"], "stalled": ["another"]}, deadline_s=20)

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert [each.silent_until_s for each in router.explain().asked] == [10, 20]
            said = (await router.complete("hi")).text if collected else (await answers(router, 1))[0]
            assert (said, now_s()) == ("spare", 10)

    perform(play())


def test_silence_is_alone_where_what_stands_by_waits_for_something_else(stage: MakeStage) -> None:
    one = stage(a=SILENT, spare=SPARE)
    config = routed(one, "a", on={"stalled": ["spare"]}, deadline_s=20)

    async def play() -> None:
        async with Router(config, transport=one.transport) as router:
            assert [each.silent_until_s for each in router.explain().asked] == [20]

    perform(play())
    assert one.asked == []


def test_what_breaks_off_is_not_asked_again_before_its_stand_in(stage: MakeStage) -> None:
    one = stage(a=breaks_off("half"), spare=SPARE)

    async def play() -> None:
        async with Router(routed(one, "a", on={"truncated": ["spare"]}), transport=one.transport) as router:
            assert (await router.complete("hi")).text == "spare"

    perform(play())
    assert [name for _, name in one.asked] == ["a", "spare"]
