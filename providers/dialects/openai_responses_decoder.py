"""Answers of OpenAI's Responses API: a stream of typed events, or one response.

The end is proven by `response.completed` or `response.incomplete`; a call of a tool completes like any other answer.
An error comes nested, as servers send it, or flat, as it is documented, and `response.failed` then says it again: the
first word counts. The `.done` events repeat what the deltas said, and are heard only where no delta came.
"""

from typing import Any

import msgspec

from ..codecs import Aside, Details, decode_json, decode_kindly
from ..counts import Count, Counting
from ..decoding import BaseDecoder, EventStreamDecoder, JsonBodyDecoder
from ..errors import ProviderError
from ..events import Finished, FinishReason, ProviderEvent, ReasoningDelta, RefusalDelta, Started, TextDelta
from ..mapping import stream_error
from ..provider import ResponseHead
from ..tool_calls import CallNumbering


class _Part(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[_Part] | None = None
    summary: list[_Part] | None = None
    encrypted_content: str | None = None


class _InputDetails(Details, gc=False):
    cached_tokens: Count = None


class _OutputDetails(Details, gc=False):
    reasoning_tokens: Count = None


class _Counts(Aside, gc=False):
    input_tokens: Count = None
    output_tokens: Count = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Incomplete(msgspec.Struct, gc=False):
    reason: str | None = None


class _Response(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[_Item] | None = None
    incomplete_details: _Incomplete | None = None
    usage: _Counts | None = None
    error: Any = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: str | None = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    item: _Item | None = None
    response: _Response | None = None
    error: Any = None


class _Named(msgspec.Struct, gc=False):
    type: str = ""
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode

_DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "summary",
    "response.reasoning_text.delta": "thought",
    "response.function_call_arguments.delta": "arguments",
}
_ITEMS = ("response.output_item.added", "response.output_item.done")
_BEGINNINGS = ("response.created", "response.queued", "response.in_progress")
_ENDS = ("response.completed", "response.incomplete", "response.failed")
_KNOWN = frozenset({*_DELTAS, *_ITEMS, *_BEGINNINGS, *_ENDS, "error"})

_INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why a response is incomplete; `max_messages`, `steered` and those to come are `other`."""


def event_error(decoded: Any, head: ResponseHead) -> ProviderError:
    """What an error means, nested or flat."""
    if isinstance(decoded, dict) and not decoded.get("error"):
        decoded = {name: value for name, value in decoded.items() if name != "type"}  # the event's, not the error's
    return stream_error(decoded, head)


class ResponseReader(Counting):
    """What both forms of an answer have in common.

    Attributes:
        finish: Why the answer ended, once it did.
        failure: Why there will be none.
    """

    def __init__(self, head: ResponseHead) -> None:
        self.finish: Finished | None = None
        self.failure: ProviderError | None = None
        self._head = head
        self._begun = False
        self._calls = CallNumbering()
        self._said: set[tuple[str, int, int]] = set()
        self._blocks: dict[tuple[str, int, int], int] = {}  # part of a reasoning item -> block of thinking
        self._last_block: dict[int, int] = {}  # reasoning item -> the last of its blocks

    def begin(self, response: _Response, events: list[ProviderEvent]) -> None:
        """Report the model that answers, once."""
        if not self._begun:
            self._begun = True
            events.append(Started(response.model or None, response.id or None))

    def add(self, kind: str, item: int, part: int, text: str, events: list[ProviderEvent]) -> None:
        """A piece of a part of an item, in whichever way it came."""
        if not text:
            return
        self._said.add((kind, item, part))
        match kind:
            case "text":
                events.append(TextDelta(text))
            case "refusal":
                events.append(RefusalDelta(text))
            case "arguments":
                self._argue(item, None, None, text, events)
            case _:
                events.append(ReasoningDelta(text, self._block(kind, item, part)))

    def item(self, index: int, item: _Item, events: list[ProviderEvent], *, whole: bool) -> None:
        """An item begins, or is whole: then what no delta has said of it is said."""
        if item.type == "function_call":
            self._argue(index, item.call_id or item.id, item.name, "", events)
        if not whole:
            return
        match item.type:
            case "function_call":
                self._unsaid("arguments", index, 0, item.arguments or "{}", events)
            case "message":
                for place, part in enumerate(item.content or ()):
                    self._unsaid("text", index, place, part.text or "", events)
                    self._unsaid("refusal", index, place, part.refusal or "", events)
            case "reasoning":
                for place, part in enumerate(item.summary or ()):
                    self._unsaid("summary", index, place, part.text or "", events)
                for place, part in enumerate(item.content or ()):
                    self._unsaid("thought", index, place, part.text or "", events)
                if item.encrypted_content:
                    last = self._last_block.get(index)
                    block = self._block("state", index, 0) if last is None else last
                    events.append(ReasoningDelta("", block, item.id, item.encrypted_content))
            case _:
                pass

    def end(self, response: _Response, events: list[ProviderEvent]) -> None:
        """The response as a whole: how it ended, and what it cost."""
        self.begin(response, events)
        counts = response.usage
        if counts is not None:
            cached = counts.input_tokens_details.cached_tokens if counts.input_tokens_details else None
            thought = counts.output_tokens_details.reasoning_tokens if counts.output_tokens_details else None
            self._counted(events, counts.input_tokens, counts.output_tokens, cached, thought)
        if response.status == "failed":
            error = response.error or {"code": "server_error", "message": "the response failed"}
            self.failure = event_error({"error": error}, self._head)
        elif response.status == "incomplete":
            why = (response.incomplete_details.reason if response.incomplete_details else None) or "unknown"
            self.finish = Finished(_INCOMPLETE.get(why, "other"), f"incomplete:{why}")
        elif response.status == "completed":
            self.finish = Finished("tool_calls" if len(self._calls) else "stop", "completed")

    def _unsaid(self, kind: str, item: int, part: int, text: str, events: list[ProviderEvent]) -> None:
        if (kind, item, part) not in self._said:
            self.add(kind, item, part, text, events)

    def _block(self, kind: str, item: int, part: int) -> int:
        known = self._blocks.get((kind, item, part))
        if known is None:
            known = self._blocks[kind, item, part] = self._last_block[item] = len(self._blocks)
        return known

    def _argue(
        self, index: int, call_id: str | None, name: str | None, arguments: str, events: list[ProviderEvent]
    ) -> None:
        fragment = self._calls.fragment(index, call_id, name, arguments)
        if fragment is not None:
            events.append(fragment)


class ResponseStreamDecoder(EventStreamDecoder):
    """A stream of events.

    Args:
        head: Of the response.
    """

    def __init__(self, head: ResponseHead) -> None:
        super().__init__()
        self._head = head
        self._reader = ResponseReader(head)

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        try:
            event = _decode(data)
        except msgspec.DecodeError:
            if data.strip() == b"[DONE]":
                return  # not of this API, but some servers that imitate it say it
            named = decode_json(data, _Named)
            if named.type not in _KNOWN and not named.error:
                return
            event = decode_json(data, _Event)
        reader = self._reader
        kind = _DELTAS.get(event.type)
        if kind is not None:
            place = event.summary_index if kind == "summary" else 0 if kind == "arguments" else event.content_index
            reader.add(kind, event.output_index, place, event.delta or "", events)
        elif event.type in _ITEMS and event.item is not None:
            reader.item(event.output_index, event.item, events, whole=event.type.endswith("done"))
        elif event.type in _BEGINNINGS and event.response is not None:
            reader.begin(event.response, events)
        elif event.type in _ENDS and event.response is not None:
            event.response.status = event.type.removeprefix("response.")
            reader.end(event.response, events)
            self.finish, self.failure = reader.finish, reader.failure
            self.miscounted = reader.miscounted
            self.closed = self.finish is not None
        elif event.type == "error" or event.error:
            self.failure = event_error(decode_kindly(data), self._head)


def response_body_decoder(head: ResponseHead) -> JsonBodyDecoder:
    """The decoder of a whole response in one JSON body."""

    def parse(body: bytes, decoder: BaseDecoder) -> list[ProviderEvent]:
        response = decode_json(body, _Response)
        events: list[ProviderEvent] = []
        if response.error and response.status is None:
            decoder.failure = event_error(decode_kindly(body), head)
            return events
        if response.status is None:
            raise msgspec.ValidationError("the body is no response")
        reader = ResponseReader(head)
        reader.begin(response, events)
        for index, item in enumerate(response.output or ()):
            reader.item(index, item, events, whole=True)
        reader.end(response, events)
        decoder.finish, decoder.failure = reader.finish, reader.failure
        decoder.miscounted = reader.miscounted
        return events

    return JsonBodyDecoder(parse)
