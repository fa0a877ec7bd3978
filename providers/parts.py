"""The parts of a turn, in any dialect: what a caller sends, what a model answers, and what goes back to it.

A turn is an ordered list of them. Their repr tells their kind and size, never what they hold.
"""

import base64
import mimetypes
import re
from os import PathLike, fspath
from pathlib import PurePath
from typing import Literal, Self, TypeAlias
from urllib.parse import urlsplit

import msgspec

from .errors import InvalidRequest
from .files import UnreadableFile, read_bounded

Detail: TypeAlias = Literal["auto", "low", "high", "original"]
"""How closely a model should look at an image."""
Cache: TypeAlias = Literal["5m", "1h"]
"""How long a provider is to keep the prompt up to here in its cache."""

ATTACHMENT_BYTES_MAX = 64 * 1024 * 1024
"""Maximum bytes of a file that is sent along: no provider takes a larger one in a request."""


class TextPart(msgspec.Struct, frozen=True, tag="text"):
    """A piece of text.

    Attributes:
        cache: The prompt may be cached up to here.
        phase: Of an answer: what the provider calls this text (`commentary`, `final_answer`). It goes back with it.
    """

    text: str
    cache: Cache | None = None
    phase: str | None = None

    def __repr__(self) -> str:
        return f"TextPart(<{len(self.text)} characters>)"


class Attachment(msgspec.Struct, frozen=True):
    """Bytes that are sent along as a data URL, or what is found at another URL, which the provider fetches itself."""

    url: str = ""

    @property
    def data(self) -> tuple[str, str] | None:
        """`(media type, base64 text)` of a data URL, else None."""
        match = _DATA_URL.fullmatch(self.url[:128].partition(",")[0] + ",")
        return (match[1], self.url.partition(",")[2]) if match else None

    @property
    def media_type(self) -> str | None:
        """The media type: of a data URL as it says, else by the name of the file; None: it does not tell."""
        data = self.data
        return data[0] if data else _guessed(self.url.partition("?")[0].partition("#")[0])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<{'data' if self.data else 'url'}>)"


class ImagePart(Attachment, frozen=True, tag="image"):
    """An image: of a message, of a tool's result, or of an answer.

    Attributes:
        url: `https://…`, or `data:image/png;base64,…` for the bytes themselves.
        detail: How closely the model should look; only some dialects have it.
        cache: The prompt may be cached up to here.
    """

    detail: Detail | None = None
    cache: Cache | None = None

    @classmethod
    def from_bytes(cls, data: bytes, media_type: str | None = None) -> Self:
        """Make an image of its bytes; without a media type it is read off them.

        Raises:
            InvalidRequest: They are no image of a kind that providers take, or too many.
        """
        return cls(_data_url(data, media_type or _image_type(data), "image"))

    @classmethod
    def from_path(cls, path: str | PathLike[str]) -> Self:
        """Read an image from a file.

        Raises:
            InvalidRequest: The file cannot be read, is no image, or too large.
        """
        return cls.from_bytes(_read(path))


class FilePart(Attachment, frozen=True, tag="file"):
    """A document, like a PDF.

    Attributes:
        url: `https://…`, `data:application/pdf;base64,…`, or empty when `id` names an upload.
        name: Of the file, as the model is told.
        id: Of a file that was uploaded to the provider before; only there it means anything.
        cache: The prompt may be cached up to here.
    """

    name: str | None = None
    id: str | None = None
    cache: Cache | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is text of some kind, by its media type."""
        kind = (self.media_type or "").lower()
        return kind.startswith("text/") or kind in _TEXTS

    @classmethod
    def from_bytes(cls, data: bytes, media_type: str, name: str | None = None) -> Self:
        """Make a document of its bytes.

        Raises:
            InvalidRequest: There are none, or too many; or the media type is none.
        """
        return cls(_data_url(data, media_type, "file"), name)

    @classmethod
    def from_path(cls, path: str | PathLike[str], media_type: str | None = None) -> Self:
        """Read a document from a file; its name tells the media type unless it is given.

        Raises:
            InvalidRequest: The file cannot be read, is empty or too large; or its name does not tell its type.
        """
        name = PurePath(fspath(path)).name
        return cls.from_bytes(_read(path), _media_type(media_type, name), name)


class AudioPart(Attachment, frozen=True, tag="audio"):
    """Recorded speech or sound: of a message, or of an answer.

    Attributes:
        url: `data:audio/wav;base64,…`, or where the provider finds it.
        id: Of an answer's audio at its provider: a later turn may name it in place of the bytes.
        transcript: Of an answer's audio: what is said in it.
    """

    id: str | None = None
    transcript: str = ""

    @classmethod
    def from_bytes(cls, data: bytes, media_type: str) -> Self:
        """Make audio of its bytes.

        Raises:
            InvalidRequest: There are none, or too many; or the media type is none of audio.
        """
        return cls(_data_url(data, media_type, "audio"))

    @classmethod
    def from_path(cls, path: str | PathLike[str], media_type: str | None = None) -> Self:
        """Read audio from a file; its name tells the media type unless it is given.

        Raises:
            InvalidRequest: The file cannot be read, is empty or too large; or its name tells of no audio.
        """
        return cls.from_bytes(_read(path), _media_type(media_type, PurePath(fspath(path)).name))


class Reasoning(msgspec.Struct, frozen=True, tag="reasoning"):
    """A block of a model's thinking, kept so that it can go back unchanged to the target that made it.

    Attributes:
        text: What may be read of it.
        signature: The provider's proof of the block.
        redacted: An encrypted block that only its provider can read.
        details: More that the provider wrote of it, as JSON text (OpenRouter's `reasoning_details`).
    """

    text: str
    signature: str | None = None
    redacted: str | None = None
    details: str | None = None

    def __repr__(self) -> str:
        return f"Reasoning(<{len(self.text)} characters>)"


class RefusalPart(msgspec.Struct, frozen=True, tag="refusal"):
    """The words with which a model declined."""

    text: str

    def __repr__(self) -> str:
        return f"RefusalPart(<{len(self.text)} characters>)"


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """A whole call of a tool, as the model made it.

    Attributes:
        arguments: The arguments as JSON text, as the model wrote it; of a custom tool its input, in any form.
        signature: The provider's opaque state of this call, sent back unchanged to the same target.
        custom: It calls a tool that takes free text.
    """

    id: str
    name: str
    arguments: str
    signature: str | None = None
    custom: bool = False

    def __repr__(self) -> str:
        return f"ToolCall(id={self.id!r}, name={self.name!r}, arguments=<{len(self.arguments)} characters>)"


class Citation(msgspec.Struct, frozen=True, tag="citation"):
    """A source that the text before it draws on.

    Attributes:
        title: Of the source.
        text: The passage of the source that is cited.
        start, end: The part of that text, in characters, as the provider counts them; None: it does not say.
        details: The citation as the provider wrote it, as JSON text: it goes back to the same target.
    """

    url: str = ""
    title: str = ""
    text: str = ""
    start: int | None = None
    end: int | None = None
    details: str | None = None

    def __repr__(self) -> str:
        return f"Citation({urlsplit(self.url).hostname or ''}, <{len(self.text)} characters>)"


class NativePart(msgspec.Struct, frozen=True, tag="native"):
    """A block that only its provider understands: a call of a tool that it runs itself, the result, a compaction.

    Attributes:
        kind: The provider's word for such a block.
        details: The block, as JSON text: it goes back to the same target, at the same place of the turn.
        name: Of the tool that the provider runs.
        id: The provider's id of the call.
    """

    kind: str
    details: str
    name: str = ""
    id: str | None = None

    def __repr__(self) -> str:
        return f"NativePart({self.kind!r}, <{len(self.details)} characters>)"


class Logprobs(msgspec.Struct, frozen=True, tag="logprobs"):
    """How likely the tokens of a piece of the answer were. Part of an answer, never of a conversation.

    Attributes:
        details: A list with an object for each token, as JSON text, as the provider wrote it.
    """

    details: str

    def __repr__(self) -> str:
        return f"Logprobs(<{len(self.details)} characters>)"


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What a tool gave, as a part of a user's turn. `chat_request` makes a turn of role `tool` of it.

    Attributes:
        call_id: Of the call that this is the result of.
        content: What the tool gave: text, images, documents.
        is_error: The tool failed, and the content says how.
    """

    call_id: str
    content: tuple[TextPart | ImagePart | FilePart | AudioPart, ...] = ()
    is_error: bool = False

    def __repr__(self) -> str:
        return f"ToolResult(<{len(self.content)} parts>)"


Part: TypeAlias = (
    TextPart
    | ImagePart
    | FilePart
    | AudioPart
    | Reasoning
    | RefusalPart
    | ToolCall
    | ToolResult
    | Citation
    | NativePart
)

_TEXTS = frozenset({"application/json", "application/xml", "application/yaml"})
"""Texts whose media type does not begin so."""
_DATA_URL = re.compile(r"data:([a-z0-9.+-]+/[a-z0-9.+-]+);base64,", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+", re.IGNORECASE)
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypheic", 4, "image/heic"),
    (b"ftypheif", 4, "image/heif"),
    (b"BM", 0, "image/bmp"),
)
"""The first bytes of the images that providers take."""


def _image_type(data: bytes) -> str:
    for magic, at, kind in _MAGIC:
        if data.startswith(magic, at):
            return kind
    raise InvalidRequest(
        "the image is none that its first bytes tell (PNG, JPEG, GIF, WebP, HEIC, BMP): say media_type"
    )


def _guessed(name: str) -> str | None:
    return mimetypes.guess_type(name)[0]


def _media_type(said: str | None, name: str) -> str:
    found = said or _guessed(name)
    if found is None:
        raise InvalidRequest("the name of the file does not tell its media type: say media_type")
    return found


def _data_url(data: bytes, media_type: str, kind: Literal["image", "file", "audio"]) -> str:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise InvalidRequest(f"the {kind} is not bytes, but a {type(data).__name__}")
    if not len(data):
        raise InvalidRequest(f"the {kind} is empty")
    if len(data) > ATTACHMENT_BYTES_MAX:
        raise InvalidRequest(f"the {kind} has {len(data)} bytes, maximum is {ATTACHMENT_BYTES_MAX}")
    if not _MEDIA_TYPE.fullmatch(media_type) or (kind != "file" and not media_type.lower().startswith(f"{kind}/")):
        raise InvalidRequest(f"media_type is none of a {kind}" if kind == "file" else f"media_type is none of {kind}s")
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _read(path: str | PathLike[str]) -> bytes:
    try:
        return read_bounded(path, ATTACHMENT_BYTES_MAX)
    except UnreadableFile as problem:
        raise InvalidRequest(f"{fspath(path)!r} {problem}") from None
