"""The content blocks of a Messages answer, in the order in which they begin: what starts, goes on and stops when.

One block is open at a time. What comes for a block that is closed opens another; only a piece of a call still goes to
its own block, since its arguments mean nothing elsewhere.
"""

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
from ..parts import Citation, NativePart, TextPart
from .dialect import Asking
from .messages_reader import CALL_STATE, NAME
from .state import Notes, marked, object_of, sealed
from .waiting import Waiting

_Object: TypeAlias = dict[str, Any]
Step: TypeAlias = tuple[str, int, _Object]
"""`start` with a block, `delta` with a piece of it, or `stop`; and the block's place."""

_WORDS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
}
_OWN_WORDS = frozenset({*_WORDS.values(), "stop_sequence", "model_context_window_exceeded", "compaction"})
"""Words of this API, which are kept where the answer's own target has said them."""


class Blocks:
    """The blocks of one answer.

    Attributes:
        steps: What has happened since it was taken last.
        usage: The tokens, as they were counted last.
        model: The model, as the first target names it.
        left_out: What this API has no words for.
    """

    def __init__(self, source: Asking) -> None:
        self._source = source
        self.steps: list[Step] = []
        self.left_out = Notes()
        self.usage: Usage | None = None
        self.model: str | None = None
        self.stop_reason = "end_turn"
        self._begun = 0
        self._open: tuple[str, int] | None = None  # the kind of the block that is open, and whose it is
        self._thoughts: set[int] = set()  # of this target, that were begun
        self._calls: dict[int, int] = {}  # the place of each call's block
        self._waiting = Waiting()
        self._refused = False

    @property
    def text_at(self) -> int | None:
        """The place of the text that is open; None: there is none."""
        return self._begun - 1 if self._open == ("text", 0) else None

    def add(self, event: object) -> None:
        """Take the next event."""
        match event:
            case TextDelta():
                self._say(event.text)
            case ReasoningDelta():
                self._think(event)
            case RefusalDelta():
                self._refused = True
                self._say(event.text)
            case ToolCallDelta():
                self._call(event)
            case PartAdded():
                self._part(event)
            case Started():
                self.model = self.model or event.model
            case Usage():
                self.usage = event
            case Finished():
                for call in self._waiting.rest():
                    self._begin_call(call)
                self.close()
                self.stop_reason = self._why(event)
            case _:
                self.hand_over()

    def hand_over(self) -> None:
        """Another target goes on: thinking that is open is closed, and what follows is another block."""
        if self._open is not None and self._open[0] == "thinking":
            self.close()
        self._thoughts.clear()

    def close(self) -> None:
        """The open block is whole."""
        if self._open is not None:
            self.steps.append(("stop", self._begun - 1, {}))
            self._open = None

    def _start(self, kind: str, whose: int, block: _Object) -> None:
        if self._waiting and kind != "call":
            self._begin_waiting()
        self.close()
        self.steps.append(("start", self._begun, block))
        self._open = (kind, whose)
        self._begun += 1

    def _delta(self, piece: _Object, at: int | None = None) -> None:
        self.steps.append(("delta", self._begun - 1 if at is None else at, piece))

    def _say(self, text: str) -> None:
        if self._open != ("text", 0):
            self._start("text", 0, {"type": "text", "text": ""})
        self._delta({"type": "text_delta", "text": text})

    def _think(self, event: ReasoningDelta) -> None:
        here = ("thinking", event.index)
        if event.text:
            if self._open != here:
                self._start(*here, {"type": "thinking", "thinking": "", "signature": ""})
            self._thoughts.add(event.index)
            self._delta({"type": "thinking_delta", "thinking": event.text})
        if event.signature is event.redacted is event.details is None:
            return
        source = self._source()
        if source is None:
            self.left_out.leave_out("opaque state")
            return
        if self._open != here and (event.signature is None or event.index in self._thoughts):
            block = {"type": "redacted_thinking", "data": sealed(event, source.origin, "redacted")}
            self._start("redacted", event.index, block)
        else:
            if self._open != here:
                self._start(*here, {"type": "thinking", "thinking": "", "signature": ""})
            self._delta({"type": "signature_delta", "signature": sealed(event, source.origin, "signature")})
        self._thoughts.add(event.index)
        self.close()

    def _call(self, event: ToolCallDelta) -> None:
        if event.index not in self._calls:
            ready = self._waiting.ready(event)
            if ready is not None:
                self._begin_call(ready)
            elif self._open is not None and self._open[0] != "call":
                self.close()  # what comes next is another block, behind the call
            return
        if event.signature is not None:
            self.left_out.leave_out("opaque state")
        self._argue(event)

    def _begin_waiting(self) -> None:
        """The calls that came before what begins now."""
        for call in self._waiting.named():
            self._begin_call(call)

    def _begin_call(self, event: ToolCallDelta) -> None:
        block: _Object = {"type": "tool_use", "id": event.id or "", "name": event.name or "", "input": {}}
        self._start("call", event.index, block | self._call_state(event.signature))
        self._calls[event.index] = self._begun - 1
        self._argue(event)

    def _argue(self, event: ToolCallDelta) -> None:
        if event.arguments:
            self._delta({"type": "input_json_delta", "partial_json": event.arguments}, self._calls[event.index])

    def _call_state(self, signature: str | None) -> _Object:
        """What a call brings back beside its arguments: this API's own fields, or another's state."""
        source = None if signature is None else self._source()
        if signature is None or source is None:
            return {}
        own = object_of(signature) if source.dialect == NAME else {}
        if own and own.keys() <= set(CALL_STATE):
            return marked(own, source.origin)
        return marked({}, source.origin, signature)

    def _part(self, event: PartAdded) -> None:
        match event.part:
            case TextPart(text=text, phase=phase):  # the next text is another block
                self.close()
                if phase is not None:
                    self.left_out.leave_out("phases")
                if text:
                    self._say(text)
            case Citation() as citation:
                self._cite(citation)
            case NativePart() as part if (source := self._source()) is not None and source.dialect == NAME:
                block = marked(object_of(part.details), source.origin)
                written = block.get("input")
                has_input = isinstance(written, dict) and bool(written)
                self._start("native", 0, {**block, "input": {}} if has_input else block)
                if has_input:
                    self._delta({"type": "input_json_delta", "partial_json": msgspec.json.encode(written).decode()})
                self.close()
            case part:
                self.left_out.leave_out(type(part).__name__)

    def _cite(self, citation: Citation) -> None:
        if self._open != ("text", 0):
            self._start("text", 0, {"type": "text", "text": ""})
        source = self._source()
        own = object_of(citation.details) if source is not None and source.dialect == NAME else {}
        if own and source is not None:
            self._delta({"type": "citations_delta", "citation": marked(own, source.origin)})
            return
        told: _Object = {
            "type": "web_search_result_location",
            "url": citation.url,
            "title": citation.title,
            "cited_text": citation.text,
            "encrypted_index": "",
        }
        if source is not None and citation.details is not None:
            told = marked(told, source.origin, citation.details)
        self._delta({"type": "citations_delta", "citation": told})

    def _why(self, event: Finished) -> str:
        native = event.native_reason
        if self._refused and event.reason != "length":
            return "refusal"
        if native in _OWN_WORDS and native is not None and finish_reason(native) == event.reason:
            return native
        return _WORDS.get(event.reason or "stop", "end_turn")
