"""A small, strict reader of HTTP/1.1 requests, without I/O: bytes in, requests out.

Only what a client of an LLM provider sends: a head, and a body of a declared length. Anything doubtful is refused
rather than guessed, so that a client's mistake is seen (RFC 9112; smuggling by two lengths, folded headers and bare
line feeds are all 400).
"""

import re

import msgspec

HEAD_MAX_BYTES = 64 * 1024
BODY_MAX_BYTES = 16 * 1024 * 1024

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.1")
_FIELD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*"
)
_LENGTH = re.compile(r"[0-9]{1,15}")


class RefusedRequest(Exception):
    """A request that is not read; the connection is closed after the answer. `str` never holds what was sent."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status, self.reason = status, reason


class WireHead(msgspec.Struct, frozen=True):
    """A request's head. Header names are in lower case; repeated ones are joined with commas."""

    method: str
    target: str
    headers: dict[str, str]
    length: int


class WireMessage(msgspec.Struct, frozen=True):
    """One whole request."""

    head: WireHead
    body: bytes


class RequestReader:
    """Takes the bytes of a connection, cut anywhere; gives its requests, one by one."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._head: WireHead | None = None

    @property
    def buffered(self) -> int:
        """How many bytes have come that belong to no request handed out."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> WireMessage | None:
        """The next request, once it is whole.

        Raises:
            RefusedRequest: It is none that we read.
        """
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n", self._searched)
            if end < 0:
                if len(self._buffer) > HEAD_MAX_BYTES:
                    raise RefusedRequest(431, f"the head is longer than {HEAD_MAX_BYTES} bytes")
                self._searched = max(0, len(self._buffer) - 3)
                return None
            self._head = _head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            self._searched = 0
        if len(self._buffer) < self._head.length:
            return None
        message = WireMessage(self._head, bytes(self._buffer[: self._head.length]))
        del self._buffer[: self._head.length]
        self._head = None
        return message


def _head(data: bytes) -> WireHead:
    first, *lines = data.split(b"\r\n")
    asked = _REQUEST_LINE.fullmatch(first)
    if asked is None:
        raise RefusedRequest(400, "the request line is not that of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise RefusedRequest(400, "a header line is malformed")
        name, value = field[1].decode("ascii").lower(), field[2].strip(b" \t").decode("latin-1")
        if name in headers and name in ("content-length", "host", "transfer-encoding"):
            raise RefusedRequest(400, f"{name} is given twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "host" not in headers:
        raise RefusedRequest(400, "host is missing")
    return WireHead(asked[1].decode("ascii"), asked[2].decode("ascii"), headers, _length(asked[1], headers))


def _length(method: bytes, headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise RefusedRequest(411, "the simulator reads bodies of a declared length only")
    declared = headers.get("content-length")
    if declared is None:
        if method in (b"POST", b"PUT", b"PATCH"):
            raise RefusedRequest(411, "content-length is missing")
        return 0
    if _LENGTH.fullmatch(declared) is None:
        raise RefusedRequest(400, "content-length is not a number")
    if int(declared) > BODY_MAX_BYTES:
        raise RefusedRequest(413, f"the body is longer than {BODY_MAX_BYTES} bytes")
    return int(declared)
