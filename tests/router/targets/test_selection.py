"""The target asked first: tiers, weights, the quicker of two, sticky conversations, tool loops, targets left out."""

from collections import Counter
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from standby.router.targets.selection import Needs, all_take_any, left_out

from stage import Play, Stage, perform, says, status, texts
from standby import Config, ConfigError, Message, Route, Router, Target, TextPart, ToolCall

MakeStage = Callable[..., Stage]


async def first_asked(one: Stage, calls: int, messages: Any = "hi", options: Any = None, **route: Any) -> list[str]:
    """Which target each of so many calls asks first."""
    targets = route.pop("targets", None) or tuple(one.targets())
    firsts = []
    async with Router(Config(routes={"r": Route(targets, **route)}), transport=one.transport) as router:
        for number in range(calls):
            before = len(one.asked)
            await texts(router.stream(messages, **(options(number) if options else {})))
            firsts.append(one.asked[before][1])
    return firsts


def test_priority_asks_as_written(stage: MakeStage) -> None:
    one = stage(a=says("A"), b=says("B"))
    assert set(perform(first_asked(one, 20))) == {"a"}


def test_weighted_draws_in_proportion_and_never_the_weightless_while_others_are_well(stage: MakeStage) -> None:
    one = stage(a=says("A"), b=says("B"), c=says("C"))
    drawn = Counter(perform(first_asked(one, 600, select="weighted", weights={"a": 3, "b": 1, "c": 0})))
    assert drawn["c"] == 0
    assert 2.2 <= drawn["a"] / drawn["b"] <= 4.2


def test_latency_prefers_the_quick_and_still_asks_the_others(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=2.0), b=says("B", first_s=0.2), c=says("C", first_s=0.4))
    drawn = Counter(perform(first_asked(one, 300, select="latency")))
    assert drawn["b"] > drawn["c"] > 0
    assert drawn["a"] <= 3  # the slowest of two is never the first choice, once both are known


def test_tiers_come_one_after_the_other(stage: MakeStage) -> None:
    one = stage(a=status(401), b=status(401), c=says("C"), d=says("D"))
    a, b, c, d = one.targets()

    async def play() -> None:
        route = Route(((a, b), (c, d)), select="weighted")
        async with Router(Config(routes={"r": route}), transport=one.transport) as router:
            await texts(router.stream("hi"))

    perform(play())
    asked = [name for _, name in one.asked]
    assert set(asked[:2]) == {"a", "b"}
    assert asked[2] in ("c", "d")


def test_a_conversation_sticks_to_its_target_and_moves_only_when_that_is_gone(stage: MakeStage) -> None:
    one = stage(a=says("A"), b=says("B"), c=says("C"))
    key = lambda number: {"sticky": f"conversation {number % 30}"}  # noqa: E731
    before = perform(first_asked(one, 60, options=key, select="weighted"))
    assert before[:30] == before[30:]
    assert len(set(before)) == 3
    a, b, _ = one.targets()
    after = perform(first_asked(one, 30, options=key, select="weighted", targets=(a, b)))
    assert [new for old, new in zip(before, after, strict=False) if old != "c"] == [o for o in before[:30] if o != "c"]


def test_a_tool_loop_goes_on_at_the_provider_that_began_it(stage: MakeStage) -> None:
    from standby.providers import registry
    from standby.providers.dialects.openai import OpenAIChat

    registry.register(OpenAIChat("other", registry.get("openai").info))
    try:
        one = stage(a=says("A"), b=says("B"))
        a, b = one.targets()
        theirs = type(b)("other", model="m", name="b", key="k", base_url=b.base_url)
        called = Message("assistant", (), (ToolCall("c1", "f", "{}"),), origin="other")
        talk = [Message("user", (TextPart("hi"),)), called, Message("tool", (TextPart("1"),), tool_call_id="c1")]
        assert set(perform(first_asked(one, 3, talk, targets=(a, theirs)))) == {"b"}
        assert set(perform(first_asked(one, 3, talk[:1], targets=(a, theirs)))) == {"a"}
    finally:
        registry.unregister("other")


def test_a_conversation_that_is_clearly_too_long_is_not_sent(stage: MakeStage) -> None:
    one = stage(a=says("A"), b=says("B"))
    small, large = (
        type(t)(t.provider, model="m", name=t.name, key="k", base_url=t.base_url, capabilities={"context_window": size})
        for t, size in zip(one.targets(), (1000, 100_000), strict=True)
    )
    assert perform(first_asked(one, 1, "x" * 4000, targets=(small, large))) == ["a"]
    assert perform(first_asked(one, 1, "x" * 8000, targets=(small, large))) == ["b"]


def test_the_rest_of_the_order_is_the_way_of_the_handovers(stage: MakeStage) -> None:
    one = stage(a=Play(refuse=None, status=401), b=Play(status=401), c=says("C"))
    perform(first_asked(one, 1, select="latency"))
    assert one.asked[-1][1] == "c"
    assert len(one.asked) == len({name for _, name in one.asked})


def test_a_wrong_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match="weights: 'a' must be"):
        Route(("a",), weights={"a": -1})


def test_what_takes_any_request_is_what_nothing_is_left_out_at() -> None:
    asks = [Needs(*needs, tokens) for needs in product((False, True), repeat=3) for tokens in (1, 10**9)]
    said = product((None, True, False), (None, True, False), (None, True, False), (None, 1000), (False, True))

    async def play() -> None:
        for images, tools, json_schema, window, flawed in said:
            given = {"images": images, "tools": tools, "json_schema": json_schema, "context_window": window}
            known = {name: value for name, value in given.items() if value is not None}
            target = Target("openai/m", key="k", capabilities=known, options={"unknown": "1"} if flawed else {})
            async with Router([target]) as router:
                generation = router._entered().generation
                (route_target,) = generation.route_targets(generation.config.route(), "default")
                left = any(left_out(route_target, needs) for needs in asks)
                assert route_target.takes_any == all_take_any([route_target]) == (not left)

    perform(play())
