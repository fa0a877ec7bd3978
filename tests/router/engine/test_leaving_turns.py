"""A stream that another task closes, or whose reader is cancelled, in each turn of the loop around each batch: it ends
cleanly, with what had come, whatever the batch is (the first, a later one, the last, token counts behind the end) and
whichever target sends it (the only one, the winner of a race, one that goes on with another's answer).
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from standby.config import Hedge, Hold

from stage import DONE, Play, Stage, chunk, perform
from standby import Config, Finished, Restarted, Route, Router, TextDelta

MakeStage = Callable[..., Stage]

TURNS = range(9)
"""The loop is quiet again after fewer."""

USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":3}}\n\n'
END = chunk(finish="stop")

WHOLE = Play([(1.0, chunk("1")), (1.0, chunk("2")), (1.0, chunk("3") + END + DONE)])
BARE_END = Play([(1.0, chunk("1")), (1.0, chunk("2")), (1.0, chunk("3")), (1.0, END + DONE)])
IN_THE_TAIL = Play([(1.0, chunk("1")), (1.0, chunk("2") + chunk("3") + END), (0.1, USAGE), (0.1, DONE)])
AT_ONCE = Play([(1.0, chunk("1") + chunk("2") + chunk("3") + END + DONE)])
"""The answers: each ends in another way, and something of it comes at every instant of `INSTANTS_S`."""

BROKEN = Play([(1.0, chunk("1"))], then="cut")
RESUMED = Play([(1.0, chunk("2")), (1.0, chunk("3") + END + DONE)])
AGAIN = Play([(1.0, chunk("1")), (1.0, chunk("2")), (1.0, chunk("3") + END + DONE)])

Settings = dict[str, Any]
SCENES: dict[str, tuple[Play, Play | None, Settings]] = {
    "whole": (WHOLE, None, {}),
    "a bare end": (BARE_END, None, {}),
    "counts in the tail": (IN_THE_TAIL, None, {}),
    "at once": (AT_ONCE, None, {}),
    "held by number": (WHOLE, None, {"hold": Hold(deltas=2)}),
    "held by time": (WHOLE, None, {"hold": Hold(for_s=1.0)}),
    "held whole": (WHOLE, None, {"hold": Hold()}),
    "the lead of a race": (WHOLE, AGAIN, {"hedge": Hedge(after=0.5, budget_ratio=1.0)}),
    "the hedge of a race": (Play(then="stall"), WHOLE, {"hedge": Hedge(after=1.0, budget_ratio=1.0)}),
    "a race that is over at once": (AT_ONCE, AT_ONCE, {"hedge": Hedge(after=0.5, budget_ratio=1.0)}),
    "gone on with": (BROKEN, RESUMED, {"mid_stream": ("continue",)}),
    "said again": (BROKEN, AGAIN, {"mid_stream": ("replay",)}),
    "begun anew": (BROKEN, AGAIN, {"mid_stream": ("restart",)}),
}  # fmt: skip
INSTANTS_S = (0.0, 1.0, 1.1, 1.2, 2.0, 2.1, 2.2, 3.0, 4.0, 5.0)


class Left:
    """What a reader had, and how its stream ended."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.after_end = 0
        self.ended = False


async def read(stream: Any, left: Left) -> None:
    async for event in stream:
        left.after_end += left.ended
        left.events.append(event)
        left.ended = isinstance(event, Finished)


def said(events: list[Any]) -> str:
    text = ""
    for event in events:
        if isinstance(event, Restarted):
            text = ""
        elif isinstance(event, TextDelta):
            text += event.text
    return text


@pytest.mark.parametrize("cancels", [False, True], ids=["closed", "cancelled"])
@pytest.mark.parametrize("name", SCENES)
def test_left_in_any_turn_around_any_batch_a_stream_ends_cleanly(stage: MakeStage, name: str, cancels: bool) -> None:
    first, second, settings = SCENES[name]
    outcomes: set[str] = set()

    async def leave(at_s: float, turns: int) -> None:
        where = f"{name}, {turns} turns after {at_s} s"
        one = stage(a=first, b=second) if second is not None else stage(a=first)
        targets = tuple(one.targets(first_delta_s=9.0, stall_s=9.0, capabilities={"prefill": "plain"}))
        left = Left()
        async with Router(Config(routes={"default": Route(targets, **settings)}), transport=one.transport) as router:
            stream = router.stream("hi")
            reader = asyncio.create_task(read(stream, left))
            await asyncio.sleep(at_s)
            for _ in range(turns):
                await asyncio.sleep(0)
            if cancels:
                reader.cancel()
            else:
                await stream.aclose()
                had = len(left.events)
            await asyncio.wait([reader])
            await stream.aclose()
            report = stream.report
            outcomes.add(report.outcome)
            if not cancels:
                assert reader.exception() is None, where
                assert len(left.events) == had, f"{where}: something came behind the closing"
            elif not reader.cancelled():
                assert reader.exception() is None, where
                assert report.outcome == "finished", f"{where}: the cancellation was lost"
            assert "123".startswith(said(left.events)), where
            assert report.outcome == ("finished" if report.completion else "cancelled"), where
            assert not (left.ended and report.outcome == "cancelled"), f"{where}: it ended twice"
            assert not left.after_end, where
            assert all(attempt.outcome != "running" for attempt in report.attempts), where
            finished = [attempt for attempt in report.attempts if attempt.outcome == "finished"]
            assert len(finished) == (report.outcome == "finished"), where
            assert one.open == 0, where
            assert not router._entered().generation.calls, where

    for at_s in INSTANTS_S:
        for turns in TURNS:
            perform(leave(at_s, turns))
    assert outcomes == {"cancelled", "finished"}, "the scene was never left both before and behind its end"
