"""An answer in the fields of OpenAI's chat protocol: piece by piece in order, or as one message, which has none.

There is one field for each kind of part, whatever stood between two of them. Beside OpenAI's own fields stand those of
servers that speak the same protocol: `reasoning_content` (DeepSeek and many more), `reasoning_details` and `images`
(OpenRouter), and Google's signature of a call.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from ...providers.events import PartAdded, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ...providers.parts import AudioPart, Citation, ImagePart, Logprobs, TextPart, ToolCall
from ..scenario.reply import Answer
from .said import said, says_something

_Object: TypeAlias = dict[str, Any]
_EXPIRES = 1_795_003_600
_WIRE = "OpenAI's chat protocol"
_WORDS = frozenset(
    {
        "AudioPart", "Citation", "ImagePart", "Logprobs", "Reasoning", "Reasoning.details", "RefusalPart", "ToolCall",
        "ToolCall.custom", "ToolCall.signature",
    }
)  # fmt: skip


class Piece(msgspec.Struct, frozen=True):
    """What one chunk says.

    Attributes:
        useful: Whether it is a useful delta.
    """

    delta: _Object
    useful: bool
    logprobs: _Object | None = None


def pieces_of(answer: Answer) -> Iterator[Piece]:
    """Say an answer piece by piece, in its order.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    custom: set[int] = set()
    for event in said(answer, _WIRE, _WORDS):
        useful = says_something(event)
        match event:
            case TextDelta(text):
                yield Piece({"content": text}, useful)
            case RefusalDelta(text):
                yield Piece({"refusal": text}, useful)
            case ReasoningDelta(details=None):
                yield Piece({"reasoning_content": event.text}, useful)
            case ReasoningDelta(details=str(details)):
                yield Piece({"reasoning_details": msgspec.Raw(details.encode())}, useful)
            case ToolCallDelta():
                custom |= {event.index} if event.custom else set()
                yield Piece({"tool_calls": [_call_piece(event, custom=event.index in custom)]}, useful)
            case PartAdded(Logprobs(details)):
                yield Piece({}, useful, _logprobs([details]))
            case PartAdded(Citation() as citation):
                yield Piece({"annotations": [_annotation(citation)]}, useful)
            case PartAdded(ImagePart() as image):
                yield Piece({"images": [_image(image)]}, useful)
            case PartAdded(AudioPart() as audio):
                yield Piece({"audio": _audio(audio)}, useful)
            case _:
                pass  # a text of its own begins: there is one text only


def whole_message(answer: Answer) -> tuple[_Object, _Object | None]:
    """Give the message that says all of an answer, and how likely its tokens were.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    events = said(answer, _WIRE, _WORDS)
    added = [event.part for event in events if isinstance(event, PartAdded) and not isinstance(event.part, TextPart)]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    refusal = "".join(event.text for event in events if isinstance(event, RefusalDelta))
    thoughts = [event for event in events if isinstance(event, ReasoningDelta)]
    message: _Object = {
        "role": "assistant",
        "content": None if not text and (refusal or answer.calls) else text,
        "refusal": refusal or None,
        "annotations": [_annotation(part) for part in added if isinstance(part, Citation)],
    }
    if thought := "".join(event.text for event in thoughts):
        message["reasoning_content"] = thought
    if details := [event.details for event in thoughts if event.details is not None]:
        message["reasoning_details"] = _joined(details)
    if answer.calls:
        message["tool_calls"] = [_call(call) for call in answer.calls]
    if images := [_image(part) for part in added if isinstance(part, ImagePart)]:
        message["images"] = images
    for part in added:
        if isinstance(part, AudioPart):
            message["audio"] = _audio(part) | {"expires_at": _EXPIRES}
    likely = [part.details for part in added if isinstance(part, Logprobs)]
    return message, _logprobs(likely) if likely else None


def _call_piece(delta: ToolCallDelta, *, custom: bool) -> _Object:
    kind, field = ("custom", "input") if custom else ("function", "arguments")
    if delta.name is None:
        return {"index": delta.index, kind: {field: delta.arguments}}
    begun = {"index": delta.index, "id": delta.id, "type": kind, kind: {"name": delta.name, field: delta.arguments}}
    return begun | _signed(delta.signature)


def _call(call: ToolCall) -> _Object:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function} | _signed(call.signature)


def _signed(signature: str | None) -> _Object:
    return {} if signature is None else {"extra_content": {"google": {"thought_signature": signature}}}


def _annotation(citation: Citation) -> _Object | msgspec.Raw:
    if citation.details is not None:
        return msgspec.Raw(citation.details.encode())
    about: _Object = {"url": citation.url, "title": citation.title}
    about |= {"content": citation.text} if citation.text else {}
    if citation.start is not None and citation.end is not None:
        about |= {"start_index": citation.start, "end_index": citation.end}
    return {"type": "url_citation", "url_citation": about}


def _image(image: ImagePart) -> _Object:
    return {"type": "image_url", "image_url": {"url": image.url}}


def _audio(audio: AudioPart) -> _Object:
    data = audio.data[1] if audio.data else ""
    return {"id": audio.id or "audio_simulated", "data": data, "transcript": audio.transcript}


def _logprobs(details: Iterable[str]) -> _Object:
    return {"content": _joined(details), "refusal": None}


def _joined(lists: Iterable[str]) -> list[msgspec.Raw]:
    """Lists of JSON, as one."""
    return [each for text in lists for each in msgspec.json.decode(text, type=list[msgspec.Raw])]
