"""Newline-delimited JSON: one payload a line, LF or CRLF, blank lines between them allowed."""

from .sse import MAX_EVENT_BYTES, FrameTooLarge


class NDJSONDecoder:
    """The payloads of a stream, however the network cuts it."""

    def __init__(self, max_line_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._tail: list[bytes] = []
        self._tail_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; give the lines that are now whole and not blank.

        Raises:
            FrameTooLarge: A line is longer than `max_line_bytes`.
        """
        near, most = self._tail_bytes + len(chunk) > self._max_line_bytes, self._max_line_bytes
        lines = chunk.split(b"\n")
        if self._tail and len(lines) > 1:
            self._tail.append(lines[0])
            lines[0] = b"".join(self._tail)
            self._tail.clear()
        rest = lines.pop()
        payloads: list[bytes] = []
        for line in lines:
            if near and len(line) > most:
                raise self._too_large(payloads)
            if line and (line := line.strip()):
                payloads.append(line)
        if lines:
            self._tail_bytes = 0
        if rest:
            self._tail.append(rest)
            self._tail_bytes += len(rest)
            if self._tail_bytes > most:
                raise self._too_large(payloads)
        return payloads

    @property
    def held_bytes(self) -> int:
        """The size of what has come of the line that is not whole yet."""
        return self._tail_bytes

    def end(self) -> bytes:
        """The stream ended. The line that no newline closed: whole only if it is JSON."""
        line = b"".join(self._tail).strip()
        self._tail.clear()
        return line

    def _too_large(self, whole: list[bytes]) -> FrameTooLarge:
        error = FrameTooLarge(f"a line is longer than {self._max_line_bytes} bytes")
        error.whole = whole
        return error
