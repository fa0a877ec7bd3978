"""Server-Sent Events, bytes in, events out: WHATWG HTML 9.2.6, and what it says about every cut and line end.

Lines end at CR, LF or CRLF and nowhere else (U+2028 and its kin are legal inside JSON). Nothing is decoded to text
here, so a character cut in two by the network cannot be harmed.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

MAX_EVENT_BYTES = 8 * 1024 * 1024
MAX_RESIDUE_BYTES = 64 * 1024

_BOM = b"\xef\xbb\xbf"


class FrameTooLarge(Exception):
    """An event or line is longer than its bound. The stream cannot go on: part of it would be lost.

    Attributes:
        whole: What `feed` had found before it, and would have given.
    """

    whole: Sequence[Any] = ()


class SSEEvent(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event.

    Attributes:
        data: The data lines, joined by a newline.
        name: The `event` field; `message` when there was none.
        id: The last event id that the stream has set.
    """

    data: bytes
    name: str = "message"
    id: str = ""


class SSEDecoder:
    """The events of a stream, however the network cuts it.

    Attributes:
        residue: Lines that are no field of the format, joined by newlines and bounded: some servers write a bare
            JSON error into an event stream.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._tail: list[bytes] = []  # pieces of the unfinished line: joined once, linear however small the chunks
        self._tail_bytes = 0
        self._data: list[bytes] = []  # data lines of the unfinished event
        self._data_bytes = 0
        self._name = ""
        self._id = ""
        self._after_cr = False
        self._at_start = True
        self._residue: list[bytes] = []
        self._residue_bytes = 0

    @property
    def idle(self) -> bool:
        """Nothing is left over: the next byte begins a line and an event."""
        return not (self.unfinished or self._after_cr)

    @property
    def unfinished(self) -> bool:
        """An event or a line has begun and not ended: a body that ends here was cut."""
        return bool(self._tail or self._data or self._name)

    @property
    def residue(self) -> bytes:
        return b"\n".join(self._residue)

    def started(self) -> None:
        """The first bytes were read by somebody else, on a fast road, and did not begin with a byte order mark."""
        self._at_start = False

    def feed(self, chunk: bytes) -> list[SSEEvent]:
        """Take the next bytes; give the events that are now whole.

        Raises:
            FrameTooLarge: An event is longer than `max_event_bytes`.
        """
        if chunk and (self._after_cr or b"\r" in chunk):  # rare: CR and CRLF become LF, also across chunks
            unread = chunk.removeprefix(b"\n") if self._after_cr else chunk
            self._after_cr = chunk.endswith(b"\r")
            chunk = unread.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *following = chunk.split(b"\n")
        events: list[SSEEvent] = []
        try:
            self._hold(first)
            for piece in following:
                line = self._tail[0] if len(self._tail) == 1 else b"".join(self._tail)
                self._tail.clear()
                self._tail_bytes = 0
                self._line(line, events)
                self._hold(piece)
        except FrameTooLarge as error:
            error.whole = events
            raise
        return events

    def end(self) -> SSEEvent | None:
        """The stream ended. The event that no blank line closed, if any: the format drops it, some dialects use it."""
        line = b"".join(self._tail)
        self._tail.clear()
        leftover: list[SSEEvent] = []
        if line:
            self._line(line, leftover)
        self._line(b"", leftover)
        return leftover[0] if leftover else None

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._tail.append(piece)
        self._tail_bytes += len(piece)
        if self._tail_bytes + self._data_bytes > self._max_event_bytes:
            raise FrameTooLarge(f"an event is longer than {self._max_event_bytes} bytes")

    def _line(self, line: bytes, events: list[SSEEvent]) -> None:
        if self._at_start:
            line = line.removeprefix(_BOM)
            self._at_start = False
        if line.startswith(b"data:"):
            data = line[6:] if line[5:6] == b" " else line[5:]
            self._data.append(data)
            self._data_bytes += len(data) + 1
        elif not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                events.append(SSEEvent(data, self._name or "message", self._id))
                self._data = []
                self._data_bytes = 0
            self._name = ""
        elif not line.startswith(b":"):
            self._rare_field(line)

    def _rare_field(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._name = value.decode(errors="replace")
        elif field == b"data":
            self._data.append(b"")
            self._data_bytes += 1
        elif field == b"id":
            if b"\0" not in value:
                self._id = value.decode(errors="replace")
        elif field != b"retry" and self._residue_bytes < MAX_RESIDUE_BYTES:
            self._residue.append(line[: MAX_RESIDUE_BYTES - self._residue_bytes])
            self._residue_bytes += len(line) + 1
