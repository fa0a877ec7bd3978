"""Faults of a simulated answer: what happens, and at which place. Plain data; `plan` carries it out.

The faults are those of the project's catalogue: cuts by FIN or RST at any byte, stalls, pings without end, events that
cannot be decoded, errors inside a stream, missing end markers, data that no request asked for.
"""

from typing import Literal, TypeAlias

import msgspec

from .reply import Failure

Part: TypeAlias = Literal["finish", "usage", "marker"]
"""What ends a stream: the finish reason, the token counts, the dialect's end marker (`[DONE]`)."""


class At(msgspec.Struct, frozen=True):
    """A place in the response. Made by the class methods; a place beyond the response is an error, never ignored."""

    unit: Literal["wire", "body", "delta", "end"]
    count: int = 0

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"a place is counted from 0, not {self.count}")

    @classmethod
    def head(cls) -> "At":
        """Before the first byte of the response."""
        return cls("wire", 0)

    @classmethod
    def wire(cls, count: int) -> "At":
        """After a number of bytes on the wire, head and framing included."""
        return cls("wire", count)

    @classmethod
    def body(cls, count: int) -> "At":
        """After a number of bytes of the body, framing not counted; 0 is just after the head."""
        return cls("body", count)

    @classmethod
    def delta(cls, count: int) -> "At":
        """After a number of useful deltas; 0 is after the role frame and before the first of them."""
        return cls("delta", count)

    @classmethod
    def end(cls) -> "At":
        """After the whole body, but before HTTP's own terminator."""
        return cls("end")


def _needs_events(at: At) -> None:
    if at.unit not in ("delta", "end"):
        raise ValueError(f"this fault stands between events: use At.delta(n) or At.end(), not {at}")


class Delay(msgspec.Struct, frozen=True):
    """Silence of `seconds`; 0 only ends the write there, so that the client reads the two sides apart."""

    at: At
    seconds: float

    def __post_init__(self) -> None:
        if not 0 <= self.seconds < float("inf"):
            raise ValueError("a delay is finite and at least 0; silence for ever is Stall(at)")


class Stall(msgspec.Struct, frozen=True):
    """Silence for ever, with the connection open. At `At.head()` the request is taken and never answered."""

    at: At


class Cut(msgspec.Struct, frozen=True):
    """The connection ends there: with a FIN, or with `rst=True` with a reset."""

    at: At
    rst: bool = False


class Pings(msgspec.Struct, frozen=True):
    """The dialect's comments or pings, every `every_s` seconds: `count` of them, or for ever."""

    at: At
    every_s: float
    count: int | None = None

    def __post_init__(self) -> None:
        _needs_events(self.at)
        if self.every_s <= 0:
            raise ValueError("pings need a time between them")


class Malformed(msgspec.Struct, frozen=True):
    """In place of the delta that follows, an event that cannot be decoded. `data`: the bytes to use instead."""

    at: At
    data: bytes | None = None

    def __post_init__(self) -> None:
        if self.at.unit != "delta":
            raise ValueError(f"the event that is spoilt is a delta: use At.delta(n), not {self.at}")


class ErrorEvent(msgspec.Struct, frozen=True):
    """The dialect's error event inside a stream.

    Attributes:
        then: What follows it: nothing but the clean end of the body; the end marker (as vLLM does); or the rest of
            the answer, as if nothing had been.
    """

    at: At
    failure: Failure
    then: Literal["end", "marker", "rest"] = "end"

    def __post_init__(self) -> None:
        _needs_events(self.at)


class Insert(msgspec.Struct, frozen=True):
    """More bytes in the body, as they are: comments, unknown events, data behind the end marker."""

    at: At
    data: bytes

    def __post_init__(self) -> None:
        _needs_events(self.at)


class LeaveOut(msgspec.Struct, frozen=True):
    """Ends without some of its ends: `LeaveOut(("finish", "marker"))` just stops, with clean HTTP framing."""

    parts: tuple[Part, ...]


class Afterwards(msgspec.Struct, frozen=True):
    """What happens on the idle connection once the response is over, unless the next request comes first.

    Attributes:
        delay_s: Time after the response.
        data: Bytes that no request asked for.
        close: End the connection, without having announced it.
    """

    delay_s: float = 0.0
    data: bytes = b""
    close: Literal["fin", "rst"] | None = None


Fault: TypeAlias = Delay | Stall | Cut | Pings | Malformed | ErrorEvent | Insert | LeaveOut | Afterwards
