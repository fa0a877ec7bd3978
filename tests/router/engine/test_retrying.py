"""The provider's own word on retries, `x-should-retry`: it says whether there is one, and never shortens a hint."""

from collections.abc import Callable

import pytest
from standby.config import Hedge

from stage import Play, Stage, now_s, perform, refuses, says, status, texts
from standby import Config, RequestRejected, Route, Router, Target

MakeStage = Callable[..., Stage]


@pytest.mark.parametrize("word", [{}, {"x_should_retry": "true"}])
def test_a_short_hint_is_waited_out_here(stage: MakeStage, word: dict[str, str]) -> None:
    one = stage(a=[status(429, retry_after="2", **word), says("A")], b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            assert await texts(router.stream("hi")) == ["A"]
            assert now_s() == 2.0

    perform(play())


def test_a_long_hint_is_not_waited_for_whatever_it_says(stage: MakeStage) -> None:
    one = stage(a=[status(429, retry_after="30", x_should_retry="true"), says("A")], b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            assert await texts(router.stream("hi")) == ["B"]
            assert now_s() == 0.0

    perform(play())


@pytest.mark.parametrize(
    ("code", "word", "tries"), [(401, "true", 1), (404, "true", 1), (503, "false", 1), (503, "true", 3)]
)
def test_it_overrides_the_table(stage: MakeStage, code: int, word: str, tries: int) -> None:
    one = stage(a=status(code, x_should_retry=word), b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            assert await texts(router.stream("hi")) == ["B"]

    perform(play())
    assert one.count("a") == tries, "what is parked is not asked, whatever it says"


def test_a_refused_request_waits_for_no_target_that_would_refuse_it_too(stage: MakeStage) -> None:
    """The hedge refuses the request while the first target is still asked, whose 429 comes later and judges nothing.

    Its word is the one other that is waited for, and no target is asked once it has come.
    """
    one = stage(
        a=[Play(head_after_s=3.0, status=429, headers={"retry-after": "30"}), status(400)],
        b=status(400),
        koala=refuses(),
    )

    async def play() -> None:
        others = Target("koala", name="koala", base_url="https://koala.test")
        route = Route((*one.targets("a", "b"), others), hedge=Hedge(after=2.0, budget_ratio=1.0))
        async with Router(Config(routes={"r": route}), transport=one.transport) as router:
            with pytest.raises(RequestRejected):
                await texts(router.stream("hi"))

    perform(play())
    assert [name for _, name in one.asked] == ["a", "b", "koala", "a"]
