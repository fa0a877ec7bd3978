"""An event loop with a jumping clock: when nothing is left to do, the next timer is due at once.

An hour of outages takes no time, instants can be compared exactly, and the same seed gives the same run. Tests,
drills and worlds run on it alike: `VirtualLoop` is the loop factory of a runner, or `perform` is the runner. Nothing in
the process is patched. What follows the calendar is handed the loop's: `Router(…, wall=loop.wall_s)`.

A network may be joined to the loop (see `network`): then names are resolved and connections made in memory, and not one
byte leaves the process. Threads work, but runs that use them are not deterministic.
"""

import asyncio
import itertools
import selectors
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

T = TypeVar("T")

WALL_EPOCH_S = 1_795_000_000.0
"""What the wall clock says when virtual time begins: the simulated providers' answers carry the same date."""

THREADS_MAX_S = 10.0
"""Maximum wait of a loop without timers for a thread to wake it; after it, it stands still for ever: an error."""


TURNS_MAX = 300_000
"""Maximum turns of a loop at one instant. Thousands are usual; with more than this, tasks wake each other for ever."""


class GoesRound(RuntimeError):
    """Raised when a loop turns and turns while no time passes: tasks wake each other, and none gets anywhere."""


class StandsStill(RuntimeError):
    """Raised when a task waits although nothing is due and nothing can come: a wait without a timer."""


class Connecting(Protocol):
    """What the loop asks of a network in memory."""

    async def resolve(self, host: str, port: int) -> list[tuple[Any, ...]]: ...
    async def reach(self, address: tuple[str, int]) -> None: ...
    def join(self, address: tuple[str, int], factory: Callable[[], Any], *, tls: bool) -> tuple[Any, Any]: ...


class JumpingSelector(selectors.DefaultSelector):
    """Nothing is ready: jump to the next timer instead of sleeping."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.turns = 0
        self._last_jump = 0  # in which turn

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        if timeout is not None and timeout <= 0:
            if self.turns - self._last_jump > TURNS_MAX:
                self._last_jump = self.turns  # told once: what is cancelled for it must be able to end
                raise GoesRound(f"the loop has turned {TURNS_MAX} times at {self.now_s} s")
            return []  # callbacks are waiting; only threads and signals come through the selector, and those can wait
        ready = super().select(THREADS_MAX_S if timeout is None else 0)
        if not ready:
            if timeout is None:
                raise StandsStill("a task waits although nothing is due and nothing can come")
            self.now_s += timeout
            self._last_jump = self.turns
        return ready


class NumberedFuture(asyncio.Future[Any]):
    """A future that hashes by its number: sets of futures, of which asyncio and aiohttp have many, keep one order."""

    __slots__ = ("number",)
    number: int

    def __hash__(self) -> int:
        return self.number


class NumberedTask(asyncio.Task[Any]):
    """The same for tasks."""

    __slots__ = ("number",)
    number: int

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a clock that jumps, and over a network in memory if there is one.

    Attributes:
        network: Where connections are made; None: nowhere, connecting is refused.
        wall_skew_s: How far the wall clock has been set forward; negative: back.
    """

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)
        self.network: Connecting | None = None
        self.wall_skew_s = 0.0
        self._numbers = itertools.count()
        self._connected: WeakKeyDictionary[socket.socket, tuple[str, int]] = WeakKeyDictionary()  # and not joined yet
        self.set_task_factory(_numbered)

    def create_future(self) -> NumberedFuture:
        future = NumberedFuture(loop=self)
        future.number = next(self._numbers)
        return future

    def time(self) -> float:
        return self._jumping.now_s

    @property
    def turns(self) -> int:
        """How often the loop has turned."""
        return self._jumping.turns

    def wall_s(self) -> float:
        """What the wall clock says."""
        return WALL_EPOCH_S + self._jumping.now_s + self.wall_skew_s

    def stall(self, seconds: float) -> None:
        """The process stands still for so long, as under SIGSTOP or behind a callback that blocks the loop."""
        self._jumping.now_s += seconds

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the threads, in real time: the limit that Python has from 3.12 on would be jumped to."""
        await super().shutdown_default_executor()

    async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> Any:
        return await self._network().resolve(str(host), int(port or 0))

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        await self._network().reach((address[0], address[1]))
        self._connected[sock] = (address[0], address[1])

    async def create_connection(self, protocol_factory: Any, *where: Any, **how: Any) -> Any:
        sock: socket.socket | None = how.get("sock")
        if sock is None:
            raise NotImplementedError("in virtual time, connections are made by sock_connect first, as aiohttp does")
        address = self._connected.pop(sock)
        sock.close()  # it was only the bearer of an address
        return self._network().join(address, protocol_factory, tls=bool(how.get("ssl")))

    def _network(self) -> Connecting:
        if self.network is None:
            raise ConnectionRefusedError("this loop has no network")
        return self.network


def _numbered(loop: asyncio.AbstractEventLoop, play: Any, **options: Any) -> NumberedTask:
    task: NumberedTask = NumberedTask.__new__(NumberedTask)
    task.number = next(cast(VirtualLoop, loop)._numbers)  # before it is made: making registers it in a set
    NumberedTask.__init__(task, play, loop=loop, **options)
    return task


def perform(play: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(play)
