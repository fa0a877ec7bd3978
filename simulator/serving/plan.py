"""Turn a script into the bytes, pauses and endings of one response: pure, so that it runs on any transport and clock.

    script + dialect + request -> frames (events) -> blocks (writes, framed for HTTP) -> steps

`frames` edits the events; here they are laid out on the wire, every place of `faults.At` becomes an offset on it, and
the blocks are cut open there.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TypeAlias, assert_never

import msgspec

from ..dialects import Dialect, Frame
from ..scenario.faults import Afterwards, At, Cut, Delay, Pings, Stall
from ..scenario.reply import Answer, Page, Raw
from ..scenario.request import Request
from ..scenario.script import Framing, Script
from .frames import compressed, said

Interruption: TypeAlias = Delay | Stall | Cut | Pings


class Write(msgspec.Struct, frozen=True):
    """These bytes in one write, which the client gets time to read."""

    data: bytes


class Wait(msgspec.Struct, frozen=True):
    """Silence."""

    seconds: float


class Hang(msgspec.Struct, frozen=True):
    """Silence until the client leaves."""


class Repeat(msgspec.Struct, frozen=True):
    """The same bytes every so often, `count` times or until the client leaves."""

    data: bytes
    every_s: float
    count: int | None


class Close(msgspec.Struct, frozen=True):
    """The end of the connection. `whole`: the response was told to its end."""

    rst: bool = False
    whole: bool = False


PlanStep: TypeAlias = Write | Wait | Hang | Repeat | Close


class Plan(msgspec.Struct, frozen=True):
    """What to do with a connection for one request. Without a `Close` at its end, the connection stays open."""

    steps: tuple[PlanStep, ...]
    afterwards: Afterwards | None = None


def plan(script: Script, dialect: Dialect, request: Request) -> Plan:
    """What one script comes to for one request.

    Raises:
        ValueError: The dialect cannot say it, or a fault lies where this response has no such place.
    """
    reply = Answer(script.reply) if isinstance(script.reply, str) else script.reply
    if isinstance(reply, Raw):
        head_size = reply.data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in reply.data else len(reply.data)
        layout = _Layout()
        layout.add(reply.data[:head_size], script.head_delay_s)
        layout.add_body([Frame(reply.data[head_size:], "other")], script, "close")
        return Plan((*_steps(layout, script, dialect, "close"), Close(whole=True)))
    streams = isinstance(reply, Answer) and _asked_for_stream(script, request)
    page, frames = said(reply, script.faults, dialect, request, stream=streams)
    if script.encoding is not None:
        frames = compressed(frames, script.encoding)
    framing = script.framing or ("chunked" if streams and script.declared_bytes is None else "content_length")
    leaving = "close" in request.headers.get("connection", "").lower() or not script.keep_alive
    closes = leaving or framing == "close" or script.declared_bytes is not None
    layout = _Layout()
    layout.add(_head(page, frames, script, dialect.headers(request), framing, closes=closes), script.head_delay_s)
    layout.add_body(frames, script, framing)
    steps = _steps(layout, script, dialect, framing)
    if closes:
        steps.append(Close(whole=True))
    afterwards = next((fault for fault in script.faults if isinstance(fault, Afterwards)), None)
    return Plan(tuple(steps), afterwards)


def _asked_for_stream(script: Script, request: Request) -> bool:
    return script.form == "stream" or (script.form == "asked" and request.reading.stream)


class _Layout:
    """The response as it will stand on the wire, block by block, and where every place in it is."""

    def __init__(self) -> None:
        self.blocks: list[tuple[float, bytes]] = []
        self._size = 0
        self._stretches: list[tuple[int, int]] = []  # wire offset and length of each stretch of body
        self._deltas: list[int] = []  # wire offset after n useful deltas
        self._body_start = 0
        self._end = 0

    def add(self, block: bytes, wait_s: float = 0.0) -> None:
        """Put one write behind the others, after a silence."""
        self.blocks.append((wait_s, block))
        self._size += len(block)
        self._end = self._size

    def add_body(self, frames: Sequence[Frame], script: Script, framing: Framing) -> None:
        """Put the body behind the head, with HTTP's terminator."""
        self._body_start = self._size
        for group in _groups(frames, script):
            payload = b"".join(frame.data for frame in group)
            size_line = f"{len(payload):x}\r\n".encode() if framing == "chunked" and payload else b""
            block = size_line + payload + b"\r\n" if size_line else payload
            self._place(group, len(size_line), len(block))
            self._stretches.append((self._size + len(size_line), len(payload)))
            waits = [script.delta_delay_s] * sum(frame.useful for frame in group)
            if waits and len(self._deltas) - 1 == len(waits):
                waits[0] = script.first_delay_s
            self.add(block, sum(waits))
        if not self._deltas:
            self._deltas.append(self._size)
        if framing == "chunked":
            self.blocks.append((0.0, b"0\r\n\r\n"))
            self._size += 5

    def _place(self, group: Sequence[Frame], payload_at: int, block_size: int) -> None:
        """Note where the deltas of a group end. Behind the last frame of a block, that is the end of the block."""
        offset = self._size + payload_at
        for index, frame in enumerate(group):
            if not self._deltas and frame.part != "opening":
                self._deltas.append(offset if index else self._size)
            offset += len(frame.data)
            if frame.useful:
                self._deltas.append(offset if index < len(group) - 1 else self._size + block_size)

    def offset(self, at: At) -> int:
        """Where a place is on the wire.

        Raises:
            ValueError: The response does not reach so far.
        """
        match at.unit:
            case "end":
                return self._end
            case "delta" if at.count < len(self._deltas):
                return self._deltas[at.count]
            case "wire" if at.count <= self._size:
                return at.count
            case "body" if not at.count:
                return self._body_start
            case "body":
                left = at.count
                for start, length in self._stretches:
                    if left <= length:
                        return start + left
                    left -= length
            case _:  # beyond it
                pass
        told, size = max(0, len(self._deltas) - 1), self._size
        raise ValueError(f"{at} lies beyond the response: it has {told} useful deltas and {size} bytes in all")


def _groups(frames: Sequence[Frame], script: Script) -> Iterator[list[Frame]]:
    """The frames of each write. A fault between two events is also between two writes."""
    stops = {fault.at.count for fault in script.faults if isinstance(fault, Interruption) and fault.at.unit == "delta"}
    group: list[Frame] = []
    told = 0
    opening = True
    for frame in frames:
        if opening and frame.part != "opening":
            opening = False
            if 0 in stops and group:
                yield group
                group = []
        group.append(frame)
        told += frame.useful
        if len(group) == script.events_per_write or (frame.useful and told in stops):
            yield group
            group = []
    if group:
        yield group


def _head(
    page: Page, frames: Sequence[Frame], script: Script, own: Mapping[str, str], framing: Framing, *, closes: bool
) -> bytes:
    fields: dict[str, str] = {}
    content_type = script.content_type or page.content_type
    if content_type:
        fields["content-type"] = content_type
    fields |= {**own, **page.headers}
    if framing == "chunked":
        fields["transfer-encoding"] = "chunked"
    elif framing == "content_length":
        size = sum(len(frame.data) for frame in frames)
        fields["content-length"] = str(size if script.declared_bytes is None else script.declared_bytes)
    if script.encoding is not None:
        fields["content-encoding"] = script.encoding
    if closes:
        fields["connection"] = "close"
    fields |= {name.lower(): value for name, value in script.headers.items()}
    try:
        phrase = HTTPStatus(page.status).phrase
    except ValueError:
        phrase = "Unknown"  # 498, 529: statuses that only providers know
    lines = [f"HTTP/1.1 {page.status} {phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def _steps(layout: _Layout, script: Script, dialect: Dialect, framing: Framing) -> list[PlanStep]:
    """The blocks, cut open where something happens; nothing follows what never ends."""
    happenings = [(layout.offset(fault.at), fault) for fault in script.faults if isinstance(fault, Interruption)]
    pending = deque(sorted(happenings, key=lambda happening: happening[0]))
    steps: list[PlanStep] = []
    position = 0
    for wait_s, block in [*layout.blocks, (0.0, b"")]:  # the empty one is for what happens at the very end
        while pending and (pending[0][0] < position + len(block) or not block):
            offset, fault = pending.popleft()
            if offset > position:
                steps += _writes(block[: offset - position], wait_s, script.write_bytes)
                wait_s, block, position = 0.0, block[offset - position :], offset
            step = _interruption(fault, dialect, framing)
            steps += [] if step is None else [step]
            if isinstance(step, Hang | Close) or (isinstance(step, Repeat) and step.count is None):
                return steps
        steps += _writes(block, wait_s, script.write_bytes)
        position += len(block)
    return steps


def _writes(data: bytes, wait_s: float, write_bytes: int | None) -> Iterator[PlanStep]:
    if wait_s:
        yield Wait(wait_s)
    size = write_bytes or max(1, len(data))
    for start in range(0, len(data), size):
        yield Write(data[start : start + size])


def _interruption(fault: Interruption, dialect: Dialect, framing: Framing) -> PlanStep | None:
    match fault:
        case Delay(_, seconds):
            return Wait(seconds) if seconds else None
        case Stall():
            return Hang()
        case Cut(_, rst):
            return Close(rst=rst)
        case Pings(_, every_s, count):
            if framing == "content_length":
                raise ValueError("pings need framing='chunked' or 'close': a content-length does not count them")
            ping = dialect.ping
            framed = b"%x\r\n%s\r\n" % (len(ping), ping) if framing == "chunked" else ping
            return Repeat(framed, every_s, count)
        case _:
            assert_never(fault)
