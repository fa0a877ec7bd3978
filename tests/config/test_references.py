"""`${NAME}` in a file: whole values only, all missing ones together, never a value in a message."""

import pytest
from standby.config.references import resolve
from standby.config.scalars import Plain, Text
from standby.config.yaml_source import Document, read

from canaries import CANARY_KEY, assert_no_canary


def resolved(text: str, **variables: str) -> Document:
    document = read(text.encode(), "u.yaml")
    resolve(document, variables)
    return document


@pytest.mark.parametrize("quotes", ["", "'", '"'])
def test_a_whole_value_is_replaced(quotes: str) -> None:
    document = resolved(f"a: {quotes}${{NAME}}{quotes}\nb: [x, {{c: '${{NAME}}'}}]\n", NAME="v")
    assert document.tree == {"a": "v", "b": ["x", {"c": "v"}]}
    assert document.problems == []


@pytest.mark.parametrize("value", ["x: y\n- z", "{{", "${OTHER}", "$${", "!!python/name:os", "*a", "null", " "])
def test_what_a_variable_holds_stays_one_text(value: str) -> None:
    found = resolved("a: ${NAME}\n", NAME=value, OTHER="never").tree["a"]
    assert found == value
    assert isinstance(found, Text)
    assert not isinstance(found, Plain)


def test_a_default_stands_in_for_a_missing_or_empty_variable() -> None:
    document = resolved("a: ${A:-x y:z}\nb: ${B:-2}\nc: ${C:-3}\nd: ${D:-}\n", B="", C="set")
    assert document.tree == {"a": "x y:z", "b": "2", "c": "set", "d": ""}
    assert document.problems == []


def test_all_missing_variables_are_listed_with_their_places() -> None:
    document = resolved("a: ${GONE}\nb:\n  - ${EMPTY}\n  - c: ${ALSO_GONE}\n", EMPTY="")
    assert [str(problem) for problem in document.problems] == [
        "u.yaml:1:4: a: the environment variable GONE is not set",
        "u.yaml:3:5: b[0]: the environment variable EMPTY is empty",
        "u.yaml:4:8: b[1].c: the environment variable ALSO_GONE is not set",
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("Bearer ${NAME}", "a ${NAME} must be the whole value"),
        ("${NAME} ", None),
        ("'${NAME} '", "a ${NAME} must be the whole value"),
        ("'${NAME}${NAME}'", "a ${NAME} must be the whole value"),
        ("'x${'", "a ${NAME} must be the whole value"),
        ("'${NAME'", "a ${NAME} must be the whole value"),
        ("${na-me}", "a name in ${…} has letters, digits and underscores"),
        ("${}", "a name in ${…} has letters, digits and underscores"),
        ("${9A}", "a name in ${…} has letters, digits and underscores"),
        ("'${A:-${NAME}}'", "the text after ':-' cannot hold another ${…}"),
    ],
)
def test_a_reference_within_a_text_is_an_error_that_says_so(written: str, message: str | None) -> None:
    document = resolved(f"a: {written}\n", NAME="v")
    assert [problem.message for problem in document.problems] == ([message] if message else [])


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("$${NAME}", "${NAME}"),
        ("a $${b} $${c}", "a ${b} ${c}"),
        ("$NAME", "$NAME"),
        ("$$", "$$"),
        ("a$", "a$"),
        ("{}", "{}"),
    ],
)
def test_two_dollars_write_a_literal_one(written: str, value: str) -> None:
    document = resolved(f"a: '{written}'\n", NAME="v")
    assert (document.tree["a"], document.problems) == (value, [])


def test_no_value_and_no_default_shows_in_a_message() -> None:
    document = resolved(
        f"a: x${{{CANARY_KEY}}}\nb: '${{A:-{CANARY_KEY}${{B}}}}'\nc: ${{{CANARY_KEY}!}}\n", B=CANARY_KEY
    )
    assert len(document.problems) == 3
    assert_no_canary(document.problems)


def test_keys_of_a_file_are_not_looked_at() -> None:
    assert resolved("headers: {'${NAME}': x}\n", NAME="v").tree == {"headers": {"${NAME}": "x"}}


def test_overridden_values_need_no_variable() -> None:
    document = read(b"a: ${GONE}\nb: ${GONE}\n", "u.yaml")
    resolve(document, {}, lambda path: path == ("a",))
    assert [problem.path for problem in document.problems] == [("b",)]


def test_keys_that_are_written_out_are_told() -> None:
    text = (
        "targets:\n  a: {key: a-literal-key}\n  b: {key: '${KEY}'}\n  c: {key: '${GONE:-a-default-key}'}\n"
        "  d: {key: unused, body: {key: a-literal-text}}\n"
        "routes:\n  r: {targets: [{provider: x, key: another-literal}]}\n"
    )
    document = read(text.encode(), "u.yaml")
    assert resolve(document, {"KEY": "v"}) == (
        ("targets", "a", "key"),
        ("targets", "c", "key"),
        ("routes", "r", "targets", 0, "key"),
    )
