"""One process of the gateway: the Router, the service, the operators' listener, the log and the counters together."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..config import Config, ConfigError, ConfigFileError, serve_problems
from ..config.addresses import Address
from ..config.serve import Serve
from ..router.router import Router
from .access import Access
from .admin import Admin, Order
from .keeping import Keeper
from .process.certificates import Certificates
from .process.ending import Drain, Stop
from .process.listening import Bound, Listening, bind, listen
from .process.supervisor import Supervisor
from .record import Record, line_of
from .request_log import RequestLog
from .serve import serve, signals
from .service import Service
from .shells.aiohttp_server import HttpServer
from .watching import Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one process serves, and how.

    Attributes:
        config: What it begins with, its section `serve` among it.
        load: Reads the configuration anew; None: there is no file.
        files: What it reads; keys of clients in other files are watched besides.
        state: The file of what outlives the process; None: nothing does.
        worker: The number of this process, and how many there are.
        write: Writes lines of the log out.
        tell: Tells an operator a sentence.
        version: Of the program, for the counters.
    """

    config: Config
    write: Callable[[bytes], object]
    tell: Callable[[str], None]
    load: Callable[[], Config] | None = None
    files: tuple[Path, ...] = ()
    state: Path | None = None
    worker: tuple[int, int] = (1, 1)
    supervised: bool = False
    version: str = ""


class Running(Service):
    """The service of one process, which can be told to read its configuration anew."""

    def __init__(self, plan: Plan, router: Router, observers: list[Callable[[Record], None]]) -> None:
        super().__init__(
            router,
            observers=observers,
            refused_reload=lambda why: plan.tell(f"the keys of the new configuration are refused: {why}"),
        )
        self._plan, self._of = plan, router
        self.watched = Watched(self._files)

    async def reload(self) -> None:
        """Read the configuration anew, and the keys in files; one that is wrong changes nothing.

        Raises:
            ConfigError: It is wrong.
        """
        await asyncio.to_thread(self.watched.seen)  # before it is read: what changes meanwhile is seen the next time
        if self._plan.load is not None:
            config = await asyncio.to_thread(self._plan.load)
            if problems := await asyncio.to_thread(serve_problems, config):
                raise ConfigFileError(problems)
            if config.serve is None and self._of.config.serve is not None:
                raise ConfigError("the section serve is gone")
            self.access.follow(config.serve or Serve())  # before the routes: if it is refused, nothing has changed
            self._of.swap(config)
            self.took(config)
            self._plan.tell("the configuration was read anew")
        else:
            await super().reload()

    def _files(self) -> list[Path]:
        serve = self._of.config.serve
        keys = () if serve is None else serve.keys.values()
        return [*self._plan.files, *(Path(file) for key in keys for file in key.key_files)]


async def run(
    plan: Plan, where: Address | Bound, ready: Callable[[Listening, Listening | None], None], stop: Stop | None = None
) -> int:
    """Serve until asked to end; the exit code.

    Args:
        ready: Called when connections are taken, with the clients' listener and that of operators.

    Raises:
        CannotListen: An address cannot be listened on.
    """
    stop = stop or Stop()
    settings = plan.config.serve or Serve()
    async with AsyncExitStack() as stack:
        router = await stack.enter_async_context(Router(plan.config))
        log = RequestLog(plan.write)
        stack.push_async_callback(log.aclose)
        service = Running(plan, router, [log])
        metrics = None
        if find_spec("prometheus_client") is not None:
            from .metrics import Metrics

            metrics = Metrics(lambda: router.config, router.health, lambda: service.in_flight, plan.version)
            service.observe(metrics)
        order = None
        if plan.state is not None:
            number, workers = plan.worker
            keeper = Keeper(router, service.access, plan.state, worker=number, workers=workers, tell=plan.tell)
            stack.push_async_callback(keeper.close)
            service.observe(lambda record: keeper.state.note("request", line_of(record)))
            order = _orders_of(keeper)
        admin = None
        if settings.admin.enabled and plan.worker[1] == 1:
            render = None if metrics is None else metrics.render
            handler = Admin(router, admin_access(settings), render=render, drain=stop.ask, order=order)
            admin = await stack.enter_async_context(_listening(handler, settings))

        def note(what: str, error: BaseException | None) -> None:
            if metrics is not None:
                metrics.rejected(what)
            if error is not None:
                plan.tell(f"{what}: {type(error).__name__}" + (f": {error}" if what == "reload_failed" else ""))

        tls = settings.tls
        return await serve(
            service,
            where,
            clients=settings.clients,
            drain=_drain(settings),
            certificates=None if tls is None else Certificates(tls.cert, tls.key, tls.client_ca),
            note=note,
            ready=lambda listening: ready(listening, admin),
            stop=stop,
            supervised=plan.supervised,
            changed=service.watched.has_changed if service.watched.any else None,
        )


def admin_access(settings: Serve) -> Access:
    """The door of the operators' listener: its own keys, or this machine alone."""
    admin = settings.admin
    if admin.has_keys:
        return Access(Serve(keys={"admin": admin.access}, listen=admin.listen))
    return Access(Serve(auth="none", listen=admin.listen))


@asynccontextmanager
async def _listening(admin: Admin, settings: Serve) -> AsyncGenerator[Listening]:
    """The operators' listener, as long as the block runs."""
    server = HttpServer(admin.handle, settings.clients)
    listening = await listen(server.protocol, bind(settings.admin.address), handshake_s=settings.clients.head_s)
    try:
        yield listening
    finally:
        listening.close()
        server.abort()
        await server.emptied()


def _orders_of(keeper: Keeper) -> Order:
    """Hands orders on to all processes that share the file, and to those that come after."""

    async def give(target: str, action: str) -> None:
        await asyncio.wrap_future(keeper.state.order(target, "isolate" if action == "isolate" else "restore"))

    return give


async def supervise(command: Sequence[str], settings: Serve, tell: Callable[[str], None]) -> int:
    """Keep as many processes serving as are configured, until asked to end; the exit code.

    Args:
        command: What starts one.
    """
    stop = Stop()
    supervisor = Supervisor(
        lambda number: command,
        settings.workers,
        drain=_drain(settings),
        told=lambda what, number, value: tell(f"{what.replace('_', ' ')}: {number} ({value})"),
    )
    with signals(stop.ask, supervisor.reload):
        return await supervisor.run(stop)


def _drain(settings: Serve) -> Drain:
    return Drain(delay_s=settings.drain_delay_s, wait_s=settings.drain_s)
