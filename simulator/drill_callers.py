"""The callers of a simulated world: they read to the end, collect, break off, stall, are cancelled, or left.

A caller hands what it got to the monitors, and judges nothing itself.
"""

import asyncio
import warnings
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from ..providers.events import TextDelta
from ..router.events import HandedOver, Restarted, StreamEvent
from ..router.report import Report
from ..router.router import Router
from .drill_strikes import CALL

if TYPE_CHECKING:
    from .drill_world import World

Temper = Literal["reads", "reads_text", "collects", "breaks_off", "is_cancelled", "is_slow", "is_left", "raises"]
TEMPERS: tuple[Temper, ...] = (
    "reads", "reads", "reads_text", "collects", "breaks_off", "is_cancelled", "is_slow", "is_left", "raises",
)  # fmt: skip


class CallersOwnError(Exception):
    """Raised by a caller within its own loop: it must come out unchanged."""


class Heard(msgspec.Struct):
    """What one caller got.

    Attributes:
        pieces: The text between two marks, piece by piece; a restart begins a new one and voids those before.
        finished: The last event was `Finished`, or the iteration ended by itself.
        left: The caller went away of its own will, or was cancelled.
        after_end: Events that came behind the end, or behind leaving.
        waited_s: The longest wait for one event.
    """

    call: int
    temper: Temper
    began_s: float
    pieces: list[str] = msgspec.field(default_factory=lambda: [""])
    marks: list[str] = []
    events: int = 0
    finished: bool = False
    left: bool = False
    after_end: int = 0
    error: BaseException | None = None
    report: Report | None = None
    ended_s: float = 0.0

    def hear(self, event: StreamEvent) -> None:
        self.events += 1
        if self.finished or self.left:
            self.after_end += 1
        match event:
            case TextDelta(text):
                self.pieces[-1] += text
            case HandedOver():
                self.marks.append(event.policy)
                self.pieces.append("")
            case Restarted():
                self.marks.append("restart")
                self.pieces.append("")
            case _:
                self.finished = self.finished or type(event).__name__ == "Finished"


class Listener(Protocol):
    def over(self, heard: Heard) -> None: ...


class Caller:
    """One call, as it is made."""

    def __init__(self, world: "World", router: Router, number: int) -> None:
        from .drill_world import CANARY_PROMPT

        rng = world.rng
        self._router, self._number = router, number
        self._prompt = f"#{number} {CANARY_PROMPT}"
        self._temper: Temper = "reads" if world.core is not None else rng.choice(TEMPERS)
        if world.core is not None and rng.random() < 0.3:
            self._temper = "collects"
        self._after = rng.randrange(1, 8)
        self._after_s = rng.choice((0.0, 0.001, rng.uniform(0, 0.2), rng.uniform(0, 4)))
        self._slow_s = rng.choice((0.1, 3.0))

    async def go(self, listener: Listener) -> None:
        loop = asyncio.get_running_loop()
        heard = Heard(self._number, self._temper, loop.time())
        CALL.set(self._number)
        task = loop.create_task(self._listen(heard), name=f"call {self._number}")
        if self._temper == "is_cancelled":
            await asyncio.wait([task], timeout=self._after_s)
            heard.left = not task.done()
            task.cancel()
        await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        if task.cancelled():
            heard.left = True
        else:
            heard.error = error
        heard.ended_s = loop.time()
        listener.over(heard)
        heard.error = None

    async def _listen(self, heard: Heard) -> None:
        router, temper = self._router, self._temper
        if temper == "collects":
            answer = await router.complete(self._prompt)
            heard.pieces, heard.report, heard.finished = [answer.text], answer.report, True
            heard.events += 1
            return
        aside: asyncio.TimerHandle | None = None
        closing: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        async with router.stream(self._prompt) as stream:
            heard.report = stream.report

            async def leave() -> None:
                heard.left = stream.report.outcome == "running"
                await stream.aclose()

            def leave_from_aside() -> None:
                closing.append(loop.create_task(leave()))

            if temper == "is_left":
                aside = loop.call_later(self._after_s, leave_from_aside)
            try:
                if temper == "reads_text":
                    async for text in stream.text():
                        heard.pieces[-1] += text
                        heard.events += 1
                    heard.finished = True
                    return
                async for event in stream:
                    heard.hear(event)
                    if temper == "breaks_off" and heard.events >= self._after:
                        break
                    if temper == "raises" and heard.events >= self._after:
                        heard.left = True
                        raise CallersOwnError
                    if temper == "is_slow":
                        await asyncio.sleep(self._slow_s)
                if temper == "breaks_off" and not heard.finished:
                    heard.left = True
            finally:
                if aside is not None:
                    aside.cancel()
                if closing:
                    with warnings.catch_warnings():
                        await asyncio.wait(closing)
