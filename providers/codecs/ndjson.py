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
        first, *following = chunk.split(b"\n")
        payloads: list[bytes] = []
        try:
            self._hold(first)
            for piece in following:
                line = b"".join(self._tail).strip()
                self._tail.clear()
                self._tail_bytes = 0
                if line:
                    payloads.append(line)
                self._hold(piece)
        except FrameTooLarge as error:
            error.whole = payloads
            raise
        return payloads

    def end(self) -> bytes:
        """The stream ended. The line that no newline closed: whole only if it is JSON."""
        line = b"".join(self._tail).strip()
        self._tail.clear()
        return line

    def _hold(self, piece: bytes) -> None:
        self._tail.append(piece)
        self._tail_bytes += len(piece)
        if self._tail_bytes > self._max_line_bytes:
            raise FrameTooLarge(f"a line is longer than {self._max_line_bytes} bytes")
