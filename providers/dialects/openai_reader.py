"""Answers of the OpenAI chat protocol: what chunks say, and the decoder of a stream of them.

The end is proven by a finish reason, not by `[DONE]`, which some servers send after an error and others never. Errors
come at status 200 too: a top-level `error` beside or in place of `choices`, Groq's `x_groq.error`, an event named
`error`, or a finish reason that is no finish (`abort`, `error`, `insufficient_system_resource`).
"""

from typing import Any

from ..decoder_base import BaseDecoder
from ..error_facts import is_error
from ..events import Finished, ProviderEvent, ReasoningDelta, RefusalDelta, Started, TextDelta
from ..finish_words import cut_off, finish_reason, is_word
from ..mapping import Rule, stream_error
from ..provider import ResponseHead
from ..tool_calls import CallNumbering
from .openai_chunks import (
    CallPart,
    Choice,
    Chunk,
    Delta,
    FirstChunk,
    MixedDelta,
    Whole,
    WholeChoice,
    kindly,
)
from .openai_content import Content
from .openai_counts import Counts, counted
from .openai_repeats import beyond, fields_said
from .openai_rich import Beside, logprobs, signature_of

_NAMED = (FirstChunk, Whole)
"""Chunks that name the model."""

_LEGACY_INDEX = -1
"""Of the one call that the protocol had before it had tools."""


_THOUGHTS = frozenset({"reasoning"})


class ChatReader(BaseDecoder):
    """Chunks into events, however they were framed: what the decoders of a stream and of a whole answer have in common.

    Both are made with two things:
        head: Of the response, for its request id and rate limits.
        rules: The dialect's own rows for classifying errors.
    """

    _begun = False
    _calls: CallNumbering | None = None
    _legacy = False
    """The call comes as `function_call`."""
    _by_delta = False
    """Text has come in deltas, since the last list: a message beside them says it again."""
    _content: Content | None = None
    """Content that is a list, once there was some."""
    _beside: Beside | None = None
    """What stands beside the text, once there was some."""
    _rare: frozenset[str] = frozenset()
    """What was said beyond text and calls, by the names of fields."""
    _message: Delta | None = None
    """The last message that came in place of a delta."""

    _head: ResponseHead
    _rules: tuple[Rule, ...]

    def _take(self, chunk: Chunk | Whole, events: list[ProviderEvent]) -> None:
        if not self._begun:
            self._begin(chunk, events)
        if chunk.citations is not None or chunk.search_results is not None:
            self._beside_text().chunk(chunk)
        for choice in chunk.choices or ():
            delta = choice.delta if choice.message is None else self._delta_or_message(choice)
            if delta is not None:
                if delta.content and delta.is_text():
                    events.append(TextDelta(delta.content))
                    self._by_delta = True
                else:
                    self._rare_delta(delta, events)
                if delta.refusal:
                    self._rare |= {"refusal"}
                    events.append(RefusalDelta(delta.refusal))
            if choice.logprobs and (likely := logprobs(choice.logprobs)) is not None:
                events.append(likely)
            if choice.usage is not None:
                self._count(choice.usage, events)
            if choice.error:
                self.failure = stream_error(choice.error, self._head, rules=self._rules)
            elif choice.finish_reason:
                self._finish(choice.finish_reason, events)
        if chunk.usage is not None:
            self._count(chunk.usage, events)
        if chunk.x_groq is not None:
            if chunk.x_groq.usage is not None:
                self._count(chunk.x_groq.usage, events)
            if chunk.x_groq.error:
                self.failure = stream_error(chunk.x_groq.error, self._head, rules=self._rules)

    def _begin(self, chunk: Chunk | Whole, events: list[ProviderEvent]) -> None:
        """Report the model once. Azure's first chunk names none, so wait for the first choice."""
        model, answer_id = (chunk.model, chunk.id) if isinstance(chunk, _NAMED) else (None, None)
        if model or chunk.choices:
            self._begun = True
            events.append(Started(model or None, answer_id or None))

    def _delta_or_message(self, choice: Choice | WholeChoice) -> Delta | None:
        """What a choice with a message says: by its delta; by the message, where no delta has said it before."""
        delta, message = choice.delta, choice.message
        if delta is not None and (delta.says_something() or not choice.finish_reason):
            return delta
        if message is None:
            return delta
        before, self._message = self._message, message
        told = {*self._rare}
        if self._by_delta or self._content is not None:
            told.add("content")
        if self._calls is not None and len(self._calls):
            told.add("tool_calls")
        return beyond(message, before, told)

    def _rare_delta(self, delta: Delta, events: list[ProviderEvent]) -> None:
        thoughts = delta.reasoning or delta.reasoning_content  # Together sends both, with the same text
        if thoughts:
            events.append(ReasoningDelta(thoughts))
            if not self._rare:
                self._rare = _THOUGHTS
            elif "reasoning" not in self._rare:
                self._rare |= _THOUGHTS
        if delta.content:
            events.append(TextDelta(delta.content))
            self._by_delta = True
        elif type(delta) is MixedDelta:
            self._content = self._content or Content()
            events += self._content.read(delta.chunks, text_since=self._by_delta)
            self._by_delta = False
        if delta.is_rich():
            self._rare |= fields_said(delta)
            self._beside_text().delta(delta, events)
        for call in delta.tool_calls or ():
            self._call(call, events)
        if delta.function_call is not None and (self._calls is None or self._legacy):  # some say one call in both ways
            self._legacy = True
            self._call(CallPart(_LEGACY_INDEX, None, delta.function_call), events)

    def _call(self, call: CallPart, events: list[ProviderEvent]) -> None:
        function = call.function
        if self._calls is None:
            self._calls = CallNumbering()
        name, arguments = (function.name, function.arguments) if function else (None, None)
        if call.custom is None and call.extra_content is None:  # nearly always
            fragment = self._calls.fragment(call.index, call.id, name, arguments)
        else:
            if (custom := call.custom) is not None:
                name, arguments = custom.name, custom.input
            state, is_custom = signature_of(call), custom is not None
            fragment = self._calls.fragment(call.index, call.id, name, arguments, signature=state, custom=is_custom)
        if fragment is not None:
            events.append(fragment)

    def _beside_text(self) -> Beside:
        if self._beside is None:
            self._beside = Beside()
        return self._beside

    def _count(self, counts: Counts, events: list[ProviderEvent]) -> None:
        if said := counted(counts):
            self._counted(events, **said)

    def _finish(self, native: str, events: list[ProviderEvent]) -> None:
        if not is_word(native):
            return
        failure = cut_off(native, self._head)
        if failure is not None:
            self.failure = failure
            return
        reason = finish_reason(native)
        if self._beside is not None:
            events += self._beside.rest()
        if self._calls is not None:
            events += self._calls.rest()
            if reason == "stop" and len(self._calls):
                reason = "tool_calls"  # Ollama, and a forced tool at OpenAI itself
        self.finish = Finished(reason, native)

    def _object(self, decoded: dict[str, Any], name: str, events: list[ProviderEvent]) -> None:
        failed = decoded.get("error") or name == "error" or (not decoded.get("choices") and is_error(decoded))
        if isinstance(decoded.get("choices"), list) or not failed:
            self._take(kindly(decoded), events)
        if failed:
            self.failure = stream_error(decoded, self._head, rules=self._rules)
