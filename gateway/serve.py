"""Serve the gateway in one process: listen, answer, reload, and end as it is told to.

A service is what answers; see `Service`. `SIGTERM` and `SIGINT` end it, the second one at once. `SIGHUP` reloads.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Generator
from typing import Protocol

from ..config import Clients
from ..config.addresses import Address
from .http import Reply, Request
from .process.certificates import CertificateError, Certificates
from .process.ending import Drain, Ending, Stop, end
from .process.listening import Bound, Listening, bind, listen
from .process.supervisor import end_with_supervisor
from .shells.aiohttp_server import HttpServer
from .shells.answering import Note

CERTIFICATES_S = 60.0
"""How often the files of certificates are looked at: what renews them seldom sends a signal."""

WATCH_S = 1.0
"""How often the files of a configuration are looked at."""


class Reloaded(Protocol):
    """What is read anew."""

    async def reload(self) -> None:
        """Read the configuration anew; one that is wrong changes nothing."""
        ...


class Service(Ending, Reloaded, Protocol):
    """What a server serves."""

    async def handle(self, request: Request, reply: Reply) -> None:
        """Answer a request."""
        ...


async def serve(
    service: Service,
    where: Address | Bound,
    *,
    clients: Clients = Clients(),  # noqa: B008 - frozen
    drain: Drain = Drain(),  # noqa: B008 - frozen
    certificates: Certificates | None = None,
    note: Note,
    ready: Callable[[Listening], None],
    stop: Stop | None = None,
    supervised: bool = False,
    changed: Callable[[], bool] | None = None,
) -> int:
    """Serve until asked to end; the exit code: 0, or 3 if an answer was broken off.

    Args:
        where: An address, or one that was taken before.
        note: Told what the service does not see, and with `reload_failed` why certificates were not reloaded.
        ready: Called once, when connections are taken.
        stop: Ends it from elsewhere; signals do so in any case, in the main thread.
        supervised: This process is a worker, and ends when its supervisor has died.
        changed: Tells, asked in a thread, whether what `reload` reads has changed; None: a signal alone does.

    Raises:
        CannotListen: The address cannot be listened on.
    """
    stop = stop or Stop()
    server = HttpServer(service.handle, clients, note=note)
    listening = await listen(
        server.protocol, bind(where) if isinstance(where, Address) else where, certificates, handshake_s=clients.head_s
    )
    reload = Reloading(service, certificates, note, changed)
    watching = [asyncio.create_task(reload.watch())]
    if supervised:
        watching.append(asyncio.create_task(end_with_supervisor(stop)))
    try:
        with signals(stop.ask, reload.ask):
            ready(listening)
            await stop.asked.wait()
            return await end(server, listening, service, drain, stop)
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        listening.close()
        server.abort()


class Reloading:
    """Reloads, one at a time: of what is asked for meanwhile, only one more follows."""

    def __init__(
        self,
        service: Reloaded,
        certificates: Certificates | None,
        note: Note,
        changed: Callable[[], bool] | None = None,
    ) -> None:
        self._service, self._certificates, self._note = service, certificates, note
        self._changed = changed
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Reload soon."""
        self._asked.set()

    async def watch(self) -> None:
        """Reload when asked to and when files have changed, and certificates when theirs have."""
        loop = asyncio.get_running_loop()
        certified_s = loop.time()
        every_s = WATCH_S if self._changed is not None else None if self._certificates is None else CERTIFICATES_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._asked.wait()
            asked = self._asked.is_set()
            self._asked.clear()
            if asked or loop.time() >= certified_s + CERTIFICATES_S:
                certified_s = loop.time()
                await self._certify(asked=asked)
            if asked or (self._changed is not None and await asyncio.to_thread(self._changed)):
                try:
                    await self._service.reload()
                except Exception as error:  # noqa: BLE001 - what cannot be read anew is told, and serves on as it was
                    self._note("reload_failed", error)

    async def _certify(self, *, asked: bool) -> None:
        held = self._certificates
        if held is None:
            return
        try:
            if asked or await asyncio.to_thread(lambda: held.has_changed):
                await asyncio.to_thread(held.reload)
        except CertificateError as error:
            self._note("reload_failed", error)


@contextlib.contextmanager
def signals(end_it: Callable[[], None], reload: Callable[[], None]) -> Generator[None]:
    """Let signals end the server and reload it, as long as the block runs; only in the main thread can they."""
    loop = asyncio.get_running_loop()
    wanted = {signal.SIGTERM: end_it, signal.SIGINT: end_it}
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = reload
    held: list[signal.Signals] = []
    try:
        for number, act in wanted.items():
            try:
                loop.add_signal_handler(number, act)
            except (NotImplementedError, RuntimeError, ValueError):
                break  # another system, or another thread: `stop` ends it
            held.append(number)
        yield
    finally:
        for number in held:
            loop.remove_signal_handler(number)
