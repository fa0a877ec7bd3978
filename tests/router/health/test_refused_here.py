"""A refusal of this model or account is not one of the request: the next target is asked, an operator is told."""

import asyncio
import json
import logging
from collections.abc import Callable

import pytest
from standby.router.notices.alerts import AGAIN_AFTER_S, KEPT_MAX, Alerts
from standby.router.result.report import AttemptReport

from stage import Play, Stage, now_s, perform, says, status, texts
from standby import ErrorKind, RequestRejected

MakeStage = Callable[..., Stage]
B = says("B")


def refusal(http: int, message: str, **error: str) -> Play:
    return status(http, json.dumps({"error": {"message": message, **error}}), retry_after="60")


RETIRED = refusal(400, "The model `m` has been decommissioned.", code="model_decommissioned")
TEMPERATURE = refusal(400, "'temperature' does not support 0.2 with this model.", code="unsupported_value")
TOO_LARGE = refusal(429, "Request too large for m on tokens per min.", type="tokens", code="rate_limit_exceeded")
NO_TOOLS = refusal(404, "No endpoints found that support tool use.")
FLAGGED = refusal(403, "m requires moderation. Your input was flagged.")


@pytest.mark.parametrize(
    "refused", [RETIRED, TEMPERATURE, TOO_LARGE, NO_TOOLS], ids=["retired", "temperature", "too_large", "no_tools"]
)
@pytest.mark.parametrize("whole", [False, True])
def test_the_next_target_of_the_same_dialect_answers_and_nothing_is_parked(
    stage: MakeStage, refused: Play, whole: bool
) -> None:
    one = stage(a=[refused, says("A")], b=B)

    async def play() -> None:
        async with one.router() as router:
            first = (await router.complete("hi")).text if whole else await texts(router.stream("hi"))
            assert "".join(first) == "B"
            assert router.health()[0].state == "closed"
            assert await texts(router.stream("hi")) == ["A"]

    perform(play())
    assert [name for _, name in one.asked] == ["a", "b", "a"]


def test_what_one_provider_has_flagged_goes_nowhere_else_and_parks_nothing(stage: MakeStage) -> None:
    one = stage(a=[FLAGGED, says("A")], b=B)

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(RequestRejected) as caught:
                await texts(router.stream("hi"))
            assert caught.value.kind is ErrorKind.CONTENT_FILTER
            assert await texts(router.stream("hi")) == ["A"]

    perform(play())
    assert one.count("b") == 0


def test_an_operator_is_told_once_of_what_only_a_person_can_mend(
    stage: MakeStage, caplog: pytest.LogCaptureFixture
) -> None:
    one = stage(a=lambda at_s: RETIRED if at_s < 1 or at_s > 700 else TEMPERATURE, b=B)

    async def play() -> None:
        async with one.router() as router:
            for _ in range(3):
                await texts(router.stream("hi"))
            await asyncio.sleep(10 - now_s())
            await texts(router.stream("hi"))
            await asyncio.sleep(800 - now_s())
            stream = router.stream("hi")
            await texts(stream)
            assert stream.report.attempts[0].alert

    with caplog.at_level(logging.WARNING, logger="standby"):
        perform(play())
    lines = [record.getMessage() for record in caplog.records if "standby.alert" in record.getMessage()]
    assert len(lines) == 2
    assert all("target='a'" in line and "code='model_decommissioned'" in line for line in lines)


def test_alerts_are_told_again_after_a_while_and_are_bounded_in_number() -> None:
    alerts = Alerts()

    def attempt(number: int) -> AttemptReport:
        return AttemptReport("a", "openai", "m", "first", 0.0, kind=ErrorKind.AUTH, native_code=str(number))

    assert alerts.tell(attempt(0), 0.0)
    assert not alerts.tell(attempt(0), AGAIN_AFTER_S - 1)
    assert alerts.tell(attempt(0), AGAIN_AFTER_S)
    assert all(alerts.tell(attempt(number), AGAIN_AFTER_S) for number in range(1, KEPT_MAX + 1))
    assert alerts.tell(attempt(0), AGAIN_AFTER_S + 1), "the oldest was forgotten"
