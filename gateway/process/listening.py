"""Sockets that the gateway listens on: TCP by host and port, or a socket of the file system."""

import asyncio
import os
import socket
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress

from ...config.addresses import UNIX, Address
from ...providers.errors import StandbyError
from .certificates import Certificates

BACKLOG = 2048
"""Connections that the system holds while the loop is at something else."""

HANDED_DOWN = "STANDBY_LISTEN"
"""The variable by which a supervisor tells a worker where to listen: `fd:5`, a socket that it has handed down, or
`port:8080`, which it has found."""

UNIX_MODE = 0o660
"""A balancer on the same machine reaches the socket by its group; the rest of the machine does not."""


class CannotListen(StandbyError):
    """Raised when an address cannot be listened on; the message names it and the reason."""


def shown(address: Address) -> str:
    """Write an address as it is configured."""
    if address.path:
        return f"{UNIX}{address.path}"
    return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"


def url_of(address: Address, *, tls: bool) -> str:
    """Write an address as a client does."""
    return shown(address) if address.path else f"{'https' if tls else 'http'}://{shown(address)}"


class Bound:
    """An address that is taken, and not listened on yet.

    Attributes:
        address: With the port that was found.

    Args:
        is_own: It was taken by this process, which removes what it has made in the file system.
    """

    __slots__ = ("_is_own", "address", "sockets")

    def __init__(self, sockets: list[socket.socket], address: Address, *, is_own: bool = True) -> None:
        self.sockets, self.address, self._is_own = sockets, address, is_own

    def close(self) -> None:
        """Give the address back. Idempotent: what another process has put in its place meanwhile is left alone."""
        for each in self.sockets:
            each.close()
        if self.address.path and self._is_own:
            with suppress(FileNotFoundError):
                os.unlink(self.address.path)
        self._is_own = False


def bind(address: Address, *, share: bool = False) -> Bound:
    """Take an address; one of the file system is also listened on, by as many processes as get the socket.

    Args:
        share: Other processes may take the same TCP address (SO_REUSEPORT), and the system deals connections out.

    Raises:
        CannotListen: It is taken, or no address of this machine.
    """
    try:
        if address.path:
            return Bound([_bind_path(address.path)], address)
        return _bind_host(address, share=share)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        failure = CannotListen(f"cannot listen on {shown(address)}: {reason}")
    raise failure


def handed_down(bound: Bound) -> tuple[dict[str, str], tuple[int, ...]]:
    """What tells workers of an address that their supervisor has taken: variables, and descriptors to hand down."""
    if bound.address.path:
        number = bound.sockets[0].fileno()
        return {HANDED_DOWN: f"fd:{number}"}, (number,)
    return {HANDED_DOWN: f"port:{bound.address.port}"}, ()


def bind_handed_down(address: Address, environment: Mapping[str, str] = os.environ) -> Bound:
    """In a worker: take the address that its supervisor has taken. A socket of the file system is shared by all.

    Raises:
        CannotListen: It is taken, or no address of this machine.
    """
    kind, _, number = environment.get(HANDED_DOWN, "").partition(":")
    if kind == "fd":
        shared = socket.socket(fileno=int(number))
        shared.setblocking(False)
        return Bound([shared], address, is_own=False)
    return bind(address._replace(port=int(number)) if kind == "port" else address, share=True)


def _bind_host(address: Address, *, share: bool) -> Bound:
    found = socket.getaddrinfo(address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    port = address.port
    try:
        for family, kind, protocol, _, where in dict.fromkeys(found):
            each = socket.socket(family, kind, protocol)
            sockets.append(each)
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if share:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.bind((where[0], port, *where[2:]))
            port = each.getsockname()[1]  # a name with two addresses gets one port on both
    except OSError:
        for each in sockets:
            each.close()
        raise
    return Bound(sockets, address._replace(port=port))


def _bind_path(path: str) -> socket.socket:
    """Make a socket of the file system, in place of one that nothing listens on any more."""
    _remove_stale(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~UNIX_MODE)
    try:
        bound.setblocking(False)
        bound.bind(path)
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(before)
    return bound


def _remove_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return  # binding will say that something else stands there
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)


class Listening:
    """A server that listens. Made by `listen`.

    Attributes:
        address: Where, with the port that was found.
        url: The same as a client writes it.
    """

    def __init__(self, servers: list[asyncio.Server], bound: Bound, *, tls: bool) -> None:
        self._servers, self._bound = servers, bound
        self.address = bound.address
        self.url = url_of(bound.address, tls=tls)

    def close(self) -> None:
        """Listen no longer. Connections that stand go on."""
        for each in self._servers:
            each.close()
        self._bound.close()


async def listen(
    protocol: Callable[[], asyncio.Protocol],
    bound: Bound,
    certificates: Certificates | None = None,
    *,
    handshake_s: float,
) -> Listening:
    """Listen on an address that was taken.

    Args:
        handshake_s: Maximum time for the beginning of TLS.
    """
    loop = asyncio.get_running_loop()
    context = None if certificates is None else certificates.context
    patience_s = None if context is None else handshake_s
    servers: list[asyncio.Server] = []
    for each in bound.sockets:
        if bound.address.path:
            made = await loop.create_unix_server(
                protocol, sock=each, ssl=context, ssl_handshake_timeout=patience_s, backlog=BACKLOG
            )
        else:
            made = await loop.create_server(
                protocol, sock=each, ssl=context, ssl_handshake_timeout=patience_s, backlog=BACKLOG
            )
        servers.append(made)
    return Listening(servers, bound, tls=context is not None)
