"""Answers as bytes of HTTP/1.1: heads, pieces of a body, and the form of what HTTP itself refuses. Pure."""

from email.utils import formatdate
from functools import cache
from http import HTTPStatus

import msgspec

from ..http import Fields, RequestRefused

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODILESS = frozenset((204, 304))
"""Statuses of answers that have no body, and no framing."""

CHUNKED = "transfer-encoding: chunked\r\n"
CLOSE = "connection: close\r\n"
KEEP_ALIVE = "connection: keep-alive\r\n"
"""What a client of HTTP/1.0 must be told to use the connection again."""

JSON: Fields = (("content-type", "application/json"),)

REFUSALS = {
    400: "invalid_request_error",
    408: "timeout_error",
    413: "request_too_large",
    503: "overloaded_error",
}
"""Types as both Anthropic's and OpenAI's clients read them; what is not here is `invalid_request_error`."""


class Dates:
    """The `date` of answers, rendered once a second."""

    __slots__ = ("_line", "_of_s")

    def __init__(self) -> None:
        self._of_s, self._line = -1, ""

    def line(self, wall_s: float) -> str:
        """Give the header's line for this moment."""
        if int(wall_s) != self._of_s:
            self._of_s = int(wall_s)
            self._line = f"date: {formatdate(self._of_s, usegmt=True)}\r\n"
        return self._line


@cache
def status_line(status: int) -> str:
    """Give the first line of an answer."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n"


def field_lines(fields: Fields) -> str:
    """Render header fields.

    Raises:
        ValueError: One holds a line break or a NUL: it would end the head.
    """
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields])
    if lines.count("\n") != len(fields) or lines.count("\r") != len(fields) or "\0" in lines:
        raise ValueError("a header field of an answer holds a line break or a NUL")
    return lines


def head(status: int, fields: Fields, framing: str) -> bytes:
    """Render the head of an answer.

    Args:
        framing: The lines of `date`, `content-length` or `transfer-encoding`, and `connection`, as they are.

    Raises:
        ValueError: A field holds a line break, a NUL, or what is not Latin-1: it would end the head, or not be read.
    """
    return f"{status_line(status)}{field_lines(fields)}{framing}\r\n".encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Frame a piece of a body, which is not empty: an empty chunk would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunks(data: bytes) -> bytes:
    """Frame the last piece of a body, which may be empty, and its end."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else LAST_CHUNK


def refusal_body(refused: RequestRefused) -> bytes:
    """Say in JSON why a request was refused, in a form that clients of both protocols read."""
    kind = REFUSALS.get(refused.status, "invalid_request_error" if refused.status < 500 else "api_error")
    error = {"type": kind, "message": refused.reason, "code": None, "param": None}
    return msgspec.json.encode({"type": "error", "error": error})


def refusal(refused: RequestRefused, date: str) -> bytes:
    """Render a whole answer that refuses a request and closes: for a connection that has no handler yet."""
    body = refusal_body(refused)
    framing = f"{date}content-length: {len(body)}\r\n{CLOSE}"
    return head(refused.status, (*JSON, *refused.fields), framing) + body
