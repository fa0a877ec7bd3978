"""An answer, put together from its events: its parts in the order in which they came."""

import pytest
from standby.providers.events import Finished, PartAdded, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from standby.providers.parts import (
    Citation,
    ImagePart,
    Logprobs,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
)
from standby.router.result.collecting import put_together, since_restart
from standby.router.result.events import Restarted, StreamEvent
from standby.router.result.transcript import Transcript

IMAGE = ImagePart("data:image/png;base64,AAAA")
SEARCH = NativePart("server_tool_use", "{}", "web_search")
CITED = Citation("https://host/a")

ANSWERS: dict[str, tuple[list[StreamEvent], tuple[Part, ...]]] = {
    "thinking, text, a call, thinking, a call": (
        [
            ReasoningDelta("Hm", 0), ReasoningDelta(".", 0), ReasoningDelta("", 0, "sig"), TextDelta("I "),
            TextDelta("look."), ToolCallDelta(0, "c1", "look", ""), ToolCallDelta(0, arguments='{"a":'),
            ReasoningDelta("So.", 1, "sig2"), ToolCallDelta(1, "c2", "now"), ToolCallDelta(0, arguments="1}"),
        ],
        (
            Reasoning("Hm.", "sig"), TextPart("I look."), ToolCall("c1", "look", '{"a":1}'), Reasoning("So.", "sig2"),
            ToolCall("c2", "now", "{}"),
        ),
    ),
    "text on both sides of a call": (
        [TextDelta("a"), ToolCallDelta(0, "c1", "look"), TextDelta("b")],
        (TextPart("a"), ToolCall("c1", "look", "{}"), TextPart("b")),
    ),
    "two texts": (
        [PartAdded(TextPart("", phase="commentary")), TextDelta("a"), PartAdded(TextPart("")), TextDelta("b")],
        (TextPart("a", phase="commentary"), TextPart("b")),
    ),
    "a begun text without a word": ([PartAdded(TextPart("")), TextDelta("b")], (TextPart("b"),)),
    "a citation within its text": (
        [TextDelta("a"), PartAdded(CITED), TextDelta("b")],
        (TextPart("ab"), CITED),
    ),
    "an image, and what a provider's tool did": (
        [PartAdded(SEARCH), TextDelta("a"), PartAdded(IMAGE), TextDelta("b")],
        (SEARCH, TextPart("a"), IMAGE, TextPart("b")),
    ),
    "refusals around a text": (
        [
            *(RefusalDelta("N"), RefusalDelta("o."), TextDelta("But")),
            *(RefusalDelta("Nor "), TextDelta("."), RefusalDelta("so")),
        ],
        (RefusalPart("No."), TextPart("But."), RefusalPart("Nor so")),
    ),
    "a refusal before and after a call": (
        [RefusalDelta("No."), ToolCallDelta(0, "c", "f", "{}"), RefusalDelta("Nor.")],
        (RefusalPart("No."), ToolCall("c", "f", "{}"), RefusalPart("Nor.")),
    ),
    "a refusal": ([RefusalDelta("No"), RefusalDelta(".")], (RefusalPart("No."),)),
    "a custom call without input": (
        [ToolCallDelta(0, "c", "run", custom=True)],
        (ToolCall("c", "run", "", custom=True),),
    ),
    "details in pieces": (
        [ReasoningDelta("", 0, details='[{"a":1}]'), ReasoningDelta("", 0, details='[{"b":2}]')],
        (Reasoning("", details='[{"a":1},{"b":2}]'),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_parts_stay_in_their_order(name: str) -> None:
    events, parts = ANSWERS[name]
    whole = put_together([*events, Finished("stop", "stop")])
    assert (whole.parts, whole.reason, whole.logprobs) == (parts, "stop", None)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_transcript_that_has_grown_together_tells_the_same(name: str) -> None:
    events = [*ANSWERS[name][0], *[TextDelta("x")] * 40]
    transcript = Transcript()
    for event in events:
        transcript.add([event])
    assert put_together(since_restart(transcript.batches)) == put_together(events)


def test_how_likely_tokens_were_is_no_part_of_the_turn() -> None:
    events = [
        TextDelta("a"),
        PartAdded(Logprobs('[{"token":"a"}]')),
        TextDelta("b"),
        PartAdded(Logprobs('[{"token":"b"}]')),
    ]
    whole = put_together(events)
    assert (whole.parts, whole.logprobs) == ((TextPart("ab"),), '[{"token":"a"},{"token":"b"}]')


def test_what_came_before_a_restart_is_void() -> None:
    restarted = Restarted("a", "b", "stalled")  # type: ignore[arg-type]
    assert since_restart([[TextDelta("a")], [restarted, TextDelta("b")], [TextDelta("c")]]) == [
        TextDelta("b"),
        TextDelta("c"),
    ]
