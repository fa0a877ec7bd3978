"""The decoders that dialects are made of, one for each framing, and the choice between them by the kind of a body.

A dialect writes one method, `_payload`, and says with `self.finish`, `self.closed` and `self.failure` what it saw.
"""

import re
from collections.abc import Callable
from typing import Any

from .codecs import (
    UNDECODABLE,
    FrameTooLarge,
    NDJSONDecoder,
    SplitCharacter,
    SSEDecoder,
    TooBulky,
)
from .codecs.json import BULK_BYTES, Bulk, LookedThrough, may_hold_halves, with_marks
from .codecs.sse import STRAY, SSEEvent
from .decoder_base import PASSED_OVER, BaseDecoder
from .errors import ErrorKind, ProviderError
from .events import ProviderEvent
from .halves import HalfCharacters
from .opaque import Opaque
from .provider import PIECE_MAX_BYTES, Decoder, ResponseHead, media_type

MAX_BODY_BYTES = 32 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_SEPARATOR = b"\n\ndata: "
LF, _CR = b"\n"[0], b"\r"[0]  # a byte is searched for as a number in a tenth of the time

_COMMENT_MAX_BYTES = 4 * 1024
"""Maximum bytes of a comment that may stand before a whole answer in what calls itself a stream."""
_BLANKS = re.compile(rb"(?:[ \t\r\n]+|:[^\r\n]*[\r\n])*+")


class EventStreamDecoder(BaseDecoder):
    """Events of a dialect that is framed as Server-Sent Events.

    Most reads hold whole events of one data line each. They take a fast road, which gives what the careful one gives:
    a comment, a named event or a second data line shows by a newline or CR that no payload may hold.
    """

    otherwise: Callable[[], Decoder] | None = None
    """Makes the decoder of a whole answer, for a body that calls itself a stream and begins as JSON does."""
    _quick: Callable[[Any, list[bytes]], list[ProviderEvent] | None] | None = None
    """Decodes unnamed events behind the first, if all are of the kind that came last; None, with nothing done: else."""
    _tells_strays = False
    """Lines between the events are told among them, see `SSEDecoder`."""
    _whole: "JsonBodyDecoder | None" = None
    """Takes the same bytes, as long as they hold no event."""

    def __init__(self) -> None:
        self.finish, self.closed, self.failure = None, False, None  # its own: what is looked up for each read
        self._sse = SSEDecoder(tells_strays=self._tells_strays)
        self._at_start = True
        self._between_events = True
        self._opening: bytes | None = b""

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        """Decode the data of one event into `events`; set `finish`, `closed`, `failure`.

        Raises:
            One of `UNDECODABLE`, before anything was added: the data is not what the dialect says.
        """
        raise NotImplementedError

    def _payloads(self, payloads: list[bytes], events: list[ProviderEvent]) -> int | None:
        """Decode unnamed events one after another, on the fast road.

        Returns:
            The place of the first that must go the careful way; None when all are decoded, or the stream is over.
        """
        for place, data in enumerate(payloads):
            if LF in data:
                return place
            try:
                self._payload(data, "message", events)
            except UNDECODABLE:
                return place
            if self.failure is not None or self.closed:
                return None
        return None

    def _residue(self, residue: bytes, events: list[ProviderEvent]) -> None:
        """At the end: the lines that were no field of the format. A dialect may find an error in them."""

    def feed(self, data: bytes) -> list[ProviderEvent]:
        if (
            self._between_events
            and data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and _CR not in data
            and len(data) <= BULK_BYTES
        ):
            payloads = data[6:-2].split(_SEPARATOR)
            quick = self._quick
            if quick is not None and (told := quick(self, payloads)) is not None:
                return told
            if self._at_start:
                self._sse.started()
                self._at_start = False
                self._opening = None
            events: list[ProviderEvent] = []
            stopped_at = self._payloads(payloads, events)
            if stopped_at is None:
                self._between_events = self.failure is None and not self.closed
                return events
            data = b"data: " + _SEPARATOR.join(payloads[stopped_at:]) + b"\n\n"
        else:
            events = []
            if self.failure is not None or self.closed:
                return events
        if self._opening is not None:
            self._open(data)
        elif self._whole is not None:
            self._feed_whole(data)
        self._carefully(data, events)
        careful = self._halves is not None or self._whole is not None
        self._between_events = not careful and self._sse.idle and self.failure is None and not self.closed
        return events

    def end(self) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        if self._whole is not None and self.failure is None and not self.closed:
            return self._follow(self._whole, self._whole.end())
        if self.failure is None and not self.closed:
            # Google's and Mistral's servers may leave the last event unclosed: whole if it decodes, else cut off.
            leftover = self._sse.end()
            if leftover is not None:
                self._last(self._payload, leftover.data, leftover.name, events)
            if self.failure is None and self._sse.residue:
                self._residue(self._sse.residue, events)
        self._ended(events)
        return events

    def _open(self, data: bytes) -> None:
        """The first bytes: what begins as JSON, behind blanks and comments, may be a whole answer after all."""
        assert self._opening is not None
        opening = (self._opening + data).removeprefix(_BOM)
        blanks = _BLANKS.match(opening)
        assert blanks is not None
        seen = opening[blanks.end() :]
        if _BOM.startswith(seen) or (seen.startswith(b":") and len(seen) <= _COMMENT_MAX_BYTES):
            self._opening = seen
            return
        self._opening = None
        if self.otherwise is not None and seen.startswith((b"{", b"[")):
            whole = self.otherwise()
            if isinstance(whole, JsonBodyDecoder):  # a plug-in's may tell events before the end
                self._whole = whole
                self._feed_whole(seen)

    def _feed_whole(self, data: bytes) -> None:
        assert self._whole is not None
        self._whole.feed(data)
        self.failure = self._whole.failure  # there is too much of it

    def _carefully(self, data: bytes, events: list[ProviderEvent]) -> None:
        too_large: FrameTooLarge | None = None
        large = self._sse.held_bytes + len(data) > BULK_BYTES
        try:
            found = self._sse.feed(data)
        except FrameTooLarge as error:
            too_large, found = error, list(error.whole)
        if self._whole is not None:
            first = next((place for place, event in enumerate(found) if event.name is not STRAY), None)
            if first is not None:
                self._each(found[:first], events, large=large)
                self._whole = None  # there are events: it is a stream, with a line before them that is none of its own
                found = found[first:]
            elif too_large is not None:
                self._sse, too_large = SSEDecoder(), None  # JSON of one line, as long as it may be elsewhere
        self._each(found, events, large=large)
        if too_large is not None and self.failure is None and not self.closed:
            self.failure = ProviderError(ErrorKind.PROTOCOL, str(too_large))

    def _each(self, found: list[SSEEvent], events: list[ProviderEvent], *, large: bool) -> None:
        """Decode whole events. `large`: they may hold more than is decoded without a look through it."""
        if self.failure is not None or self.closed:
            return
        for event in found:
            if not event.data.strip():
                if event.name is not STRAY:
                    self._note(PASSED_OVER)  # the format would not dispatch it; it keeps the line warm
                continue
            if large or self._halves is not None or (self._splits and may_hold_halves(event.data)):
                self._slowly(self._payload, event.data, event.name, events)
            else:
                try:
                    self._payload(event.data, event.name, events)
                except SplitCharacter:
                    self._slowly(self._payload, event.data, event.name, events)
                except UNDECODABLE as refusal:
                    self._refused(event.data, refusal, event.name)
            if self.failure is not None or self.closed:
                return


class LineDecoder(BaseDecoder):
    """Objects of a dialect that is framed as newline-delimited JSON."""

    def __init__(self) -> None:
        self._lines = NDJSONDecoder()

    def _payload(self, data: bytes, events: list[ProviderEvent]) -> None:
        """As `EventStreamDecoder._payload`, for one line."""
        raise NotImplementedError

    def feed(self, data: bytes) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        if self.failure is not None or self.closed:
            return events
        too_large: FrameTooLarge | None = None
        large = self._lines.held_bytes + len(data) > BULK_BYTES
        try:
            found = self._lines.feed(data)
        except FrameTooLarge as error:
            too_large, found = error, list(error.whole)
        for line in found:
            if large or self._halves is not None or (self._splits and may_hold_halves(line)):
                self._slowly(self._line, line, None, events)
            else:
                try:
                    self._payload(line, events)
                except SplitCharacter:
                    self._slowly(self._line, line, None, events)
                except UNDECODABLE as refusal:
                    self._refused(line, refusal)
            if self.failure is not None or self.closed:
                return events
        if too_large is not None:
            self.failure = ProviderError(ErrorKind.PROTOCOL, str(too_large))
        return events

    def end(self) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        if self.failure is None and not self.closed and (line := self._lines.end()):
            self._last(self._line, line, None, events)
        self._ended(events)
        return events

    def _line(self, data: bytes, about: None, events: list[ProviderEvent]) -> None:
        self._payload(data, events)


class JsonBodyDecoder(BaseDecoder):
    """A whole answer in one JSON body: kept until it ends, then parsed at once.

    Args:
        parse: Reads the body into events and the decoder's own fields; raises one of `UNDECODABLE`. None: a dialect's
            own class has a method `_read` for it.
    """

    unless: Callable[[], Decoder] | None = None
    """Makes the decoder of a body that does not begin as an object, and may be no JSON; None: that is a failure."""
    _other: Decoder | None = None
    _bytes = 0
    _bulk: Bulk | None = None
    """Of a body that is no small one."""

    def __init__(self, parse: Callable[[bytes, "JsonBodyDecoder"], list[ProviderEvent]] | None = None) -> None:
        self._parse = parse
        self._pieces: list[bytes] = []
        self.finish, self.closed, self.failure = None, False, None  # its own: of a class they cost ten times as much
        self._other, self._bulk, self._halves, self._bytes = None, None, None, 0

    def feed(self, data: bytes) -> list[ProviderEvent]:
        if self.failure is not None:
            return []
        if self.unless is not None and not self._pieces and not data.startswith(b"{"):
            self._other, self.unless = self.unless(), None
        if self._other is not None:
            return self._follow(self._other, self._other.feed(data))
        self._pieces.append(data)
        self._bytes += len(data)
        if self._bytes > PIECE_MAX_BYTES:
            self._look_at(data)
        return []

    def end(self) -> list[ProviderEvent]:
        if self._other is not None:
            return self._follow(self._other, self._other.end())
        events: list[ProviderEvent] = []
        if self.failure is None:
            body = b"".join(self._pieces).strip()
            self._pieces.clear()
            try:
                if self._bulk is not None:
                    self._bulk.end()
                    body = LookedThrough(body)
                try:
                    events = self._read(body)
                except SplitCharacter:
                    events = self._with_halves(body)
            except TooBulky as error:
                self.failure = ProviderError(ErrorKind.PROTOCOL, f"the body holds {error}")
            except UNDECODABLE as error:
                cut = str(error) == "Input data was truncated"  # msgspec's words for JSON good as far as it goes
                self.failure = (
                    ProviderError(ErrorKind.TRUNCATED, "the body ended inside its JSON")
                    if cut
                    else ProviderError(ErrorKind.PROTOCOL, "the body is not the JSON of this dialect")
                )
        self._ended(events)
        self.closed = self.finish is not None
        return events

    def _look_at(self, data: bytes) -> None:
        """A body that comes in many pieces is looked at as it comes: at its end it is only parsed."""
        if self._bulk is None:
            self._bulk, data = Bulk(), b"".join(self._pieces)
        try:
            if self._bytes > MAX_BODY_BYTES:
                raise TooBulky(f"more than {MAX_BODY_BYTES} bytes")
            self._bulk.add(data)
        except TooBulky as error:
            self._pieces.clear()
            self.failure = ProviderError(ErrorKind.PROTOCOL, f"the body holds {error}")

    def _with_halves(self, body: bytes) -> list[ProviderEvent]:
        self._halves = HalfCharacters()
        marked, mark = with_marks(body)
        return self._halves.joined(self._read(marked), mark)

    def _read(self, body: bytes) -> list[ProviderEvent]:
        assert self._parse is not None
        return self._parse(body, self)


class WrongBodyDecoder(BaseDecoder):
    """A body that is no answer at all, like a captive portal's page at status 200: refused at its first byte."""

    def __init__(self, what: str) -> None:
        self.failure = ProviderError(ErrorKind.PROTOCOL, f"the body is {what}, not an answer")

    def feed(self, data: bytes) -> list[ProviderEvent]:
        return []

    def end(self) -> list[ProviderEvent]:
        return []


class SniffingDecoder(BaseDecoder):
    """A body without a useful content type: its first byte decides between stream, JSON and a web page."""

    def __init__(self, stream: Callable[[], Decoder], body: Callable[[], Decoder]) -> None:
        self._stream, self._body = stream, body
        self._inner: Decoder | None = None
        self._unknown = b""

    def feed(self, data: bytes) -> list[ProviderEvent]:
        inner = self._inner
        if inner is None:
            data = (self._unknown + data).lstrip().removeprefix(_BOM).lstrip()
            if _BOM.startswith(data):
                self._unknown = data  # nothing yet but blanks, or the beginning of a byte order mark
                return []
            seen = data[:1]
            if seen == b"<":
                inner = WrongBodyDecoder("a web page")
            else:
                inner = self._body() if seen in (b"{", b"[") else self._stream()
            self._inner = inner
        return self._follow(inner, inner.feed(data))

    def end(self) -> list[ProviderEvent]:
        if self._inner is None:
            self._ended([])
            return []
        return self._follow(self._inner, self._inner.end())


def decoder_for(
    head: ResponseHead,
    *,
    stream: Callable[..., Decoder],
    body: Callable[..., Decoder],
    stream_types: tuple[str, ...] = ("text/event-stream",),
    given: tuple[Any, ...] = (),
) -> Decoder:
    """The decoder that a response's content type calls for: of a stream at once, else after a look at the bytes.

    A server may answer JSON where a stream was asked, and the reverse, under any type: both are good answers.

    Args:
        stream, body: Make the decoder of a stream, and of a whole answer.
        given: What both are called with. Functions of their own for each response would cost more than the decoder.
    """
    kind, decoders = media_type(head.headers.get("content-type", "")), _Decoders(stream, body, given)
    if kind in stream_types:
        return decoders.streamed()
    if kind in ("text/html", "application/xhtml+xml"):
        return WrongBodyDecoder("a web page")
    decoder = body(*given)
    if isinstance(decoder, JsonBodyDecoder):  # it sees at once whether its body begins as nearly all do
        decoder.unless = decoders.sniffing
        return decoder
    return decoders.sniffing()


class _Decoders(Opaque):
    """The two decoders that a response may need."""

    stream: Callable[..., Decoder]
    body: Callable[..., Decoder]
    given: tuple[Any, ...]

    def streamed(self) -> Decoder:
        decoder = self.stream(*self.given)
        if isinstance(decoder, EventStreamDecoder):
            decoder.otherwise = self.whole
        return decoder

    def whole(self) -> Decoder:
        return self.body(*self.given)

    def sniffing(self) -> Decoder:
        return SniffingDecoder(self.streamed, self.whole)
