"""A network in memory: names, connections and bytes between our HTTP client and the simulated providers.

Only the transport is simulated. Above it stand the real aiohttp client with our pool on one side, and the simulator's
own connections on the other. In each direction bytes arrive in order, at instants that strictly increase:
timers of equal instants keep no order. What goes wrong is said by a `Weather`: while resolving, while connecting, and
in each direction after so many bytes.
"""

import asyncio
import errno
import hashlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias, cast

import msgspec

from .loop import VirtualLoop

LATENCY_S = 0.0005
"""One way, when the weather is fine."""

TICK_S = 1e-6
"""Between two deliveries in one direction, at least."""

WINDOW_BYTES = 64 * 1024
"""Maximum bytes buffered for a reader that does not read; beyond them the writer must wait."""

RESOLVER_GIVES_UP_S = 20.0
"""A resolver without an answer tries each server twice. All connections to the name wait for this one look-up."""

ConnectFault: TypeAlias = Literal[
    "refuse", "black_hole", "unreachable", "no_descriptors", "dns", "dns_timeout", "tls", "tls_stall", "slow"
]
"""`no_descriptors` is this machine's own fault, `slow` is only late; all others mean that there is no connection."""


class WireFault(msgspec.Struct, frozen=True):
    """What happens to one direction of a connection after so many bytes.

    Attributes:
        what: `rst` and `fin` end the connection there, `stall` lets nothing more through, `late` holds the rest back
            for `seconds`, `slice` lets through at most `size` bytes at a time from there on.
    """

    what: Literal["rst", "fin", "stall", "late", "slice"]
    at: int
    seconds: float = 0.0
    size: int = 1


class Weather(Protocol):
    """What goes wrong on the network. Asked for every connection."""

    def resolving(self, host: str) -> ConnectFault | None: ...
    def reaching(self, host: str) -> ConnectFault | None: ...
    def wires(self, host: str) -> tuple[WireFault | None, WireFault | None]: ...
    def struck(self, direction: Literal["up", "down"], what: str) -> None:
        """A fault of `wires` happens now."""
        ...


class FineWeather:
    """Nothing goes wrong."""

    def resolving(self, host: str) -> ConnectFault | None:
        return None

    def reaching(self, host: str) -> ConnectFault | None:
        return None

    def wires(self, host: str) -> tuple[WireFault | None, WireFault | None]:
        return None, None

    def struck(self, direction: Literal["up", "down"], what: str) -> None:
        """Do nothing: the strikes of this weather are not counted."""


class Network:
    """Hosts by name, each with one server behind every port.

    Attributes:
        weather: What goes wrong.
        open: The clients' ends that stand, in the order of their making.
        opened: How many connections have been made.
        on_arrival: Called in the turn in which bytes come to a client's end, before they are handed on, and behind.
    """

    def __init__(self, loop: VirtualLoop, weather: Weather | None = None) -> None:
        self._loop = loop
        self.weather: Weather = weather or FineWeather()
        self._servers: dict[str, Callable[[], asyncio.BaseProtocol]] = {}
        self._names: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self._trace = hashlib.blake2b(digest_size=16)
        self.open: dict[MemoryTransport, None] = {}
        self.opened = 0
        self.on_arrival: Callable[[Literal["before", "behind"]], None] | None = None

    def serve(self, host: str, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        """Let a host be found, and this answer there."""
        if host not in self._addresses:
            number = len(self._addresses) + 1
            address = f"10.0.{number >> 8}.{number & 255}"
            self._addresses[host], self._names[address] = address, host
        self._servers[host] = factory

    def cut_off(self, host: str) -> None:
        """End every connection to a host, with a reset."""
        for client in [each for each in self.open if each.host == host]:
            client.peer.abort()

    def note(self, what: str) -> None:
        """Put an event into the trace."""
        self._trace.update(f"{self._loop.time():.9f} {what}\n".encode())

    def trace(self) -> str:
        """A digest of all that happened, and when."""
        return self._trace.hexdigest()

    # What the loop asks

    async def resolve(self, host: str, port: int) -> list[tuple[Any, ...]]:
        fault = self.weather.resolving(host) if host in self._addresses else "dns"
        self.note(f"resolve {host} {fault}")
        if fault == "dns_timeout":
            await asyncio.sleep(RESOLVER_GIVES_UP_S)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if fault == "dns":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        address = (self._addresses[host], port)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    async def reach(self, address: tuple[str, int]) -> None:
        host = self._names[address[0]]
        fault = self.weather.reaching(host)
        self.note(f"connect {host} {fault}")
        if fault == "black_hole":
            await asyncio.Event().wait()
        await asyncio.sleep(LATENCY_S * (400 if fault == "slow" else 2))
        if fault == "refuse":
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        if fault == "unreachable":
            raise OSError(errno.EHOSTUNREACH, "No route to host")
        if fault == "no_descriptors":
            raise OSError(errno.EMFILE, "Too many open files")
        if fault == "tls":
            raise ssl.SSLCertVerificationError(1, "certificate has expired")
        if fault == "tls_stall":
            await asyncio.Event().wait()

    def join(
        self, address: tuple[str, int], factory: Callable[[], asyncio.BaseProtocol], *, tls: bool
    ) -> tuple["MemoryTransport", asyncio.BaseProtocol]:
        host = self._names[address[0]]
        up, down = self.weather.wires(host)
        self.opened += 1
        loop, number = self._loop, self.opened
        near, far = factory(), self._servers[host]()
        client = MemoryTransport(loop, self, near, f"{number}>", up, address, host)
        server = MemoryTransport(loop, self, far, f"{number}<", down, address, host)
        client.peer, server.peer = server, client
        self.open[client] = None
        far.connection_made(server)
        near.connection_made(client)
        return client, near


class MemoryTransport(asyncio.Transport):
    """One end of a connection in memory."""

    peer: "MemoryTransport"

    def __init__(
        self,
        loop: VirtualLoop,
        network: Network,
        protocol: asyncio.BaseProtocol,
        name: str,
        fault: WireFault | None,
        address: tuple[str, int],
        host: str,
    ) -> None:
        super().__init__({"peername": address})
        self._loop, self._network, self._name = loop, network, name
        self._protocol = cast(asyncio.Protocol, protocol)
        self._fault = fault
        self.host = host
        self._sent = 0
        self._last_s = 0.0  # when the latest delivery to the other end is due
        self._silent = False  # nothing gets through any more
        self._slice: int | None = None
        self._closing = False
        self._lost = False
        self._paused = False
        self._holds: deque[bytes | None] = deque()  # came while reading was paused; None: the end
        self._held_bytes = 0
        self._told_to_wait = False

    # Writing

    def write(self, data: Any) -> None:
        if self._closing or not data:
            return
        data = bytes(data)
        fault = self._fault
        if fault is not None and self._sent + len(data) >= fault.at:
            self._fault = None
            before, after = data[: fault.at - self._sent], data[fault.at - self._sent :]
            self._send(before)
            self._strike(fault)
            data = after
        self._send(data)
        peer = self.peer
        if peer._held_bytes > WINDOW_BYTES and not self._told_to_wait:
            self._told_to_wait = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def _send(self, data: bytes) -> None:
        if not data:
            return
        self._sent += len(data)
        size = self._slice
        if size is None or len(data) <= size:
            self._deliver(data)
        else:
            for start in range(0, len(data), size):
                self._deliver(data[start : start + size])

    def _strike(self, fault: WireFault) -> None:
        self._network.note(f"{self._name} {fault.what} at {fault.at}")
        self._network.weather.struck("up" if self._name.endswith(">") else "down", fault.what)
        match fault.what:
            case "rst":
                self._silent = True
                self._at(self._next_s(), self._reset_both)
            case "fin":
                self._deliver(None)
                self._silent = True
                self._at(self._next_s() + LATENCY_S, self._reset_both)
            case "stall":
                self._silent = True
            case "late":
                self._last_s = max(self._last_s, self._loop.time()) + fault.seconds
            case "slice":
                self._slice = fault.size

    def _next_s(self) -> float:
        """When what is sent now arrives."""
        at_s = self._loop.time() + LATENCY_S
        if at_s < self._last_s + TICK_S:
            at_s = self._last_s + TICK_S
        self._last_s = at_s
        return at_s

    def _at(self, at_s: float, act: Callable[..., None], *given: Any) -> None:
        self._loop.call_at(at_s, act, *given)

    def _deliver(self, data: bytes | None) -> None:
        if not self._silent:
            self._loop.call_at(self._next_s(), self.peer._arrived, data)

    def _reset_both(self) -> None:
        self._lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        self.peer._lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))

    # Reading

    def _arrived(self, data: bytes | None) -> None:
        if self._lost:
            return
        if self._paused:
            self._holds.append(data)
            self._held_bytes += len(data or b"")
            return
        self._take(data)

    def _take(self, data: bytes | None) -> None:
        if data is not None:
            network, told = self._network, self._network.on_arrival if self in self._network.open else None
            network.note(f"{self._name} {len(data)}")
            if told is not None:
                told("before")
            self._protocol.data_received(data)
            if told is not None:
                told("behind")
        elif not self._protocol.eof_received():
            self.close()

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            if self._holds:
                self._loop.call_soon(self._catch_up)

    def is_reading(self) -> bool:
        return not self._paused and not self._closing

    def _catch_up(self) -> None:
        while self._holds and not self._paused and not self._lost:
            data = self._holds.popleft()
            self._held_bytes -= len(data or b"")
            self._take(data)
        writer = self.peer
        if writer._told_to_wait and self._held_bytes <= WINDOW_BYTES and not writer._lost:
            writer._told_to_wait = False
            writer._protocol.resume_writing()

    # Ending

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._deliver(None)
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        if self._lost:
            return
        self._closing = True
        if not self._silent:
            self._loop.call_at(self._next_s(), self.peer._lose, ConnectionResetError(errno.ECONNRESET, "reset"))
        self._loop.call_soon(self._lose, None)

    def _lose(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self._holds.clear()
        self._network.note(f"{self._name} lost {type(error).__name__}")
        self._network.open.pop(self, None)
        self._protocol.connection_lost(error)
        if self._silent:  # nothing gets through: the other end learns of it from its own clocks, or from us at the end
            self._loop.call_soon(self.peer._lose, ConnectionResetError(errno.ECONNRESET, "reset"))

    # The rest of what a transport can

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: written bytes are on their way at once, and the reader's buffer shows if it does not read."""

    def can_write_eof(self) -> bool:
        return False
