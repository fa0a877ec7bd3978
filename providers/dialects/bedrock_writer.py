"""Turns of a conversation as content blocks of Converse, each in its place.

Facts: botocore's model of bedrock-runtime; AWS's pages on prompt caching (at most four points) and on documents (their
names hold letters, digits, single blanks, hyphens and brackets, none stands twice, and a text is said beside them).
"""

import re
from collections.abc import Iterable
from typing import Any

from ..block_writer import Block, BlockWriter, Given, given
from ..fit import arguments_object, json_object
from ..messages import (
    Cache,
    ChatRequest,
    Citation,
    FilePart,
    ImagePart,
    Message,
    NativePart,
    Reasoning,
    RefusalPart,
    TextPart,
    Tool,
    ToolCall,
)
from ..provider import Unsupported
from ..returning import Returning
from ..turns import without_end_blanks
from .bedrock_blocks import DOCUMENT_FORMATS, IMAGE_FORMATS

_NAME_MAX = 200
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9()\[\]-]+")


class ConverseWriter(BlockWriter):
    """Writes the blocks of one request of Converse."""

    def __init__(self, chat: ChatRequest, returning: Returning) -> None:
        super().__init__(chat, returning)
        self._names: set[str] = set()

    def tool_config(self, chat: ChatRequest) -> dict[str, Any] | None:
        """The caller's own tools, and behind them those that the provider runs, as they were given."""
        if not (chat.tools or chat.native_tools) or chat.tool_choice == "none":
            return None
        tools = [block for tool in chat.tools for block in ({"toolSpec": _tool(tool)}, *self._point(tool.cache))]
        said: dict[str, Any] = {"tools": [*tools, *(tool.spec for tool in chat.native_tools)]}
        if chat.tool_choice == "required":
            said["toolChoice"] = {"any": {}}
        elif chat.tool_choice not in (None, "auto"):
            said["toolChoice"] = {"tool": {"name": chat.tool_choice}}
        return said

    def system(self, chat: ChatRequest, parts: Iterable[TextPart]) -> list[dict[str, Any]] | None:
        """The system text; in parts, where one of them is to be cached."""
        if not chat.system:
            return None
        if all(part.cache is None for part in parts):
            return [{"text": chat.system}]
        return [block for part in parts for block in ({"text": part.text}, *self._point(part.cache))]

    def turns(self, chat: ChatRequest) -> list[dict[str, Any]]:
        """The turns; blocks of the same role in a row are one turn, as results of parallel calls must be."""
        turns: list[dict[str, Any]] = []
        said = [("assistant" if m.role == "assistant" else "user", self._blocks(m)) for m in chat.messages]
        if chat.prefill is not None:
            begun = Message("assistant", (TextPart(without_end_blanks(chat.prefill)[0]),))
            said.append(("assistant", self._blocks(begun)))
        for role, blocks in said:
            if turns and turns[-1]["role"] == role:
                turns[-1]["content"] += blocks
            elif blocks:
                turns.append({"role": role, "content": blocks})
        if any("document" in block for turn in turns for block in turn["content"] if isinstance(block, dict)):
            _check_texts(turns)
        return turns

    def _blocks(self, message: Message) -> list[Block]:
        if message.role == "tool":
            return self._result(message)
        if message.role == "assistant":
            return self._assistant(message)
        return [block for part in given(message, str.strip) for block in (self._part(part), *self._point(part.cache))]

    def _assistant(self, message: Message) -> list[Block]:
        """A turn's blocks as they came."""
        blocks: list[Block] = []
        text: dict[str, Any] | None = None  # the last block, if it is a text
        for part in message.content:
            if isinstance(part, Citation):
                self._cite(text, part, message)
                continue
            more = self._assistant_blocks(part, message)
            if more:
                blocks += more
                last = blocks[-1]
                text = last if isinstance(part, TextPart) and isinstance(last, dict) and "text" in last else None
        return blocks

    def _assistant_blocks(self, part: object, message: Message) -> list[Block]:
        match part:
            case Reasoning():
                return self._thought(part, message)
            case ToolCall():
                call = {"toolUseId": part.id, "name": part.name, "input": arguments_object(part)}
                return [{"toolUse": call}]
            case NativePart():
                own = self._own_json(part.details, message)
                return [] if own is None else [own]
            case RefusalPart():
                return [{"text": part.text}]
            case FilePart():
                raise Unsupported("files in assistant turns")
            case TextPart() if part.text.strip():
                return [{"text": part.text}, *self._point(part.cache)]
            case ImagePart():
                return [self._part(part)]
            case _:
                return []

    def _thought(self, block: Reasoning, message: Message) -> list[Block]:
        redacted = self._returning.state(block.redacted, message)
        if redacted is not None:
            return [{"reasoningContent": {"redactedContent": redacted}}]
        signature = self._returning.state(block.signature, message)
        own = signature is not None or (block.signature is None and self._returning.owns(message))
        if not own or not (block.text or signature):
            return []
        signed = {"signature": signature} if signature else {}
        return [{"reasoningContent": {"reasoningText": {"text": block.text, **signed}}}]

    def _cite(self, text: dict[str, Any] | None, citation: Citation, message: Message) -> None:
        """A text that draws on sources is a block of its own kind, with the text in it."""
        own = self._own_citation(citation.details, message)
        if own is not None and text is not None:
            cited: dict[str, Any] = text.pop("citationsContent", None) or {
                "content": [{"text": text.pop("text")}],
                "citations": [],
            }
            cited["citations"].append(own)
            text["citationsContent"] = cited

    def _result(self, message: Message) -> list[Block]:
        parts = given(message, str.strip)
        only = parts[0] if len(parts) == 1 else None
        found = json_object(only.text) if isinstance(only, TextPart) else None
        content: list[dict[str, Any]] = [{"json": found}] if found is not None else list(map(self._part, parts))
        result = {
            "toolUseId": message.tool_call_id,
            "content": content,
            "status": "error" if message.is_error else "success",
        }
        points = [point for part in parts for point in self._point(part.cache)]
        return [{"toolResult": result}, *points[-1:]]  # a result holds no point: it stands behind

    def _part(self, part: Given) -> dict[str, Any]:
        if isinstance(part, TextPart):
            return {"text": part.text}
        if isinstance(part, FilePart) and not (part.media_type or "").startswith("image/"):
            return {"document": self._document(part)}
        kind, data = part.data or ("", "")
        if kind not in IMAGE_FORMATS:
            raise Unsupported(f"images other than {', '.join(IMAGE_FORMATS.values())}")
        return {"image": {"format": IMAGE_FORMATS[kind], "source": {"bytes": data}}}

    def _document(self, file: FilePart) -> dict[str, Any]:
        kind = (file.media_type or "").lower()
        if kind not in DOCUMENT_FORMATS and file.is_text:
            kind = "text/plain"
        if kind not in DOCUMENT_FORMATS:
            raise Unsupported(f"files other than {', '.join(DOCUMENT_FORMATS.values())}")
        data = file.data
        if data is not None:
            source: dict[str, Any] = {"bytes": data[1]}
        elif file.url.startswith("s3://"):
            source = {"s3Location": {"uri": file.url}}
        else:
            raise Unsupported("files by URL")
        return {"format": DOCUMENT_FORMATS[kind], "name": self._name(file), "source": source}

    def _name(self, file: FilePart) -> str:
        """A name that is allowed, and none of another document's."""
        said = _NOT_IN_A_NAME.sub(" ", (file.name or "").rpartition(".")[0] or file.name or "").strip()
        name = first = said[: _NAME_MAX - 8] or "document"
        count = 1
        while name in self._names:
            count += 1
            name = f"{first} ({count})"
        self._names.add(name)
        return name

    def _point(self, cache: Cache | None) -> list[dict[str, Any]]:
        """The mark that the prompt may be cached up to here, if there is one."""
        mark = self._mark(cache)
        return [] if mark is None else [{"cachePoint": {"type": "default", **mark}}]


def _check_texts(turns: list[dict[str, Any]]) -> None:
    for turn in turns:
        kinds = {name for block in turn["content"] if isinstance(block, dict) for name in block}
        if "document" in kinds and "text" not in kinds:
            raise Unsupported("files without a text beside them")


def _tool(tool: Tool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": tool.parameters}}
    if tool.description:
        said["description"] = tool.description  # an empty one is refused
    if tool.strict is not None:
        said["strict"] = tool.strict
    return said
