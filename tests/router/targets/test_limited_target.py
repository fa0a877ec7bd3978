"""A limited route target holds its plain form and copies nothing of it: what that says, and learns, holds here too."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from standby.config import Hedge, Retry
from standby.providers.chat import chat_request
from standby.router.targets.limited_target import LimitedRouteTarget, in_call
from standby.router.targets.route_target import RouteTarget

from stage import Stage, now_s, perform, says
from standby import Config, Route, Router

MakeStage = Callable[..., Stage]

SAID = sorted(
    name
    for name in {*RouteTarget.__slots__, *vars(RouteTarget)}
    if not name.startswith("_") and isinstance(vars(LimitedRouteTarget).get(name), property)
)
"""What it says by asking its plain form."""

OF_ITS_OWN = {"refusal", "admit", "try_pay_hedge"}
"""What its limits have a part in."""

ASKED_BEFORE = {"answer_max", "dialect", "limited_always", "purses", "tier", "weight"}
"""What is asked of route targets before a call has its own, or of the plain form alone."""


def test_it_has_all_that_a_call_asks_and_no_slot_of_its_plain_form() -> None:
    public = {name for name in {*RouteTarget.__slots__, *vars(RouteTarget)} if not name.startswith("_")}
    assert public - ASKED_BEFORE <= set(dir(LimitedRouteTarget))
    assert set(RouteTarget.__slots__) & set(LimitedRouteTarget.__slots__) == {"live"}
    assert set(vars(LimitedRouteTarget)) >= OF_ITS_OWN
    assert not issubclass(LimitedRouteTarget, RouteTarget)


@pytest.mark.parametrize("name", SAID)
def test_it_says_what_its_plain_form_says_at_the_time(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    one = stage(a=says("A"))

    async def play() -> None:
        (target,) = one.targets()
        route = Route((replace(target, concurrency=1),), hedge=Hedge(after=1.0), retry=Retry(attempts=7))
        async with Router(Config(routes={"r": route}), transport=one.transport) as router:
            plain = router._entered().generation.route_targets(router.config.routes["r"], "r")
            (limited,) = in_call(plain, chat_request("hi"), now_s() + 60.0)
            assert isinstance(limited, LimitedRouteTarget)
            assert getattr(limited, name) == getattr(plain[0], name)
            changed = object()
            if name in RouteTarget.__slots__:
                setattr(plain[0], name, changed)
            else:
                monkeypatch.setattr(RouteTarget, name, changed)
            assert getattr(limited, name) is changed

    perform(play())
