"""What a target says of its own model holds for selection and for the request alike."""

from standby import Config, Route, Router, Target
from standby.testing import Answer, At, Cut, Request, Script, Simulator

SAYS = "The first target says all of this."
BEGUN = "The first"


def goes_on(request: Request) -> Answer:
    assert request.reading.messages == (("user", "Go."), ("assistant", BEGUN))
    return Answer(SAYS.removeprefix(BEGUN))


async def test_a_prefill_goes_to_a_target_that_says_it_takes_one(standby_simulator: Simulator) -> None:
    standby_simulator.play("first", Script(SAYS, (Cut(At.delta(2)),)))
    standby_simulator.play("second", goes_on)
    targets = {
        name: Target(
            "openai",
            model="mine",
            name=name,
            key="k",
            base_url=standby_simulator.base_url(name),
            capabilities={"prefill": "plain"},
        )
        for name in ("first", "second")
    }
    config = Config(targets=targets, routes={"r": Route(("first", "second"), mid_stream=("continue",))})
    async with Router(config) as router, router.stream("Go.") as stream:
        assert "".join([text async for text in stream.text()]) == SAYS
    assert stream.report.attempts[-1].why == "continue"


async def test_a_target_that_takes_no_sampling_is_not_sent_any(standby_simulator: Simulator) -> None:
    standby_simulator.play("mine", "Yes.")
    target = Target(
        "openai",
        model="mine",
        key="k",
        base_url=standby_simulator.base_url("mine"),
        capabilities={"sampling": False},
    )
    async with Router([target]) as router:
        answer = await router.complete("Go.", temperature=0.5)
    assert "temperature" not in standby_simulator.exchanges[0].request.json
    assert [note.split()[0] for note in answer.report.attempts[0].notes] == ["temperature"]
