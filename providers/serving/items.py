"""The items of a response, in the order in which they begin: what is announced, said, and said again when it is whole.

One item is open at a time. What comes for an item that is done opens another; only a piece of a call still goes to its
own item, since its arguments mean nothing elsewhere.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from ..events import (
    Finished,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ..parts import Citation, ImagePart, Logprobs, NativePart, TextPart
from ..returning import wrapped
from .dialect import Asking
from .responses_reader import NAME
from .state import MARK, Notes, joined, marked, object_of, sealed
from .waiting import Waiting

_Object: TypeAlias = dict[str, Any]
Emit: TypeAlias = Callable[[str, _Object], None]
"""Tells an event: its kind, without `response.`, and its fields."""

IMAGE_CALL = "image_generation_call"


class Open:
    """The item that is open.

    Attributes:
        kind: `text`, `refusal`, `reasoning` or `call`.
        whose: The number of the thought or of the call.
        item: As it is when it is done.
        pieces: What was said of it.
    """

    __slots__ = ("at", "item", "kind", "likely", "notes", "pieces", "whose")

    def __init__(self, kind: str, whose: int, at: int, item: _Object) -> None:
        self.kind, self.whose, self.at, self.item = kind, whose, at, item
        self.pieces: list[str] = []
        self.notes: list[_Object] = []
        self.likely: list[str] = []

    @property
    def place(self) -> _Object:
        """What tells the item in an event."""
        return {"item_id": self.item["id"], "output_index": self.at}


class Items:
    """The items of one answer.

    Attributes:
        output: All that were begun, each whole once it is done.
        usage: The tokens, as they were counted last.
        model: The model, as the first target names it.
        left_out: What this API has no words for.
        why: Why the answer is not whole; None: it is.

    Args:
        token: Makes the items' ids.
        emit: Told every event.
    """

    def __init__(self, token: str, source: Asking, emit: Emit) -> None:
        self._token, self._source, self._emit = token, source, emit
        self.output: list[_Object] = []
        self.left_out = Notes()
        self.usage: Usage | None = None
        self.model: str | None = None
        self.why: str | None = None
        self._open: Open | None = None
        self._phase: str | None = None  # of the next text
        self._calls: dict[int, Open] = {}
        self._waiting = Waiting()
        self._image: ImagePart | None = None  # which its own item may follow

    @property
    def text(self) -> Open | None:
        """The text that is open."""
        return self._open if self._open is not None and self._open.kind == "text" else None

    def add(self, event: object) -> None:
        """Take the next event."""
        if self._image is not None and not _is_image_call(event):
            self._show()
        match event:
            case TextDelta():
                self._say("text", event.text)
            case ReasoningDelta():
                self._think(event)
            case RefusalDelta():
                self._say("refusal", event.text)
            case ToolCallDelta():
                self._call(event)
            case PartAdded():
                self._part(event)
            case Started():
                self.model = self.model or event.model
            case Usage():
                self.usage = event
            case Finished():
                self._finish(event)
            case _:
                self.hand_over()

    def add_text(self, text: str, status: str) -> None:
        """Take a text that is whole, of which nothing has to be told before."""
        about: _Object = {"id": self._id("msg"), "type": "message", "status": status, "role": "assistant"}
        self.output.append(about | {"content": [_part("text", text)]})

    def hand_over(self) -> None:
        """Another target goes on: thinking that is open is done, and what follows is another item."""
        if self._open is not None and self._open.kind == "reasoning":
            self.close()

    def close(self, status: str = "completed") -> None:
        """The open item is done."""
        done, self._open = self._open, None
        if done is None:
            return
        said = "".join(done.pieces)
        if "status" in done.item:
            done.item["status"] = status
        if done.kind == "reasoning":
            self._end_thought(done, said)
        elif done.kind == "call":
            _end_call(done, said, self._emit)
        else:
            _end_text(done, said, self._emit)
        self._emit("output_item.done", {"output_index": done.at, "item": done.item})

    def _begin(self, kind: str, whose: int, item: _Object) -> Open:
        if self._waiting and kind != "call":
            self._begin_waiting()
        self.close()
        self._open = begun = Open(kind, whose, len(self.output), item)
        self.output.append(item)
        self._emit("output_item.added", {"output_index": begun.at, "item": dict(item)})
        return begun

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._token}_{len(self.output)}"

    def _say(self, kind: str, text: str) -> None:
        here = self._open
        if here is None or here.kind != kind:
            item: _Object = {"id": self._id("msg"), "type": "message", "status": "in_progress", "role": "assistant"}
            if kind == "text" and self._phase is not None:
                item["phase"], self._phase = self._phase, None
            here = self._begin(kind, 0, item | {"content": []})
            self._emit("content_part.added", here.place | {"content_index": 0, "part": _part(kind, "")})
        here.pieces.append(text)
        more: _Object = {"logprobs": []} if kind == "text" else {}
        name = "output_text" if kind == "text" else "refusal"
        self._emit(f"{name}.delta", here.place | {"content_index": 0, "delta": text, **more})

    def _think(self, event: ReasoningDelta) -> None:
        here = self._open
        if here is None or here.kind != "reasoning" or here.whose != event.index:
            here = self._begin("reasoning", event.index, {"id": self._id("rs"), "type": "reasoning", "summary": []})
        if event.text:
            at = here.place | {"summary_index": 0}
            if not here.pieces:
                self._emit("reasoning_summary_part.added", at | {"part": {"type": "summary_text", "text": ""}})
            here.pieces.append(event.text)
            self._emit("reasoning_summary_text.delta", at | {"delta": event.text})
        if not (event.signature is event.redacted is event.details is None):
            if (source := self._source()) is None:
                self.left_out.leave_out("opaque state")
            else:
                here.item["encrypted_content"] = sealed(event, source.origin, "redacted")
            self.close()

    def _end_thought(self, done: Open, said: str) -> None:
        if done.pieces:
            at = done.place | {"summary_index": 0}
            part = {"type": "summary_text", "text": said}
            self._emit("reasoning_summary_text.done", at | {"text": said})
            self._emit("reasoning_summary_part.done", at | {"part": part})
            done.item["summary"] = [part]

    def _call(self, event: ToolCallDelta) -> None:
        call = self._calls.get(event.index)
        if call is None:
            ready = self._waiting.ready(event)
            if ready is not None:
                self._begin_call(ready)
            elif self._open is not None and self._open.kind != "call":
                self.close()  # what comes next is another item, behind the call
            return
        if event.signature is not None:
            self.left_out.leave_out("opaque state")
        self._argue(call, event)

    def _begin_waiting(self) -> None:
        """The calls that came before what begins now."""
        for call in self._waiting.named():
            self._begin_call(call)

    def _begin_call(self, event: ToolCallDelta) -> None:
        kind = "custom_tool_call" if event.custom else "function_call"
        said = "input" if event.custom else "arguments"
        item: _Object = {"id": self._id("ctc" if event.custom else "fc"), "type": kind, "status": "in_progress"}
        item |= {"call_id": event.id or "", "name": event.name or "", said: ""}
        if event.signature is not None and (source := self._source()) is not None:
            item[MARK] = wrapped(event.signature, source.origin)
        call = self._calls[event.index] = self._begin("call", event.index, item)
        self._argue(call, event)

    def _argue(self, call: Open, event: ToolCallDelta) -> None:
        if event.arguments:
            call.pieces.append(event.arguments)
            self._emit(f"{_argued(call)}.delta", call.place | {"delta": event.arguments})
            if call is not self._open:
                call.item["input" if "input" in call.item else "arguments"] = "".join(call.pieces)

    def _part(self, event: PartAdded) -> None:
        match event.part:
            case TextPart(text=text, phase=phase):  # the next text is another item
                self.close()
                self._phase = phase
                if text:
                    self._say("text", text)
            case Logprobs() as likely if self.text is not None:
                self.text.likely.append(likely.details)
            case Citation() as citation if self.text is not None:
                self._cite(citation, self.text)
            case ImagePart() as image if image.data is not None:
                self._image = image
            case NativePart() as part if (source := self._source()) is not None and source.dialect == NAME:
                self._whole(marked({**object_of(part.details), **self._shown(part)}, source.origin))
            case part:
                self.left_out.leave_out(type(part).__name__)

    def _show(self) -> None:
        """An image whose call did not come behind it, in an item of its own."""
        image, self._image = self._image, None
        data = None if image is None else image.data
        if data is not None:
            self.close()
            item: _Object = {"id": self._id("ig"), "type": IMAGE_CALL, "status": "completed"}
            self._whole(item | {"output_format": data[0].partition("/")[2], "result": data[1]})

    def _shown(self, part: NativePart) -> _Object:
        """The image that goes back into the item of its call."""
        image, self._image = self._image, None
        data = None if image is None or part.kind != IMAGE_CALL else image.data
        return {} if data is None else {"result": data[1]}

    def _whole(self, item: _Object) -> None:
        """An item that comes whole."""
        self._begin_waiting()
        self.close()
        at = len(self.output)
        self.output.append(item)
        self._emit("output_item.added", {"output_index": at, "item": item})
        self._emit("output_item.done", {"output_index": at, "item": item})

    def _cite(self, citation: Citation, text: Open) -> None:
        source = self._source()
        own = object_of(citation.details) if source is not None and source.dialect == NAME else {}
        note: _Object = own or {
            "type": "url_citation",
            "url": citation.url,
            "title": citation.title,
            "start_index": citation.start or 0,
            "end_index": citation.end or 0,
        }
        if not own and citation.details is not None and source is not None:
            note = marked(note, source.origin, citation.details)
        place = text.place | {"content_index": 0, "annotation_index": len(text.notes)}
        text.notes.append(note)
        self._emit("output_text.annotation.added", place | {"annotation": note})

    def _finish(self, event: Finished) -> None:
        for call in self._waiting.rest():
            self._begin_call(call)
        native = event.native_reason or ""
        if event.reason == "length":
            self.why = "max_output_tokens"
        elif event.reason == "content_filter":
            self.why = "content_filter"
        elif event.reason == "other" and native.startswith("incomplete:"):
            self.why = native.removeprefix("incomplete:")
        self.close("completed" if self.why is None else "incomplete")


def _is_image_call(event: object) -> bool:
    return isinstance(event, PartAdded) and isinstance(event.part, NativePart) and event.part.kind == IMAGE_CALL


def _part(kind: str, said: str) -> _Object:
    if kind == "refusal":
        return {"type": "refusal", "refusal": said}
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}


def _argued(call: Open) -> str:
    return "custom_tool_call_input" if "input" in call.item else "function_call_arguments"


def _end_text(done: Open, said: str, emit: Emit) -> None:
    at = done.place | {"content_index": 0}
    part = _part(done.kind, said)
    if done.kind == "text":
        likely = joined(done.likely)
        part |= {"annotations": done.notes, "logprobs": [] if likely is None else msgspec.Raw(likely.encode())}
        emit("output_text.done", at | {"text": said, "logprobs": part["logprobs"]})
    else:
        emit("refusal.done", at | {"refusal": said})
    emit("content_part.done", at | {"part": part})
    done.item["content"] = [part]


def _end_call(done: Open, said: str, emit: Emit) -> None:
    name = "input" if "input" in done.item else "arguments"
    whole = said or ("" if name == "input" else "{}")
    done.item[name] = whole
    emit(f"{_argued(done)}.done", done.place | {name: whole})
