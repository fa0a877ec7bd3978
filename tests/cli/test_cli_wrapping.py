"""Answers on a terminal: wrapped between words, whatever the deltas cut; and untouched in a pipe."""

import io
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.cli.wrapping import Wrapping

WIDTH = 20
"""Of the terminal; its last column stays free, where terminals differ about the cursor."""


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Pipe(io.StringIO):
    """Standard output that is none."""


def shown(text: str, *pieces: int, column: int = 0, output: type[io.StringIO] = Terminal) -> str:
    """What is written of a text that comes cut at these places."""
    patch = pytest.MonkeyPatch()
    with patch.context():
        patch.setenv("COLUMNS", str(WIDTH))
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stdout", written := output())
        page = Wrapping()
        page.column = column
        cuts = [0, *sorted(pieces), len(text)]
        for begin, end in pairwise(cuts):
            page.write(text[begin:end])
        page.end_line()
    return written.getvalue()


def screen(written: str) -> list[str]:
    """The lines of a terminal that is written to, as far as the two escape sequences need."""
    lines, column, place = [""], 0, 0
    while place < len(written):
        if written.startswith("\x1b[", place):
            end = place + 2
            while written[end].isdigit():
                end += 1
            if written[end] == "D":
                column -= int(written[place + 2 : end])
            else:
                assert written[end] == "K"
                lines[-1] = lines[-1][:column]
            place = end + 1
            continue
        if written[place] == "\n":
            lines.append("")
            column = 0
        else:
            assert column == len(lines[-1])
            lines[-1] += written[place]
            column += 1
        place += 1
    return [line.rstrip() for line in lines]


def test_a_line_is_broken_between_words() -> None:
    assert screen(shown("The substitute speaks every line of the lead.")) == [
        "The substitute",
        "speaks every line",
        "of the lead.",
        "",
    ]


def test_half_a_word_that_was_shown_is_taken_back() -> None:
    assert shown("The substitute speaks", 18) == "The substitute spe\x1b[3D\x1b[K\nspeaks\n"


def test_the_name_before_the_answer_takes_its_room() -> None:
    assert shown("One two three four", column=6) == "One two three\nfour\n"


def test_what_stands_on_lines_of_its_own_stays_there() -> None:
    assert screen(shown("- one\n\n- two")) == ["- one", "", "- two", ""]


def test_a_word_wider_than_the_terminal_is_cut() -> None:
    assert screen(shown("x" * 45)) == ["x" * 19, "x" * 19, "x" * 7, ""]


def test_letters_that_take_two_cells_are_counted_as_two() -> None:
    assert screen(shown("愛" * 12)) == ["愛" * 9, "愛" * 3, ""]


def test_code_is_left_to_the_terminal() -> None:
    code = "```\nprint('one line that is longer than it')\n```\n"
    assert shown(code + "and here it is wrapped again", 30) == code + "and here it is \nwrapped again\n"


def test_nothing_steers_the_terminal() -> None:
    assert "\x1b" not in shown("a\x1b[2Jb", 2, 3)


WORDS = st.text("abc \n", max_size=120)


@given(WORDS, st.lists(st.integers(0, 120), max_size=12))
def test_it_does_not_matter_where_deltas_cut(text: str, cuts: list[int]) -> None:
    places = [cut for cut in cuts if cut <= len(text)]
    lines = screen(shown(text, *places))
    assert all(len(line) < WIDTH for line in lines)
    assert lines == screen(shown(text))
    if all(len(word) < WIDTH for word in text.split()):
        assert " ".join(lines).split() == text.split()


@given(st.text(max_size=40), st.integers(0, 40))
def test_in_a_pipe_nothing_is_changed_but_the_last_line_ended(text: str, cut: int) -> None:
    end = "\n" if text and not text.endswith("\n") else ""
    assert shown(text, min(cut, len(text)), output=Pipe) == text + end
