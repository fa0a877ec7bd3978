"""What is billed beside plain tokens of text, as the providers of 2026 count it: thoughts, caches, tools, money."""

import json
from typing import Any

import pytest
from standby.providers import Usage
from standby.providers.counts import answer_tokens, dollars, ticks, uses

from components import need
from read_streams import outcome

SUMS: dict[str, tuple[tuple[Any, Any, Any, Any], Any]] = {
    "thoughts beside the answer: the sum says so": ((12, 1, 399, 386), 387),
    "thoughts within it": ((12, 387, 399, 386), 387),
    "thoughts within it, and no sum": ((12, 387, None, 386), 387),
    "more thoughts than answer are not within it, whatever the sum": ((12, 1, 13, 386), 387),
    "and without a sum": ((12, 1, None, 386), 387),
    "thoughts that only the sum knows of": ((5, 10, 500, None), 495),
    "and that are said to be none": ((5, 10, 500, 0), 495),
    "a sum of something else says nothing": ((5, 10, 500, 3), 10),
    "a smaller sum says nothing": ((5, 10, 2, None), 10),
    "a sum beyond all bounds says nothing": ((5, 10, 10**12, None), 10),
    "an answer that was not counted": ((5, None, 9, None), 4),
    "nothing at all": ((5, None, None, None), None),
    "nonsense stays what it is": ((5, "many", 9, None), "many"),
    "nonsense beside it changes nothing": ((5, 10, "all", "some"), 10),
}


@pytest.mark.parametrize("what", SUMS)
def test_an_answer_has_all_its_thoughts(what: str) -> None:
    counts, tokens = SUMS[what]
    assert answer_tokens(*counts) == tokens


@pytest.mark.parametrize(
    ("found", "cost"),
    [(0.95, 0.95), (2, 2.0), (0, 0.0), ({"total_cost": 0.3}, 0.3), (-1, None), (True, None), ("1", None),
     (float("nan"), None), (1e9, None), ({"total_cost": "1"}, None), (None, None), ([], None)],
)  # fmt: skip
def test_a_cost_is_a_number_that_money_can_be(found: Any, cost: float | None) -> None:
    assert dollars(found) == cost


def test_ten_thousand_million_ticks_are_a_dollar() -> None:
    assert ticks(37_756_000) == pytest.approx(0.0037756)
    assert [ticks(found) for found in (-1, "1", None, True, 10**30)] == [None] * 5


def test_uses_of_tools_are_counted_by_their_names() -> None:
    assert uses({"web_search_requests": 2, "web_fetch_requests": 0, "x_search_calls": 1.0}) == {
        "web_search": 2,
        "x_search": 1,
    }
    assert uses({"web_search_requests": -1, "no name!": 1, 7: 1, "a" * 65: 1}) is None
    assert uses([("web_search", 1)]) is None
    assert len(uses({f"tool_{place}": 1 for place in range(100)}) or ()) == 32


def chat(usage: Any, within: Any = None) -> bytes:
    end = {
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": within}],
        **({"usage": usage} if usage else {}),
    }
    return (
        b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: ' + json.dumps(end).encode() + b"\n\ndata: [DONE]\n\n"
    )


def whole(usage: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": usage}).encode()


PLAIN = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
CHAT: dict[str, tuple[dict[str, Any], Usage]] = {
    "nothing but tokens": (PLAIN, Usage(100, 10)),
    "openai": (
        PLAIN
        | {
            "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0, "cache_write_tokens": 50},
            "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0},
        },
        Usage(100, 10, 4, 3, cache_write_tokens=50),
    ),
    "openai with sound": (
        PLAIN
        | {
            "prompt_tokens_details": {"audio_tokens": 7, "image_tokens": 9},
            "completion_tokens_details": {"audio_tokens": 5, "image_tokens": 1},
        },
        Usage(100, 10, input_audio_tokens=7, input_image_tokens=9, output_audio_tokens=5, output_image_tokens=1),
    ),
    "xai": (
        {
            "prompt_tokens": 12,
            "completion_tokens": 1,
            "total_tokens": 399,
            "cost_in_usd_ticks": 5_000_000_000,
            "completion_tokens_details": {"reasoning_tokens": 386},
            "server_side_tool_usage_details": {"web_search_calls": 2},
        },
        Usage(12, 387, None, 386, cost=0.5, tool_uses={"web_search": 2}),
    ),
    "openrouter": (PLAIN | {"cost": 0.95, "cost_details": {"upstream_inference_cost": 19}}, Usage(100, 10, cost=0.95)),
    "openrouter with a key of one's own at the upstream": (
        PLAIN | {"cost": 0.05, "is_byok": True, "cost_details": {"upstream_inference_cost": 1.0}},
        Usage(100, 10, cost=1.05),
    ),
    "perplexity": (
        PLAIN | {"cost": {"total_cost": 0.006, "request_cost": 0.005}, "num_search_queries": 3, "reasoning_tokens": 90},
        Usage(100, 100, None, 90, cost=0.006, tool_uses={"web_search": 3}),
    ),
    "deepinfra": (PLAIN | {"estimated_cost": 0.000027}, Usage(100, 10, cost=0.000027)),
    "moonshot": (PLAIN | {"cached_tokens": 80}, Usage(100, 10, 80)),
    "litellm before anthropic": (
        PLAIN | {"cache_creation_input_tokens": 60, "cache_read_input_tokens": 30},
        Usage(100, 10, 30, cache_write_tokens=60),
    ),
    "dashscope": (
        PLAIN | {"prompt_tokens_details": {"cached_tokens": 0, "cache_creation_input_tokens": 60}},
        Usage(100, 10, 0, cache_write_tokens=60),
    ),
    "google's compatible endpoint": (PLAIN | {"total_tokens": 500}, Usage(100, 400)),
    "a cost that makes no sense": (PLAIN | {"cost": "free", "cost_in_usd_ticks": -1}, Usage(100, 10)),
}


def told(said: dict[str, Any]) -> Usage:
    return Usage(**said["usage"])


@pytest.mark.parametrize("server", CHAT)
def test_a_chat_server_s_counts(server: str) -> None:
    usage, wanted = CHAT[server]
    assert told(outcome("openai", "text/event-stream", chat(usage))) == wanted
    assert told(outcome("openai", "text/event-stream", chat(None, within=usage))) == wanted, "within the choice"
    assert told(outcome("openai", "application/json", whole(usage))) == wanted


def test_anthropic_counts_what_is_written_to_its_cache_for_how_long_and_its_tools() -> None:
    usage = {
        "input_tokens": 5, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 100, "output_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
    }  # fmt: skip
    wanted = Usage(115, 7, 10, cache_write_tokens=100, cache_write_1h_tokens=40, tool_uses={"web_search": 2})
    message = {"type": "message", "content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn", "usage": usage}
    assert told(outcome("anthropic", "application/json", json.dumps(message).encode())) == wanted
    start = {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
    stream = b"".join(
        b"data: " + json.dumps(each).encode() + b"\n\n" for each in (start, end, {"type": "message_stop"})
    )
    assert told(outcome("anthropic", "text/event-stream", stream)) == wanted
    usage["cache_creation_input_tokens"] = None
    assert told(outcome("anthropic", "application/json", json.dumps(message).encode())) == wanted


def test_bedrock_says_for_how_long_it_keeps_what_it_wrote() -> None:
    need("botocore")
    usage = {
        "inputTokens": 5, "outputTokens": 7, "cacheReadInputTokens": 1, "cacheWriteInputTokens": 100,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 60}, {"ttl": "1h", "inputTokens": 40}],
    }  # fmt: skip
    answer = {"output": {"message": {"content": [{"text": "a"}]}}, "stopReason": "end_turn", "usage": usage}
    wanted = Usage(106, 7, 1, cache_write_tokens=100, cache_write_1h_tokens=40)
    assert told(outcome("bedrock", "application/json", json.dumps(answer).encode())) == wanted


def test_gemini_counts_sound_and_pictures_apart() -> None:
    counts = {
        "promptTokenCount": 10, "candidatesTokenCount": 20, "thoughtsTokenCount": 3,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}, {"modality": "AUDIO", "tokenCount": 6}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 19}],
    }  # fmt: skip
    chunk = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}], "usageMetadata": counts}
    said = outcome("gemini", "application/json", json.dumps(chunk).encode())
    assert told(said) == Usage(10, 23, None, 3, input_audio_tokens=6, output_image_tokens=19)


def test_cohere_counts_its_searches() -> None:
    usage = {
        "tokens": {"input_tokens": 1, "output_tokens": 2},
        "billed_units": {"input_tokens": 1, "search_units": 2.0},
    }
    answer = {"message": {"content": [{"type": "text", "text": "a"}]}, "finish_reason": "COMPLETE", "usage": usage}
    assert told(outcome("cohere", "application/json", json.dumps(answer).encode())) == Usage(
        1, 2, tool_uses={"search": 2}
    )


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ({"cost_in_usd_ticks": 10**9}, Usage(10, 5, cost=0.1, tool_uses={"web_search": 1})),
        ({"cost": 0.2}, Usage(10, 5, cost=0.2, tool_uses={"web_search": 1})),
        ({"server_side_tool_usage_details": {"x_search_calls": 4}}, Usage(10, 5, tool_uses={"x_search": 4})),
        (
            {"output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 4}},
            Usage(10, 5, None, 4, tool_uses={"web_search": 1}),
        ),
        (
            {"input_tokens_details": {"cache_write_tokens": 8}},
            Usage(10, 5, cache_write_tokens=8, tool_uses={"web_search": 1}),
        ),
    ],
)
def test_a_response_s_counts(counts: dict[str, Any], wanted: Usage) -> None:
    output = [
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "shell_call", "id": "sh_1"},
        {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "a"}]},
    ]
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, **counts}
    response = {"id": "r", "status": "completed", "output": output, "usage": usage}
    assert told(outcome("openai-responses", "application/json", json.dumps(response).encode())) == wanted


def test_all_tokens_are_those_of_prompt_and_answer() -> None:
    assert Usage(12, 387, 4, 386, cache_write_tokens=3).total == 399
