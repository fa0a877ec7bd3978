"""Four clocks an attempt, one deadline a call: exact instants, in virtual time."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from standby.config import Health, Hold, Retry
from standby.router.engine.slow_call import SlowCall
from standby.router.engine.watchdog import Watchdog

from stage import DONE, PING, SILENT, Play, Stage, VirtualLoop, chunk, now_s, perform, refuses, says, status, texts
from standby import CallFailed, Config, ErrorKind, Finished, Route, Router, StreamInterrupted, Usage

MakeStage = Callable[..., Stage]


@pytest.mark.parametrize("names", ["a", "ab", "abcd"])
def test_total_silence_ends_at_the_deadline(stage: MakeStage, names: str) -> None:
    one = stage(**dict.fromkeys(names, SILENT))

    async def play(whole: bool) -> None:
        async with one.router() as router:
            with pytest.raises(CallFailed) as caught:
                if whole:
                    await router.complete("hi", deadline_s=30)
                else:
                    await texts(router.stream("hi", deadline_s=30))
            assert now_s() == pytest.approx(30, abs=0.05)
            assert caught.value.kind is ErrorKind.DEADLINE
            assert [a.target for a in caught.value.report.attempts] == list(names)

    perform(play(whole=False))
    perform(play(whole=True))


def test_timers_that_ring_early_make_no_target_slow_or_silent(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of uvloop may, by a little."""
    one = stage(a=says("A", first_s=1.5), b=SILENT)
    call_at = VirtualLoop.call_at

    def early(loop: VirtualLoop, when: float, callback: Any, *given: Any, **how: Any) -> asyncio.TimerHandle:
        sooner = isinstance(getattr(callback, "__self__", None), SlowCall | Watchdog) and when - loop.time() > 0.1
        return call_at(loop, loop.time() + 0.05 if sooner else when, callback, *given, **how)

    monkeypatch.setattr(VirtualLoop, "call_at", early)

    async def play() -> None:
        routes = {name: Route((target,)) for name, target in zip("ab", one.targets(), strict=True)}
        async with Router(Config(routes=routes, health=Health(slow_call_s=2.0)), transport=one.transport) as router:
            assert await texts(router.stream("hi", route="a")) == ["A"]
            assert router.health()[0].slow_ratio == 0.0
            with pytest.raises(CallFailed):
                await texts(router.stream("hi", route="b", deadline_s=8.5))
            assert now_s() == pytest.approx(10.0, abs=0.05)

    perform(play())


def test_a_silent_target_is_left_after_its_clock_and_not_asked_twice(stage: MakeStage) -> None:
    one = stage(a=SILENT, b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            assert await texts(router.stream("hi")) == ["B"]
            assert now_s() == 10.0

    perform(play())
    assert one.count("a") == 1


def test_pings_reset_no_clock(stage: MakeStage) -> None:
    one = stage(a=Play([(0.5, PING)] * 1000), b=says("B"))

    async def play() -> None:
        async with one.router() as router:
            assert await texts(router.stream("hi")) == ["B"]
            assert now_s() == 10.0

    perform(play())


def test_an_attempt_leaves_a_reserve_for_one_more_target(stage: MakeStage) -> None:
    one = stage(a=SILENT, b=says("B", first_s=2.5))

    async def play() -> None:
        async with one.router() as router:
            assert await texts(router.stream("hi", deadline_s=8)) == ["B"]
            assert now_s() == 5.0 + 2.5

    perform(play())


def test_a_stall_counts_only_while_a_caller_waits(stage: MakeStage) -> None:
    one = stage(a=Play([(0.0, chunk("1")), (9.0, chunk("2")), (9.0, chunk(finish="stop") + DONE)]))

    async def play() -> None:
        async with one.router() as router, router.stream("hi") as stream:
            seen = []
            async for piece in stream.text():
                seen.append(piece)
                await asyncio.sleep(1000)
            assert seen == ["1", "2"]

    perform(play())


def test_a_stalled_stream_breaks_off_after_its_clock_pings_or_not(stage: MakeStage) -> None:
    for rest in ([], [(0.5, PING)] * 100):
        one = stage(a=Play([(0.0, chunk("1")), *rest], then="stall"))

        async def play(one: Stage = one) -> None:
            async with one.router() as router:
                with pytest.raises(StreamInterrupted) as caught:
                    await texts(router.stream("hi"))
                assert caught.value.kind is ErrorKind.STALLED
                assert now_s() == 10.0

        perform(play())


def test_usage_alone_is_no_progress(stage: MakeStage) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'
    one = stage(a=Play([(0.0, chunk("1")), *[(1.0, usage)] * 100], then="stall"))

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(StreamInterrupted):
                await texts(router.stream("hi"))
            assert now_s() == pytest.approx(10.0)

    perform(play())


def test_the_deadline_of_a_stream_ends_with_its_first_delta(stage: MakeStage) -> None:
    one = stage(a=says(*"0123456789", every_s=9.0))

    async def play() -> None:
        async with one.router() as router:
            assert "".join(await texts(router.stream("hi", deadline_s=5))) == "0123456789"

    perform(play())


def test_the_deadline_of_a_whole_answer_runs_to_its_end(stage: MakeStage) -> None:
    one = stage(a=says(*"0123456789", every_s=9.0))

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(CallFailed) as caught:
                await router.complete("hi", deadline_s=20)
            assert now_s() == 20.0
            assert caught.value.kind is ErrorKind.DEADLINE

    perform(play())


def test_total_s_is_a_choice(stage: MakeStage) -> None:
    one = stage(a=says(*"0123456789", every_s=9.0))

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(StreamInterrupted, match="total_s"):
                await texts(router.stream("hi", total_s=20))
            assert now_s() == 20.0

    perform(play())


@pytest.mark.parametrize("rest", [[], [(0.0, DONE)], [(0.1, chunk(finish=None).replace(b"choices", b"x"))]])
def test_the_tail_is_short(stage: MakeStage, rest: list[tuple[float, bytes]]) -> None:
    for then in ("stall", "end", "cut"):
        one = stage(a=Play([(0.0, chunk("1")), (0.0, chunk(finish="stop")), *rest], then=then))

        async def play(one: Stage = one) -> None:
            async with one.router() as router:
                assert await texts(router.stream("hi")) == ["1"]
                assert now_s() <= 0.25

        perform(play())


def test_an_error_in_the_tail_wins(stage: MakeStage) -> None:
    late = b'data: {"error":{"message":"x","type":"server_error"}}\n\n'
    one = stage(a=Play([(0.0, chunk("1")), (0.0, chunk(finish="stop")), (0.1, late)]))

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(StreamInterrupted) as caught:
                await texts(router.stream("hi"))
            assert caught.value.kind is ErrorKind.SERVER_ERROR

    perform(play())


ENDS_LATE = Play([(4.9, chunk("1")), (0.0, chunk(finish="stop"))], then="stall")
EMPTY_LATE = Play([(9.9, chunk(finish="stop"))], then="stall")


def test_a_whole_answer_waits_for_its_tail_no_longer_than_its_clocks(stage: MakeStage) -> None:
    one = stage(a=ENDS_LATE, b=EMPTY_LATE, c=says("C"))

    async def took_s(of: Any) -> float:
        began_s = now_s()
        await of
        return now_s() - began_s

    async def play() -> None:
        async with one.router("a") as router:
            assert await took_s(router.complete("hi", deadline_s=5)) == pytest.approx(5.0)
            assert await took_s(router.complete("hi", deadline_s=6)) == pytest.approx(5.15)
            assert await took_s(texts(router.stream("hi", deadline_s=5))) == pytest.approx(5.15)  # it commits at 4.9
            assert await took_s(texts(router.stream("hi", total_s=5))) == pytest.approx(5.0)
        async with one.router("b") as router:
            with pytest.raises(CallFailed):
                await texts(router.stream("hi", deadline_s=10, first_delta_s=20))
        async with one.router("b", "c") as router:
            assert await took_s(texts(router.stream("hi"))) == pytest.approx(10.0)  # the time of the next target

    perform(play())
    asked = [at_s for at_s, name in one.asked if name == "b"]
    assert asked == pytest.approx([20.3, 30.3])


@pytest.mark.parametrize(
    ("hold", "committed_s"), [(Hold(for_s=0.1), 5.0), (Hold(), 5.05), (Hold(for_s=0.2), 5.05), (Hold(for_s=1.0), 5.05)]
)
@pytest.mark.parametrize("tail", [[], [(0.02, PING)] * 100], ids=["silent", "pings"])
def test_what_is_held_back_is_not_held_longer_for_its_tail(
    stage: MakeStage, hold: Hold, committed_s: float, tail: list[tuple[float, bytes]]
) -> None:
    one = stage(a=Play([*ENDS_LATE.body, *tail], then="stall"))

    async def play() -> None:
        async with one.router() as router, router.stream("hi", deadline_s=5.05, hold=hold) as stream:
            seen = [(now_s(), type(event).__name__) async for event in stream]
            assert [name for _, name in seen] == ["Started", "TextDelta", "Finished"]
            # The tail is as long as ever, and goes on where it stood.
            assert [at_s for at_s, _ in seen] == pytest.approx([committed_s, committed_s, 5.15])
            assert stream.report.first_delta_s == pytest.approx(committed_s)

    perform(play())


def test_what_the_tail_says_counts_whenever_the_answer_was_delivered(stage: MakeStage) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
    error = b'data: {"error":{"message":"x","type":"server_error"}}\n\n'
    one = stage(a=Play([*ENDS_LATE.body, (0.05, usage), (0.1, error)]), b=Play([*ENDS_LATE.body, (0.15, usage + DONE)]))

    async def play() -> None:
        for hold in (None, Hold(for_s=0.02), Hold(for_s=0.07), Hold(for_s=0.12)):
            async with one.router("a") as router:
                with pytest.raises(StreamInterrupted) as caught:
                    await texts(router.stream("hi", hold=hold))
                assert caught.value.kind is ErrorKind.SERVER_ERROR
            async with one.router("b") as router, router.stream("hi", hold=hold) as stream:
                assert [event async for event in stream][-1] == Finished("stop", "stop")
                assert stream.report.usage == Usage(3, 2)

    perform(play())


def test_backoff_never_outlasts_the_deadline(stage: MakeStage) -> None:
    from stage import status

    one = stage(a=status(500))

    async def play() -> None:
        async with Router(
            Config(
                routes={"r": Route(tuple(one.targets()))},
                retry=Retry(attempts=10, backoff_s=8, backoff_max_s=60),
            ),
            transport=one.transport,
        ) as router:
            with pytest.raises(CallFailed):
                await router.complete("hi", deadline_s=10)
            assert now_s() <= 10

    perform(play())


def test_cut_short_by_the_deadline_silence_hurts_no_target(stage: MakeStage) -> None:
    one = stage(a=SILENT)

    async def play() -> None:
        async with one.router() as router:
            for _ in range(10):
                with pytest.raises(CallFailed):
                    await router.complete("hi", deadline_s=1)

    perform(play())
    assert one.count("a") == 10


@pytest.mark.parametrize("whole", [False, True])
def test_silence_to_the_deadline_counts_when_it_outlasted_the_targets_own_clock(stage: MakeStage, whole: bool) -> None:
    """The only target may use all that is left; that it said nothing for so long is still its own fault."""
    one = stage(a=SILENT)

    async def play() -> None:
        async with one.router() as router:
            for number in range(6):
                with pytest.raises(CallFailed) as caught:
                    if whole:
                        await router.complete("hi", deadline_s=30)
                    else:
                        await texts(router.stream("hi", deadline_s=30))
                asked = [a.kind for a in caught.value.report.attempts]
                assert asked[:1] == [ErrorKind.FIRST_TOKEN_TIMEOUT]
                assert caught.value.kind is ErrorKind.DEADLINE, number

    perform(play())
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(one.asked)]
    assert gaps[:4] == pytest.approx([30.0] * 4)
    assert gaps[4] > 34, "after five silences in a row its breaker is open"


def test_an_outage_costs_few_attempts_and_ends_within_one_open_interval(stage: MakeStage) -> None:
    """One call a second for five minutes; the first target is down from 60 s to 120 s."""
    one = stage(a=lambda at_s: refuses() if 60 <= at_s < 120 else says("A"), b=says("B"))
    answers: list[list[str]] = []

    async def play() -> None:
        async with one.router() as router:
            for second in range(300):
                answers.append(await texts(router.stream("hi")))
                assert now_s() == second, "a refused connection costs no time"
                await asyncio.sleep(1)

    perform(play())
    asked = [at_s for at_s, name in one.asked if name == "a"]
    down = [at_s for at_s in asked if 60 <= at_s < 120]
    assert asked[: 60 + 5] == list(range(65)), "every second, until five failures in a row have opened its breaker"

    *probes, back_s = [*down[4:], min(at_s for at_s in asked if at_s >= 120)]
    opens_s = [min(5.0 * 2**times, Health().open_max_s) for times in range(len(probes))]
    for probe_s, next_s, open_s in zip(probes, [*probes[1:], back_s], opens_s, strict=True):
        assert probe_s + 0.9 * open_s <= next_s < probe_s + open_s + 1, "one attempt an open interval: the next call"
    assert back_s - 120 < opens_s[-1] + 1

    assert [answer == ["A"] for answer in answers] == [at_s in asked and at_s not in down for at_s in range(300)]
    assert [answer == ["B"] for answer in answers] == [at_s not in asked or at_s in down for at_s in range(300)]
    full_s = back_s + Health().slow_start_s
    assert set(range(int(full_s) + 1, 300)) <= set(asked), "after its slow start it takes every call again"
    assert len(one.asked) == 300 + len(down)


def test_a_retry_whose_wait_ended_late_has_its_whole_clock(stage: MakeStage) -> None:
    """The process stood still meanwhile: that is nothing that the target is blamed for."""
    one = stage(a=[status(500), SILENT], b=says("B"))

    async def play() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)

        def stand_still() -> None:
            loop.stall(30.0)

        loop.call_later(1e-6, stand_still)
        route = Route(tuple(one.targets(first_delta_s=2.0)), retry=Retry(attempts=2, backoff_s=1.0))
        async with Router(Config(routes={"r": route}), transport=one.transport) as router:
            answer = await router.complete("hi")
        retry = answer.report.attempts[1]
        assert (retry.why, retry.kind) == ("retry", ErrorKind.FIRST_TOKEN_TIMEOUT)
        assert retry.began_s > 30.0
        assert retry.ended_s is not None
        assert retry.ended_s - retry.began_s == pytest.approx(2.0)

    perform(play())
