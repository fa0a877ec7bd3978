"""Faults of a simulated provider at one request, by name, each with the row of the fault catalogue that it plays.

A fault is a function from an answer to the script that spoils it; chance is handed in. After a `harmless` fault the
answer must still be whole, and the caller must notice nothing.
"""

import random
from collections.abc import Callable
from functools import cache

import msgspec
from standby.providers.errors import ErrorKind
from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.faults import (
    Afterwards,
    At,
    Cut,
    Delay,
    ErrorEvent,
    Insert,
    LeaveOut,
    Malformed,
    Pings,
    Stall,
)
from standby.simulator.scenario.reply import Answer, Failure, Page, Raw, redirect
from standby.simulator.scenario.script import Script

SECOND_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 47\r\n\r\n"
    b'data: {"choices":[{"delta":{"content":"ALIEN"}}'
)
"""An answer that no call asked for."""


class Cast(msgspec.Struct, frozen=True):
    """What a fault knows of the request that it spoils.

    Attributes:
        answer: What would be said.
        stream: A stream was asked for.
    """

    answer: Answer
    dialect: str
    stream: bool
    rng: random.Random

    @property
    def deltas(self) -> int:
        return len(self.answer.deltas())

    def some_delta(self) -> int:
        """A place after the first delta, and before the last one."""
        return self.rng.randrange(1, max(2, self.deltas))


Spoil = Callable[[Cast], Script]


class ScriptFault(msgspec.Struct, frozen=True):
    """One thing that may go wrong.

    Attributes:
        row: Its row in the fault catalogue.
        harmless: The answer is whole all the same.
        streams_only: It lies between the events of a stream.
        large: It is of many bytes on the wire: nothing to be handed on one by one.
    """

    name: str
    row: str
    spoil: Spoil
    harmless: bool = False
    streams_only: bool = False
    large: bool = False


@cache
def says(dialect: str, kind: ErrorKind) -> bool:
    """Can this dialect refuse in this way?"""
    try:
        DIALECTS[dialect].refusal(Failure(kind))
    except ValueError:
        return False
    return True


_HINTS = (None, 0, 0.3, 1.0, 7.0, 30.0, "1e9", "nan", "-1", "", "1_000", "99999999999999999999")


def _refuses(kind: ErrorKind) -> Spoil:
    """A refusal of this kind. One in four names a delay, whatever it is about."""

    def spoil(cast: Cast) -> Script:
        known = kind if says(cast.dialect, kind) else ErrorKind.SERVER_ERROR
        return Script(Failure(known, retry_after_s=cast.rng.choice(_HINTS) if cast.rng.random() < 0.25 else None))

    return spoil


def _rate_limited(cast: Cast) -> Script:
    return Script(Failure(ErrorKind.RATE_LIMITED, retry_after_s=cast.rng.choice(_HINTS)))


def _raw(*heads: bytes) -> Spoil:
    return lambda cast: Script(Raw(cast.rng.choice(heads)))


def _at(fault: Callable[[At], object], place: Callable[[Cast], At], **options: object) -> Spoil:
    return lambda cast: Script(cast.answer, (fault(place(cast)),), **options)  # type: ignore[arg-type]


def _mid(cast: Cast) -> At:
    return At.delta(cast.some_delta())


def _unframed_cut(cast: Cast) -> Script:
    """A clean end inside an unframed body; not for Koala, where it could not be told from a whole answer."""
    if cast.dialect == "koala":
        return Script(cast.answer, (Cut(_mid(cast)),))
    return Script(cast.answer, (LeaveOut(("finish", "usage", "marker")),), framing="close")


def _leave_out(cast: Cast) -> Script:
    if cast.dialect == "koala":
        return Script(cast.answer, (Cut(_mid(cast), rst=True),))
    return Script(cast.answer, (LeaveOut(("finish", "usage", "marker")),))


def _late(data: bytes) -> Spoil:
    return lambda cast: Script(cast.answer, (Afterwards(0.0, data),))


def _blank(dialect: str, size: int) -> bytes:
    """So many bytes that say nothing, in one line."""
    return b" " * size + b"\n" if dialect == "ollama" else b": " + b" " * size + b"\n\n"


def _inflating(cast: Cast) -> Script:
    """More than the free mebibyte of next to nothing, a thousandth of it on the wire."""
    if not cast.stream:
        return Script(Page(b"{" + b" " * BOMB_BYTES + b"}", 200, "application/json"), encoding="gzip")
    place = At.delta(cast.rng.randrange(cast.deltas))
    return Script(cast.answer, (Insert(place, _blank(cast.dialect, BOMB_BYTES)),), encoding="gzip")


def _compressed(cast: Cast) -> Script:
    return Script(cast.answer, encoding=cast.rng.choice(("gzip", "deflate")))


def _long_line(cast: Cast) -> Script:
    place = At.delta(cast.rng.randrange(cast.deltas))
    return Script(cast.answer, (Insert(place, _blank(cast.dialect, LINE_BYTES)),))


def _short_lines(cast: Cast) -> Script:
    """An event of lines that are joined, or a JSON text that ends with each line and does not."""
    line = b"}\n" if cast.dialect in ("gemini", "ollama") else b"data:}\n"
    return Script(Page(b"{x\n" + line * LINES + b"\n", 200, DIALECTS[cast.dialect].stream_type))


def _tiny_events(cast: Cast) -> Script:
    """Deltas without a character, between those that have some."""
    words = cast.answer.text
    assert isinstance(words, tuple)
    place = cast.rng.randrange(len(words))
    answer = msgspec.structs.replace(cast.answer, text=(*words[:place], *("",) * EVENTS, *words[place:]))
    return Script(answer, events_per_write=EVENTS)


def _calls_without_index(cast: Cast) -> Script:
    """Calls that only their ids tell apart, in one event of a protocol that numbers them."""
    if cast.dialect != "openai":
        return _tiny_events(cast)
    calls = [{"id": f"call_{number}", "function": {"name": "f", "arguments": ""}} for number in range(CALLS)]
    event = b"data: " + msgspec.json.encode({"choices": [{"delta": {"tool_calls": calls}}]}) + b"\n\n"
    return Script(cast.answer, (Insert(At.delta(cast.rng.randrange(cast.deltas)), event),))


BOMB_BYTES = 1536 * 1024
LINE_BYTES = 200_000
LINES, EVENTS, CALLS = 6000, 500, 1000
"""Enough of each that work which grows with the square stands out, and few enough that a strike costs milliseconds."""

HTML = Page(b"<html><body>Please log in to the hotel's network.</body></html>")
JSON_ERROR = Page(b'{"error":{"message":"no","type":"server_error","code":null}}', 200, "application/json")
TWO_LENGTHS = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"
BAD_CHUNK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n"
BOTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

_ROWS: tuple[ScriptFault, ...] = (
    ScriptFault("fin_before_head", "F14", _at(Cut, lambda _: At.head())),
    ScriptFault("rst_before_head", "F13", _at(lambda at: Cut(at, rst=True), lambda _: At.head())),
    ScriptFault("half_head", "F15", _at(Cut, lambda cast: At.wire(cast.rng.randrange(1, 90)))),
    ScriptFault("not_http", "F16", _raw(b"SSH-2.0-OpenSSH_9.6\r\n", b"\x15\x03\x01\x00\x02\x02\x46")),
    ScriptFault("oversized_head", "F17", _raw(b"HTTP/1.1 200 OK\r\nx-long: " + b"x" * 9000 + b"\r\n\r\n")),
    ScriptFault("bad_framing", "F18", _raw(TWO_LENGTHS, BAD_CHUNK, BOTH)),
    ScriptFault("interim_flood", "F19", _raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 60)),
    ScriptFault("late_answer", "F20", _late(SECOND_ANSWER), harmless=True),
    ScriptFault("late_garbage", "F21", _late(b"HTTP/1.1 20"), harmless=True),
    ScriptFault("rst_mid", "F22", _at(lambda at: Cut(at, rst=True), _mid), streams_only=True),
    ScriptFault("fin_mid", "F23", _at(Cut, _mid), streams_only=True),
    ScriptFault("unframed_cut", "F24", _unframed_cut, streams_only=True),
    ScriptFault("short_body", "F25", lambda cast: Script(cast.answer, declared_bytes=50_000, framing="content_length")),
    ScriptFault("stall_mid", "F26", _at(Stall, _mid), streams_only=True),
    ScriptFault("silent", "F27", _at(Stall, lambda _: At.head())),
    ScriptFault("pings_forever", "F29", _at(lambda at: Pings(at, 0.3), lambda _: At.delta(0)), streams_only=True),
    ScriptFault("pings_mid", "F29", _at(lambda at: Pings(at, 0.3), _mid), streams_only=True),
    ScriptFault(
        "some_pings", "F29", _at(lambda at: Pings(at, 0.1, 3), _mid), harmless=True, streams_only=True
    ),
    ScriptFault("slices", "F30", lambda cast: Script(cast.answer, write_bytes=cast.rng.choice((7, 40))), harmless=True),
    ScriptFault("coalesced", "F31", lambda cast: Script(cast.answer, events_per_write=1000), harmless=True),
    ScriptFault(
        "after_the_end", "F32", lambda cast: Script(cast.answer, (Insert(At.end(), b": more\n\n"),)),
        harmless=True, streams_only=True,
    ),
    ScriptFault("kept_open", "F33", _at(Stall, lambda _: At.end()), streams_only=True),
    ScriptFault("no_end", "F34", _leave_out, streams_only=True),
    ScriptFault("empty", "F35", lambda cast: Script(Answer())),
    ScriptFault("html", "F36", lambda _: Script(HTML)),
    ScriptFault("json_error_200", "F37", lambda _: Script(JSON_ERROR)),
    ScriptFault("single_for_stream", "F38", lambda cast: Script(cast.answer, form="single"), harmless=True),
    ScriptFault(
        "wrong_type", "F39", lambda cast: Script(cast.answer, content_type="text/plain"), harmless=True,
        streams_only=True,
    ),
    ScriptFault(
        "error_first", "F40",
        lambda cast: Script(cast.answer, (ErrorEvent(At.delta(0), Failure(ErrorKind.SERVER_ERROR)),)),
        streams_only=True,
    ),
    ScriptFault(
        "error_mid", "F41",
        lambda cast: Script(cast.answer, (ErrorEvent(_mid(cast), Failure(ErrorKind.SERVER_ERROR)),)),
        streams_only=True,
    ),
    ScriptFault(
        "malformed", "F46", lambda cast: Script(cast.answer, (Malformed(At.delta(cast.rng.randrange(cast.deltas))),)),
        streams_only=True,
    ),
    ScriptFault("long_line", "F50", _long_line, harmless=True, streams_only=True, large=True),
    ScriptFault("short_lines", "F51", _short_lines, streams_only=True, large=True),
    ScriptFault("inflating", "F52", _inflating),
    ScriptFault("compressed", "F52", _compressed, harmless=True),
    ScriptFault("tiny_events", "F31", _tiny_events, harmless=True, streams_only=True, large=True),
    ScriptFault("calls_without_index", "F55", _calls_without_index, harmless=True, streams_only=True, large=True),
    ScriptFault("redirect", "F54", lambda _: Script(redirect("http://elsewhere.example/"))),
    ScriptFault("rate_limited", "F60", _rate_limited),
    ScriptFault("quota_exhausted", "F65", _refuses(ErrorKind.QUOTA_EXHAUSTED)),
    ScriptFault("auth", "F66", _refuses(ErrorKind.AUTH)),
    ScriptFault("bad_request", "F67", _refuses(ErrorKind.BAD_REQUEST)),
    ScriptFault("not_found", "F67", _refuses(ErrorKind.NOT_FOUND)),
    ScriptFault("context_length", "F67", _refuses(ErrorKind.CONTEXT_LENGTH)),
    ScriptFault("content_filter", "F67", _refuses(ErrorKind.CONTENT_FILTER)),
    ScriptFault("timeout", "F68", _refuses(ErrorKind.TIMEOUT)),
    ScriptFault("server_error", "F69", _refuses(ErrorKind.SERVER_ERROR)),
    ScriptFault("overloaded", "F70", _refuses(ErrorKind.OVERLOADED)),
    ScriptFault("unknown", "F69", _refuses(ErrorKind.UNKNOWN)),
    ScriptFault("blocked", "F36", lambda _: Script(Failure(ErrorKind.BLOCKED))),
    ScriptFault(
        "slow_answer", "F72", lambda cast: Script(cast.answer, first_delay_s=cast.rng.choice((0.2, 1.0, 5.0))),
        harmless=True,
    ),
    ScriptFault(
        "hiccup", "F72", lambda cast: Script(cast.answer, (Delay(_mid(cast), cast.rng.choice((0.5, 1.2))),)),
        harmless=True, streams_only=True,
    ),
    ScriptFault(
        "idle_close", "F13", lambda cast: Script(cast.answer, (Afterwards(0.001, close="fin"),)), harmless=True
    ),
)  # fmt: skip

SCRIPT_FAULTS = {fault.name: fault for fault in _ROWS}
