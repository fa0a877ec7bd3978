"""Joining the answer of a model that was asked in words to go on: only where it shows where it goes on from.

Such a model answers with a turn of its own. It may begin with a blank fewer, with half a word again, with a greeting,
with the list numbered anew; nothing in such a text tells what belongs behind the delivered one. What does is an echo:
it was asked to say the last words again first, and where it does, what follows them follows them. So the head must
begin with the end of the delivered text, with enough of it that chance is out of question, and with a passage that
stands there once: where the delivered text repeats itself, an echo cannot be told from going on. Anything else, and a
seam steps back.

How often that comes to a join, and that it never harms, is counted in docs/continuing.md.
"""

import re

from ...providers.events import PartAdded, RefusalDelta, ToolCallDelta
from .seam import Diverged, TextSeam, weight

ECHO_MAX_CHARS = 1000
"""An echo of the end is looked for up to this length, so that a batch costs a bounded time; or else of all of it."""
ECHO_MIN_WEIGHT = 8
"""An echo of less may be chance: it must have eight letters, or four of Chinese."""
INNER_MIN_WEIGHT = 10
"""One that begins inside a sentence or line must have more ("again and again and again")."""
AFTER_CHARS = 8
"""Minimum characters behind an echo: if the echo began again there, the text would repeat itself."""
_FENCE = re.compile(r"^[ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)*(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
REPEAT_CHARS = 4
"""A text that does so for as long repeats itself."""
INDENT_MAX_CHARS = 80
"""No line is indented by more."""

_BLANKS = (" ", "\t", "\u3000")
_ENDS = frozenset(".,;:!?\u2026\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f")
"""Of a sentence, or a part of one."""
_BREAK = re.compile(r"\n|[.!?:;\u2026][ \t]|[\u3002\uff01\uff1f\uff1a\uff1b]")
"""The end of a sentence or line."""
_QUOTED = re.compile(r"[ \t]*(?:[\r\n]|\.\.\.|…)")
"""After an echo this marks a quotation, or a line of its own for it, and no text that goes on."""


class Overlap(TextSeam):
    """Text of a model that was asked to go on. Joined behind an echo of the last words, which is left out.

    White space before the echo is left out with it; and where the delivered text ends in an open fence, the line that
    opens it again.

    Args:
        delivered: What the model was told that it has said; not empty.
        stops: Texts at which the answer ends.
    """

    def __init__(self, delivered: str, *, stops: tuple[str, ...] = ()) -> None:
        super().__init__(delivered, stops)
        self._tail = _Tail(delivered)
        self._opening = _open_fence(delivered)
        self._fenced = _Tail(delivered) if self._opening else None
        self._line: str | None = ""  # the head's first, until it is over
        self._skipped = 0  # characters up to its end

    def _decide(self, piece: str) -> int | None:
        waits = self._tail.feed(piece)
        if self._fenced is not None:
            waits = self._feed_fenced(piece) or waits
        return None if waits else self._joint()

    def _decide_at_end(self) -> int:
        return self._joint()

    def _hold(self, event: ToolCallDelta | RefusalDelta | PartAdded) -> None:
        if isinstance(event, RefusalDelta):
            raise Diverged("it declines")
        super()._hold(event)

    def _feed_fenced(self, piece: str) -> bool:
        """As `_Tail.feed`, behind a line that opens the fence again."""
        fenced = self._fenced
        assert fenced is not None
        if self._line is None:
            return fenced.feed(piece)
        self._skipped += len(piece)
        self._line = (self._line + piece).lstrip()
        line, ended, rest = self._line.partition("\n")
        if ended and line.rstrip() == self._opening:
            self._line = None
            self._skipped -= len(rest)
            return fenced.feed(rest)
        if ended or not self._opening.startswith(line.rstrip()):
            self._fenced = None
        return self._fenced is not None

    def _joint(self) -> int:
        echo = self._tail.echo()
        if echo is None and self._fenced is not None and self._line is None:
            echo = self._fenced.echo()
            echo = None if echo is None else echo + self._skipped
        if echo is None:
            raise Diverged("it does not say the last words again")
        return echo


class _Tail:
    """Whether a head begins with the end of a text."""

    def __init__(self, delivered: str) -> None:
        self._delivered = delivered
        self._end = delivered[-ECHO_MAX_CHARS:]
        self._whole = delivered.lstrip() if len(delivered) > ECHO_MAX_CHARS else ""
        self._starts: list[int] | None = None  # indices in `_end` from which it may be said again; None: not begun
        self._echoes: list[int] = []  # lengths of what was said again up to the end
        self._front = 0  # white space at the head's beginning
        self._blank = ""  # the beginning of that
        self._said = 0  # characters behind that
        self._pieces: list[str] = []

    def feed(self, piece: str) -> bool:
        """Take more of the head. Must still more of it be seen?"""
        if self._starts is None:
            begun = piece.lstrip()
            self._blank += piece[: min(len(piece) - len(begun), INDENT_MAX_CHARS - len(self._blank))]
            self._front += len(piece) - len(begun)
            if not begun:
                return True
            piece = begun
            self._starts = [index for index, char in enumerate(self._end) if char == piece[0]]
        self._starts = [start for start in self._starts if self._goes_on(self._end, start, piece)]
        if self._whole and not self._goes_on(self._whole, 0, piece):
            self._whole = ""
        self._pieces.append(piece)
        self._said += len(piece)
        if self._starts or self._whole:
            return True
        return bool(self._echoes) and self._said < max(self._echoes) + AFTER_CHARS

    def _goes_on(self, text: str, start: int, piece: str) -> bool:
        """Does the piece go on saying what stands there, and is there still more of it?"""
        at = start + self._said
        if at + len(piece) < len(text):
            return text.startswith(piece, at)
        if piece.startswith(text[at:]):
            self._echoes.append(len(text) - start)
        return False

    def echo(self) -> int | None:
        """How much of the head says the last words again, its white space included; None: that is not certain."""
        if not self._echoes:
            return None
        head, size = "".join(self._pieces), max(self._echoes)
        passage, after = head[:size], head[size : size + AFTER_CHARS]
        if weight(passage) < ECHO_MIN_WEIGHT or self._delivered.find(passage) < len(self._delivered) - size:
            return None
        shorter = [length for length in self._echoes if length < size]
        if any(2 * length >= size or weight(head[:length]) >= ECHO_MIN_WEIGHT for length in shorter):
            return None
        if not self._is_told_from_going_on(passage):
            return None
        if any(self._repeats(passage, length, after) for length in shorter):
            return None
        again = after.lstrip()
        if (again and passage.startswith(again)) or _QUOTED.match(after):
            return None
        return self._front + size

    def _repeats(self, passage: str, length: int, after: str) -> bool:
        """Is the passage, which ends as it begins, a part of a text that repeats itself: before it, or behind it?"""
        start = len(self._delivered) - len(passage)
        lead = self._delivered[max(0, start - REPEAT_CHARS) : start]
        before = bool(lead) and (lead + passage)[len(passage) - length :].startswith(lead)
        return before or (bool(after) and passage[length:].startswith(after))

    def _begins_a_line(self) -> bool:
        """Does the head end a line that has not ended?"""
        return "\n" in self._blank and not self._delivered.endswith("\n")

    def _is_told_from_going_on(self, passage: str) -> bool:
        """Would this passage, said twice in a row, be no text?

        A cell, a line, a sentence may well come twice in a row, two of them hardly. A passage that breaks off inside a
        sentence, and is said again from its front, is no text either. But a head that first ends a sentence, a part of
        one, or a line, goes on: a list whose lines begin as the last one did, a figure of speech.
        """
        if passage[0] in _ENDS:
            return False
        end = passage.rstrip()
        parts = [part for part in _BREAK.split(end) if weight(part)]
        if len(parts) > 1:
            return True
        if not end[-1:].isalnum() or "\n" in passage[len(end) :]:
            return False
        before = self._delivered[: len(self._delivered) - len(passage)]
        if self._begins_a_line() and not before.rstrip(" \t")[-1:].isalnum():
            return False
        indented = len(self._blank) > 1 and before.endswith(self._blank)
        if self._blank[:1] in _BLANKS and not indented and not self._delivered[-1:].isspace():
            return False  # led by a blank, as a text that goes on
        front = before.rstrip(" \t")[-1:]
        return not front or _BREAK.match(front + " ") is not None or weight(passage) >= INNER_MIN_WEIGHT


def _open_fence(text: str) -> str:
    """The line that has opened the fence in which the text ends; empty, if it ends in none, or in a bare one: the line
    that opens such a fence again is the one that closes it."""
    marks = opening = ""
    if "```" not in text and "~~~" not in text:
        return ""
    for found in _FENCE.finditer(text):
        fence, info = found[1], found[2].strip()
        if not marks:
            marks, opening = ("", "") if "`" in info else (fence, fence + info if info else "")
        elif fence[0] == marks[0] and len(fence) >= len(marks) and not info:
            marks = opening = ""
    return opening
