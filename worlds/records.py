"""Records of a simulated world: what one call got, and the answer scripted for one request."""

from typing import Literal

import msgspec
from standby.providers.events import TextDelta
from standby.router.result.events import HandedOver, Restarted, StreamEvent
from standby.router.result.report import Report

Temper = Literal["reads", "reads_text", "collects", "breaks_off", "is_cancelled", "is_slow", "is_left", "raises"]
TEMPERS: tuple[Temper, ...] = (
    "reads", "reads", "reads_text", "collects", "breaks_off", "is_cancelled", "is_slow", "is_left", "raises",
)  # fmt: skip


class Heard(msgspec.Struct):
    """What one caller got.

    Attributes:
        pieces: The text between two marks, piece by piece; a restart begins a new one and voids those before.
        finished: The last event was `Finished`, or the iteration ended by itself.
        left: The caller went away of its own will, or was cancelled.
        after_end: Events that came behind the end, or behind leaving.
        turn: It goes away in the so manieth turn of the loop after bytes have come for it.
        poisoned: No target can answer its request.
    """

    call: int
    temper: Temper
    began_s: float
    turn: int | None = None
    poisoned: bool = False
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


class Told(msgspec.Struct):
    """What a provider was to say to one request, kept to be held against what arrived.

    Attributes:
        call: The number of the call that asked.
        text: All of its text, as it is heard.
        sound: Its own end is told, so that it may count as whole. Nothing at all is the end of an answer that is gone
            on with: that its provider has nothing to add must be believed.
    """

    call: int
    provider: str
    number: int
    text: str
    fault: str | None
    sound: bool
