"""What the providers of the worlds say: every shape comes up, cut anywhere, and what is heard of it is known."""

import random
import unicodedata

import pytest

from worlds.texts import SHAPES, as_heard, cut, text_of, went_on

TEXTS = [text_of(f"c{number}_all", "seed") for number in range(400)]


def test_a_text_follows_from_its_mark_and_seed_and_carries_the_mark() -> None:
    assert text_of("c1_all", "a") == text_of("c1_all", "a") != text_of("c1_all", "b")
    assert all(f"c{number}_all" in text for number, text in enumerate(TEXTS))


@pytest.mark.parametrize(
    "part", ["```python\n", "|--:|", '\\ud83d\\ude00"', "\r\n", "\u0301", "\u200d", "\u00a0", "\u3000", "\u2028", "\t"]
)
def test_of_each_kind_there_are_some(part: str) -> None:
    assert sum(part in text for text in TEXTS) >= 4


def test_some_begin_and_some_end_with_white_space_and_some_say_the_same_over_and_over() -> None:
    assert sum(text[0].isspace() for text in TEXTS) > 100
    assert sum(text[-1].isspace() for text in TEXTS) > 100
    assert sum(f"{(line := text.strip().splitlines()[-1])}\n{line}\n" in text for text in TEXTS) > 5
    assert any(unicodedata.combining(char) for text in TEXTS for char in text)
    assert len(SHAPES) == 9


def test_however_a_text_is_cut_the_same_is_heard() -> None:
    rng = random.Random(1)
    pieces = [cut(text, rng) for text in TEXTS]
    assert all(all(each) for each in pieces)
    assert [as_heard("".join(each)) for each in pieces] == [as_heard(text) for text in TEXTS]
    assert cut("", rng) == ()
    halves = [piece for each in pieces for piece in each if "\ud800" <= piece[-1] < "\udc00"]
    assert len(halves) > 20, "no delta ends inside a character"
    assert sum(len(piece) == 1 for each in pieces for piece in each) > 400


def test_half_of_a_character_that_stays_one_is_heard_as_what_stands_for_it() -> None:
    assert as_heard("\ud83d\ude00 \ud83d\n\ude00\ud83d") == "\U0001f600 \ufffd\n\ufffd\ufffd"
    assert 5 < sum(as_heard(text) != text for text in TEXTS) < 60


def test_who_is_asked_to_go_on_says_the_rest_at_the_end() -> None:
    rng = random.Random(1)
    fronts = set()
    for text in TEXTS:
        heard = as_heard(text)
        said, rest = heard[: len(heard) // 2], heard[len(heard) // 2 :]
        answer = went_on(said, rest, rng)
        assert answer.endswith(rest)
        front = answer.removesuffix(rest)
        fronts.add("echo" if front and said.endswith(front) else front.partition("\n")[0])
    assert fronts >= {"", "echo", "Sure, continuing:", "```python"}
