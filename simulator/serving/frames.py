"""Turn a reply into the events of its body, and apply the faults between events: drop, spoil, add. Pure."""

import zlib
from collections.abc import Sequence
from typing import TypeAlias

from msgspec.structs import replace

from ...providers.errors import ErrorKind
from ..dialects import Dialect, Frame
from ..dialects.said import says_something
from ..scenario.faults import ErrorEvent, Fault, Insert, LeaveOut, Malformed, Pings
from ..scenario.reply import Answer, Failure, Page, blocked
from ..scenario.request import Request
from ..scenario.script import Encoding

_OfEvents: TypeAlias = Insert | ErrorEvent | Malformed


def said(
    reply: Answer | Failure | Page, faults: Sequence[Fault], dialect: Dialect, request: Request, *, stream: bool
) -> tuple[Page, list[Frame]]:
    """Status, type and headers of a response (a page without its body), and the body in frames.

    Raises:
        ValueError: The dialect cannot say it, or a fault needs an event that is not there.
    """
    if isinstance(reply, Answer) and stream:
        return Page(b"", content_type=dialect.stream_type), _edited(dialect.frames(reply, request), faults, dialect)
    lost = [type(fault).__name__ for fault in faults if isinstance(fault, _OfEvents | LeaveOut | Pings)]
    if lost:
        raise ValueError(f"{', '.join(lost)}: there are no events in this response, only one body")
    if isinstance(reply, Answer):
        return Page(b"", content_type="application/json"), [
            Frame(dialect.single(reply, request), "delta", useful=any(map(says_something, reply.events())))
        ]
    page = _refusal(reply, dialect) if isinstance(reply, Failure) else reply
    return page, [Frame(page.body, "other")] if page.body else []


def compressed(frames: Sequence[Frame], encoding: Encoding) -> list[Frame]:
    """The same body compressed, in frames that end where those do."""
    packer = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    packed = [packer.compress(frame.data) + packer.flush(zlib.Z_SYNC_FLUSH) for frame in frames[:-1]]
    packed += [packer.compress(frame.data) + packer.flush() for frame in frames[-1:]]
    return [replace(frame, data=data) for frame, data in zip(frames, packed, strict=True)]


def _refusal(failure: Failure, dialect: Dialect) -> Page:
    if failure.kind is not ErrorKind.BLOCKED:
        return dialect.refusal(failure)
    wall = blocked()  # stands before the provider, so it is the same for every dialect
    return Page(wall.body, failure.status or wall.status, wall.content_type, {**wall.headers, **failure.headers})


def _edited(frames: Sequence[Frame], faults: Sequence[Fault], dialect: Dialect) -> list[Frame]:
    left_out = {part for fault in faults if isinstance(fault, LeaveOut) for part in fault.parts}
    body = [frame for frame in frames if frame.part in ("opening", "delta")]
    ending = [frame for frame in frames if frame.part not in ("opening", "delta") and frame.part not in left_out]
    marker = [frame for frame in ending if frame.part == "marker"]
    of_events = [fault for fault in faults if isinstance(fault, _OfEvents)]
    _check_places(of_events, sum(frame.useful for frame in body))
    edited: list[Frame] = []
    told = 0
    for frame in [*body, None]:  # None: where the ending begins
        if frame is None or frame.useful:
            for fault in of_events:
                if fault.at.unit != "delta" or fault.at.count != told:
                    continue
                if isinstance(fault, Insert):
                    edited.append(Frame(fault.data, "other"))
                elif isinstance(fault, ErrorEvent):
                    edited.append(Frame(dialect.error_frame(fault.failure), "error"))
                    if fault.then != "rest":
                        return edited + (marker if fault.then == "marker" else [])
                elif frame is not None:
                    spoilt = dialect.malformed(frame.data) if fault.data is None else fault.data
                    frame = Frame(spoilt, "delta", useful=True)
            told += 1
        if frame is not None:
            edited.append(frame)
    edited += ending
    for fault in of_events:
        if isinstance(fault, Insert) and fault.at.unit == "end":
            edited.append(Frame(fault.data, "other"))
        elif isinstance(fault, ErrorEvent) and fault.at.unit == "end":
            edited.append(Frame(dialect.error_frame(fault.failure), "error"))
    return edited


def _check_places(faults: Sequence[_OfEvents], deltas: int) -> None:
    for fault in faults:
        last = deltas - 1 if isinstance(fault, Malformed) else deltas
        if fault.at.unit == "delta" and fault.at.count > last:
            raise ValueError(f"{fault.at} lies beyond the answer: it has {deltas} useful deltas")
