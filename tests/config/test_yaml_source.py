"""YAML files: every trap is refused with its place, and both of PyYAML's parsers see the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from standby.config.origin import Place
from standby.config.scalars import Plain, Text, as_json
from standby.config.yaml_source import BYTES_MAX, DEPTH_MAX, EVENTS_MAX, Document, read, read_file

from canaries import CANARY_KEY, assert_no_canary, canaries_in

UNFITTING = "is not YAML: the indentation does not fit, or a quote or bracket is one too many"


def lines(document: Document) -> list[str]:
    return [str(problem) for problem in document.problems]


def one(text: str | bytes) -> str:
    """The only problem of a file."""
    document = read(text if isinstance(text, bytes) else text.encode(), "u.yaml")
    [line] = lines(document)
    return line


def test_names_and_values_keep_their_places() -> None:
    document = read(b"limits:\n  deadline_s: 20\nroutes: {chat: {targets: [a, 'b']}}\n", "u.yaml")
    assert lines(document) == []
    assert document.tree == {"limits": {"deadline_s": "20"}, "routes": {"chat": {"targets": ["a", "b"]}}}
    assert document.keys["limits", "deadline_s"] == Place(2, 3)
    assert document.values["limits", "deadline_s"] == Place(2, 15)
    assert document.keys["routes", "chat", "targets"] == Place(3, 17)
    assert document.values["routes", "chat", "targets", 1] == Place(3, 30)


@pytest.mark.parametrize(
    "word", ["no", "off", "yes", "22:22", "010", "0x10", "1_000", "2026-02-03", "1e3", "true", "=", "<<"]
)
def test_nothing_is_guessed(word: str) -> None:
    assert read(f"a: {word}\n".encode(), "u.yaml").tree == {"a": word}


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_nothing_but_in_quotes(nothing: str) -> None:
    assert read(f"a: {nothing}\nb: '{nothing}'\n".encode(), "u.yaml").tree == {"a": None, "b": nothing}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("False", False), ("no", "no"), ("off", "off"), ("7", 7), ("-7", -7), ("0", 0), ("+1", 1),
        ("1.5", 1.5), ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("010", "010"), ("22:22", "22:22"), ("0x10", "0x10"),
        ("1_000", "1_000"), ("2026-02-03", "2026-02-03"), (".inf", ".inf"), ("\u0663", "\u0663"),
    ],
)  # fmt: skip
def test_where_anything_goes_only_what_json_has_is_made_of_plain_words(written: str, value: object) -> None:
    made = as_json(Plain(written))
    assert (made, type(made)) == (value, type(value))
    assert as_json({"quoted": [Text(written)]}) == {"quoted": [written]}


@pytest.mark.parametrize("number", ["1e999", "9" * 400, "1." + "0" * 400])
def test_a_number_that_json_cannot_hold_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="holds a number"):
        as_json([Plain(number)])


def test_a_text_is_not_shown_by_its_repr() -> None:
    assert repr([Text(CANARY_KEY), {"key": Plain(CANARY_KEY)}]).count("<text of 32 characters>") == 2


def test_every_duplicate_key_is_told_and_the_first_one_stays() -> None:
    document = read(b"a: 1\nb: {c: 1, c: 2}\na: {d: [1, {e: 2}]}\n", "u.yaml")
    assert lines(document) == [
        "u.yaml:2:11: b.c: duplicate key; it stands in line 2 already",
        "u.yaml:3:1: a: duplicate key; it stands in line 1 already",
    ]
    assert document.tree == {"a": "1", "b": {"c": "1"}}


def test_aliases_are_refused_each_at_its_place() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    found = lines(read(bomb.encode(), "u.yaml"))
    assert len(found) == 16
    assert found[0] == "u.yaml:2:8: b[0]: aliases (*name) are not supported; write the value out"


def test_an_alias_to_itself_is_refused_too() -> None:
    assert one("a: &a\n  b: *a\n") == "u.yaml:2:6: a.b: aliases (*name) are not supported; write the value out"


@pytest.mark.parametrize("tag", ["!!str", "!!python/object/apply:os.system", "!mine", "!", "!<x>"])
@pytest.mark.parametrize("value", ["x", "[x]", "{x: y}"])
def test_tags_are_refused(tag: str, value: str) -> None:
    assert one(f"a: {tag} {value}\n") == "u.yaml:1:4: a: tags (!name) are not supported; remove the tag"


def test_a_file_of_a_mebibyte_is_read_and_one_byte_more_is_not() -> None:
    whole = b"a: 1\n# " + b"x" * (BYTES_MAX - 7)
    assert lines(read(whole, "u.yaml")) == []
    assert one(whole + b"x") == "u.yaml: is larger than 1024 KiB"


def test_a_large_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "u.yaml"
    file.write_bytes(b"a: 1\n" + b"#" * 2 * BYTES_MAX)
    assert lines(read_file(file)) == [f"{file}: is larger than 1024 KiB"]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_deep_nesting_stops_early(opening: str, closing: str) -> None:
    deepest = DEPTH_MAX - 1
    assert lines(read(f"a: {opening * deepest}1{closing * deepest}".encode(), "u.yaml")) == []
    assert "is nested deeper than 50 levels" in one(f"a: {opening * (deepest + 1)}1{closing * (deepest + 1)}")
    assert "is nested deeper than 50 levels" in one(f"a: {opening * 100_000}")


@pytest.mark.parametrize("opening", ["{", "[{", "{? ", "[{[", "- ? "])
def test_deep_nesting_where_a_key_belongs_stops_early_too(opening: str) -> None:
    read_on = 0

    def parse(*what: Any, **how: Any) -> Iterator[yaml.Event]:
        nonlocal read_on
        for event in yaml_parse(*what, **how):
            read_on += 1
            yield event

    yaml_parse = yaml.parse
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(yaml, "parse", parse)
        problems = lines(read(f"{{a: 1, {opening * 20_000}".encode(), "u.yaml"))
    assert problems, "whatever is wrong with it is told"
    assert read_on < 10 * DEPTH_MAX


def test_a_file_of_very_many_values_is_refused() -> None:
    values = EVENTS_MAX - 8  # beside the beginnings and ends of stream, document, mapping and list, and one name
    assert lines(read(b"a: [" + b"1," * values + b"]", "u.yaml")) == []
    assert one(b"a: [" + b"1,\n" * (values + 10) + b"]").endswith("holds more than 50000 names and values")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "---\n...\n", "~\n", "\ufeff"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    document = read(text.encode(), "u.yaml")
    assert (document.tree, document.problems) == ({}, [])


@pytest.mark.parametrize("text", ["- a\n- b\n", "just a text\n", "[]\n", "7\n"])
def test_anything_but_a_mapping_is_refused(text: str) -> None:
    assert one(text) == "u.yaml:1:1: must hold settings as 'name: value', not a list or a single value"


def test_a_second_document_is_refused() -> None:
    assert one("a: 1\n---\nb: 2\n") == "u.yaml:2:1: begins a second document; keep one, without '---'"


@pytest.mark.parametrize(
    "text",
    ["? [a]\n: b\nc: d\n", "{a: 1}: b\nc: d\n", "? {a: [1]}\n: {b: [2]}\nc: d\n", "? \n: b\nc: d\n", "'': b\nc: d\n"],
)
def test_a_key_is_a_name(text: str) -> None:
    document = read(text.encode(), "u.yaml")
    assert [problem.message for problem in document.problems] == ["a key must be a plain name"]
    assert document.tree == {"c": "d"}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_and_bom_change_no_place(newline: str, bom: str) -> None:
    document = read((bom + newline.join(["a: 1", "é: {ö: 2, 𝄞: 3}", ""])).encode(), "u.yaml")
    assert document.tree == {"a": "1", "é": {"ö": "2", "𝄞": "3"}}
    assert document.keys["a",] == Place(1, 1)
    assert document.values["é", "𝄞"] == Place(2, 14)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"a: 1\nb: \xe4\n", "2:4"),
        ("é: 1\nä: ".encode() + b"\xff", "2:4"),
        ("a: 1\n".encode("utf-16"), "1:1"),
        (b"\xc0", "1:1"),
    ],
)
def test_other_encodings_are_refused_at_their_first_wrong_byte(data: bytes, place: str) -> None:
    assert one(data) == f"u.yaml:{place}: is not UTF-8; save the file in UTF-8"


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\ufffe"])
def test_control_characters_are_refused(character: str) -> None:
    assert one(f"a: 1\nb: x{character}\n") == "u.yaml:2:5: holds a control character; remove it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\tb: 1\n", "2:1: is not YAML: a tab cannot indent; use spaces"),
        ("a: b: c\n", "1:5: is not YAML: a ':' does not belong here; check the indentation, or put the text in quotes"),
        ("a: 'b\n", "2:1: is not YAML: a quote or bracket is not closed"),
        ("a: [b\n", "2:1: is not YAML: a ',' or a closing bracket is missing"),
        (
            "a:\n  b: 1\n c: 2\n",
            "3:2: is not YAML: the indentation does not fit, or a quote or bracket is one too many",
        ),
        ("a: @b\n", "1:4: is not YAML: a text that begins with this character must be in quotes"),
        ("a: - b\n", "1:4: is not YAML: a '-' does not belong here"),
        ("a: {b: 1}}\n", f"1:10: {UNFITTING}"),
    ],
)
def test_syntax_errors_say_where_and_what_in_plain_words(text: str, expected: str) -> None:
    assert one(text) == f"u.yaml:{expected}"


@pytest.mark.parametrize(
    "text",
    [
        "a: *{}\n", "a: !{}!x y\n", "a: '{}\n", "{}: {}: {}\n", "a: %{}\n", "[{}", "a: &{}", "- {}\nb: 1",
        "!{} a: 1", 'a: "\\q{}"',
    ],
)  # fmt: skip
def test_nothing_of_a_broken_file_is_shown(text: str) -> None:
    document = read(text.replace("{}", CANARY_KEY).encode(), "u.yaml")
    assert document.problems
    assert_no_canary(document.problems)
    assert canaries_in(repr(document)) == []


@pytest.mark.parametrize(
    ("make", "expected"),
    [(lambda path: None, "no such file or directory"), (lambda path: path.mkdir(), "is a directory")],
)
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path, make: object, expected: str) -> None:
    make(tmp_path / "u.yaml")  # type: ignore[operator]
    assert lines(read_file(tmp_path / "u.yaml")) == [f"{tmp_path / 'u.yaml'}: cannot be read: {expected}"]


PIECES = [
    "a",
    "b: ",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'x y'",
    '"ü"',
    "𝄞",
    "# c",
    "| ",
    "7",
    "~",
    "\t",
]


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")
@settings(derandomize=True, max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_both_parsers_give_the_same_events_at_the_same_places(text: str) -> None:
    def seen(loader: type) -> list[object]:
        events = []
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                place = (event.start_mark.line, event.start_mark.column) if isinstance(event, yaml.NodeEvent) else ()
                events.append(
                    (type(event).__name__, place, getattr(event, "value", None), getattr(event, "style", None) or None)
                )
        return events

    try:
        ours = seen(yaml.SafeLoader)
        theirs = seen(yaml.CSafeLoader)
    except yaml.YAMLError:
        return  # which of them refuses what the YAML book leaves open is not our affair
    assert theirs == ours


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.lists(st.sampled_from(PIECES)).map(lambda p: "".join(p).encode())
)
def test_anything_can_be_read_without_raising(data: bytes) -> None:
    document = read(data, "u.yaml")
    assert isinstance(document.tree, dict)
