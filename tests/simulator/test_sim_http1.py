"""The request reader: strict, and blind to where the network cuts."""

import pytest
from standby.simulator.serving.http1 import BODY_MAX_BYTES, HEAD_MAX_BYTES, RefusedRequest, RequestReader, WireMessage

POST = b"POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nContent-Length: 4\r\nx-two:\t2 \r\nEmpty:\r\n\r\nbody"
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def whole(reader: RequestReader) -> list[WireMessage]:
    found = []
    while (message := reader.next()) is not None:
        found.append(message)
    return found


def test_requests_do_not_depend_on_where_the_network_cuts() -> None:
    wire = POST + GET + POST
    expected = None
    for cut in range(len(wire) + 1):
        reader = RequestReader()
        reader.feed(wire[:cut])
        found = whole(reader)
        reader.feed(wire[cut:])
        found += whole(reader)
        assert reader.buffered == 0
        expected = expected or found
        assert found == expected
    assert expected is not None
    assert [message.head.method for message in expected] == ["POST", "GET", "POST"]
    assert expected[0].body == b"body"
    assert expected[0].head.target == "/a/b?c=d"
    assert expected[0].head.headers == {"host": "x", "x-two": "1, 2", "content-length": "4", "empty": ""}


def test_requests_survive_byte_by_byte() -> None:
    reader, found = RequestReader(), []
    for byte in POST + GET:
        reader.feed(bytes([byte]))
        found += whole(reader)
    assert [message.body for message in found] == [b"body", b""]


@pytest.mark.parametrize(
    ("status", "wire"),
    [
        (400, b"GET / HTTP/1.0\r\nhost: x\r\n\r\n"),
        (400, b"GET  / HTTP/1.1\r\nhost: x\r\n\r\n"),
        (400, b"get / HTTP/1.1\r\nhost: x\r\n\r\n"),
        (400, b"GET http://x/ HTTP/1.1\r\nhost: x\r\n\r\n"),
        (400, b"\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n"),
        (400, b"GET / HTTP/1.1\nhost: x\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nhost: x\ny: z\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nhost : x\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nhost: x\x00y\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1_0\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: \xb2\r\n\r\n"),
        (411, b"POST / HTTP/1.1\r\nhost: x\r\n\r\n"),
        (411, b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"),
        (411, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"),
        (413, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (BODY_MAX_BYTES + 1)),
        (431, b"GET / HTTP/1.1\r\nhost: " + b"x" * HEAD_MAX_BYTES),
    ],
)
def test_a_doubtful_request_is_refused(status: int, wire: bytes) -> None:
    reader = RequestReader()
    reader.feed(wire)
    with pytest.raises(RefusedRequest) as caught:
        reader.next()
    assert caught.value.status == status
    assert str(status) in str(caught.value)
