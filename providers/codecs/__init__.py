"""Codecs: bytes in, payloads out, no I/O, every size bounded."""

from .json import UNDECODABLE, Aside, Details, SplitCharacter, TooBulky, decode_json, decode_kindly, read_aside
from .ndjson import NDJSONDecoder
from .sse import MAX_EVENT_BYTES, FrameTooLarge, SSEDecoder, SSEEvent

__all__ = [
    "MAX_EVENT_BYTES",
    "UNDECODABLE",
    "Aside",
    "Details",
    "FrameTooLarge",
    "NDJSONDecoder",
    "SSEDecoder",
    "SSEEvent",
    "SplitCharacter",
    "TooBulky",
    "decode_json",
    "decode_kindly",
    "read_aside",
]
