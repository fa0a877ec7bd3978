"""A target that nothing can be asked of, given in code, is passed over with the reason; the others are asked."""

import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
from standby.config import Config, Hedge, Route
from standby.providers import registry
from standby.router.result.answer import Answer

from stage import Stage, perform, refuses, says, texts
from standby import ConfigError, NoTargetAvailable, Router, Target

MakeStage = Callable[..., Stage]

FLAWED: dict[str, tuple[Target, str, str]] = {
    "no model": (Target("groq", name="bad", key="k"), "misconfigured", "groq has no default model; write groq/MODEL"),
    "no address": (
        Target("azure-openai", model="m", name="bad", key="k"),
        "misconfigured",
        "azure-openai needs a base_url (or STANDBY_AZURE_OPENAI_BASE_URL)",
    ),
    "an unknown option": (
        Target("openai", model="m", name="bad", key="k", options={"nonsense": 1}),
        "misconfigured",
        "OpenAI has no option 'nonsense'",
    ),
    "capabilities of a wrong type": (
        Target("openai", model="m", name="bad", key="k", capabilities={"context_window": "wide"}),
        "misconfigured",
        "its capabilities make no sense",
    ),
    "a proxy without its extra": (
        Target("openai", model="m", name="bad", key="k", proxy="socks5://h:1"),
        "missing_extra",
        "pip install 'standby[socks]'",
    ),
}


@pytest.fixture(params=FLAWED)
def flawed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Target, str, str]:
    monkeypatch.setitem(sys.modules, "aiohttp_socks", None)
    monkeypatch.delenv("STANDBY_AZURE_OPENAI_BASE_URL", raising=False)
    return FLAWED[request.param]


def _skips(answer: Answer) -> list[tuple[str, str]]:
    return [(skip.target, skip.reason) for skip in answer.report.skipped]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("given", ["per call", "in code"])
def test_the_others_are_asked(stage: MakeStage, flawed: tuple[Target, str, str], given: str, place: int) -> None:
    one = stage(a=refuses(), b=says("B"))
    target, reason, detail = flawed
    targets: list[Target] = one.targets()
    targets.insert(place, target)
    options: Any = {"targets": targets} if given == "per call" else {}

    async def play() -> None:
        async with Router(
            one.targets("b") if given == "per call" else targets, rng=random.Random(7), transport=one.transport
        ) as router:
            for _ in range(2):
                answer = await router.complete("hi", **options)
                assert answer.text == "B"
                assert _skips(answer) == [("bad", reason)]
                assert detail in answer.report.skipped[0].line()
                assert await texts(router.stream("hi", **options)) == ["B"]
            planned = {each.target: each for each in router.explain(**options).targets}
            assert planned["bad"].skipped is not None
            assert planned["bad"].skipped.reason == reason
            assert planned["bad"].place is None
            assert {each.target for each in router.health()} == {"a", "b", "bad"}

    perform(play())


@pytest.mark.parametrize("route", [{"select": "weighted"}, {"select": "latency"}, {"hedge": Hedge(after=0.1)}], ids=str)
def test_however_the_first_is_chosen(stage: MakeStage, flawed: tuple[Target, str, str], route: Any) -> None:
    one = stage(a=says("A"))
    config = Config(routes={"default": Route((flawed[0], *one.targets()), **route)})

    async def play() -> None:
        async with Router(config, rng=random.Random(7), transport=one.transport) as router:
            for _ in range(10):
                assert (await router.complete("hi")).text == "A"

    perform(play())


async def test_when_all_are_flawed_there_is_nothing_to_ask(flawed: tuple[Target, str, str]) -> None:
    target, reason, detail = flawed
    second = Target("groq", name="second", key="k")
    async with Router([target]) as router:
        with pytest.raises(ConfigError if reason == "misconfigured" else NoTargetAvailable) as caught:
            await router.complete("hi")
        assert detail in str(caught.value)
        assert "bad" in str(caught.value)
    async with Router([second, target]) as router:
        with pytest.raises(ConfigError if reason == "misconfigured" else NoTargetAvailable) as caught:
            await router.complete("hi")
        assert detail in str(caught.value)
        assert "groq/MODEL" in str(caught.value)


async def test_a_plug_in_that_knows_no_such_model_is_passed_over(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(model: str) -> object:
        raise KeyError(model)

    monkeypatch.setattr(type(registry.get("mistral")), "capabilities", lambda self, model: raises(model))
    one = stage(a=says("A"))
    async with Router(
        [Target("mistral", model="m", name="bad", key="k"), *one.targets()], transport=one.transport
    ) as router:
        answer = await router.complete("hi")
    assert _skips(answer) == [("bad", "misconfigured")]
    assert "KeyError" in answer.report.skipped[0].detail


@pytest.mark.parametrize("others", ["", "a"])
@pytest.mark.parametrize("flaw", FLAWED)
def test_the_target_that_stands_by_for_what_cannot_be_asked_comes_in(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch, flaw: str, others: str
) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp_socks", None)
    monkeypatch.delenv("STANDBY_AZURE_OPENAI_BASE_URL", raising=False)
    one = stage(a=says("A"), spare=says("spare"), other=says("other"))
    spare, other = one.targets("spare", "other")
    given = (FLAWED[flaw][0], *(one.targets(*others) if others else ()))
    route = Route(given, on={"unsupported": [spare], "auth": [other]})

    async def play() -> None:
        async with Router(Config(routes={"r": route}), transport=one.transport) as router:
            for _ in range(2):
                assert (await router.complete("hi")).text == "spare"
            planned = {each.target: each.place for each in router.explain().targets}
            assert planned == {"bad": None, "spare": 1, "other": None} | ({"a": 2} if others else {})

    perform(play())
    assert one.count("other") == 0
