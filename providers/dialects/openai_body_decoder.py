"""Answers of the OpenAI chat protocol in one JSON body."""

import msgspec

from ..codecs import UNDECODABLE, decode_json
from ..decoding import JsonBodyDecoder
from ..events import Finished, ProviderEvent, ReasoningDelta, Started, TextDelta
from ..mapping import Rule
from ..provider import ResponseHead
from .openai_chunks import Whole, one_object
from .openai_counts import plainly_counted
from .openai_plain import PlainWhole
from .openai_reader import ChatReader

_decode_whole = msgspec.json.Decoder(Whole).decode
_decode_plain = msgspec.json.Decoder(PlainWhole).decode

_STOPPED = Finished("stop", "stop")


class ChatBodyDecoder(ChatReader, JsonBodyDecoder):
    """A whole answer in one JSON body, tried by the strictest type first.

    DeepSeek puts blank lines before it to keep the line warm.
    """

    def __init__(self, head: ResponseHead, rules: tuple[Rule, ...] = ()) -> None:
        JsonBodyDecoder.__init__(self)  # by its name: `super` costs as much as all the rest
        self._head, self._rules = head, rules

    def _read(self, body: bytes) -> list[ProviderEvent]:
        try:
            plain = _decode_plain(body)
        except UNDECODABLE:
            return self._read_any(body)
        choice = plain.choices[0]
        message, counts = choice.message, plain.usage
        thoughts, calls = message.reasoning or message.reasoning_content, message.tool_calls
        if not (message.content or thoughts or calls):
            return self._read_any(body)
        events: list[ProviderEvent] = [Started(plain.model or None, plain.id or None)]
        if thoughts:
            events.append(ReasoningDelta(thoughts))
        if message.content:
            events.append(TextDelta(message.content))
        for call in calls or ():
            self._call(call, events)
        if choice.finish_reason == "stop" and not calls:
            self.finish = _STOPPED
        elif choice.finish_reason:
            self._finish(choice.finish_reason, events)
        if counts is not None:
            events.append(plainly_counted(counts))
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
