"""What of an object is shown while it is written: whatever comes later, nothing that was shown changes its type."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.router.result import partial
from standby.router.result.partial import Partial

from stage import Play, Stage, chunk, perform
from standby import ErrorKind, Router, StreamInterrupted

MakeStage = Callable[..., Stage]


def shown(text: str, step: int = 1) -> list[dict[str, Any]]:
    """All that is shown of a text that comes in pieces of this length."""
    written, found = Partial(), []
    for at in range(0, len(text), step):
        written.add(text[at : at + step])
        if (value := written.grown()) is not None:
            found.append(value)
    return found


def of_same_shape(old: Any, new: Any) -> bool:
    if type(old) is not type(new):
        return False
    if isinstance(old, dict):
        return all(name in new and of_same_shape(value, new[name]) for name, value in old.items())
    if isinstance(old, list):
        return len(old) <= len(new) and all(map(of_same_shape, old, new))
    return new.startswith(old) if isinstance(old, str) else bool(old == new)


def test_an_object_grows() -> None:
    assert shown('{"a": "xy", "n": 12, "l": [1, {"b": true}]}') == [
        {},
        {"a": ""},
        {"a": "x"},
        {"a": "xy"},
        {"a": "xy", "n": 12},
        {"a": "xy", "n": 12, "l": []},
        {"a": "xy", "n": 12, "l": [1]},
        {"a": "xy", "n": 12, "l": [1, {}]},
        {"a": "xy", "n": 12, "l": [1, {"b": True}]},
    ]


@pytest.mark.parametrize("number", ["1", "-1", "12", "1.5", "-0.25", "1e3", "1E+2", "10e-2", "0"])
@pytest.mark.parametrize("behind", ["}", ", ", " ", "\n"])
def test_a_number_is_shown_when_it_is_whole(number: str, behind: str) -> None:
    values = [value["n"] for value in shown(f'{{"n": {number}{behind}') if "n" in value]
    assert values == [json.loads(number)]
    assert [type(value) for value in values] == [type(json.loads(number))]


@pytest.mark.parametrize("text", ['{"a": "1', '{"a": "1e', '{"a": "x-', r'{"a": "\"1', r'{"1": "\\"'])
def test_a_text_that_ends_in_digits_is_no_number(text: str) -> None:
    assert shown(text)[-1]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=4), VALUES, max_size=4),
    st.booleans(),
    st.integers(1, 7),
    st.sampled_from(["", "```json\n", "\n ```\n"]),
)
def test_what_is_shown_once_only_grows_into_the_whole(
    value: dict[str, Any], ascii_only: bool, step: int, fence: str
) -> None:
    text = fence + json.dumps(value, ensure_ascii=ascii_only) + ("\n```" if fence else "")
    found = shown(text, step)
    assert found[-1] == value
    assert all(map(of_same_shape, found, found[1:]))


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ('{"a": 1, "a": "x", "b": 2}', {"a": 1}),
        ('{"a": [1], "a": []}', {"a": [1]}),
        ('{"a": {"b": 1}, "a": {"b": null}}', {"a": {"b": 1}}),
    ],
)
def test_a_name_that_comes_twice_with_another_type_ends_it(text: str, last: dict[str, Any]) -> None:
    found = shown(text)
    assert all(map(of_same_shape, found, found[1:]))
    assert found[-1] == last


@pytest.mark.parametrize("text", ["Hello.", "[1, 2]", '"text"', "12", "", "   ", "null", "```json\n", "{]", "<p>"])
def test_what_is_no_object_is_not_shown(text: str) -> None:
    assert [value for value in shown(text) if value] == []


def test_what_follows_is_not_shown_either() -> None:
    assert shown('{"a": 1} and more "text"')[-1] == {"a": 1}
    assert shown('{"a": NaN, "b": 1}') == [{}]


def test_no_more_is_parsed_than_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "PARTIAL_MAX_CHARS", 10)
    assert shown('{"a": "xxxxxxxxxxxxxxxx"}')[-1] == {"a": "xxx"}


def test_a_stream_shows_what_it_has_written(stage: MakeStage) -> None:
    pieces = ['{"na', 'me": "Be', 'rn", "people": 1', "37}"]
    body = [(0.1, chunk(json.dumps(piece)[1:-1])) for piece in pieces]
    one = stage(a=Play([*body, (0.1, chunk(finish="stop") + b"data: [DONE]\n\n")]))

    async def play() -> None:
        async with one.router() as router:
            async with router.stream("Where?") as stream:
                found = [value async for value in stream.partial()]
                assert found == [{}, {"name": "Be"}, {"name": "Bern"}, {"name": "Bern", "people": 137}]
                assert (await stream.answer()).text == "".join(pieces)
            async with router.stream("Where?") as stream:
                async for _ in stream.partial():
                    break

    perform(play())


def test_an_answer_that_breaks_off_says_so_and_is_never_begun_anew(stage: MakeStage) -> None:
    half = Play([(0.0, chunk('{\\"a\\": \\"x'))], then="cut")
    one = stage(a=half, b=Play([(0.0, chunk('{\\"b\\": 1}'))]))

    async def play() -> None:
        async with Router(one.targets(), transport=one.transport) as router:
            async with router.stream("Where?", mid_stream=["restart"]) as stream:
                with pytest.raises(StreamInterrupted) as raised:
                    async for value in stream.partial():
                        assert value == {"a": "x"}
            assert raised.value.kind is ErrorKind.TRUNCATED

    perform(play())
