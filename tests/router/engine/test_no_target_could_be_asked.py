"""What a call ends with that could ask no target: what its targets are left alone, or left out, for."""

import asyncio
from collections.abc import Callable

import pytest

from stage import SILENT, Play, Stage, perform, says, status
from standby import CallFailed, Config, ErrorKind, NoTargetAvailable, Route, Router

MakeStage = Callable[..., Stage]
K = ErrorKind

LIMITED, UNPAID, REFUSED, GONE = status(429, retry_after="900"), status(402), status(401), status(404)
BUSY, BROKEN, LATE = (status(code, retry_after="20") for code in (503, 500, 408))


async def fails(router: Router) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await router.complete("hi")
    return caught.value


@pytest.mark.parametrize(
    ("plays", "kind"),
    [
        ([LIMITED], K.RATE_LIMITED),
        ([UNPAID], K.QUOTA_EXHAUSTED),
        ([REFUSED], K.AUTH),
        ([GONE], K.NOT_FOUND),
        ([BUSY], K.OVERLOADED),
        ([BROKEN], K.SERVER_ERROR),
        ([LATE], K.TIMEOUT),
        ([REFUSED, UNPAID], K.QUOTA_EXHAUSTED),  # as of calls in which both were asked
        ([REFUSED, LIMITED], K.RATE_LIMITED),
        ([GONE, REFUSED], K.AUTH),
        ([LIMITED, LIMITED], K.RATE_LIMITED),
    ],
)
def test_parks_end_a_call_with_what_they_are_for(stage: MakeStage, plays: list[Play], kind: ErrorKind) -> None:
    one = stage(**dict(zip("ab", plays, strict=False)))

    async def play() -> None:
        async with Router(
            Config(routes={"r": Route(tuple(one.targets()), all_open="fail")}), transport=one.transport
        ) as router:
            asked = await fails(router)
            left_alone = await fails(router)
        assert not isinstance(asked, NoTargetAvailable)
        assert isinstance(left_alone, NoTargetAvailable)
        assert (asked.kind, left_alone.kind) == (kind, kind), "the first call and the next say the same"
        assert {skip.reason for skip in left_alone.report.skipped} == {"parked"}

    perform(play())


@pytest.mark.parametrize("park", [None, REFUSED, LIMITED])
def test_an_open_breaker_is_waited_out_like_an_overload(stage: MakeStage, park: Play | None) -> None:
    one = stage(a=status(500), **({} if park is None else {"b": park}))

    async def play() -> None:
        async with Router(
            Config(routes={"r": Route(tuple(one.targets()), all_open="fail")}), transport=one.transport
        ) as router:
            for _ in range(5):
                await fails(router)
            assert router.health()[0].state == "open"
            assert (await fails(router)).kind is (K.RATE_LIMITED if park is LIMITED else K.OVERLOADED)

    perform(play())


def test_a_target_whose_probe_is_out_is_waited_out_like_an_overload(stage: MakeStage) -> None:
    one = stage(a=[REFUSED, SILENT])

    async def play() -> None:
        async with Router(
            Config(routes={"r": Route(tuple(one.targets()), all_open="fail")}), transport=one.transport
        ) as router:
            await fails(router)
            await asyncio.sleep(61)
            probe = asyncio.create_task(fails(router))
            await asyncio.sleep(1)
            assert (await fails(router)).kind is K.OVERLOADED
            await probe

    perform(play())


def test_what_was_isolated_by_hand_hides_no_park(stage: MakeStage) -> None:
    one = stage(a=REFUSED, b=says("B"))

    async def play() -> None:
        async with Router(
            Config(routes={"r": Route(tuple(one.targets()), all_open="fail")}), transport=one.transport
        ) as router:
            router.isolate("b")
            assert (await fails(router)).kind is K.AUTH
            assert (await fails(router)).kind is K.AUTH
            router.isolate("a")
            assert (await fails(router)).kind is K.ISOLATED

    perform(play())
