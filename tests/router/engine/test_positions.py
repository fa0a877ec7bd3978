"""A fault at every byte of a whole answer, in eight dialects, under every policy: what the caller has is never wrong.

Whatever happens, the text is all that the attempts said before their faults, in order, joined only at marks and less
what the marks say was left out; and there is exactly one end, `Finished` or an exception.
"""

import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from standby.config import Health, Hold
from standby.providers.chat import chat_request
from standby.router.failover.overlap import ECHO_MIN_WEIGHT
from standby.router.failover.seam import weight

from cutstage import FAULTS, SECONDS, TRANSCRIPTS, Cut, Scene, Wire, transcript
from stage import perform
from standby import Config, Finished, HandedOver, Restarted, Route, Router, StreamInterrupted, Target, TextDelta

HELD = 3
ROUTES: dict[str, dict[str, Any]] = {
    "continue": {"mid_stream": ("continue",)},
    "ask_to_continue": {"mid_stream": ("ask_to_continue",)},
    "replay": {"mid_stream": ("replay",)},
    "restart": {"mid_stream": ("restart",)},
    "none": {"mid_stream": ()},
    "hold": {"hold": Hold(deltas=HELD)},
}
RIGHT = {("same", "replay"), ("on", "continue"), ("on", "hold")}
"""Where the second target does what it is asked to: the answer is the whole answer."""
CHAT = chat_request("Say hello.")


@pytest.fixture
def scene() -> Iterator[Scene]:
    one = Scene()
    logger = logging.getLogger("standby")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # a hundred thousand lines that no test reads
    gc.disable()
    yield one
    gc.enable()
    logger.setLevel(level)
    assert Wire.open_now == 0


def router(scene: Scene, provider: str) -> Router:
    """Every policy as a route over the two targets; no number of failures moves their health."""
    first = Target(provider, model="m", name="first", key="k", base_url="https://first.test")
    knows = {"prefill": "plain"}
    second = Target("vllm", model="m", name="second", key="k", base_url="https://second.test", capabilities=knows)
    never = Health(failures_in_row=1_000_000, window_min_calls=1_000_000)
    routes = {name: Route((first, second), **policy) for name, policy in ROUTES.items()}
    return Router(Config(routes=routes, health=never), transport=lambda options: Wire(scene))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("provider", TRANSCRIPTS)
def test_a_stream_is_never_wrong(scene: Scene, provider: str, fault: str) -> None:
    scene.answer, scene.fault = transcript(provider), fault

    async def play() -> None:
        async with router(scene, provider) as opened:
            for place, cut in enumerate(scene.answer.cuts[fault]):
                for number, policy in enumerate(ROUTES):
                    scene.place, scene.second, scene.said = place, SECONDS[(place + number) % 3], []
                    await check_stream(opened, scene, cut, policy)

    perform(play())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("provider", TRANSCRIPTS)
def test_a_whole_answer_is_one_attempts_own(scene: Scene, provider: str, fault: str) -> None:
    scene.answer, scene.fault = transcript(provider), fault

    async def play() -> None:
        async with router(scene, provider) as opened:
            for place, cut in enumerate(scene.answer.cuts[fault]):
                scene.place, scene.second, scene.said = place, SECONDS[place % 2], []
                answer = await opened.complete(CHAT, route="continue")
                ended = cut.ended and bool(cut.useful)
                assert answer.text == (cut.text if ended else scene.said[0]), place
                assert answer.report.switches == []

    perform(play())


async def check_stream(router: Router, scene: Scene, cut: Cut, policy: str) -> None:
    """One call at one position."""
    where = f"{scene.answer.provider} {scene.fault} at {scene.place}, {policy}, {scene.second}"
    events: list[Any] = []
    partial: str | None = None
    async with router.stream(CHAT, route=policy) as stream:
        try:
            async for event in stream:
                events.append(event)
        except StreamInterrupted as error:
            partial = error.partial
    report = stream.report
    # One end
    ends = [place for place, event in enumerate(events) if isinstance(event, Finished)]
    assert ends == ([len(events) - 1] if partial is None else []), where
    assert report.outcome == ("finished" if partial is None else "failed"), where
    # The parts between the marks
    parts, marks = [""], []
    for event in events:
        if isinstance(event, TextDelta):
            parts[-1] += event.text
        elif isinstance(event, HandedOver | Restarted):
            parts.append("")
            marks.append(event)
    assert [mark.target for mark in marks] == [switch.target for switch in report.switches], where
    delivered = ""
    committed = cut.useful >= (HELD if policy == "hold" else 1)
    said = _said(scene, cut, report, committed=committed or cut.ended)
    for number, part in enumerate(parts):
        mark = marks[number - 1] if number else None
        trimmed = mark.trimmed if isinstance(mark, HandedOver) else 0
        assert part == said[number][trimmed:], f"{where}: not all, or not only, what was said before the fault"
        delivered = part if isinstance(mark, Restarted) else delivered + part
    assert partial in (None, delivered), where
    if partial is None and report.target == "first" and delivered != scene.answer.text:
        assert report.completion == "unproven", f"{where}: a part passes for the whole"
    _check_outcome(scene, cut, policy, partial, delivered, marks, where, committed=committed)


def _said(scene: Scene, cut: Cut, report: Any, *, committed: bool) -> list[str]:
    """The texts of the delivered attempts, in order."""
    texts = iter(scene.said)
    spoken = [(a, cut.text if a.target == "first" else next(texts)) for a in report.attempts]
    used = [(a, text) for a, text in spoken if a.why in ("first", "handover", "retry", "return")]
    begun = used[:1] if committed and cut.useful else used[-1:]
    joined = [
        text for a, text in spoken if a.why in ROUTES and a.outcome != "cancelled" and a.first_delta_s is not None
    ]
    return [begun[0][1], *joined]


def _check_outcome(
    scene: Scene,
    cut: Cut,
    policy: str,
    partial: str | None,
    delivered: str,
    marks: list[Any],
    where: str,
    *,
    committed: bool,
) -> None:
    """What must come of it, where that is known."""
    if cut.ended and cut.useful:
        assert (partial, marks, delivered) == (None, [], cut.text), where
    elif not committed:
        assert (partial, marks, delivered) == (None, [], scene.said[-1]), where
    elif policy == "none":
        assert (partial, marks) == (cut.text, []), where
    elif policy == "restart" or not cut.text:
        assert partial is None, where
        assert delivered == scene.said[-1], where
    elif policy == "ask_to_continue":
        certain = weight(cut.text) >= ECHO_MIN_WEIGHT and scene.second != "else"  # else the echo may be chance
        expected = (None, scene.answer.text) if certain else (cut.text, cut.text)
        assert (partial, delivered) == expected, where
    elif (scene.second, policy) in RIGHT:
        assert (partial, delivered) == (None, scene.answer.text), where
