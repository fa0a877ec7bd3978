"""Turns of a conversation as content blocks of Anthropic's Messages API, each in its place.

Facts: the SDK's types of blocks; the pages on prompt caching (at most four marks), PDF support and errors (32 MB).
"""

import base64
from collections.abc import Iterable
from typing import Any

import msgspec

from ..block_writer import Block, BlockWriter, Given, given
from ..fit import arguments_object
from ..messages import (
    Cache,
    ChatRequest,
    Citation,
    FilePart,
    ImagePart,
    Message,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    Tool,
    ToolCall,
)
from ..provider import Unsupported
from ..turns import image_data, sides

REQUEST_BYTES_MAX = 32 * 1024 * 1024
"""Maximum bytes of a request: no file in it can have more."""


class MessageWriter(BlockWriter):
    """Writes the blocks of one request of the Messages API."""

    def tools(self, chat: ChatRequest) -> list[dict[str, Any]] | None:
        """The caller's own tools, and behind them those that the provider runs, as they were given."""
        own = [self._tool(tool) for tool in chat.tools]
        return own + [tool.spec for tool in chat.native_tools] or None

    def system(self, chat: ChatRequest, parts: Iterable[TextPart]) -> str | list[dict[str, Any]] | None:
        """The system text; as blocks, where part of it is to be cached."""
        if not chat.system:
            return None
        if all(part.cache is None for part in parts):
            return chat.system
        return [self._marked({"type": "text", "text": part.text}, part.cache) for part in parts]

    def turns(self, chat: ChatRequest) -> list[dict[str, Any]]:
        """The turns: those of one side in a row are one; a system text that keeps its place stands behind a user's."""
        turns: list[dict[str, Any]] = []
        for is_assistant, run in sides(chat.messages):
            if is_assistant:
                blocks = [block for message in run for block in self._assistant(message)]
            else:  # results stand first: they must follow the calls at once
                blocks = [self._result(message) for message in run if message.role == "tool"]
                blocks += [block for message in run if message.role == "user" for block in self._parts(message)]
            if blocks:
                turns.append({"role": "assistant" if is_assistant else "user", "content": blocks})
            told = [part for message in run if message.role == "system" for part in self._parts(message)]
            if told:
                turns.append({"role": "system", "content": told})
        return turns

    def _assistant(self, message: Message) -> list[Block]:
        """A turn's blocks as they came: this API wants thinking where it stood, and its own blocks as they were."""
        blocks: list[Block] = []
        text: dict[str, Any] | None = None  # the last block, if it is a text
        for part in message.content:
            if isinstance(part, Citation):
                self._cite(text, part, message)
                continue
            block = self._assistant_block(part, message)
            if block is not None:
                blocks.append(block)
                text = block if isinstance(part, TextPart) and isinstance(block, dict) else None
        return blocks

    def _assistant_block(self, part: Part, message: Message) -> Block | None:
        match part:
            case Reasoning():
                redacted = self._returning.state(part.redacted, message)
                signature = self._returning.state(part.signature, message)
                if redacted is not None:
                    return {"type": "redacted_thinking", "data": redacted}
                if signature is not None:
                    return {"type": "thinking", "thinking": part.text, "signature": signature}
            case ToolCall():
                call = {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_object(part)}
                return call | self._call_state(part, message)
            case NativePart():
                return self._own_json(part.details, message)
            case RefusalPart():
                return {"type": "text", "text": part.text}
            case FilePart():
                raise Unsupported("files in assistant turns")
            case TextPart() | ImagePart() if not (isinstance(part, TextPart) and not part.text):
                return self._part(part)
            case _:
                pass
        return None

    def _cite(self, text: dict[str, Any] | None, citation: Citation, message: Message) -> None:
        """A citation stands in the text block that draws on it."""
        own = self._own_citation(citation.details, message)
        if own is not None and text is not None:
            text.setdefault("citations", []).append(own)

    def _call_state(self, call: ToolCall, message: Message) -> dict[str, Any]:
        """What the call brings back beside its arguments, see `anthropic_natives.call_state`."""
        own = None if call.signature is None else self._own_json(call.signature, message)
        return {} if own is None else msgspec.json.decode(own, type=dict[str, Any])

    def _result(self, message: Message) -> dict[str, Any]:
        failed = {"is_error": True} if message.is_error else {}
        parts = given(message)
        if len(parts) > 1 or any(not isinstance(part, TextPart) for part in parts):
            content: str | list[dict[str, Any]] = [self._bare(part) for part in parts]
        else:
            content = message.text
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": content, **failed}
        marks: list[Cache] = [part.cache for part in parts if part.cache is not None]
        for _ in marks[1:]:
            self._too_many -= self._too_many > 0
        return self._marked(result, marks[-1] if marks else None)  # blocks within a block take no mark

    def _parts(self, message: Message) -> list[dict[str, Any]]:
        return [self._part(part) for part in given(message)]

    def _part(self, part: Given) -> dict[str, Any]:
        return self._marked(self._bare(part), part.cache)

    def _bare(self, part: Given) -> dict[str, Any]:
        if isinstance(part, TextPart):
            return {"type": "text", "text": part.text}
        return _image(part) if isinstance(part, ImagePart) else _document(part)

    def _tool(self, tool: Tool) -> dict[str, Any]:
        wire: dict[str, Any] = {"name": tool.name, "input_schema": tool.parameters}
        if tool.description:
            wire["description"] = tool.description
        if tool.strict:
            wire["strict"] = True
        return self._marked(wire, tool.cache)

    def _marked(self, block: dict[str, Any], cache: Cache | None) -> dict[str, Any]:
        """A block, with the mark that the prompt may be cached up to here."""
        mark = self._mark(cache)
        if mark is not None:
            block["cache_control"] = {"type": "ephemeral", **mark}
        return block


def _image(image: ImagePart) -> dict[str, Any]:
    data = image_data(image)
    if data is None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": data[0], "data": data[1]}}


def _document(file: FilePart) -> dict[str, Any]:
    """A PDF, or a text of any kind; a picture that was sent as a file is an image.

    Raises:
        Unsupported: It is another kind of file, or too large.
    """
    data, kind = file.data, file.media_type or ""
    if file.id is not None:
        source = {"type": "file", "file_id": file.id}
    elif data is not None and kind.startswith("image/"):
        return _image(ImagePart(file.url))
    elif data is None:
        if kind not in ("", "application/pdf"):
            raise Unsupported("files by URL other than PDF")
        source = {"type": "url", "url": file.url}
    elif len(data[1]) > REQUEST_BYTES_MAX:
        raise Unsupported(f"a file above {REQUEST_BYTES_MAX} bytes")
    elif kind == "application/pdf":
        source = {"type": "base64", "media_type": kind, "data": data[1]}
    else:
        source = {"type": "text", "media_type": "text/plain", "data": text_of(file)}
    return {"type": "document", "source": source, **({"title": file.name} if file.name else {})}


def text_of(file: FilePart) -> str:
    """The text of a file that is one.

    Raises:
        Unsupported: It is none.
    """
    if not file.is_text or file.data is None:
        raise Unsupported("files other than PDF and text")
    try:
        return base64.b64decode(file.data[1], validate=True).decode()
    except ValueError:
        raise Unsupported("files of text that is not UTF-8") from None
