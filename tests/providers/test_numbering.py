"""Tool calls in fragments, as differently as servers send them."""

import re

from standby.providers.events import ToolCallDelta
from standby.providers.tool_calls import CallNumbering

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


def test_a_name_that_comes_late_is_told_once_and_nothing_new_is_no_event() -> None:
    told = numbered((0, "a", None, ""), (0, None, "f", ""), (0, None, "f", ""), (0, "a", "", ""))
    assert told == [ToolCallDelta(0, "a"), ToolCallDelta(0, name="f"), None, None]
