"""Answers of Ollama's native chat: a line of JSON for each piece, or one for all.

The end is proven with `"done": true`; some failures are a line in the stream.
"""

import base64
from typing import Any

import msgspec

from ..codecs import decode_json, decode_kindly
from ..codecs.json import json_text
from ..counts import Count
from ..decoder_base import UNKNOWN_PASSED_OVER
from ..decoding import LineDecoder
from ..error_facts import facts_of, is_error
from ..errors import InvalidRequest
from ..events import Finished, PartAdded, ProviderEvent, ReasoningDelta, Started, TextDelta, ToolCallDelta
from ..finish_words import cut_off, finish_reason
from ..mapping import stream_error
from ..parts import ImagePart, Logprobs
from ..provider import ResponseHead
from ..refusals.ollama import OLLAMA
from ..tool_calls import CallIds, whole_arguments

RULES = OLLAMA.own


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _Call(msgspec.Struct, gc=False):
    function: _Function | None = None
    id: str | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None
    images: list[str] | None = None


class _Object(msgspec.Struct, gc=False):
    model: str | None = None
    message: _Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: Count = None
    eval_count: Count = None
    logprobs: msgspec.Raw = msgspec.Raw()
    error: Any = None


_decode = msgspec.json.Decoder(_Object).decode


class OllamaDecoder(LineDecoder):
    """A stream of objects; one that is `done` at once is the whole answer of a request without a stream."""

    def __init__(self, head: ResponseHead) -> None:
        super().__init__()
        self._head = head
        self._begun = False
        self._calls = 0
        self._ids = CallIds()

    def _payload(self, data: bytes, events: list[ProviderEvent]) -> None:
        said: _Object | None
        try:
            said = _decode(data)
        except msgspec.DecodeError:
            said = self._odd(data)
        if said is None or said.error or (said.message is None and not said.done):
            self._report(decode_kindly(data))
            return
        if not self._begun:
            self._begun = True
            events.append(Started(said.model or None))
        if said.message is not None:
            self._take(said.message, events)
        if said.logprobs and (tokens := json_text(said.logprobs)).startswith("[{"):
            events.append(PartAdded(Logprobs(tokens)))
        if said.done:
            self._finish(said, events)

    def _odd(self, data: bytes) -> _Object | None:
        """What does not fit at first; None: an object of another kind, since those of an answer say `done`."""
        try:
            return decode_json(data, _Object)
        except msgspec.ValidationError:
            found = decode_json(data)
            if not isinstance(found, dict) or "done" in found:
                raise
            return None

    def _report(self, found: Any) -> None:
        """No part of the answer: what failed inside it, or nothing that is known.

        What fails there is the runner or the upstream, never the request: that was accepted. Some releases write
        `{"error parsing tool call": …}`, the sentence as the name.
        """
        for name, words in found.items():
            if name.startswith("error "):
                found = {"error": f"{name}: {words}" if words else name}
                break
        if is_error(found):
            self.failure = stream_error(found, self._head, status=facts_of(found).status or 500, rules=RULES)
        else:
            self._note(UNKNOWN_PASSED_OVER)

    def _take(self, message: _Message, events: list[ProviderEvent]) -> None:
        # Every call comes whole, and the index inside it counts anew in each object.
        calls = [(call.id, call.function) for call in message.tool_calls or () if call.function and call.function.name]
        arguments = [whole_arguments(function.arguments) for _, function in calls]  # first: it may be no UTF-8
        said = [
            ToolCallDelta(self._calls + place, self._ids.of(call_id), function.name, arguments[place])
            for place, (call_id, function) in enumerate(calls)
        ]
        if message.thinking:
            events.append(ReasoningDelta(message.thinking))
        if message.content:
            events.append(TextDelta(message.content))
        events += [PartAdded(image) for data in message.images or () if (image := _image(data)) is not None]
        events += said
        self._calls += len(said)

    def _finish(self, said: _Object, events: list[ProviderEvent]) -> None:
        if said.prompt_eval_count is not None or said.eval_count is not None:  # zeros are left out by the server
            self._counted(events, said.prompt_eval_count, said.eval_count)
        failure = cut_off(said.done_reason, self._head)
        if failure is not None:
            self.failure = failure
            return
        reason = finish_reason(said.done_reason)
        if self._calls and reason in ("stop", "other"):
            reason = "tool_calls"  # the server says `stop`
        self.finish = Finished(reason, said.done_reason or None)
        self.closed = True


def _image(data: str) -> ImagePart | None:
    """An image of an answer: its bytes, or a whole URL; None: they are none."""
    if data.startswith(("data:", "https:", "http:")):
        return ImagePart(data)
    try:
        return ImagePart.from_bytes(base64.b64decode(data, validate=True))
    except (ValueError, InvalidRequest):
        return None
