"""OpenAI's Responses API as a server without memory speaks it."""

from collections.abc import Iterable

from .dialect import About, Asked, Asking, Failure, StreamEncoder, Whole
from .errors import openai_error
from .responses_encoder import ResponseStream, whole_response
from .responses_reader import NAME, read_responses


class Responses:
    """The dialect `openai-responses`."""

    name = NAME
    stream_type = "text/event-stream"
    ping = b": ping\n\n"

    def read(self, body: bytes) -> Asked:
        return read_responses(body)

    def stream(self, asked: Asked, about: About, source: Asking) -> StreamEncoder:
        return ResponseStream(asked, about, source)

    def whole(self, asked: Asked, about: About, source: Asking, events: Iterable[object]) -> Whole:
        return whole_response(asked, about, source, events)

    def error(self, failure: Failure) -> bytes:
        return openai_error(failure)


responses = Responses()
