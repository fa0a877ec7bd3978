"""One call's fault is no other's outage: poisoned requests, storms of them, and true outages, in virtual time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from standby.config import Health

from stage import DONE, SILENT, Play, Stage, breaks_off, chunk, now_s, perform, refuses, says, status
from standby import AllTargetsFailed, CallFailed, Config, Route, Router

MakeStage = Callable[..., Stage]

WELL = says("Well.")
TODAY = Health().failures_in_row
"""Attempts at a target that is down, until its breaker opens, when each counts."""
FAILS: dict[str, Play] = {
    "500": status(500),
    "503": status(503),
    "504": status(504),
    "empty": Play([(0.0, chunk(finish="stop") + DONE)]),
    "cut": breaks_off(),
    "silent": SILENT,
    "no JSON": Play([(0.0, b"data: {\n\n")]),
}


@pytest.fixture(autouse=True)
def _nobody_reads_the_log() -> Iterator[None]:
    """Tens of thousands of lines."""
    logger = logging.getLogger("standby")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


class Poisoned(Stage):
    """Targets that answer every request but the poisoned one."""

    def __init__(
        self, fails: Play, names: str = "abc", is_down: Callable[[bytes], bool] = lambda body: b"poison" in body
    ):
        super().__init__(**dict.fromkeys(names, WELL))
        self._fails, self.is_down = fails, is_down

    def play(self, name: str) -> Play:
        return self._fails if self.is_down(self.bodies[-1]) else super().play(name)


@pytest.fixture
def poisoned() -> Iterator[Callable[..., Poisoned]]:
    """Makes such a stage."""
    made: list[Poisoned] = []

    def make(*how: Any, **more: Any) -> Poisoned:
        made.append(one := Poisoned(*how, **more))
        return one

    yield make
    assert [one.open for one in made] == [0] * len(made)


def states(router: Router) -> list[str]:
    return [health.state for health in router.health()]


async def answered(ask: Awaitable[Any]) -> bool:
    try:
        await ask
    except CallFailed:
        return False
    return True


@pytest.mark.parametrize("numbered", [False, True], ids=["one request", "another each time"])
@pytest.mark.parametrize(("fails", "minutes"), [("500", 10), ("empty", 2), ("silent", 2)])
def test_a_poisoned_caller_takes_nothing_from_the_others(
    poisoned: Callable[..., Poisoned], fails: str, minutes: int, numbered: bool
) -> None:
    """5 % of 50 calls a second."""
    one = poisoned(FAILS[fails])
    others: list[bool] = []

    async def play() -> None:
        async with one.router() as router:

            async def call(number: int) -> None:
                if number % 20 == 7:
                    await answered(router.complete(f"poison {number}" if numbered else "poison", deadline_s=60))
                else:
                    others.append(await answered(router.complete(f"hello {number}", deadline_s=5)))
                if number % 10 == 9:
                    assert set(states(router)) == {"closed"}

            async with asyncio.TaskGroup() as calls:
                for number in range(minutes * 60 * 50):
                    calls.create_task(call(number))
                    await asyncio.sleep(1 / 50)

    perform(play())
    assert len(others) == 0.95 * minutes * 60 * 50
    assert all(others)


@pytest.mark.parametrize("fails", FAILS)
def test_one_request_repeated_a_hundred_times_opens_no_breaker(poisoned: Callable[..., Poisoned], fails: str) -> None:
    one = poisoned(FAILS[fails])

    async def play() -> None:
        async with one.router() as router:
            for number in range(100):
                if number % 3 == 0:
                    assert (await router.complete(f"hello {number}")).text == "Well."
                with pytest.raises(AllTargetsFailed):
                    await router.complete("poison")
                assert set(states(router)) == {"closed"}

    perform(play())


def test_a_hundred_of_them_at_once_leave_the_others_an_answer_at_once(poisoned: Callable[..., Poisoned]) -> None:
    one = poisoned(FAILS["500"])

    async def play() -> None:
        async with one.router() as router:
            await router.complete("hello")
            began_s = now_s()
            storm = [asyncio.create_task(answered(router.complete("poison", deadline_s=5))) for _ in range(100)]
            for number in range(5):
                await asyncio.sleep(0)
                assert (await router.complete(f"hello {number}")).text == "Well."
            assert now_s() == began_s, "no call waits"
            assert states(router)[1:] == ["closed", "closed"], (
                "what one target's opening says of a request, others heed"
            )
            assert not any(await asyncio.gather(*storm))

    perform(play())


@pytest.mark.parametrize("fixed", [False, True], ids=["many prompts", "one fixed prompt"])
@pytest.mark.parametrize("per_s", [0, 50], ids=["one after another", "50 a second"])
@pytest.mark.parametrize("fails", ["500", "503", "empty"])
def test_a_true_outage_costs_at_most_two_attempts_more(
    poisoned: Callable[..., Poisoned], fails: str, per_s: int, fixed: bool
) -> None:
    one = poisoned(FAILS[fails], is_down=lambda _: True)

    async def play() -> None:
        async with one.router() as router, asyncio.TaskGroup() as calls:
            for number in range(2 * TODAY):
                ask = router.complete("hi" if fixed else f"hi {number}", deadline_s=1.0 if per_s else 5.0)
                call = calls.create_task(answered(ask))
                await (asyncio.sleep(1 / per_s) if per_s else call)
                if set(states(router)) == {"open"}:
                    break
            assert set(states(router)) == {"open"}

    perform(play())
    assert all(TODAY <= one.count(name) <= TODAY + 2 for name in "abc"), [one.count(name) for name in "abc"]


def test_what_was_never_reached_counts_whatever_was_asked(stage: MakeStage) -> None:
    one = stage(a=refuses(), b=refuses(), c=refuses())

    async def play() -> None:
        async with one.router() as router:
            for _ in range(TODAY):
                assert not await answered(router.complete("hi"))
            assert states(router) == ["open"] * 3

    perform(play())
    assert [one.count(name) for name in "abc"] == [TODAY] * 3


def test_a_retried_success_is_a_success(stage: MakeStage) -> None:
    one = stage(a=[status(503), WELL] * 30)

    async def play() -> None:
        async with one.router() as router:
            for number in range(30):
                assert await answered(router.complete(f"hi {number}"))
                await asyncio.sleep(1.0)
            (health,) = router.health()
            assert (health.failures, health.failure_ratio) == (0, 0.0)

    perform(play())


def test_an_opening_in_doubt_lets_another_request_through_at_once_and_only_once(
    poisoned: Callable[..., Poisoned],
) -> None:
    """A fresh Router that gets only one poisoned request at first cannot tell it from an outage."""
    one = poisoned(FAILS["500"], "ab")

    async def play() -> None:
        async with Router(
            Config(routes={"r": Route(tuple(one.targets()), all_open="fail")}), transport=one.transport
        ) as router:
            for _ in range(TODAY):
                assert not await answered(router.complete("poison"))
            assert states(router) == ["open", "open"]
            before = one.count("a")
            assert not await answered(router.complete("poison"))
            assert one.count("a") == before, "the same request is not let through"
            assert (await router.complete("hello")).text == "Well."
            assert states(router)[0] == "closed"

    perform(play())


def test_a_request_that_fails_differently_at_each_target_keeps_none_from_the_others(
    poisoned: Callable[..., Poisoned],
) -> None:
    """The second and third target answer no other request meanwhile: its failures there are a row, and open them."""
    one = poisoned(WELL)
    fails = {"a": FAILS["500"], "b": FAILS["empty"], "c": FAILS["cut"]}
    well = one.play
    one.play = lambda name: fails[name] if b"poison" in one.bodies[-1] else well(name)  # type: ignore[method-assign]

    async def play() -> None:
        async with Router(
            Config(routes={"r": Route(tuple(one.targets()), all_open="fail")}), transport=one.transport
        ) as router:
            for number in range(4 * TODAY):
                assert not await answered(router.complete("poison"))
                for other in range(2):
                    assert (await router.complete(f"hello {number} {other}")).target == "a"
            assert states(router) == ["closed", "open", "open"]
            router.isolate("a")
            before = one.count("b")
            assert not await answered(router.complete("poison"))
            assert one.count("b") == before, "the same request is not let through"
            assert (await router.complete("hello")).target == "b", "another one is, at once"
            assert states(router)[1] == "closed"

    perform(play())


@pytest.mark.parametrize("fixed", [False, True], ids=["many prompts", "one fixed prompt"])
def test_an_outage_that_shows_differently_at_each_target_costs_at_most_two_attempts_more(
    poisoned: Callable[..., Poisoned], fixed: bool
) -> None:
    one = poisoned(WELL)
    fails = {"a": FAILS["500"], "b": FAILS["empty"], "c": FAILS["cut"]}
    one.play = lambda name: fails[name]  # type: ignore[method-assign]

    async def play() -> None:
        async with Router(
            Config(routes={"r": Route(tuple(one.targets()), all_open="fail")}), transport=one.transport
        ) as router:
            for number in range(4 * TODAY):
                await answered(router.complete("hi" if fixed else f"hi {number}"))
            assert states(router) == ["open"] * 3
            spent = [one.count(name) for name in "abc"]
            assert all(TODAY <= times <= TODAY + 2 for times in spent), spent
            await answered(router.complete("another"))
            await answered(router.complete("yet another"))
            more = [one.count(name) - before for name, before in zip("abc", spent, strict=True)]
            assert more == [int(fixed)] * 3, "in doubt where one request alone has led to it: one probe, by another"

    perform(play())


def test_a_probe_at_once_that_fails_proves_the_outage(poisoned: Callable[..., Poisoned]) -> None:
    one = poisoned(FAILS["500"], "a", is_down=lambda _: True)
    two = Config(routes={"r": Route(tuple(one.targets()), all_open="fail")})

    async def play() -> None:
        async with Router(two, transport=one.transport) as router:
            for _ in range(TODAY):
                assert not await answered(router.complete("hi"))
            before = one.count("a")
            for number in range(5):
                assert not await answered(router.complete(f"hello {number}"))
            assert one.count("a") == before, "one target alone is in no doubt: it is down"

    perform(play())


def test_the_same_request_as_the_probe_doubles_nothing(poisoned: Callable[..., Poisoned]) -> None:
    one = poisoned(FAILS["500"], "ab", is_down=lambda _: True)

    async def play() -> None:
        async with one.router() as router:
            while now_s() < 60.0:
                await answered(router.complete("hi", deadline_s=1.0))
                await asyncio.sleep(1.0)

    perform(play())
    probes_s = [at_s for at_s, name in one.asked if name == "a"][-5:]
    assert all(4.5 <= later - earlier <= 8.0 for earlier, later in pairwise(probes_s)), probes_s


CLOCKS: list[dict[str, float]] = [{"first_delta_s": 0.05}, {"total_s": 0.05}, {"stall_s": 0.05}]


@pytest.mark.parametrize("clock", CLOCKS, ids=lambda clock: next(iter(clock)))
@pytest.mark.parametrize("form", ["stream", "complete"])
def test_a_clock_that_only_the_caller_set_never_counts(stage: MakeStage, clock: dict[str, float], form: str) -> None:
    slow = says("Well.", "again.", first_s=0.0 if "stall_s" in clock else 0.2, every_s=0.2)
    one = stage(a=slow, b=slow)

    async def ask(router: Router, **clocks: Any) -> None:
        if form == "complete":
            await router.complete("hi", **clocks)
        else:
            async with router.stream("hi", **clocks) as stream:
                async for _ in stream:
                    pass

    async def play() -> None:
        async with one.router() as router:
            for _ in range(20):
                with pytest.raises(CallFailed):
                    await ask(router, **clock)
            assert {(health.state, health.failure_ratio) for health in router.health()} == {("closed", 0.0)}
            await ask(router)

    perform(play())


@pytest.mark.parametrize("where", ["limits", "longer"])
def test_a_clock_that_would_have_rung_anyway_counts(stage: MakeStage, where: str) -> None:
    one = stage(a=SILENT, b=WELL)

    async def play() -> None:
        async with one.router() as router:
            clocks = {"first_delta_s": 12.0} if where == "longer" else {}
            for _ in range(TODAY):
                assert (await router.complete("hi", **clocks)).text == "Well."
            assert states(router) == ["open", "closed"]

    perform(play())
