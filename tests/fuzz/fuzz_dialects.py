"""What holds for every dialect's decoder, and for the readings of error bodies and hints, whatever the provider sends.

The first byte of a dialect's input draws the content type, the second where the rest is split in two.
"""

import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import msgspec
from fuzz_codecs import drawn_pieces
from standby.providers import hints, registry
from standby.providers.errors import ProviderError
from standby.providers.events import Finished, ReasoningDelta, RefusalDelta, Started, TextDelta, ToolCallDelta
from standby.providers.provider import Decoder, Provider, ResponseHead
from standby.simulator.dialects import binary

NOW_S = 1_795_000_000.0
DIALECTS = (
    "openai", "anthropic", "gemini", "openai-responses", "ollama", "cohere", "mistral", "bedrock", "koala", "llamacpp",
)  # fmt: skip
"""The dialects, and of the speakers of the chat protocol one that needs all of its readers."""
REFUSING = (*DIALECTS, "azure-openai", "groq", "openrouter", "zai")
"""Providers of refusals: each table, and each form of a body."""
HEADERS = {"llamacpp": {"server": "uvicorn"}}
STREAM_TYPES = {"ollama": "application/x-ndjson", "bedrock": "application/vnd.amazon.eventstream"}
FRAME_NAMES = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")
STATUSES = (301, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 498, 500, 502, 503, 504, 529, 599)
MADE_ID = re.compile(r"call_[0-9a-f]{24}")
_PROVIDERS = {name: registry.get(name) for name in REFUSING}


def dialect(name: str) -> Callable[[bytes], None]:
    """The target of one provider's answers."""
    provider = _PROVIDERS[name]

    def decode(data: bytes) -> None:
        """Its answers: no exception, the same reading for every cut, an end or a failure, no event out of order."""
        head, given = _answer(name, data)
        body, ways = drawn_pieces(given)
        readings = [_reading(provider, head, pieces) for pieces in ways]
        _check(body, *readings[0])
        assert readings[0] == readings[1] == readings[2], "the reading depends on the cuts"

    return decode


def _answer(name: str, data: bytes) -> tuple[ResponseHead, bytes]:
    """The head that an input draws, and what is left: a byte that draws a cut, and the body."""
    types = (STREAM_TYPES.get(name, "text/event-stream"), "application/json", "")
    kind = types[data[0] % 3] if data else ""
    given = data[1:]
    if name == "bedrock" and kind == types[0] and data and data[0] < 128:
        given = given[:1] + _framed(given[1:])
    return ResponseHead(200, {"content-type": kind, **HEADERS.get(name, {})}, NOW_S), given


def answer_of(name: str, data: bytes) -> tuple[ResponseHead, bytes]:
    """The head that an input of a dialect draws, and its body in one piece."""
    head, given = _answer(name, data)
    return head, given[1:]


def _framed(body: bytes) -> bytes:
    """Lines as the payloads of frames, each named by its first byte, since chance finds no checksum."""
    return b"".join(
        binary.frame(
            {":message-type": "event", ":event-type": FRAME_NAMES[line[0] % len(FRAME_NAMES)]}
            if line[0] < 0x7E
            else {":message-type": "exception", ":exception-type": "throttlingException"},
            line[1:],
        )
        for line in body.split(b"\n")
        if line
    )


def _reading(
    provider: Provider, head: ResponseHead, pieces: list[bytes]
) -> tuple[list[Any], Finished | None, tuple[Any, ...] | None]:
    """Everything that must not depend on the cuts."""
    decoder: Decoder = provider.decoder(head)
    events: list[Any] = []
    for piece in pieces:
        if decoder.failure is not None or decoder.closed:
            break
        events += decoder.feed(piece)
    if decoder.failure is None and not decoder.closed:
        events += decoder.end()
        assert decoder.failure is not None or decoder.finish is not None, "neither an end nor a failure"
    error = decoder.failure
    if error is not None:
        assert decoder.feed(b"data: {}\n\n") == [], "something is decoded after a failure"
        _check_error(error)
    seen = None if error is None else (error.kind, error.native_code, error.provider_message, error.retry_after_s)
    return [_id_forgotten(event) for event in events], decoder.finish, seen


def _id_forgotten(event: Any) -> Any:
    """An id that we made is another one each time."""
    made = isinstance(event, ToolCallDelta) and event.id and MADE_ID.fullmatch(event.id)
    return msgspec.structs.replace(event, id="made") if made else event


def _check(body: bytes, events: list[Any], finish: Finished | None, error: tuple[Any, ...] | None) -> None:
    assert not any(isinstance(event, Finished) for event in events), "the end is among the events"
    assert sum(isinstance(event, Started) for event in events) <= 1, "it begins twice"
    assert all(event.text for event in events if isinstance(event, TextDelta | RefusalDelta)), "an empty delta"
    indices = list(dict.fromkeys(event.index for event in events if isinstance(event, ToolCallDelta)))
    assert indices == list(range(len(indices))), "indices of calls begin at 0 and have no gaps"
    said = [event for event in events if isinstance(event, TextDelta | ReasoningDelta | RefusalDelta)]
    msgspec.json.encode(events)  # raises for a lone surrogate, which is of no use to a caller
    assert len(events) <= len(body) + 8, "more events than bytes"
    assert sum(len(event.text) for event in said) <= 2 * len(body), "more text than came"


def _check_error(error: ProviderError) -> None:
    assert len(str(error)) < 1024, "what is logged of an error is short"
    for said in (error.provider_message, error.param, error.native_code, error.native_type, error.request_id):
        assert not isinstance(said, str) or len(said.encode()) <= 2048
    wait_s = error.retry_after_s
    assert wait_s is None or (math.isfinite(wait_s) and wait_s >= 0)
    again = pickle.loads(pickle.dumps(error))
    assert (again.kind, again.provider_message) == (error.kind, None)


def error_body(data: bytes) -> None:
    """Bodies of refusals: whatever stands there, an error with a kind, for every dialect. Two bytes draw the head."""
    if len(data) < 2:
        return
    kind = "text/html" if data[1] % 4 == 0 else "application/json"
    head = ResponseHead(STATUSES[data[0] % len(STATUSES)], {"content-type": kind}, NOW_S)
    for provider in _PROVIDERS.values():
        error = provider.error_for(head, data[2:])
        assert isinstance(error, ProviderError)
        assert error.status == head.status
        _check_error(error)


def hint_headers(data: bytes) -> None:
    """Hints in headers, `name: value` a line: no exception, and every wait finite and not negative."""
    lines = (line.partition(":") for line in data.decode("latin-1").split("\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    waits = [hints.retry_after_s(headers, NOW_S, resets=resets) for resets in (True, False)]
    for text in headers.values():
        waits += [hints.told_s(text), hints.duration_s(text), hints.number(text), hints.reset_s(text, headers, NOW_S)]
    for left in hints.remaining(headers, NOW_S):
        assert left.limit != 0
        waits += [left.left, left.limit, left.reset_s]
    assert all(wait is None or (math.isfinite(wait) and wait >= 0) for wait in waits), waits
    assert hints.should_retry(headers) in (True, False, None)
    assert hints.request_id(headers) is None or hints.request_id(headers) in headers.values()
