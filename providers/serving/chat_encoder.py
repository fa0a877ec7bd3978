"""Answers of OpenAI's chat completions in chunks, with `[DONE]` behind them.

A chunk of text is the answer's head, the text as JSON and the tail: head and tail are rendered once. The shapes follow
OpenAI's SDK; what it has no words for is said as OpenRouter says it: `reasoning_content`, `reasoning_details` with the
state of thinking, `images`.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from ..events import (
    Finished,
    FinishReason,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ..finish_words import finish_reason
from ..parts import AudioPart, Citation, ImagePart, Logprobs, TextPart
from ..returning import wrapped
from .chat_reader import AFTER
from .dialect import About, Asked, Asking, Failure
from .errors import openai_object
from .rendering import encoded, framed
from .state import Notes, marked, object_of, sealed

_Object: TypeAlias = dict[str, Any]
_json = msgspec.json.encode

_FINISH: dict[FinishReason | None, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
"""What this protocol has a word for; anything else is `stop`."""
_DONE = b"data: [DONE]\n\n"


class _Thought:
    """A block of thinking, kept until its state is told with it."""

    __slots__ = ("after", "number", "pieces")

    def __init__(self, number: int, after: tuple[int, int]) -> None:
        self.number, self.after = number, after
        self.pieces: list[str] = []


class ChatWriter:
    """What deltas and whole messages of one answer have in common: the wire's words for each event.

    Attributes:
        left_out: What it has no words for.
        usage: The tokens, as they were counted last.
        model: The model, as the first target names it.
        calls: How many calls were told.
    """

    def __init__(self, source: Asking) -> None:
        self._source = source
        self.left_out = Notes()
        self.usage: Usage | None = None
        self.model: str | None = None
        self.calls: dict[int, bool] = {}  # by index, whether it is of a custom tool
        self.characters = 0
        self._thoughts: dict[int, _Thought] = {}
        self._numbers = 0

    def close_thoughts(self) -> None:
        """Another target goes on: its blocks of thinking are others, whatever their numbers."""
        self._thoughts.clear()

    def delta(self, event: object) -> _Object | None:
        """What a delta says of an event; None: nothing."""
        match event:
            case TextDelta():
                self.characters += len(event.text)
                return {"content": event.text}
            case ReasoningDelta():
                return self._reasoning(event)
            case RefusalDelta():
                return {"refusal": event.text}
            case ToolCallDelta():
                return {"tool_calls": [self._call(event)]}
            case PartAdded():
                return self._part(event)
            case Started():
                self.model = self.model or event.model
            case Usage():
                self.usage = event
            case _:
                self.close_thoughts()
        return None

    def finish(self, event: Finished) -> str:
        """Why the answer ended, in this protocol's words."""
        if event.native_reason in _FINISH.values() and finish_reason(event.native_reason) == event.reason:
            return event.native_reason or "stop"
        if event.reason == "pause":
            self.left_out.leave_out("that the provider paused")
        return _FINISH.get(event.reason, "stop")

    def _reasoning(self, event: ReasoningDelta) -> _Object | None:
        thought = self._thoughts.get(event.index)
        if thought is None:
            thought = self._thoughts[event.index] = _Thought(self._numbers, (self.characters, len(self.calls)))
            self._numbers += 1
        said: _Object = {}
        if event.text:
            thought.pieces.append(event.text)
            said["reasoning_content"] = event.text
        if not (event.signature is event.redacted is event.details is None):
            source = self._source()
            if source is None:
                self.left_out.leave_out("opaque state")
            else:
                said["reasoning_details"] = [_detail(event, thought, source.origin)]
        return said or None

    def _call(self, event: ToolCallDelta) -> _Object:
        call: _Object = {"index": event.index}
        first = event.index not in self.calls
        custom = self.calls.setdefault(event.index, event.custom)
        kind, said = ("custom", "input") if custom else ("function", "arguments")
        if first:
            call |= {"id": event.id, "type": kind}
        inner: _Object = {} if event.name is None else {"name": event.name}
        call[kind] = inner | {said: event.arguments}
        if event.signature is not None:
            if (source := self._source()) is None:
                self.left_out.leave_out("opaque state")
            else:
                call["extra_content"] = {"google": {"thought_signature": wrapped(event.signature, source.origin)}}
        return call

    def _part(self, event: PartAdded) -> _Object | None:
        match event.part:
            case TextPart(text=text, phase=phase):  # texts have no borders here
                if phase is not None:
                    self.left_out.leave_out("phases")
                self.characters += len(text)
                return {"content": text} if text else None
            case ImagePart() as image:
                return {"images": [{"type": "image_url", "image_url": {"url": image.url}}]}
            case AudioPart() as audio:
                data = audio.data
                return {
                    "audio": {"id": audio.id or "", "data": data[1] if data else "", "transcript": audio.transcript}
                }
            case Citation() as citation:
                return {"annotations": [self._annotation(citation)]}
            case Logprobs():
                return {}
            case part:
                self.left_out.leave_out(type(part).__name__)
                return None

    def _annotation(self, citation: Citation) -> _Object:
        written = object_of(citation.details)
        if written.get("type") == "url_citation" and "url_citation" in written:
            return written
        about: _Object = {"url": citation.url, "title": citation.title}
        about |= {"start_index": citation.start or 0, "end_index": citation.end or 0}
        note: _Object = {"type": "url_citation", "url_citation": about}
        source = self._source() if citation.details is not None else None
        return note if source is None else marked(note, source.origin, citation.details or "")


def _detail(event: ReasoningDelta, thought: _Thought, origin: Any) -> _Object:
    """The state of a block, with all its text: the two go back together."""
    text = "".join(thought.pieces)
    place: _Object = {"index": thought.number, AFTER: list(thought.after)}
    if not text and event.signature is None:
        return {"type": "reasoning.encrypted", "data": sealed(event, origin, "redacted"), **place}
    return {"type": "reasoning.text", "text": text, "signature": sealed(event, origin, "signature"), **place}


def usage_of(usage: Usage) -> _Object:
    """The tokens, in this protocol's words."""
    prompt: _Object = {
        "cached_tokens": usage.cached_input_tokens or 0,
        "audio_tokens": usage.input_audio_tokens or 0,
    }
    answer: _Object = {
        "reasoning_tokens": usage.reasoning_tokens or 0,
        "audio_tokens": usage.output_audio_tokens or 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }
    for where, name, count in (
        (prompt, "cache_write_tokens", usage.cache_write_tokens),
        (prompt, "image_tokens", usage.input_image_tokens),
        (answer, "image_tokens", usage.output_image_tokens),
    ):
        if count is not None:
            where[name] = count
    told: _Object = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": answer,
    }
    if usage.tool_uses:
        told["server_tool_use"] = usage.tool_uses
    return told if usage.cost is None else told | {"cost": usage.cost}


class ChatStream:
    """Tells one answer in chunks. The role comes with the first of them."""

    def __init__(self, asked: Asked, about: About, source: Asking) -> None:
        self._asked, self._about = asked, about
        self._writer = ChatWriter(source)
        self._head = self._text_head = self._tail = b""
        self._begun = False

    @property
    def notes(self) -> tuple[str, ...]:
        return self._writer.left_out.told()

    def encode(self, events: Iterable[object]) -> bytes:
        out: list[bytes] = []
        head, tail, writer = self._text_head, self._tail, self._writer
        for event in events:
            if type(event) is TextDelta and head:
                text = event.text
                writer.characters += len(text)
                out += (head, _json(text) if text.isascii() else encoded(text), tail)
            elif type(event) is Finished:
                out.append(self._finished(event))
            else:
                self._rare(event, out)
                head, tail = self._text_head, self._tail
        return b"".join(out)

    def handed_over(self) -> bytes:
        self._writer.close_thoughts()
        return b""

    def failed(self, failure: Failure) -> bytes:
        self._begin()
        choice = {"index": 0, "delta": {}, "finish_reason": "error"}
        return framed(self._about_it() | {"choices": [choice], "error": openai_object(failure)})

    def _rare(self, event: object, out: list[bytes]) -> None:
        delta = self._writer.delta(event)
        if delta is None:
            return
        if not self._begun:
            self._begin()
            delta = {"role": "assistant", **delta}
        tail = self._tail
        if isinstance(event, PartAdded) and isinstance(event.part, Logprobs):
            likely = b',"logprobs":{"content":' + event.part.details.encode() + b',"refusal":null}'
            out += (self._head, encoded(delta), likely, tail[1:])
        else:
            out += (self._head, encoded(delta), tail[1:])

    def _begin(self) -> None:
        """Render what every chunk begins and ends with."""
        if self._begun:
            return
        self._begun = True
        about = _json(self._about_it())[:-1]
        self._head = b"data: " + about + b',"choices":[{"index":0,"delta":'
        self._text_head = self._head + b'{"content":'
        usage = b',"usage":null' if self._asked.include_usage else b""
        self._tail = b'},"finish_reason":null}]' + usage + b"}\n\n"

    def _about_it(self) -> _Object:
        about = self._about
        return {
            "id": f"chatcmpl-{about.token}",
            "object": "chat.completion.chunk",
            "created": about.created_s,
            "model": about.model or self._writer.model or self._asked.model,
        }

    def _finished(self, event: Finished) -> bytes:
        delta = b"{}" if self._begun else b'{"role":"assistant","content":""}'
        self._begin()
        ended = self._tail[1:].replace(b"null", _json(self._writer.finish(event)), 1)
        out = self._head + delta + ended
        usage = self._writer.usage
        if self._asked.include_usage and usage is not None:
            out += framed(self._about_it() | {"choices": [], "usage": usage_of(usage)})
        return out + _DONE
