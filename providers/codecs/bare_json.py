"""JSON that stands bare among the lines of another format, such as an error that a server writes into its stream."""

from itertools import accumulate

from .json import TEXT

_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_STEPS = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


class BareJson:
    """JSON that comes line by line, until its brackets are closed; each line is looked at twice at the most."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._open = 0

    def closed_by(self, lines: bytes) -> bytes | None:
        """Take the next lines. Gives all up to the one that closes it: no later line can make that JSON, or another."""
        if not self._open:  # the first line opens it, or it is no JSON
            first, more, lines = lines.partition(b"\n")
            if self._closes(first):
                return b"\n".join(self._lines)
            if not more:
                return None
        for line in [lines] if self._open + _lowest(lines) > 0 else lines.split(b"\n"):
            if self._closes(line):
                return b"\n".join(self._lines)
        return None

    def _closes(self, lines: bytes) -> bool:
        self._lines.append(lines)
        self._open += sum(map(_STEPS.__getitem__, _brackets(lines)))
        return self._open <= 0


def _brackets(lines: bytes) -> bytes:
    """Those outside of strings. In JSON no string goes over the end of a line."""
    bare = TEXT.sub(b"", lines) if b'"' in lines else lines
    return bare.translate(None, _ALL_BUT_BRACKETS)


def _lowest(lines: bytes) -> int:
    """How many more brackets are closed than opened, at most, as a negative number."""
    return min(accumulate(map(_STEPS.__getitem__, _brackets(lines))), default=0)
