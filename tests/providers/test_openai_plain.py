"""Most chunks and most whole answers are plain text, and tried as that first: what comes of them does not show it."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.providers.counts import COUNT_MAX
from standby.providers.dialects import openai_body_decoder, openai_decoder
from standby.providers.dialects.openai_body_decoder import ChatBodyDecoder
from standby.providers.dialects.openai_decoder import ChatStreamDecoder
from standby.providers.events import PartAdded, Started, TextDelta
from standby.providers.parts import TextPart
from standby.providers.provider import ResponseHead

STREAM = ResponseHead(200, {"content-type": "text/event-stream"}, 1000.0)
WHOLE = ResponseHead(200, {"content-type": "application/json"}, 1000.0)

ODDITIES: dict[str, list[Any]] = {
    "content": ["word", "", None, 7, [{"type": "text", "text": "part"}], [{"type": "reference", "reference_ids": [1]}]],
    "reasoning": [None, "", "hm"],
    "reasoning_content": [None, "", "hm"],
    "refusal": [None, "", "no"],
    "role": [None, "assistant"],
    "of_tomorrow": [None, {"a": 1}],
    "tool_calls": [
        None,
        [],
        [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}],
        [{"index": 0, "function": {"arguments": "}"}}],
        [{"index": 0, "id": "", "type": "function", "function": {"name": "", "arguments": "1"}}],
        [{"index": 1, "function": {"arguments": "2"}}],
        [{"function": {"arguments": "3"}}] * 2,
    ],
    "annotations": [None, [], [{"type": "url_citation", "url_citation": {"url": "u"}}], 7],
    "finish_reason": [None, "", "stop", "error"],
    "choices": [1, 2, 0],
    "usage": [None, {"prompt_tokens": 1, "completion_tokens": 2}],
    "error": [None, {}, "", {"message": "boom"}],
    "x_groq": [None, {}, {"id": "r"}, {"error": "boom"}],
}


BESIDE = (
    "role", "of_tomorrow", "reasoning", "reasoning_content", "refusal", "tool_calls", "annotations", "images", "audio",
    "reasoning_details",
)  # fmt: skip


def chunk(**odd: Any) -> bytes:
    """A chunk of plain text, but for what is odd about it."""
    delta = {"content": odd.get("content", "word")}
    delta |= {name: odd[name] for name in BESIDE if name in odd}
    choice: dict[str, Any] = {"index": 0, "delta": delta}
    choice |= {name: odd[name] for name in ("finish_reason", "logprobs") if name in odd}
    whole: dict[str, Any] = {"id": "i", "model": "m", "choices": [choice] * odd.get("choices", 1)}
    whole |= {name: odd[name] for name in ("usage", "error", "x_groq") if name in odd}
    return b"data: " + json.dumps(whole).encode() + b"\n\n"


def seen(decoder: ChatStreamDecoder | ChatBodyDecoder, reads: list[bytes]) -> tuple[object, ...]:
    events = [event for data in reads for event in decoder.feed(data)]
    failure = decoder.failure and (decoder.failure.kind, decoder.failure.detail)
    return _with_ids_numbered(events), decoder.finish, decoder.closed, failure


def _with_ids_numbered(events: list[Any]) -> object:
    """Ids of calls that have none are made up."""
    told = json.dumps(msgspec.to_builtins(events))
    for number, made in enumerate(dict.fromkeys(re.findall("call_[0-9a-f]{24}", told))):
        told = told.replace(made, f"made {number}")
    return told


@given(st.lists(st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in ODDITIES.items()}), max_size=6))
def test_what_is_tried_as_plain_text_first_is_read_as_anything_else_is(odds: list[dict[str, Any]]) -> None:
    reads = [chunk(), *(chunk(**odd) for odd in odds), chunk(), b"data: [DONE]\n\n"]

    class Careful(ChatStreamDecoder):
        _quick = property(lambda self: None, lambda self, tried: None)

    assert seen(ChatStreamDecoder(STREAM), reads) == seen(Careful(STREAM), reads)
    assert seen(ChatStreamDecoder(STREAM), [b"".join(reads)]) == seen(Careful(STREAM), reads)


THOUGHT = {"content": None, "reasoning_content": "hm"}
PIECE = {"content": None, "tool_calls": [{"index": 0, "function": {"arguments": "1"}}]}
CALL = {"content": None, "tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]}


@given(
    st.lists(
        st.one_of(
            st.sampled_from([{}, THOUGHT, PIECE]),
            st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in ODDITIES.items()}),
        ),
        max_size=8,
    ),
    st.lists(st.integers(1, 4), min_size=8, max_size=8),
)
def test_so_are_thinking_and_arguments_however_many_come_at_once(odds: list[dict[str, Any]], sizes: list[int]) -> None:
    class Careful(ChatStreamDecoder):
        _quick = property(lambda self: None, lambda self, tried: None)

    chunks = [chunk(**CALL), *(chunk(**odd) for odd in odds), chunk(finish_reason="stop"), b"data: [DONE]\n\n"]
    reads: list[bytes] = []
    for size in sizes:
        reads.append(b"".join(chunks[:size]))
        del chunks[:size]
    reads.append(b"".join(chunks))
    assert seen(ChatStreamDecoder(STREAM), reads) == seen(Careful(STREAM), reads)


def test_text_between_two_lists_is_known_to_the_second() -> None:
    """What a reference stands behind is a text of its own, also where that text came as plain chunks."""
    listed = [{"type": "reference", "reference_ids": [1]}]
    decoder = ChatStreamDecoder(STREAM)
    decoder.feed(chunk(content=[{"type": "text", "text": "a"}, *listed]))
    decoder.feed(chunk() + chunk())
    assert decoder.feed(chunk(content=listed))[1:] == [PartAdded(TextPart(""))]


@pytest.mark.parametrize(("first", "follows"), [({}, {}), (THOUGHT, THOUGHT), (CALL, PIECE)])
def test_what_follows_upon_its_kind_is_decoded_once_by_the_strictest_type(
    first: dict[str, Any], follows: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = ChatStreamDecoder(STREAM)
    decoder.feed(chunk(**first))
    monkeypatch.setattr(openai_decoder, "_decode", None)
    assert len(decoder.feed(chunk(**follows)) + decoder.feed(chunk(**follows) * 2)) == 3


def test_a_server_that_always_says_more_is_soon_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bytes] = []

    def refuse(self: object, payloads: list[bytes]) -> None:
        tried.extend(payloads)

    monkeypatch.setitem(openai_decoder._QUICK, TextDelta, refuse)
    decoder = ChatStreamDecoder(STREAM)
    for _ in range(100):
        assert decoder.feed(chunk())[-1:] == [TextDelta("word")]
    assert len(tried) == 16


@pytest.mark.parametrize(
    "beside",
    [
        {"annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}], "reasoning": "hm"},
        {"images": [{"image_url": {"url": "data:image/png;base64,AA=="}}]},
        {"audio": {"id": "a", "data": "AAAA"}},
        {"logprobs": {"content": [{"token": "w", "logprob": -0.5}]}},
    ],
)  # fmt: skip
def test_what_stands_beside_the_text_is_decoded_by_its_type(
    beside: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once more, leniently: that takes ten times as long."""
    monkeypatch.setattr(openai_decoder, "decode_json", None)
    decoder = ChatStreamDecoder(STREAM)
    decoder.feed(chunk())
    assert decoder.feed(chunk(**beside))
    assert decoder.failure is None


@pytest.mark.parametrize(
    "empty",
    [
        {"tool_calls": []}, {"refusal": ""}, {"reasoning_content": ""}, {"finish_reason": ""}, {"usage": None},
        {"annotations": []}, {"images": []}, {"audio": None}, {"reasoning_details": None}, {"logprobs": None},
    ],
)  # fmt: skip
def test_fields_that_say_nothing_leave_plain_text_plain(empty: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Some servers send them with every chunk: it must not be decoded twice."""
    decoder = ChatStreamDecoder(STREAM)
    decoder.feed(chunk())
    monkeypatch.setattr(openai_decoder, "_decode", None)
    assert decoder.feed(chunk(**empty)) == [TextDelta("word")]


def body(**odd: Any) -> bytes:
    """A whole answer of plain text, but for what is odd about it."""
    message = {"role": "assistant", "content": odd.get("content", "word")}
    message |= {name: odd[name] for name in ("reasoning", "reasoning_content", "refusal", "tool_calls") if name in odd}
    choice = {"index": 0, "message": message, "finish_reason": odd.get("finish_reason", "stop")}
    whole: dict[str, Any] = {"id": "i", "model": "m", "choices": [choice] * odd.get("choices", 1)}
    whole |= {name: odd[name] for name in ("usage", "error", "x_groq", "id", "model") if name in odd}
    return json.dumps(whole).encode()


ODD_COUNTS: list[dict[str, Any]] = [
    {},
    {"prompt_tokens": None},
    *({"prompt_tokens": said} for said in (0, -1, True, 2.0, 2.5, "7", COUNT_MAX, COUNT_MAX + 1, 10**400)),
    *({"completion_tokens": said} for said in (None, 0, -1, 1.5, COUNT_MAX + 1)),
    *({"prompt_tokens_details": said} for said in (None, 7, {}, {"cached_tokens": 2}, {"cached_tokens": -2})),
    *({"completion_tokens_details": said} for said in ([], {}, {"reasoning_tokens": 2}, {"reasoning_tokens": "2"})),
    {"prompt_cache_hit_tokens": 1},
    {"prompt_cache_hit_tokens": 1, "prompt_tokens_details": {"cached_tokens": 0}},
]
BODY_ODDITIES = {**ODDITIES, "id": ["", None, 7], "model": ["", None, 7]}
BODY_ODDITIES["usage"] = [None, {}, 7, *({"prompt_tokens": 3, "completion_tokens": 5, **odd} for odd in ODD_COUNTS)]
BODY_ODDITIES["finish_reason"] = [None, "", "stop", "length", "error", 7]
BODY_ODDITIES["content"] = [*ODDITIES["content"], "\ud83d", "half \ud83d", "\ude00"]


@given(st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in BODY_ODDITIES.items()}))
def test_a_whole_answer_is_tried_as_plain_text_first_and_read_as_any_other_is(odd: dict[str, Any]) -> None:
    _assert_read_as_any(odd)


@pytest.mark.parametrize("name", BODY_ODDITIES)
def test_so_is_one_with_a_single_oddity(name: str) -> None:
    for value in BODY_ODDITIES[name]:
        _assert_read_as_any({name: value})


def _assert_read_as_any(odd: dict[str, Any]) -> None:
    class Careful(ChatBodyDecoder):
        _read = ChatBodyDecoder._read_any

    decoders = ChatBodyDecoder(WHOLE), Careful(WHOLE)
    plain, careful = (
        (_with_ids_numbered(decoder.feed(body(**odd)) + decoder.end()), seen(decoder, []), decoder.miscounted)
        for decoder in decoders
    )
    assert plain == careful


@pytest.mark.parametrize(
    "empty", [{"tool_calls": []}, {"refusal": ""}, {"reasoning_content": ""}, {"error": None}, {"usage": None}]
)
def test_fields_that_say_nothing_leave_a_whole_answer_plain(
    empty: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = ChatBodyDecoder(WHOLE)
    monkeypatch.setattr(openai_body_decoder, "_decode_whole", None)
    decoder.feed(body(**empty))
    assert decoder.end() == [Started("m", "i"), TextDelta("word")]
