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

from ..codecs import decode_json, decode_kindly
from ..counts import Counting, answer_tokens, is_none, ticks
from ..decoder_base import BaseDecoder
from ..decoding import EventStreamDecoder, JsonBodyDecoder
from ..errors import ProviderError
from ..events import Finished, FinishReason, ProviderEvent, Started
from ..finish_words import finish_reason
from ..mapping import error_told, or_error, stream_error
from ..provider import ResponseHead
from ..strangers import by_type, decode_beside_strangers
from .openai_responses_events import (
    Addressed,
    Counts,
    Event,
    InputDetails,
    Named,
    OutputDetails,
    Response,
    WrittenItem,
    WrittenOutput,
    WrittenResponse,
)
from .openai_responses_items import Items, Written
from .openai_responses_said import ITEM_TYPES, PART_TYPES, Kind, Part

_decode = msgspec.json.Decoder(Event).decode

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
_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done")
_KNOWN = frozenset({*_DELTAS, *_DONE, *_ITEMS, *_BEGINNINGS, *_ENDS, "error"})
_TRIM = by_type(_KNOWN | ITEM_TYPES | PART_TYPES, "output_text")
_WITHIN = ("item", "response", "output", "content", "summary", "part")

_SEVERITY = ("completed", "incomplete", "cancelled", "failed")
_INCOMPLETE: tuple[FinishReason, ...] = ("length", "content_filter")
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

    def begin(self, response: Response, events: list[ProviderEvent]) -> None:
        """Report the model that answers, once."""
        if not self._begun:
            self._begun = True
            events.append(Started(response.model or None, response.id or None))

    def end(self, response: Response, written: Written, events: list[ProviderEvent], named: str = "") -> None:
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
        if status == "completed" and self.items.cut:
            status = "incomplete"
        if status in ("failed", "cancelled"):
            how = "failed" if status == "failed" else "was cancelled"
            error = response.error or {"code": "server_error", "message": f"the response {how}"}
            self.failure = event_error({"error": error}, self._head)
        elif status == "incomplete":  # without a reason it is the first that servers which imitate the API know
            reason = finish_reason(why) if why else "length"
            self.finish = Finished(reason if reason in _INCOMPLETE else "other", f"incomplete:{why or 'unknown'}")
        elif status == "completed":
            self.finish = Finished("tool_calls" if self.items.calls else "stop", "completed")

    def _count(self, counts: Counts, events: list[ProviderEvent]) -> None:
        prompt = counts.input_tokens_details or _NO_INPUT
        answer = counts.output_tokens_details or _NO_OUTPUT
        if counts.input_tokens is None and counts.output_tokens is None:
            if counts.prompt_tokens is None:
                return
            counts.input_tokens, counts.output_tokens = counts.prompt_tokens, counts.completion_tokens
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


_NO_INPUT, _NO_OUTPUT = InputDetails(), OutputDetails()


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
            named = decode_json(data, Named)
            if named.type not in _KNOWN and not named.error:
                self._untyped(data, named.type)
                return
            event = decode_beside_strangers(data, Event, _TRIM, _WITHIN)
        items = self._reader.items
        kind = _DELTAS.get(event.type)
        if kind is not None:
            place = event.summary_index if kind == "summary" else 0 if kind == "arguments" else event.content_index
            index = (
                event.output_index if not items.places.shared else items.places.of(event.output_index, _item_id(data))
            )
            items.add(kind, index, place, event.delta or "", events)
        elif not event.type and name in _KNOWN:  # said by the name of the event alone
            self._payload(_with_type(data, name), "", events)
        else:
            self._rare(event, data, events)

    def _rare(self, event: Event, data: bytes, events: list[ProviderEvent]) -> None:
        reader = self._reader
        kind = _DONE.get(event.type)
        if kind is not None:
            place = event.summary_index if kind == "summary" else 0 if kind == "arguments" else event.content_index
            said = event.part or Part("", event.text or event.arguments or event.input, event.refusal)
            index, items = event.output_index, reader.items
            if items.places.shared:
                index = items.places.of(index, _item_id(data))
            items.part(kind, index, place, said, events)
        elif event.type in _ITEMS and event.item is not None:
            if event.item.type in ITEM_TYPES:
                reader.items.item(event.output_index, event.item, events, whole=event.type.endswith("done"))
            elif event.type.endswith("done"):
                written = decode_json(data, WrittenItem).item
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


def _item_id(data: bytes) -> str | None:
    return decode_json(data, Addressed).item_id


def _with_type(data: bytes, name: str) -> bytes:
    return msgspec.json.encode({**decode_json(data, dict[str, Any]), "type": name})


def _written(data: bytes) -> list[msgspec.Raw]:
    return decode_json(data, WrittenResponse).response.output


def response_body_decoder(head: ResponseHead) -> JsonBodyDecoder:
    """The decoder of a whole response in one JSON body."""

    def parse(body: bytes, decoder: BaseDecoder) -> list[ProviderEvent]:
        response = decode_beside_strangers(body, Response, _TRIM, _WITHIN)
        events: list[ProviderEvent] = []
        if response.error and response.status is None:
            decoder.failure = event_error(decode_kindly(body), head)
            return events
        if response.status is None:
            raise msgspec.ValidationError("the body is no response")
        reader = ResponseReader(head)
        reader.end(response, lambda: decode_json(body, WrittenOutput).output, events)
        decoder.finish, decoder.failure = reader.finish, reader.failure
        decoder.miscounted = reader.miscounted
        return events

    return JsonBodyDecoder(or_error(parse, head))
