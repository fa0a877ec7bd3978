"""OpenAI's chat completions as a server speaks them."""

from collections.abc import Iterable

from .chat_encoder import ChatStream
from .chat_reader import NAME, read_chat
from .chat_whole import whole_chat
from .dialect import About, Asked, Asking, Failure, StreamEncoder, Whole
from .errors import openai_error


class Chat:
    """The dialect `openai`."""

    name = NAME
    stream_type = "text/event-stream"
    ping = b": ping\n\n"

    def read(self, body: bytes) -> Asked:
        return read_chat(body)

    def stream(self, asked: Asked, about: About, source: Asking) -> StreamEncoder:
        return ChatStream(asked, about, source)

    def whole(self, asked: Asked, about: About, source: Asking, events: Iterable[object]) -> Whole:
        return whole_chat(asked, about, source, events)

    def error(self, failure: Failure) -> bytes:
        return openai_error(failure)


chat = Chat()
