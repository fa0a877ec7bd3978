"""Anthropic's Messages API as a server speaks it."""

from collections.abc import Iterable

from .dialect import About, Asked, Asking, Failure, StreamEncoder, Whole
from .errors import anthropic_error
from .messages_encoder import MessageStream, whole_message
from .messages_reader import NAME, read_messages


class Messages:
    """The dialect `anthropic`."""

    name = NAME
    stream_type = "text/event-stream"
    ping = b'event: ping\ndata: {"type":"ping"}\n\n'

    def read(self, body: bytes) -> Asked:
        return read_messages(body)

    def stream(self, asked: Asked, about: About, source: Asking) -> StreamEncoder:
        return MessageStream(asked, about, source)

    def whole(self, asked: Asked, about: About, source: Asking, events: Iterable[object]) -> Whole:
        return whole_message(asked, about, source, events)

    def error(self, failure: Failure) -> bytes:
        return anthropic_error(failure)


messages = Messages()
