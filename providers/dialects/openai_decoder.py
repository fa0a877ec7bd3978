"""The decoder of a stream of chunks of the OpenAI chat protocol."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import msgspec

from ..codecs import UNDECODABLE, decode_json, decode_kindly
from ..decoding import LF, EventStreamDecoder
from ..errors import ErrorKind, ProviderError
from ..events import ProviderEvent, ReasoningDelta, TextDelta, ToolCallDelta, in_pieces
from ..mapping import Rule, stream_error
from ..provider import ResponseHead
from .openai_chunks import Chunk, FirstChunk, one_object
from .openai_plain import BareChunk, LeanChunk, Piece, PieceChunk, PlainChunk, ThoughtChunk
from .openai_reader import ChatReader

_decode_first = msgspec.json.Decoder(FirstChunk).decode
_decode = msgspec.json.Decoder(Chunk).decode
_DecodeText: TypeAlias = Callable[[bytes], PlainChunk | BareChunk | LeanChunk]
_DECODE_TEXT: tuple[_DecodeText, ...] = (
    msgspec.json.Decoder(LeanChunk).decode,
    msgspec.json.Decoder(BareChunk).decode,
    msgspec.json.Decoder(PlainChunk).decode,
)
"""Read plain text, the quickest first: each lets pass what the one before it does, and more that says nothing."""
_decode_thought = msgspec.json.Decoder(ThoughtChunk).decode
_decode_piece = msgspec.json.Decoder(PieceChunk).decode

_MISFITS_MAX = 16
"""From there on a type is not tried any more: the server always says more than that."""


class ChatStreamDecoder(ChatReader, EventStreamDecoder):
    """A stream of chunks. What follows a piece of one kind is tried as another of it first, by the strictest type."""

    _decode_text: _DecodeText = _DECODE_TEXT[0]
    """Reads plain text: by the leanest type, unless the server says more than that, if nothing of note."""
    _misfits: "tuple[Quick, ...]" = ()
    """What a chunk did not fit, though one of its kind came before it: as often as that was so."""

    def __init__(self, head: ResponseHead, rules: tuple[Rule, ...] = ()) -> None:
        EventStreamDecoder.__init__(self)  # by its name: `super` costs as much as all the rest
        self._head, self._rules = head, rules

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        try:
            chunk = _decode(data) if self._begun else _decode_first(data)
        except msgspec.DecodeError:
            self._odd(data, name, events)
            return
        if not (chunk.choices or chunk.usage) or chunk.error or name == "error":
            self._odd(data, name, events)
        else:
            self._take(chunk, events)

    def _payloads(self, payloads: list[bytes], events: list[ProviderEvent]) -> int | None:
        alone = len(payloads) == 1
        for place, data in enumerate(payloads):
            if LF in data:
                return place
            if (quick := self._quick) is not None:
                told = None if alone else quick(self, [data])  # one alone was tried
                if told is not None:
                    events += told
                    continue
                self._quick = None
                self._misfits += (quick,)
            if super()._payloads([data], events) is not None:
                return place
            if self.failure is not None or self.closed:
                return None
            self._learn(events)
        return None

    def _learn(self, events: list[ProviderEvent]) -> None:
        """Try what follows as what was told last: unless a server always says more with it."""
        kind = type(events[-1]) if events else None
        quick = None if kind is None or (kind is TextDelta and not self._by_delta) else _QUICK.get(kind)
        self._quick = quick if quick is not None and self._misfits.count(quick) < _MISFITS_MAX else None

    def _texts(self, payloads: list[bytes]) -> list[ProviderEvent] | None:
        decode, several = self._decode_text, len(payloads) > 1
        if LF in (b"".join(payloads) if several else payloads[0]):
            return None
        try:
            if several:
                return in_pieces([chunk.choices[0].delta.content for chunk in map(decode, payloads)])
            return [TextDelta(decode(payloads[0]).choices[0].delta.content)]
        except UNDECODABLE:
            return None if several else self._text_beside(payloads[0])

    def _text_beside(self, payload: bytes) -> list[ProviderEvent] | None:
        """A piece of text that the present type is too lean for: the first that fits reads what follows, too."""
        for decode in _DECODE_TEXT[_DECODE_TEXT.index(self._decode_text) + 1 :]:
            with suppress(*UNDECODABLE):
                told: list[ProviderEvent] = [TextDelta(decode(payload).choices[0].delta.content)]
                self._decode_text = decode
                return told
        return None

    def _thoughts(self, payloads: list[bytes]) -> list[ProviderEvent] | None:
        thoughts: list[ProviderEvent] = []
        try:
            for data in payloads:
                delta = _decode_thought(data).choices[0].delta
                thought = delta.reasoning or delta.reasoning_content
                if not thought or LF in data:
                    return None
                thoughts.append(ReasoningDelta(thought))
        except UNDECODABLE:
            return None
        return thoughts

    def _pieces(self, payloads: list[bytes]) -> list[ProviderEvent] | None:
        calls = self._calls
        if calls is None:
            return None
        pieces: list[Piece] = []
        try:
            for data in payloads:
                if LF in data:
                    return None
                pieces.append(_decode_piece(data).choices[0].delta.tool_calls[0])
        except UNDECODABLE:
            return None
        told: list[ProviderEvent] = []
        for piece in pieces:
            fragment = calls.fragment(piece.index, None, None, piece.function.arguments)
            if fragment is not None:
                told.append(fragment)
        return told

    def _odd(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        """What does not look like a chunk: the end of the stream, an error, or a chunk in an unusual dress."""
        data = data.strip()
        if data.startswith(b"[DONE]"):
            self._done(events)
            return
        self._object(one_object(decode_json(data)), name, events)

    def _worded(self, words: str) -> ProviderError:
        return stream_error(words, self._head, status=500, rules=self._rules)

    def _done(self, events: list[ProviderEvent]) -> None:
        self.closed = True
        if self.finish is None and self._sse.residue:
            self._residue(self._sse.residue, events)
        if self.finish is None and self.failure is None:
            self.failure = ProviderError(
                ErrorKind.TRUNCATED, "the stream ended with [DONE], but without a finish reason"
            )

    def _residue(self, residue: bytes, events: list[ProviderEvent]) -> None:
        """A bare JSON error, or a whole answer, in what calls itself an event stream."""
        with suppress(*UNDECODABLE):
            self._object(one_object(decode_kindly(residue)), "message", events)


Quick: TypeAlias = Callable[[ChatStreamDecoder, list[bytes]], list[ProviderEvent] | None]
"""Reads events that are all of one kind; None, with nothing done: they are not."""

_QUICK: dict[type, Quick] = {
    TextDelta: ChatStreamDecoder._texts,
    ReasoningDelta: ChatStreamDecoder._thoughts,
    ToolCallDelta: ChatStreamDecoder._pieces,
}
