"""The behaviour of a simulated provider at one request (`Script`), and over many requests (`Scenario`).

Both are plain data: nothing here knows of sockets, and time comes in as a number.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from .faults import At, Cut, Fault, Pings
from .reply import Answer, Failure, Page, Raw, Reply
from .request import Request

Framing: TypeAlias = Literal["chunked", "content_length", "close"]

Encoding: TypeAlias = Literal["gzip", "deflate"]


class Script(msgspec.Struct, frozen=True):
    """One reply, how it is paced and framed, and what goes wrong with it.

    Attributes:
        reply: What is said; a text is an `Answer` said word by word.
        faults: What goes wrong, and where.
        head_delay_s: Silence before the head.
        first_delay_s: Silence between the head and the first useful delta.
        delta_delay_s: Silence between useful deltas.
        form: Answer as it was asked, or always as a stream, or always as one JSON body.
        framing: How the body is delimited; None: chunked for streams, else by its length.
        declared_bytes: A false `content-length`; the connection is closed after the body.
        content_type: In place of the right one.
        encoding: The body is compressed, whether that was asked for or not: each event for itself, as streams are.
        headers: More headers of the head; they win over the script's own.
        events_per_write: So many events go out in one write, when the last of them is due.
        write_bytes: No write is longer than this, so that the client reads slices.
        keep_alive: False announces `connection: close`, and closes.
    """

    reply: Reply | str
    faults: Sequence[Fault] = ()
    head_delay_s: float = 0.0
    first_delay_s: float = 0.0
    delta_delay_s: float = 0.0
    form: Literal["asked", "stream", "single"] = "asked"
    framing: Framing | None = None
    declared_bytes: int | None = None
    content_type: str | None = None
    encoding: Encoding | None = None
    headers: Mapping[str, str] = {}
    events_per_write: int = 1
    write_bytes: int | None = None
    keep_alive: bool = True

    def __post_init__(self) -> None:
        if min(self.head_delay_s, self.first_delay_s, self.delta_delay_s) < 0:
            raise ValueError("a delay is at least 0 seconds")
        if self.events_per_write < 1 or (self.write_bytes is not None and self.write_bytes < 1):
            raise ValueError("a write holds at least one event, and at least one byte")
        if self.encoding is not None and any(isinstance(fault, Pings) for fault in self.faults):
            raise ValueError("pings are not part of a compressed body: leave out the one or the other")
        if self.declared_bytes is not None and self.framing not in (None, "content_length"):
            raise ValueError("declared_bytes is a content-length: it needs framing='content_length'")


Step: TypeAlias = Script | Reply | str
"""One entry of a scenario: a script, or just its reply."""

Chooser: TypeAlias = Callable[[Request], Step]
"""Looks at a request and says what shall be played. Called on the event loop: it must not block."""


def script_of(step: Step) -> Script:
    """The script that an entry of a scenario stands for."""
    return step if isinstance(step, Script) else Script(step)


class Window(msgspec.Struct, frozen=True):
    """For a time, every request gets `step` instead.

    Attributes:
        from_s: When it begins, in seconds since the simulator started; `until_s` is no longer in it.
    """

    from_s: float
    until_s: float
    step: Step | Chooser = Script(Page(b"", 503), (Cut(At.head(), rst=True),))


class Scenario(msgspec.Struct, frozen=True):
    """What one simulated provider plays, request by request.

    Attributes:
        steps: One after another; or a callable that looks at each request.
        dialect: The wire it speaks, a name from `dialects.DIALECTS`.
        then: After the last step: repeat it, or begin again.
        windows: Times in which something else is played; the first that fits. Their requests use up no step.
    """

    steps: Sequence[Step] | Chooser
    dialect: str = "openai"
    then: Literal["repeat", "cycle"] = "repeat"
    windows: Sequence[Window] = ()

    def __post_init__(self) -> None:
        if not callable(self.steps) and not self.steps:
            raise ValueError("a scenario needs at least one step")

    def window_at(self, now_s: float) -> Window | None:
        """The window that `now_s` lies in."""
        return next((window for window in self.windows if window.from_s <= now_s < window.until_s), None)

    def script_for(self, request: Request, step: int, now_s: float) -> Script:
        """What is played for a request, the `step`-th (from 0) that fell into no window."""
        window = self.window_at(now_s)
        chosen = window.step if window is not None else self.steps
        if callable(chosen):
            return script_of(chosen(request))
        if not isinstance(chosen, Sequence) or isinstance(chosen, str):
            return script_of(chosen)
        last = len(chosen) - 1
        return script_of(chosen[step % len(chosen) if self.then == "cycle" else min(step, last)])


def scenario_of(played: Sequence[Scenario | Chooser | Step], dialect: str) -> Scenario:
    """The scenario that a caller's shorthand stands for: one scenario or callable, or steps one after another.

    Raises:
        ValueError: A scenario or a callable stands among steps.
    """
    only = played[0] if len(played) == 1 else None
    if isinstance(only, Scenario):
        return only
    if only is not None and callable(only):
        return Scenario(only, dialect)
    steps = [step for step in played if isinstance(step, Script | Answer | Failure | Page | Raw | str)]
    if len(steps) != len(played):
        raise ValueError("a scenario or a callable is played alone, not among steps")
    return Scenario(steps, dialect)
