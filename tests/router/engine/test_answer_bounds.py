"""An answer has so many events and parts; what is too much is refused by name, after what came before it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from standby.router.engine import attempt as attempt_module
from standby.router.engine.held_back import HeldBack
from standby.router.result import transcript as transcript_module
from standby.router.result.transcript import EVENTS_MAX, LOOSE_MAX, PARTS_MAX, Transcript, excess

from stage import DONE, Play, Stage, chunk, perform, says
from standby import (
    AllTargetsFailed,
    Config,
    ErrorKind,
    ReasoningDelta,
    RefusalDelta,
    Route,
    Router,
    Started,
    StreamInterrupted,
    TextDelta,
    ToolCallDelta,
    Usage,
)

MakeStage = Callable[..., Stage]


def test_long_answers_are_allowed() -> None:
    assert EVENTS_MAX >= 1_000_000
    assert PARTS_MAX >= 10_000


def calls(first: int, last: int) -> bytes:
    parts = [{"index": n, "id": f"c{n}", "function": {"name": "f", "arguments": "{}"}} for n in range(first, last)]
    return b"data: " + json.dumps({"choices": [{"delta": {"tool_calls": parts}}]}).encode() + b"\n\n"


def routed(one: Stage) -> Router:
    return Router(Config(routes={"default": Route(tuple(one.targets()), mid_stream=())}), transport=one.transport)


async def streamed(router: Router) -> tuple[list[Any], Exception | None]:
    seen: list[Any] = []
    async with router, router.stream("hi") as stream:
        try:
            async for event in stream:
                seen.append(event)
        except (StreamInterrupted, AllTargetsFailed) as error:
            return seen, error
    return seen, None


async def collected(router: Router) -> Any:
    async with router:
        return await router.complete("hi")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (transcript_module, attempt_module):
        monkeypatch.setattr(module, "PARTS_MAX", 50)  # so many events of one read are looked at for their parts, too
    monkeypatch.setattr(transcript_module, "EVENTS_MAX", 400)


END = chunk(finish="stop") + DONE


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("count", [300, 1000])
def test_of_more_events_than_an_answer_may_have_those_before_come_and_then_the_failure(
    stage: MakeStage, count: int, size: int
) -> None:
    reads = [(0.0, chunk("x") * size)] * -(-count // size)
    seen, error = perform(streamed(routed(stage(a=Play([*reads, (0.0, END)])))))
    delivered = "".join(event.text for event in seen if isinstance(event, TextDelta))
    if count < 400:
        assert error is None
        assert len(delivered) == len(reads) * size
    else:
        assert isinstance(error, StreamInterrupted)
        assert error.partial == delivered
        assert error.kind is ErrorKind.PROTOCOL
        assert error.report.attempts[0].detail == "the answer has more than 400 events"
        assert 400 - size <= len(delivered) <= 400 + LOOSE_MAX + size


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("together", [1, 10, 60])
def test_more_parts_than_an_answer_may_have_are_refused_by_name(stage: MakeStage, together: int) -> None:
    reads = [(0.0, calls(n, n + together)) for n in range(0, 120, together)]
    one = stage(a=Play([*reads, (0.0, END)]), b=says("well"))
    _, error = perform(streamed(routed(one)))
    whole = perform(collected(routed(stage(a=Play([*reads, (0.0, END)]), b=says("well")))))
    assert whole.text == "well"
    failed = whole.report.attempts[0]
    assert (failed.kind, failed.detail) == (
        ErrorKind.PROTOCOL,
        "the answer has more than 50 calls and blocks of thinking",
    )
    assert (error is None) is (together > 50)  # then all of them came before the first useful delta


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("parts", [50, 51])
def test_a_batch_is_counted_by_its_parts_and_not_by_its_pieces(parts: int) -> None:
    pieces = [ToolCallDelta(n, arguments="{") for n in range(parts)] * 3
    assert (excess(len(pieces), pieces, set()) is not None) is (parts > 50)
    thoughts = [ReasoningDelta("hm", n) for n in range(parts)]
    assert (excess(parts, thoughts, set()) is not None) is (parts > 50)


def test_calls_and_thoughts_of_many_batches_are_counted_together() -> None:
    transcript, told = Transcript(), []
    for n in range(PARTS_MAX + 2 * LOOSE_MAX):
        told.append(transcript.add([ToolCallDelta(n // 2, f"c{n}", "f"), ReasoningDelta("hm", n // 2)]))
    first = next(place for place, excess in enumerate(told) if excess is not None)
    assert PARTS_MAX - LOOSE_MAX <= first <= PARTS_MAX + LOOSE_MAX
    assert str(PARTS_MAX) in (told[first] or "")


def test_what_is_held_is_counted_as_it_comes() -> None:
    held = HeldBack()
    first = [Started("m"), TextDelta("ab"), ReasoningDelta("c"), ReasoningDelta("", 0, "state")]
    held.add(first)
    held.add([RefusalDelta("d"), ToolCallDelta(0, "i", "f", "{}"), Usage(1, 2)])
    assert (held.deltas, held.chars, len(held.events)) == (4, 6, 7)
    assert len(first) == 4
