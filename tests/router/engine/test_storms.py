"""Outages under load, in virtual time: no target is hammered, no call waits too long, and all is well soon after."""

import asyncio
import logging
import math
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from standby.config import Health, Retry

from stage import SILENT, Play, Stage, now_s, perform, refuses, says, status
from standby import CallFailed, Config, Route, Router

MakeStage = Callable[..., Stage]

PER_S = 100
MINUTES = 10
DEADLINES_S = (5.0, 30.0)
LATE_S = 0.05
"""What a deadline may be overshot by."""
OPEN_MAX_S = Health().open_max_s
"""No breaker is open for longer."""
SETTLED_S = 30.0
"""Attempts that had begun before a breaker opened are over by then."""
CLIENTS = 1000
WELL = says("Well.")
DOWN: dict[str, Play] = {"refused": refuses(), "503": status(503), "silent": SILENT}


@dataclass(frozen=True)
class Ended:
    """One call."""

    began_s: float
    took_s: float
    deadline_s: float
    answered: bool


@pytest.fixture(autouse=True)
def _nobody_reads_the_log() -> Iterator[None]:
    """Tens of thousands of lines."""
    logger = logging.getLogger("standby")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


async def load(router: Router, for_s: float, per_s: int = PER_S) -> list[Ended]:
    """So many calls a second, each with a deadline, until the last has ended."""
    ended: list[Ended] = []

    async def call(number: int) -> None:
        began_s, deadline_s = now_s(), DEADLINES_S[number % 2]
        try:
            if number % 4 < 2:
                await router.complete("hi", deadline_s=deadline_s)
            else:
                async with router.stream("hi", deadline_s=deadline_s) as stream:
                    async for _ in stream:
                        pass
        except CallFailed:
            answered = False
        else:
            answered = True
        ended.append(Ended(began_s, now_s() - began_s, deadline_s, answered))

    async with asyncio.TaskGroup() as calls:
        for number in range(int(for_s * per_s)):
            calls.create_task(call(number))
            await asyncio.sleep(1 / per_s)
    return ended


def opened_s(one: Stage, name: str) -> float:
    """When the target's breaker opened, at the latest: with its fifth failure in a row."""
    return [at_s for at_s, asked in one.asked if asked == name][Health().failures_in_row - 1]


def few_asked(one: Stage, ended: list[Ended]) -> None:
    """No call waited beyond its deadline, and an open target is hardly asked."""
    assert max(call.took_s - call.deadline_s for call in ended) <= LATE_S
    for name in ("a", "b"):
        since_s = opened_s(one, name)
        calls = sum(call.began_s >= since_s for call in ended)
        assert 0 < one.count(name, since_s) - 1 <= 1.2 * calls


def test_ten_minutes_with_everything_down(stage: MakeStage) -> None:
    one = stage(a=DOWN["503"], b=DOWN["503"])

    async def play() -> list[Ended]:
        async with one.router() as router:
            return await load(router, MINUTES * 60, PER_S // 2)

    ended = perform(play())
    assert len(ended) == MINUTES * 60 * PER_S // 2
    assert not any(call.answered for call in ended)
    few_asked(one, ended)
    for name in ("a", "b"):
        probes_s = [at_s for at_s, asked in one.asked if asked == name and at_s > opened_s(one, name) + SETTLED_S]
        assert all(later - earlier >= 0.9 * Health().open_s for earlier, later in pairwise(probes_s))


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_a_minute_of_another_kind(stage: MakeStage, how: str) -> None:
    one = stage(a=DOWN[how], b=DOWN[how])

    async def play() -> list[Ended]:
        async with one.router() as router:
            return await load(router, 60)

    few_asked(one, perform(play()))


@pytest.mark.parametrize("names", ["a", "ab"])
@pytest.mark.parametrize("heals_s", [20, 61, 118])
def test_all_is_well_within_two_open_intervals(stage: MakeStage, names: str, heals_s: int) -> None:
    one = stage(**dict.fromkeys(names, lambda at_s: DOWN["503"] if at_s < heals_s else WELL))
    until_s = heals_s + 3 * OPEN_MAX_S

    async def play() -> list[Ended]:
        async with one.router() as router:
            return await load(router, until_s, per_s=20)

    ended = perform(play())
    last, before = [at_s for at_s, name in one.asked if name == "a" and at_s < heals_s][:-3:-1]
    interval_s = min(OPEN_MAX_S, 2 * (last - before))  # the one that is running when the target is well again
    good = Counter(int(call.began_s) for call in ended if call.answered)
    back_s = math.ceil(heals_s + 2 * interval_s)
    assert back_s < until_s - 10
    assert all(good[second] >= 0.95 * 20 for second in range(back_s, int(until_s)))
    assert max(call.took_s - call.deadline_s for call in ended) <= LATE_S


def spread(times_s: Iterable[float], within_s: float) -> bool:
    """Is no tenth of a second fuller than twice its share?"""
    bins = Counter(int(at_s * 10) for at_s in times_s)
    return max(bins.values()) <= 2 * bins.total() * 0.1 / within_s


def clients(one: Stage, play: Callable[[Router], Coroutine[Any, Any, None]], retry: Retry = Retry()) -> None:  # noqa: B008
    """1,000 clients that know nothing of each other, each with a Router of its own."""

    config = Config(routes={"r": Route(tuple(one.targets()))}, retry=retry)

    async def client(number: int) -> None:
        async with Router(config, rng=random.Random(number), transport=one.transport) as router:
            await play(router)

    async def play_all() -> None:
        await asyncio.gather(*(client(number) for number in range(CLIENTS)))

    perform(play_all())


def test_a_thousand_clients_that_fail_together_do_not_retry_together(stage: MakeStage) -> None:
    one = stage(a=DOWN["503"])

    async def one_call(router: Router) -> None:
        with pytest.raises(CallFailed):
            await router.complete("hi")

    clients(one, one_call, Retry(attempts=2))
    assert one.asked[CLIENTS - 1][0] == 0.0, "they fail together"
    retries_s = [at_s for at_s, _ in one.asked[CLIENTS:]]
    assert len(retries_s) == CLIENTS
    assert spread(retries_s, Retry().backoff_s)


def test_a_thousand_clients_whose_breakers_open_together_do_not_probe_together(stage: MakeStage) -> None:
    one = stage(a=lambda at_s: DOWN["refused"] if at_s < 1 else WELL)

    async def five_calls_and_one(router: Router) -> None:
        for _ in range(Health().failures_in_row):
            with pytest.raises(CallFailed):
                await router.complete("hi")
        assert (await router.complete("hi")).text == "Well."

    clients(one, five_calls_and_one)
    probes_s = [at_s for at_s, _ in one.asked if at_s > 1]
    assert len(probes_s) == CLIENTS
    assert spread(probes_s, 0.1 * Health().open_s)


def waiting(one: Stage, callers: int) -> list[float]:
    """The times at which a target that was down is asked, after so many calls of one Router have waited for it."""

    async def play() -> None:
        async with one.router() as router:
            for _ in range(Health().failures_in_row):
                with pytest.raises(CallFailed):
                    await router.complete("hi")
            answers = await asyncio.gather(*(router.complete("hi") for _ in range(callers)))
            assert {answer.text for answer in answers} == {"Well."}

    perform(play())
    return [at_s for at_s, _ in one.asked[Health().failures_in_row :]]


def test_only_one_of_a_thousand_waiting_callers_asks_before_the_target_has_proved_itself(stage: MakeStage) -> None:
    one = stage(a=lambda at_s: DOWN["refused"] if at_s < 1 else says("Well.", first_s=2.0))
    asked_s = waiting(one, CLIENTS)
    assert len(asked_s) == CLIENTS
    assert asked_s[1] - asked_s[0] >= 2.0


def test_a_thousand_waiting_callers_do_not_come_back_together(stage: MakeStage) -> None:
    one = stage(a=lambda at_s: DOWN["refused"] if at_s < 1 else WELL)
    asked_s = waiting(one, CLIENTS)
    assert spread(asked_s, Health().slow_start_s)


def test_a_target_at_nine_tenths_of_its_capacity_comes_back_for_good(stage: MakeStage) -> None:
    used: Counter[int] = Counter()

    def script(at_s: float) -> Play:
        used[int(at_s)] += 1
        return DOWN["503"] if at_s < 60 or used[int(at_s)] > 22 else WELL

    one = stage(a=script)

    async def play() -> list[Ended]:
        async with one.router() as router:
            return await load(router, 180, per_s=20)

    ended = perform(play())
    good = Counter(int(call.began_s + call.took_s) for call in ended if call.answered)
    assert sum(good[second] for second in range(120, 180)) >= 0.95 * 20 * 60
