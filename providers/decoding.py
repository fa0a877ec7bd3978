"""The base of all dialects' decoders: framing, the end of a body, failures, and the kind of a body.

A dialect writes one method, `_payload`, and says with `self.finish`, `self.closed` and `self.failure` what it saw. What
is rare takes a slow road here, so that no dialect need know of it: characters with their halves in two events, and
large events, which must be text for the most part.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from .codecs import (
    UNDECODABLE,
    FrameTooLarge,
    NDJSONDecoder,
    SplitCharacter,
    SSEDecoder,
    TooBulky,
)
from .codecs.json import BULK_BYTES, Bulk, LookedThrough, check_bulk, may_hold_halves, with_marks
from .counts import Counting
from .errors import ErrorKind, ProviderError
from .events import Finished, ProviderEvent
from .halves import HalfCharacters, whole
from .provider import PIECE_MAX_BYTES, Decoder, ResponseHead

MAX_BODY_BYTES = 32 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_SEPARATOR = b"\n\ndata: "
T = TypeVar("T")
_Decode: TypeAlias = Callable[[bytes, T, list[ProviderEvent]], None]
LF, _CR = b"\n"[0], b"\r"[0]  # a byte is searched for as a number in a tenth of the time


def _why(refusal: Exception) -> str:
    return str(refusal) if isinstance(refusal, TooBulky) else "an event that cannot be decoded"


class BaseDecoder(Counting):
    """The state that every decoder shows; see `Decoder`."""

    finish: Finished | None = None
    closed = False
    failure: ProviderError | None = None
    _joiner: HalfCharacters | None = None
    """Made for the first half, and kept."""
    _halves: HalfCharacters | None = None
    """While halves of characters wait for the other ones: then every event takes the slow road."""
    _splits = False
    """Characters have been cut in two before: an event that may hold a half is not tried otherwise first."""

    def _follow(self, inner: Decoder, events: list[ProviderEvent]) -> list[ProviderEvent]:
        """What another decoder, to which the body was left, gave and saw."""
        self.finish, self.closed, self.failure = inner.finish, inner.closed, inner.failure
        self.miscounted = getattr(inner, "miscounted", False)  # not every plug-in's decoder is one of ours
        return events

    def _undecodable(self, what: str) -> None:
        """Nothing undecodable is skipped, text would be lost; but behind the end marker nothing can be."""
        if self.finish is None:
            self.failure = ProviderError(ErrorKind.PROTOCOL, f"the stream holds {what}")
        else:
            self.closed = True

    def _rarely(self, decode: _Decode[T], payload: bytes, about: T, events: list[ProviderEvent]) -> None:
        """Decode one event that is large, or that holds or may complete half of a character.

        Args:
            decode: Adds what a payload says to `events`; raises one of `UNDECODABLE` before it adds anything.
            about: What it is told of the payload.

        Raises:
            One of `UNDECODABLE`: What `decode` raises, or `TooBulky`.
        """
        if len(payload) > BULK_BYTES:
            check_bulk(payload)
        since = len(events)
        marked, mark = with_marks(payload)
        decode(marked, about, events)
        if (halves := self._joiner) is None:
            self._joiner = halves = HalfCharacters()
        events[since:] = halves.joined(events[since:], mark)
        self._halves = halves if halves.waiting else None
        if mark:
            self._splits = True
        if self.finish is not None:
            self._complete(events, mark)

    def _slowly(self, decode: _Decode[T], payload: bytes, about: T, events: list[ProviderEvent]) -> None:
        """As `_rarely`; what cannot be decoded is a failure."""
        try:
            self._rarely(decode, payload, about, events)
        except UNDECODABLE as refusal:
            self._undecodable(_why(refusal))

    def _last(self, decode: _Decode[T], payload: bytes, about: T, events: list[ProviderEvent]) -> None:
        """As `_rarely`, for what the end of the body left unclosed: whole if it decodes, else cut off."""
        with suppress(*UNDECODABLE):
            self._rarely(decode, payload, about, events)

    def _complete(self, events: list[ProviderEvent], mark: str = "") -> None:
        """Once the answer has ended well, nothing completes a half; of one that broke off it may come in a replay."""
        if self.finish is not None and self.failure is None:
            if self._halves is not None:
                events += self._halves.rest()
                self._halves = None
            self.finish = replace(self.finish, native_reason=whole(self.finish.native_reason, mark))

    def _ended(self, events: list[ProviderEvent]) -> None:
        """The body is over: without an end marker it was cut, however cleanly."""
        if self.failure is None and self.finish is None:
            self.failure = ProviderError(ErrorKind.TRUNCATED, "the stream ended without its end marker")
        if self._halves is not None:
            self._complete(events)


class EventStreamDecoder(BaseDecoder):
    """Events of a dialect that is framed as Server-Sent Events.

    Most reads hold whole events of one data line each. They take a fast road, which gives what the careful one gives:
    a comment, a named event or a second data line shows by a newline or CR that no payload may hold.
    """

    def __init__(self) -> None:
        self._sse = SSEDecoder()
        self._at_start = True
        self._between_events = True

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        """Decode the data of one event into `events`; set `finish`, `closed`, `failure`.

        Raises:
            One of `UNDECODABLE`, before anything was added: the data is not what the dialect says.
        """
        raise NotImplementedError

    def _payloads(self, payloads: Iterator[bytes], events: list[ProviderEvent]) -> bytes | None:
        """Decode unnamed events one after another, on the fast road.

        Returns:
            The first that must go the careful way; None when all are decoded, or the stream is over.
        """
        for data in payloads:
            if LF in data:
                return data
            try:
                self._payload(data, "message", events)
            except UNDECODABLE:
                return data
            if self.failure is not None or self.closed:
                return None
        return None

    def _residue(self, residue: bytes, events: list[ProviderEvent]) -> None:
        """At the end: the lines that were no field of the format. A dialect may find an error in them."""

    def feed(self, data: bytes) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        if self.failure is not None or self.closed:
            return events
        if (
            self._between_events
            and data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and _CR not in data
            and len(data) <= BULK_BYTES
        ):
            if self._at_start:
                self._sse.started()
                self._at_start = False
            payloads = iter(data[6:-2].split(_SEPARATOR))
            stopped_at = self._payloads(payloads, events)
            if stopped_at is None:
                return events
            data = b"data: " + _SEPARATOR.join((stopped_at, *payloads)) + b"\n\n"
        self._carefully(data, events)
        self._between_events = self._halves is None and self._sse.idle
        return events

    def end(self) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        if self.failure is None and not self.closed:
            # Google's and Mistral's servers may leave the last event unclosed: whole if it decodes, else cut off.
            leftover = self._sse.end()
            if leftover is not None:
                self._last(self._payload, leftover.data, leftover.name, events)
            if self.failure is None and self._sse.residue:
                self._residue(self._sse.residue, events)
        self._ended(events)
        return events

    def _carefully(self, data: bytes, events: list[ProviderEvent]) -> None:
        too_large: FrameTooLarge | None = None
        large = self._sse.held_bytes + len(data) > BULK_BYTES
        try:
            found = self._sse.feed(data)
        except FrameTooLarge as error:
            too_large, found = error, list(error.whole)
        for event in found:
            if not event.data.strip():
                continue  # the format would not dispatch it; some servers send it to keep the line warm
            if large or self._halves is not None or (self._splits and may_hold_halves(event.data)):
                self._slowly(self._payload, event.data, event.name, events)
            else:
                try:
                    self._payload(event.data, event.name, events)
                except SplitCharacter:
                    self._slowly(self._payload, event.data, event.name, events)
                except UNDECODABLE as refusal:
                    self._undecodable(_why(refusal))
            if self.failure is not None or self.closed:
                return
        if too_large is not None:
            self.failure = ProviderError(ErrorKind.PROTOCOL, str(too_large))


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
                    self._undecodable(_why(refusal))
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
                events = self._whole(body)
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

    def _whole(self, body: bytes) -> list[ProviderEvent]:
        try:
            return self._read(body)
        except SplitCharacter:
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
    stream: Callable[[], Decoder],
    body: Callable[[], Decoder],
    stream_types: tuple[str, ...] = ("text/event-stream",),
) -> Decoder:
    """The decoder that a response's content type calls for: of a stream at once, else after a look at the bytes.

    A server may answer JSON where a stream was asked, and the reverse, under any type: both are good answers.
    """
    kind = head.content_type
    if kind in stream_types:
        return stream()
    if kind in ("text/html", "application/xhtml+xml"):
        return WrongBodyDecoder("a web page")
    decoder = body()
    if isinstance(decoder, JsonBodyDecoder):  # it sees at once whether its body begins as nearly all do
        decoder.unless = lambda: SniffingDecoder(stream, body)
        return decoder
    return SniffingDecoder(stream, body)
