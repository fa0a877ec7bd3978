"""Write an answer to a terminal, wrapped between words as it comes; to a pipe, unchanged.

Every delta is shown at once, even half a word. If the word then turns out too long for its line, it moves to the next
line. The terminal wraps code between fences itself, so that it can be copied whole.
"""

import re
import sys

from rich.cells import cell_len

from .render import console, safe

_PIECES = re.compile(r"\n|[^\S\n]+|\S+")
_FENCE = "```"
_TAB = "    "


class Wrapping:
    """Writes to standard output.

    Attributes:
        column: Number of cells written on the line; a caller adds what it has written there itself.
    """

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        out = console()
        self._width = out.width - 1 if self._terminal and not out.is_dumb_terminal else None
        self.column = 0
        self._line = ""  # what of the answer stands on this line of it, however often it was wrapped
        self._word = ""  # the word that the line ends with, and that may go on
        self._fenced = False

    def write(self, text: str) -> None:
        """Show a piece of the answer."""
        shown = text
        if self._terminal:
            shown = safe(text)
        if self._width is not None:
            shown = "".join(self._wrapped(piece, self._width) for piece in _PIECES.findall(shown.replace("\t", _TAB)))
        elif text:
            self.column = len(text) - text.rfind("\n") - 1 + (0 if "\n" in text else self.column)
        sys.stdout.write(shown)
        sys.stdout.flush()

    def end_line(self) -> None:
        """End the line, so that the next output begins a line of its own."""
        if self.column:
            sys.stdout.write("\n")
            sys.stdout.flush()
        self.column, self._line, self._word = 0, "", ""

    def _wrapped(self, piece: str, width: int) -> str:
        """Return the piece, with a line break before it where it needs one."""
        if piece == "\n":
            self._fenced ^= self._line.lstrip().startswith(_FENCE)
            self.column, self._line, self._word = 0, "", ""
            return piece
        self._line += piece
        cells = cell_len(piece)
        if self._fenced or self._line.lstrip().startswith(_FENCE):
            self.column += cells
            return piece
        if piece.isspace():
            self._word = ""
            if self.column + cells > width:
                self.column = 0
                return "\n"
            self.column += cells
            return piece
        begun = cell_len(self._word)
        self._word += piece
        if self.column + cells <= width:
            self.column += cells
            return piece
        if begun + cells <= width and begun < self.column:
            self.column = begun + cells
            return (f"\x1b[{begun}D\x1b[K" if begun else "") + "\n" + self._word
        return "".join(self._cut(letter, width) for letter in piece)

    def _cut(self, letter: str, width: int) -> str:
        """Return a letter of a word that is longer than a line, with a line break where it needs one."""
        cells = cell_len(letter)
        if self.column + cells <= width:
            self.column += cells
            return letter
        self.column, self._word = cells, letter
        return "\n" + letter
