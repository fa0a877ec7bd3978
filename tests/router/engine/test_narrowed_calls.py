"""Options that narrow a call of a route: `only` some targets, one dialect, no hedge; and headers that it adds."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from standby.config import Hedge, Price

from stage import SILENT, Stage, perform, refuses, says, status
from standby import Config, ConfigError, ErrorKind, NoTargetAvailable, Route, Router, Target

MakeStage = Callable[..., Stage]


def routed(one: Stage, **route: Any) -> Router:
    """A Router over a route of all targets, `chat`."""
    targets = {target.name or "": target for target in one.targets()}
    return Router(Config(targets=targets, routes={"chat": Route(tuple(targets), **route)}), transport=one.transport)


def test_only_asks_these_targets_in_this_order_by_the_routes_policy(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"), c=refuses())

    async def play() -> None:
        async with routed(one, deadline_s=7.0, mid_stream=()) as router:
            answer = await router.complete("hi", route="chat", only=["c", "b"])
            assert answer.text == "b"
            assert answer.report.route == "chat"
            assert [name for _, name in one.asked] == ["c", "b"]
            plan = router.explain(route="chat", only=["b"])
            assert [target.target for target in plan.targets] == ["b"]
            with pytest.raises(ConfigError, match="route or targets"):
                await router.complete("hi", targets=["a"], only=["b"])

    perform(play())


def test_only_wakes_no_other_target_of_the_route(stage: MakeStage) -> None:
    one = stage(a=refuses(), b=says("b"))

    async def play() -> None:
        async with routed(one, on={"connect": ["b"]}) as router:
            with pytest.raises(ExceptionGroup):
                await router.complete("hi", route="chat", only=["a"])
            assert {name for _, name in one.asked} == {"a"}

    perform(play())


def test_only_is_paid_from_the_budget_of_the_route(stage: MakeStage) -> None:
    one = stage(a=says("a"))

    async def play() -> None:
        (target,) = one.targets(price=Price(input=1e6, output=1e6))
        targets = {"a": target}
        config = Config(targets=targets, routes={"chat": Route(("a",), budget_day=1e-6, all_open="fail")})
        async with Router(config, transport=one.transport) as router:
            for options in ({}, {"only": ["a"]}):
                with pytest.raises(Exception, match="budget"):
                    await router.complete("hi", route="chat", **options)  # type: ignore[arg-type]
            assert one.asked == []

    perform(play())


def in_two_dialects(one: Stage, **route: Any) -> Router:
    """A Router over targets that speak OpenAI's dialect, but for `b`, which speaks Anthropic's."""
    targets = {target.name or "": target for target in one.targets()}
    targets["b"] = Target("anthropic", model="m", name="b", key="k", base_url=targets["b"].base_url or "")
    config = Config(targets=targets, routes={"chat": Route(("a", "b", "c"), **route)})
    return Router(config, transport=one.transport)


def test_a_call_in_one_dialect_passes_over_targets_that_speak_another(stage: MakeStage) -> None:
    one = stage(a=refuses(), b=refuses(), c=says("c"), d=says("d"))

    async def play() -> None:
        async with in_two_dialects(one, on={"context_length": ["d"]}) as router:
            answer = await router.complete("hi", route="chat", dialect="openai")
            assert (answer.text, {name for _, name in one.asked}) == ("c", {"a", "c"})
            skips = {skip.target: (skip.reason, skip.detail) for skip in answer.report.skipped}
            assert skips == {"b": ("unsupported", "speaks 'anthropic', and only 'openai' has words for all of it")}
            one.scripts["c"] = status(400, json.dumps({"error": {"code": "context_length_exceeded"}}))
            assert (await router.complete("hi", route="chat", dialect="openai")).text == "d", "`on` holds still"
            plan = router.explain("hi", route="chat", dialect="openai")
            assert [target.target for target in plan.targets if target.skipped] == ["b", "d"]

    perform(play())


def test_a_dialect_that_no_target_speaks_is_unsupported(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"), c=says("c"))

    async def play() -> None:
        async with in_two_dialects(one) as router:
            with pytest.raises(NoTargetAvailable) as raised:
                await router.complete("hi", route="chat", dialect="gemini")
            assert (raised.value.kind, one.asked) == (ErrorKind.UNSUPPORTED, [])

    perform(play())


def test_a_call_may_go_without_the_hedge_of_its_route(stage: MakeStage) -> None:
    one = stage(a=says("a", first_s=5.0), b=says("b"))

    async def play() -> None:
        async with routed(one, hedge=Hedge(after=1.0, budget_ratio=1.0)) as router:
            assert (await router.complete("hi", hedge=False)).text == "a"
            assert [name for _, name in one.asked] == ["a"]
            with pytest.raises(ConfigError, match="hedge"):
                await router.complete("hi", hedge=True)  # type: ignore[arg-type]

    perform(play())


def test_headers_go_to_the_targets_of_their_dialect_and_to_all(stage: MakeStage) -> None:
    one = stage(a=says("a"))

    async def play() -> None:
        async with one.router() as router:
            headers = {"openai": {"OpenAI-Beta": "x"}, "anthropic": {"anthropic-beta": "y"}, "traceparent": "00"}
            await router.complete("hi", headers=headers)
            sent = one.headers[-1]
            assert (sent["openai-beta"], sent["traceparent"]) == ("x", "00")
            assert "anthropic-beta" not in sent
            await router.complete("hi")
            assert "traceparent" not in one.headers[-1]

    perform(play())


def test_features_that_a_target_names_are_kept_beside_those_of_the_call(stage: MakeStage) -> None:
    one = stage(a=says("a"))

    async def play() -> None:
        targets = one.targets(headers={"openai-beta": "t=1, u"})
        async with Router(targets, transport=one.transport) as router:
            await router.complete("hi", headers={"openai": {"openai-beta": "u,v"}})
            assert one.headers[-1]["openai-beta"] == "t=1,u,v"

    perform(play())


WRONG: list[Any] = [
    "x",
    {"a b": "c"},
    {"x": "SECRET\r\ny: z"},
    {"openai": {"x": "SECRET\n"}},
    {"openai": {"x": 1}},
    {"x": 1},
]


@pytest.mark.parametrize("headers", WRONG, ids=range(len(WRONG)))
def test_headers_that_are_none_are_refused_unseen(stage: MakeStage, headers: Any) -> None:
    one = stage(a=SILENT)

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(ConfigError, match="headers") as raised:
                await router.complete("hi", headers=headers)
            assert "SECRET" not in str(raised.value)

    perform(play())
