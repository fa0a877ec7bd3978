"""Answers of the OpenAI chat protocol in one JSON body."""

import msgspec

from ..codecs import UNDECODABLE, decode_json
from ..decoding import JsonBodyDecoder
from ..events import Finished, ProviderEvent, Started, TextDelta
from .openai_chunks import PlainWhole, Whole, one_object
from .openai_counts import plainly_counted
from .openai_decoder import ChatReader

_decode_whole = msgspec.json.Decoder(Whole).decode
_decode_plain_whole = msgspec.json.Decoder(PlainWhole).decode

_STOPPED = Finished("stop", "stop")


class ChatBodyDecoder(ChatReader, JsonBodyDecoder):
    """A whole answer in one JSON body, tried as plain text first, by the strictest type.

    DeepSeek puts blank lines before it to keep the line warm.
    """

    def _read(self, body: bytes) -> list[ProviderEvent]:
        try:
            plain = _decode_plain_whole(body)
        except UNDECODABLE:
            return self._read_any(body)
        text = TextDelta(plain.choices[0].delta.content)
        events: list[ProviderEvent] = [Started(plain.model or None, plain.id or None), text]
        counts = plain.usage
        if counts is not None:
            events.append(plainly_counted(counts))
        self.finish = _STOPPED
        return events

    def _read_any(self, body: bytes) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        try:
            whole = _decode_whole(body)
        except UNDECODABLE:
            whole = None
        choices = None if whole is None or whole.error else whole.choices
        delta = choices[0].delta if choices and len(choices) == 1 else None
        if whole is None or choices is None or delta is None:
            self._read_kindly(body, events)
        else:
            self._take(whole, events)
        return events

    def _read_kindly(self, body: bytes, events: list[ProviderEvent]) -> None:
        decoded = one_object(decode_json(body))
        self._object(decoded, "message", events)
        if self.failure is None and not decoded.get("choices"):
            raise msgspec.ValidationError("the body holds no choices")
