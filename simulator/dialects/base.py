"""The interface of a simulated dialect: pure functions from plain data to the bytes on the wire, and back.

Facts about each wire are in the dialect's own file. Nothing here opens a socket or looks at a clock.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

from ..scenario.reply import Answer, Failure, Page
from ..scenario.request import Reading, Request


class Frame(msgspec.Struct, frozen=True):
    """One event of a stream, as bytes.

    Attributes:
        part: What it is in the stream's order.
        useful: Whether it is a useful delta: scripts count these.
    """

    data: bytes
    part: Literal["opening", "delta", "finish", "usage", "marker", "error", "other"]
    useful: bool = False


class Dialect(Protocol):
    """One wire.

    Attributes:
        stream_type: The content type of its streams.
        ping: A frame that says nothing.
    """

    name: str
    stream_type: str
    ping: bytes

    def read(self, headers: Mapping[str, str], path: str, body: bytes) -> Reading:
        """What a request asks. An empty body asks nothing.

        Raises:
            One of `providers.codecs.json.UNDECODABLE`: The body is not this dialect's JSON.
        """
        ...

    def headers(self, request: Request) -> Mapping[str, str]:
        """Headers that this provider's responses always have."""
        ...

    def frames(self, answer: Answer, request: Request) -> list[Frame]:
        """The whole stream of an answer, end marker included.

        Raises:
            ValueError: The dialect cannot say what the answer holds.
        """
        ...

    def single(self, answer: Answer, request: Request) -> bytes:
        """The same answer as one JSON body."""
        ...

    def refusal(self, failure: Failure) -> Page:
        """The response that tells a failure before any stream."""
        ...

    def error_frame(self, failure: Failure) -> bytes:
        """The event that tells a failure inside a stream."""
        ...

    def malformed(self, frame: bytes) -> bytes:
        """An event, spoilt so that it cannot be decoded, though its framing is whole."""
        ...


def hint_headers(failure: Failure) -> dict[str, str]:
    """The failure's own headers, with `retry-after` where it has a hint."""
    hint = failure.retry_after_s
    own = {} if hint is None else {"retry-after": hint if isinstance(hint, str) else f"{hint:.15g}"}
    return own | dict(failure.headers)


def encoded(payload: Any) -> bytes:
    """A payload as JSON. Where it holds half of a surrogate pair all is escaped, as by servers that cut there."""
    try:
        return msgspec.json.encode(payload)
    except UnicodeEncodeError:
        return json.dumps(payload, separators=(",", ":"), default=_plain).encode()


def _plain(raw: msgspec.Raw) -> Any:
    """What stands in a payload as JSON already."""
    return json.loads(bytes(raw))


def event(payload: Any) -> bytes:
    """A payload as a Server-Sent Event without a name."""
    return b"data: " + encoded(payload) + b"\n\n"


def named_event(payload: Mapping[str, Any]) -> bytes:
    """A payload as a Server-Sent Event that is named as its own `type`."""
    return b"event: " + str(payload["type"]).encode() + b"\n" + event(payload)


def opened(frames: list[Frame]) -> list[Frame]:
    """The frames, with those before the first useful delta told as the stream's opening."""
    first = next((index for index, frame in enumerate(frames) if frame.useful), len(frames))
    return [
        Frame(frame.data, "opening") if index < first and frame.part == "delta" else frame
        for index, frame in enumerate(frames)
    ]


def malformed_event(frame: bytes) -> bytes:
    """A Server-Sent Event with the last character of its JSON missing."""
    return frame.rstrip(b"\n")[:-1] + b"\n\n"
