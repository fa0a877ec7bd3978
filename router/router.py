"""The Router: made from targets, a configuration or a YAML file; asked for a stream or a whole answer."""

import asyncio
import os
import random
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeVar, Unpack, overload

from ..config.errors import ConfigError
from ..config.field_types import SECONDS
from ..config.model import Config
from ..config.route import Targets, listed
from ..providers.bare import bare, door
from ..providers.chat import Messages
from ..providers.errors import ErrorKind
from ..providers.sendable import type_name
from ..providers.transport import TransportFactory
from ..providers.wall_clock import WALL_CLOCK, WallClock
from .engine.call import Call
from .engine.context import in_context
from .engine.options import CallOptions, OtherOptions, asked
from .engine.shared import Shared
from .explain import PLAIN, Plan, plan
from .health.snapshot import FileSnapshot, HealthChanged, HealthSnapshot
from .limits.ledger import Ledger
from .notices.observers import NoticeCounts, Observer
from .result.answer import Answer, collect
from .result.errors import RouterClosed, WrongLoop
from .result.report import Report
from .routed_stream import RoutedStream, answered
from .targets.live_target import LiveTarget

if TYPE_CHECKING:
    from .reload import Reloader


T = TypeVar("T")


class Router:
    """Asks the best target that can serve a call, and the next one when it cannot go on.

    Args:
        source: A `Config`, the path of a YAML file, or a list of targets (`"provider/model"` or `Target`), best first.
        reload: Watch the YAML file and serve new calls by what it says as soon as it changes (extra `reload`). A file
            that is wrong changes nothing, and the log says so.
        observers: Called with an `AttemptEnded` or `CallEnded` for each, in a thread of their own; one that raises or
            hangs harms nothing.
        rng: Draws the jitter; for tests.
        wall: Says what day it is, for budgets and for dates in hints, in seconds since 1970; for tests.
        transport: Makes the transport of each target, at its first request (see `standby.adapters.Transport`); None:
            the standard one, over aiohttp.

    Attributes:
        on_health_change: Functions that are called with a `HealthChanged` after each, in the event loop: they must be
            quick, and one that raises harms nothing.

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
        _check(reload=reload, rng=rng, wall=wall, transport=transport)
        self._config = _config_of(source)
        self._observers = _callables(observers)
        if reload and not isinstance(source, str | Path):
            raise ConfigError("reload=True needs the path of a YAML file: there is no file to watch")
        self._watched = Path(source) if reload and isinstance(source, str | Path) else None
        self.on_health_change: list[Callable[[HealthChanged], None]] = []
        self._reloader: Reloader | None = None
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not cryptography
        self._wall, self._transport = wall, transport
        self._shared: Shared | None = None
        self._counts = NoticeCounts()
        self._closed = False

    @classmethod
    def from_yaml(cls, path: str | Path | None = None, *, reload: bool = False) -> Self:
        """A Router over a YAML file; see docs/configuration.md. None: that of `STANDBY_CONFIG`, or ./standby.yaml."""
        return cls(file_of(path), reload=reload)

    @property
    def config(self) -> Config:
        """What new calls are served by."""
        return self._config if self._shared is None else self._shared.generation.config

    @property
    def notices(self) -> NoticeCounts:
        """How often the log, an observer or a listener failed so far; also after the end."""
        return copy(self._counts)

    @door
    def swap(self, config: Config) -> None:
        """Serve new calls by another configuration from now on, as a whole.

        Calls in flight finish on theirs. What is remembered of targets stays with them: a sick one is not made well.
        """
        if not isinstance(config, Config):
            raise ConfigError(f"config must be a Config, but is a {type_name(config)}")
        self._config = config
        if self._shared is not None:
            self._shared.swap(config)

    async def __aenter__(self) -> Self:
        self.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @door
    def enter(self) -> None:
        """Belong to the running event loop from now on; `async with` does it for you. Opens nothing yet."""
        before = self._shared
        if before is not None and not before.forked and not before.loop.is_closed():
            if before.closed:
                raise WrongLoop("this Router is being closed: await aclose() to its end before it is entered again")
            raise WrongLoop("this Router is entered already: enter it once, for as long as the service lives")
        loop = asyncio.get_running_loop()
        self._reloader, self._closed = None, False
        self._shared = shared = Shared(
            self._config,
            loop,
            self._rng,
            self._observers,
            self.on_health_change,
            self._wall,
            self._counts,
            self._transport,
        )
        if self._watched is not None:
            from .reload import Reloader

            self._reloader = Reloader(self._watched, self.swap, shared.log.told)
            self._reloader.start()

    @door
    async def aclose(self) -> None:
        """End the calls that are still open, close all connections, and wait until they are gone.

        An open call ends with `RouterClosed`, of kind `closed`, or with `StreamInterrupted` of that kind once a part of
        its answer was delivered; a call that begins later is told the same. It may be called by several tasks, and
        again: one that is cancelled leaves no connection open, and the next one waits for what is left.

        Raises:
            WrongLoop: The Router belongs to another event loop.
        """
        shared, reloader = self._shared, self._reloader
        if shared is None:
            return
        if not shared.forked and not shared.loop.is_closed():  # else nothing here is ours, or alive
            self._of_this_loop(shared)
            self.close_now()
            await shared.aclose()
            if reloader is not None:
                await reloader.aclose()
        if self._shared is shared:
            self._shared, self._reloader, self._closed = None, None, True

    def close_now(self) -> None:
        """What of `aclose` nothing has to be waited for: every call has ended, and every connection is given up."""
        if self._shared is not None:
            self._shared.close()
        if self._reloader is not None:
            self._reloader.stop()

    def stream(self, messages: Messages, **options: Unpack[CallOptions]) -> RoutedStream:
        """Ask for an answer as it comes. Nothing is sent before the stream is entered and read.

        Args:
            messages: A text, a list of messages (ours or OpenAI-shaped dicts), or a `ChatRequest`.
            options: See `CallOptions`. `deadline_s` runs until the first useful delta.

        Raises:
            InvalidRequest: The request makes no sense.
            ConfigError: There is no such route or target.
        """
        try:
            call = begin_call(self, messages, options, whole=False)
        except BaseException as error:
            bare(error)
            raise
        return RoutedStream(lambda: call)

    @overload
    async def complete(
        self, messages: Messages, *, response_format: type[T], **options: Unpack[OtherOptions]
    ) -> Answer[T]: ...
    @overload
    async def complete(self, messages: Messages, **options: Unpack[CallOptions]) -> Answer: ...
    async def complete(self, messages: Messages, **options: Unpack[CallOptions]) -> Answer:
        """Ask for a whole answer. One that breaks off begins again elsewhere, unseen.

        Args:
            messages: As for `stream`.
            options: See `CallOptions`. `deadline_s` runs until the end.

        Raises:
            CallFailed: No target gave a whole answer; the exception holds the report.
            InvalidRequest, ConfigError: As for `stream`.
        """
        try:
            call = begin_call(self, messages, options, whole=True)
            events = await call.next()
            return collect(events, call.report, call.origin) if call._context.form is None else answered(call, events)
        except BaseException as error:
            bare(error)
            raise

    def begin(self, messages: Messages, *, whole: bool = False, **options: Unpack[CallOptions]) -> Call:
        """Begin a call that is read in batches, as `stream` and `complete` read theirs: see docs/batches.md.

        Nothing is sent before its first `next`. What is begun has to be read to its end, or cancelled.

        Args:
            messages: As for `stream`.
            whole: The whole answer is one batch; one that breaks off begins again elsewhere, unseen.
            options: See `CallOptions`. `deadline_s` runs from now, as for `stream`, or `complete` if `whole`.

        Raises:
            InvalidRequest, ConfigError: As for `stream`.
        """
        try:
            return begin_call(self, messages, options, whole=whole)
        except BaseException as error:
            bare(error)
            raise

    @door
    def explain(self, messages: Messages | None = None, **options: Unpack[CallOptions]) -> Plan:
        """Explain a streamed call: the targets it would ask now, in order with their time limits, and those left out.

        It sends nothing and changes no target's health, so it may be called at any time while the Router is entered.

        Args:
            messages: As for `stream`; None: a question that every target can answer.
            options: See `CallOptions`.

        Raises:
            InvalidRequest, ConfigError: As for `stream`.
        """
        shared = self._entered()
        generation = shared.generation
        limits = generation.config.limits
        what = asked(generation.config, PLAIN if messages is None else messages, options)
        return plan(
            generation.route_targets(what.route, what.key, what.clocks, what.spends, what.boundary),
            what.route,
            what.shown,
            what.chat,
            deadline_s=what.deadline_s or what.route.deadline_s or limits.deadline_s,
            reserve_s=limits.reserve_s,
            now_s=shared.loop.time(),
            upstream=what.upstream,
            dialect=what.dialect,
            sticky=what.sticky,
        )

    @door
    def health(self) -> tuple[HealthSnapshot, ...]:
        """How each target stands now, the configured ones first."""
        shared = self._entered()
        now_s = shared.loop.time()
        return tuple(live.snapshot(now_s) for live in shared.generation.all_live())

    def watched_file(self) -> FileSnapshot | None:
        """How the file stands that is watched for changes; None: none is."""
        return None if self._reloader is None else self._reloader.snapshot()

    @door
    def isolate(self, target: str, for_s: float | None = None) -> None:
        """Send a target no more calls; those that it answers now go on. It is not even asked as a last resort.

        Args:
            target: Its name, as in reports.
            for_s: So many seconds; None: until `restore`.

        Raises:
            ConfigError: There is no such target, or `for_s` is out of bounds.
        """
        if for_s is not None and (problem := SECONDS.problem(for_s)):
            raise ConfigError(f"for_s {problem}")
        now_s = self._entered().loop.time()
        for live in self._named(target):
            live.health.isolate(now_s, for_s)

    @door
    def restore(self, target: str) -> None:
        """Ask a target again at once: it is isolated no more, its parks are lifted and its breaker is closed.

        Raises:
            ConfigError: There is no such target.
        """
        now_s = self._entered().loop.time()
        for live in self._named(target):
            live.health.restore(now_s)

    def _named(self, target: str) -> list[LiveTarget]:
        if not isinstance(target, str):
            raise ConfigError(f"target must be a text, its name in reports, but is a {type_name(target)}")
        every = self._entered().generation.all_live()
        if not (found := [live for live in every if live.label == target]):
            known = ", ".join(sorted({live.label for live in every}))
            raise ConfigError(f"there is no target {target!r}; there are {known}")
        return found

    def _entered(self) -> Shared:
        shared = self._shared
        if shared is None:
            said = "was closed" if self._closed else "is not entered"
            raise WrongLoop(f"this Router {said}: use 'async with Router(…) as router'")
        self._of_this_loop(shared)
        return shared

    def _of_this_loop(self, shared: Shared) -> None:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:  # there is none; or this is a fork of the process that runs it
            running = None
        if running is shared.loop:
            return
        if shared.forked:
            raise WrongLoop("this Router was entered before the process was forked: make one Router in each worker")
        raise WrongLoop("this Router belongs to another event loop: make one Router for each loop")


def begin_call(router: Router, messages: Messages, options: CallOptions, *, whole: bool) -> Call:
    """A call that begins now."""
    shared = router._shared
    if router._closed or (shared is not None and shared.closed):
        shown = "-" if options.get("targets") else options.get("route") or "default"
        raise RouterClosed(ErrorKind.CLOSED, Report("-", shown, [], "failed", ErrorKind.CLOSED))
    if shared is None:
        shared = router._entered()  # says what is missing
    router._of_this_loop(shared)
    generation = shared.generation
    context = in_context(shared, generation, asked(generation.config, messages, options), whole=whole)
    return Call(context, context.report)


def ledgers(router: Router) -> list[tuple[Literal["target", "route"], str, Ledger]]:
    """What is spent on each target and route that has a budget, for a program that writes it down."""
    return list(router._entered().ledgers())


def loop_of(router: Router) -> asyncio.AbstractEventLoop | None:
    """The event loop that a Router is entered in, in this process; None: in none, or in one that is closed.

    Raises:
        RouterClosed: It was closed.
    """
    shared = router._shared
    if shared is not None and not shared.forked and not shared.loop.is_closed():
        return shared.loop
    if router._closed:
        raise RouterClosed(ErrorKind.CLOSED, Report("-", "-", [], "failed", ErrorKind.CLOSED))
    return None


async def move_out(router: Router) -> None:
    """Close a Router that was entered on behalf of its callers: others may enter it then, as if it were new."""
    await router.aclose()
    router._closed = False


def _check(*, reload: object, rng: object, wall: object, transport: object) -> None:
    """Hold a Router's own settings to their types.

    Raises:
        ConfigError: One is of another.
    """
    if not isinstance(reload, bool):
        raise ConfigError(f"reload must be true or false, but is a {type_name(reload)}")
    if rng is not None and not isinstance(rng, random.Random):
        raise ConfigError(f"rng must be a random.Random, but is a {type_name(rng)}")
    if not callable(wall):
        raise ConfigError(f"wall must be a function that gives seconds since 1970, but is a {type_name(wall)}")
    if transport is not None and not callable(transport):
        what = "transport must be a function that makes the transport of a target from its TransportOptions"
        raise ConfigError(f"{what}, but is a {type_name(transport)}; one object for all is `lambda options: it`")


def file_of(path: object) -> Path:
    """The YAML file that a Router is made from; None: the usual one."""
    if path is None:
        from ..config.settings import usual_file

        return usual_file()
    if not isinstance(path, str | os.PathLike):
        raise ConfigError(f"path must be that of a YAML file, but is a {type_name(path)}")
    return Path(path)


def _callables(observers: object) -> tuple[Observer, ...]:
    if isinstance(observers, str | bytes) or not isinstance(observers, Iterable):
        raise ConfigError(f"observers must be a list of functions, but is a {type_name(observers)}")
    found = tuple(observers)
    for observer in found:
        if not callable(observer):
            raise ConfigError(f"observers must be a list of functions, but holds a {type_name(observer)}")
    return found


def _config_of(source: Config | str | Path | Targets) -> Config:
    if isinstance(source, Config):
        return source
    if isinstance(source, str) and not source.endswith((".yaml", ".yml")) and not os.path.exists(source):
        raise ConfigError(f"there is no file {source!r}; targets are given in a list, the best first: [{source!r}]")
    if isinstance(source, str | Path):
        from ..config import load

        return load(source)
    return Config.of_targets(listed(source))
