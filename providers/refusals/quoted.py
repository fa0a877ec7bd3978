"""Take out of a provider's sentence what it only repeats: names, values and texts of the request.

A tool may be called "rate limit", and a message may speak of an invalid key. Providers say both again in refusals: in
quotes of all kinds, as JSON, or behind "Requested:". What is left is the provider's own. One pass, linear.
"""

import re

MAX_READ = 8192
"""Maximum characters of a message that are looked at."""
MAX_SAID = 2048
"""Maximum characters that patterns search."""

_PAIRS = ("“”", "„“", "«»", "「」", "『』", "《》", "\u2018\u2019", "\u2039\u203a")
_CLOSED_BY = {pair[0]: pair[1] for pair in _PAIRS}
_OPENS = re.compile(rf"`+|\\+\"|\"+|(?<![a-z0-9])'+|[{''.join(_CLOSED_BY)}]|[{{\[]")
_ENDS_SINGLE = re.compile(r"'(?![a-z0-9])")
_ENDS_DOUBLE = re.compile(r"[^\"\\]*(?:\\.[^\"\\]*)*\"", re.DOTALL)
_STEP = re.compile(r"[{}\[\]\"]")

_COUNT = r"[0-9][0-9,.]*(?: ?(?:tokens?|bytes|characters|images?)\b|[);,.]| *$)"
_NAMES = tuple(
    map(
        re.compile,
        (
            r"\b(?:requested|received|got|given|input_value|flagged_input)(?: value)? ?[:=] ?(?=\S)(?!"
            + _COUNT
            + r")[^\n]*",
            r"(?<=name was ).{1,300}?(?= but must)",
            r"(?<=[a-z_]=)(?![ 0-9])[^,;\n]*",
            r"(?<=\bmodel: )[^\n]*",
            r"^[^\n]{1,300}?(?= is not a valid model)",
            r"(?<=models/).{1,300}?(?= is not found| not found)",
            r"(?<=registry\.ollama\.ai/).{1,300}?(?= does not support)",
            r"(?<=\bmodel )(?!not |does |is |has |id |provider )[^\n,.;]{1,300}?"
            r"(?= (?:is not found|not found|does not exist))",
        ),
    )
)
"""Where a name or a value stands without quotes, as some servers write them."""


def without_quotations(message: str) -> str:
    """Return what a provider says itself: in lower case, its blanks as one, without what it quotes."""
    text = message[:MAX_READ].lower().strip()
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'`" and text[0] not in text[1:-1]:
        text = text[1:-1]  # the whole of it is quoted: by a server in between
    if "\u2018" not in text:
        text = text.replace("\u2019", "'")  # an apostrophe as typographers write it
    last_single = max((found.start() for found in _ENDS_SINGLE.finditer(text)), default=-1)
    pieces: list[str] = []
    place = 0
    while (opening := _OPENS.search(text, place)) is not None:
        end = _end(text, opening, last_single)
        if end < 0:  # an apostrophe, or a pair of marks with nothing between them
            pieces.append(text[place : opening.end()])
            place = opening.end()
            continue
        pieces += (text[place : opening.start()], " ")
        place = end
    said = "".join((*pieces, text[place:]))
    for pattern in _NAMES:
        said = pattern.sub(" ", said)
    return " ".join(said.split())[:MAX_SAID]


def _end(text: str, opening: re.Match[str], last_single: int) -> int:
    """Where a quotation ends. What is never closed was cut off, and goes on to the end; -1: it is none."""
    mark, begin = opening[0], opening.end()
    if mark in ("{", "["):
        return _closing(text, begin)
    if mark in _CLOSED_BY:
        return _after(text.find(_CLOSED_BY[mark], begin), 1, text)
    if len(mark) == 2 and mark[0] == mark[1] and (begin == len(text) or not text[begin].isalnum()):
        return begin  # empty
    if mark == '"':
        closing = _ENDS_DOUBLE.match(text, begin)
        return len(text) if closing is None else closing.end()
    if mark == "'":
        single = _ENDS_SINGLE.search(text, begin) if begin <= last_single else None
        return -1 if single is None else single.end()
    return _after(text.find(mark, begin), len(mark), text)


def _after(found: int, length: int, text: str) -> int:
    return len(text) if found < 0 else found + length


def _closing(text: str, begin: int) -> int:
    """Behind the bracket that closes one, whatever stands in quotes between them."""
    depth, place = 1, begin
    while depth:
        step = _STEP.search(text, place)
        if step is None:
            return len(text)
        place = step.end()
        if step[0] == '"':
            closing = _ENDS_DOUBLE.match(text, place)
            if closing is None:
                return len(text)
            place = closing.end()
        else:
            depth += 1 if step[0] in "{[" else -1
    return place
