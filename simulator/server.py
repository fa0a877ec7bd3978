"""The simulator: several providers, each with a scenario, on one port of loopback.

    async with Simulator() as simulator:
        simulator.play("primary", Failure(ErrorKind.OVERLOADED), "Hello again.")
        ... simulator.base_url("primary") ...
        exchange = await simulator.asked("primary")

Every path below `base_url(name)` belongs to that provider. Nothing is logged; what came is in `exchanges`.
"""

import asyncio
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from ..providers.errors import StandbyError
from .dialects import DIALECTS
from .ports import BlackHole, ClosedPort
from .scenario.script import Chooser, Scenario, Step, scenario_of
from .serving.connection import Connection
from .serving.exchange import Exchange, ExchangeLog
from .serving.http1 import WireMessage
from .serving.plan import Plan
from .serving.simulated_provider import PlayedProvider, unknown_provider

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
BACKLOG = 1024


class ScriptError(StandbyError):
    """A script could not be played as it is written. Raised when the simulator closes; the client got a 500."""


class Simulator:
    """Providers that misbehave on purpose. Used with `async with`, or with `start()` and `aclose()`.

    Args:
        providers: What is played from the beginning: name to scenario, or to the steps of one.
        port: The port on 127.0.0.1; 0 takes a free one.

    Raises:
        ValueError: A name is no path segment, or a dialect is unknown.
    """

    def __init__(self, providers: Mapping[str, Scenario | Chooser | Step] | None = None, *, port: int = 0) -> None:
        self._port = port
        self._played: dict[str, PlayedProvider] = {}
        self._log = ExchangeLog()
        self._news = asyncio.Event()
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ports: list[ClosedPort] = []
        self._connections_seen = 0
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started_s = 0.0
        self._errors: list[Exception] = []
        for name, played in (providers or {}).items():
            self.play(name, played)

    def play(self, name: str, *played: Scenario | Chooser | Step, dialect: str = "openai") -> None:
        """Let the provider `name` play this from now on: one scenario, one callable, or steps one after another.

        Args:
            dialect: The wire it speaks, unless a scenario says so itself.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"a simulated provider's name is one path segment, not {name!r}")
        scenario = scenario_of(played, dialect)
        if scenario.dialect not in DIALECTS:
            raise ValueError(f"the simulator does not speak {scenario.dialect!r}; it speaks {', '.join(DIALECTS)}")
        if name in self._played:
            self._played[name].play(scenario)
        else:
            self._played[name] = PlayedProvider(name, scenario, self._errors)

    async def start(self, *, listen: bool = True) -> None:
        """Begin. `listen=False` opens no port: hand `protocol()` to transports of your own."""
        if self._loop is not None:
            raise RuntimeError("this simulator has been started before; make a new one")
        self._loop = asyncio.get_running_loop()
        self._started_s = self._loop.time()
        if listen:
            self._server = await self._loop.create_server(self.protocol, "127.0.0.1", self._port, backlog=BACKLOG)
            self._port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """End every connection and task, and close the ports.

        Raises:
            ScriptError: A script could not be played as it is written.
        """
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.stop()
        for port in self._ports:
            port.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.emptied()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None
        if self._errors:
            raise ScriptError(
                f"{len(self._errors)} requests met a script that cannot be played; the first: {self._errors[0]}"
            ) from self._errors[0]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def base_url(self, name: str) -> str:
        """Where the provider `name` is asked.

        Raises:
            LookupError: Nothing of this name is played.
            RuntimeError: The simulator has no port yet.
        """
        if name not in self._played:
            raise LookupError(f"the simulator plays no {name!r}; it plays {', '.join(self._played) or 'nothing'}")
        if not self._port:
            raise RuntimeError("the simulator has no port before it has started")
        return f"http://127.0.0.1:{self._port}/{name}"

    def refused_url(self) -> str:
        """The base URL of a port that refuses every connection, until the simulator closes."""
        self._ports.append(ClosedPort())
        return self._ports[-1].base_url

    def black_hole_url(self) -> str:
        """The base URL of a port where connecting takes for ever, until the simulator closes."""
        self._ports.append(BlackHole())
        return self._ports[-1].base_url

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What was asked, oldest first; bounded, so that the oldest are forgotten."""
        return tuple(self._log)

    @property
    def connections_open(self) -> int:
        """How many connections stand now."""
        return len(self._connections)

    @property
    def connections_seen(self) -> int:
        """How many connections have been opened in all."""
        return self._connections_seen

    def now_s(self) -> float:
        """Seconds since the start, on the event loop's clock."""
        assert self._loop is not None, "the simulator has not started"
        return self._loop.time() - self._started_s

    async def asked(self, name: str, number: int = 1) -> Exchange:
        """Wait until the provider got its `number`-th request; that exchange."""
        while True:
            for exchange in self._log:
                if exchange.provider == name and exchange.request.number == number:
                    return exchange
            self._news.clear()
            await self._news.wait()

    async def emptied(self) -> None:
        """Wait until no connection stands."""
        while self._connections:
            self._news.clear()
            await self._news.wait()

    def protocol(self) -> Connection:
        """A new connection, to be joined to a transport."""
        self._connections_seen += 1
        connection = Connection(self, self._connections_seen)
        self._connections.add(connection)
        return connection

    def begun(self, task: asyncio.Task[None]) -> None:
        """A connection's task: owned here, so that none outlives the simulator and no error is lost."""
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._errors.append(error)

    def forget(self, connection: Connection) -> None:
        """A connection is closed."""
        self._connections.discard(connection)
        self._news.set()

    def receive(self, message: WireMessage, connection: int, on_connection: int) -> tuple[Exchange, Plan]:
        """Note a request and say what to do with it."""
        path, _, query = message.head.target.partition("?")
        name, _, below = path[1:].partition("/")
        now_s = self.now_s()
        played = self._played.get(name)
        if played is None:
            request, plan = unknown_provider(message.head, list(self._played))
        else:
            request, plan = played.receive(message.head, "/" + below, query, message.body, now_s)
        exchange = Exchange(request, connection, on_connection, now_s)
        self._log.add(exchange)
        self._news.set()
        return exchange, plan
