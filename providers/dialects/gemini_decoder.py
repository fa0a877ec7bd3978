"""Answers of Google's Gemini API: chunks as Server-Sent Events, one JSON body, or an array of chunks.

The end is proven by a candidate's finish reason, and even then an error may follow: so nothing but the end of the body
closes a stream. AI Studio writes such an error as bare, pretty-printed JSON without `data:`. Calls of tools end in
`STOP` like everything else. Token counts come with every chunk, each replacing the last.
"""

from typing import Any

import msgspec

from .. import hints
from ..codecs import UNDECODABLE, decode_json, decode_kindly
from ..codecs.bare_json import BareJson
from ..codecs.sse import STRAY
from ..counts import total
from ..decoding import EventStreamDecoder, JsonBodyDecoder
from ..errors import ErrorKind, ProviderError
from ..events import Finished, PartAdded, ProviderEvent, ReasoningDelta, Started, TextDelta, ToolCallDelta
from ..finish_words import cut_off, finish_reason
from ..mapping import error_told, or_error, stream_error
from ..parts import NativePart, TextPart
from ..provider import ResponseHead
from ..refusals.gemini import GEMINI
from ..strangers import decode_beside_strangers
from ..tool_calls import CallIds, whole_arguments
from .gemini_chunks import TRIM, WITHIN, Call, Candidate, Chunk, Counts, Part, Written, decode_chunk
from .gemini_natives import Sources, logprobs, odd_part

RULES = GEMINI.own

_NOT_SET = "FINISH_REASON_UNSPECIFIED"


class ContentStreamDecoder(EventStreamDecoder):
    """A stream of chunks.

    Args:
        head: Of the response.
    """

    _tells_strays = True

    def __init__(self, head: ResponseHead) -> None:
        super().__init__()
        self._head = head
        self._begun = False
        self._calls = 0
        self._ids = CallIds()
        self._block = 0  # of thinking: the one that is open, or the next
        self._thinks = False
        self._in_text = False  # the part that was told last is a text
        self._sources = Sources()
        self._counts: Counts | None = None
        self._searches = 0
        self._details = msgspec.Raw(), msgspec.Raw()
        self._kinds: dict[str, int] = {}
        self._bare: BareJson | None = BareJson()

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        if name is STRAY:
            self._stray(data)
            return
        try:
            chunk = decode_chunk(data)
        except msgspec.DecodeError:
            chunk = decode_beside_strangers(data, Chunk, TRIM, WITHIN)
        if chunk.error:
            self._error(decode_kindly(data))
            return
        if chunk.candidates is None and chunk.usage_metadata is None and chunk.prompt_feedback is None:
            self.failure = error_told(data, self._head, rules=RULES)
        self.take(chunk, data, events)

    def _stray(self, lines: bytes) -> None:
        """Lines of what may be an error: taken for one as soon as it is whole, not only when the server closes."""
        if self._bare is not None and (closed := self._bare.closed_by(lines)) is not None:
            self._bare = None
            self._bare_error(closed, whole=False)

    def _residue(self, residue: bytes, events: list[ProviderEvent]) -> None:
        self._bare_error(residue, whole=True)

    def _bare_error(self, residue: bytes, *, whole: bool) -> None:
        """Take JSON among the events for an error; what is no JSON says nothing. `whole`: no more of it will come."""
        if residue.lstrip()[:1] not in (b"{", b"["):
            return
        try:
            decoded = decode_kindly(residue)
        except UNDECODABLE:
            if whole:
                self.failure = ProviderError(ErrorKind.TRUNCATED, "the stream ended inside an error that it reports")
            return
        if self._whole is None or _reports_error(decoded):  # a whole answer may look the same
            self._error(decoded)

    def _worded(self, words: str) -> ProviderError:
        return stream_error(words, self._head, status=500, rules=RULES)

    def _error(self, decoded: Any) -> None:
        self.failure = stream_error(decoded, self._head, rules=RULES)

    def take(self, chunk: Chunk, data: bytes, events: list[ProviderEvent]) -> None:
        """Everything that a chunk says. `data`: as it is written."""
        if not self._begun and (chunk.candidates or chunk.model_version):
            self._begun = True
            events.append(Started(chunk.model_version or None, chunk.response_id or None))
        for candidate in chunk.candidates or ():
            if candidate.index:
                continue  # only the first of several answers is asked for
            for part in (candidate.content.parts if candidate.content else None) or ():
                if part.text is None and part.function_call is None:
                    self._written(chunk, candidate, part, data, events)
                else:
                    self._part(part, events)
            if candidate.grounding_metadata or candidate.citation_metadata or candidate.logprobs_result:
                events += self._sources.told(candidate.grounding_metadata, candidate.citation_metadata)
                events += logprobs(candidate.logprobs_result)
            native = candidate.finish_reason
            if native and native != _NOT_SET and self.failure is None:
                self._finish(native)
        if chunk.usage_metadata is not None:
            self._count(chunk.usage_metadata, events)
        if not chunk.candidates and chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            self.failure = ProviderError(
                ErrorKind.CONTENT_FILTER,
                "the provider's content filter refused the prompt",
                native_code=chunk.prompt_feedback.block_reason,
                request_id=hints.request_id(self._head.headers),
                provider_message=chunk.prompt_feedback.block_reason,
            )

    def _written(
        self, chunk: Chunk, candidate: Candidate, part: Part, data: bytes, events: list[ProviderEvent]
    ) -> None:
        """A part that is neither text nor a call: an image, what the provider's own tools did, or bare state."""
        place = next(at for at, each in enumerate(chunk.candidates or ()) if each is candidate)
        parts = (candidate.content.parts if candidate.content else None) or ()
        at = next(at for at, each in enumerate(parts) if each is part)
        try:
            content = decode_json(data, Written).candidates[place].content
            found = odd_part(content.parts[at]) if content is not None and content.parts is not None else None
        except UNDECODABLE:
            self._note("a part that cannot be read was passed over")
            return
        if found is None:
            self._part(part, events)
            return
        self._close_block()
        self._in_text = False
        events.append(PartAdded(found))
        if part.thought_signature and not isinstance(found, NativePart):
            self._sign(part.thought_signature, events)

    def _sign(self, signature: str, events: list[ProviderEvent]) -> None:
        """The state of a text, of an image or of nothing is a block of its own behind it, without any thought."""
        events.append(ReasoningDelta("", self._block, signature))
        self._block += 1
        self._in_text = False

    def _part(self, part: Part, events: list[ProviderEvent]) -> None:
        if part.function_call is not None:
            self._close_block()
            self._in_text = False
            self._call(part.function_call, part.thought_signature, events)
        elif part.thought:
            self._thinks, self._in_text = True, False
            if part.text or part.thought_signature:
                events.append(ReasoningDelta(part.text or "", self._block, part.thought_signature or None))
            if part.thought_signature:
                self._close_block()
        elif part.text is not None or part.thought_signature:
            self._close_block()
            signature = part.thought_signature
            if part.text:
                if signature and self._in_text:
                    events.append(PartAdded(TextPart("")))  # what is signed is a part by itself
                events.append(TextDelta(part.text))
                self._in_text = True
            if signature:
                self._sign(signature, events)

    def _close_block(self) -> None:
        if self._thinks:
            self._thinks = False
            self._block += 1

    def _call(self, call: Call, signature: str | None, events: list[ProviderEvent]) -> None:
        if call.partial_args is not None or call.will_continue:
            self.failure = ProviderError(
                ErrorKind.PROTOCOL, "the stream holds a call's arguments in parts, which the request did not ask for"
            )
            return
        arguments = whole_arguments(call.args)
        events.append(ToolCallDelta(self._calls, self._ids.of(call.id), call.name, arguments, signature or None))
        self._calls += 1

    def _count(self, counts: Counts, events: list[ProviderEvent]) -> None:
        prompt, answer = counts.prompt_token_count, counts.candidates_token_count
        searches = len(self._sources.searches)
        if prompt is None or (counts == self._counts and searches == self._searches):
            return
        self._counts, self._searches = counts, searches
        used, thought = counts.tool_use_prompt_token_count, counts.thoughts_token_count
        self._counted(
            events,
            prompt if used is None else total((prompt, used)),
            answer if thought is None else total((answer, thought)),
            counts.cached_content_token_count,
            thought,
            tool_uses={"web_search": searches} if searches else None,
            **self._kinds_of(counts),
        )

    def _kinds_of(self, counts: Counts) -> dict[str, int]:
        """The tokens that are no text: told again with every chunk, and the same nearly always."""
        details = counts.prompt_tokens_details, counts.candidates_tokens_details
        if details != self._details:
            self._details = details
            self._kinds = {
                "input_audio_tokens": _of_kind("AUDIO", details[0]),
                "input_image_tokens": _of_kind("IMAGE", details[0]),
                "output_audio_tokens": _of_kind("AUDIO", details[1]),
                "output_image_tokens": _of_kind("IMAGE", details[1]),
            }
            if not any(self._kinds.values()):
                self._kinds = {}
        return self._kinds

    def _finish(self, native: str) -> None:
        failure = cut_off(native, self._head)
        if failure is not None:
            self.failure = failure
            return
        reason = finish_reason(native)
        self.finish = Finished("tool_calls" if reason == "stop" and self._calls else reason, native)


def _of_kind(kind: str, written: msgspec.Raw) -> int:
    """The tokens of one modality."""
    if kind.encode() not in bytes(written):
        return 0  # nearly always
    try:
        details = decode_kindly(bytes(written))
    except UNDECODABLE:
        return 0
    found = [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
    return total(tuple([each.get("tokenCount") for each in found if each.get("modality") == kind]))


def _reports_error(decoded: Any) -> bool:
    first = decoded[0] if isinstance(decoded, list) and decoded else decoded
    return isinstance(first, dict) and bool(first.get("error"))


def content_body_decoder(head: ResponseHead) -> JsonBodyDecoder:
    """The decoder of a whole answer in one JSON body, or of an array of chunks, which `alt=sse` would have streamed."""

    def parse(body: bytes, decoder: JsonBodyDecoder) -> list[ProviderEvent]:
        chunks = decode_json(body, list[msgspec.Raw]) if body.startswith(b"[") else [msgspec.Raw(body)]
        reader = ContentStreamDecoder(head)
        events: list[ProviderEvent] = []
        for chunk in chunks:
            if reader.failure is None:
                reader._payload(bytes(chunk), "message", events)
        if reader.failure is None and reader.finish is None and not events:
            raise msgspec.ValidationError("the body holds no candidates")
        decoder.finish, decoder.failure = reader.finish, reader.failure
        decoder.miscounted = reader.miscounted
        return events

    return JsonBodyDecoder(or_error(parse, head, rules=RULES))
