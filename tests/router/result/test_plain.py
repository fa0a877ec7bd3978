"""What callers get, in plain JSON types: `to_dict()`, pydantic, FastAPI, notebooks; and instants by the wall clock."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from standby.config import Price
from standby.providers.events import Finished, PartAdded, ReasoningDelta, RefusalDelta, Started, ToolCallDelta
from standby.providers.parts import Citation, ImagePart
from standby.providers.plain import instant
from standby.router.result.answer import Answer, collect
from standby.router.result.report import AttemptReport, Report, Skipped, Waited

from stage import Stage, breaks_off, perform, refuses, says, status
from standby import AttemptEnded, CallEnded, ErrorKind, HandedOver, Restarted, Router, Target, TextDelta, Usage
from standby.testing import Simulator

MakeStage = Callable[..., Stage]
NOON_S = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()

EVENTS: list[Any] = [
    Started("m", "id"),
    TextDelta("Grüße"),
    ReasoningDelta("Hm.", signature="s"),
    RefusalDelta("No."),
    ToolCallDelta(0, "c1", "look", "{}"),
    PartAdded(ImagePart("data:image/png;base64,AAAA")),
    PartAdded(Citation(url="https://a.test")),
    Usage(1, 2, tool_uses={"search": 1}),
    Finished("stop", "end_turn"),
    HandedOver("a", "b", ErrorKind.STALLED, "replay"),
    Restarted("a", "b", ErrorKind.TRUNCATED),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_plain_and_named_by_its_type(event: Any) -> None:
    plain = event.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["type"]
    assert dict(event) == plain
    assert json.dumps([event], default=dict) == json.dumps([plain])
    assert TypeAdapter(type(event)).dump_python(event) == plain


def answered(*events: Any, **report: Any) -> Answer:
    told = Report("c", "chat", [AttemptReport("a", "openai", "m", "first", 0.0)], target="a", model="m", **report)
    return collect(events or [TextDelta("Hi."), Finished("stop")], told, lambda: None)


def test_an_answer_is_plain() -> None:
    events = [
        ReasoningDelta("Hm."),
        TextDelta("Hi."),
        PartAdded(Citation(url="https://a.test")),
        ToolCallDelta(0, "c1", "look", '{"at": "it"}'),
        Finished("tool_calls"),
    ]
    answer = answered(*events, usage=Usage(3, 4), began_wall_s=NOON_S, ended_s=1.5)
    plain = answer.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["text"], plain["reasoning"], plain["finish_reason"]) == ("Hi.", "Hm.", "tool_calls")
    assert plain["tool_calls"][0]["name"] == "look"
    assert plain["citations"][0]["url"] == "https://a.test"
    assert (plain["usage"]["input_tokens"], plain["target"], plain["model"]) == (3, "a", "m")
    assert plain["report"] == answer.report.to_dict()
    assert not [name for name in plain if name.startswith("_")]
    assert dict(answer) == plain


class Held(BaseModel):
    answer: Answer
    usage: Usage | None
    events: list[TextDelta | Finished]
    report: Report


def test_a_model_of_pydantic_holds_and_writes_them() -> None:
    answer = answered(usage=Usage(1, 2))
    held = Held(answer=answer, usage=answer.usage, events=[TextDelta("x"), Finished("stop")], report=answer.report)
    assert held.answer is answer
    written = json.loads(held.model_dump_json())
    assert written["answer"] == answer.to_dict()
    assert written["events"] == [{"type": "text", "text": "x"}, Finished("stop").to_dict()]
    assert Held.model_json_schema()["properties"]["report"]["type"] == "object"
    with pytest.raises(ValueError, match="instance of Answer"):
        Held(answer={}, usage=None, events=[], report=answer.report)  # type: ignore[arg-type]


def test_endpoints_of_fastapi_return_them_as_they_are() -> None:
    fastapi = pytest.importorskip("fastapi")
    encoders = pytest.importorskip("fastapi.encoders")
    answer = answered(usage=Usage(1, 2))
    assert encoders.jsonable_encoder(answer) == answer.to_dict()
    assert encoders.jsonable_encoder({"all": [answer.usage]}) == {"all": [Usage(1, 2).to_dict()]}
    app = fastapi.FastAPI()

    @app.get("/answer")
    def _answer() -> Answer:
        return answer

    assert "Answer" in json.dumps(app.openapi()["paths"])


# Instants


def test_a_report_says_when_it_was_by_the_wall_clock(stage: MakeStage) -> None:
    one = stage(a=says("a", first_s=1.25))

    async def play() -> None:
        async with Router(one.targets(), transport=one.transport, wall=lambda: NOON_S) as router:
            answer = await router.complete("hi")
            assert answer.report.began_at == datetime(2026, 12, 1, 12, tzinfo=UTC)
            plain = answer.report.to_dict()
            assert plain["began_at"] == "2026-12-01T12:00:00.000Z"
            assert plain["ended_at"] == "2026-12-01T12:00:01.250Z"
            async with router.stream("hi") as stream:
                assert stream.report.to_dict()["ended_at"] is None
                assert stream.report.to_dict()["began_at"] == "2026-12-01T12:00:00.000Z"

    perform(play())


@pytest.mark.parametrize("wall_s", [float("nan"), float("inf"), -1e20, 1e20])
def test_a_clock_that_is_off_breaks_nothing(wall_s: float) -> None:
    assert instant(wall_s) is None
    assert answered(began_wall_s=wall_s, ended_s=1.0).report.to_dict()["began_at"] is None


def test_a_call_that_did_not_begin_has_no_instant() -> None:
    assert Report("-", "-", []).began_at is None
    assert Report("-", "-", []).to_dict()["began_at"] is None


def test_health_has_the_wall_clock_and_what_was_spent(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=status(429, retry_after="90"))

    async def play() -> None:
        (a,) = one.targets("a", price=Price(input=1e6, output=1e6), budget_month=1e7)
        (b,) = one.targets("b")
        async with Router([b, a], transport=one.transport, wall=lambda: NOON_S) as router:
            answer = await router.complete("hi")
            of_b, of_a = router.health()
            assert answer.report.cost
            assert (of_a.spent_day, of_a.spent_month) == (answer.report.cost, answer.report.cost)
            assert (of_a.budget_day, of_a.budget_month) == (None, 1e7)
            assert (of_b.spent_day, of_b.spent_month) == (None, None)
            assert (of_a.at_wall_s, of_a.until_wall_s) == (NOON_S, None)
            assert of_b.until_wall_s == pytest.approx(NOON_S + 90)
            plain = of_b.to_dict()
            assert (plain["at"], plain["until"]) == ("2026-12-01T12:00:00.000Z", "2026-12-01T12:01:30.000Z")
            assert plain["parks"][0]["until"] == "2026-12-01T12:01:30.000Z"
            assert json.loads(json.dumps(plain)) == plain

    perform(play())


# Notices


def test_notices_are_plain(stage: MakeStage) -> None:
    one = stage(a=refuses(), b=says("b"))
    seen: list[Any] = []

    async def play() -> None:
        async with Router(one.targets(), transport=one.transport, observers=[seen.append]) as router:
            await router.complete("hi")

    perform(play())
    assert {type(notice) for notice in seen} == {AttemptEnded, CallEnded}
    for notice in seen:
        plain = notice.to_dict()
        assert json.loads(json.dumps(plain)) == plain
    assert "began_at" in seen[-1].to_dict()["report"]


# Notebooks


def test_an_answer_shows_its_text_and_where_it_came_from() -> None:
    shown = answered(usage=Usage(3, 4), cost=0.0123, ended_s=1.0)._repr_markdown_()
    assert shown.startswith("Hi.\n\n<sub>a · m · running · 3 + 4 tokens · 0.0123 USD · 1.00 s")
    called = answered(ToolCallDelta(0, "c1", "look_up", "{}"), Finished("tool_calls"))._repr_markdown_()
    assert "`look\\_up` is to be called" in called


def test_a_report_is_a_table_that_nothing_in_it_breaks(stage: MakeStage) -> None:
    one = stage(a=refuses(), b=breaks_off("half"), c=says("half and whole"))

    async def play() -> None:
        async with one.router() as router:
            async with router.stream("hi", mid_stream=["replay"]) as stream:
                answer = await stream.answer()
            shown = answer.report._repr_markdown_()
            lines = shown.splitlines()
            assert lines[0].startswith("**default**: c · m · finished")
            assert lines[2] == "| at | target | why | outcome | detail | until |"
            assert [line.split(" | ")[1] for line in lines[4:]] == ["a", "b", "c"]
            assert "half and whole" not in shown
            plan = router.explain()._repr_markdown_()
            assert "| 1 | " in plan

    perform(play())
    report = Report("c", "a|b", [], skipped=[Skipped("x|y", "parked", "line\none | two <b>", 0.0)])
    report.waits.append(Waited("return", None, 1.0, 2.0))
    rows = report._repr_markdown_().splitlines()[2:]
    assert {row.replace("\\|", "").count("|") for row in rows} == {7}
    assert len(rows) == 4


async def test_a_real_answer_goes_through(standby_simulator: Simulator) -> None:
    standby_simulator.play("a", "Hello.")
    async with Router([Target("openai", model="m", key="k", base_url=standby_simulator.base_url("a"))]) as router:
        plain = (await router.complete("Hi?")).to_dict()
    assert plain["text"] == "Hello."
    assert plain["report"]["began_at"].startswith("20")


def test_the_example_on_the_page_writes_both(stage: MakeStage) -> None:
    page = (Path(__file__).parents[3] / "docs" / "observing.md").read_text(encoding="utf-8")
    example: dict[str, Any] = {"__name__": __name__}
    exec(page.partition("## Plain JSON")[2].partition("```python\n")[2].partition("```")[0], example)

    async def play() -> None:
        async with stage(a=says("Blue.")).router() as router:
            alone, within = await example["written"](router, "Sky?")
            assert json.loads(alone) == json.loads(within)["answer"]
            assert json.loads(alone)["text"] == "Blue."

    perform(play())
