"""One process of the gateway: the Router, the service, the operators' listener, the log and the counters together."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ..config import Config, ConfigError, ConfigFileError, serve_problems
from ..config.addresses import Address
from ..config.serve import Serve
from ..router.router import Router
from .access import Access, for_admin
from .admin import Admin
from .keeping import Keeper
from .lag import LagMeter
from .operated import OneProcess, give_order
from .process.certificates import Certificates
from .process.ending import Drain, Stop
from .process.listening import Bound, Listening, bind, listen
from .record import Record, line_of
from .request_log import RequestLog
from .serve import serve
from .service import Service
from .shells.aiohttp_server import HttpServer
from .state_file import StateError
from .watching import Watched
from .worker_tallies import FOLDER, TallyFile


def whole(config: Config) -> Config:
    """The part of a process that serves alone."""
    return config


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one process serves, and how.

    Attributes:
        config: What it begins with, its section `serve` among it.
        load: Reads the configuration anew; None: there is no file.
        share: Makes of a configuration the part of this process.
        files: What it reads; keys of clients in other files are watched besides.
        state: The file of what outlives the process; None: nothing does.
        state_may_fail: It lies where the system keeps such files, and may be left out as well.
        worker: The number of this process, and how many there are.
        write: Writes lines of the log out.
        tell: Tells an operator a sentence.
        version: Of the program, for the counters.
    """

    config: Config
    write: Callable[[bytes], object]
    tell: Callable[[str], None]
    load: Callable[[], Config] | None = None
    share: Callable[[Config], Config] = whole
    files: tuple[Path, ...] = ()
    state: Path | None = None
    state_may_fail: bool = False
    worker: tuple[int, int] = (1, 1)
    supervised: bool = False
    version: str = ""


class Running(Service):
    """The service of one process, which can be told to read its configuration anew.

    Attributes:
        operators: The door of the operators' listener; None: there is none.
    """

    def __init__(self, plan: Plan, router: Router, observers: list[Callable[[Record], None]]) -> None:
        super().__init__(
            router,
            observers=observers,
            refused_reload=lambda why: plan.tell(f"the keys of the new configuration are refused: {why}"),
        )
        self._plan, self._of = plan, router
        self.operators: Access | None = None
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
            config = self._plan.share(config)
            self.follow(config.serve or Serve())  # before the routes: if it is refused, nothing has changed
            self._of.swap(config)
            self.took(config)
            self._plan.tell("the configuration was read anew")
        else:
            await super().reload()

    def follow(self, serve: Serve) -> None:
        """Let both doors go by a configuration, or none.

        Raises:
            ConfigError: One of them cannot.
        """
        doors = [(self.access, serve)]
        if self.operators is not None:
            doors.append((self.operators, for_admin(serve)))
        for door, section in doors:
            door.check(section)
        for door, section in doors:
            door.follow(section)

    def _files(self) -> list[Path]:
        serve = self._of.config.serve
        keys = () if serve is None else serve.keys.values()
        admin = () if serve is None else serve.admin.key_files
        return [*self._plan.files, *map(Path, admin), *(Path(file) for key in keys for file in key.key_files)]


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
            if (folder := os.environ.get(FOLDER)) and plan.supervised:
                stack.push_async_callback(TallyFile(metrics.tallies, folder, plan.worker[0], metrics.sample).close)
            stack.callback(LagMeter(metrics.lagged).close)
        give = None
        if (keeper := keeper_of(plan, router, service.access)) is not None:
            stack.push_async_callback(keeper.close)
            service.observe(lambda record: keeper.state.note("request", line_of(record)))
            give = partial(give_order, keeper.state)
        admin = None
        if settings.admin.enabled and plan.worker[1] == 1:
            render = None if metrics is None else metrics.render
            service.operators = admin_access(settings)
            handler = Admin(OneProcess(router, give), service.operators, render=render, drain=stop.ask)
            admin = await stack.enter_async_context(listening_for(handler, settings))

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
            drain=drain_of(settings),
            certificates=None if tls is None else Certificates(tls.cert, tls.key, tls.client_ca),
            note=note,
            ready=lambda listening: ready(listening, admin),
            stop=stop,
            supervised=plan.supervised,
            changed=service.watched.has_changed if service.watched.any else None,
        )


def keeper_of(plan: Plan, router: Router, access: Access) -> Keeper | None:
    """What keeps the state; None: nothing is kept.

    Raises:
        StateError: The file that is configured cannot be used.
    """
    if plan.state is None:
        return None
    number, workers = plan.worker
    try:
        return Keeper(router, access, plan.state, worker=number, workers=workers, tell=plan.tell)
    except StateError as error:
        if not plan.state_may_fail:
            raise
        plan.tell(f"nothing is kept: {error}")
        return None


def admin_access(settings: Serve) -> Access:
    """The door of the operators' listener: its own keys, or this machine alone."""
    return Access(for_admin(settings))


@asynccontextmanager
async def listening_for(admin: Admin, settings: Serve) -> AsyncGenerator[Listening]:
    """The operators' listener, as long as the block runs."""
    server = HttpServer(admin.handle, settings.clients)
    listening = await listen(server.protocol, bind(settings.admin.address), handshake_s=settings.clients.head_s)
    try:
        yield listening
    finally:
        listening.close()
        server.abort()
        await server.emptied()


def drain_of(settings: Serve) -> Drain:
    return Drain(delay_s=settings.drain_delay_s, wait_s=settings.drain_s)
