"""Parrot, a made-up service with a wire of its own, as a provider of standby.

POST /v1/say  {"model": "grey-1", "live": true, "lines": [{"by": "user", "text": "Hello"}], "most_words": 20}
200           data: {"word": "Hello "}                       one event a word
              data: {"done": "said", "heard": 1, "words": 2}   the end: said, tired, or hushed
              data: {"error": "too loud"}                      a failure inside the answer
200, not live {"text": "Hello there", "done": "said", "heard": 1, "words": 2}
4xx, 5xx      {"error": "no such bird"}
"""

from typing import Any

import msgspec

from standby.adapters import (
    Capabilities,
    ChatRequest,
    Decoder,
    Endpoint,
    EventStreamDecoder,
    Finished,
    FinishReason,
    JsonBodyDecoder,
    ProviderError,
    ProviderEvent,
    ProviderInfo,
    ResponseHead,
    Started,
    TextDelta,
    Unsupported,
    Usage,
    WireRequest,
    capabilities_of,
    decode_json,
    decoder_for,
    fit,
    left_out,
    provider_error,
    refused,
    request_body,
    request_headers,
    stream_error,
)

FIT = (
    refused("stop", "a parrot cannot be stopped"),
    refused("prefill", "a parrot says everything from the beginning"),
    left_out("temperature", "a parrot has one temper"),
    left_out("seed", "no two parrots are the same"),
)
"""What Parrot cannot say: refused where it would change the answer, else left out, with a note in the report."""

_REASONS: dict[str, FinishReason] = {"said": "stop", "tired": "length", "hushed": "content_filter"}


class Parrot:
    """The provider `parrot`."""

    name = "parrot"
    info = ProviderInfo(
        title="Parrot",
        dialect="parrot",
        site_url="https://parrot.example",
        base_url="https://api.parrot.example",
        endpoint="/v1/say",
        key_env="PARROT_API_KEY",
        default_model="grey-1",
    )

    def capabilities(self, model: str) -> Capabilities:
        return Capabilities(tools=False, images=False, json_schema=False, system=True, prefill="none")

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        if chat.has_images or chat.has_tools or chat.response_format is not None:
            raise Unsupported("anything but text")
        notes = fit(chat, FIT, capabilities_of(self, endpoint))
        lines = [{"by": "owner", "text": chat.system}] if chat.system else []
        lines += [{"by": message.role, "text": message.text} for message in chat.messages]
        body = {"model": endpoint.model, "live": endpoint.stream, "lines": lines, "most_words": chat.max_tokens}
        own = {} if endpoint.key is None else {"x-parrot-key": endpoint.key.reveal()}
        return WireRequest(
            endpoint.base_url + self.info.endpoint,
            request_headers(endpoint, own),
            request_body(body, chat, endpoint),
            notes=notes,
        )

    def decoder(self, head: ResponseHead) -> Decoder:
        return decoder_for(head, stream=lambda: _Stream(head), body=lambda: JsonBodyDecoder(_whole))

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        return provider_error(head, body)  # knows the status, retry hints, request ids and the usual shapes of errors


class _Said(msgspec.Struct):
    """An event; and, with `text`, a whole answer."""

    word: str = ""
    text: str = ""
    done: str | None = None
    heard: int = 0
    words: int = 0
    error: Any = None


class _Stream(EventStreamDecoder):
    """Says with `finish`, `closed` and `failure` what it saw; framing, cuts and bounds are the base class's matter."""

    def __init__(self, head: ResponseHead) -> None:
        super().__init__()
        self._head = head

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        said = decode_json(data, _Said)
        if said.error:
            self.failure = stream_error(said.error, self._head)
            return
        if said.word:
            events.append(TextDelta(said.word))
        if said.done is not None:
            events.append(Usage(said.heard, said.words))
            self.finish = _finish(said.done)
            self.closed = True


def _whole(body: bytes, decoder: JsonBodyDecoder) -> list[ProviderEvent]:
    said = decode_json(body, _Said)
    if said.done is None:
        raise msgspec.ValidationError("the answer has no end")
    decoder.finish = _finish(said.done)
    return [Started(), TextDelta(said.text), Usage(said.heard, said.words)]


def _finish(done: str) -> Finished:
    return Finished(_REASONS.get(done, "other"), done)


provider = Parrot()
