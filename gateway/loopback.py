"""What may reach a gateway on loopback that asks for no key: programs of this machine, and no page in a browser. Pure.

A page can send requests to `localhost`, and can make its own name resolve to 127.0.0.1 (DNS rebinding). Neither gets
by: a rebound name stands in `Host`; a page's request has its `Origin` or says `Sec-Fetch-Site`; and a form cannot send
`application/json` without asking first, which is refused.
"""

import re
from collections.abc import Collection
from functools import lru_cache

from multidict import MultiMapping

from ..config.addresses import is_loopback
from .refused import Refused

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?", re.ASCII)
_HOST_CHARS_MAX = 300
_HOSTS_MAX = 64
"""Hosts whose meaning is kept: programs of this machine name few."""

_JSON = "application/json"
_WITHOUT_BODY = frozenset(("GET", "HEAD", "OPTIONS"))
_OF_PAGES = frozenset(("cross-site", "same-site"))


def refusal(
    method: str, path: str, headers: MultiMapping[str], *, tcp: bool, origins: Collection[str]
) -> Refused | None:
    """Why a request without a key may not come in; None when it may.

    Args:
        tcp: It came over TCP: what comes by a socket of the file system is of this machine, whatever its `Host`.
        origins: Origins whose pages may ask.
    """
    if not path.startswith("/") and path != "*":
        return Refused(400, "path", "the request names a whole address in place of a path")
    if tcp and not names_loopback(headers.getall("host", [])):
        words = "this gateway asks for no key, so it answers only as localhost, 127.0.0.1 or [::1]: see the Host header"
        return Refused(403, "host", words)
    if _is_of_a_page(headers, origins):
        words = "pages in a browser may not ask this gateway: list their origin in serve.origins"
        return Refused(403, "origin", words)
    if method not in _WITHOUT_BODY and not is_json(headers.getall("content-type", [])):
        return Refused(415, "content_type", f"the body must be {_JSON}, and Content-Type must say so")
    return None


def names_loopback(hosts: list[str]) -> bool:
    """Is there one `Host`, and is it the machine itself, with or without a port?"""
    return len(hosts) == 1 and _is_loopback(hosts[0])


@lru_cache(maxsize=_HOSTS_MAX)
def _is_loopback(host: str) -> bool:
    match = _HOST.fullmatch(host) if len(host) <= _HOST_CHARS_MAX else None
    if match is None or (match[2] is not None and not 0 < int(match[2]) < 65_536):
        return False
    name = match[1]
    return ":" in name and is_loopback(name[1:-1]) if name.startswith("[") else is_loopback(name)


def _is_of_a_page(headers: MultiMapping[str], origins: Collection[str]) -> bool:
    """Was it sent by a page that may not?"""
    sent = headers.getall("origin", [])
    if not sent:
        return not _OF_PAGES.isdisjoint(site.strip().lower() for site in headers.getall("sec-fetch-site", []))
    return len(sent) > 1 or sent[0] not in origins


def is_json(types: list[str]) -> bool:
    """Is there one `Content-Type`, and is it JSON?"""
    return len(types) == 1 and types[0].partition(";")[0].strip(" \t").lower() == _JSON
