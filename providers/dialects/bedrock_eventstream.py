"""AWS's binary event stream: bytes in, frames out, every checksum compared.

The parser is botocore's, loaded on first use (the extra `bedrock`). It bounds a frame's headers and payload before it
buffers them; the bound on a whole frame here is the same as that of the other codecs.
"""

import struct
from importlib import import_module
from types import ModuleType
from typing import Any

import msgspec

from ..codecs.sse import MAX_EVENT_BYTES
from ..errors import MissingExtraError


class FrameError(Exception):
    """The bytes are no frames, a checksum differs, or a frame is too long; nothing behind it can be trusted.

    Attributes:
        whole: What `feed` had found before it, and would have given.
    """

    whole: "list[Frame]"


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame: its headers by name, and its payload."""

    headers: dict[str, Any]
    payload: bytes

    def text(self, name: str) -> str:
        """A header's text; empty when it is not there, or is no text."""
        found = self.headers.get(name)
        return found if isinstance(found, str) else ""


def botocore(module: str) -> ModuleType:
    """A module of botocore.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module(f"botocore.{module}")
    except ImportError:
        raise MissingExtraError("Bedrock", "bedrock") from None


class FrameDecoder:
    """The frames of a stream, however the network cuts it.

    Raises:
        MissingExtraError: botocore is not installed.
    """

    def __init__(self, max_frame_bytes: int = MAX_EVENT_BYTES) -> None:
        library = botocore("eventstream")
        self._buffer = library.EventStreamBuffer()
        self._refusals = (library.ParserError, struct.error, KeyError, UnicodeDecodeError)
        self._max_frame_bytes = max_frame_bytes
        self._unframed_bytes = 0  # since the last whole frame: at most one read more than the frame has

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes; give the frames that are now whole.

        Raises:
            FrameError: They are no frames.
        """
        frames: list[Frame] = []
        self._unframed_bytes += len(chunk)
        self._buffer.add_data(chunk)
        try:
            for message in self._buffer:
                frames.append(Frame(message.headers, message.payload))
                self._unframed_bytes = 0
        except self._refusals:
            raise self._error("a frame that is damaged", frames) from None
        if self._unframed_bytes > self._max_frame_bytes:
            raise self._error(f"a frame longer than {self._max_frame_bytes} bytes", frames)
        return frames

    def _error(self, what: str, frames: list[Frame]) -> FrameError:
        error = FrameError(what)
        error.whole = frames
        return error
