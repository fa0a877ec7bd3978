"""Addresses to listen on: `HOST:PORT`, `[IPv6]:PORT`, or `unix:PATH`. A name is never looked up here.

What counts as loopback decides whether a gateway may do without keys, so it is read narrowly: `localhost` and numbers
of the machine itself, and nothing that only looks like them.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from ..providers.sendable import type_name
from .fields import Rule

UNIX = "unix:"

UNIX_PATH_MAX = 103
"""Maximum length of the path of a socket, in bytes: the smaller one of Linux (107) and macOS (103)."""

_TCP = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5})")
_SHAPE = "must be HOST:PORT, [IPv6]:PORT or unix:PATH"


class Address(NamedTuple):
    """Where a server listens.

    Attributes:
        host: A name or number, without brackets; empty for a socket of the file system.
        port: From 1; 0 for any that is free, or for none.
        path: The path of a socket of the file system; empty for TCP.
    """

    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def is_local(self) -> bool:
        """Can only this machine reach it?"""
        return bool(self.path) or is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Is this host, without brackets and port, the machine itself? Only `localhost` and numbers are."""
    if host.lower() == "localhost":
        return True
    try:
        number: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(number, "ipv4_mapped", None)
    return (mapped or number).is_loopback and "%" not in host


def address_of(text: str) -> Address:
    """The address that a text stands for.

    Raises:
        ValueError: It stands for none; the message is the rest of a sentence.
    """
    if text.startswith(UNIX):
        path = text[len(UNIX) :]
        if not path or "\0" in path:
            raise ValueError(f"{_SHAPE}: the path is missing")
        if len(path.encode(errors="replace")) > UNIX_PATH_MAX:
            raise ValueError(f"names a socket whose path is longer than {UNIX_PATH_MAX} bytes")
        return Address(path=path)
    match = _TCP.fullmatch(text)
    if match is None:
        raise ValueError(_SHAPE)
    host, port = match[1], int(match[2])
    if port > 65_535:
        raise ValueError("has a port above 65535")
    if host.startswith("["):
        host = host[1:-1]
        try:
            IPv6Address(host)
        except ValueError:
            raise ValueError(_SHAPE) from None
    return Address(host, port)


class ListenAddress(Rule):
    """An address to listen on."""

    __slots__ = ()

    def problem(self, value: object) -> str | None:
        if not isinstance(value, str):
            return f"{_SHAPE}, but is a {type_name(value)}"
        try:
            address_of(value)
        except ValueError as error:
            return str(error)
        return None
