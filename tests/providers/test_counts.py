"""Token counts of every dialect: whatever a provider writes in their place, the answer comes, and nonsense is known."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from standby.providers import registry
from standby.providers.codecs import decode_json
from standby.providers.counts import COUNT_MAX, total
from standby.providers.dialects.bedrock_decoder import body_decoder
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, TextDelta, Usage
from standby.providers.provider import Decoder, ResponseHead

NONSENSE = {
    "negative": "-1",
    "far below nothing": "-1000000000",
    "a fraction": "1.5",
    "a truth value": "true",
    "a text": '"12"',
    "a list": "[12]",
    "too large": str(COUNT_MAX + 1),
    "a large float": "1e308",
    "a float that none can hold": "1e400",
    "400 digits": "1" + "0" * 400,
    "5,000 digits": "1" + "0" * 5000,
    "no number, as Python writes it": "NaN",
    "infinity, as Python writes it": "-Infinity",
}
"""JSON that stands where a count belongs."""

EVENTS, LINES, JSON = "text/event-stream", "application/x-ndjson", "application/json"


def _openai(counts: str, *, stream: bool) -> tuple[str, list[str]]:
    said = "delta" if stream else "message"
    whole = f'{{"choices":[{{"{said}":{{"content":"Hi"}},"finish_reason":"stop"}}],"usage":{counts}}}'
    return (EVENTS if stream else JSON), [whole, *(["[DONE]"] if stream else [])]


def _anthropic(counts: str, *, stream: bool) -> tuple[str, list[str]]:
    if not stream:
        body = '{"type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":'
        return JSON, [body + counts + "}"]
    return EVENTS, [
        '{"type":"message_start","message":{"id":"m","usage":{"input_tokens":9,"output_tokens":1}}}',
        '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hi"}}',
        f'{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{counts}}}',
        '{"type":"message_stop"}',
    ]


def _gemini(counts: str, *, stream: bool) -> tuple[str, list[str]]:
    chunk = '{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":'
    return (EVENTS if stream else JSON), [chunk + counts + "}"]


def _cohere(counts: str, *, stream: bool) -> tuple[str, list[str]]:
    if not stream:
        body = '{"message":{"content":[{"type":"text","text":"Hi"}]},"finish_reason":"COMPLETE","usage":{"tokens":'
        return JSON, [body + counts + "}}"]
    return EVENTS, [
        '{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}',
        f'{{"type":"message-end","delta":{{"finish_reason":"COMPLETE","usage":{{"tokens":{counts}}}}}}}',
    ]


def _responses(counts: str, *, stream: bool) -> tuple[str, list[str]]:
    said = '"output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}]'
    whole = f'{{"status":"completed",{said},"usage":{counts}}}'
    if not stream:
        return JSON, [whole]
    return EVENTS, [
        '{"type":"response.output_text.delta","delta":"Hi"}',
        f'{{"type":"response.completed","response":{whole}}}',
    ]


def _ollama(counts: str, *, stream: bool) -> tuple[str, list[str]]:
    return LINES if stream else JSON, [
        f'{{"message":{{"content":"Hi"}},"done":true,"done_reason":"stop",{counts.strip("{}")}}}'
    ]


Wire = Callable[..., tuple[str, list[str]]]
DIALECTS: dict[str, tuple[Wire, str]] = {
    "openai": (_openai, '{"prompt_tokens":%s,"completion_tokens":%s}'),
    "mistral": (_openai, '{"prompt_tokens":%s,"completion_tokens":%s}'),
    "anthropic": (_anthropic, '{"input_tokens":%s,"output_tokens":%s}'),
    "gemini": (_gemini, '{"promptTokenCount":%s,"candidatesTokenCount":%s}'),
    "cohere": (_cohere, '{"input_tokens":%s,"output_tokens":%s}'),
    "openai-responses": (_responses, '{"input_tokens":%s,"output_tokens":%s}'),
    "ollama": (_ollama, '{"prompt_eval_count":%s,"eval_count":%s}'),
}
"""How each dialect writes an answer, and its two counts."""


def _read(dialect: str, counts: str, *, stream: bool) -> tuple[list[object], Decoder]:
    wire = DIALECTS[dialect][0]
    kind, payloads = wire(counts, stream=stream)
    frame = {EVENTS: "data: %s\n\n", LINES: "%s\n", JSON: "%s"}[kind]
    decoder = registry.get(dialect).decoder(ResponseHead(200, {"content-type": kind}))
    events: list[object] = []
    for payload in payloads:
        events += decoder.feed((frame % payload).encode())
    events += decoder.end()
    return events, decoder


def _text(events: list[object]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("place", ["prompt", "answer"])
@pytest.mark.parametrize("nonsense", NONSENSE)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_nonsense_costs_no_answer_and_is_not_taken_for_a_count(
    dialect: str, nonsense: str, place: str, stream: bool
) -> None:
    said = NONSENSE[nonsense]
    counts = DIALECTS[dialect][1] % ((said, "7") if place == "prompt" else ("11", said))
    events, decoder = _read(dialect, counts, stream=stream)
    assert decoder.failure is None
    assert isinstance(decoder.finish, Finished)
    assert _text(events) == "Hi"
    assert getattr(decoder, "miscounted")  # noqa: B009 - the protocol of decoders does not know of it
    early = [Usage(9, 1)] if dialect == "anthropic" and stream else []  # what the beginning of its stream says
    assert [event for event in events if isinstance(event, Usage)] == early


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("written", "read"), [("7", 7), ("7.0", 7), ("0", 0), (str(COUNT_MAX), COUNT_MAX)])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_a_count_is_read(dialect: str, written: str, read: int, stream: bool) -> None:
    events, decoder = _read(dialect, DIALECTS[dialect][1] % ("11", written), stream=stream)
    assert _text(events) == "Hi"
    assert [event for event in events if isinstance(event, Usage)][-1] == Usage(11, read)
    assert not getattr(decoder, "miscounted", False)


@pytest.mark.parametrize("nonsense", NONSENSE)
@pytest.mark.parametrize(
    ("dialect", "counts", "detail"),
    [
        ("openai", '"prompt_tokens":11,"completion_tokens":7', '"prompt_tokens_details":{"cached_tokens":%s}'),
        ("openai", '"prompt_tokens":11,"completion_tokens":7', '"completion_tokens_details":{"reasoning_tokens":%s}'),
        ("openai", '"prompt_tokens":11,"completion_tokens":7', '"prompt_cache_hit_tokens":%s'),
        ("anthropic", '"input_tokens":11,"output_tokens":7', '"cache_read_input_tokens":%s'),
        ("anthropic", '"input_tokens":11,"output_tokens":7', '"cache_creation_input_tokens":%s'),
        ("anthropic", '"input_tokens":11,"output_tokens":7', '"output_tokens_details":{"thinking_tokens":%s}'),
        ("gemini", '"promptTokenCount":11,"candidatesTokenCount":7', '"cachedContentTokenCount":%s'),
        ("gemini", '"promptTokenCount":11,"candidatesTokenCount":7', '"thoughtsTokenCount":%s'),
        ("gemini", '"promptTokenCount":11,"candidatesTokenCount":7', '"toolUsePromptTokenCount":%s'),
        ("openai-responses", '"input_tokens":11,"output_tokens":7', '"input_tokens_details":{"cached_tokens":%s}'),
        ("openai-responses", '"input_tokens":11,"output_tokens":7', '"output_tokens_details":{"reasoning_tokens":%s}'),
    ],
)
def test_one_count_that_makes_no_sense_voids_those_beside_it(
    dialect: str, counts: str, detail: str, nonsense: str
) -> None:
    events, decoder = _read(dialect, f"{{{counts},{detail % NONSENSE[nonsense]}}}", stream=False)
    assert _text(events) == "Hi"
    assert getattr(decoder, "miscounted")  # noqa: B009
    assert not any(isinstance(event, Usage) for event in events)


NO_OBJECTS = {**NONSENSE, "a whole number": "12", "many digits": "1" * 40}
"""JSON that stands where the object of all counts belongs."""
EMPTY = {"an empty list, as PHP writes an empty object": "[]", "an empty text": '""', "false": "false", "nothing": "0"}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("written", [*NO_OBJECTS, *EMPTY])
@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "ollama"])  # its counts stand by themselves
def test_counts_that_are_no_object_cost_no_answer(dialect: str, written: str, stream: bool) -> None:
    events, decoder = _read(dialect, (NO_OBJECTS | EMPTY)[written], stream=stream)
    assert decoder.failure is None
    assert isinstance(decoder.finish, Finished)
    assert _text(events) == "Hi"
    assert getattr(decoder, "miscounted", False) is (written in NO_OBJECTS)
    early = [Usage(9, 1)] if dialect == "anthropic" and stream else []
    assert [event for event in events if isinstance(event, Usage)] == early


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("written", [*NO_OBJECTS, *EMPTY])
@pytest.mark.parametrize(
    ("dialect", "details"),
    [
        ("openai", "prompt_tokens_details"),
        ("openai", "completion_tokens_details"),
        ("anthropic", "output_tokens_details"),
        ("openai-responses", "input_tokens_details"),
        ("openai-responses", "output_tokens_details"),
    ],
)
def test_details_that_are_no_object_say_nothing(dialect: str, details: str, written: str, stream: bool) -> None:
    counts = DIALECTS[dialect][1] % ("11", "7")
    counts = f'{counts.removesuffix("}")},"{details}":{(NO_OBJECTS | EMPTY)[written]}}}'
    events, decoder = _read(dialect, counts, stream=stream)
    assert _text(events) == "Hi"
    assert [event for event in events if isinstance(event, Usage)][-1] == Usage(11, 7)
    assert not getattr(decoder, "miscounted", False)


@pytest.mark.parametrize("written", [*NO_OBJECTS, *EMPTY])
def test_counts_of_bedrock_that_are_no_object_cost_no_answer(written: str) -> None:
    usage = (NO_OBJECTS | EMPTY)[written]
    said = f'{{"output":{{"message":{{"content":[{{"text":"Hi"}}]}}}},"stopReason":"end_turn","usage":{usage}}}'
    decoder = body_decoder(ResponseHead(200, {"content-type": JSON}))
    events = [*decoder.feed(said.encode()), *decoder.end()]
    assert (_text(list(events)), decoder.miscounted) == ("Hi", written in NO_OBJECTS)


def test_what_is_beside_an_answer_excuses_nothing_in_it() -> None:
    for said in (b'{"type":"message-end","index":[],"delta":{"usage":[]}}', b'{"index":0,"delta":[]}'):
        decoder = registry.get("cohere").decoder(ResponseHead(200, {"content-type": EVENTS}))
        decoder.feed(b"data: %b\n\n" % said)
        assert decoder.failure is not None
        assert decoder.failure.kind is ErrorKind.PROTOCOL


@pytest.mark.parametrize("nonsense", NONSENSE)
@pytest.mark.parametrize("name", ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"])
def test_bedrock_counts_as_the_others_do(name: str, nonsense: str) -> None:
    counts = {"inputTokens": "11", "outputTokens": "7", name: NONSENSE[nonsense]}
    usage = ",".join(f'"{name}":{said}' for name, said in counts.items())
    said = f'{{"output":{{"message":{{"content":[{{"text":"Hi"}}]}}}},"stopReason":"end_turn","usage":{{{usage}}}}}'
    decoder = body_decoder(ResponseHead(200, {"content-type": JSON}))
    events = [*decoder.feed(said.encode()), *decoder.end()]
    assert (_text(list(events)), decoder.miscounted) == ("Hi", True)
    assert not any(isinstance(event, Usage) for event in events)


def test_a_later_count_that_is_sound_is_the_last_word() -> None:
    decoder = registry.get("openai").decoder(ResponseHead(200, {"content-type": EVENTS}))
    seen = []
    for prompt in ("5", "-5", "6"):
        decoder.feed(b'data: {"choices":[],"usage":{"prompt_tokens":%b}}\n\n' % prompt.encode())
        seen.append(getattr(decoder, "miscounted"))  # noqa: B009
    assert seen == [False, True, False]


@given(st.lists(st.none() | st.integers(0, COUNT_MAX), max_size=4))
def test_counts_add_up(counts: list[int | None]) -> None:
    assert total(counts) == sum(count or 0 for count in counts)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner)
)


@given(JSON_VALUES, JSON_VALUES)
def test_a_total_is_a_whole_number_within_bounds_whatever_is_added_up(one: Any, two: Any) -> None:
    assert type(total((one, two))) is int
    assert -1 <= total((one, two)) <= 2 * COUNT_MAX


def _numbers() -> Iterator[tuple[bytes, object]]:
    yield b"1e400", "1e400"
    yield b"-1e400", "-1e400"
    yield b'{"a": [1, 2.5, 1e999]}', {"a": [1, 2.5, "1e999"]}
    yield b'{"a": "1e999", "b": 1e999}', {"a": "1e999", "b": "1e999"}
    digits = b"9" * 5000
    yield b'{"a": %b}' % digits, {"a": digits.decode()}


@pytest.mark.parametrize(("text", "wanted"), list(_numbers()))
def test_a_number_that_cannot_be_held_becomes_its_text(text: bytes, wanted: object) -> None:
    assert decode_json(text) == wanted


@pytest.mark.parametrize("name", Usage.__struct_fields__)
def test_an_answer_counts_text_alone_if_nothing_costs_otherwise(name: str) -> None:
    plain = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
    assert Usage(1, 2, 3, 4).counts_text_alone()
    assert replace(Usage(1, 2, 3, 4), **{name: 0}).counts_text_alone() is (name in plain)
