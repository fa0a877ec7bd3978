"""The items of a simulated answer in the words of OpenAI's Responses API: how each is told in a stream, and whole.

Thoughts up to the one that holds an item's state are the parts of one summary. A text of its own is a message of its
own; a refusal is a part of the message that it stands in. An image is the result of a call of the provider's own.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from ...providers.events import PartAdded, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ...providers.parts import Citation, ImagePart, Logprobs, NativePart, TextPart
from ..scenario.reply import Answer
from .said import said

_Object: TypeAlias = dict[str, Any]
Told: TypeAlias = tuple[str, _Object, bool]
"""An event's kind, its fields, and whether it is a useful delta."""

_WIRE = "OpenAI's Responses API"
_WORDS = frozenset(
    {
        "Citation", "ImagePart", "Logprobs", "NativePart", "Reasoning", "Reasoning.redacted", "Reasoning.signature",
        "RefusalPart", "TextPart.phase", "ToolCall", "ToolCall.custom",
    }
)  # fmt: skip
IMAGE_CALL = "image_generation_call"


class _Part(msgspec.Struct):
    """A part of an item: of a message, or of a summary.

    Attributes:
        field: Which of its members holds what is said; also what the events of it are named by.
        key: What tells it from the next.
    """

    type: str
    field: str
    key: object = None
    pieces: list[str] = []
    annotations: list[Any] = []
    logprobs: list[msgspec.Raw] = []

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def whole(self) -> _Object:
        beside = {"annotations": self.annotations, "logprobs": self.logprobs} if self.type == "output_text" else {}
        return {"type": self.type, self.field: self.text, **beside}


_CALL = {"arguments": "", "input": "", "status": "in_progress"}
_NOTHING: defaultdict[str, _Object] = defaultdict(
    lambda: {"status": "in_progress", "result": None},
    reasoning={"summary": [], "encrypted_content": None},
    message={"content": [], "status": "in_progress"},
    function_call=_CALL,
    custom_tool_call=_CALL,
)
"""Members of an item, by its type, while nothing of it is said."""


class SaidItem(msgspec.Struct):
    """One item of the output.

    Attributes:
        head: All of it but its parts.
        parts: Of a message, or of the summary of a thought; of a call one, with its arguments.
        state: The encrypted form of a thought.
    """

    head: _Object
    parts: list[_Part] = []
    state: str | None = None

    @property
    def type(self) -> str:
        """Its type."""
        return str(self.head["type"])

    @property
    def is_call(self) -> bool:
        """Whether it is a call of the caller's tool."""
        return self.type in ("function_call", "custom_tool_call")

    def whole(self) -> _Object:
        """All of it, as the response at the end has it."""
        if self.is_call:
            return {**self.head, self.parts[0].field: self.parts[0].text}
        if self.type == "reasoning":
            state = {} if self.state is None else {"encrypted_content": self.state}
            return {**self.head, "summary": [part.whole() for part in self.parts], **state}
        return {**self.head, "content": [part.whole() for part in self.parts]} if self.type == "message" else self.head

    def begun(self) -> _Object:
        """It, as it is announced, before anything of it is said."""
        return {name: _NOTHING[self.type].get(name, value) for name, value in self.whole().items()}

    def told(self) -> Iterator[Told]:
        """The events inside it: each of its parts is announced, said, and said again."""
        if self.is_call:
            yield from _call_told(self)
        for index, part in enumerate(() if self.is_call else self.parts):
            summary = self.type == "reasoning"
            here: _Object = {"summary_index" if summary else "content_index": index}
            group = "reasoning_summary_part" if summary else "content_part"
            yield f"{group}.added", here | {"part": _Part(part.type, part.field).whole()}, False
            yield from _part_told(part, here)
            yield f"{group}.done", here | {"part": part.whole()}, False


_EVENT_NAMES = {"summary_text": "reasoning_summary_text", "output_text": "output_text", "refusal": "refusal"}


def _part_told(part: _Part, here: _Object) -> Iterator[Told]:
    name = _EVENT_NAMES[part.type]
    likely: _Object = {"logprobs": []} if part.type == "output_text" else {}
    yield from _deltas(name, here | likely, part.pieces)
    for at, annotation in enumerate(part.annotations):
        yield "output_text.annotation.added", here | {"annotation_index": at, "annotation": annotation}, False
    likely = {"logprobs": part.logprobs} if likely else {}
    yield f"{name}.done", here | likely | {part.field: part.text}, False


def _call_told(item: SaidItem) -> Iterator[Told]:
    part = item.parts[0]
    name = "custom_tool_call_input" if part.field == "input" else "function_call_arguments"
    named = {} if part.field == "input" else {"name": item.head["name"]}
    yield from _deltas(name, {}, part.pieces)
    yield f"{name}.done", {part.field: part.text, **named}, False


def _deltas(kind: str, here: _Object, texts: list[str]) -> Iterator[Told]:
    for text in texts:
        yield f"{kind}.delta", here | {"delta": text}, bool(text)


def items_of(answer: Answer) -> list[SaidItem]:
    """Give the items of an answer in their order.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    output = _Output()
    for event in said(answer, _WIRE, _WORDS):
        output.take(event)
    return output.items


class _Output:
    """The items so far, of which the last may be open."""

    def __init__(self) -> None:
        self.items: list[SaidItem] = []
        self._calls: dict[int, SaidItem] = {}
        self._image_item: SaidItem | None = None

    def take(self, event: object) -> None:
        """Add what an event says."""
        match event:
            case TextDelta(text):
                self._message("output_text", "text").pieces.append(text)
            case RefusalDelta(text):
                self._message("refusal", "refusal").pieces.append(text)
            case ReasoningDelta():
                self._thought(event)
            case ToolCallDelta():
                self._call(event)
            case PartAdded(TextPart(phase=phase)):
                self._begin_message(phase)
            case PartAdded(Citation() as citation):
                self._message("output_text", "text").annotations.append(_annotation(citation))
            case PartAdded(Logprobs(details)):
                self._message("output_text", "text").logprobs += msgspec.json.decode(details, type=list[msgspec.Raw])
            case PartAdded(NativePart(details=details)):
                self._native(msgspec.json.decode(details, type=_Object))
            case PartAdded(ImagePart() as image):
                self._image(image)
            case _:
                raise TypeError(f"{type(event).__name__} is no event of an answer")

    def _number(self, *kinds: str) -> int:
        return 1 + sum(item.type in kinds for item in self.items)

    def _begin_message(self, phase: str | None) -> None:
        about = {"id": f"msg_{self._number('message')}", "type": "message", "status": "completed", "role": "assistant"}
        self.items.append(SaidItem({**about, **({} if phase is None else {"phase": phase})}))

    def _message(self, kind: str, field: str) -> _Part:
        """The part of the open message that is of a kind: its last one, or a new one."""
        if not self.items or self.items[-1].type != "message":
            self._begin_message(None)
        parts = self.items[-1].parts
        if not parts or parts[-1].type != kind:
            parts.append(_Part(kind, field))
        return parts[-1]

    def _thought(self, event: ReasoningDelta) -> None:
        last = self.items[-1] if self.items and self.items[-1].type == "reasoning" else None
        parts = [] if last is None else last.parts
        same = bool(parts) and parts[-1].key == event.index
        is_state = event.signature is not None or event.redacted is not None
        if last is None or last.state is not None or (is_state and not same):  # without a word before it: of its own
            last = SaidItem({"id": f"rs_{self._number('reasoning')}", "type": "reasoning"})
            self.items.append(last)
        if is_state:
            last.head["id"] = event.signature or last.head["id"]
            last.state = event.redacted
            return
        if not same:
            last.parts.append(_Part("summary_text", "text", event.index))
        last.parts[-1].pieces.append(event.text)

    def _call(self, event: ToolCallDelta) -> None:
        if event.name is not None:
            kind, field = ("custom_tool_call", "input") if event.custom else ("function_call", "arguments")
            number = self._number("function_call", "custom_tool_call")
            head = {"id": f"{'ctc' if event.custom else 'fc'}_{number}", "type": kind, "status": "completed"}
            item = SaidItem({**head, "call_id": event.id, "name": event.name}, [_Part(kind, field)])
            self._calls[event.index] = item
            self.items.append(item)
        if event.arguments:
            self._calls[event.index].parts[0].pieces.append(event.arguments)

    def _native(self, item: _Object) -> None:
        """An item of the provider's own; that of an image stands behind it, without it."""
        image = self._image_item
        if image is not None and self.items[-1] is image and item.get("type") == IMAGE_CALL:
            form = image.head["output_format"]  # said where the item does not, and it is not the usual one
            named = {} if "output_format" in item or form == "png" else {"output_format": form}
            image.head = {**item, **named, "result": image.head["result"]}
        else:
            self.items.append(SaidItem(item))

    def _image(self, image: ImagePart) -> None:
        if image.data is None:
            raise ValueError(f"{_WIRE} has no words for an ImagePart at a URL")
        kind, data = image.data
        about = {"id": f"ig_{self._number(IMAGE_CALL)}", "type": IMAGE_CALL, "status": "completed"}
        self._image_item = SaidItem({**about, "output_format": kind.removeprefix("image/"), "result": data})
        self.items.append(self._image_item)


def _annotation(citation: Citation) -> _Object | msgspec.Raw:
    if citation.details is not None:
        return msgspec.Raw(citation.details.encode())
    if not citation.url:
        raise ValueError(f"{_WIRE} has no words for a Citation without a URL")
    about = {"type": "url_citation", "url": citation.url, "title": citation.title}
    return about | {"start_index": citation.start or 0, "end_index": citation.end or 0}
