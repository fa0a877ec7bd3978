"""An answer is kept in few pieces, and its reader cannot tell."""

from hypothesis import given
from hypothesis import strategies as st
from standby.providers.events import ProviderEvent, Texts, in_pieces
from standby.router.failover.delivered import Relayed
from standby.router.limits.bill import counted
from standby.router.limits.token_estimate import said
from standby.router.limits.usage_bounds import UsageBounds
from standby.router.result.events import StreamEvent
from standby.router.result.transcript import LOOSE_MAX, Transcript

from standby import (
    ErrorKind,
    Finished,
    HandedOver,
    ReasoningDelta,
    RefusalDelta,
    Restarted,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)

WORDS = st.sampled_from(["a", "b ", "é", "\N{GRINNING FACE}"])
MAYBE = st.none() | st.sampled_from(["x", "y"])
EVENTS: st.SearchStrategy[StreamEvent] = st.one_of(
    st.builds(TextDelta, WORDS),
    st.builds(ReasoningDelta, WORDS, st.integers(0, 1), MAYBE, MAYBE),
    st.builds(RefusalDelta, WORDS),
    st.builds(ToolCallDelta, st.integers(0, 1), MAYBE, MAYBE, WORDS, MAYBE),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
    st.just(Started("m", "i")),
    st.just(HandedOver("a", "b", ErrorKind.TRUNCATED, "replay")),
    st.just(Restarted("a", "b", ErrorKind.TRUNCATED)),
)
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(in_pieces)


def _with_more(texts: Texts, event: ProviderEvent) -> Texts:
    texts.append(event)
    return texts


BATCHES = st.lists(st.lists(EVENTS, max_size=4) | TEXTS | st.builds(_with_more, TEXTS, EVENTS), max_size=5 * LOOSE_MAX)
"""Also those that are known to be text alone, and such a one with something else behind it."""


@given(BATCHES)
def test_it_tells_the_same_as_all_batches_do(batches: list[list[StreamEvent]]) -> None:
    transcript = Transcript()
    for batch in batches:
        transcript.add(batch)
    kept, came = Relayed(transcript.batches), Relayed(batches)
    assert (kept.text, kept.refusal, kept.calls) == (came.text, came.refusal, came.calls)
    assert (kept.reasoned, kept.plain, kept.only_reasoning) == (came.reasoned, came.plain, came.only_reasoning)
    assert sum(map(said, transcript.batches)) == sum(map(said, batches))
    usages = [event for batch in batches for event in batch if type(event) is Usage]
    assert counted(transcript, UsageBounds()) == (usages[-1] if usages else None, False)


@given(BATCHES)
def test_the_end_stays_the_end_and_a_batch_stays_as_it_was_given(batches: list[list[StreamEvent]]) -> None:
    end = Finished("stop", "stop")
    before = [list(batch) for batch in batches]
    transcript = Transcript()
    for batch in (*batches, [end]):
        transcript.add(batch)
    assert transcript.batches[-1][-1] is end
    assert batches == before


def test_a_long_answer_of_any_kind_is_kept_in_few_pieces() -> None:
    for piece in (TextDelta("word "), ReasoningDelta("hm "), ToolCallDelta(0, arguments="{")):
        transcript = Transcript()
        for _ in range(100 * LOOSE_MAX):
            transcript.add([piece] * 8)
        assert [len(batch) for batch in transcript.batches] == [1] * 800
