"""A whole answer: the same of a stream as of a call, all of its kinds of parts, and the target that it came from."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from standby.providers.events import Finished, PartAdded, TextDelta
from standby.providers.origin import Origin, credential_mark
from standby.providers.parts import (
    AudioPart,
    Citation,
    FilePart,
    ImagePart,
    Logprobs,
    NativePart,
    Reasoning,
    TextPart,
    ToolCall,
)
from standby.providers.secret import Secret
from standby.router.result.answer import Answer, collect
from standby.router.result.report import Report

from stage import Play, Stage, breaks_off, perform, says
from standby import Config, HandedOver, Restarted, Route, Router, StreamInterrupted

MakeStage = Callable[..., Stage]


def deltas(*each: dict[str, Any], finish: str = "stop") -> Play:
    """A stream of these deltas."""
    choices = [*({"index": 0, "delta": delta} for delta in each), {"index": 0, "delta": {}, "finish_reason": finish}]
    chunks = [f"data: {json.dumps({'id': 'c', 'model': 'm-1', 'choices': [choice]})}\n\n" for choice in choices]
    return Play([*((0.0, chunk.encode()) for chunk in chunks), (0.0, b"data: [DONE]\n\n")])


THINKS = deltas(
    {"reasoning": "Hm."},
    {"content": "I look."},
    {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look", "arguments": "{}"}}]},
    finish="tool_calls",
)
HERE = Origin("openai", "https://a.test", "m", credential_mark(Secret("k")))


def routed(one: Stage, *policies: str) -> Router:
    route = Route(tuple(one.targets()), mid_stream=policies)  # type: ignore[arg-type]
    return Router(Config(routes={"r": route}), transport=one.transport)


async def streamed(router: Router, read: int = 0) -> Answer:
    """The answer of a stream of which so many events were read one by one."""
    async with router.stream("hi") as stream:
        for _ in range(read):
            await anext(stream)
        return await stream.answer()


@pytest.mark.parametrize("play", [says("one ", "two"), THINKS], ids=["text alone", "thinking, text, a call"])
@pytest.mark.parametrize("read", [0, 2])
def test_a_stream_gives_the_answer_that_a_call_gives_with_what_was_read_of_it(
    stage: MakeStage, play: Play, read: int
) -> None:
    one = stage(a=play)

    async def ask() -> tuple[Answer, Answer]:
        async with routed(one) as router:
            return await router.complete("hi"), await streamed(router, read)

    called, heard = perform(ask())
    for name in ("text", "reasoning", "tool_calls", "finish_reason", "target", "model", "message"):
        assert getattr(heard, name) == getattr(called, name), name


def test_an_answer_with_more_than_text_goes_back_in_order_and_names_the_target_that_gave_it(stage: MakeStage) -> None:
    one = stage(a=THINKS)

    async def ask() -> Answer:
        async with routed(one) as router:
            return await streamed(router)

    answer = perform(ask())
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("I look.", "Hm.", "tool_calls")
    assert answer.message.content == (Reasoning("Hm."), TextPart("I look."), ToolCall("c1", "look", "{}"))
    assert answer.message.origin == HERE


@pytest.mark.parametrize(("policy", "origin"), [("replay", None), ("restart", "b")])
def test_an_answer_that_two_targets_gave_is_neithers_and_one_that_began_anew_is_the_lasts(
    stage: MakeStage, policy: str, origin: str | None
) -> None:
    begun = [{"content": "I "}, {"content": "look."}]
    call = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look", "arguments": "{}"}}]}
    one = stage(a=breaks_off("I "), b=deltas(*begun, call, finish="tool_calls"))

    async def ask() -> tuple[Answer, list[type]]:
        async with routed(one, policy) as router, router.stream("hi") as stream:
            seen = [type(event) async for event in stream]
            return await stream.answer(), seen

    answer, seen = perform(ask())
    assert (Restarted if policy == "restart" else HandedOver) in seen
    assert (answer.text, answer.target) == ("I look.", "b")
    assert answer.message.origin == (Origin("openai", "https://b.test", "m", HERE.credential) if origin else None)


def test_an_answer_that_broke_off_and_one_that_was_left_are_not_whole(stage: MakeStage) -> None:
    one = stage(a=[breaks_off("I "), says("I ", "look.")])

    async def ask() -> None:
        async with routed(one) as router:
            with pytest.raises(StreamInterrupted):
                await streamed(router)
            async with router.stream("hi") as left:
                await anext(left)
            with pytest.raises(RuntimeError, match="left before its end"):
                await left.answer()

    perform(ask())


IMAGE, FILE = ImagePart("data:image/png;base64,AA=="), FilePart("data:text/csv;base64,AA==", "a.csv")
CITED, RUN = Citation("https://host/a"), NativePart("code_execution", "{}", "python")


def test_every_kind_of_part_has_a_view() -> None:
    parts = (IMAGE, FILE, CITED, RUN, NativePart("compaction", "{}"), Logprobs('[{"token":"a"}]'))
    audio = (
        AudioPart("data:audio/wav;base64,UklG", "audio_1", "Hel"),
        AudioPart("data:audio/wav;base64,Rg==", None, "lo"),
    )
    events = [TextDelta("a"), *map(PartAdded, (*parts, *audio)), Finished("stop", "stop")]
    answer = collect(events, Report("c", "r", []), lambda: HERE)
    assert (answer.images, answer.files, answer.citations) == ((IMAGE,), (FILE,), (CITED,))
    assert answer.provider_tools == ("python",)
    assert answer.audio == (AudioPart("data:audio/wav;base64,UklGRg==", "audio_1", "Hello"),), "one, of its pieces"
    assert answer.logprobs == '[{"token":"a"}]'
    assert "a.csv" not in repr(answer)


def test_two_recordings_stay_two_and_one_that_is_no_base64_is_only_told_of() -> None:
    pieces = (AudioPart("data:audio/wav;base64,AAAA", "one"), AudioPart("data:audio/wav;base64,A", "two", "said"))
    answer = collect([PartAdded(piece) for piece in pieces], Report("c", "r", []), lambda: None)
    assert answer.audio == (AudioPart("data:audio/wav;base64,AAAA", "one"), AudioPart("", "two", "said"))


def test_an_answer_of_text_alone_is_a_turn_of_one_part_and_an_empty_one_of_none() -> None:
    for text, content in (("a", (TextPart("a"),)), ("", ())):
        answer = collect([TextDelta(text), Finished("stop", "stop")], Report("c", "r", []), lambda: HERE)
        assert (answer.message.content, answer.message.origin, answer.images) == (content, None, ())
