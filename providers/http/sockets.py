"""The sockets of connections: those that are known from their first moment on, and the one that a connection has."""

import socket
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from asyncio import Transport

    from aiohappyeyeballs import AddrInfoType


class HasTransport(Protocol):
    """A connection."""

    @property
    def transport(self) -> "Transport | None": ...


def descriptor(line: HasTransport | None) -> int:
    """That of a connection's socket; -1: it has none."""
    transport = None if line is None else line.transport
    held = None if transport is None else transport.get_extra_info("socket")
    return -1 if held is None else int(held.fileno())


def made(known: WeakSet[socket.socket], info: "AddrInfoType") -> socket.socket:
    """A new socket, noted down from its first moment on."""
    new = socket.socket(*info[:3])
    known.add(new)
    return new
