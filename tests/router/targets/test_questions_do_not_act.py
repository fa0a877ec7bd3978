"""The questions of the core to a target change nothing, however often they are asked; what acts says so by its name."""

import inspect
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from standby.config import Health, Retry
from standby.providers.chat import chat_request
from standby.providers.errors import ErrorKind, ProviderError
from standby.router.failover.steps import Candidate
from standby.router.targets.limited_target import LimitedRouteTarget, in_call
from standby.router.targets.route_target import RouteTarget

from stage import Stage, now_s, perform, says, status, texts
from standby import CallFailed, Config, Route, Router

MakeStage = Callable[..., Stage]

ACTS = {"try_pay_retry", "try_pay_hedge", "give_up"}
"""Named by what they do. All else of the protocol is a question."""

GIVEN: dict[str, tuple[Any, ...]] = {
    "refusal": (),
    "failed_in_row": (),
    "has_other_credential": (ProviderError(ErrorKind.AUTH),),
}
"""What each question is asked about, but for the time."""


def questions() -> list[str]:
    """The names of the protocol: attributes, properties and methods that do not act."""
    own = {name for name in vars(Candidate) if not name.startswith("_")} | set(inspect.get_annotations(Candidate))
    return sorted(own - ACTS)


def state(thing: Any, seen: dict[int, int] | None = None) -> Any:
    """All that a thing holds of the router's own, as plain values that can be compared."""
    seen = {} if seen is None else seen
    if id(thing) in seen:
        return f"again {seen[id(thing)]}"
    if isinstance(thing, Mapping):
        return [(repr(key), state(value, seen)) for key, value in thing.items()]
    if isinstance(thing, list | tuple | deque | set | frozenset):
        return [state(each, seen) for each in thing]
    if isinstance(thing, random.Random):
        return thing.getstate()
    module = type(thing).__module__
    if not module.startswith("standby.router"):
        return repr(thing) if isinstance(thing, str | int | float | bool | None) else type(thing).__name__
    seen[id(thing)] = len(seen)
    names = {name for cls in type(thing).__mro__ for name in getattr(cls, "__slots__", ())} | set(
        getattr(thing, "__dict__", ())
    )
    return [(name, state(getattr(thing, name, None), seen)) for name in sorted(names) if not name.startswith("__")]


def ask(target: RouteTarget, name: str, at_s: float) -> None:
    """Ask one question at this time."""
    asked = getattr(target, name)
    if not callable(asked):
        return
    given = GIVEN[name]
    asked(*given, at_s)


@pytest.mark.parametrize("name", questions())
def test_asking_twice_changes_nothing(stage: MakeStage, name: str) -> None:
    one = stage(a=says("A"), b=[status(503), says("B")], c=says("C"))

    async def play() -> None:
        limits: dict[str, dict[str, Any]] = {"a": {"concurrency": 1}, "b": {}, "c": {"requests_per_min": 1}}
        targets = {name: replace(each, **limits[name]) for name, each in zip("abc", one.targets(), strict=True)}
        routes = {label: Route((target,)) for label, target in targets.items()}
        config = Config(routes=routes, health=Health(failures_in_row=1, open_s=1.0), retry=Retry(attempts=1))
        async with Router(config, transport=one.transport) as router:
            for label in routes:
                try:
                    await texts(router.stream("hi", route=label))
                except CallFailed:
                    assert label == "b"
            generation = router._entered().generation
            seen = set()
            for label, route in routes.items():
                shared = generation.route_targets(route, label)
                for target in (*shared, *in_call(shared, chat_request("hi"), now_s() + 60.0)):
                    seen.add((type(target), target.refusal(now_s()) is None))
                    before = state(target)
                    for at_s in (now_s(), now_s(), now_s() + 0.5, now_s() + 100.0, now_s()):
                        ask(target, name, at_s)
                        assert state(target) == before, (label, name, at_s)
            assert {(RouteTarget, True), (RouteTarget, False), (LimitedRouteTarget, True)} <= seen

    perform(play())


def test_acts_are_seen_to_act(stage: MakeStage) -> None:
    one = stage(a=says("A"))

    async def play() -> None:
        (target,) = one.targets()
        async with Router(Config(routes={"r": Route((target,))}), transport=one.transport) as router:
            (a,) = router._entered().generation.route_targets(router.config.routes["r"], "r")
            before = state(a)
            a.try_pay_retry(now_s())
            assert state(a) != before

    perform(play())
