"""The conversation as the Responses API has it: items, in the order in which they came.

An assistant's turn is not one thing there: each text, each block of thinking, each call and whatever the provider's own
tools did is an item by itself, and the API wants all of them back as they stood.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from ..codecs import UNDECODABLE
from ..messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
)
from ..provider import Unsupported
from ..returning import Returning
from .openai_responses_natives import IMAGE_CALL, RESULT

Item: TypeAlias = dict[str, Any] | msgspec.Raw

_AUDIO_FORMATS = {"mpeg": "mp3", "mp3": "mp3", "x-wav": "wav", "wave": "wav", "wav": "wav"}
_SEALED = '"encrypted_content"'
"""In an item that only the account can read for which it was written."""


def input_items(messages: Sequence[Message], returning: Returning) -> list[Item]:
    """All items of a conversation.

    Raises:
        Unsupported: One of its parts cannot be said.
    """
    custom = {call.id for message in messages for call in message.tool_calls if call.custom}
    return [item for message in messages for item in _items(message, returning, custom)]


def _items(message: Message, returning: Returning, custom: set[str]) -> Iterator[Item]:
    if message.role == "assistant":
        yield from _answer_items(message, returning)
    elif message.role == "tool":
        kind = "custom_tool_call_output" if message.tool_call_id in custom else "function_call_output"
        if any(isinstance(part, AudioPart) for part in message.content):
            raise Unsupported("audio in tool results")
        texts = all(isinstance(part, TextPart) for part in message.content)
        output = message.text if texts else _content(message.content)
        yield {"type": kind, "call_id": message.tool_call_id, "output": output}
    else:
        said = tuple(part for part in message.content if not isinstance(part, NativePart))
        for part in message.content:  # the output of the caller's own shell, screen or editor
            if isinstance(part, NativePart):
                yield from _native(part, None, message, returning)
        if said:
            yield {"role": message.role, "content": _content(said)}


def _answer_items(message: Message, returning: Returning) -> Iterator[Item]:
    """The items of an assistant's turn, in their order.

    Blocks of thinking up to the one that holds an item's state are the parts of its summary; without state there is no
    item. An image goes back within the item of its call.
    """
    summary: list[dict[str, Any]] = []
    image: ImagePart | None = None
    for part in message.content:
        if image is not None and not (isinstance(part, NativePart) and part.kind == IMAGE_CALL):
            raise Unsupported("images in assistant turns")
        if not isinstance(part, Reasoning):
            summary = []
        match part:
            case Reasoning():
                if part.text:
                    summary.append({"type": "summary_text", "text": part.text})
                redacted = returning.state(part.redacted, message, bound=True)
                if redacted is not None:
                    found = returning.state(part.signature, message)
                    item_id = {"id": found} if found else {}
                    yield {"type": "reasoning", **item_id, "summary": summary, "encrypted_content": redacted}
                    summary = []
            case TextPart() if part.text:
                phase = {"phase": part.phase} if part.phase is not None else {}
                yield {"role": "assistant", "content": part.text, **phase}
            case RefusalPart():
                yield {"role": "assistant", "content": part.text}
            case ToolCall():
                yield _call(part)
            case ImagePart():
                image = part
            case NativePart():
                yield from _native(part, image, message, returning)
                image = None
            case FilePart() | AudioPart():
                raise Unsupported(f"{'files' if isinstance(part, FilePart) else 'audio'} in assistant turns")
            case _:
                pass
    if image is not None:
        raise Unsupported("images in assistant turns")


def _call(call: ToolCall) -> Item:
    if call.custom:
        return {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.arguments}
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments or "{}"}


def _native(part: NativePart, image: ImagePart | None, message: Message, returning: Returning) -> Iterator[Item]:
    """An item of the provider's own, as it wrote it: to its origin only.

    Raises:
        Unsupported: An image of another's hangs on it.
    """
    written = returning.state(part.details, message, bound=_SEALED in part.details)
    if image is not None and (written is None or image.data is None):
        raise Unsupported("images in assistant turns")
    if written is None:
        return
    try:
        item = msgspec.json.decode(written, type=dict[str, Any])
    except UNDECODABLE:
        raise Unsupported("a native part that is no JSON object") from None
    if image is None or image.data is None:
        yield msgspec.Raw(written.encode())
    else:
        yield {**item, RESULT: image.data[1]}


def _content(content: Sequence[Part]) -> str | list[dict[str, Any]]:
    if len(content) == 1 and isinstance(content[0], TextPart):
        return content[0].text
    return [_part(part) for part in content]


def _part(part: Part) -> dict[str, Any]:
    match part:
        case TextPart():
            return {"type": "input_text", "text": part.text}
        case ImagePart():
            return {"type": "input_image", "image_url": part.url, "detail": part.detail or "auto"}
        case FilePart() if part.id is not None:
            return {"type": "input_file", "file_id": part.id}
        case FilePart() if part.data is None:
            return {"type": "input_file", "file_url": part.url}
        case FilePart():
            return {"type": "input_file", **({"filename": part.name} if part.name else {}), "file_data": part.url}
        case AudioPart():
            return {"type": "input_audio", "input_audio": _audio(part)}
        case _:
            raise Unsupported(f"{type(part).__name__} outside of assistant turns")


def _audio(part: AudioPart) -> dict[str, str]:
    found = part.data
    if found is None:
        raise Unsupported("audio by URL")
    form = _AUDIO_FORMATS.get(found[0].partition("/")[2].lower())
    if form is None:
        raise Unsupported("audio other than WAV and MP3")
    return {"data": found[1], "format": form}
