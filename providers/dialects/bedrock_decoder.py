"""Answers of Bedrock: frames with typed headers, content blocks, exceptions in the stream; or one JSON body.

Facts: botocore's model of bedrock-runtime. `messageStop` proves the end, the token counts come in `metadata` after it.
Failures inside a stream are frames of the message types `exception` and `error`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ..codecs import UNDECODABLE, SplitCharacter, decode_json, decode_kindly
from ..codecs.json import BULK_BYTES, json_text
from ..counts import total
from ..decoder_base import BaseDecoder
from ..decoding import JsonBodyDecoder
from ..events import Finished, PartAdded, ProviderEvent, ReasoningDelta, Started, TextDelta
from ..finish_words import cut_off, finish_reason
from ..mapping import or_error, stream_error
from ..parts import AudioPart, FilePart, ImagePart, NativePart, TextPart
from ..provider import ResponseHead
from ..refusals.bedrock import BEDROCK
from ..strangers import decode_beside_strangers
from ..tool_calls import CallNumbering
from .bedrock_blocks import OpenBlock, cited, part_of
from .bedrock_events import (
    KNOWN,
    TOLD_WHOLE,
    TRIM,
    WITHIN,
    Block,
    Counts,
    Event,
    Pieces,
    ReasoningText,
    Whole,
    Written,
    decode_event,
)
from .bedrock_eventstream import Frame, FrameDecoder, FrameError

RULES = BEDROCK.own

STREAM_STATUSES: Mapping[str, int] = {
    "internalServerException": 500,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}
"""Exceptions inside a stream, and the HTTP status that the service's model gives each."""


class BedrockDecoder(BaseDecoder):
    """A stream of binary frames."""

    def __init__(self, head: ResponseHead) -> None:
        super().__init__()
        self._head = head
        self._frames = FrameDecoder()
        self._begun = False
        self._calls = CallNumbering()
        self._open: dict[int, OpenBlock] = {}  # blocks that are told once they are whole
        self._own_uses: dict[str, int] = {}  # of tools that the provider runs
        self._text_at: int | None = None  # the block of the text that was told last, if nothing came after it

    def feed(self, data: bytes) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        if self.failure is not None or self.closed:
            return events
        damaged = None
        try:
            frames = self._frames.feed(data)
        except FrameError as error:
            frames, damaged = error.whole, str(error)
        for frame in frames:
            if self._halves is not None or len(frame.payload) > BULK_BYTES:
                self._slowly(self._with_payload, frame.payload, frame.headers, events)
            else:
                try:
                    self._frame(frame, events)
                except SplitCharacter:
                    self._slowly(self._with_payload, frame.payload, frame.headers, events)
                except UNDECODABLE as refusal:
                    self._refused(frame.payload, refusal)
            if self.failure is not None or self.closed:
                return events
        if damaged is not None:
            self._undecodable(damaged)
        return events

    def end(self) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        self._ended(events)
        return events

    def _frame(self, frame: Frame, events: list[ProviderEvent]) -> None:
        match frame.text(":message-type"):
            case "exception":
                self._exception(frame)
            case "error":
                code = frame.text(":error-code")
                found = {"error": {"message": frame.text(":error-message"), "code": code}}
                self.failure = stream_error(found, self._head, status=_status(code), rules=RULES)
            case _:
                self._event(frame.text(":event-type"), frame.payload, events)

    def _with_payload(self, payload: bytes, headers: dict[str, Any], events: list[ProviderEvent]) -> None:
        self._frame(Frame(headers, payload), events)

    def _exception(self, frame: Frame) -> None:
        name = frame.text(":exception-type")
        try:
            said = decode_kindly(frame.payload)
        except UNDECODABLE:
            said = None  # the header has said what it is
        found = {"error": {**(said if isinstance(said, dict) else {}), "type": name}}
        self.failure = stream_error(found, self._head, status=_status(name), rules=RULES)

    def _event(self, name: str, payload: bytes, events: list[ProviderEvent]) -> None:
        if name not in KNOWN:
            return
        try:
            event = decode_event(payload)
        except msgspec.DecodeError:
            event = decode_beside_strangers(payload, Event, TRIM, WITHIN)
        match name:
            case "messageStart":
                if not self._begun:
                    self._begun = True
                    events.append(Started())
            case "contentBlockStart" if event.start is not None:
                if event.start.is_said:
                    self.say(event.start, event.contentBlockIndex, events)
                else:
                    self._begin(event.contentBlockIndex, decode_json(payload, Pieces).start)
            case "contentBlockDelta" if event.delta is not None:
                if self._open and self._adds(event.contentBlockIndex, payload):
                    return
                self.say(event.delta, event.contentBlockIndex, events)
            case "contentBlockStop":
                self._close(event.contentBlockIndex, events)
            case "messageStop":
                for index in tuple(self._open):
                    self._close(index, events)
                self.stop(event.stopReason)
            case "metadata":
                self.count(event.usage, events)
                self.closed = self.finish is not None
            case _:
                pass

    def _begin(self, index: int, start: dict[str, Any]) -> None:
        for member in TOLD_WHOLE & start.keys():
            if isinstance(start[member], dict):
                self._open[index] = OpenBlock(member, start[member])

    def _adds(self, index: int, payload: bytes) -> bool:
        """Whether a piece is one of a block that is open."""
        block = self._open.get(index)
        if block is None:
            return False
        if not block.add(decode_json(payload, Pieces).delta):
            del self._open[index]  # told, too, it would go back a second time
            return False
        return True

    def _close(self, index: int, events: list[ProviderEvent]) -> None:
        block = self._open.pop(index, None)
        self.show(None if block is None else block.whole(), events)

    def show(self, part: NativePart | ImagePart | FilePart | AudioPart | None, events: list[ProviderEvent]) -> None:
        """Tell a block that is whole; None: there is none."""
        if part is not None:
            events.append(PartAdded(part))
            self._text_at = None
            if isinstance(part, NativePart) and part.kind.endswith(("toolUse", "tool_use")):
                self._own_uses[part.name] = self._own_uses.get(part.name, 0) + 1

    def say(self, block: Block, index: int, events: list[ProviderEvent]) -> None:
        """What a block, or the next piece of one, adds."""
        call, thought, quoting = block.toolUse, block.reasoningContent, block.citationsContent
        if call is not None and call.type in (None, "tool_use"):
            fragment = self._calls.fragment(index, call.toolUseId, call.name, _arguments(call.input))
            events += [] if fragment is None else [fragment]
            self._text_at = None
        if thought is not None:
            whole = thought.reasoningText or ReasoningText(thought.text or "", thought.signature)
            if whole.text or whole.signature or thought.redactedContent:
                events.append(ReasoningDelta(whole.text, index, whole.signature, thought.redactedContent))
                self._text_at = None
        if block.text:
            self._speak(block.text, index, events)
        if block.citation:
            events.append(cited(block.citation))
        if quoting is not None:
            if text := "".join(said.text for said in quoting.content if said.text):
                self._speak(text, index, events)
            events += map(cited, quoting.citations)

    def _speak(self, text: str, index: int, events: list[ProviderEvent]) -> None:
        if index != self._text_at:
            if self._text_at is not None:
                events.append(PartAdded(TextPart("")))  # two texts stay two
            self._text_at = index
        events.append(TextDelta(text))

    def stop(self, native: str | None) -> None:
        """The model stopped; some of the reasons are failures."""
        failure = cut_off(native, self._head)
        if failure is not None:
            self.failure = failure
        else:
            reason = finish_reason(native)
            self.finish = Finished("tool_calls" if reason == "stop" and len(self._calls) else reason, native or None)

    def count(self, counts: Counts | None, events: list[ProviderEvent]) -> None:
        """Token counts: Bedrock's `inputTokens` leaves out those that went into or came from its cache."""
        if counts is not None:
            read, written = counts.cacheReadInputTokens, counts.cacheWriteInputTokens
            details = counts.cacheDetails if isinstance(counts.cacheDetails, list) else []
            hours = [each.get("inputTokens") for each in details if isinstance(each, dict) and each.get("ttl") == "1h"]
            self._counted(
                events,
                total((counts.inputTokens, read, written)),
                counts.outputTokens,
                read,
                cache_write_tokens=written,
                cache_write_1h_tokens=total(tuple(hours)),
                tool_uses=self._own_uses,
            )


def body_decoder(head: ResponseHead) -> JsonBodyDecoder:
    """The decoder of a whole answer, as Converse gives it."""

    def parse(body: bytes, decoder: JsonBodyDecoder) -> list[ProviderEvent]:
        answer = decode_beside_strangers(body, Whole, TRIM, WITHIN)
        events: list[ProviderEvent] = [Started()]
        reader = BedrockDecoder(head)
        written: list[msgspec.Raw] = []
        for index, block in enumerate(answer.output.message.content):
            if block.is_said:
                reader.say(block, index, events)
            else:
                written = written or decode_json(body, Written).output.message.content
                reader.show(part_of(written[index]), events)
        reader.count(answer.usage, events)
        reader.stop(answer.stopReason)
        decoder.finish, decoder.failure = reader.finish, reader.failure
        decoder.miscounted = reader.miscounted
        return events

    return JsonBodyDecoder(or_error(parse, head, rules=RULES))


def _arguments(written: msgspec.Raw) -> str:
    """Arguments as JSON text: a stream's piece is a text already, a whole answer's object is turned into one."""
    found = bytes(written)
    if found.startswith(b'"'):
        return decode_json(found, str)
    return "" if found == b"null" else json_text(written)


def _status(name: str) -> int:
    """The status that an exception stands for; what we do not know broke on the service's side."""
    return next((status for known, status in STREAM_STATUSES.items() if known.lower() == name.lower()), 500)
