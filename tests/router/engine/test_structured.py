"""An answer becomes an object of a class; one that does not fit goes to the next target, with one repair at most."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import pytest
from pydantic import BaseModel, Field, field_validator
from standby.config import Hedge, Hold, Price
from standby.providers.messages import JsonSchema
from standby.router.result.answer_form import WORDS_MAX_CHARS, AnswerForm, Misfit, unfenced

from canaries import CANARY_PROMPT as CANARY
from canaries import assert_no_canary
from stage import Play, Stage, chunk, perform, refuses, says, stage, status
from standby import (
    AllTargetsFailed,
    CallFailed,
    Config,
    ErrorKind,
    InvalidRequest,
    Route,
    Router,
    StreamInterrupted,
    TextDelta,
)

__all__ = ["stage"]

MakeStage = Callable[..., Stage]


class City(BaseModel):
    """A city."""

    name: str
    people: int = Field(ge=0)


@dataclass
class CityData:
    name: str
    people: int


class CityDict(TypedDict):
    name: str
    people: int


class CityStruct(msgspec.Struct):
    name: str
    people: int


CLASSES = [City, CityData, CityDict, CityStruct]
FITS = '{"name": "Bern", "people": 137}'

WRONG = {
    "prose": "The city is Bern.",
    "prose around it": f"Here it is: {FITS}",
    "fenced, with words": f"Sure!\n```json\n{FITS}\n```",
    "two objects": f"{FITS}{FITS}",
    "truncated": FITS[:-9],
    "truncated at the bracket": FITS[:-1],
    "a fence that does not end": f"```json\n{FITS}",
    "a text for a number": '{"name": "Bern", "people": "137"}',
    "a number for a text": '{"name": 7, "people": 137}',
    "a fraction": '{"name": "Bern", "people": 137.5}',
    "true for a number": '{"name": "Bern", "people": true}',
    "null": '{"name": "Bern", "people": null}',
    "a missing field": '{"name": "Bern"}',
    "a list": f"[{FITS}]",
    "nothing but null": "null",
    "not a number": '{"name": "Bern", "people": NaN}',
    "a trailing comma": '{"name": "Bern", "people": 137,}',
}
RIGHT = {
    "plain": FITS,
    "with blanks": f"\n  {FITS}\n",
    "fenced": f"```json\n{FITS}\n```",
    "fenced without a language": f"```\n{FITS}\n```\n",
}


def text(said: str, *, pieces: int = 3, finish: str = "stop") -> Play:
    """A stream of this text in so many pieces."""
    step = max(1, -(-len(said) // pieces))
    deltas = [said[at : at + step] for at in range(0, len(said), step)]
    events = [(0.0, chunk(json.dumps(delta)[1:-1])) for delta in deltas]
    return Play([*events, (0.0, chunk(finish=finish) + b"data: [DONE]\n\n")])


def values(parsed: Any) -> tuple[Any, Any]:
    """Of an object of any of the classes."""
    if isinstance(parsed, dict):
        return parsed["name"], parsed["people"]
    return parsed.name, parsed.people


def routed(one: Stage, **route: Any) -> Router:
    return Router(Config(routes={"r": Route(one.targets(), **route)}), transport=one.transport)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("how", RIGHT)
def test_what_fits_is_an_object_of_the_class(stage: MakeStage, cls: type[Any], how: str) -> None:
    one = stage(a=text(RIGHT[how]))

    async def play() -> None:
        async with one.router() as router:
            answer = await router.complete("Where?", response_format=cls)
            assert values(answer.parsed) == ("Bern", 137)
            assert cls is CityDict or isinstance(answer.parsed, cls)
            assert answer.text == RIGHT[how], "the text stays as the model wrote it"
            assert json.loads(json.dumps(answer.to_dict()))["parsed"] == {"name": "Bern", "people": 137}
            sent = json.loads(one.bodies[-1])["response_format"]["json_schema"]["schema"]
            assert set(sent.get("properties") or sent["$defs"][cls.__name__]["properties"]) == {"name", "people"}
            async with router.stream("Where?", response_format=cls) as stream:
                assert values((await stream.answer()).parsed) == ("Bern", 137)

    perform(play())


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("pieces", [1, 4])
def test_what_does_not_fit_goes_to_the_next_target(stage: MakeStage, cls: type[Any], how: str, pieces: int) -> None:
    one = stage(a=text(WRONG[how], pieces=pieces), b=text(FITS))

    async def play() -> None:
        async with routed(one, hold=Hold()) as router:
            answer = await router.complete("Where?", response_format=cls)
            assert (values(answer.parsed), answer.target) == (("Bern", 137), "b")
            first, second = answer.report.attempts
            assert (first.outcome, first.kind, second.outcome) == ("failed", ErrorKind.INVALID_ANSWER, "finished")
            async with router.stream("Where?", response_format=cls) as stream:
                said = "".join([event.text async for event in stream if isinstance(event, TextDelta)])
                assert said == FITS, "what did not fit was not delivered"
                answer = await stream.answer()
            assert (values(answer.parsed), answer.target) == (("Bern", 137), "b")
            assert [snapshot.state for snapshot in router.health()] == ["closed", "closed"]
            assert router.health()[0].failures == 0, "it is the answer's fault, not the target's health"

    perform(play())


@pytest.mark.parametrize("how", WRONG)
def test_without_hold_a_stream_says_at_its_end_that_it_does_not_fit(stage: MakeStage, how: str) -> None:
    one = stage(a=text(WRONG[how]), b=text(FITS))

    async def play() -> None:
        async with one.router() as router, router.stream("Where?", response_format=City) as stream:
            with pytest.raises(StreamInterrupted) as raised:
                await stream.answer()
            assert (raised.value.kind, raised.value.partial) == (ErrorKind.INVALID_ANSWER, WRONG[how])
            assert {name for _, name in one.asked} == {"a"}

    perform(play())


def test_each_target_has_one_turn(stage: MakeStage) -> None:
    one = stage(a=text("no"), b=text("no"), c=text("no"))

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(AllTargetsFailed) as raised:
                await router.complete("Where?", response_format=City)
            assert raised.value.kind is ErrorKind.INVALID_ANSWER
            assert [name for _, name in one.asked] == ["a", "b", "c"]

    perform(play())


def test_a_repair_tells_the_target_what_the_validator_says_once_in_a_call(stage: MakeStage) -> None:
    wrong = '{"name": "Bern", "people": "many"}'
    one = stage(a=[text(wrong), text(FITS)], b=text("no"))

    async def play() -> None:
        async with routed(one, repair=True) as router:
            answer = await router.complete("Where?", response_format=City)
            assert (values(answer.parsed), answer.target) == (("Bern", 137), "a")
            assert [attempt.why for attempt in answer.report.attempts] == ["first", "repair"]
            asked, said, told = json.loads(one.bodies[-1])["messages"]
            assert (asked["content"], said["role"], said["content"]) == ("Where?", "assistant", wrong)
            assert "people: Input should be a valid integer" in told["content"]
            one.scripts["a"] = text("no")
            one.asked.clear()
            with pytest.raises(AllTargetsFailed) as raised:
                await router.complete("Where?", response_format=City)
            assert [name for _, name in one.asked] == ["a", "a", "b"], "one repair a call, whatever the targets"
            kinds = [attempt.kind for attempt in raised.value.report.attempts]
            assert kinds == [ErrorKind.INVALID_ANSWER] * 3

    perform(play())


REPAIRS: list[tuple[Any, list[str]]] = [
    (refuses(), ["a", "a", "b"]),
    (status(400), ["a", "a", "b"]),
    (status(429), ["a", "a", "b"]),
    (Play([(0.0, chunk("{"))], then="cut"), ["a", "a", "b"]),
    (says("still wrong"), ["a", "a", "b"]),
]


@pytest.mark.parametrize(("second", "asked"), REPAIRS)
@pytest.mark.parametrize("hold", [None, Hold()])
def test_a_repair_that_fails_leads_to_the_next_target(
    stage: MakeStage, second: Any, asked: list[str], hold: Hold | None
) -> None:
    one = stage(a=[text("no"), second], b=text(FITS))

    async def play() -> None:
        async with routed(one, repair=True, hold=hold) as router:
            if hold is None:
                answer = await router.complete("Where?", response_format=City)
            else:
                async with router.stream("Where?", response_format=City) as stream:
                    answer = await stream.answer()
            assert (values(answer.parsed), [name for _, name in one.asked]) == (("Bern", 137), asked)

    perform(play())


def test_a_call_may_be_left_while_an_answer_is_repaired(stage: MakeStage) -> None:
    one = stage(a=[text("no"), Play(head_after_s=1e9)], b=text(FITS))

    async def play() -> None:
        async with routed(one, repair=True, first_delta_s=2.0) as router:
            answer = await router.complete("Where?", response_format=City)
            assert answer.target == "b"
            async with router.stream("Where?", response_format=City, hold=Hold()) as stream:
                assert (await stream.answer()).target == "b"

    perform(play())


def test_the_winner_of_a_hedge_is_held_to_the_class(stage: MakeStage) -> None:
    one = stage(
        a=Play([(5.0, chunk("no")), (0.0, chunk(finish="stop") + b"data: [DONE]\n\n")]), b=text("no"), c=text(FITS)
    )

    async def play() -> None:
        async with routed(one, hedge=Hedge(after=0.5, budget_ratio=1.0)) as router:
            assert (await router.complete("Where?", response_format=City)).target == "c"

    perform(play())


def tool_call() -> Play:
    delta = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look", "arguments": "{}"}}]}
    choices = [{"index": 0, "delta": delta}, {"index": 0, "delta": {}, "finish_reason": "tool_calls"}]
    chunks = [f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode() for choice in choices]
    return Play([(0.0, each) for each in [*chunks, b"data: [DONE]\n\n"]])


def refusal() -> Play:
    choices = [{"index": 0, "delta": {"refusal": "I won't."}}, {"index": 0, "delta": {}, "finish_reason": "stop"}]
    chunks = [f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode() for choice in choices]
    return Play([(0.0, each) for each in [*chunks, b"data: [DONE]\n\n"]])


@pytest.mark.parametrize("play_of", [tool_call, refusal])
def test_a_refusal_and_a_call_of_a_tool_are_answers_without_an_object(
    stage: MakeStage, play_of: Callable[[], Play]
) -> None:
    one = stage(a=play_of(), b=text(FITS))

    async def play() -> None:
        async with one.router() as router:
            answer = await router.complete("Where?", response_format=City)
            assert (answer.parsed, answer.target) == (None, "a")

    perform(play())


def test_a_schema_that_is_no_class_is_asked_for_and_not_held_to(stage: MakeStage) -> None:
    one = stage(a=text("Bern, I think."))

    async def play() -> None:
        async with one.router() as router:
            schema = JsonSchema({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]})
            answer = await router.complete("Where?", response_format=schema)
            assert (answer.text, answer.parsed) == ("Bern, I think.", None)
            assert (await router.complete("Where?")).parsed is None

    perform(play())


def test_an_answer_that_does_not_fit_is_paid_for(stage: MakeStage) -> None:
    usage = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}\n\n'
    wrong = Play([(0.0, chunk("no")), (0.0, chunk(finish="stop") + usage + b"data: [DONE]\n\n")])
    one = stage(a=wrong, b=wrong, c=text(FITS))

    async def play(price: Price | None) -> None:
        async with Router(one.targets(price=price), transport=one.transport) as router:
            report = (await router.complete("Where?", response_format=City)).report
            assert report.tokens is not None
            assert [attempt.usage.total for attempt in report.attempts[:2] if attempt.usage] == [15, 15]
            assert report.tokens.input_tokens >= 20

    perform(play(None))
    perform(play(Price(input=1.0, output=1.0)))


class Quoting(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def _says_it(cls, value: str) -> str:
        raise ValueError(f"no such city: {value}")


@pytest.mark.parametrize(
    "said", [json.dumps({"name": CANARY}), json.dumps({CANARY: 1}), CANARY, json.dumps({"name": {CANARY: CANARY}})]
)
@pytest.mark.parametrize("cls", [Quoting, City, CityStruct])
def test_no_report_and_no_exception_quotes_the_answer(stage: MakeStage, said: str, cls: type[Any]) -> None:
    one = stage(a=text(said))

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(CallFailed) as raised:
                await router.complete("Where?", response_format=cls)
            assert_no_canary(raised.value)
            assert_no_canary(raised.value.report.to_dict())
            assert_no_canary(raised.value.error)

    perform(play())


def test_what_a_model_is_told_is_bounded() -> None:
    form = AnswerForm(City)
    with pytest.raises(Misfit) as raised:
        form.read([TextDelta(json.dumps({"name": 1, "people": -1}))])
    assert len(raised.value.words) <= WORDS_MAX_CHARS
    assert len(Misfit("t", "x", "w" * 10_000).words) == WORDS_MAX_CHARS


def test_a_validator_with_a_bug_is_the_callers(stage: MakeStage) -> None:
    class Buggy(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def _breaks(cls, value: str) -> str:
            raise KeyError(value)

    one = stage(a=text('{"name": "x"}'), b=text('{"name": "x"}'))

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(KeyError):
                await router.complete("Where?", response_format=Buggy)
            assert [name for _, name in one.asked] == ["a"]

    perform(play())


@pytest.mark.parametrize("wrong", [int, str, list, object])
def test_a_class_without_fields_is_refused(wrong: type) -> None:
    async def play() -> None:
        async with Router(["koala"]) as router:
            with pytest.raises(InvalidRequest, match="response_format"):
                router.stream("hi", response_format=wrong)

    perform(play())


@pytest.mark.parametrize(
    ("said", "inside"),
    [
        ("```json\n{}\n```", "{}\n"),
        ("``` \n{}```", "{}"),
        ("{}", "{}"),
        ("```json {}```", "```json {}```"),
        ("x ```\n{}\n```", "x ```\n{}\n```"),
        ("```", "```"),
        ("``````", "``````"),
    ],
)
def test_only_a_text_that_is_all_one_block_loses_its_fence(said: str, inside: str) -> None:
    assert unfenced(said) == inside


def test_the_example_on_the_page(stage: MakeStage) -> None:
    page = (Path(__file__).parents[3] / "docs" / "structured.md").read_text(encoding="utf-8")
    example: dict[str, Any] = {"__name__": __name__}
    for block in page.split("```python\n")[1:]:
        exec(block.partition("```")[0], example)
    said = '{"city": "Bern", "days": 3, "stops": ["Zytglogge", "Gurten"]}'

    async def play() -> None:
        async with stage(a=text("No."), b=text(said)).router() as router:
            trip = await example["planned"](router, "Three days in Bern")
            assert (trip.city, trip.days, trip.stops) == ("Bern", 3, ["Zytglogge", "Gurten"])
        async with stage(a=text(said, pieces=9)).router() as router:
            seen = await example["shown"](router, "Three days in Bern")
            assert seen[-1] == json.loads(said)

    perform(play())
