"""Blocks of a Converse answer that are neither text nor thinking nor a call of the caller's: pictures, files, natives.

Facts: botocore's model of bedrock-runtime. Calls of tools that the provider runs, their results, and blocks to come go
back as they came: Converse takes in a request every block that it writes in an answer.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from ..codecs import UNDECODABLE, decode_json
from ..codecs.json import json_text, whole_text
from ..events import PartAdded
from ..parts import AudioPart, Citation, FilePart, ImagePart, NativePart

IMAGE_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
"""Media types of the images that Converse knows, and its own words for them."""

DOCUMENT_FORMATS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
"""The same for documents."""

_MEDIA_TYPES = {name: kind for kind, name in (*IMAGE_FORMATS.items(), *DOCUMENT_FORMATS.items())}
_SAYING = frozenset({"text", "reasoningContent", "citation"})


class OpenBlock:
    """A streamed block that is told once it is whole.

    Args:
        member: `toolUse` of a tool that the provider runs, `toolResult`, or `image`.
        start: What its start says of it.
    """

    __slots__ = ("_foreign", "_member", "_results", "_start", "_texts")

    def __init__(self, member: str, start: Mapping[str, Any]) -> None:
        self._member, self._start = member, dict(start)
        self._texts: list[str] = []
        self._results: list[dict[str, Any]] = []
        self._foreign = False

    def add(self, delta: Mapping[str, Any]) -> bool:
        """The next piece. False: it says something, and the block is none that is told whole."""
        if not _SAYING.isdisjoint(delta):
            return False
        piece = delta.get(self._member)
        match self._member, piece:
            case "toolUse", {"input": str(text)}:
                self._texts.append(whole_text(text))
            case "toolResult", list():
                self._results += (each for each in piece if isinstance(each, dict))
            case "image", dict():
                self._start |= piece
            case _, None if not delta:
                pass
            case _:
                self._foreign = True
        return True

    def whole(self) -> NativePart | ImagePart | FilePart | AudioPart | None:
        """The part that it is; None: it was cut off, or its pieces are of a form that is not known."""
        block = self._start
        if self._foreign:
            return None
        if self._member == "toolUse":
            written = "".join(self._texts).encode() or b"{}"
            try:
                decode_json(written, dict[str, Any])
            except UNDECODABLE:
                return None
            block = {**block, "input": msgspec.Raw(written)}
        elif self._member == "toolResult":
            block = {**block, "content": _texts_joined(self._results)}
        return part_of(msgspec.Raw(msgspec.json.encode({self._member: block})))


def _texts_joined(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pieces of a result, with a text that came in several as one."""
    joined: list[dict[str, Any]] = []
    for each in results:
        text = each.get("text")
        if isinstance(text, str) and joined and isinstance(joined[-1].get("text"), str):
            joined[-1] = {"text": joined[-1]["text"] + text}
        else:
            joined.append(each)
    return joined


def part_of(written: msgspec.Raw) -> NativePart | ImagePart | FilePart | AudioPart | None:
    """The part that a whole block is; None of one that is empty, or cannot be read."""
    details = json_text(written)
    try:
        block = decode_json(details.encode(), dict[str, Any])
    except UNDECODABLE:
        return None
    member = next(iter(block), None)
    inner = block[member] if member is not None else None
    if member is None or not isinstance(inner, dict):
        return None
    url = _url(member, inner)
    match member:
        case "image" if url:
            return ImagePart(url)
        case "audio" if url:
            return AudioPart(url)
        case "document" if url:
            name = inner.get("name")
            return FilePart(url, name if isinstance(name, str) else None)
        case _:
            return _native(member, inner, details)


def _native(member: str, inner: Mapping[str, Any], details: str) -> NativePart:
    def text(name: str) -> str:
        found = inner.get(name)
        return found if isinstance(found, str) else ""

    return NativePart(text("type") or member, details, text("name"), text("toolUseId") or None)


def _url(member: str, inner: Mapping[str, Any]) -> str:
    """Where the bytes of a picture, of sound or of a document are: with it, or at an address of S3."""
    kind, source = inner.get("format"), inner.get("source")
    if not isinstance(kind, str) or not isinstance(source, dict):
        return ""
    media_type = f"audio/{kind}" if member == "audio" else _MEDIA_TYPES.get(kind, f"{member}/{kind}")
    match source:
        case {"bytes": str(data)} if data:
            return f"data:{media_type};base64,{data}"
        case {"text": str(text)}:
            return f"data:{media_type};base64,{base64.b64encode(text.encode()).decode()}"
        case {"s3Location": {"uri": str(uri)}}:
            return uri
        case _:
            return ""


def cited(written: msgspec.Raw) -> PartAdded:
    """The event of one citation: the places in it are of the source, and stand in its details only."""
    details = json_text(written)
    try:
        found = decode_json(details.encode(), dict[str, Any])
    except UNDECODABLE:
        found = {}
    match found.get("location"):
        case {"web": {"url": str(url)}}:
            pass
        case _:
            url = ""
    contents = found.get("sourceContent")
    texts = [each.get("text") for each in contents if isinstance(each, dict)] if isinstance(contents, list) else []
    title = found.get("title")
    passage = "".join(text for text in texts if isinstance(text, str))
    return PartAdded(Citation(url, title if isinstance(title, str) else "", passage, details=details))
