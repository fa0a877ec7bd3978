"""Answers of simulated providers: text as models write it, in which a lost or repeated piece shows.

Code, tables, nested lists, JSON, rounds of the same line, line ends of two characters, letters of several code points,
characters outside the first plane, white space of every kind, also at both ends. The mark of a call, and where each
target says its own of an attempt too, stands inside identifiers and strings. Everything follows from what is handed in.
"""

import itertools
import random
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

_Shape: TypeAlias = Callable[[str, random.Random], str]

_TOKEN = re.compile(r"(?:\s*\S+){1,2}?(?=\s|$)|\s+")
_WORD = re.compile(r"(?:\S+\s*){1,4}|\s+")
_WORD_START = re.compile(r"(?<!\S)\S")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SINGLE_MAX = 24
"""So many characters of an answer come one by one where it is cut at each; the rest comes in one piece."""

_ECHO_MAX = 80
_ECHO_LETTERS = 8
"""The last words are said again from a word among the last characters on, with so many letters at least."""

_LONE = re.compile("[\ud800-\udfff]")
_HALVES = ("\ud83d", "\ude00")
_HALF_SHARE = 0.05
"""Of the texts have a half that is never completed."""

_BLANKS = ("", "", "", "\n", "\n\n", "  ", "\n    ", "\t", " \n", "\u00a0", "\u3000", "\r\n", "\u2028")

_LETTERS = (
    "e\u0301te\u0301", "\ud55c\uae00", "\u1112\u1161\u11ab", "\u0915\u094d\u0937\u093f",
    "\u05e9\u05c1\u05dc\u05d5\u05b9\u05dd", "a\u0308\u0323",
    "\ufb01n", "\u65e5\u672c\u8a9e\u3002\u3000\u6b21", "\u00ab\u00a0oui\u00a0\u00bb",
)  # fmt: skip
"""Accents beside their letters, syllables in parts, signs above and below, a ligature, spaces that are not blanks."""

_SIGNS = (
    "\U0001f600", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
    "\U0001f44d\U0001f3fd", "\u2764\ufe0f\u200d\U0001f525", "\U0001d4b3\U0001d4ce", "\U00020bb7",
)  # fmt: skip
"""A face, a family, two flags, a thumb with its colour, a burning heart, letters of mathematics, an ideograph."""


def _code(mark: str, rng: random.Random) -> str:
    names = "ijk"[: rng.randint(1, 3)]
    loops = "".join(f"{'    ' * depth}for {name} in {mark}:\n" for depth, name in enumerate(names, 1))
    body = "    " * (len(names) + 1)
    return f'```python\ndef {mark}_sum(rows):\n    """{mark}"""\n{loops}{body}yield {mark}\n\n\n\treturn None\n```\n'


def _table(mark: str, rng: random.Random) -> str:
    rows = "".join(f"| {mark}_{row} | {rng.randint(0, 9)} |   |\n" for row in range(rng.randint(1, 4)))
    return f"| name    | n |   |\n|:--------|--:|---|\n{rows}\n"


def _nested_list(mark: str, rng: random.Random) -> str:
    lines = [f"{'  ' * rng.randint(0, 3)}{rng.choice(('-', '*', '1.', '2)'))} {mark}" for _ in range(rng.randint(3, 6))]
    return "\n".join(lines) + "\n\n"


def _json(mark: str, rng: random.Random) -> str:
    note = f'"\\n\\t\\"{mark}\\" \\ud83d\\ude00"'
    rows = ",\n".join(f'    {{"{mark}": [{row}, {note}]}}' for row in range(rng.randint(1, 3)))
    return f'{{\n  "rows": [\n{rows}\n  ]\n}}\n'


def _rounds(mark: str, rng: random.Random) -> str:
    return rng.choice((f"{mark} holds.\n", f"{mark}, ", f"  - {mark}\n", f"{mark} ")) * rng.randint(4, 10)


def _windows(mark: str, rng: random.Random) -> str:
    return "".join(f"{mark} {word}\r\n" for word in ("one", "", "two", "three")[: rng.randint(2, 4)]) + "\r\n"


def _letters(mark: str, rng: random.Random) -> str:
    return " ".join([mark, *rng.sample(_LETTERS, 3), mark]) + "\n"


def _emoji(mark: str, rng: random.Random) -> str:
    return f"{rng.choice(_SIGNS)}{mark}{''.join(rng.sample(_SIGNS, 3))} {mark}\n"


def _prose(mark: str, rng: random.Random) -> str:
    words = ["The", "answer", mark, "is", "here,", f"“{mark}”", "so", "ever", "and", "ever", "and", "ever"]
    return " ".join(words[: rng.randint(4, len(words))]) + rng.choice((".", "...", ".  ")) + rng.choice(("", "\n\n"))


SHAPES: tuple[_Shape, ...] = (_code, _table, _nested_list, _json, _rounds, _windows, _letters, _emoji, _prose)
_OFTEN = [1, 1, 2, 1, 3, 1, 1, 1, 1]
"""What repeats itself is the hardest to join."""


def text_of(mark: str, seed: str) -> str:
    """An answer with this mark: one or two shapes, between white space or none, and seldom half of a character."""
    rng = random.Random(f"{seed} {mark}")  # noqa: S311 - chance, not cryptography
    body = "".join(shape(mark, rng) for shape in rng.sample(SHAPES, rng.choice((1, 1, 2)), counts=_OFTEN))
    half = rng.choice(_HALVES) if rng.random() < _HALF_SHARE else ""
    return rng.choice(_BLANKS) + body + rng.choice((half, "")) + rng.choice(_BLANKS) + half


def as_heard(text: str) -> str:
    """A text as a caller has it: halves that belong together are one character, and others are U+FFFD."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _LONE.sub("\ufffd", whole)


def went_on(said: str, rest: str, rng: random.Random) -> str:
    """What a model answers that was asked in words to go on: it says the last words again, greets, or only goes on.

    It does not only go on where that begins as the last words do: nothing would tell it from saying them again.
    """
    words = [match.start() for match in _WORD_START.finditer(said, max(0, len(said) - _ECHO_MAX))]
    heavy = [index for index in words if sum(map(str.isalpha, said[index:])) >= _ECHO_LETTERS] or words[:1]
    ends = (said[index:] for index in range(len(said)) if len(said[index:].strip()) > 1)
    way = rng.choice(("echo", "echo", "fence", "greeting", "only"))
    if way == "only" and not any(rest.lstrip().startswith(end.strip()) for end in ends):
        return rest
    if way == "greeting" or not heavy:
        return f"Sure, continuing:\n\n{rest}"
    fence = "```python\n" if way == "fence" and said.count("```") == 1 else ""
    return fence + said[rng.choice(heavy) :] + rest


def _at_any(text: str, rng: random.Random) -> Sequence[str]:
    """At a few places, also between the halves of a character outside the first plane."""
    units = text.encode("utf-16-le", "surrogatepass")
    size = len(units) // 2
    places = sorted({0, size, *(rng.randrange(size) for _ in range(min(size, rng.randint(2, 7))))})
    return [_units(units[2 * at : 2 * end]) for at, end in itertools.pairwise(places)]


def _at_each(text: str, rng: random.Random) -> Sequence[str]:
    """At each, halves too, for a while."""
    units = text.encode("utf-16-le", "surrogatepass")
    start = rng.randrange(max(1, len(units) // 2 - _SINGLE_MAX)) * 2
    end = start + 2 * _SINGLE_MAX
    singles = [_units(units[at : at + 2]) for at in range(start, min(end, len(units)), 2)]
    return [_units(units[:start]), *singles, _units(units[end:])]


def _units(data: bytes) -> str:
    return data.decode("utf-16-le", "surrogatepass")


def cut(text: str, rng: random.Random) -> tuple[str, ...]:
    """The deltas in which a text is said, none of them empty: they may hold half of a character."""
    if not text:
        return ()
    way = rng.choices(("tokens", "words", "lines", "any", "each"), (3, 4, 4, 8, 1))[0]
    match way:
        case "tokens":
            pieces: Sequence[str] = _TOKEN.findall(text)
        case "words":
            pieces = _WORD.findall(text)
        case "lines":
            pieces = _LINE.findall(text)
        case "any":
            pieces = _at_any(text, rng)
        case _:
            pieces = _at_each(text, rng)
    return tuple(piece for piece in pieces if piece)
