"""Heads that the parser lets pass and that are not answered all the same. Pure.

aiohttp's parser sees to it that a head is of HTTP/1. What is looked at here: a transfer encoding that not everything
in front reads alike, a `Host` that is none, and a whole address in place of a path that is another host's.
"""

import re
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import urlsplit

from multidict import MultiMapping

from ..http import RequestRefused

Version: TypeAlias = tuple[int, int]

VERSIONS = ((1, 1), (1, 0))

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*)(?::[0-9]{0,5})?")
"""A name, an address, or nothing; with or without a port."""

_PORTS = {"http": ":80", "https": ":443"}


def unfit_head(
    method: str, version: Version, target: str, headers: MultiMapping[str], bytes_max: int, size: int
) -> RequestRefused | None:
    """Why a request is not answered, whatever it asks; None: it is.

    Args:
        target: What stands behind the method, as it was sent.
        bytes_max: Maximum size of all headers.
        size: Of all headers.
    """
    if method == "CONNECT":
        return RequestRefused(405, "This server is no proxy.", (("allow", "GET, POST"),))
    if version not in VERSIONS:
        return RequestRefused(505, "This server speaks HTTP/1.1.")
    if "transfer-encoding" in headers and (refused := _unfit_encoding(version, headers)) is not None:
        return refused
    host = headers.get("host", "")
    if not _is_host(host):
        return RequestRefused(400, "The header Host holds no host.")
    if not target.startswith("/") and target != "*" and not _is_own(target, host):
        return RequestRefused(400, "The request is for another host than its header Host says.")
    if size > bytes_max:
        return RequestRefused(431, f"The headers are larger than {bytes_max} bytes together.")
    if (expected := headers.get("expect")) is not None and expected.lower() != "100-continue":
        return RequestRefused(417, "The header Expect asks for what this server does not do.")
    return None


def _unfit_encoding(version: Version, headers: MultiMapping[str]) -> RequestRefused | None:
    if version < (1, 1):
        return RequestRefused(400, "A request of HTTP/1.0 has no transfer encoding.")
    if [value.strip(" \t").lower() for value in headers.getall("transfer-encoding")] != ["chunked"]:
        return RequestRefused(400, "The one transfer encoding of requests is chunked, said once.")
    return None


@lru_cache(maxsize=256)
def _is_host(host: str) -> bool:
    return _HOST.fullmatch(host) is not None


def _is_own(target: str, host: str) -> bool:
    """Is a whole address, as clients send it to a proxy, one of this host?"""
    try:
        url = urlsplit(target)
    except ValueError:
        return False
    port = _PORTS.get(url.scheme)
    return port is not None and url.netloc.lower().removesuffix(port) == host.lower().removesuffix(port)
