"""A stage for the engine in virtual time: the real Router, course, attempts and decoders, over scripted exchanges.

`perform(…)` runs a coroutine on the loop that drills and worlds run on: an hour of outages takes no time, and instants
can be compared exactly. A Router gets the stage by `transport=one.transport`.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from standby.providers import ErrorKind, ProviderError, ResponseHead, WireRequest
from standby.providers.transport import TransportOptions
from standby.simulator.virtual.loop import VirtualLoop, perform

from standby import Router, Target

__all__ = ["VirtualLoop", "perform"]


def now_s() -> float:
    """The virtual clock."""
    return asyncio.get_running_loop().time()


def chunk(delta: str = "", *, finish: str | None = None) -> bytes:
    """One event of an OpenAI stream."""
    reason = f'"{finish}"' if finish else "null"
    return (
        f'data: {{"id":"c","model":"m-1","choices":[{{"index":0,"delta":{{"content":"{delta}"}},'
        f'"finish_reason":{reason}}}]}}\n\n'
    ).encode()


DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"


@dataclass(frozen=True)
class Play:
    """What a target does when it is asked once.

    Attributes:
        refuse: The request fails before any response, with this error.
        head_after_s: When the response head comes.
        body: `(delay_s, bytes)` one after another.
        then: What follows the last bytes: `end` (clean), `cut` (broken framing), or `stall` for ever.
    """

    body: Sequence[tuple[float, bytes]] = ()
    then: str = "end"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    head_after_s: float = 0.0
    refuse: ErrorKind | None = None
    reused: bool = False
    framed: bool = True


def says(*deltas: str, every_s: float = 0.0, first_s: float = 0.0) -> Play:
    """A whole answer."""
    pieces = [(first_s if place == 0 else every_s, chunk(delta)) for place, delta in enumerate(deltas)]
    return Play([*pieces, (every_s, chunk(finish="stop") + DONE)])


def breaks_off(*deltas: str, then: str = "cut") -> Play:
    """An answer that begins and is not gone on with."""
    return Play([(0.0, chunk(delta)) for delta in deltas], then=then)


def refuses(kind: ErrorKind = ErrorKind.CONNECT) -> Play:
    """No response at all."""
    return Play(refuse=kind)


def status(code: int, body: str = '{"error":{"message":"no"}}', **headers: str) -> Play:
    """An error response."""
    named = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Play([(0.0, body.encode())], status=code, headers=named)


SILENT = Play(head_after_s=1e9)
"""Accepts the request and never answers."""

Script = Play | Sequence[Play] | Callable[[float], Play]
"""What a target does: always the same, one play after another (the last goes on), or by the clock."""


class Stage:
    """Scripted targets.

    Attributes:
        asked: `(when, target)` of every request.
        left: `(when, target)` of every exchange that was closed before its end.
    """

    def __init__(self, **scripts: Script) -> None:
        self.scripts = scripts
        self.asked: list[tuple[float, str]] = []
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.left: list[tuple[float, str]] = []
        self.open = 0
        self._turns: dict[str, int] = {}

    def targets(self, *names: str, **settings: Any) -> list[Target]:
        """Targets of these names."""
        return [
            Target(
                "openai", model="m", name=name, key="k", base_url=f"https://{name.replace('_', '-')}.test", **settings
            )
            for name in names or self.scripts
        ]

    def router(self, *names: str, **settings: Any) -> Router:
        """A Router over these targets, or all of them, in this order."""
        return Router(self.targets(*names, **settings), rng=random.Random(7), transport=self.transport)

    def transport(self, options: TransportOptions) -> "ScriptedTransport":
        """The transport of any target here."""
        return ScriptedTransport(self)

    def play(self, name: str) -> Play:
        script = self.scripts[name]
        if isinstance(script, Play):
            return script
        if callable(script):
            return script(now_s())
        turn = self._turns[name] = self._turns.get(name, -1) + 1
        return script[min(turn, len(script) - 1)]

    def count(self, name: str, since_s: float = 0.0, until_s: float = float("inf")) -> int:
        """How often a target was asked in a span of time."""
        return sum(1 for at_s, asked in self.asked if asked == name and since_s <= at_s < until_s)


class ScriptedTransport:
    """Answers from the scripts of a stage.

    Attributes:
        closed: It was closed.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage, self.closed = stage, False

    async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> "ScriptedExchange":
        name = wire.url.removeprefix("https://").partition(".test")[0].replace("-", "_")
        self.stage.asked.append((now_s(), name))
        self.stage.bodies.append(wire.body)
        self.stage.headers.append(wire.headers)
        play = self.stage.play(name)
        if play.refuse is not None:
            raise ProviderError(play.refuse, "scripted", reused_connection=play.reused)
        if play.head_after_s:
            await asyncio.sleep(play.head_after_s)
        return ScriptedExchange(self.stage, name, play)

    async def aclose(self) -> None:
        self.closed = True


class ScriptedExchange:
    """One scripted exchange."""

    ended = False  # only a read tells

    def __init__(self, stage: Stage, name: str, play: Play) -> None:
        headers = {"content-type": "text/event-stream"} | play.headers
        self.head = ResponseHead(play.status, headers, 0.0)
        self.framed = play.framed
        self._stage, self._name, self._then = stage, name, play.then
        self._body = iter(play.body)
        self._due: tuple[float, bytes | None] | None = None  # a read that is given up loses nothing
        self._over = False
        self._interrupted: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        stage.open += 1

    async def read(self) -> bytes:
        if self._interrupted.done():
            return self._interrupted.result()
        if self._due is None:
            delay_s, data = next(self._body, (1e9 if self._then == "stall" else 0.0, None))
            self._due = (now_s() + delay_s, data)
        at_s, data = self._due
        if at_s > now_s():
            await asyncio.wait([self._interrupted], timeout=at_s - now_s())
            if self._interrupted.done() and now_s() < at_s:  # as on real sockets: what came before it is read
                return self._interrupted.result()
        if data is not None:
            self._due = None
            return data
        if self._then == "cut":
            raise ProviderError(ErrorKind.TRUNCATED, "the connection was cut inside the body")
        self._end()
        return b""

    async def read_until(self, until_s: float) -> bytes | None:
        try:
            async with asyncio.timeout_at(until_s):
                return await self.read()
        except TimeoutError:
            return None

    def interrupt(self, error: ProviderError) -> None:
        if not self._interrupted.done():
            self._interrupted.set_exception(error)
            self._interrupted.exception()

    def close(self) -> None:
        if not self._over:
            self._stage.left.append((now_s(), self._name))
        self._end()

    def release(self) -> None:
        self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._stage.open -= 1


@pytest.fixture
def stage() -> Iterator[Callable[..., Stage]]:
    """Makes the stage of a test; afterwards nothing may be open on it."""
    made: list[Stage] = []

    def make(**scripts: Script) -> Stage:
        made.append(one := Stage(**scripts))
        return one

    yield make
    assert [one.open for one in made] == [0] * len(made)


async def texts(stream: Any) -> list[str]:
    """All text deltas of a stream, which is left at its end."""
    async with stream:
        return [piece async for piece in stream.text()]
