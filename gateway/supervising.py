"""The process above several workers: it takes the address, keeps them running, and serves operators.

It answers no client and has no Router. Orders go by the state file, see `operated`; counters by files of one folder,
see `worker_tallies`.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.util import find_spec
from tempfile import TemporaryDirectory

from ..config import ConfigFileError, serve_problems
from ..config.model import Config
from ..config.serve import Serve
from .access import Access, for_admin
from .admin import Admin
from .operated import Workers
from .process.ending import Stop
from .process.listening import Bound, Listening, bind, handed_down, url_of
from .process.supervisor import Supervisor
from .running import Plan, admin_access, drain_of, listening_for
from .serve import Reloading, signals
from .state import State
from .state_file import StateError
from .watching import Watched
from .worker_tallies import FOLDER, add_up

Ready = Callable[[str, Listening | None], None]
"""Called with the address of clients, and the operators' listener."""


async def supervise(plan: Plan, command: Sequence[str], ready: Ready, stop: Stop | None = None) -> int:
    """Keep as many workers serving as are configured, until asked to end; the exit code.

    Args:
        plan: Of it the configuration, its files, and the state.
        command: What starts a worker.

    Raises:
        CannotListen: An address cannot be listened on.
        StateError: The state file that is configured cannot be used.
    """
    stop = stop or Stop()
    settings = plan.config.serve or Serve()
    async with AsyncExitStack() as stack:
        bound = bind(settings.address, share=True)
        stack.callback(bound.close)
        environment, sockets = handed_down(bound)
        render: Callable[[], bytes] | None = None
        folder: str | None = None
        if find_spec("prometheus_client") is not None:
            folder = environment[FOLDER] = stack.enter_context(TemporaryDirectory(prefix="standby-tallies-"))
            render = partial(_render, folder, settings.workers, plan.version)
        if (state := _state(plan)) is not None:
            stack.push_async_callback(asyncio.to_thread, state.close)
        drain = drain_of(settings)
        supervisor = Supervisor(
            lambda number: command,
            settings.workers,
            drain=drain,
            told=lambda what, number, value: plan.tell(f"{what.replace('_', ' ')}: {number} ({value})"),
            environment=environment,
            sockets=sockets,
        )
        followed = _Followed(plan)
        listening = None
        if settings.admin.enabled:
            followed.access = access = admin_access(settings)
            operated = Workers(lambda: followed.config, state, settings.workers, folder)
            handler = Admin(operated, access, render=render, drain=stop.ask)
            listening = await stack.enter_async_context(listening_for(handler, settings))
        ready(url_of(bound.address, tls=settings.tls is not None), listening)
        changed = followed.watched.has_changed if followed.watched.any else None
        reloading = Reloading(followed, None, lambda what, error: None, changed)

        def reload() -> None:
            reloading.ask()
            supervisor.reload()

        beside = [asyncio.create_task(reloading.watch()), asyncio.create_task(_let_go(bound, stop, drain.delay_s))]
        try:
            with signals(stop.ask, reload):
                return await supervisor.run(stop)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


class _Followed:
    """What the supervisor itself goes by: the names of targets, and the keys of operators.

    What is wrong with a file, each worker says.

    Attributes:
        access: The door of the operators' listener.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan, self.config = plan, plan.config
        self.access: Access | None = None
        self.watched = Watched(lambda: plan.files)

    async def reload(self) -> None:
        """Read the configuration anew; one that is wrong changes nothing.

        Raises:
            ConfigError: It is wrong.
        """
        await asyncio.to_thread(self.watched.seen)
        if self._plan.load is None:
            return
        config: Config = await asyncio.to_thread(self._plan.load)
        if problems := await asyncio.to_thread(serve_problems, config):
            raise ConfigFileError(problems)
        if self.access is not None:
            self.access.follow(for_admin(config.serve or Serve()))
        self.config = config


def _render(folder: str, workers: int, version: str) -> bytes:
    """The counters of all workers, as text."""
    from .metrics import new_tallies, rendered

    return rendered(add_up(new_tallies(), folder, workers), version)


def _state(plan: Plan) -> State | None:
    """The state file, for orders; None: there is none."""
    if plan.state is None:
        return None
    try:
        return State(plan.state)
    except StateError as error:
        if not plan.state_may_fail:
            raise
        plan.tell(f"nothing is kept: {error}")
        return None


async def _let_go(bound: Bound, stop: Stop, delay_s: float) -> None:
    """Close the supervisor's end of a shared socket when workers close theirs: else connections would wait in it."""
    await stop.asked.wait()
    await asyncio.sleep(delay_s)
    bound.close()
