"""The batch API: what `Router.begin` promises, and the page that describes it."""

import asyncio
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stage import Play, Stage, breaks_off, chunk, perform, says, status
from standby import (
    AllTargetsFailed,
    Finished,
    HandedOver,
    InvalidRequest,
    RequestRejected,
    Router,
    RouterClosed,
    StreamBusy,
    StreamInterrupted,
    TextDelta,
)
from standby.batches import Call

MakeStage = Callable[..., Stage]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "batches.md"


async def read(call: Call) -> list[list[Any]]:
    """Its batches, to the end."""
    batches = []
    while batch := await call.next():
        batches.append(list(batch))
    return batches


def said(batches: list[list[Any]]) -> str:
    return "".join(event.text for batch in batches for event in batch if isinstance(event, TextDelta))


def test_a_batch_holds_what_came_together(stage: MakeStage) -> None:
    one = stage(
        a=Play([(0.0, chunk("1") + chunk("2")), (1.0, chunk("3")), (1.0, chunk(finish="stop") + b"data: [DONE]\n\n")])
    )

    async def play() -> None:
        async with one.router() as router:
            call = router.begin("hi")
            assert not one.asked  # nothing is sent before the first look
            batches = await read(call)
            assert [said([batch]) for batch in batches] == ["12", "3", ""]
            assert type(batches[-1][-1]) is Finished
            assert call.ended
            assert (call.report.outcome, call.report.target) == ("finished", "a")
            assert await call.next() == []
            assert [event for batch in batches for event in batch] == call.heard

    perform(play())


def test_a_whole_answer_is_one_batch_and_begins_again_unseen(stage: MakeStage) -> None:
    one = stage(a=breaks_off("one "), b=says("two ", "three"))

    async def play() -> None:
        async with one.router() as router:
            call = router.begin("hi", whole=True)
            batches = await read(call)
            assert [said([batch]) for batch in batches] == ["two three"]
            origin = call.origin()
            assert origin is not None
            assert origin.base_url == "https://b.test"

    perform(play())


def test_it_tells_who_answers_batch_by_batch(stage: MakeStage) -> None:
    one = stage(a=breaks_off("once "), b=says("once ", "upon", every_s=1.0))

    async def play() -> None:
        async with one.router() as router:
            call = router.begin("hi", mid_stream=("replay",))
            assert call.answering() is None
            hosts = []
            handed_over = []
            while batch := await call.next():
                handed_over.append(type(batch[0]) is HandedOver)
                hosts.append(getattr(call.answering(), "base_url", None))
            assert hosts[0] == "https://a.test"
            assert set(hosts[1:]) == {"https://b.test"}
            assert handed_over[:2] == [False, True]
            assert not any(handed_over[2:])
            assert call.origin() is None  # two gave it

    perform(play())


def test_a_second_reader_is_refused_and_the_first_goes_on(stage: MakeStage) -> None:
    one = stage(a=says("1", first_s=5.0))

    async def play() -> None:
        async with one.router() as router:
            call = router.begin("hi")
            first = asyncio.ensure_future(call.next())
            await asyncio.sleep(1)
            with pytest.raises(StreamBusy):
                await call.next()
            assert said([list(await first)]) == "1"
            await read(call)
            assert call.report.outcome == "finished"

    perform(play())


def test_a_wait_for_its_task_leaves_the_call_alone(stage: MakeStage) -> None:
    one = stage(a=says("1", first_s=5.0))

    async def play() -> None:
        async with one.router() as router:
            call = router.begin("hi")
            task = asyncio.ensure_future(call.next())
            signs = 0
            while not (await asyncio.wait({task}, timeout=2.0))[0]:
                signs += 1
            assert signs == 2
            assert said([list(task.result()), *await read(call)]) == "1"

    perform(play())


@pytest.mark.parametrize("by", ["cancel", "task"])
def test_leaving_closes_what_is_open_and_blames_no_target(stage: MakeStage, by: str) -> None:
    one = stage(a=says("1", "2", every_s=5.0))

    async def play() -> None:
        async with one.router() as router:
            call = router.begin("hi")
            await call.next()
            waiting = asyncio.ensure_future(call.next())
            await asyncio.sleep(1)
            if by == "task":
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            else:
                call.cancel()
                assert await waiting == []
            call.cancel()
            assert await call.next() == []
            assert (call.report.outcome, one.open) == ("cancelled", 0)
            assert [health.failures for health in router.health()] == [0]

    perform(play())


FAILURES = [
    (
        "refused",
        {"a": status(413, '{"error":{"message":"too long","code":"context_length_exceeded"}}')},
        AllTargetsFailed,
    ),
    ("filtered", {"a": status(400, '{"error":{"message":"no","code":"content_filter"}}')}, RequestRejected),
    ("down", {"a": status(401), "b": status(402)}, AllTargetsFailed),
    ("cut", {"a": breaks_off("1")}, StreamInterrupted),
]


@pytest.mark.parametrize(("plays", "error"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_failures_come_out_of_next_bare(stage: MakeStage, plays: dict[str, Play], error: type[Exception]) -> None:
    one = stage(**plays)

    async def play() -> None:
        async with one.router() as router:
            call = router.begin("hi", mid_stream=())
            with pytest.raises(error) as raised:
                await read(call)
            frames = {step.filename for step in traceback.extract_tb(raised.value.__traceback__)}
            assert frames == {__file__}
            assert call.ended
            assert call.report.outcome == "failed"

    perform(play())


def test_a_closed_router_says_so_at_begin_and_at_next(stage: MakeStage) -> None:
    one = stage(a=says("1"))

    async def play() -> None:
        router = one.router()
        async with router:
            call = router.begin("hi")
        with pytest.raises(RouterClosed):
            await call.next()
        with pytest.raises(RouterClosed):
            router.begin("hi")
        with pytest.raises(InvalidRequest):
            async with one.router() as other:
                other.begin("")

    perform(play())


def test_the_block_of_the_page_runs(stage: MakeStage) -> None:
    one = stage(a=says("It ", "rains."))
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)

    async def play() -> None:
        async with one.router() as router:
            assert "".join(await names["relayed"](router, "hi")) == "It rains."

    perform(play())


def test_the_page_names_all_that_a_call_has() -> None:
    named = set(re.findall(r"`(?:await )?call\.(\w+)", PAGE.read_text(encoding="utf-8")))
    public = {name for name in dir(Call) if not name.startswith("_")}
    assert public - named == {"close"}  # the Router's own
    assert named <= public
    assert hasattr(Router, "begin")
