"""Answers of Cohere's chat, streamed or whole: named events, one object per tool call, proof of the end.

Facts: the types of the Python SDK and Cohere's pages of errors. `message-end` alone proves the end, and its reasons
`ERROR` and `TIMEOUT` are failures at status 200.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ..codecs import UNDECODABLE, Aside, Details, decode_json, decode_kindly
from ..counts import Count
from ..decoding import EventStreamDecoder, JsonBodyDecoder
from ..errors import ProviderError
from ..events import Finished, PartAdded, ProviderEvent, ReasoningDelta, Started, TextDelta
from ..finish_words import cut_off, finish_reason
from ..mapping import error_told, or_error, stream_error
from ..parts import Citation, TextPart
from ..provider import ResponseHead
from ..refusals.cohere import COHERE
from ..strangers import by_type, decode_beside_strangers
from ..tool_calls import CallNumbering

_FAILURES: Mapping[str, int] = {"ERROR": 500, "TIMEOUT": 504}
"""Finish reasons that are failures, and the status that each stands for."""

RULES = COHERE.own


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct, gc=False):
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: str | None = None


class _Message(msgspec.Struct, gc=False):
    """Of an event: one object where a whole answer has a list."""

    content: _Part | list[_Part] | None = None
    tool_plan: str | None = None
    tool_calls: _Call | list[_Call] | None = None
    citations: msgspec.Raw = msgspec.Raw()


class _Tokens(Aside, gc=False):
    input_tokens: Count = None
    output_tokens: Count = None


class _Billed(Details, gc=False):
    search_units: Count = None


class _Usage(Aside, gc=False):
    tokens: _Tokens | None = None
    cached_tokens: Count = None
    billed_units: _Billed | None = None


class _Delta(msgspec.Struct, gc=False):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: _Usage | None = None
    error: Any = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    index: int | None = None
    delta: _Delta | None = None


class _Body(_Delta, gc=False):
    """A whole answer: what the events say in `delta`, at once."""

    id: str | None = None


class _Named(msgspec.Struct, gc=False):
    type: str = ""


_SAYING = frozenset(
    {"content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta", "citation-start"}
)
_KNOWN = _SAYING | {"message-start", "message-end", "error", "message"}
_TRIM = by_type(_KNOWN | {"text", "thinking", "function"})
_WITHIN = ("delta", "message", "content", "tool_calls")
_NOTHING = _Delta()
_decode = msgspec.json.Decoder(_Event).decode


class CohereDecoder(EventStreamDecoder):
    """A stream of named events."""

    def __init__(self, head: ResponseHead) -> None:
        super().__init__()
        self._head = head
        self._begun = False
        self._calls = CallNumbering()
        self._text: int | None = None  # the block of text that was told last, if nothing stands behind it

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        try:
            event = _decode(data)
        except msgspec.DecodeError:
            if (decode_json(data, _Named).type or name) not in _KNOWN:
                self._untyped(data, name)
                return
            event = decode_beside_strangers(data, _Event, _TRIM, _WITHIN)
        delta = event.delta or _NOTHING
        match event.type or name:
            case "message-start":
                if not self._begun:
                    self._begun = True
                    events.append(Started(None, event.id))
            case "message-end":
                self.whole(delta, events)
            case "error":
                self.failure = stream_error(decode_kindly(data), self._head, rules=RULES)
            case kind if kind in _SAYING or (kind == "message" and event.delta is not None):  # without a name
                self.say(delta.message, event.index, events)
            case _:
                self._untyped(data, event.type or name)

    def _untyped(self, data: bytes, kind: str) -> None:
        """Every event of this dialect has a type: what has none may be an error in another shape."""
        if kind in ("", "message"):
            self.failure = error_told(data, self._head, rules=RULES)

    def _worded(self, words: str) -> ProviderError:
        return stream_error(words, self._head, status=500, rules=RULES)

    def say(self, message: _Message | None, index: int | None, events: list[ProviderEvent]) -> None:
        """What one event, or one whole answer, adds. The plan before tool calls is told as reasoning: it is about the
        answer, not a part of it, and comes where other models think."""
        if message is None:
            return
        if message.tool_plan:
            events.append(ReasoningDelta(message.tool_plan))
            self._text = None
        parts = message.content if isinstance(message.content, list) else [message.content]
        for place, part in enumerate(parts):
            number = place if index is None else index
            if part is not None and part.thinking:
                events.append(ReasoningDelta(part.thinking, number))
                self._text = None
            if part is not None and part.text:
                if number != self._text:
                    if self._text is not None:  # two texts stay two
                        events.append(PartAdded(TextPart("")))
                    self._text = number
                events.append(TextDelta(part.text))
        if message.citations:
            events += _citations(message.citations)
        calls = message.tool_calls if isinstance(message.tool_calls, list) else [message.tool_calls]
        for place, call in enumerate(calls):
            if call is not None:
                function = call.function or _Function()
                number = place if index is None else index
                fragment = self._calls.fragment(number, call.id, function.name, function.arguments)
                events += [] if fragment is None else [fragment]
                self._text = None

    def whole(self, delta: _Delta, events: list[ProviderEvent]) -> None:
        """The answer ended, with or without success."""
        tokens = delta.usage.tokens if delta.usage else None
        if tokens is not None and tokens.input_tokens is not None:
            cached = delta.usage.cached_tokens if delta.usage else None
            billed = delta.usage.billed_units if delta.usage else None
            searches = {"search": billed.search_units} if billed else None
            self._counted(events, tokens.input_tokens, tokens.output_tokens, cached, tool_uses=searches)
        native = delta.finish_reason or ""
        status = _FAILURES.get(native)
        if status is not None:
            error = {"error": delta.error or native, "code": native}
            self.failure = stream_error(error, self._head, status=status, rules=RULES)
            return
        failure = cut_off(native, self._head)
        if failure is not None:
            self.failure = failure
            return
        reason = finish_reason(native)
        if len(self._calls) and reason == "stop":
            reason = "tool_calls"
        self.finish = Finished(reason, native or None)
        self.closed = True


def _citations(written: msgspec.Raw) -> Iterator[PartAdded]:
    """One citation for each source; of an event there is one object, of a whole answer a list."""
    try:
        found = decode_kindly(bytes(written))
    except UNDECODABLE:
        return
    for each in found if isinstance(found, list) else [found]:
        if not isinstance(each, dict):
            continue
        sources = each.get("sources")
        for source in sources if isinstance(sources, list) else ():  # without any it cites nothing
            yield PartAdded(_citation(each, source))


def _citation(found: dict[str, Any], source: Any) -> Citation:
    about = source.get("document") if isinstance(source, dict) else None
    texts = {**(about if isinstance(about, dict) else {}), "text": found.get("text")}
    url, title, text = (value if isinstance(value := texts.get(name), str) else "" for name in ("url", "title", "text"))
    start, end = (value if type(value := found.get(name)) is int else None for name in ("start", "end"))
    return Citation(url, title, text, start, end, msgspec.json.encode({**found, "sources": [source]}).decode())


def body_decoder(head: ResponseHead) -> JsonBodyDecoder:
    def parse(body: bytes, decoder: JsonBodyDecoder) -> list[ProviderEvent]:
        answer = decode_beside_strangers(body, _Body, _TRIM, _WITHIN)
        if answer.message is None or answer.finish_reason is None:
            raise msgspec.ValidationError("not an answer")
        events: list[ProviderEvent] = [Started(None, answer.id)]
        reader = CohereDecoder(head)
        reader.say(answer.message, None, events)
        reader.whole(answer, events)
        decoder.finish, decoder.failure = reader.finish, reader.failure
        decoder.miscounted = reader.miscounted
        return events

    return JsonBodyDecoder(or_error(parse, head, rules=RULES))
