"""Joining a new attempt to what was delivered: what passes, what is left out, and that cuts change nothing."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.providers.events import ProviderEvent
from standby.router.failover.delivered import Relayed
from standby.router.failover.overlap import ECHO_MIN_WEIGHT, Overlap
from standby.router.failover.seam import RESTART_MIN_WEIGHT, Continuation, Diverged, Echo, Replay, Seam, common, weight

from standby import Finished, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage

STOP = Finished("stop")


def deltas(text: str, size: int = 3) -> list[ProviderEvent]:
    return [TextDelta(text[place : place + size]) for place in range(0, len(text), size)]


def through(seam: Seam, events: list[ProviderEvent], batch: int = 1) -> tuple[str, list[ProviderEvent]]:
    passed: list[ProviderEvent] = []
    for place in range(0, len(events), batch):
        passed += seam.feed(events[place : place + batch])
    return "".join(event.text for event in passed if isinstance(event, TextDelta)), passed


def joined(make: Callable[[], Seam], said: str) -> str | None:
    """What is delivered of `said`, however it is cut; None: the seam stepped back."""
    seen: set[str | None] = set()
    for size, batch in ((1, 1), (3, 2), (len(said) + 1, 9)):
        seam = make()
        try:
            text, passed = through(seam, [*deltas(said, size), STOP], batch)
        except Diverged:
            seen.add(None)
            continue
        assert said.endswith(text)
        assert len(text) + seam.trimmed == len(said)
        assert passed[-1] == STOP
        seen.add(text)
    (only,) = seen
    return only


SKY = "The sky is blue because air scatters short waves more than long ones"
LINE = "Row, row, row your boat.\n"
VERSE = "Gently down the stream,\n"
TABLE = "| Planet | Moons |\n|---|---|\n| Planet Mars | 2 |\n"

# A model that goes on from a prefill


@pytest.mark.parametrize(
    ("delivered", "said"),
    [
        (SKY, ", which is why."),
        (SKY, " ones and the same"),
        (SKY, " than long ones, than long ones"),
        ("def double(x):\n", "    return 2 * x\n"),
        ("- a\n", " - nested\n"),
        ("One.\n", "\nTwo."),
        ("One. ", "  Two."),
        ("a\r", "\nb"),
        ("x = 1\n\n", "\n\ny = 2"),
        (LINE * 3, LINE * 7),
        (LINE * 9, LINE),
        (LINE, LINE * 9),
        (LINE * 2 + VERSE, LINE + VERSE),
        (LINE + LINE[:9], LINE[9:] + LINE),
        (TABLE, "| Planet Venus | 0 |\n"),
        ("The sun is a star. ", "The sky is blue."),
        ("- one\n- two\n", "- three\n"),
    ],
)
def test_what_a_model_goes_on_with_passes_untouched(delivered: str, said: str) -> None:
    assert joined(lambda: Continuation(delivered), said) == said


@pytest.mark.parametrize(
    ("delivered", "cut", "said", "rest"),
    [
        ("def double(x):\n", "\n", "\n    return 2 * x\n", "    return 2 * x\n"),
        ("One.\n\n", "\n\n", "\n\nTwo.", "Two."),
        ("One.\n", "\n", "\n\nTwo.", "\nTwo."),
        ("if x:\n    ", "\n    ", "\n        return", "    return"),
        (SKY + " ", " ", " and", "and"),
        (SKY + " ", " ", "and", "and"),
        ("- a\n", "\n", " - nested", " - nested"),
        (LINE * 3, "\n", "\n" + LINE * 7, LINE * 7),
        ("One.\n\n", "\n\n", "\n", ""),
        ("One.\n\n", "\n\n", "", ""),
        ("\n\n", "\n\n", "\n\nHello", "Hello"),
    ],
)
def test_only_the_white_space_that_was_not_sent_is_left_out(delivered: str, cut: str, said: str, rest: str) -> None:
    assert joined(lambda: Continuation(delivered, cut=cut), said) == rest


@pytest.mark.parametrize(
    ("delivered", "cut", "said"),
    [
        ("One.\n\n", "\n\n", "\nTwo."),
        ("if x:\n    ", "\n    ", "\n  return"),
        ("One.\n\n    ", "\n\n    ", "\n    code"),
    ],
)
def test_a_part_of_the_white_space_is_not_sure(delivered: str, cut: str, said: str) -> None:
    assert joined(lambda: Continuation(delivered, cut=cut), said) is None


@pytest.mark.parametrize(
    ("delivered", "said"),
    [
        (SKY, SKY + ", which is why."),
        (SKY, SKY),
        (SKY, SKY[:20]),
        (SKY, "The sky is blue, and that is all"),
        (SKY, "\n\n" + SKY),
        ("\n" + SKY, SKY),
        ("I", "I think"),
        ("#", "# Title"),
        (LINE, LINE),
        (LINE, LINE + VERSE),
        (LINE * 2 + VERSE, LINE * 2 + VERSE),
        (LINE + LINE[:9], LINE * 3),
        ("ha ", "ha ha ha"),
        ("Es war einmal", "Es war einmal ein König"),
        ("从前有一座山", "从前有一座山，山里有座庙"),
        ("-" * 2000 + "\nOne", "-" * 2000 + "\nTwo"),
    ],
)
def test_a_head_that_begins_the_answer_anew_is_not_joined(delivered: str, said: str) -> None:
    assert joined(lambda: Continuation(delivered), said) is None


@pytest.mark.parametrize(
    ("delivered", "said"), [("\n", "\nOne"), (" \n", " \nOne"), ("\n", "    One"), ("\u3000", "\n")]
)
def test_behind_white_space_alone_white_space_may_be_a_new_beginning(delivered: str, said: str) -> None:
    assert joined(lambda: Continuation(delivered), said) is None
    assert joined(lambda: Continuation(delivered), "One" + said) == "One" + said


@pytest.mark.parametrize(("delivered", "cut"), [("\n", ""), ("\n", "\n"), (" \n\t", "\t"), ("\u3000", "\u3000")])
def test_behind_white_space_alone_nothing_is_no_end(delivered: str, cut: str) -> None:
    """The model got nothing to go on from: an answer with nothing in it is as empty as any other."""
    assert joined(lambda: Continuation(delivered, cut=cut), "") is None
    assert joined(lambda: Continuation(delivered, cut=cut, before="So"), "") == ""
    assert joined(lambda: Continuation("One" + delivered, cut=cut), "") == ""


def test_a_new_beginning_may_begin_where_the_callers_prefill_began() -> None:
    assert joined(lambda: Continuation(" blue because air", before="The sky is"), "The sky is blue because air") is None
    assert joined(lambda: Continuation(" blue because air", before="The sky is"), "blue because air scatters") is None
    assert joined(lambda: Continuation(" blue because air", before="The sky is"), " scatters") == " scatters"


@pytest.mark.parametrize("delivered", ["I", "Hello ", LINE * 3])
def test_of_a_model_that_is_known_to_echo_exactly_the_prefill_is_left_out(delivered: str) -> None:
    assert joined(lambda: Echo(delivered), delivered + delivered + " more") == delivered + " more"
    assert joined(lambda: Echo(delivered, before="Say: "), "Say: " + delivered + " more") == " more"
    assert joined(lambda: Echo(delivered), delivered) == ""


@pytest.mark.parametrize("said", ["", "Hell", "Hullo you", " Hello you", "Hello\nyou"])
def test_one_that_does_not_echo_after_all_is_not_joined(said: str) -> None:
    assert joined(lambda: Echo("Hello "), said) is None


# A model that is asked in words to go on


@pytest.mark.parametrize(
    ("delivered", "said", "rest"),
    [
        (SKY, "than long ones, you see", ", you see"),
        ('if sky:\n    print("blue', '    print("blue")', '")'),
        (SKY, "short waves more than long ones. So", ". So"),
        (SKY, SKY + ". So", ". So"),
        (SKY, "\n\nthan long ones. So", ". So"),
        (SKY, "more than long ones", ""),
        (SKY[:-2], "than long ones", "es"),
        ("Familie: 👨‍👩‍👧 und noch mehr", "👨‍👩‍👧 und noch mehr Text", " Text"),
        ("import re\ndef double(x):\n", "import re\ndef double(x):\n    return 2 * x", "    return 2 * x"),
        ("One comes first. Two is next. ", "One comes first. Two is next. Three", "Three"),
        (
            "Here:\n```python\ndef double(x):\n",
            "```python\ndef double(x):\n    return 2 * x\n```",
            "    return 2 * x\n```",
        ),
        ("天空是蓝色的。因为空气", "因为空气散射短波", "散射短波"),
        ("天空是蓝色的，是因为空气", "是因为空气散射短波", "散射短波"),
        ("x" * 3000 + " and the end of it", "x" * 3000 + " and the end of it, at last", ", at last"),
    ],
)
def test_what_follows_the_last_words_follows_them(delivered: str, said: str, rest: str) -> None:
    assert joined(lambda: Overlap(delivered), said) == rest


@pytest.mark.parametrize(
    ("delivered", "said"),
    [
        (SKY, "ones"),
        (SKY, ", which is why."),
        (SKY, "Something else entirely"),
        (SKY, ""),
        (SKY, "Sure, continuing: than long ones, you see"),
        (SKY, "Sure, continuing:\n\nmore than long ones, you see"),
        ("Before:\nreturn value * 2", "\nAfter:\nreturn value * 2 + 1"),
        ("```\nreturn value", "\n```\n\nreturn value is what it is"),
        (SKY, " than long ones, you see"),
        ("def double(x):\n", "def double(x):\n    return 2 * x"),
        ("| Montag | geschlossen |", " geschlossen | 14 Uhr |"),
        ("| Montag | geschlossen |", "geschlossen | 14 Uhr |"),
        ("| Mo | 9 bis 12 Uhr | 9 bis 12 Uhr |", " 9 bis 12 Uhr | geschlossen |"),
        ("- Buy some milk\n", "- Buy some milk\n- and bread\n"),
        ("It rained again and again", " and again."),
        ("It rained again and again", "and again."),
        ("Let it be told. ", "Let it be told. At once"),
        ("def f(x):\ndef", "def f(x):\ndef f(x):\n"),
        ("return x\nreturn x\n", "x\nreturn x\n"),
        (SKY, "than long ones... you see"),
        (SKY, "than long ones… you see"),
        (SKY, "Than long ones, you see"),
        (SKY + ". ", "than long ones.\n\nSo"),
        ("def double(x):\n", "    return 2 * x"),
        ("def double(x):\n", "```python\ndef double(x):\n    return 2 * x\n```"),
        ("Here:\n```python\ndef double(x):\n", "```def double(x):\n    return 2 * x\n```"),
        ("1. apples\n2. pears\n3. pl", "1. plums\n2. figs"),
        ("It went over and ", "over and over"),
        (LINE * 3, LINE * 7),
        (LINE, LINE * 9),
        (LINE * 2, LINE * 2 + VERSE),
        (VERSE + LINE * 2, LINE * 2),
        ("ha " * 20, "ha " * 5 + "!"),
        ("- get user\n- get user by id", "\n- get user by id and name\n"),
        ("docs/readme\ndocs/readme/chapter", "\ndocs/readme/chapter/one"),
        ("a = compute_value", "\na = compute_value + 1"),
        ("## Overview of caching", "\n\nOverview of caching is what follows"),
        ("The quick fox. The quick brown fox jumps", ". The quick brown fox jumps over"),
        ("Sie sagte nichts, er sagte einmal nichts", ", er sagte einmal nichts mehr"),
        ("我们要和平，我们要和平的世界", "，我们要和平的世界和未来"),
    ],
)
def test_without_the_last_words_or_where_they_repeat_nothing_is_joined(delivered: str, said: str) -> None:
    assert joined(lambda: Overlap(delivered), said) is None


def test_one_that_declines_is_not_joined_and_one_that_calls_a_tool_only_behind_the_last_words() -> None:
    call = ToolCallDelta(0, "i", "f")
    with pytest.raises(Diverged):
        through(Overlap(SKY), [RefusalDelta("I cannot")])
    with pytest.raises(Diverged):
        through(Overlap(SKY), [*deltas("than long ones"), RefusalDelta("I cannot")])
    with pytest.raises(Diverged):
        through(Overlap(SKY), [call, STOP])
    assert through(Overlap(SKY), [*deltas("than long ones"), call, STOP])[1] == [call, STOP]


@pytest.mark.parametrize("other", [ToolCallDelta(0, "i", "f"), RefusalDelta("I cannot")])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_text_behind_another_part_of_the_answer_still_shows_how_the_head_joins(size: int, other: ProviderEvent) -> None:
    begun = "c42 c42 c42 c42 and no more of it"
    with pytest.raises(Diverged):
        through(Continuation(begun), [other, *deltas(begun, size), STOP])
    with pytest.raises(Diverged):
        through(Continuation(begun), [*deltas("c42 "), other, *deltas(begun[4:], size), STOP])
    _, passed = through(Continuation(begun), [other, *deltas(", but more", size), STOP], batch=2)
    assert passed[0] == other
    assert "".join(event.text for event in passed if isinstance(event, TextDelta)) == ", but more"
    _, passed = through(Continuation(begun), [*deltas("c42", 3), other, *deltas(" at last", size), STOP])
    assert passed[:2] == [TextDelta("c42"), other]
    assert through(Continuation(begun), [other, STOP])[1] == [other, STOP]


# Both


def test_nothing_passes_before_it_is_settled() -> None:
    seam = Overlap(SKY)
    assert seam.feed([TextDelta("than long")]) == []
    assert seam.feed([TextDelta(" ones")]) == []
    assert not seam.settled
    assert seam.feed([TextDelta(" and more")]) == [TextDelta(" and more")]
    assert seam.settled
    assert seam.feed(deltas("than")) == deltas("than")


@pytest.mark.parametrize("make", [Continuation, Overlap])
def test_thinking_of_the_new_model_is_no_part_of_the_answer_and_its_usage_is_kept(make: Callable[[str], Seam]) -> None:
    usage = Usage(1, 2)
    said = deltas("than long ones!") if make is Overlap else deltas("!")
    _, passed = through(make(SKY), [ReasoningDelta("hm"), usage, *said, STOP])
    assert passed == [TextDelta("!"), usage, STOP]


@pytest.mark.parametrize("batch", [1, 2, 99])
def test_a_stop_text_across_the_seam_ends_the_answer(batch: int) -> None:
    usage = Usage(1, 2)
    seam = Continuation("one two E", stops=("END",))
    text, passed = through(seam, [*deltas("ND three", 2), usage, STOP][:batch], batch)
    assert (text, passed[0] if batch < 9 else passed[-1]) == ("", Finished("stop", "stop"))
    assert len(passed) == (1 if batch < 9 else 2)
    assert through(Continuation("one two E", stops=("END",)), [*deltas("nd three", 1), STOP])[0] == "nd three"
    assert through(Overlap("once upon a time E", stops=("END",)), deltas("upon a time END three", 1)[:16])[0] == ""


# Whatever the text, wherever it was cut, however the server goes on

PARTS = st.sampled_from(
    ["The sky is blue. ", "again and again ", "ha ", "- item\n", "    ", "\n", "\n\n", " ", "a", "because ",
     "## Title\n", "| a | b |\n", "```\n", "def f(x):\n", "return x\n", "天空是蓝色的。", "é", "\r\n"]
)  # fmt: skip
TEXTS = st.lists(PARTS, min_size=1, max_size=12).map("".join)


@given(TEXTS, st.data())
def test_a_model_that_goes_on_is_joined_exactly_or_not_at_all(text: str, data: st.DataObject) -> None:
    delivered = text[: data.draw(st.integers(1, len(text)))]
    sent = data.draw(st.sampled_from([delivered, delivered.rstrip()]))
    rest = joined(lambda: Continuation(delivered, cut=delivered[len(sent) :]), text[len(sent) :])
    assert rest is None or delivered + rest == text


@given(TEXTS, st.data())
def test_a_server_that_begins_anew_is_never_joined_but_to_the_same_passage_over_and_over(
    text: str, data: st.DataObject
) -> None:
    delivered = text[: data.draw(st.integers(1, len(text)))]
    rounds = any(delivered.lstrip() == delivered[:size] * (len(delivered) // size) for size in range(1, len(delivered)))
    if delivered.isspace() or rounds or text.startswith(delivered * 2):
        return
    assert joined(lambda: Continuation(delivered), text) is None


@given(TEXTS, st.data())
def test_an_echo_of_the_prefill_is_joined_exactly(text: str, data: st.DataObject) -> None:
    delivered = text[: data.draw(st.integers(1, len(text)))]
    assert joined(lambda: Echo(delivered), text) == text[len(delivered) :]


@given(TEXTS, st.data())
def test_one_that_is_asked_to_go_on_is_joined_exactly_or_not_at_all(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(text)))
    delivered, rest = text[:cut], text[cut:]
    back = data.draw(st.integers(0, cut))  # how much of it is said again
    blank = data.draw(st.sampled_from(["", "\n\n", " "]))
    got = joined(lambda: Overlap(delivered), blank + delivered[cut - back :] + rest)
    if weight(delivered[cut - back :]) or not says_its_end_again(delivered, rest):
        assert got is None or delivered + got == text


def says_its_end_again(delivered: str, rest: str) -> bool:
    """Is its end of weight said at once a second time? Without an echo nothing tells that from one."""
    rest = rest.lstrip()
    return any(
        delivered.endswith(rest[:size]) and weight(rest[:size]) >= ECHO_MIN_WEIGHT for size in range(1, len(rest) + 1)
    )


@given(TEXTS, TEXTS, st.sampled_from([Continuation, Overlap, Echo]))
def test_how_a_head_is_cut_changes_nothing_and_only_its_front_is_left_out(
    delivered: str, said: str, make: Callable[[str], Seam]
) -> None:
    joined(lambda: make(delivered), said)


@given(TEXTS, TEXTS, st.integers(0, 20))
def test_what_two_texts_have_in_common(piece: str, text: str, at: int) -> None:
    at = min(at, len(text))
    same = common(piece, text, at)
    assert text.startswith(piece[:same], at)
    assert same == len(piece) or not text.startswith(piece[: same + 1], at)


def test_what_a_text_weighs_is_its_letters() -> None:
    assert [weight(text) for text in ("", " - \n", "a1 b", "é", "天空", "---")] == [0, 0, 3, 2, 4, 0]
    assert weight("-" * 1000) < RESTART_MIN_WEIGHT < weight("-" * 1001)
    assert weight("The sky is") == RESTART_MIN_WEIGHT


# A replay


def relayed(*events: ProviderEvent) -> Relayed:
    return Relayed([events])


@given(st.text(min_size=1, max_size=40), st.text(max_size=40), st.integers(1, 9), st.integers(1, 5))
def test_a_replay_passes_exactly_what_goes_beyond(said: str, rest: str, size: int, batch: int) -> None:
    seam = Replay(relayed(TextDelta(said)))
    text, passed = through(seam, [*deltas(said + rest, size), STOP], batch)
    assert text == rest
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
        through(Replay(begun), [*deltas("I look. "), ToolCallDelta(1, "call_9", "look", "")])
    with pytest.raises(Diverged):
        through(Replay(begun), deltas("I look. And"))


def test_a_replay_says_a_refusal_again_and_its_usage_passes_at_once() -> None:
    usage = Usage(1, 2)
    seam = Replay(relayed(TextDelta("I look. "), RefusalDelta("No, I ca")))
    again = [*deltas("I look. "), usage, RefusalDelta("No, I "), usage, RefusalDelta("cannot."), STOP]
    assert through(seam, again)[1] == [usage, usage, RefusalDelta("nnot."), STOP]


def test_a_long_replay_looks_at_each_delta_once() -> None:
    """Were the rest of the text copied for each delta, this would take minutes."""
    text = re.sub("x", SKY, "x" * 30_000)
    seam = Replay(relayed(TextDelta(text)))
    events: list[ProviderEvent] = []
    for delta in deltas(text, 20):
        events += [delta, Usage(1, 1)]
    assert through(seam, [*events, *deltas("!"), STOP], batch=len(events))[0] == "!"
