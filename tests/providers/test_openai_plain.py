"""Most chunks of a stream are plain text, and tried as that first: nobody can tell by what comes of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.providers.dialects import openai_decoder
from standby.providers.dialects.openai_decoder import ChatStreamDecoder
from standby.providers.events import TextDelta
from standby.providers.provider import ResponseHead

STREAM = ResponseHead(200, {"content-type": "text/event-stream"}, 1000.0)

ODDITIES: dict[str, list[Any]] = {
    "content": ["word", "", None, 7, [{"type": "text", "text": "part"}]],
    "reasoning": [None, "", "hm"],
    "reasoning_content": [None, "", "hm"],
    "refusal": [None, "", "no"],
    "tool_calls": [None, [], [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]],
    "finish_reason": [None, "", "stop", "error"],
    "choices": [1, 2, 0],
    "usage": [None, {"prompt_tokens": 1, "completion_tokens": 2}],
    "error": [None, {}, "", {"message": "boom"}],
    "x_groq": [None, {}, {"id": "r"}, {"error": "boom"}],
}


def chunk(**odd: Any) -> bytes:
    """A chunk of plain text, but for what is odd about it."""
    delta = {"content": odd.get("content", "word")}
    delta |= {name: odd[name] for name in ("reasoning", "reasoning_content", "refusal", "tool_calls") if name in odd}
    choice: dict[str, Any] = {"index": 0, "delta": delta}
    choice |= {name: odd[name] for name in ("finish_reason",) if name in odd}
    whole: dict[str, Any] = {"id": "i", "model": "m", "choices": [choice] * odd.get("choices", 1)}
    whole |= {name: odd[name] for name in ("usage", "error", "x_groq") if name in odd}
    return b"data: " + json.dumps(whole).encode() + b"\n\n"


def seen(decoder: ChatStreamDecoder, reads: list[bytes]) -> tuple[object, ...]:
    events = [event for data in reads for event in decoder.feed(data)]
    failure = decoder.failure and (decoder.failure.kind, decoder.failure.detail)
    return events, decoder.finish, decoder.closed, failure


@given(st.lists(st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in ODDITIES.items()}), max_size=6))
def test_what_is_tried_as_plain_text_first_is_read_as_anything_else_is(odds: list[dict[str, Any]]) -> None:
    reads = [chunk(), *(chunk(**odd) for odd in odds), chunk(), b"data: [DONE]\n\n"]

    class Careful(ChatStreamDecoder):
        _plain = property(lambda self: False, lambda self, tried: None)

    assert seen(ChatStreamDecoder(STREAM), reads) == seen(Careful(STREAM), reads)
    assert seen(ChatStreamDecoder(STREAM), [b"".join(reads)]) == seen(Careful(STREAM), reads)


@pytest.mark.parametrize(
    "empty", [{"tool_calls": []}, {"refusal": ""}, {"reasoning_content": ""}, {"finish_reason": ""}, {"usage": None}]
)
def test_fields_that_say_nothing_leave_plain_text_plain(empty: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Some servers send them with every chunk: it must not be decoded twice."""
    decoder = ChatStreamDecoder(STREAM)
    decoder.feed(chunk())
    monkeypatch.setattr(openai_decoder, "_decode", None)
    assert decoder.feed(chunk(**empty)) == [TextDelta("word")]
