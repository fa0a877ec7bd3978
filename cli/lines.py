"""Read questions line by line, from a terminal or from a pipe.

At a terminal, where Python has `readline`, lines can be edited and earlier ones called back.
"""

import sys
from collections.abc import Iterator

from .exits import UsageError
from .render import console, say

LINE_BYTES_MAX = 1024 * 1024
PROMPT = "you> "


class Lines:
    """Iterating gives each line, without its end, until the input is over.

    Attributes:
        at_terminal: The input is a terminal.
    """

    def __init__(self) -> None:
        self.at_terminal = sys.stdin.isatty()
        self._edited = self.at_terminal and sys.stdout.isatty()
        self._prompt = _prompt() if self._edited else PROMPT

    def __iter__(self) -> Iterator[str]:
        """Each line.

        Raises:
            UsageError: The pipe carries no text, or a line longer than the bound.
            KeyboardInterrupt: Ctrl-C, at the prompt.
        """
        lines = self._typed() if self._edited else self._read()
        first = True
        for line in lines:
            yield line.removeprefix("\N{BYTE ORDER MARK}") if first else line
            first = False

    def _typed(self) -> Iterator[str]:
        while True:
            try:
                line = input(self._prompt)
            except UnicodeDecodeError:
                say("that line is not UTF-8 text, and was not asked", style="red")
                continue
            except (EOFError, KeyboardInterrupt) as end:
                sys.stdout.write("\n")  # the shell's prompt shall not stand behind ours
                if isinstance(end, KeyboardInterrupt):
                    raise
                return
            yield line.encode(errors="surrogateescape").decode(errors="replace")

    def _read(self) -> Iterator[str]:
        while True:
            if self.at_terminal:
                console(stderr=True).print(self._prompt, end="", style="bold")
            data = sys.stdin.buffer.readline(LINE_BYTES_MAX + 1)
            if not data:
                return
            if len(data) > LINE_BYTES_MAX:
                raise UsageError(f"a line holds more than {LINE_BYTES_MAX >> 20} MiB; each line is one question")
            try:
                yield data.decode().rstrip("\r\n")
            except UnicodeDecodeError:
                raise UsageError("standard input is not UTF-8 text") from None


def _prompt() -> str:
    try:
        import readline  # noqa: F401 - with it, `input` edits lines
    except ImportError:
        return PROMPT
    if console().is_dumb_terminal:
        return PROMPT
    return f"\001\x1b[1m\002{PROMPT}\001\x1b[0m\002"  # in \001 \002 stands what takes no room on the line
