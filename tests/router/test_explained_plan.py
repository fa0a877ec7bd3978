"""`explain`: the plan tells the story that a call would live through, and leaves no trace."""

import asyncio
import json

import pytest
from standby.config import Health, Limits, Retry
from standby.providers.chat import chat_request
from standby.router.explain import explain
from standby.simulator.scenario.faults import At, Stall
from standby.simulator.scenario.reply import Failure
from standby.simulator.scenario.script import Script

from canaries import CANARY_KEY, CANARY_PROMPT, assert_no_canary
from standby import AllTargetsFailed, Config, ConfigError, ErrorKind, Route, Router, Target
from standby.testing import Simulator

TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}


def target(name: str, **settings: object) -> Target:
    return Target("openai", model="m-1", name=name, key=CANARY_KEY, **settings)  # type: ignore[arg-type]


def config(*targets: Target, **route: object) -> Config:
    return Config(routes={"default": Route(targets, **route)}, limits=Limits(reserve_s=3))  # type: ignore[arg-type]


def test_each_leaves_a_reserve_and_the_last_may_use_what_is_left() -> None:
    plan = explain(config(target("a"), target("b", first_delta_s=4), target("c"), deadline_s=60))
    turns = [(each.target, each.place, each.asked_s, each.silent_until_s) for each in plan.asked]
    assert turns == [("a", 1, 0, 10), ("b", 2, 10, 14), ("c", 3, 14, 60)]


def test_a_short_deadline_is_split() -> None:
    plan = explain(config(target("a"), target("b"), deadline_s=8))
    assert [(each.asked_s, each.silent_until_s) for each in plan.asked] == [(0, 5), (5, 8)]


def test_who_gets_no_time_is_left_out() -> None:
    plan = explain(config(target("a"), target("b"), target("c"), deadline_s=0.05))
    last = plan.targets[-1]
    assert last.place is None
    assert last.skipped is not None
    assert last.skipped.reason == "deadline"


def test_a_missing_key_is_named() -> None:
    plan = explain(Config.of_targets(("openai/m-1", target("b"))), environment={})
    first, second = plan.targets
    assert first.skipped is not None
    assert (first.skipped.reason, first.skipped.detail) == ("no_key", "no key: set OPENAI_API_KEY")
    assert second.place == 1


def test_what_it_cannot_do_is_named() -> None:
    plan = explain(
        config(target("a", capabilities={"tools": False}), target("b")), chat=chat_request("Look!", tools=[TOOL])
    )
    assert plan.targets[0].skipped is not None
    assert (plan.targets[0].skipped.reason, plan.targets[0].skipped.detail) == ("unsupported", "takes no tools")
    assert [each.target for each in plan.asked] == ["b"]


def test_what_a_dialect_cannot_say_is_named() -> None:
    plan = explain(config(target("a")), chat=chat_request("Look!", extra={"n": 3}))
    assert plan.targets[0].skipped is not None
    assert plan.targets[0].skipped.detail.startswith("cannot express n")
    assert plan.asked == ()


def test_who_is_asked_only_after_another_kind_of_failure() -> None:
    plan = explain(config(target("a"), on={ErrorKind.CONTEXT_LENGTH: (target("wide"),)}))
    wide = plan.targets[1]
    assert (wide.target, wide.place) == ("wide", None)
    assert wide.skipped is not None
    assert (wide.skipped.reason, wide.skipped.detail) == ("only_on", "only after context length")


def test_targets_in_tiers_are_all_there() -> None:
    route = Route((target("a"), (target("b"), target("c"))), select="weighted")
    plan = explain(Config(routes={"default": route}))
    assert [each.target for each in plan.asked] == ["a", "b", "c"]
    assert plan.select == "weighted"


def test_a_route_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="there is no route 'chatt'"):
        explain(config(target("a")), "chatt")


def test_it_shows_no_key_and_is_plain_json() -> None:
    plan = explain(config(target("a", headers={"x-key": CANARY_KEY})))
    assert_no_canary(plan)
    assert json.loads(json.dumps(plan.to_dict()))["targets"][0]["target"] == "a"


def played(simulator: Simulator, *names: str) -> Config:
    """A route over what the simulator plays; a refused key is forgiven at once."""
    targets = tuple(target(name, base_url=simulator.base_url(name)) for name in names)
    return Config(
        routes={"default": Route(targets, deadline_s=60)},
        health=Health(park_auth_s=0.001),
        retry=Retry(patience_s=0),
    )


async def test_a_running_router_shows_its_health(standby_simulator: Simulator) -> None:
    standby_simulator.play("a", Failure(ErrorKind.RATE_LIMITED, retry_after_s=5))
    standby_simulator.play("b", "Hello.")
    async with Router(played(standby_simulator, "a", "b")) as router:
        await router.complete(CANARY_PROMPT)
        plan = router.explain(CANARY_PROMPT)
        first, second = plan.targets
        assert second.place == 1
        assert first.place == 2  # its hint is over before the other is given up
        assert first.skipped is not None
        assert first.skipped.reason == "parked"
        assert first.skipped.until_s is not None
        assert 0 < first.skipped.until_s <= 5
        assert_no_canary(plan)


async def test_explaining_takes_no_lease(standby_simulator: Simulator) -> None:
    standby_simulator.play("a", Failure(ErrorKind.AUTH), "I am back.")
    async with Router(played(standby_simulator, "a")) as router:
        with pytest.raises(AllTargetsFailed):
            await router.complete("Are you there?")
        for _ in range(3):
            assert router.explain().targets[0].place == 1
        # One probe at a time: had a plan taken it, this call would wait for a return that never comes.
        assert (await router.complete("Are you there?", deadline_s=5)).text == "I am back."


async def test_while_a_probe_is_out_its_target_waits(standby_simulator: Simulator) -> None:
    standby_simulator.play("a", Failure(ErrorKind.AUTH), Script("Never.", (Stall(At.head()),)))
    async with Router(played(standby_simulator, "a")) as router:
        with pytest.raises(AllTargetsFailed):
            await router.complete("Are you there?")
        probe = asyncio.create_task(router.complete("Are you there?"))
        await standby_simulator.asked("a", 2)
        [only] = router.explain().targets
        probe.cancel()
        await asyncio.wait([probe])
        assert only.place is None
        assert only.skipped is not None
        assert only.skipped.reason == "probing"


async def test_options_of_a_call_count() -> None:
    async with Router(config(target("a"), target("b"))) as router:
        plan = router.explain(targets=["koala"], deadline_s=5, first_delta_s=2)
        [only] = plan.targets
        assert (plan.route, plan.deadline_s, only.clocks.first_delta_s) == ("-", 5, 2)
        with pytest.raises(ConfigError, match="route or targets"):
            router.explain(targets=["koala"], route="default")
