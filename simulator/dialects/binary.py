"""Frames of AWS's binary event stream, with valid checksums: `providers.codecs.eventstream` reads them."""

import struct
import zlib
from collections.abc import Mapping

_PRELUDE = struct.Struct(">II")
_CHECKSUM = struct.Struct(">I")
_STRING = 7


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame with these headers, all of them texts."""
    written = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    return sealed(written, payload)


def with_payload(whole: bytes, payload: bytes) -> bytes:
    """The frame with another payload, and checksums that fit it."""
    start = _PRELUDE.size + _CHECKSUM.size
    headers_size = _PRELUDE.unpack_from(whole)[1]
    return sealed(whole[start : start + headers_size], payload)


def payload_of(whole: bytes) -> bytes:
    """The payload of a frame."""
    start = _PRELUDE.size + _CHECKSUM.size + _PRELUDE.unpack_from(whole)[1]
    return whole[start : -_CHECKSUM.size]


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", _STRING, len(value)) + value


def sealed(headers: bytes, payload: bytes) -> bytes:
    """One frame with these headers, as they are on the wire, and checksums that fit."""
    size = _PRELUDE.size + len(headers) + len(payload) + 2 * _CHECKSUM.size
    prelude = _PRELUDE.pack(size, len(headers))
    whole = prelude + _CHECKSUM.pack(zlib.crc32(prelude)) + headers + payload
    return whole + _CHECKSUM.pack(zlib.crc32(whole))
