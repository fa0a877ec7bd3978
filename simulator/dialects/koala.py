"""Koala as its web endpoint and its key form speak: events that are bare JSON strings, or `{"output": "…"}`.

A stream has no finish reason, no token counts and no end marker: its end is the end of the body. The shapes follow the
wire reference (koala); the bodies of its errors are guesses there too, their statuses are not.
"""

from collections.abc import Mapping
from itertools import zip_longest

import msgspec

from ...providers.codecs.json import decode_json
from ...providers.errors import ErrorKind
from ...providers.events import RefusalDelta, TextDelta
from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request
from .base import Frame, encoded, event, hint_headers, malformed_event
from .said import said


class _Body(msgspec.Struct):
    input: str = ""
    inputHistory: list[str] = []  # noqa: N815 - Koala's own names
    outputHistory: list[str] = []  # noqa: N815
    model: str = ""


_ERRORS: dict[ErrorKind, tuple[int, str]] = {
    ErrorKind.BAD_REQUEST: (400, "Bad request"),
    ErrorKind.AUTH: (401, "Unauthorized"),
    ErrorKind.QUOTA_EXHAUSTED: (402, "Payment required"),
    ErrorKind.NOT_FOUND: (404, "Not found"),
    ErrorKind.RATE_LIMITED: (429, "Too many requests"),
    ErrorKind.SERVER_ERROR: (500, "Internal server error"),
    ErrorKind.OVERLOADED: (503, "Service unavailable"),
    ErrorKind.TIMEOUT: (504, "Gateway timeout"),
    ErrorKind.UNKNOWN: (418, "I'm a teapot"),
}


class Koala:
    """The dialect `koala`. It streams when `accept: text/event-stream` is sent, like the site; else it sends JSON."""

    name = "koala"
    stream_type = "text/event-stream"
    ping = b": ping\n\n"

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        if not body:
            return Reading()
        asked = decode_json(body, _Body)
        messages: list[tuple[str, str]] = []
        for asked_before, answered in zip_longest(asked.inputHistory, asked.outputHistory):
            messages += [("user", asked_before)] if asked_before is not None else []
            messages += [("assistant", answered)] if answered is not None else []
        messages.append(("user", asked.input))
        stream = "text/event-stream" in headers.get("accept", "")
        return Reading(model=asked.model, stream=stream, messages=tuple(messages))

    def headers(self, request: Request) -> Mapping[str, str]:
        return {}

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        return [Frame(event(text), "delta", useful=bool(text)) for text in _texts(answer)]

    def single(self, answer: Answer, request: Request) -> bytes:
        return encoded({"output": "".join(_texts(answer))})

    def refusal(self, failure: Failure) -> Page:
        status, message = _known(failure.kind)
        body = msgspec.json.encode({"error": failure.message or message})
        return Page(body, failure.status or status, "application/json", hint_headers(failure))

    def error_frame(self, failure: Failure) -> bytes:
        return event({"error": failure.message or _known(failure.kind)[1]})

    def malformed(self, frame: bytes) -> bytes:
        return malformed_event(frame)


def _texts(answer: Answer) -> list[str]:
    """The pieces of its text; a refusal is text, for there is no other place."""
    events = said(answer, "Koala's wire", frozenset({"RefusalPart"}))
    return [event.text for event in events if isinstance(event, TextDelta | RefusalDelta)]


def _known(kind: ErrorKind) -> tuple[int, str]:
    try:
        return _ERRORS[kind]
    except KeyError:
        raise ValueError(f"{kind.value!r} is nothing that Koala says; use a fault or a Page") from None


koala = Koala()
