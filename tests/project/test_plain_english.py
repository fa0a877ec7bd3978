"""Plain English, by rule: prose names the target, the call or the caller, and seldom speaks of persons.

Prose is what is written to be read: docstrings, comments, the messages of what is shipped, and pages. A word like "who"
hides which thing in the code a sentence means. For a real caller, user or operator it is allowed, within the share.
"""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from sources import NOT_SHIPPED, ROOT, kept_files

PERSONS = re.compile(
    r"\b(?:who|whom|whose|who(?:m|se)?ever|no one|(?:no|some|every|any)body|(?:some|every|any)one"
    r"|s?he|him|his|hers?|himself|herself)\b",
    re.IGNORECASE,
)
PER_1000_MAX = 3
"""Maximum such words in a thousand of a room, or of a module or page of at least `LONG` words."""

SHORT_MAX = 2
"""Maximum such words in a shorter module or page."""

LONG = 600

QUOTED = ("Who is speaking?",)
"""Texts of the product that are no prose of ours: the question of the demo."""

SECTION = re.compile(r"^## ", re.MULTILINE)
CODE_IN_A_PAGE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


class Prose(NamedTuple):
    """How many words a file has, and which of them speak of persons."""

    words: int
    persons: list[str]

    @property
    def persons_max(self) -> float:
        return PER_1000_MAX * self.words / 1000 if self.words >= LONG else SHORT_MAX


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


FILES = {place(path): path for path in kept_files() if path.suffix in (".py", ".md")}


def in_module(source: str, *, shipped: bool) -> Iterator[str]:
    """The docstrings and comments of a module; of one that is shipped, its other texts of more than one word, too."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)) or node.value in QUOTED:
            continue
        if id(node) in docstrings or (shipped and " " in node.value.strip()):
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def in_page(text: str, name: str) -> str:
    """A page without its code; of the changelog the newest section alone, since the others are history."""
    newest = "".join(SECTION.split(text)[:2]) if name == "CHANGELOG.md" else text
    return CODE_IN_A_PAGE.sub("", newest)


@cache
def prose(name: str) -> Prose:
    source = FILES[name].read_text(encoding="utf-8")
    if name.endswith(".md"):
        return counted([in_page(source, name)])
    return counted(in_module(source, shipped=name.partition("/")[0] not in NOT_SHIPPED))


def counted(texts: Iterable[str]) -> Prose:
    text = "\n".join(texts)
    return Prose(len(text.split()), PERSONS.findall(text))


def rooms() -> dict[str, list[str]]:
    """The modules of each folder, those of the folders inside of it included."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in FILES:
        if name.endswith(".py"):
            for folder in list(Path(name).parents)[:-1]:
                found[folder.as_posix()].append(name)
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_module_or_page_does_not_speak_of_things_as_persons(name: str) -> None:
    found = prose(name)
    assert len(found.persons) <= found.persons_max, (
        f"{name} says {sorted(map(str.lower, found.persons))}: name the target, call or caller meant"
    )


@pytest.mark.parametrize("room", rooms())
def test_a_room_does_not_speak_of_things_as_persons(room: str) -> None:
    found = [prose(name) for name in rooms()[room]]
    words, persons = sum(each.words for each in found), sum(len(each.persons) for each in found)
    assert persons <= max(SHORT_MAX, PER_1000_MAX * words / 1000), f"{room}: {persons} in {words} words"


def test_the_rule_sees_what_it_forbids() -> None:
    source = '"""Nobody waits."""\nOPEN = 1  # for whoever asks\n"""Whose turn?"""\nraise ValueError("asks nobody")\n'
    assert counted(in_module(source, shipped=False)).persons == ["Nobody", "Whose", "whoever"]
    assert sorted(counted(in_module(source, shipped=True)).persons) == ["Nobody", "Whose", "nobody", "whoever"]
    assert counted([in_page("He asks `whom`.\n```\nanybody\n```\n", "page.md")]).persons == ["He"]
    assert counted([in_page("## [Unreleased]\n\nWho?\n\n## 1.0\n\nWhose?\n", "CHANGELOG.md")]).persons == ["Who"]
    assert not counted(["The whole shed somewhat heard this."]).persons
