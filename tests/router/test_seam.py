"""Joining a new attempt to what was delivered: what passes, what is left out, and that cuts change nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from understudy.providers.events import ProviderEvent
from understudy.router.relayed import Relayed
from understudy.router.seam import Continuation, Diverged, Replay, Seam

from understudy import Finished, ReasoningDelta, TextDelta, ToolCallDelta, Usage

STOP = Finished("stop")


def deltas(text: str, size: int = 3) -> list[ProviderEvent]:
    return [TextDelta(text[place : place + size]) for place in range(0, len(text), size)]


def through(seam: Seam, events: list[ProviderEvent], batch: int = 1) -> tuple[str, list[ProviderEvent]]:
    passed: list[ProviderEvent] = []
    for place in range(0, len(events), batch):
        passed += seam.feed(events[place : place + batch])
    return "".join(event.text for event in passed if isinstance(event, TextDelta)), passed


SKY = "The sky is blue because air scatters short waves more than long ones"


@pytest.mark.parametrize(
    ("delivered", "said", "joined"),
    [
        (SKY, ", which is why.", ", which is why."),
        (SKY, SKY + ", which is why.", ", which is why."),
        (SKY + " ", SKY + " and", "and"),
        (SKY + " ", " and so on", "and so on"),
        (SKY, " ones and the same", " ones and the same"),
        ("I", "I think", "I think"),
    ],
)
def test_a_true_continuation_loses_only_an_echo_of_all_of_it(delivered: str, said: str, joined: str) -> None:
    for size in (1, 3, 200):
        seam = Continuation(delivered, whole_only=True)
        assert through(seam, [*deltas(said, size), STOP])[0] == joined
        assert seam.trimmed == len(said) - len(joined)


def test_a_model_known_to_echo_is_trimmed_however_short_the_echo() -> None:
    assert through(Continuation("I", whole_only=True, echoes=True), [*deltas("I think"), STOP])[0] == " think"


@pytest.mark.parametrize(
    ("delivered", "said", "joined"),
    [
        (SKY, " than long ones, you see", ", you see"),
        (SKY, "short waves more than long ones. So", ". So"),
        (SKY, "ones", "ones"),
        (SKY, "Something else entirely", "Something else entirely"),
        ("Familie: 👨‍👩‍👧 und mehr", "👨‍👩‍👧 und mehr Text", " Text"),
    ],
)
def test_one_that_is_asked_to_continue_loses_the_longest_overlap(delivered: str, said: str, joined: str) -> None:
    for size in (1, 3, 200):
        assert through(Continuation(delivered, whole_only=False), [*deltas(said, size), STOP])[0] == joined


def test_nothing_passes_before_it_is_settled() -> None:
    seam = Continuation(SKY, whole_only=False)
    assert seam.feed([TextDelta("than long")]) == []
    assert not seam.settled
    assert seam.feed([TextDelta(" nights")]) == [TextDelta("than long nights")]
    assert seam.settled


def test_thinking_of_the_new_model_is_no_part_of_the_answer_and_its_usage_is_kept() -> None:
    usage = Usage(1, 2)
    _, passed = through(Continuation(SKY, whole_only=True), [ReasoningDelta("hm"), usage, *deltas("!"), STOP])
    assert passed == [TextDelta("!"), usage, STOP]


def test_a_stop_text_across_the_seam_ends_the_answer() -> None:
    seam = Continuation("one two E", stops=("END",), whole_only=True)
    assert through(seam, [*deltas("ND three", 1), STOP])[1][0] == Finished("stop", "stop")
    seam = Continuation("one two E", stops=("END",), whole_only=True)
    assert through(seam, [*deltas("nd three", 1), STOP])[0] == "nd three"


@given(st.text(min_size=1, max_size=60), st.text(max_size=60), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_how_a_continuation_is_cut_changes_nothing(a: str, b: str, size: int, other: int, whole_only: bool) -> None:
    one, two = Continuation(a, whole_only=whole_only), Continuation(a, whole_only=whole_only)
    assert through(one, [*deltas(b, size), STOP])[0] == through(two, [*deltas(b, other), STOP], batch=3)[0]
    assert one.trimmed == two.trimmed


@given(st.text(min_size=1, max_size=60), st.text(max_size=60), st.integers(1, 9))
def test_a_continuation_only_ever_leaves_out_the_head(a: str, b: str, size: int) -> None:
    seam = Continuation(a, whole_only=False)
    joined, _ = through(seam, [*deltas(b, size), STOP])
    assert b.endswith(joined)
    assert len(joined) + seam.trimmed == len(b)


def relayed(*events: ProviderEvent) -> Relayed:
    return Relayed([events])


@given(st.text(min_size=1, max_size=40), st.text(max_size=40), st.integers(1, 9), st.integers(1, 5))
def test_a_replay_passes_exactly_what_goes_beyond(said: str, rest: str, size: int, batch: int) -> None:
    seam = Replay(relayed(TextDelta(said)))
    joined, passed = through(seam, [*deltas(said + rest, size), STOP], batch)
    assert joined == rest
    assert passed[-1] == STOP
    assert seam.trimmed == len(said)


@pytest.mark.parametrize("again", [[*deltas("abX"), STOP], [*deltas("ab"), STOP], [STOP], [ToolCallDelta(0, "i", "f")]])
def test_a_difference_or_an_early_end_is_a_divergence(again: list[ProviderEvent]) -> None:
    with pytest.raises(Diverged):
        through(Replay(relayed(TextDelta("abc"))), again)


def test_a_replay_goes_on_inside_a_tool_call() -> None:
    begun = relayed(TextDelta("I look. "), ToolCallDelta(0, "call_1", "look", '{"ci'))
    again = [
        *deltas("I look. "),
        ToolCallDelta(0, "call_9", "look", ""),
        ToolCallDelta(0, arguments='{"city":"P'),
        STOP,
    ]
    assert through(Replay(begun), again)[1] == [ToolCallDelta(0, arguments='ty":"P'), STOP]
    with pytest.raises(Diverged):
        through(Replay(begun), [*deltas("I look. "), ToolCallDelta(0, "call_9", "read", "")])
    with pytest.raises(Diverged):
        through(Replay(begun), deltas("I look. And"))
