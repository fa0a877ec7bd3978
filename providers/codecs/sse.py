"""Server-Sent Events, bytes in, events out: WHATWG HTML 9.2.6, and what it says about every cut and line end.

Lines end at CR, LF or CRLF and nowhere else (U+2028 and its kin are legal inside JSON). Nothing is decoded to text
here, so a character cut in two by the network cannot be harmed.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

MAX_EVENT_BYTES = 8 * 1024 * 1024
MAX_RESIDUE_BYTES = 64 * 1024

STRAY = "\n"
"""The name of what is no event, but lines of the residue: no event can have it."""

_BOM = b"\xef\xbb\xbf"
_COLON = b":"[0]
_FIELDS = frozenset((b"event", b"data", b"id", b"retry"))


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

    Args:
        tells_strays: Give the lines of the residue among the events, too: those between two events as one, `STRAY`.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES, *, tells_strays: bool = False) -> None:
        self._tells_strays = tells_strays
        self._strays: list[int] = []  # where in the residue the lines of this chunk begin, behind each event
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
    def held_bytes(self) -> int:
        """The size of what has come of the event that is not whole yet."""
        return self._tail_bytes + self._data_bytes

    @property
    def residue(self) -> bytes:
        return b"\n".join(self._residue)

    def started(self) -> None:
        """Note that a fast road has read the first bytes, and that they were no byte order mark."""
        self._at_start = False

    def feed(self, chunk: bytes) -> list[SSEEvent]:
        """Take the next bytes; give the events that are now whole.

        Raises:
            FrameTooLarge: An event, with the line that it is in, is longer than `max_event_bytes`.
        """
        if chunk and (self._after_cr or b"\r" in chunk):  # rare: CR and CRLF become LF, also across chunks
            unread = chunk.removeprefix(b"\n") if self._after_cr else chunk
            self._after_cr = chunk.endswith(b"\r")
            chunk = unread.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        near = self.held_bytes + len(chunk) > self._max_event_bytes
        lines = chunk.split(b"\n")
        if self._tail and len(lines) > 1:
            self._tail.append(lines[0])
            lines[0] = b"".join(self._tail)
            self._tail.clear()
            self._tail_bytes = 0
        rest = lines.pop()
        events: list[SSEEvent] = []
        try:
            if lines:
                self._lines(lines, events, near=near)
            if rest:
                self._tail.append(rest)
                self._tail_bytes += len(rest)
                self._bound(self._tail_bytes)
        except FrameTooLarge as error:
            error.whole = events
            raise
        return events

    def end(self) -> SSEEvent | None:
        """The stream ended. The event that no blank line closed, if any: the format drops it, some dialects use it."""
        lines = [b"".join(self._tail), b""] if self._tail else [b""]
        self._tail.clear()
        leftover: list[SSEEvent] = []
        self._lines(lines, leftover, near=False)
        return leftover[0] if leftover else None

    def _bound(self, line_bytes: int) -> None:
        if line_bytes + self._data_bytes > self._max_event_bytes:
            raise FrameTooLarge(f"an event is longer than {self._max_event_bytes} bytes")

    def _lines(self, lines: list[bytes], events: list[SSEEvent], *, near: bool) -> None:
        """Take whole lines. `near`: they may come to more than an event may have."""
        if self._at_start:
            lines[0] = lines[0].removeprefix(_BOM)
            self._at_start = False
        for line in lines:
            if near:
                self._bound(len(line))
            if not line:
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    events.append(SSEEvent(data, self._name or "message", self._id))
                    self._data = []
                    self._data_bytes = 0
                self._name = ""
            elif line.startswith(b"data:"):
                data = line[6:] if line[5:6] == b" " else line[5:]
                self._data.append(data)
                self._data_bytes += len(data) + 1
            elif line[0] != _COLON:
                self._rare_field(line, events)
        if self._strays:
            self._tell_strays(events)

    def _rare_field(self, line: bytes, events: list[SSEEvent]) -> None:
        if _COLON not in line:
            field, value = line, b""
        elif line.startswith(b"event:"):
            value = line[7:] if line[6:7] == b" " else line[6:]
            self._name = value.decode(errors="replace")
            return
        else:
            field, _, value = line.partition(b":")
        if field not in _FIELDS:
            held = self._residue_bytes
            if held < MAX_RESIDUE_BYTES:
                self._residue.append(line[: MAX_RESIDUE_BYTES - held])
                self._residue_bytes = held + len(line) + 1
                if self._tells_strays and not (events and events[-1].name is STRAY):
                    events.append(SSEEvent(b"", STRAY))  # in the place of all that follow upon this one
                    self._strays.append(len(self._residue) - 1)
        elif field == b"event":
            self._name = ""
        elif field == b"data":
            self._data.append(b"")
            self._data_bytes += 1
        elif field == b"id" and b"\0" not in value:
            self._id = value.removeprefix(b" ").decode(errors="replace")

    def _tell_strays(self, events: list[SSEEvent]) -> None:
        """Put the lines of the residue where they stand among the events."""
        places = [place for place, event in enumerate(events) if event.name is STRAY]
        for place, first, last in zip(places, self._strays, (*self._strays[1:], None), strict=True):
            events[place] = SSEEvent(b"\n".join(self._residue[first:last]), STRAY)
        self._strays = []
