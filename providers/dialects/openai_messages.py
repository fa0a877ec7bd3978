"""Turns of the OpenAI chat protocol: a text or a list of parts for each, and fields beside it for an assistant's."""

from collections.abc import Callable
from typing import Any

import msgspec

from ..messages import (
    AudioPart,
    Cache,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    Part,
    TextPart,
    ToolCall,
    plain_text,
)
from ..origin import Origin
from ..provider import Unsupported
from ..quirks import Quirks
from ..returning import Returning, beside_call


def chat_turns(
    chat: ChatRequest, quirks: Quirks, here: Callable[[], Origin], *, signed: bool = False
) -> tuple[list[dict[str, Any]], Returning | None]:
    """The turns, and what went back with them; None where all of them are plain texts.

    Args:
        signed: The model wants a signature with each step of calls (Gemini, behind Google's compatible endpoint).
    """
    messages: list[dict[str, Any]] = []
    returning: Returning | None = None
    if chat.system is not None:
        if "system" in quirks.lacks:
            raise Unsupported("system")
        messages.append({"role": quirks.system_role, "content": chat.system})
    for message in chat.messages:
        if message.role == "user" and (text := plain_text(message)) is not None:
            messages.append({"role": "user", "content": text})
        else:
            returning = returning or Returning(here)
            messages.append(_message(message, quirks, returning))
            if signed and message.tool_calls and not returning.owns(message):
                _sign(messages[-1]["tool_calls"][0], returning)
    return messages, returning


def _message(message: Message, quirks: Quirks, returning: Returning) -> dict[str, Any]:
    named = {"name": message.name} if message.name is not None and "names" in quirks.says else {}
    if message.role == "assistant":
        return {"role": "assistant", **named, **_assistant(message, quirks, returning)}
    _check_images(message)
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": _content(message, quirks)}
    if message.role == "system":
        if "system" in quirks.lacks:
            raise Unsupported("system")
        return {"role": quirks.system_role, **named, "content": _content(message, quirks)}
    return {"role": "user", **named, "content": _content(message, quirks)}


def _check_images(message: Message) -> None:
    if message.role != "user" and message.images:
        raise Unsupported(f"images in {message.role} messages")


def _content(message: Message, quirks: Quirks) -> str | list[dict[str, Any]]:
    """A text where one stands alone, as every server takes it; else its parts."""
    if len(message.content) < 2 and all(
        type(part) is TextPart and not _marked(part, quirks) for part in message.content
    ):
        return message.text
    if message.role != "user" and "text parts" in quirks.lacks:
        return message.text
    return [_part(part, quirks) for part in message.content]


def _assistant(message: Message, quirks: Quirks, returning: Returning) -> dict[str, Any]:
    """An assistant's turn: this protocol has a field for each kind of part, and no order among them."""
    if message.images:
        raise Unsupported("images in assistant messages")
    refusal = message.refusal
    text = message.text if quirks.refusal_field else message.text + refusal
    texts = [part.text for part in message.content if isinstance(part, TextPart) and part.text]
    wire: dict[str, Any] = {"content": text}
    if len(texts) > 1 and quirks.refusal_field:  # OpenAI's own takes a list of texts here, others one text
        wire["content"] = [{"type": "text", "text": each} for each in texts]
    if refusal and quirks.refusal_field:
        wire["refusal"] = refusal
    if message.tool_calls:
        wire["tool_calls"] = [_call(call, message, returning) for call in message.tool_calls]
    if (refusal or message.tool_calls) and not text:
        wire["content"] = None
    for part in message.content:
        if isinstance(part, AudioPart) and part.id is not None:
            wire["audio"] = {"id": part.id}
    wire.update(_thoughts(message, quirks, returning))
    return wire


def _call(call: ToolCall, message: Message, returning: Returning) -> dict[str, Any]:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    wire: dict[str, Any] = {
        "id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"},
    }  # fmt: skip
    signature = returning.state(call.signature, message)
    if signature is not None:  # Google's compatible endpoint
        wire["extra_content"] = beside_call(signature)
    return wire


def _sign(call: dict[str, Any], returning: Returning) -> None:
    """Sign a call that another model made: of calls side by side only the first has a signature."""
    if "function" in call and "extra_content" not in call:
        call["extra_content"] = beside_call(returning.placeholder())


def _thoughts(message: Message, quirks: Quirks, returning: Returning) -> dict[str, Any]:
    """The thinking of a turn, for servers that want it back."""
    wire: dict[str, Any] = {}
    details = [
        detail
        for block in message.reasoning
        if (state := returning.state(block.details, message)) is not None
        for detail in _detail_list(state, returning)
    ]
    blocks = [detail for detail in details if _type_of(detail) in _BLOCKS]
    if details := [detail for detail in details if detail not in blocks]:
        wire["reasoning_details"] = details
    if blocks:
        wire["thinking_blocks"] = blocks
    signatures = (returning.state(block.signature, message) for block in message.reasoning)
    if (signature := next((each for each in signatures if each is not None), None)) is not None:
        wire["extra_content"] = beside_call(signature)
    field = quirks.reasoning_field
    if field is None:
        return wire
    own = returning.takes_thoughts(message, of_any=True)
    text = "".join(block.text for block in message.reasoning) if own else ""
    if text or (message.tool_calls and quirks.reasoning_with_calls):
        wire[field] = text
    return wire


_BLOCKS = frozenset({"thinking", "redacted_thinking"})
"""Types of blocks that LiteLLM hands through as Anthropic writes them; all others are details as OpenRouter's."""


def _type_of(detail: msgspec.Raw) -> object:
    return msgspec.json.decode(detail).get("type")


def _detail_list(state: str, returning: Returning) -> list[msgspec.Raw]:
    """The details of a thought, each as it was written; what is no list of objects is left out, with a note."""
    try:
        found = msgspec.json.decode(state, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        found = []
    objects = [detail for detail in found if bytes(detail).lstrip().startswith(b"{")]
    if len(objects) < max(1, len(found)):
        returning.unreadable()
    return objects


def _marked(part: Part, quirks: Quirks) -> bool:
    return quirks.cache_marks and getattr(part, "cache", None) is not None


def _part(part: Part, quirks: Quirks) -> dict[str, Any]:
    wire = _bare_part(part)
    if _marked(part, quirks):
        wire["cache_control"] = cache_control(getattr(part, "cache", "5m"))
    return wire


def cache_control(cache: Cache) -> dict[str, str]:
    """A mark of the prompt's cache, as Anthropic writes it; what is usual is not said."""
    return {"type": "ephemeral"} if cache == "5m" else {"type": "ephemeral", "ttl": cache}


def _bare_part(part: Part) -> dict[str, Any]:
    match part:
        case ImagePart():
            detail = {"detail": part.detail} if part.detail else {}
            return {"type": "image_url", "image_url": {"url": part.url, **detail}}
        case FilePart():
            named = {"filename": part.name} if part.name else {}
            if part.id is not None:
                return {"type": "file", "file": {"file_id": part.id}}
            return {"type": "file", "file": {"file_data": part.url, **named}}
        case AudioPart():
            found = part.data
            if found is None:
                raise Unsupported("audio by URL")
            return {"type": "input_audio", "input_audio": {"data": found[1], "format": _audio_format(found[0])}}
        case TextPart():
            return {"type": "text", "text": part.text}
        case _:
            raise Unsupported(f"{type(part).__name__} outside of assistant turns")


_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "x-m4a": "m4a", "mp4": "m4a"}


def _audio_format(media_type: str) -> str:
    """The protocol's word for a kind of audio."""
    kind = media_type.partition("/")[2].lower()
    return _AUDIO_FORMATS.get(kind, kind)
