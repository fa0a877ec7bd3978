"""What a decoder passes over is told in the report of the attempt, whatever its end."""

from collections.abc import Callable

import pytest
from standby.providers.decoder_base import PASSED_OVER

from stage import Play, Stage, chunk, perform, texts
from standby import CallFailed

MakeStage = Callable[..., Stage]
ODD = b"data: null\n\ndata: : PROCESSING\n\nevent: ping\ndata: ping\n\n"


def test_of_an_answer_and_of_a_failure(stage: MakeStage) -> None:
    well = Play(
        [(0.0, chunk("Good ") + ODD), (1.0, ODD + chunk("day")), (0.0, chunk(finish="stop") + b"data: [DONE]\n\n")]
    )
    broken = Play([(0.0, ODD), (1.0, b"data: {\n\n")])
    one = stage(a=broken, b=well)

    async def play() -> None:
        async with one.router() as router:
            stream = router.stream("hi")
            assert "".join(await texts(stream)) == "Good day"
            assert {each.target: each.notes for each in stream.report.attempts} == {
                "a": (PASSED_OVER,),
                "b": (PASSED_OVER,),
            }
        async with one.router("a") as router:
            with pytest.raises(CallFailed) as failed:
                await router.complete("hi")
            assert {each.notes for each in failed.value.report.attempts} == {(PASSED_OVER,)}

    perform(play())


def test_of_an_answer_without_any_there_are_none(stage: MakeStage) -> None:
    one = stage(a=Play([(0.0, chunk("A") + chunk(finish="stop") + b"data: [DONE]\n\n")]))

    async def play() -> None:
        async with one.router() as router:
            assert (await router.complete("hi")).report.attempts[0].notes == ()

    perform(play())
