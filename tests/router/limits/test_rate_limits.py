"""Hints of providers through the whole engine, in virtual time: which calls are delayed, and for how long."""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from standby.config import Hedge, Hold, Retry
from standby.config.route import AllOpen

from stage import Play, Stage, chunk, now_s, perform, says, status, texts
from standby import AllTargetsFailed, CallFailed, Config, Route, Router, Target

MakeStage = Callable[..., Stage]
CALLERS = 10
FOR_S = 8.0
ANSWER_S = 0.1
GOODPUT_MIN = 0.9


@pytest.fixture(autouse=True)
def _the_log_is_not_read() -> Iterator[None]:
    """Tens of thousands of lines."""
    logger = logging.getLogger("standby")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def limited(hint: str = "0.05") -> Play:
    return status(429, retry_after=hint)


WELL = says("Well.", first_s=ANSWER_S)


async def load(router: Router, callers: int, for_s: float = FOR_S) -> Counter[str]:
    """So many callers, each with one call after another: half of them read streams. How their calls ended."""
    ended: Counter[str] = Counter()

    async def caller(number: int) -> None:
        while now_s() < for_s:
            try:
                if number % 2:
                    await router.complete("hi", deadline_s=3)
                else:
                    async with router.stream("hi", deadline_s=3) as stream:
                        assert "".join([piece async for piece in stream.text()]) == "Well."
            except CallFailed as failure:
                ended[failure.kind.value] += 1
                await asyncio.sleep(ANSWER_S)
            else:
                ended["answered"] += now_s() <= for_s

    async with asyncio.TaskGroup() as calls:
        for number in range(callers):
            calls.create_task(caller(number))
    return ended


def sometimes(share: float, seed: int, refusal: Play, answer: Play = WELL) -> Callable[[float], Play]:
    """A target that refuses a share of all requests."""
    chance = random.Random(seed)
    return lambda _now_s: refusal if chance.random() < share else answer


@pytest.mark.parametrize("seed", range(20))
def test_a_few_refusals_with_short_hints_cost_a_few_calls(stage: MakeStage, seed: int) -> None:
    one = stage(a=sometimes(0.02, seed, limited()))

    async def play() -> Counter[str]:
        async with one.router() as router:
            return await load(router, CALLERS)

    ended = perform(play())
    assert ended["answered"] >= GOODPUT_MIN * CALLERS * FOR_S / ANSWER_S
    assert set(ended) == {"answered"}


@pytest.mark.parametrize(
    ("keys", "hint", "answer"),
    [
        (1, "0", WELL),
        (1, "0.2", WELL),
        (3, "0.05", WELL),
        (3, "0.2", WELL),
        (1, "0.05", says("Well.", first_s=4 * ANSWER_S)),
    ],
    ids=["of nothing", "longer", "of several keys", "longer, of several keys", "with slow answers"],
)
def test_so_do_hints_of_other_shapes(stage: MakeStage, keys: int, hint: str, answer: Play) -> None:
    one = stage(a=sometimes(0.02, 7, limited(hint), answer))
    target = Target("openai", model="m", name="a", base_url="https://a.test", keys=[f"k{n}" for n in range(keys)])
    takes_s = answer.body[0][0]

    async def play() -> Counter[str]:
        async with Router([target], rng=random.Random(7), transport=one.transport) as router:
            return await load(router, CALLERS, 2 * FOR_S)

    ended = perform(play())
    share = 0.7 if (keys, hint) == (1, "0.2") else GOODPUT_MIN  # here every third hint meets a second one
    assert ended["answered"] >= share * CALLERS * 2 * FOR_S / takes_s
    assert set(ended) == {"answered"}


# Which calls wait, and for how long


def asked(one: Stage, name: str = "a") -> list[float]:
    return [round(at_s, 3) for at_s, who in one.asked if who == name]


async def answered_at(router: Router, **options: Any) -> float:
    await router.complete("hi", **options)
    return round(now_s(), 3)


def test_one_short_hint_delays_its_own_call_only(stage: MakeStage) -> None:
    one = stage(a=[limited("2"), says("Well.")])

    async def play() -> tuple[list[float], Any]:
        async with one.router() as router:
            first = asyncio.create_task(router.complete("hi"))
            await asyncio.sleep(0.5)
            others = [await answered_at(router), await answered_at(router)]
            return others, (await first).report

    others, report = perform(play())
    assert others == [0.5, 0.5]
    assert asked(one) == [0, 0.5, 0.5, 2]
    assert [(wait.reason, wait.for_s) for wait in report.waits] == [("hint", 2)]
    assert [attempt.why for attempt in report.attempts] == ["first", "retry"]


def test_a_second_call_that_is_refused_within_a_hint_parks_the_target_until_its_own(stage: MakeStage) -> None:
    one = stage(a=[limited("2"), limited("2.5"), says("Well.")])

    async def play() -> list[float]:
        async with one.router() as router, asyncio.TaskGroup() as calls:
            made = []
            for _ in range(3):  # at 0, 0.5 and 1 s
                made.append(calls.create_task(answered_at(router)))
                await asyncio.sleep(0.5)
            assert router.health()[0].until_s == 3.0
        return [call.result() for call in made]

    assert perform(play()) == [3.0, 3.0, 3.0], "no minimum of 5 s, and no line at the return"
    assert asked(one)[:3] == [0, 0.5, 3.0]


def test_a_call_that_is_refused_after_its_wait_parks_the_target_until_the_new_hint(stage: MakeStage) -> None:
    one = stage(a=[limited("1"), limited("0.25"), limited("0.25"), says("Well.")])

    async def play() -> tuple[float, Any]:
        async with one.router() as router:
            answer = await router.complete("hi")
            return now_s(), answer.report

    took_s, report = perform(play())
    assert asked(one)[:3] == [0, 1, 1.25]
    assert 1.5 <= took_s <= 1.75, "from the third on the call backs off as well"
    assert [attempt.why for attempt in report.attempts] == ["first", "retry", "return", "return"]
    assert {wait.reason for wait in report.waits} == {"hint"}


def test_the_next_target_is_asked_at_once_when_a_hint_has_proved_too_short(stage: MakeStage) -> None:
    one = stage(a=limited("1"), b=says("Well."))

    async def play() -> list[float]:
        async with one.router() as router:
            return [await answered_at(router), await answered_at(router), await answered_at(router)]

    assert perform(play()) == [1, 1, 1]
    assert asked(one) == [0, 1]


@pytest.mark.parametrize("hint", ["0", "0.001", "0.05", "2"])
@pytest.mark.parametrize("retry", [Retry(), Retry(attempts=1), Retry(budget_ratio=0, budget_floor_per_s=0)])
def test_a_short_hint_for_ever_is_not_asked_for_ever(stage: MakeStage, hint: str, retry: Retry) -> None:
    one = stage(a=limited(hint))

    async def play() -> float:
        [target] = one.targets()
        async with Router(
            Config(targets={"a": target}, routes={"r": Route(("a",))}, retry=retry), transport=one.transport
        ) as router:
            with pytest.raises(AllTargetsFailed):
                await router.complete("hi", route="r", deadline_s=120)
            return now_s()

    assert perform(play()) <= 120.05
    assert len(one.asked) <= 80
    assert all(later - earlier >= float(hint) - 0.001 for earlier, later in pairwise(asked(one)))


@pytest.mark.parametrize("all_open", ["wait", "last_resort", "fail"])
def test_with_no_retry_left_the_call_comes_back_after_the_hint(stage: MakeStage, all_open: AllOpen) -> None:
    one = stage(a=[limited("1"), says("Well.")])
    route = Route(("a",), all_open=all_open)

    async def play() -> list[str]:
        targets = {target.name: target for target in one.targets()}
        async with Router(
            Config(targets=targets, routes={"r": route}, retry=Retry(attempts=1)), transport=one.transport
        ) as router:
            answer = await router.complete("hi", route="r")
            assert router.health()[0].state == "closed", "one hint parks nothing"
            return [wait.reason for wait in answer.report.waits]

    if all_open == "fail":
        with pytest.raises(AllTargetsFailed):
            perform(play())
        assert asked(one) == [0]
    else:
        assert perform(play()) == (["hint"] if all_open == "wait" else [])
        assert asked(one) == [0, 1 if all_open == "wait" else 0]


@pytest.mark.parametrize("then", [status(429), status(503), status(504), status(529, x_should_retry="true")])
def test_a_last_resort_within_a_hint_is_asked_once(stage: MakeStage, then: Play) -> None:
    one = stage(a=[limited("1"), then, says("Well.")])
    route = Route(tuple(one.targets()), all_open="last_resort")

    async def play() -> None:
        async with Router(Config(routes={"r": route}), rng=random.Random(1), transport=one.transport) as router:
            with pytest.raises(AllTargetsFailed):
                await router.complete("hi", route="r", deadline_s=0.9)

    perform(play())
    assert asked(one) == [0, 0]


def test_a_provider_that_wants_no_retry_is_asked_again_after_its_hint_alone(stage: MakeStage) -> None:
    one = stage(a=[status(429, retry_after="1", x_should_retry="false"), says("Well.")])

    async def play() -> float:
        async with one.router() as router:
            return await answered_at(router)

    assert perform(play()) == 1


def test_the_call_goes_on_with_another_key_at_once(stage: MakeStage) -> None:
    one = stage(a=[limited("2"), says("Well.")])
    target = Target("openai", model="m", name="a", base_url="https://a.test", keys=["k1", "k2"])

    async def play() -> list[Any]:
        async with Router([target], transport=one.transport) as router:
            reports = [(await router.complete("hi")).report for _ in range(4)]
            assert router.health()[0].parks == ()
            return reports

    reports = perform(play())
    assert now_of(reports) == 0
    assert [wait for report in reports for wait in report.waits] == []
    used = [head["authorization"] for head in one.headers]
    assert used == ["Bearer k2", *["Bearer k1"] * 4], "the other key rests for so long"


def now_of(reports: list[Any]) -> float:
    return max(report.ended_s for report in reports)


def test_a_permit_is_not_held_while_a_hint_is_waited_out(stage: MakeStage) -> None:
    one = stage(a=[limited("2"), says("Well.", first_s=0.5)])
    [target] = one.targets(concurrency=1)

    async def play() -> list[float]:
        async with Router([target], transport=one.transport) as router:
            calls = [asyncio.create_task(answered_at(router)) for _ in range(3)]
            return [await call for call in calls]

    assert perform(play()) == [2.5, 0.5, 1.0]


def test_a_hedge_answers_while_the_first_target_has_asked_to_wait(stage: MakeStage) -> None:
    one = stage(a=[Play([(0.2, b"{}")], status=429, headers={"retry-after": "2"}), says("Well.")], b=says("Well."))

    async def play() -> tuple[float, str | None]:
        targets = {target.name: target for target in one.targets()}
        route = Route(("a", "b"), hedge=Hedge(after=0.1, budget_ratio=1.0))
        async with Router(Config(targets=targets, routes={"r": route}), transport=one.transport) as router:
            answer = await router.complete("hi", route="r")
            assert [state.state for state in router.health()] == ["closed", "closed"]
            return now_s(), answer.target

    took_s, target = perform(play())
    assert (took_s, target) == (pytest.approx(0.1), "b")


def test_a_call_that_leaves_while_it_waits_holds_nothing(stage: MakeStage) -> None:
    one = stage(a=[limited("2"), says("Well.")])

    async def play() -> None:
        async with one.router(concurrency=1) as router:
            call = asyncio.create_task(router.complete("hi"))
            await asyncio.sleep(1)
            call.cancel()
            await asyncio.wait([call])
            assert call.cancelled()
            assert await answered_at(router) == 1
            assert router.health()[0].state == "closed"

    perform(play())


# Hints of servers that fail


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504, 529])
def test_a_short_hint_of_a_failure_is_waited_out(stage: MakeStage, code: int) -> None:
    one = stage(a=[status(code, retry_after="2"), says("Well.")], b=says("Well."))

    async def play() -> Any:
        async with one.router() as router:
            return (await router.complete("hi")).report

    report = perform(play())
    assert (asked(one), asked(one, "b")) == ([0, 2], [])
    assert [(wait.reason, wait.for_s) for wait in report.waits] == [("hint", 2)]


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504, 529])
@pytest.mark.parametrize("said", [{"retry_after": "20"}, {"retry_after_ms": "20000"}, {}])
def test_a_long_hint_of_a_failure_parks(stage: MakeStage, code: int, said: dict[str, str]) -> None:
    body = '{"error":{"message":"Please try again in 20s."}}'
    one = stage(a=[status(code, body, **said), says("Well.")], b=says("Well."))

    async def play() -> list[str | None]:
        async with one.router() as router:
            answers = [await router.complete("hi") for _ in range(3)]
            [lead, _] = router.health()
            assert (lead.state, lead.until_s, lead.failures) == ("parked", 20, 0)
            await asyncio.sleep(20)
            answers.append(await router.complete("hi"))
            assert not any(answer.report.waits for answer in answers)
            return [answer.target for answer in answers]

    assert perform(play()) == ["b", "b", "b", "a"]
    assert asked(one) == [0, 20]


def test_without_another_target_the_call_waits_for_the_end_of_a_long_hint(stage: MakeStage) -> None:
    one = stage(a=[status(503, retry_after="20"), says("Well.")])

    async def play() -> Any:
        async with one.router() as router:
            return (await router.complete("hi")).report

    report = perform(play())
    assert asked(one) == [0, 20]
    assert [(wait.reason, wait.for_s) for wait in report.waits] == [("return", 20)]


def test_without_a_hint_a_wait_is_backoff_and_has_a_floor(stage: MakeStage) -> None:
    waits = []
    for seed in range(50):
        one = stage(a=[status(503), status(503), says("Well.")])
        waits.append(perform(play_with(one, seed)))
    for first, second in waits:
        assert (first.reason, second.reason) == ("backoff", "backoff")
        assert 0.05 <= first.for_s <= 0.5
        assert 0.1 <= second.for_s <= 1.0


async def play_with(one: Stage, seed: int) -> Any:
    async with Router(one.targets(), rng=random.Random(seed), transport=one.transport) as router:
        return (await router.complete("hi")).report.waits


def test_each_retry_of_a_failure_comes_after_its_hint(stage: MakeStage) -> None:
    one = stage(a=status(503, retry_after="2"), b=says("Well."))

    async def play() -> Any:
        async with one.router() as router:
            return (await router.complete("hi")).report

    report = perform(play())
    assert asked(one) == [0, 2, 4]
    assert {wait.reason for wait in report.waits} == {"hint"}
    assert report.target == "b"


OF_ONE_REQUEST = {
    400: "This model's maximum context length is 8 tokens. Please try again in 20s.",
    403: "Content violates usage guidelines. Please try again in 20s.",
    404: "No endpoints found that support image input. Please try again in 20s.",
    413: "Request too large. Please try again in 20s.",
    422: "The field is not valid. Please try again in 20s.",
    429: "Request too large for m on tokens per min (TPM): Limit 3, Requested 4. Please try again in 20s.",
    501: "Not supported. Please try again in 20s.",
}


@pytest.mark.parametrize("code", OF_ONE_REQUEST)
def test_no_hint_of_a_refusal_of_one_request_parks(stage: MakeStage, code: int) -> None:
    body = f'{{"error":{{"message":"{OF_ONE_REQUEST[code]}"}}}}'
    one = stage(a=[status(code, body, retry_after="20"), says("Well.")])

    async def play() -> float:
        async with one.router() as router:
            with pytest.raises(CallFailed):
                await router.complete("hi", deadline_s=1)
            assert router.health()[0].state == "closed"
            return await answered_at(router)

    assert perform(play()) == 0


# After the commit


def test_an_answer_is_gone_on_with_after_a_short_hint(stage: MakeStage) -> None:
    broken = Play([(0.0, chunk("Once ")), (0.0, chunk("upon "))], then="cut")
    one = stage(a=broken, b=[limited("2"), says("Once ", "upon ", "a time.")])

    async def play() -> tuple[str, Any]:
        async with one.router() as router, router.stream("hi") as stream:
            text = "".join([piece async for piece in stream.text()])
            return text, stream.report

    text, report = perform(play())
    assert text == "Once upon a time."
    assert one.asked == [(0, "a"), (0, "b"), (0, "a"), (2, "b")]
    assert [(wait.reason, wait.for_s) for wait in report.waits] == [("hint", 2)]


def test_another_target_goes_on_before_one_that_has_asked_to_wait(stage: MakeStage) -> None:
    broken = Play([(0.0, chunk("Once ")), (0.0, chunk("upon "))], then="cut")
    one = stage(a=broken, b=limited("2"), c=says("Once ", "upon ", "a time."))

    async def play() -> str:
        async with one.router() as router, router.stream("hi") as stream:
            return "".join([piece async for piece in stream.text()])

    assert perform(play()) == "Once upon a time."
    assert one.asked[-1] == (0, "c")


@pytest.mark.parametrize("end", ["cancel", "close"])
def test_a_stream_that_is_left_while_it_waits_ends_at_once(stage: MakeStage, end: str) -> None:
    broken = Play([(0.0, chunk("Once ")), (0.0, chunk("upon "))], then="cut")
    one = stage(a=broken, b=[limited("2"), says("Once ", "upon ", "a time.")])

    async def play() -> float:
        async with one.router() as router:
            stream = router.stream("hi")

            async def read() -> None:
                async with stream:
                    async for _ in stream:
                        pass

            reader = asyncio.create_task(read())
            await asyncio.sleep(1)
            if end == "cancel":
                reader.cancel()
            else:
                await stream.aclose()
            await asyncio.wait([reader])
            return now_s()

    assert perform(play()) == 1
    assert one.asked == [(0, "a"), (0, "b"), (0, "a")]


# The return of a target that many calls wait for


def test_a_probe_is_sent_by_a_call_that_has_time_for_its_answer(stage: MakeStage) -> None:
    """Calls that are about to end would be cut one after another, and a sound target would look lost for ever."""
    healed_s, answer_s, deadline_s, every_s = 6.0, 0.2, 2.0, 0.02
    refusal = Play([(0.0, b"{}")], status=429, headers={"retry-after": "0.05"}, head_after_s=0.05)
    one = stage(a=lambda at_s: refusal if at_s < healed_s else says("Well.", first_s=answer_s))
    target = Target("openai", model="m", name="a", base_url="https://a.test", keys=["k1", "k2", "k3"])

    async def play() -> list[float]:
        answered: list[float] = []

        async def call() -> None:
            with contextlib.suppress(CallFailed):
                answered.append(await answered_at(router, deadline_s=deadline_s))

        async with (
            Router([target], rng=random.Random(1), transport=one.transport) as router,
            asyncio.TaskGroup() as calls,
        ):
            for _ in range(int((healed_s + 3) / every_s)):
                calls.create_task(call())
                await asyncio.sleep(every_s)
        return answered

    assert min(perform(play())) <= healed_s + 2 * answer_s


@pytest.mark.parametrize("held", [None, Hold(deltas=9)])
def test_a_limit_without_a_hint_in_the_middle_of_what_is_held_parks_once_tries_are_used_up(
    stage: MakeStage, held: Hold | None
) -> None:
    cut_short = Play(
        [(0.0, chunk("half")), (0.0, b'data: {"error":{"message":"no","code":"rate_limit_exceeded"}}\n\n')]
    )
    one = stage(a=cut_short, b=WELL)

    async def play() -> None:
        async with Router(
            Config(routes={"r": Route(one.targets("a", "b"), hold=held)}), transport=one.transport
        ) as router:
            said = "".join(await texts(router.stream("hi"))) if held else (await router.complete("hi")).text
            assert said == "Well."
            assert [each.state for each in router.health()] == ["parked", "closed"]
        async with Router(
            Config(routes={"r": Route(one.targets("a"), hold=held, all_open="fail")}), transport=one.transport
        ) as router:
            with pytest.raises(AllTargetsFailed):
                await (texts(router.stream("hi")) if held else router.complete("hi"))

    perform(play())
    assert [name for _, name in one.asked] == ["a", "b", "a", "a"]


def test_a_limit_without_a_hint_that_breaks_a_delivered_answer_off_parks_for_later_calls(stage: MakeStage) -> None:
    cut_short = Play(
        [(0.0, chunk("one ")), (0.0, b'data: {"error":{"message":"no","code":"rate_limit_exceeded"}}\n\n')]
    )
    one = stage(a=cut_short, b=says("one ", "two"))

    async def play() -> None:
        async with one.router() as router:
            assert [await texts(router.stream("hi")) for _ in range(2)] == [["one ", "two"]] * 2

    perform(play())
    assert [name for _, name in one.asked] == ["a", "b", "b"]
