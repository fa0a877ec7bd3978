"""Targets that calls bring along are kept by last use, within a time and a number; what matters of them for longer."""

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from standby.config.target import Price
from standby.providers import prices
from standby.router.targets import call_targets as brought
from standby.router.targets import memory
from standby.router.targets.call_targets import KEPT_MAX, KEPT_S
from standby.router.targets.foreign_transport import ForeignTransport
from standby.router.targets.live_target import LiveTarget
from standby.router.targets.memory import PASSING_S, Memory
from standby.router.targets.record import Identity

from stage import Play, ScriptedTransport, Stage, now_s, perform, refuses, says, status, texts
from standby import CallFailed, Config, ErrorKind, Route, Router, Target

MakeStage = Callable[..., Stage]
WELL = 60.0 * 60 * 24 * 40
"""A month and more, so that nothing that was spent counts any more."""


def own(one: Stage, number: int, at: str = "a", **about: Any) -> Target:
    """A target with a customer's own key."""
    [target] = one.targets(at)
    return replace(target, key=f"k-{number}", **about)


def kept(router: Router) -> int:
    """How many targets a Router knows, but for the configured one."""
    return len(router.health()) - 1


def remembered(router: Router) -> int:
    return len(router._entered()._memory)


def scripted(live: LiveTarget) -> ScriptedTransport:
    """The stage's transport of a target."""
    transport = live.transport
    assert isinstance(transport, ForeignTransport)
    assert isinstance(transport.transport, ScriptedTransport)
    return transport.transport


async def fails(router: Router, target: Target) -> ErrorKind:
    with pytest.raises(CallFailed) as caught:
        await router.complete("hi", targets=[target], deadline_s=0.5)
    return caught.value.kind


def test_of_many_keys_so_many_targets_are_kept_and_those_only_for_a_while(stage: MakeStage) -> None:
    one = stage(a=says("1"), own=says("1"))

    async def play() -> None:
        async with one.router("own") as router:
            router.health()
            transports = []
            for number in range(3 * KEPT_MAX):
                await router.complete("hi", targets=[own(one, number)])
                live = router._entered().generation.live_of_call(own(one, number))
                transports.append(scripted(live))
                await asyncio.sleep(0)  # as any network lets the loop turn, in which what was forgotten is closed
                assert kept(router) <= KEPT_MAX
            assert kept(router) == KEPT_MAX
            assert [each.closed for each in transports] == [True] * 2 * KEPT_MAX + [False] * KEPT_MAX
            assert remembered(router) == KEPT_MAX + 1
            await asyncio.sleep(2 * KEPT_S)
            assert (kept(router), remembered(router)) == (0, 1)
            assert all(each.closed for each in transports)
            assert router._entered()._tidying is None, "nothing is left to be forgotten"
            assert (await router.complete("hi", targets=[own(one, 0)])).text == "1"

    perform(play())


VARIED: dict[str, Callable[[int], dict[str, Any]]] = {
    "key": lambda number: {"key": f"k-{number}"},
    "keys": lambda number: {"key": None, "keys": (f"k-{number}", "other")},
    "callback": lambda number: {"key": lambda: asyncio.sleep(0, f"k-{number}")},
    "header": lambda number: {"headers": {"x-request-id": str(number)}},
    "body": lambda number: {"body": {"user": str(number)}},
    "parameters": lambda number: {"parameters": {"seed": number}},
    "name": lambda number: {"name": f"customer-{number}"},
    "model": lambda number: {"model": f"m-{number}"},
    "base_url": lambda number: {"base_url": f"https://a.test/{number}"},
    "clock": lambda number: {"stall_s": 1.0 + number},
    "limit": lambda number: {"tokens_per_min": 1000 + number},
    "price": lambda number: {"price": Price(input=number, output=0)},
    "capability": lambda number: {"capabilities": {"context_window": 10_000 + number}},
}


@pytest.mark.parametrize("varied", VARIED)
def test_whatever_differs_from_call_to_call_memory_does_not_grow(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch, varied: str
) -> None:
    monkeypatch.setattr(brought, "KEPT_MAX", 16)
    monkeypatch.setattr(memory, "HELD_MAX", 16)
    one = stage(a=says("1"), own=says("1"))
    sizes: list[int] = []

    async def play() -> None:
        async with one.router("own") as router:
            [target] = one.targets("a")
            for number in range(400):
                mine = replace(target, **VARIED[varied](number))
                await (
                    texts(router.stream("hi", targets=[mine])) if number % 2 else router.complete("hi", targets=[mine])
                )
                router.explain("hi", targets=[mine])
                await asyncio.sleep(0)  # as any network lets the loop turn, in which what was forgotten is closed
                if number % 100 == 99:
                    one.asked.clear()
                    one.bodies.clear()
                    one.headers.clear()
                    gc.collect()
                    sizes.append(tracemalloc.get_traced_memory()[0])
            assert kept(router) <= 16
            assert remembered(router) <= 16 + 16 + 1

    logger = logging.getLogger("standby")
    monkeypatch.setattr(logger, "level", logging.CRITICAL)  # or the suite would keep each line
    logger.manager._clear_cache()  # type: ignore[attr-defined]
    prices.load_for(["openai"])  # traced, the import of its data takes half a minute and more
    tracemalloc.start()
    try:
        perform(play())
    finally:
        tracemalloc.stop()
        logger.manager._clear_cache()  # type: ignore[attr-defined]
    assert sizes[3] - sizes[1] < 200 * 512, "a target that is kept takes 16 KiB"


def test_targets_by_name_alone_are_kept_like_all_others(stage: MakeStage) -> None:
    one = stage(own=says("1"))

    async def play() -> None:
        async with one.router("own") as router:
            for number in range(2 * KEPT_MAX):
                router.explain("hi", targets=[f"openai/m-{number}"])
            assert kept(router) == KEPT_MAX
            assert len(router._entered().generation.brought._references) <= KEPT_MAX
            await asyncio.sleep(2 * KEPT_S)
            assert kept(router) == 0

    perform(play())


def test_what_an_open_call_uses_is_kept_however_many_others_come(stage: MakeStage) -> None:
    one = stage(a=says("1", "2", "3", every_s=5.0), b=says("1"), own=says("1"))

    async def play() -> None:
        async with one.router("own") as router:
            mine = own(one, 0)
            made = router.stream("hi", targets=[own(one, 1)])
            stream = router.stream("hi", targets=[mine])
            reader = asyncio.create_task(texts(stream))
            await asyncio.sleep(1.0)
            live = router._entered().generation.live_of_call(mine)
            for number in range(KEPT_MAX + 1):
                await router.complete("hi", targets=[own(one, number, "b")])
            assert router._entered().generation.live_of_call(mine) is live
            assert await reader == ["1", "2", "3"]
            assert await texts(made) == ["1", "2", "3"], "it was forgotten before it began"
            await asyncio.sleep(2 * KEPT_S)
            assert (kept(router), remembered(router)) == (0, 1)
            assert router._entered().generation.brought._known == {}

    perform(play())


def test_a_configured_target_that_a_call_brings_along_too_is_kept_for_good(stage: MakeStage) -> None:
    one = stage(a=says("1", every_s=2.0))

    async def play() -> None:
        async with one.router("a") as router:
            [mine] = one.targets("a")
            brought_first = asyncio.create_task(router.complete("hi", targets=[mine]))
            await asyncio.sleep(1.0)
            live = router._entered().generation.live(mine)
            await brought_first
            await router.complete("hi", targets=[mine])
            await asyncio.sleep(3 * KEPT_S)
            assert router._entered().generation.live(mine) is live
            assert (kept(router), scripted(live).closed) == (0, False)
            await router.complete("hi")

    perform(play())


# What must not be forgotten


def test_money_that_was_spent_is_remembered_for_its_month(stage: MakeStage) -> None:
    one = stage(a=says("1"), own=says("1"))
    wall_s = 1_000_000.0
    paid = {"price": Price(input=1e5, output=0), "budget_month": 2.0}

    async def play() -> None:
        nonlocal wall_s
        router = Router(one.targets("own"), wall=lambda: wall_s, transport=one.transport)
        async with router:
            assert (await router.complete("hi", targets=[own(one, 0, **paid)], max_tokens=1)).text == "1"
            assert await fails(router, own(one, 0, **paid)) is ErrorKind.BUDGET
            await asyncio.sleep(3 * PASSING_S)
            assert kept(router) == 0
            assert await fails(router, own(one, 0, **paid)) is ErrorKind.BUDGET
            await asyncio.sleep(3 * PASSING_S)
            wall_s += WELL
            await asyncio.sleep(3 * PASSING_S)
            assert remembered(router) == 1
            assert (await router.complete("hi", targets=[own(one, 0, **paid)], max_tokens=1)).text == "1"

    perform(play())


@pytest.mark.parametrize(
    ("play", "lasts_s"),
    [(status(402), 600.0), (status(429, retry_after="5000"), 5000.0), (status(401), 60.0), (refuses(), 0.0)],
)
def test_what_a_target_was_left_alone_for_is_remembered_until_it_is_over(
    stage: MakeStage, play: Play, lasts_s: float
) -> None:
    one = stage(a=play, b=says("1"), own=says("1"))

    async def perform_it() -> None:
        async with one.router("own") as router:
            await fails(router, own(one, 0))
            for number in range(2 * KEPT_MAX):
                await router.complete("hi", targets=[own(one, number, "b")])
            assert kept(router) == KEPT_MAX
            asked = one.count("a")
            assert asked
            if lasts_s:
                await asyncio.sleep(lasts_s - 1.0 - now_s())
                await fails(router, own(one, 0))
                assert one.count("a") == asked, "still left alone"
            await asyncio.sleep(max(lasts_s, PASSING_S) + 2 * PASSING_S)
            assert (kept(router), remembered(router)) == (0, 1)

    perform(perform_it())


def test_limits_and_a_persons_word_are_remembered(stage: MakeStage) -> None:
    one = stage(a=says("1"), b=says("1"), own=says("1"))

    async def play() -> None:
        async with one.router("own") as router:
            mine = own(one, 0, requests_per_min=1)
            await router.complete("hi", targets=[mine])
            for number in range(2 * KEPT_MAX):
                await router.complete("hi", targets=[own(one, number, "b")])
            with pytest.raises(CallFailed):
                await router.complete("hi", targets=[mine], deadline_s=1)
            named = own(one, 1, name="customer")
            await router.complete("hi", targets=[named])
            router.isolate("customer")
            await asyncio.sleep(4 * PASSING_S)
            assert kept(router) == 0
            assert await fails(router, named) is ErrorKind.ISOLATED
            router.restore("customer")
            await router.complete("hi", targets=[named])
            await asyncio.sleep(4 * PASSING_S)
            assert remembered(router) == 1

    perform(play())


def test_keys_that_are_refused_do_not_push_out_what_was_spent(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brought, "KEPT_MAX", 4)
    monkeypatch.setattr(memory, "HELD_MAX", 8)
    one = stage(a=says("1"), b=status(401), own=says("1"))
    paid = {"price": Price(input=1e5, output=0), "budget_month": 2.0}

    async def play() -> None:
        async with one.router("own") as router:
            for number in range(8):
                await router.complete("hi", targets=[own(one, number, **paid)], max_tokens=1)
            for number in range(100):
                await fails(router, own(one, number, "b"))
            assert remembered(router) <= 1 + 4 + 8 + 8
            for number in range(8):
                assert await fails(router, own(one, number, **paid)) is ErrorKind.BUDGET

    perform(play())


def test_names_of_one_target_are_bounded_too(stage: MakeStage) -> None:
    one = stage(a=refuses(), own=says("1"))
    told: list[str] = []

    async def play() -> None:
        async with one.router("own") as router:
            router.on_health_change.append(lambda change: told.append(change.target))
            for number in range(3 * KEPT_MAX):
                router.explain("hi", targets=[own(one, 0, name=f"n-{number}")])
            for _ in range(5):
                await fails(router, own(one, 0, name="last"))
            assert "last" in told
            assert len(told) <= KEPT_MAX + 1

    perform(play())


# Reloads


def test_configurations_that_come_and_go_leave_nothing_behind(stage: MakeStage) -> None:
    one = stage(a=says("1"))

    async def play() -> None:
        router = Router([own(one, -1)], transport=one.transport)
        async with router:
            shared = router._entered()
            for number in range(50):
                router.swap(Config(routes={f"r-{number}": Route((own(one, number),), budget_day=1.0)}))
                await router.complete("hi", route=f"r-{number}")
                await asyncio.sleep(0)
                assert len(router.health()) == 1
                assert remembered(router) <= 2
                assert len(shared._ledgers) <= 2
                assert len(shared._hedge_budgets) <= 2
                assert not shared._retired

    perform(play())


def test_a_sound_target_keeps_its_history_over_a_reload_however_many_there_are(stage: MakeStage) -> None:
    one = stage(a=says("1"))

    async def play() -> None:
        targets = tuple(own(one, number, name=f"t-{number}") for number in range(2 * KEPT_MAX))
        router = Router(Config.of_targets(targets), transport=one.transport)
        async with router:
            router.health()
            before = router._entered().generation.live(targets[0])
            router.swap(Config.of_targets(tuple(replace(each, stall_s=9.0) for each in targets)))
            await asyncio.sleep(3 * PASSING_S)
            [after] = {live.latency for live in router._entered().generation.all_live() if live.label == "t-0"}
            assert after is before.latency

    perform(play())


def test_a_record_is_shared_by_its_users_and_goes_with_the_last() -> None:
    made: list[Identity] = []

    class Sound:
        def hold(self, now_s: float) -> None:
            return None

    def make(identity: Identity) -> Any:
        made.append(identity)
        return Sound()

    memory = Memory(make)
    one, two = (Identity("p", "u", "m", (key,)) for key in "ab")
    assert memory.take(one) is memory.take(one) is not memory.take(two)
    memory.give_back(one, 0.0)
    assert memory.take(one)
    memory.give_back(one, 0.0)
    memory.give_back(one, 0.0)
    assert (len(memory), made) == (1, [one, two])
    memory.take(one)
    assert made == [one, two, one]
