"""Answers of Anthropic's Messages API: a stream of typed events, or one message.

The end is proven by a `message_delta` with a stop reason; `message_stop` only closes. Events are told apart by the
type in their JSON, since some proxies strip the `event:` lines. Unknown events, blocks and deltas are ignored, as the
API's versioning demands. A block of a type that is not read here, such as a call of a tool that the provider runs, is
kept as it came, since the API wants the turn back whole. Token counts are cumulative: the last ones hold.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from ..codecs import decode_json, decode_kindly
from ..counts import Counting, is_none
from ..decoder_base import BaseDecoder
from ..decoding import EventStreamDecoder, JsonBodyDecoder
from ..errors import ProviderError
from ..events import Finished, PartAdded, ProviderEvent, ReasoningDelta, Started, TextDelta
from ..finish_words import cut_off, finish_reason
from ..mapping import error_told, or_error, stream_error
from ..parts import TextPart
from ..provider import ResponseHead
from ..refusals.anthropic import ANTHROPIC
from ..strangers import decode_beside_strangers
from ..tool_calls import CallNumbering, whole_arguments
from .anthropic_events import (
    KNOWN,
    SAYING,
    TRIM,
    WITHIN,
    Block,
    Contents,
    Counts,
    Delta,
    Event,
    Message,
    Named,
    Piece,
    Start,
    billed,
    decode_event,
)
from .anthropic_natives import NativeBlock, call_state, cited

_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""What an error inside a stream would have had as its status."""

RULES = ANTHROPIC.own


def event_error(decoded: Any, head: ResponseHead) -> ProviderError:
    """What an error event, or an error body under a success status, means."""
    error = decoded.get("error") if isinstance(decoded, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return stream_error(decoded, head, status=_STATUSES.get(kind) if isinstance(kind, str) else None, rules=RULES)


class MessageReader(Counting):
    """What both forms of an answer have in common.

    Attributes:
        natives: The blocks that are open and kept as they are, by their place.
    """

    def __init__(self) -> None:
        self.natives: dict[int, NativeBlock] = {}
        self._begun = False
        self._calls = CallNumbering()
        self._unspoken: dict[int, str] = {}  # block of a call without arguments yet -> what its start said they are
        self._arguing: set[int] = set()  # blocks that are calls of ours; the provider's own tools argue too
        self._in_text = False  # the part that was told last is a text
        self._counts = Counts()

    def begin(self, message: Message, events: list[ProviderEvent]) -> None:
        """Read the message as a whole: the model that answers, reported once, and the tokens of the prompt."""
        if not self._begun:
            self._begun = True
            events.append(Started(message.model or None, message.id or None))
        if message.usage is not None:
            self.count(message.usage, events)

    def start(self, index: int, block: Block, events: list[ProviderEvent]) -> bool:
        """A block begins, in a whole message with all it holds. False: it is none of those that are read."""
        match block.type:
            case "text":
                if self._in_text:
                    events.append(PartAdded(TextPart("")))  # two texts stay two
                self._in_text = True
                if block.text:
                    events.append(TextDelta(block.text))
                if block.citations:
                    events += map(cited, block.citations)
                return True
            case "thinking" if block.thinking or block.signature:
                events.append(ReasoningDelta(block.thinking or "", index, block.signature or None))
            case "thinking":
                pass
            case "redacted_thinking":
                events.append(ReasoningDelta("", index, redacted=block.data))
            case "tool_use":
                arguments = whole_arguments(block.input)  # first: it may be no UTF-8, and then nothing is said
                state = call_state(block.caller, block.toolset_name)
                self._arguing.add(index)
                self._argue(index, block.id, block.name, "", events, state)
                self._unspoken[index] = arguments
            case _:
                return False
        self._in_text = False
        return True

    def keep(self, index: int, written: msgspec.Raw) -> None:
        """A block begins that is none of those that are read: it is kept as it is written."""
        self.natives[index] = NativeBlock(written)

    def add(self, index: int, delta: Delta, events: list[ProviderEvent]) -> None:
        """A piece of a block."""
        if delta.type == "text_delta":
            if delta.text:
                events.append(TextDelta(delta.text))
        elif delta.type == "input_json_delta":
            if delta.partial_json and index in self._arguing:
                self._argue(index, None, None, delta.partial_json, events)
                self._unspoken.pop(index, None)
        elif delta.type == "thinking_delta":
            if delta.thinking:
                events.append(ReasoningDelta(delta.thinking, index))
        elif delta.type == "signature_delta":
            if delta.signature:
                events.append(ReasoningDelta("", index, delta.signature))
        elif delta.type == "citations_delta" and delta.citation:
            events.append(cited(delta.citation))

    def add_to_native(self, index: int, kind: str, delta: dict[str, Any]) -> bool:
        """A piece of a block that is kept. False: it says something, and is to be read as any other."""
        if kind in SAYING:
            del self.natives[index]  # kept, too, it would go back a second time
            return False
        self.natives[index].add(delta)
        return True

    def stop(self, index: int, events: list[ProviderEvent]) -> None:
        """A block is whole: a call that was given no arguments has those of its start, usually none."""
        arguments = self._unspoken.pop(index, None)
        if arguments is not None:
            self._argue(index, None, None, arguments, events)
        native = self.natives.pop(index, None)
        if native is not None and (part := native.whole()) is not None:
            events.append(PartAdded(part))
            self._in_text = False

    def end(
        self, native: str, head: ResponseHead, events: list[ProviderEvent]
    ) -> tuple[Finished | None, ProviderError | None]:
        """The answer ended, for the provider's own reason: its finish, or the failure that the reason is."""
        for index in (*self._unspoken, *self.natives):  # of a server that closes no blocks
            self.stop(index, events)
        if (failure := cut_off(native, head)) is not None:
            return None, failure
        reason = finish_reason(native)
        return Finished("tool_calls" if reason == "stop" and len(self._calls) else reason, native), None

    def count(self, counts: Counts, events: list[ProviderEvent]) -> None:
        """Tokens, as far as they are told; what is not told stays as it was."""
        for field in Counts.__struct_fields__:
            said = getattr(counts, field)
            if said is not None:
                setattr(self._counts, field, said)
        known = self._counts
        if known.input_tokens is None or known.output_tokens is None:
            return
        cached, lasting = known.cache_read_input_tokens, known.lasting
        thought = known.output_tokens_details.thinking_tokens if known.output_tokens_details else None
        rarely = cached or known.server_tool_use or known.iterations
        if not rarely and is_none(known.cache_creation_input_tokens) and all(map(is_none, lasting.values())):
            self._counted(events, known.input_tokens, known.output_tokens, cached, thought)  # nearly always
        else:
            self._counted(events, reasoning=thought, **billed(known))

    def _argue(
        self,
        index: int,
        call_id: str | None,
        name: str | None,
        arguments: str,
        events: list[ProviderEvent],
        state: str | None = None,
    ) -> None:
        fragment = self._calls.fragment(index, call_id, name, arguments)
        if fragment is not None:
            events.append(fragment if state is None else replace(fragment, signature=state))


class MessageStreamDecoder(EventStreamDecoder):
    """A stream of events.

    Args:
        head: Of the response, for its request id.
    """

    def __init__(self, head: ResponseHead) -> None:
        super().__init__()
        self._head = head
        self._reader = MessageReader()
        self._natives = self._reader.natives

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        try:
            event = decode_event(data)
        except msgspec.DecodeError:
            named = decode_json(data, Named)
            if named.type not in KNOWN and not named.error:
                self._untyped(data, named.type)
                return
            event = decode_beside_strangers(data, Event, TRIM, WITHIN)
        reader = self._reader
        if event.type == "content_block_delta" and event.delta is not None:
            if self._natives and event.index in self._natives:
                piece = decode_json(data, Piece).delta
                if reader.add_to_native(event.index, event.delta.type, piece):
                    return
            reader.add(event.index, event.delta, events)
        elif event.type == "content_block_start" and event.content_block is not None:
            if not reader.start(event.index, event.content_block, events):
                reader.keep(event.index, decode_json(data, Start).content_block)
        elif event.type == "content_block_stop":
            reader.stop(event.index, events)
        elif event.type == "message_start" and event.message is not None:
            reader.begin(event.message, events)
            self.miscounted = reader.miscounted
        elif event.type == "message_delta":
            if event.usage is not None:
                reader.count(event.usage, events)
                self.miscounted = reader.miscounted
            if event.delta is not None and event.delta.stop_reason:
                self.finish, self.failure = reader.end(event.delta.stop_reason, self._head, events)
        elif event.type == "message_stop":
            self.closed = self.finish is not None
        elif event.type == "error" or event.error:
            self.failure = event_error(decode_kindly(data), self._head)
        else:
            self._untyped(data, event.type)

    def _untyped(self, data: bytes, kind: str) -> None:
        """Every event of this dialect has a type: what has none may be an error in another shape."""
        if not kind:
            self.failure = error_told(data, self._head, rules=RULES)

    def _worded(self, words: str) -> ProviderError:
        return stream_error(words, self._head, status=500, rules=RULES)


def message_body_decoder(head: ResponseHead) -> JsonBodyDecoder:
    """The decoder of a whole message in one JSON body."""

    def parse(body: bytes, decoder: BaseDecoder) -> list[ProviderEvent]:
        message = decode_beside_strangers(body, Message, TRIM, WITHIN)
        events: list[ProviderEvent] = []
        if message.error:
            decoder.failure = event_error(decode_kindly(body), head)
            return events
        if message.content is None or not message.stop_reason:
            raise msgspec.ValidationError("the body is no message")
        reader = MessageReader()
        reader.begin(message, events)
        written: list[msgspec.Raw] = []
        for index, block in enumerate(message.content):
            if not reader.start(index, block, events):
                written = written or decode_json(body, Contents).content
                reader.keep(index, written[index])
            reader.stop(index, events)
        decoder.finish, decoder.failure = reader.end(message.stop_reason, head, events)
        decoder.miscounted = reader.miscounted
        return events

    return JsonBodyDecoder(or_error(parse, head, rules=RULES))
