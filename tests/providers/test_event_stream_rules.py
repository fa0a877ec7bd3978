"""The rules of the event stream format, WHATWG HTML 9.2.6, case by case."""

import pytest
from standby.providers.codecs import SSEDecoder, SSEEvent

from sse_standard import by_the_standard

E = SSEEvent
CASES: dict[str, tuple[bytes, list[SSEEvent]]] = {
    "lines end at LF": (b"data: a\n\n", [E(b"a")]),
    "lines end at CR": (b"data: a\r\r", [E(b"a")]),
    "lines end at CRLF": (b"data: a\r\n\r\n", [E(b"a")]),
    "line ends may be mixed": (b"data: a\rdata: b\r\n\ndata: c\n\r", [E(b"a\nb"), E(b"c")]),
    "CRLF is one line end": (b"data: a\r\ndata: b\r\n\r\n", [E(b"a\nb")]),
    "LF CR are two": (b"data: a\n\rdata: b\n\n", [E(b"a"), E(b"b")]),
    "no other character ends a line": (
        b"data: a\x0bb\x0cc\x1cd\x85\xe2\x80\xa8e\n\n",
        [E(b"a\x0bb\x0cc\x1cd\x85\xe2\x80\xa8e")],
    ),
    "one byte order mark is left out at the start": (b"\xef\xbb\xbfdata: a\n\n", [E(b"a")]),
    "a second one is part of the field's name": (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
    "one that comes later is, too": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [E(b"a")]),
    "a line that begins with a colon is a comment": (b": data: no\ndata: a\n:\n\n", [E(b"a")]),
    "one space after the colon is left out": (b"data:  a\n\n", [E(b" a")]),
    "a tab is not": (b"data:\ta\n\n", [E(b"\ta")]),
    "the space is not needed": (b"data:a\n\n", [E(b"a")]),
    "only the first colon divides": (b"data: a: b\n\n", [E(b"a: b")]),
    "a line without a colon is a field without a value": (b"data\ndata\n\n", [E(b"\n")]),
    "a blank before the name makes another field": (b" data: a\n\n", []),
    "names of fields are compared exactly": (b"Data: a\nDATA: b\n\n", []),
    "unknown fields are ignored": (b"foo: bar\ndata: a\n\n", [E(b"a")]),
    "several data lines are joined by newlines": (b"data: a\ndata:\ndata: b\n\n", [E(b"a\n\nb")]),
    "an event without data is not dispatched": (b"event: x\nid: 1\n\n", []),
    "nor is its name kept for the next one": (b"event: x\n\ndata: a\n\n", [E(b"a")]),
    # The standard tests for an empty data buffer, and that of an empty data line holds a newline.
    "an empty data line is data": (b"data\n\n", [E(b"")]),
    "the last event field wins": (b"event: x\nevent: y\ndata: a\n\n", [E(b"a", "y")]),
    "an empty event field means message": (b"event: x\nevent:\ndata: a\n\n", [E(b"a", "message")]),
    "the name is of one event only": (b"event: x\ndata: a\n\ndata: b\n\n", [E(b"a", "x"), E(b"b")]),
    "the id stays for events that follow": (b"id: 7\ndata: a\n\ndata: b\n\n", [E(b"a", id="7"), E(b"b", id="7")]),
    "an id set without data counts": (b"id: 7\n\ndata: a\n\n", [E(b"a", id="7")]),
    "an empty id takes it back": (b"id: 7\n\nid\ndata: a\n\n", [E(b"a")]),
    "an id with a NUL is ignored": (b"id: 7\nid: \x008\ndata: a\n\n", [E(b"a", id="7")]),
    "retry is no data": (b"retry: 10\nretry: x\ndata: a\n\n", [E(b"a")]),
    "an event that no blank line ends is dropped": (b"data: a\n\ndata: b\n", [E(b"a")]),
    "so is a line that nothing ends": (b"data: a\n\ndata: b", [E(b"a")]),
    "blank lines alone are nothing": (b"\n\r\n\r\n\n", []),
    "a broken character harms only itself": (b"event: \xff\ndata: \xff\n\n", [E(b"\xff", "\ufffd")]),
}


@pytest.mark.parametrize("rule", CASES)
def test_the_rule_that(rule: str) -> None:
    stream, wanted = CASES[rule]
    for cut in range(len(stream) + 1):
        sse = SSEDecoder()
        assert [*sse.feed(stream[:cut]), *sse.feed(stream[cut:])] == wanted, f"cut at {cut}"
    assert by_the_standard(stream) == wanted, "the reading that the fuzzer compares with"
