"""Budgets and costs in calls, in virtual time: nothing is spent twice, and every attempt is on the bill."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from standby.config import Hedge, Price, Retry
from standby.providers import Message, TextPart, Usage
from standby.providers.chat import chat_request
from standby.router.limits.bill import Bill
from standby.router.limits.ledger import Ledger
from standby.router.limits.token_estimate import LONG_ANSWER_TOKENS, demand

from stage import SILENT, Play, Stage, breaks_off, chunk, now_s, perform, refuses, says, status, texts
from standby import CallFailed, Config, ErrorKind, Route, Router

MakeStage = Callable[..., Stage]

APRIL_S = datetime(2026, 4, 1, tzinfo=UTC).timestamp()
A_DOLLAR_A_TOKEN = Price(input=1e6, output=1e6)


def counted(
    prompt: int, answer: int, *deltas: str, cached: int = 0, first_s: float = 0.0, every_s: float = 0.0
) -> Play:
    """A whole answer, with its usage."""
    details = f',"prompt_tokens_details":{{"cached_tokens":{cached}}}' if cached else ""
    usage = (
        f'data: {{"id":"c","choices":[],"usage":{{"prompt_tokens":{prompt},"completion_tokens":{answer},'
        f'"total_tokens":{prompt + answer}{details}}}}}\n\n'
    ).encode()
    pieces = [(every_s if place else first_s, chunk(delta)) for place, delta in enumerate(deltas or ("A",))]
    return Play([*pieces, (every_s, chunk(finish="stop") + usage + b"data: [DONE]\n\n")])


def priced(one: Stage, route: dict[str, Any] | None = None, day_left_s: float = 80_000.0, **target: Any) -> Router:
    """A Router over the stage's targets, with a price on the first, so long before the end of March."""
    first, *rest = one.targets()
    first = replace(first, **({"price": A_DOLLAR_A_TOKEN} | target))
    config = Config(routes={"r": Route((first, *rest), **(route or {}))}, retry=Retry(backoff_s=0.1))
    began_s = APRIL_S - day_left_s
    return Router(
        config, rng=random.Random(7), wall=lambda: began_s + asyncio.get_running_loop().time(), transport=one.transport
    )


def ledgers(router: Router) -> tuple[Ledger, Ledger]:
    """That of the first target, and that of the route."""
    shared = router._shared
    assert shared is not None
    return shared.generation.live(router.config.routes["r"].placed()[0][1]).ledger, shared._ledgers["default"]


@pytest.mark.parametrize("of", ["target", "route"])
@pytest.mark.parametrize("answer", [1, 50, 100], ids=["short", "middling", "as long as may be"])
def test_a_thousand_calls_at_once_do_not_overspend(stage: MakeStage, of: str, answer: int) -> None:
    one = stage(a=counted(16, answer, first_s=1.0))
    reservation = float(demand(chat_request("hi", max_tokens=100)).most.input_tokens + 100)
    budget = 20 * reservation + 50
    spent = 0.0
    refused: set[ErrorKind] = set()

    async def call(router: Router) -> None:
        nonlocal spent
        try:
            answer = await router.complete("hi", max_tokens=100, deadline_s=60.0)
        except CallFailed as failed:
            refused.add(failed.kind)
        else:
            spent += answer.report.cost or 0.0

    async def play() -> None:
        target, route = ({"budget_day": budget}, {}) if of == "target" else ({}, {"budget_day": budget})
        async with priced(one, route, **target) as router:
            await asyncio.gather(*(call(router) for _ in range(1000)))
            ledger = ledgers(router)[of == "route"]
            assert ledger.spent_day == pytest.approx(spent)
            assert (ledger.reserved, len(ledger.queue)) == (0.0, 0)

    perform(play())
    assert refused <= {ErrorKind.BUDGET, ErrorKind.RATE_LIMITED}
    assert spent <= budget  # by at most one reservation, says the promise; by none, says the code
    assert spent >= budget - 2 * reservation or answer == 1 or spent == 1000 * (16 + answer)


def test_what_is_set_aside_is_waited_for_and_what_is_spent_is_not(stage: MakeStage) -> None:
    one = stage(a=counted(20, 10, first_s=1.0))

    async def play() -> None:
        async with priced(one, budget_day=150.0) as router:  # one may cost 124, and costs 30
            answers = await asyncio.gather(*(router.complete("hi", max_tokens=100) for _ in range(1)))
            waits = await asyncio.gather(
                router.complete("hi", max_tokens=60), router.complete("hi", max_tokens=50), return_exceptions=True
            )
            assert [answer.report.cost for answer in answers] == [30.0]
            assert not isinstance(waits[0], BaseException)
            assert not isinstance(waits[1], BaseException)
            assert [wait.reason for wait in waits[1].report.waits] == ["queue"]
            assert now_s() == 3.0
            with pytest.raises(CallFailed) as failed:
                await router.complete("hi", max_tokens=60)
            assert failed.value.kind is ErrorKind.BUDGET
            assert "90 of 150 USD a day are spent" in str(failed.value)
            assert now_s() == 3.0

    perform(play())


def test_beyond_its_budget_another_target_answers_until_the_next_day(stage: MakeStage) -> None:
    one = stage(a=counted(20, 10), b=says("B"))

    async def play() -> None:
        async with priced(one, day_left_s=100.0, budget_day=130.0) as router:
            first = await router.complete("hi", max_tokens=100)
            second = await router.complete("hi", max_tokens=100)
            assert [first.target, second.target] == ["a", "b"]
            [skip] = second.report.skipped
            assert (skip.reason, skip.until_s) == ("budget", pytest.approx(100.0))
            await asyncio.sleep(99.9)
            assert (await router.complete("hi", max_tokens=100)).target == "b"
            await asyncio.sleep(0.2)
            assert (await router.complete("hi", max_tokens=100)).target == "a"

    perform(play())


def test_the_next_day_is_waited_for_when_it_comes_in_time(stage: MakeStage) -> None:
    one = stage(a=counted(20, 10))

    async def play() -> None:
        async with priced(one, day_left_s=10.0, budget_month=130.0) as router:  # it is the last of the month
            await router.complete("hi", max_tokens=100)
            answer = await router.complete("hi", max_tokens=100, deadline_s=30.0)
            assert now_s() == pytest.approx(10.0)
            assert [wait.reason for wait in answer.report.waits] == ["return"]

    perform(play())


def test_a_budget_holds_as_a_last_resort_too(stage: MakeStage) -> None:
    one = stage(a=counted(20, 10))

    async def play() -> None:
        async with priced(one, {"all_open": "last_resort"}, budget_day=10.0) as router:
            with pytest.raises(CallFailed) as failed:
                await router.complete("hi", max_tokens=100)
            assert failed.value.kind is ErrorKind.BUDGET

    perform(play())
    assert one.asked == []


def test_a_cost_is_the_target_s_price_of_what_its_provider_counted(stage: MakeStage) -> None:
    one = stage(a=counted(1000, 200, cached=400))

    async def play() -> None:
        async with priced(one, price=Price(input=2.0, output=8.0, cached=0.5)) as router:
            report = (await router.complete("hi")).report
            assert report.cost == pytest.approx((600 * 2 + 400 * 0.5 + 200 * 8) / 1e6)
            assert report.tokens == report.usage
            assert not report.estimated
            assert report.to_dict()["attempts"][0]["cost"] == report.cost
        async with one.router() as router:
            report = (await router.complete("hi")).report
            assert (report.cost, report.tokens) == (None, report.usage)

    perform(play())


def bills(usage: dict[str, Any]) -> Play:
    """A whole answer whose provider counts this."""
    told = {"id": "c", "choices": [], "usage": {"prompt_tokens": 100_000, "completion_tokens": 10, **usage}}
    end = chunk(finish="stop") + b"data: " + msgspec.json.encode(told) + b"\n\ndata: [DONE]\n\n"
    return Play([(1.0, chunk("A")), (0.0, end)])


WRITES = {"prompt_tokens_details": {"cache_write_tokens": 100_000}}
WRITTEN = 100_000 * 12.5 / 1e6 + 10 * 10 / 1e6


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("length", [400_000, 2], ids=["as long as it is counted", "counted as more than it seems"])
def test_a_budget_holds_though_a_hundred_thousand_tokens_are_written_to_a_cache(
    stage: MakeStage, length: int, *, marked: bool
) -> None:
    one = stage(a=bills(WRITES))
    prompt = Message("user", (TextPart("x" * length, cache="5m" if marked else None),))
    reservation = float(demand(chat_request([prompt], max_tokens=10)).most.input_tokens) * 12.5 / 1e6 + 10 * 10 / 1e6

    async def play() -> None:
        price = Price(input=10.0, output=10.0, cache_write=12.5)
        async with priced(one, {"budget_day": 10.0}, price=price) as router:
            spent = 0.0
            for _ in range(4):
                calls = [router.complete([prompt], max_tokens=10, deadline_s=5.0) for _ in range(4)]
                for answer in await asyncio.gather(*calls, return_exceptions=True):
                    if not isinstance(answer, BaseException):
                        assert answer.report.cost == pytest.approx(WRITTEN)
                        spent += answer.report.cost or 0.0
            assert ledgers(router)[1].spent_day == pytest.approx(spent)
            if length > 2:
                assert spent <= 10.0
                assert spent > 10.0 - 2 * reservation
            else:  # what was set aside was too little: no call more begins than were under way
                assert 10.0 < spent <= 10.0 + 4 * WRITTEN

    perform(play())


def test_a_prompt_that_is_to_be_kept_is_set_aside_at_the_price_of_keeping_it(stage: MakeStage) -> None:
    one = stage(a=counted(16, 1, first_s=1.0))

    async def reserved(**marks: Any) -> float:
        price = Price(input=1e6, output=1e6, cache_write=2e6, cache_write_1h=3e6)
        async with priced(one, {"budget_day": 1e8}, price=price) as router:
            prompt = Message("user", (TextPart("hi", **marks),))
            asked = asyncio.create_task(router.complete([prompt], max_tokens=10))
            await asyncio.sleep(0.5)
            held = ledgers(router)[1].reserved
            await asyncio.wait([asked])
            return held

    async def play() -> None:
        assert [await reserved(), await reserved(cache="5m"), await reserved(cache="1h")] == [
            16 + 10,
            2 * 16 + 10,
            3 * 16 + 10,
        ]

    perform(play())


def test_what_the_provider_says_it_costs_is_what_it_costs_where_no_price_is_known(stage: MakeStage) -> None:
    one = stage(a=bills({"cost": 0.4}))

    async def play() -> None:
        async with priced(one, {"budget_day": 1.0}, price=None) as router:
            report = (await router.complete("hi")).report
            assert (report.cost, report.estimated) == (0.4, False)
            for _ in range(2):
                await router.complete("hi")
            with pytest.raises(CallFailed) as failed:
                await router.complete("hi", deadline_s=5.0)
            assert failed.value.report.skipped[0].reason == "budget"
            assert ledgers(router)[1].spent_day == pytest.approx(1.2)
        async with priced(one, price=None) as router:
            assert (await router.complete("hi")).report.cost == 0.4
        async with priced(one, price=A_DOLLAR_A_TOKEN) as router:
            assert (await router.complete("hi")).report.cost == 100_010

    perform(play())


def test_retries_and_handovers_are_on_the_bill_and_refusals_are_free(stage: MakeStage) -> None:
    one = stage(a=[status(503), breaks_off("1234567890"), counted(30, 5)], b=refuses())

    async def play() -> None:
        async with priced(one) as router:
            report = (await router.complete("hi")).report
            assert [(each.why, each.cost, each.estimated) for each in report.attempts if each.target == "a"] == [
                ("first", None, False),
                ("retry", 16 + 4, True),  # 10 bytes of text are at most 4 tokens
            ]
            assert report.attempts[-1].target == "b" or report.cost == 20

    one.scripts["b"] = counted(30, 5)
    perform(play())


def test_the_report_sums_up_and_the_usage_stays_the_winner_s(stage: MakeStage) -> None:
    one = stage(a=breaks_off("1234567890"), b=counted(30, 5))

    async def play() -> None:
        a, b = (replace(target, price=A_DOLLAR_A_TOKEN) for target in one.targets())
        async with Router(Config(routes={"r": Route((a, b))}), transport=one.transport) as router:
            report = (await router.complete("hi")).report
            assert report.usage == Usage(30, 5)
            assert report.tokens == Usage(30 + 16, 5 + 4)
            assert (report.cost, report.estimated) == (46 + 9, True)
            assert [(each.cost, each.estimated) for each in report.attempts] == [(20, True), (35, False)]

    perform(play())


def test_the_loser_of_a_race_is_charged_at_its_upper_bound(stage: MakeStage) -> None:
    one = stage(a=SILENT, b=counted(30, 5, first_s=1.0))

    async def play() -> None:
        hedge = {"hedge": Hedge(after=2.0, budget_ratio=1.0), "budget_day": 1e6}
        async with priced(one, hedge) as router:
            stream = router.stream("x" * 400, max_tokens=50)
            await texts(stream)
            loser = stream.report.attempts[0]
            assert (loser.outcome, loser.estimated, loser.usage) == ("cancelled", True, Usage(166, 0))
            assert stream.report.cost == 166  # b has no price
            target, route = ledgers(router)
            assert (route.spent_day, target.reserved, route.reserved) == (166, 0, 0)

    perform(play())


def test_who_leaves_pays_for_what_was_said(stage: MakeStage) -> None:
    one = stage(a=counted(30, 5, *"abcdefgh", every_s=1.0))

    async def play() -> None:
        async with priced(one) as router:
            async with router.stream("hi") as stream:
                await anext(stream)
                await anext(stream)
                await anext(stream)
            assert (stream.report.cost, stream.report.estimated) == (16 + 1, True)
            assert stream.report.attempts[0].usage == Usage(16, 1)

    perform(play())


def test_an_answer_that_its_provider_did_not_count_is_estimated(stage: MakeStage) -> None:
    one = stage(a=says("x" * 100))

    async def play() -> None:
        async with priced(one) as router:
            answer = await router.complete("hi", max_tokens=20)
            assert answer.usage is None
            assert (answer.report.cost, answer.report.estimated) == (16 + 20, True)  # never more than was asked for

    perform(play())


def test_money_comes_back_when_there_is_no_key_to_be_had(stage: MakeStage) -> None:
    one = stage(a=says("A"))

    async def no_key() -> str:
        await asyncio.sleep(1.0)
        raise OSError("the vault is shut")

    async def play() -> None:
        async with priced(one, budget_day=1e6, concurrency=1, key=no_key) as router:
            leaving = asyncio.create_task(router.complete("hi"))
            await asyncio.sleep(0.5)
            assert ledgers(router)[0].reserved == 16 + LONG_ANSWER_TOKENS
            leaving.cancel()
            await asyncio.wait([leaving])
            with pytest.raises(CallFailed):
                await router.complete("hi")
            assert (ledgers(router)[0].reserved, ledgers(router)[0].spent_day) == (0.0, 0.0)

    perform(play())


def test_the_cheapest_for_this_request_is_asked_first_and_the_unknown_last(stage: MakeStage) -> None:
    one = stage(a=status(401), b=status(401), c=status(401), d=says("D"))
    prices = (None, Price(input=1, output=9), Price(input=4, output=4), Price(input=2, output=5))

    async def asked(*options: Any, **more: Any) -> list[str]:
        one.asked.clear()
        targets = [replace(target, price=price) for target, price in zip(one.targets(), prices, strict=True)]
        one.scripts = dict.fromkeys("abc", status(401)) | {"d": status(401)}
        async with Router(
            Config(routes={"r": Route(tuple(targets), select="cost")}), transport=one.transport
        ) as router:
            with pytest.raises(CallFailed):
                await router.complete(*options, **more)
        return [name for _, name in one.asked]

    assert perform(asked("hi", max_tokens=1000)) == ["c", "d", "b", "a"]
    assert perform(asked("x" * 40_000, max_tokens=10)) == ["b", "d", "c", "a"]


def test_a_bill_is_closed_once(stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    one = stage(a=counted(30, 5))
    closed: list[int] = []
    give_back = Bill._give_back
    monkeypatch.setattr(
        Bill, "_give_back", lambda self, *args, **more: closed.append(1) or give_back(self, *args, **more)
    )

    async def play() -> None:
        async with priced(one, budget_day=1e6) as router:
            async with router.stream("hi") as stream:
                _ = [event async for event in stream]
            await stream.aclose()
            assert ledgers(router)[0].spent_day == 35

    perform(play())
    assert len(closed) == 1
