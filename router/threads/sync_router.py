"""A Router for code without an event loop: threads, Django, Flask, Celery, notebooks.

It lives in a loop in a thread of its own, which begins with its first call. Any thread may ask it, also one that runs
an event loop, as a notebook does, at the price that this loop stands still meanwhile. A forked process begins afresh.
"""

import random
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, Unpack

from ...config.model import Config
from ...config.route import Targets
from ...providers.bare import bare, door
from ...providers.chat import Messages
from ...providers.events import TextDelta
from ...providers.transport import TransportFactory
from ...providers.wall_clock import WALL_CLOCK, WallClock
from ..engine.call import Call
from ..engine.options import CallOptions
from ..explain import Plan
from ..health.snapshot import HealthSnapshot
from ..notices.observers import NoticeCounts, Observer
from ..result.answer import Answer
from ..result.errors import CallFailed
from ..result.events import StreamEvent
from ..result.report import Report
from ..routed_stream import answered
from ..router import Router, file_of
from .feed import Feed
from .home import BATCHES_MAX, Home, home_of, relay

T = TypeVar("T")


class SyncRouter:
    """Asks as `Router` does, from code without an event loop. One serves all threads of a process.

    Health, connections and budgets live in it, so a service makes one and keeps it. Used with `with`, or closed by
    `close`, or by the end of the interpreter.

    Args:
        source, reload, observers, rng, wall, transport: As for `Router`.

    Raises:
        ConfigError: The configuration makes no sense; the message says where.
        NoTargets: No target is configured.
    """

    @door
    def __init__(
        self,
        source: Config | str | Path | Targets,
        *,
        reload: bool = False,
        observers: Sequence[Observer] = (),
        rng: random.Random | None = None,
        wall: WallClock = WALL_CLOCK,
        transport: TransportFactory | None = None,
    ) -> None:
        self._router = Router(source, reload=reload, observers=observers, rng=rng, wall=wall, transport=transport)
        self._home: Home = home_of(self._router)

    @classmethod
    def from_yaml(cls, path: str | Path | None = None, *, reload: bool = False) -> Self:
        """A SyncRouter over a YAML file; see `Router.from_yaml`."""
        return cls(file_of(path), reload=reload)

    @property
    def config(self) -> Config:
        """What new calls are served by."""
        return self._router.config

    @property
    def notices(self) -> NoticeCounts:
        """How often the log, an observer or a listener failed so far."""
        return self._router.notices

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all calls, close all connections, and wait until they are gone. Idempotent; from any thread."""
        self._home.close()

    @door
    def complete(self, messages: Messages, **options: Unpack[CallOptions]) -> Answer:
        """Ask for a whole answer; see `Router.complete`. Leaving the wait, as Ctrl-C does, cancels the call.

        Raises:
            CallFailed: No target gave a whole answer; the exception holds the report.
            InvalidRequest: The request makes no sense.
            ConfigError: There is no such route or target.
        """
        return self._home.run(self._router.complete(messages, **options))

    @door
    def stream(self, messages: Messages, **options: Unpack[CallOptions]) -> "SyncStream":
        """Ask for an answer as it comes; see `Router.stream`. Nothing is sent before the stream is read.

        Raises:
            InvalidRequest: The request makes no sense.
            ConfigError: There is no such route or target.
        """
        call = self._there(partial(self._router.begin, messages, **options))
        reading = _Reading(self._home, call)
        return SyncStream(call, reading.take, reading.leave, reading.forbid_restart)

    @door
    def explain(self, messages: Messages | None = None, **options: Unpack[CallOptions]) -> Plan:
        """Explain a call without sending it; see `Router.explain`."""
        return self._there(partial(self._router.explain, messages, **options))

    @door
    def health(self) -> tuple[HealthSnapshot, ...]:
        """How each target stands now, the configured ones first."""
        return self._there(self._router.health)

    @door
    def isolate(self, target: str, for_s: float | None = None) -> None:
        """Send a target no more calls; see `Router.isolate`."""
        self._there(partial(self._router.isolate, target, for_s))

    @door
    def restore(self, target: str) -> None:
        """Ask a target again at once; see `Router.restore`."""
        self._there(partial(self._router.restore, target))

    @door
    def swap(self, config: Config) -> None:
        """Serve new calls by another configuration from now on; see `Router.swap`."""
        self._there(partial(self._router.swap, config))

    def _there(self, deed: Callable[[], T]) -> T:
        """Do something in the Router's loop."""
        return self._home.run(_calling(deed))


class SyncStream(Iterator[StreamEvent]):
    """One call's answer, as it comes, for one thread at a time. Use it with `with`, or read it to its end.

    Leaving it early, or dropping it, closes the connection to the target and blames none.

    Args:
        call: The call, which lives in another thread.
        take: Waits for its next batches; none at the end.
        leave: Ends it. From any thread, also from a finalizer; idempotent.
        forbid_restart: Text that is out shall not be taken back.
    """

    def __init__(
        self,
        call: Call,
        take: Callable[[], Sequence[Sequence[StreamEvent]]],
        leave: Callable[[], None],
        forbid_restart: Callable[[], None],
    ) -> None:
        self._call, self._take, self._leave, self._forbid_restart = call, take, leave, forbid_restart
        self._rest: Iterator[StreamEvent] = iter(())
        self._closed = False
        weakref.finalize(self, leave).atexit = False

    @property
    def report(self) -> Report:
        """What happened so far; final after the last event."""
        return self._call.report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @door
    def __next__(self) -> StreamEvent:
        """The next event.

        Raises:
            CallFailed: There is no (more of the) answer to be had.
            StreamBusy: Another thread is waiting for the next event.
        """
        for event in self._rest:
            return event
        if self._closed:
            raise StopIteration
        try:
            batches = self._take()
        except CallFailed:
            self.close()
            raise
        if not batches:
            self.close()
            raise StopIteration
        self._rest = chain.from_iterable(batches)
        return next(self._rest)

    def text(self) -> Iterator[str]:
        """The text of the answer alone, piece by piece. Refuses the policy `restart`: it would void what is out."""
        self._forbid_restart()
        try:
            for event in self:
                if type(event) is TextDelta:
                    yield event.text
        except BaseException as error:
            bare(error)
            raise
        finally:
            event = None  # type: ignore[assignment]  # what raises here takes this frame along

    @door
    def answer(self) -> Answer:
        """Read the rest of the stream, and give all of the answer, as `SyncRouter.complete` does: what was read, too.

        Raises:
            CallFailed: There is no whole answer to be had, or it is not of the class that was asked for.
            RuntimeError: The stream was left before its end.
        """
        for _ in self:
            pass
        if self.report.outcome != "finished":
            raise RuntimeError("the stream was left before its end: there is no whole answer")
        return answered(self._call, self._call.heard)

    def close(self) -> None:
        """Leave the stream: close what is open upstream. From any thread, also while it is read; idempotent."""
        self._closed = True
        self._leave()


class _Reading:
    """How a thread reads a call that lives in the Router's loop. Begins with the first batch that is wanted."""

    def __init__(self, home: Home, call: Call) -> None:
        self._home, self._call = home, call
        self._feed: Feed[Sequence[StreamEvent]] | None = None

    def take(self) -> Sequence[Sequence[StreamEvent]]:
        if self._feed is None:
            self._feed = Feed(self._home.loop, partial(relay, self._call), BATCHES_MAX)
        return self._feed.take() or ()

    def leave(self) -> None:
        if self._feed is not None:
            self._feed.leave()

    def forbid_restart(self) -> None:
        self._home.run(_calling(self._call.forbid_restart))


async def _calling(deed: Callable[[], T]) -> T:
    return deed()
