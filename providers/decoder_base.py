"""What the decoders of all framings are based on: failures, notes, and the slow road of what is rare.

What is rare takes a slow road here, so that no dialect need know of it: characters with their halves in two events,
large events, which must be text for the most part, and events that say nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from .codecs import UNDECODABLE, TooBulky
from .codecs.json import BULK_BYTES, check_bulk, with_marks
from .counts import Counting
from .errors import ErrorKind, ProviderError
from .events import Finished, ProviderEvent
from .halves import HalfCharacters, whole
from .provider import Decoder

T = TypeVar("T")
_Decode: TypeAlias = Callable[[bytes, T, list[ProviderEvent]], None]

PASSED_OVER = "data that is no JSON object was passed over: it says nothing"
"""The note of an answer among whose events were `null`, words, keep-alives and the like."""


def _why(refusal: Exception) -> str:
    return str(refusal) if isinstance(refusal, TooBulky) else "an event that cannot be decoded"


UNKNOWN_PASSED_OVER = "an object that is no part of an answer was passed over"


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
    notes: tuple[str, ...] = ()
    """What was met in the answer that harmed nothing: a sentence of ours for each kind, however often."""
    _says: tuple[bytes, ...] = (b"{", b"[")
    """How data begin that may hold a piece of the answer, and of which nothing is skipped."""

    def _follow(self, inner: Decoder, events: list[ProviderEvent]) -> list[ProviderEvent]:
        """What another decoder, to which the body was left, gave and saw."""
        self.finish, self.closed, self.failure = inner.finish, inner.closed, inner.failure
        self.miscounted = getattr(inner, "miscounted", False)  # not every plug-in's decoder is one of ours
        self.notes = getattr(inner, "notes", ())
        return events

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes = (*self.notes, note)

    def _refused(self, data: bytes, refusal: Exception, name: object = None) -> None:
        """An event could not be decoded: passed over if it says nothing, else what breaks the answer off."""
        seen = data.strip()
        if name == "error":
            self.failure = self._worded(seen.decode(errors="replace"))
        elif not seen.startswith(self._says) or seen == b"[]" or seen.startswith(b"[DONE]"):
            self._note(PASSED_OVER)
        else:
            self._undecodable(_why(refusal))

    def _worded(self, words: str) -> ProviderError:
        """What an event called an error means whose data are bare words; a dialect may compare them with its tables."""
        return ProviderError(ErrorKind.SERVER_ERROR, "the stream holds an error", provider_message=words)

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
            self._refused(payload, refusal, about)

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
