"""Tool calls in fragments, as differently as servers send them."""

import re
import time
from typing import Any

import pytest
from standby.providers.events import ToolCallDelta
from standby.providers.tool_calls import CallNumbering, is_made

Fragment = tuple[int | None, str | None, str | None, str | None]


def numbered(*fragments: Fragment) -> list[ToolCallDelta | None]:
    numbering = CallNumbering()
    return [numbering.fragment(*fragment) for fragment in fragments]


def test_fragments_follow_their_index_in_any_order() -> None:
    begun: tuple[Fragment, ...] = ((0, "a", "f", ""), (1, "b", "g", None))
    assert numbered(*begun, (0, None, None, "{"), (1, None, None, "["), (0, None, None, "}")) == [
        ToolCallDelta(0, "a", "f"), ToolCallDelta(1, "b", "g"),
        ToolCallDelta(0, arguments="{"), ToolCallDelta(1, arguments="["), ToolCallDelta(0, arguments="}"),
    ]  # fmt: skip


def test_indices_begin_at_zero_and_have_no_gaps() -> None:
    assert [each and each.index for each in numbered((1, "a", "f", ""), (5, "b", "g", ""), (1, None, None, "x"))] == [
        0,
        1,
        0,
    ]


def test_calls_that_all_have_index_0_are_told_apart_by_id_and_name() -> None:
    told = numbered((0, "a", "f", "{}"), (0, "b", "f", "{}"), (0, None, None, "x"))
    assert [each and (each.index, each.id) for each in told] == [(0, "a"), (1, "b"), (1, None)]


def test_a_new_id_for_every_fragment_is_no_new_call() -> None:
    told = numbered((0, "a", "f", "{"), (0, "b", None, "}"), (0, "a", "f", "!"))
    assert [each and (each.index, each.id, each.name, each.arguments) for each in told] == [
        (0, "a", "f", "{"), (0, None, None, "}"), (0, None, None, "!"),
    ]  # fmt: skip


def test_without_an_index_a_fragment_belongs_to_its_id_or_to_the_last_call() -> None:
    told = numbered((None, "a", "f", "1"), (None, "b", "g", "2"), (None, "a", None, "3"), (None, None, None, "4"))
    assert [each and (each.index, each.arguments) for each in told] == [(0, "1"), (1, "2"), (0, "3"), (1, "4")]


def test_whole_calls_without_index_and_id_are_calls_of_their_own_with_made_ids() -> None:
    first, second = numbered((None, None, "f", "{}"), (None, "", "f", "{}"))
    assert first is not None
    assert second is not None
    assert (first.index, second.index) == (0, 1)
    assert first.id != second.id
    assert re.fullmatch(r"call_[0-9a-f]{24}", first.id or "")


def test_a_call_is_told_once_it_has_a_name_and_nothing_new_is_no_event() -> None:
    told = numbered((0, "a", None, ""), (0, None, "f", ""), (0, None, "f", ""), (0, "a", "", ""))
    assert told == [None, ToolCallDelta(0, "a", "f"), None, None]


Call = tuple[str | None, str | None, str]
MADE = "<made>"


def read(*fragments: Fragment) -> list[Call]:
    """The calls of an answer of these fragments, in order."""
    numbering = CallNumbering()
    told = [event for fragment in fragments if (event := numbering.fragment(*fragment)) is not None]
    told += numbering.rest()
    calls: dict[int, list[Any]] = {}
    for event in told:
        call = calls.setdefault(event.index, [None, None, ""])
        assert event.id is None or call[0] is None, "an id is told once"
        call[0], call[1] = event.id or call[0], event.name or call[1]
        call[2] += event.arguments
    assert list(calls) == list(range(len(numbering)))
    ids = [call[0] for call in calls.values()]
    assert len({*ids}) == len(ids)
    return [(MADE if is_made(call_id) else call_id, name, said) for call_id, name, said in calls.values()]


OSLO, ROME = '{"city":"Oslo"}', '{"city":"Rome"}'

ANSWERS: dict[str, tuple[list[Fragment], list[Call]]] = {
    "calls all at index 0 with empty ids are told apart by their names": (
        [(0, "", "f", OSLO), (0, "", "g", "{}")],
        [(MADE, "f", OSLO), (MADE, "g", "{}")],
    ),
    "and without ids": ([(0, None, "f", OSLO), (0, None, "g", "{}")], [(MADE, "f", OSLO), (MADE, "g", "{}")]),
    "and with one id for all of them": (
        [(0, "x", "f", OSLO), (0, "x", "g", "{}")],
        [("x", "f", OSLO), (MADE, "g", "{}")],
    ),
    "and with the words for no id": ([(0, "null", "f", ""), (0, "None", "g", "")], [(MADE, "f", ""), (MADE, "g", "")]),
    "those of one function, when the one before is whole": (
        [(0, "", "f", OSLO), (0, "", "f", ROME), (0, "", "f", ROME)],
        [(MADE, "f", OSLO), (MADE, "f", ROME), (MADE, "f", ROME)],
    ),
    "also in pieces": (
        [(0, "", "f", ""), (0, "", None, OSLO[:5]), (0, "", None, OSLO[5:]), (0, "", "f", ""), (0, "", None, ROME)],
        [(MADE, "f", OSLO), (MADE, "f", ROME)],
    ),
    "also under one id": (
        [(0, "x", "f", ""), (0, None, None, OSLO), (0, "x", "f", ""), (0, None, None, ROME)],
        [("x", "f", OSLO), (MADE, "f", ROME)],
    ),
    "a name that is repeated behind the whole call is no call": (
        [(0, "x", "f", ""), (0, None, None, OSLO), (0, "x", "f", "")],
        [("x", "f", OSLO)],
    ),
    "a name that is repeated with every piece begins one call": (
        [(0, "x", "f", OSLO[:3]), (0, "x", "f", OSLO[3:9]), (0, "x", "f", OSLO[9:])],
        [("x", "f", OSLO)],
    ),
    "also without an index and an id": (
        [(None, None, "f", ""), (None, None, "f", OSLO[:9]), (None, None, "f", OSLO[9:]), (None, None, "f", ROME)],
        [(MADE, "f", OSLO), (MADE, "f", ROME)],
    ),
    "a whole call that comes once more is told once": (
        [(0, "x", "f", OSLO[:4]), (0, None, None, OSLO[4:]), (0, "x", "f", OSLO)],
        [("x", "f", OSLO)],
    ),
    "one id at two indices is two calls": (
        [(0, "x", "f", OSLO), (1, "x", "f", ROME)],
        [("x", "f", OSLO), (MADE, "f", ROME)],
    ),
    "a piece under a new index and a known id goes on with that call": (
        [(0, "x", "f", OSLO[:4]), (1, "x", None, OSLO[4:])],
        [("x", "f", OSLO)],
    ),
    "the first call may have index 1": ([(1, "x", "f", ""), (1, None, None, OSLO)], [("x", "f", OSLO)]),
    "arguments may come before the name": ([(0, None, None, "{"), (0, None, "f", "}")], [(MADE, "f", "{}")]),
    "also without an index": ([(None, None, None, "{"), (None, "x", "f", "}")], [(MADE, "f", "{}")]),
    "an empty name is none": ([(0, "x", "", ""), (0, None, "f", OSLO)], [("x", "f", OSLO)]),
    "an id that comes after the name is kept": ([(0, None, "f", ""), (0, "x", None, OSLO)], [("x", "f", OSLO)]),
    "also with the name once more": ([(0, "", "f", ""), (0, "x", "f", OSLO)], [("x", "f", OSLO)]),
    "one that comes after the call was told is not": ([(0, None, "f", "{"), (0, "x", None, "}")], [(MADE, "f", "{}")]),
    "a fragment that says nothing is no call": ([(0, None, None, None), (0, "", "", ""), (1, "null", None, "")], []),
    "nor is an id alone": ([(0, "x", None, ""), (1, "y", "f", "{}")], [("y", "f", "{}")]),
    "a call of a name alone is told at the end": ([(0, None, "f", None)], [(MADE, "f", "")]),
    "arguments that never get a name are not lost": ([(0, None, None, OSLO)], [(MADE, None, OSLO)]),
}


@pytest.mark.parametrize("rule", ANSWERS)
def test_of_the_calls_of_an_answer(rule: str) -> None:
    fragments, calls = ANSWERS[rule]
    assert read(*fragments) == calls


def test_a_name_repeated_for_ever_does_not_have_the_arguments_looked_at_for_ever() -> None:
    numbering = CallNumbering()
    numbering.fragment(0, "x", "f", '{"a":"')
    began_s = time.process_time()
    for _ in range(5000):
        numbering.fragment(0, "x", "f", "{}}" + "y" * 1000 + "}")
    assert time.process_time() - began_s < 2
