"""The question of `standby ask`: its words, what comes through a pipe, and what is attached to it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ..providers.chat import FilePart, ImagePart, Message, TextPart
from .exits import UsageError
from .render import say

STDIN = "-"
STDIN_BYTES_MAX = 16 * 1024 * 1024


def question(words: Sequence[str], images: Sequence[str] = (), files: Sequence[Path] = ()) -> str | list[Message]:
    """What to ask.

    Args:
        words: Joined by blanks; `-` stands for standard input. None: all of standard input, if it is no terminal.
        images: Paths, or URLs that the provider fetches.
        files: Documents.

    Raises:
        UsageError: It is empty, or no text.
        InvalidRequest: An image or a file cannot be sent.
    """
    if not words and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("what is the question? Write it after `ask`, or pipe it in")
    given = list(words) or [STDIN]
    if STDIN in given:
        if given.count(STDIN) > 1:
            raise UsageError("- stands for standard input, which can be read once")
        piped = _piped()
        given = [piped if word == STDIN else word for word in given]
        text = ("\n\n" if len(given) > 1 else " ").join(given)
    else:
        text = " ".join(given)
    if not text.strip():
        raise UsageError("the question is empty; write it after `ask`, or - to read it from standard input")
    if not images and not files:
        return text
    shown = [ImagePart(each) if "://" in each else ImagePart.from_path(each) for each in images]
    read = [FilePart.from_path(each) for each in files]
    return [Message("user", (*shown, *read, TextPart(text)))]


def _piped() -> str:
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    if sys.stdin.isatty():
        say("reading the question from the terminal; Ctrl-D ends it", style="dim")
    try:
        data = sys.stdin.buffer.read(STDIN_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(
            f"standard input cannot be read: {error.strerror or 'write the question after `ask`'}"
        ) from None
    if len(data) > STDIN_BYTES_MAX:
        raise UsageError(f"standard input holds more than {STDIN_BYTES_MAX >> 20} MiB; no model reads that much")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("standard input is not UTF-8 text") from None
