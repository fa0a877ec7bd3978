"""Fail-over within bounds: a target without the labels that are required is never asked, and report and plan say so."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from standby.config import Hedge, Price, load
from standby.router.explain import explain

from stage import Stage, breaks_off, perform, refuses, says, status
from standby import (
    AllTargetsFailed,
    CallFailed,
    Config,
    ConfigError,
    ErrorKind,
    NoTargetAvailable,
    Route,
    Router,
    Target,
)

MakeStage = Callable[..., Stage]

EU = {"region": "eu", "zero_retention": True}
US = {"region": "us"}


def labelled(one: Stage, labels: Mapping[str, Mapping[str, Any]], **route: Any) -> Router:
    """A Router over a route `chat` of all targets; those that have labels, with them."""
    targets: dict[str, Target] = {}
    for name in one.scripts:
        (targets[name],) = one.targets(name, labels=labels.get(name, {}))
    names = tuple(route.pop("targets", targets))
    return Router(Config(targets=targets, routes={"chat": Route(names, **route)}), transport=one.transport)


INSIDE = [
    ({"region": "eu"}, {}, True),
    ({"region": "us"}, {}, False),
    ({"region": ["us", "eu"]}, {}, True),
    ({"region": ("us", "ch")}, {}, False),
    ({"zero_retention": True}, {}, True),
    ({"zero_retention": "true"}, {}, True),
    ({"zero_retention": False}, {}, False),
    ({"tier": 1}, {}, True),
    ({"tier": "1"}, {}, True),
    ({"unheard_of": "x"}, {}, False),
    ({"region": "eu", "unheard_of": "x"}, {}, False),
    ({}, {"region": "eu"}, False),
    ({}, {"region": "us"}, True),
    ({}, {"region": ["us", "eu"]}, False),
    ({}, {"unheard_of": "x"}, True),
    ({"region": "eu"}, {"tier": 1}, False),
]


@pytest.mark.parametrize("where", ["call", "route"])
@pytest.mark.parametrize(("require", "avoid", "inside"), INSIDE)
def test_what_is_within(stage: MakeStage, where: str, require: Any, avoid: Any, inside: bool) -> None:
    one = stage(a=says("a"))
    bounds: dict[str, Any] = {"require": require, "avoid": avoid}
    of_route, of_call = (bounds, {}) if where == "route" else ({}, bounds)

    async def play() -> None:
        async with labelled(one, {"a": EU | {"tier": 1}}, **of_route) as router:
            if inside:
                assert (await router.complete("hi", **of_call)).text == "a"
                return
            with pytest.raises(NoTargetAvailable) as raised:
                await router.complete("hi", **of_call)
            (skip,) = raised.value.report.skipped
            assert (skip.reason, raised.value.kind) == ("out_of_bounds", ErrorKind.UNSUPPORTED)
            assert f"the {where}" in skip.detail
            assert one.asked == []

    perform(play())


WAYS: list[dict[str, Any]] = [
    {},
    {"all_open": "last_resort"},
    {"all_open": "fail"},
    {"hedge": Hedge(after=0.1, budget_ratio=1.0)},
    {"on": {"connect": ["b"]}},
    {"on": {"unsupported": ["b"]}},
    {"select": "weighted"},
    {"select": "latency"},
    {"select": "cost"},
]


@pytest.mark.parametrize("route", WAYS, ids=str)
@pytest.mark.parametrize("script", [refuses(), says("late", first_s=3.0), breaks_off("half")])
@pytest.mark.parametrize("shape", ["stream", "complete"])
def test_no_way_of_going_on_leads_outside(stage: MakeStage, route: dict[str, Any], script: Any, shape: str) -> None:
    one = stage(a=script, b=says("b"))
    targets = ("a",) if "on" in route else ("a", "b")

    async def play() -> None:
        async with labelled(one, {"a": EU, "b": US}, targets=targets, **route) as router:
            for _ in range(4):
                try:
                    if shape == "complete":
                        await router.complete("hi", require={"region": "eu"}, deadline_s=30)
                    else:
                        async with router.stream("hi", require={"region": "eu"}, deadline_s=30) as stream:
                            async for _ in stream:
                                pass
                except CallFailed:
                    pass  # how it fails is not what this test is about
            assert {name for _, name in one.asked} == {"a"}

    perform(play())


def test_an_answer_that_broke_off_is_gone_on_with_inside_only(stage: MakeStage) -> None:
    one = stage(a=breaks_off("one two"), b=says("b"), c=says("one two three"))

    async def play() -> None:
        async with labelled(one, {"a": EU, "b": US, "c": EU}, mid_stream=("replay",)) as router:
            async with router.stream("hi", require={"region": "eu"}) as stream:
                text = "".join([piece async for piece in stream.text()])
            assert text == "one two three"
            assert {name for _, name in one.asked} == {"a", "c"}

    perform(play())


def test_bounds_of_route_and_call_add_up(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"), c=says("c"))

    async def play() -> None:
        labels = {"a": EU, "b": {"region": "eu"}, "c": US | {"zero_retention": True}}
        async with labelled(one, labels, require={"zero_retention": True}) as router:
            report = (await router.complete("hi", avoid={"region": "eu"})).report
            assert report.target == "c"
            assert [(skip.target, skip.detail) for skip in report.skipped] == [
                ("a", "its region is eu, which the call avoids"),
                ("b", "has no label zero_retention, and the route requires true"),
            ]
            plan = router.explain(avoid={"region": "eu"})
            assert [(target.target, target.place) for target in plan.targets] == [("a", None), ("b", None), ("c", 1)]
            assert plan.targets[0].skipped is not None
            assert plan.targets[0].skipped.reason == "out_of_bounds"
            assert (await router.complete("hi")).text == "a", "what one call required holds for no other"

    perform(play())


def test_bounds_hold_for_targets_of_the_call_and_for_some_of_a_route(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"))

    async def play() -> None:
        async with labelled(one, {"a": US, "b": EU}) as router:
            eu: dict[str, Any] = {"require": {"region": "eu"}}
            assert (await router.complete("hi", targets=one.targets("a", labels=EU), **eu)).text == "a"
            with pytest.raises(NoTargetAvailable):
                await router.complete("hi", targets=["a"], **eu)
            with pytest.raises(NoTargetAvailable):
                await router.complete("hi", only=["a"], **eu)
            assert (await router.complete("hi", only=["a", "b"], **eu)).text == "b"
            with pytest.raises(NoTargetAvailable):
                await router.complete("hi", targets=[Target("openai", model="m", key="k")], **eu)

    perform(play())


def test_a_limited_target_outside_is_not_waited_for(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"))

    async def play() -> None:
        (a,) = one.targets("a", labels=US, concurrency=1)
        (b,) = one.targets("b", labels=EU, concurrency=1)
        async with Router([a, b], transport=one.transport) as router:
            assert (await router.complete("hi", require={"region": "eu"})).text == "b"
            with pytest.raises(NoTargetAvailable):
                await router.complete("hi", require={"region": "cn"})

    perform(play())


def test_a_target_outside_that_lacks_a_key_does_not_hide_why_the_call_failed() -> None:
    config = Config.of_targets([Target("openai", model="m", labels=EU), Target("openai", model="n", key="k")])

    async def play() -> None:
        async with Router(config) as router:
            with pytest.raises(NoTargetAvailable) as raised:
                await router.complete("hi", require={"region": "eu"})
            assert raised.value.kind is ErrorKind.AUTH

    perform(play())


WRONG: list[Any] = [
    "eu",
    ["region"],
    {"": "x"},
    {"a b": "x"},
    {1: "x"},
    {"region": None},
    {"region": []},
    {"region": {}},
    {"region": ""},
    {"region": "e\nu"},
    {"region": float("nan")},
    {"region": "x" * 201},
    {"region": ["eu"] * 65},
    {str(number): 1 for number in range(65)},
]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_what_is_no_label_is_refused_everywhere(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="labels"):
        Target("koala", labels=wrong)
    for name in ("require", "avoid"):
        with pytest.raises(ConfigError, match=name):
            Route(["koala"], **{name: wrong})

    async def play() -> None:
        async with Router(["koala"]) as router:
            with pytest.raises(ConfigError, match="require"):
                router.stream("hi", require=wrong)

    perform(play())


def test_labels_of_a_target_take_no_lists() -> None:
    with pytest.raises(ConfigError, match="labels"):
        Target("koala", labels={"region": ["eu"]})  # type: ignore[dict-item]


def test_the_file_on_the_page_keeps_health_in_europe(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    text = page.partition("### Within bounds")[2].partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "standby.yaml").write_text(text, encoding="utf-8")
    config = load(tmp_path / "standby.yaml", env_file=None)
    plan = explain(config, "health")
    assert [target.target for target in plan.asked] == ["paris", "zurich"]
    assert [target.target for target in explain(config, "chat").asked] == ["oregon", "paris", "zurich"]


# A route that names a route


def nested(routes: Mapping[str, Route], *names: str, **labels: Mapping[str, Any]) -> Config:
    targets = {name: Target("openai", model=name, name=name, key="k", labels=labels.get(name, {})) for name in names}
    return Config(targets=targets, routes=routes)


def asked(config: Config, route: str) -> list[str]:
    return [target.target for target in explain(config, route).asked]


def test_the_targets_of_a_named_route_stand_in_its_place() -> None:
    routes = {"inner": Route(["b", "c"]), "outer": Route(["a", "inner", "d"]), "outmost": Route(["outer", "e"])}
    config = nested(routes, *"abcde")
    assert asked(config, "outer") == ["a", "b", "c", "d"]
    assert asked(config, "outmost") == ["a", "b", "c", "d", "e"]


def test_a_named_route_brings_its_tiers_along() -> None:
    inner = Route(["b", "c"], select="weighted")
    routes = {"inner": inner, "outer": Route(["a", "inner", ["d", "inner"]])}
    placed = [(each.reference, each.tier, each.place) for each in nested(routes, *"abcd").placed(routes["outer"])]
    assert placed == [("a", 0, (0,)), ("b", 1, (1,)), ("c", 1, (1,)), ("d", 2, (2, 0))]


def test_a_route_of_single_targets_is_one_tier_still_and_names_may_stand_by() -> None:
    routes = {
        "spare": Route(["b", "c"]),
        "flat": Route(["a", "spare"], select="latency"),
        "on": Route(["a"], on={"context_length": ["spare"]}),
    }
    config = nested(routes, *"abc")
    assert [each.tier for each in config.placed(routes["flat"])] == [0, 0, 0]
    assert [target.target for target in explain(config, "on").targets] == ["a", "b", "c"]


def test_the_bounds_of_a_named_route_hold_for_what_it_gives() -> None:
    routes = {
        "eu": Route(["a", "b"], require={"region": "eu"}),
        "outer": Route(["eu", "c"]),
        "twice": Route(["eu", "a"]),
    }
    config = nested(routes, "a", "b", "c", a=US, b=EU)
    assert asked(config, "outer") == ["b", "c"]
    first = explain(config, "outer").targets[0]
    assert first.skipped is not None
    assert first.skipped.detail == "its region is us, and the route eu requires eu"
    assert asked(config, "twice") == ["b", "a"], "the route itself names it, without bounds"


def test_a_target_that_several_routes_give_is_asked_once() -> None:
    routes = {"one": Route(["a", "b"]), "two": Route(["b", "a", "c"]), "both": Route(["one", "two"])}
    assert asked(nested(routes, *"abc"), "both") == ["a", "b", "c"]


def test_a_name_means_a_target_or_a_provider_first() -> None:
    routes = {"a": Route(["b"]), "koala": Route(["koala"]), "both": Route(["a", "koala"])}
    assert asked(nested(routes, "a", "b"), "both") == ["a", "koala"]


def test_calls_go_through_the_routes_that_a_route_names(stage: MakeStage) -> None:
    one = stage(a=refuses(), b=status(503), c=says("c"))

    async def play() -> None:
        targets = {target.name or "": target for target in one.targets()}
        routes = {"spare": Route(["b", "c"], deadline_s=0.001), "chat": Route(["a", "spare"])}
        async with Router(Config(targets=targets, routes=routes), transport=one.transport) as router:
            assert (await router.complete("hi", route="chat")).text == "c", "the policy is that of the route asked"
            with pytest.raises(AllTargetsFailed):
                await router.complete("hi", route="chat", only=["a", "b"])
            assert (await router.complete("hi", targets=["spare"])).text == "c"

    perform(play())


# `select: cost` in a plan


def test_a_plan_by_cost_shows_the_order_that_calls_take(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"), c=says("c"))
    prices = {"a": 3.0, "b": 1.0, "c": 2.0}

    async def play() -> None:
        targets: list[Target] = []
        for name, each in prices.items():
            targets += one.targets(name, price=Price(input=each, output=each))
        config = Config(routes={"chat": Route(targets, select="cost")})
        assert [target.target for target in explain(config).asked] == ["b", "c", "a"]
        async with Router(config, transport=one.transport) as router:
            assert [target.target for target in router.explain("hi").asked] == ["b", "c", "a"]
            assert (await router.complete("hi")).text == "b"
            order = [target.target for target in router.explain("hi", sticky="me").asked]
            assert (await router.complete("hi", sticky="me")).text == order[0]

    perform(play())


# The file that is read where none is named


def test_a_router_reads_the_usual_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STANDBY_CONFIG", raising=False)
    with pytest.raises(ConfigError, match=r"there is no \./standby\.yaml, and STANDBY_CONFIG names no file"):
        Router.from_yaml()
    (tmp_path / "standby.yaml").write_text("targets: {here: {provider: koala}}\n", encoding="utf-8")
    assert list(Router.from_yaml().config.targets) == ["here"]
    (tmp_path / "other.yaml").write_text("targets: {there: {provider: koala}}\n", encoding="utf-8")
    monkeypatch.setenv("STANDBY_CONFIG", "other.yaml")
    assert list(Router.from_yaml().config.targets) == ["there"]
