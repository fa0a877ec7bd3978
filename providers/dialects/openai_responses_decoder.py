"""Answers of OpenAI's Responses API: a stream of typed events, or one response.

The end is proven by `response.completed` or `response.incomplete`, and the worse of the event's name and the response's
status counts; a call of a tool completes like any other answer. An error comes nested, as servers send it, or flat, as
it is documented, and `response.failed` then says it again: the first word counts. The `.done` events and the response
at the end repeat what the deltas said: what these have not said is told then, see `openai_responses_items`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import astuple

from ..codecs import Aside, Details, decode_json, decode_kindly
from ..counts import Count, Counting, answer_tokens, is_none, ticks
from ..decoder_base import BaseDecoder
from ..decoding import EventStreamDecoder, JsonBodyDecoder
from ..errors import ProviderError
from ..events import Finished, FinishReason, ProviderEvent, Started
from ..mapping import error_told, or_error, stream_error
from ..provider import ResponseHead
from ..strangers import by_type, decode_beside_strangers
from .openai_responses_items import Items, Written
from .openai_responses_said import ITEM_TYPES, PART_TYPES, Item, Kind, Part


class _InputDetails(Details, gc=False):
    cached_tokens: Count = None
    cache_write_tokens: Count = None
    audio_tokens: Count = None
    image_tokens: Count = None


class _OutputDetails(Details, gc=False):
    reasoning_tokens: Count = None
    audio_tokens: Count = None
    image_tokens: Count = None


class _Counts(Aside, gc=False):
    input_tokens: Count = None
    output_tokens: Count = None
    total_tokens: Count = None
    cost: Any = None  # OpenRouter, Perplexity
    cost_in_usd_ticks: Any = None  # xAI
    server_side_tool_usage_details: Any = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Incomplete(msgspec.Struct, gc=False):
    reason: str | None = None


class _Response(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Item] | None = None
    incomplete_details: _Incomplete | None = None
    usage: _Counts | None = None
    error: Any = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: str | None = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    item: Item | None = None
    response: _Response | None = None
    error: Any = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    part: Part | None = None


class _WrittenItem(msgspec.Struct, gc=False):
    item: msgspec.Raw


class _WrittenOutput(msgspec.Struct, gc=False):
    output: list[msgspec.Raw]


class _WrittenResponse(msgspec.Struct, gc=False):
    response: _WrittenOutput


class _Named(msgspec.Struct, gc=False):
    type: str = ""
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode

_DELTAS: Mapping[str, Kind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "summary",
    "response.reasoning_text.delta": "thought",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "arguments",
}
_DONE: Mapping[str, Kind] = {
    "response.output_text.done": "text",
    "response.refusal.done": "refusal",
    "response.reasoning_summary_text.done": "summary",
    "response.reasoning_text.done": "thought",
    "response.function_call_arguments.done": "arguments",
    "response.custom_tool_call_input.done": "arguments",
    "response.content_part.done": "text",
    "response.reasoning_summary_part.done": "summary",
}
_ITEMS = ("response.output_item.added", "response.output_item.done")
_BEGINNINGS = ("response.created", "response.queued", "response.in_progress")
_ENDS = ("response.completed", "response.incomplete", "response.failed")
_KNOWN = frozenset({*_DELTAS, *_DONE, *_ITEMS, *_BEGINNINGS, *_ENDS, "error"})
_TRIM = by_type(_KNOWN | ITEM_TYPES | PART_TYPES)
_WITHIN = ("item", "response", "output", "content", "summary", "part")

_SEVERITY = ("completed", "incomplete", "failed")
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
        items: What was said of it.
    """

    def __init__(self, head: ResponseHead) -> None:
        self.finish: Finished | None = None
        self.failure: ProviderError | None = None
        self.items = Items()
        self._head = head
        self._begun = False

    def begin(self, response: _Response, events: list[ProviderEvent]) -> None:
        """Report the model that answers, once."""
        if not self._begun:
            self._begun = True
            events.append(Started(response.model or None, response.id or None))

    def end(self, response: _Response, written: Written, events: list[ProviderEvent], named: str = "") -> None:
        """The response as a whole: what is left to say, how it ended, and what it cost.

        Args:
            written: Gives its items as they are written.
            named: The status by the event's name.
        """
        self.begin(response, events)
        self.items.reconcile(response.output or (), written, events)
        if response.usage is not None:
            self._count(response.usage, events)
        why = response.incomplete_details.reason if response.incomplete_details else None
        status = response.status
        if why or named not in ("", status) or status not in _SEVERITY:  # rarely
            statuses = (named, status, "incomplete" if why and named != "failed" else "")
            status = max((each for each in statuses if each in _SEVERITY), key=_SEVERITY.index, default="")
        if status == "failed":
            error = response.error or {"code": "server_error", "message": "the response failed"}
            self.failure = event_error({"error": error}, self._head)
        elif status == "incomplete":  # without a reason it is the first that servers which imitate the API know
            self.finish = Finished(_INCOMPLETE.get(why, "other") if why else "length", f"incomplete:{why or 'unknown'}")
        elif status == "completed":
            self.finish = Finished("tool_calls" if self.items.calls else "stop", "completed")

    def _count(self, counts: _Counts, events: list[ProviderEvent]) -> None:
        prompt = counts.input_tokens_details or _NO_INPUT
        answer = counts.output_tokens_details or _NO_OUTPUT
        thought, uses = answer.reasoning_tokens, counts.server_side_tool_usage_details or self.items.uses
        said = answer_tokens(counts.input_tokens, counts.output_tokens, counts.total_tokens, thought)
        cost = ticks(counts.cost_in_usd_ticks) if counts.cost is None else counts.cost
        parts = {} if cost is None and not uses else {"cost": cost, "tool_uses": uses}
        if not all(map(is_none, (*astuple(prompt)[1:], *astuple(answer)[1:]))):  # rarely
            parts |= {
                "cache_write_tokens": prompt.cache_write_tokens,
                "input_audio_tokens": prompt.audio_tokens,
                "input_image_tokens": prompt.image_tokens,
                "output_audio_tokens": answer.audio_tokens,
                "output_image_tokens": answer.image_tokens,
            }
        self._counted(events, counts.input_tokens, said, prompt.cached_tokens, thought, **parts)


_NO_INPUT, _NO_OUTPUT = _InputDetails(), _OutputDetails()


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
            named = decode_json(data, _Named)
            if named.type not in _KNOWN and not named.error:
                self._untyped(data, named.type)
                return
            event = decode_beside_strangers(data, _Event, _TRIM, _WITHIN)
        reader = self._reader
        kind = _DELTAS.get(event.type)
        if kind is not None:
            place = event.summary_index if kind == "summary" else 0 if kind == "arguments" else event.content_index
            reader.items.add(kind, event.output_index, place, event.delta or "", events)
        else:
            self._rare(event, data, events)

    def _rare(self, event: _Event, data: bytes, events: list[ProviderEvent]) -> None:
        reader = self._reader
        kind = _DONE.get(event.type)
        if kind is not None:
            place = event.summary_index if kind == "summary" else 0 if kind == "arguments" else event.content_index
            said = event.part or Part("", event.text or event.arguments or event.input, event.refusal)
            reader.items.part(kind, event.output_index, place, said, events)
        elif event.type in _ITEMS and event.item is not None:
            if event.item.type in ITEM_TYPES:
                reader.items.item(event.output_index, event.item, events, whole=event.type.endswith("done"))
            elif event.type.endswith("done"):
                written = decode_json(data, _WrittenItem).item
                reader.items.native(event.output_index, event.item, written, events)
        elif event.type in _BEGINNINGS and event.response is not None:
            reader.begin(event.response, events)
        elif event.type in _ENDS and event.response is not None:
            reader.end(event.response, lambda: _written(data), events, event.type.removeprefix("response."))
            self.finish, self.failure = reader.finish, reader.failure
            self.miscounted = reader.miscounted
            self.closed = self.finish is not None
        elif event.type == "error" or event.error:
            self.failure = event_error(decode_kindly(data), self._head)
        else:
            self._untyped(data, event.type)

    def _untyped(self, data: bytes, kind: str) -> None:
        """Every event of this dialect has a type: what has none may be an error in another shape."""
        if not kind:
            self.failure = error_told(data, self._head)

    def _worded(self, words: str) -> ProviderError:
        return stream_error(words, self._head, status=500)


def _written(data: bytes) -> list[msgspec.Raw]:
    return decode_json(data, _WrittenResponse).response.output


def response_body_decoder(head: ResponseHead) -> JsonBodyDecoder:
    """The decoder of a whole response in one JSON body."""

    def parse(body: bytes, decoder: BaseDecoder) -> list[ProviderEvent]:
        response = decode_beside_strangers(body, _Response, _TRIM, _WITHIN)
        events: list[ProviderEvent] = []
        if response.error and response.status is None:
            decoder.failure = event_error(decode_kindly(body), head)
            return events
        if response.status is None:
            raise msgspec.ValidationError("the body is no response")
        reader = ResponseReader(head)
        reader.end(response, lambda: decode_json(body, _WrittenOutput).output, events)
        decoder.finish, decoder.failure = reader.finish, reader.failure
        decoder.miscounted = reader.miscounted
        return events

    return JsonBodyDecoder(or_error(parse, head))
