"""The headers of a request: checked, so that each can be sent as it is, and shows in no error."""

import re
from collections.abc import Mapping
from functools import lru_cache

from multidict import CIMultiDict

from ..errors import ErrorKind, ProviderError
from ..provider import WireRequest

WHOLE_ENCODINGS = "gzip, deflate"
CONSTANT_HEADERS = {"User-Agent": "standby", "Accept": "*/*", "Accept-Encoding": "identity"}
"""On the session, so that aiohttp adds none of its own per request. A stream is never asked for compressed: its
pieces would wait for each other in the compressor."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def request_headers(wire: WireRequest, *, expect_stream: bool) -> CIMultiDict[str]:
    """A request's own headers, checked. A whole body may come compressed."""
    headers = checked(wire.headers)
    if not expect_stream:
        headers.setdefault("Accept-Encoding", WHOLE_ENCODINGS)
    return headers


def merged(constant: Mapping[str, str], own: CIMultiDict[str]) -> CIMultiDict[str]:
    """A request's headers over those that all requests have."""
    headers = CIMultiDict(constant)
    headers.update(own)
    return headers


def checked(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Headers that can be sent as they are; of a name in several spellings, the last value.

    Raises:
        ProviderError: One cannot. aiohttp would let some of these through, and its errors show the value.
    """
    found: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        if not _is_name(name):
            raise ProviderError(ErrorKind.PROTOCOL, "a request header's name is not valid", local=True)
        if not (value.isascii() and (value.isprintable() or value.replace("\t", " ").isprintable())):
            words = f"the value of the request header {name} holds a line end, a control character or a non-ASCII one"
            raise ProviderError(ErrorKind.PROTOCOL, words, local=True)
        found[name] = value
    return found


@lru_cache
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
