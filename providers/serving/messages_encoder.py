"""Answers of Anthropic's Messages API: typed events around blocks, or one message."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from ..codecs import UNDECODABLE, decode_kindly
from ..events import Finished, TextDelta, Usage
from .blocks import Blocks
from .dialect import About, Asked, Asking, Failure, Whole
from .errors import anthropic_object
from .rendering import encoded, framed_by_type, texts_alone

_Object: TypeAlias = dict[str, Any]
_json = msgspec.json.encode
_END = b"}}\n\n"
_TEXT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":'
)


class MessageStream:
    """Tells one answer in events."""

    def __init__(self, asked: Asked, about: About, source: Asking) -> None:
        self._asked, self._about = asked, about
        self._blocks = Blocks(source)
        self._begun = False
        self._text_head = b""
        """Of a piece of the text that is open; empty: none is."""

    @property
    def notes(self) -> tuple[str, ...]:
        return self._blocks.left_out.told()

    def encode(self, events: Iterable[object]) -> bytes:
        out: list[bytes] = []
        head, blocks = self._text_head, self._blocks
        for event in events:
            if head and type(event) is TextDelta:
                text = event.text
                out += (head, _json(text) if text.isascii() else encoded(text), _END)
            else:
                blocks.add(event)
                if blocks.steps:
                    self._tell(out)
                    head = self._text_head
                if type(event) is Finished:
                    self._begin(out)
                    out.append(self._ended())
        if not self._begun:
            self._begin(out)
        return b"".join(out)

    def handed_over(self) -> bytes:
        out: list[bytes] = []
        self._blocks.hand_over()
        self._tell(out)
        return b"".join(out)

    def failed(self, failure: Failure) -> bytes:
        return framed_by_type(anthropic_object(failure))

    def _begin(self, out: list[bytes]) -> None:
        """The head of the message, once: with the tokens of the prompt as far as they are known."""
        if not self._begun:
            self._begun = True
            message = _message(self._asked, self._about, self._blocks)
            usage = usage_of(self._blocks.usage or Usage(0, 0)) | {"output_tokens": 0}
            out.append(framed_by_type({"type": "message_start", "message": message | {"usage": usage}}))

    def _tell(self, out: list[bytes]) -> None:
        if not self._blocks.steps:
            return
        self._begin(out)
        for kind, at, said in self._blocks.steps:
            if kind == "start":
                out.append(framed_by_type({"type": "content_block_start", "index": at, "content_block": said}))
            elif kind == "delta":
                out.append(framed_by_type({"type": "content_block_delta", "index": at, "delta": said}))
            else:
                out.append(framed_by_type({"type": "content_block_stop", "index": at}))
        self._blocks.steps.clear()
        text_at = self._blocks.text_at
        self._text_head = b"" if text_at is None else _TEXT % text_at

    def _ended(self) -> bytes:
        blocks = self._blocks
        delta = {"stop_reason": blocks.stop_reason, "stop_sequence": None}
        usage = usage_of(blocks.usage or Usage(0, 0))
        ended = framed_by_type({"type": "message_delta", "delta": delta, "usage": usage})
        return ended + framed_by_type({"type": "message_stop"})


def _message(asked: Asked, about: About, blocks: Blocks) -> _Object:
    return {
        "id": f"msg_{about.token}",
        "type": "message",
        "role": "assistant",
        "model": about.model or blocks.model or asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def usage_of(usage: Usage) -> _Object:
    """The tokens, in this API's words: those of the prompt are told apart by what the cache did with them."""
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    told: _Object = {
        "input_tokens": max(0, usage.input_tokens - cached - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.output_tokens,
    }
    if (lasting := usage.cache_write_1h_tokens) is not None:
        told["cache_creation"] = {
            "ephemeral_5m_input_tokens": max(0, written - lasting),
            "ephemeral_1h_input_tokens": lasting,
        }
    if usage.reasoning_tokens is not None:
        told["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    uses = {name: times for name, times in (usage.tool_uses or {}).items() if name.endswith("_requests")}
    return told | {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0, **uses}} if uses else told


def whole_message(asked: Asked, about: About, source: Asking, events: Iterable[object]) -> Whole:
    """The whole answer as one JSON body."""
    blocks, events = Blocks(source), tuple(events)
    texts = texts_alone(events)
    for event in events:
        if texts is None or type(event) is not TextDelta:
            blocks.add(event)
    message = _message(asked, about, blocks)
    message["content"] = _content(blocks) if texts is None else _text_block(texts)
    message |= {"stop_reason": blocks.stop_reason, "usage": usage_of(blocks.usage or Usage(0, 0))}
    return Whole(encoded(message), blocks.left_out.told())


def _text_block(texts: list[str]) -> list[_Object]:
    return [{"type": "text", "text": "".join(texts)}] if texts else []


def _content(blocks: Blocks) -> list[_Object]:
    """The blocks as they are when all is said."""
    content: list[_Object] = []
    pieces: list[list[str]] = []
    for kind, at, said in blocks.steps:
        if kind == "start":
            content.append(dict(said))
            pieces.append([])
        elif kind == "delta":
            _add(content[at], pieces[at], said)
    return [_joined(block, texts, blocks) for block, texts in zip(content, pieces, strict=True)]


def _add(block: _Object, pieces: list[str], said: _Object) -> None:
    """The next piece of a block."""
    match said:
        case {"text": str(text)} | {"thinking": str(text)} | {"partial_json": str(text)}:
            pieces.append(text)
        case {"signature": str(signature)}:
            block["signature"] = signature
        case {"citation": citation}:
            block["citations"] = [*block.get("citations", ()), citation]
        case _:
            pass


def _joined(block: _Object, pieces: list[str], blocks: Blocks) -> _Object:
    text = "".join(pieces)
    if not text:
        return block
    for name in ("text", "thinking"):
        if name in block:
            return block | {name: text}
    try:
        return block | {"input": decode_kindly(text.encode(), dict[str, Any])}
    except UNDECODABLE:  # of an answer that was cut off within them
        blocks.left_out.leave_out("arguments that are no JSON object")
        return block
