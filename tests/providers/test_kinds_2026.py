"""Kinds of oddities of late 2026, each in the dialects that may have it: no answer loses or doubles a piece by them.

The recorded samples are in `test_streams_2026`; these are made here.
"""

import json
from itertools import product
from typing import Any

import pytest
from standby.providers.decoder_base import PASSED_OVER

from components import need
from read_streams import outcome, ways_to_cut

SSE, JSON, NDJSON = "text/event-stream", "application/json", "application/x-ndjson"


def sse(*events: Any) -> bytes:
    """Events: a text is written as it is, an object as JSON; a pair is a name with its data."""
    written = b""
    for event in events:
        name, data = event if isinstance(event, tuple) else ("", event)
        said = data if isinstance(data, str) else json.dumps(data)
        written += (f"event: {name}\n" if name else "").encode() + b"data: " + said.encode() + b"\n\n"
    return written


def lines(*objects: Any) -> bytes:
    return b"".join((each if isinstance(each, str) else json.dumps(each)).encode() + b"\n" for each in objects)


def chat(delta: Any, finish: str | None = None, **more: Any) -> Any:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}]}


def called(index: int, call_id: str | None, name: str | None, arguments: str | None) -> Any:
    return chat({"tool_calls": [{"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}]})


def block(index: int, start: Any, *deltas: Any) -> list[Any]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def message(*events: Any, stop: str = "end_turn") -> list[Any]:
    return [
        {"type": "message_start", "message": {"id": "m", "content": []}},
        *events,
        {"type": "message_delta", "delta": {"stop_reason": stop}},
        {"type": "message_stop"},
    ]


TEXT = {
    "openai": [chat({"content": "Good "}), chat({"content": "day"}), chat({}, "stop"), "[DONE]"],
    "mistral": [chat({"content": "Good "}), chat({"content": "day"}), chat({}, "stop"), "[DONE]"],
    "anthropic": message(*block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Good "},
                                {"type": "text_delta", "text": "day"})),
    "openai-responses": [
        {"type": "response.created", "response": {"id": "r", "status": "in_progress"}},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Good "},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "day"},
        {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}},
    ],
    "gemini": [
        {"candidates": [{"content": {"parts": [{"text": "Good "}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "day"}]}, "finishReason": "STOP"}]},
    ],
    "cohere": [
        {"type": "message-start", "id": "x"},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Good "}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "day"}}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
    ],
    "koala": ['"Good "', '"day"'],
    "ollama": [{"message": {"content": "Good "}, "done": False}, {"message": {"content": "day"}, "done": False},
               {"message": {"content": ""}, "done": True, "done_reason": "stop"}],
}  # fmt: skip
"""The same answer in each dialect."""

SAYS_NOTHING = [
    "null", ": OPENROUTER PROCESSING", "ping", "keep-alive", '"text"' , "5", "true", "[]", "[DONE]", "<!-- -->",
]  # fmt: skip


SAYS_SOMETHING = {("koala", '"text"'), ("openai", "[DONE]"), ("mistral", "[DONE]")}
"""Where it is no such thing: Koala's texts are written so, and streams of the chat protocol end so."""


@pytest.mark.parametrize(
    ("odd", "dialect"), [pair for pair in product(SAYS_NOTHING, TEXT) if pair[::-1] not in SAYS_SOMETHING]
)
def test_data_that_says_nothing_is_passed_over_with_a_note(dialect: str, odd: str) -> None:
    events = TEXT[dialect]
    body = (lines if dialect == "ollama" else sse)(events[0], odd, *events[1:])
    wanted = {"text": "Good day", "notes": [PASSED_OVER], **({} if dialect == "koala" else {"finish": "stop"})}
    for cuts in (*[(place,) for place in range(1, len(body), 7)], tuple(range(1, len(body))), ()):
        assert outcome(dialect, NDJSON if dialect == "ollama" else SSE, body, cuts) == wanted, cuts[:2]


@pytest.mark.parametrize("dialect", sorted(TEXT.keys() - {"ollama"}))
def test_a_keep_alive_may_have_a_name(dialect: str) -> None:
    events = TEXT[dialect]
    assert outcome(dialect, SSE, sse(events[0], ("ping", "ping"), *events[1:]))["text"] == "Good day"


@pytest.mark.parametrize("dialect", TEXT)
@pytest.mark.parametrize("odd", ["{", '{"a": ', "[1", '{"a": nul}'])
def test_data_that_begins_like_json_and_is_none_ends_the_answer(dialect: str, odd: str) -> None:
    events = TEXT[dialect]
    body = (lines if dialect == "ollama" else sse)(events[0], odd, *events[1:])
    said = outcome(dialect, NDJSON if dialect == "ollama" else SSE, body)
    assert said["error_kind"] == "protocol"


@pytest.mark.parametrize("dialect", sorted(TEXT.keys() - {"ollama"}))
def test_an_event_named_error_is_no_keep_alive(dialect: str) -> None:
    said = outcome(dialect, SSE, sse(*TEXT[dialect][:1], ("error", "upstream went away")))
    assert said["error_kind"] == "server_error"


LONG = "words of text " * 10_000
WHOLE = {
    "openai": {"choices": [{"message": {"content": LONG}, "finish_reason": "stop"}]},
    "mistral": {"choices": [{"message": {"content": LONG}, "finish_reason": "stop"}]},
    "anthropic": {"type": "message", "content": [{"type": "text", "text": LONG}], "stop_reason": "end_turn"},
    "openai-responses": {"id": "r", "status": "completed",
                         "output": [{"type": "message", "content": [{"type": "output_text", "text": LONG}]}]},
    "gemini": {"candidates": [{"content": {"parts": [{"text": LONG}]}, "finishReason": "STOP"}]},
    "cohere": {"message": {"content": [{"type": "text", "text": LONG}]}, "finish_reason": "COMPLETE"},
    "koala": {"output": LONG},
    "ollama": {"message": {"content": LONG}, "done": True, "done_reason": "stop"},
}  # fmt: skip
OPENINGS = {
    "at once": b"",
    "behind blanks": b"\r\n\n ",
    "behind comments": b": wait\n\n: wait\n\n",
    "behind a mark": b"\xef\xbb\xbf",
}


@pytest.mark.parametrize(
    ("dialect", "opening"),
    [pair for pair in product(WHOLE, OPENINGS) if pair != ("ollama", "behind comments")],  # its lines know of none
)
def test_a_whole_answer_may_call_itself_a_stream(dialect: str, opening: str) -> None:
    for indent in (None, 2) if dialect != "ollama" else (None,):
        body = OPENINGS[opening] + json.dumps(WHOLE[dialect], indent=indent).encode() + b"\n"
        for size in (len(body), 1000):
            said = outcome(dialect, SSE, body, tuple(range(size, len(body), size)))
            assert said.pop("text") == LONG
            assert said == ({} if dialect == "koala" else {"finish": "stop"})


@pytest.mark.parametrize("dialect", sorted(WHOLE.keys() - {"ollama"}))
def test_a_whole_answer_that_is_cut_is_none(dialect: str) -> None:
    body = json.dumps(WHOLE[dialect]).encode()
    assert outcome(dialect, SSE, body[:-2]) == {"error_kind": "truncated"}


ANSWERS: dict[str, tuple[str, str, bytes, dict[str, Any]]] = {
    "a legacy call in pieces": (
        "openai", SSE,
        sse(chat({"function_call": {"name": "f", "arguments": ""}}), chat({"function_call": {"arguments": '{"n"'}}),
            chat({"function_call": {"arguments": ":1}"}}), chat({}, "function_call"), "[DONE]"),
        {"calls": [["<made>", "f", '{"n":1}']], "finish": "tool_calls"},
    ),
    "a legacy call in a whole answer": (
        "openai", JSON,
        lines({"choices": [{"message": {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
                            "finish_reason": "function_call"}]}),
        {"calls": [["<made>", "f", "{}"]], "finish": "tool_calls"},
    ),
    "a legacy call behind and beside text": (
        "openai", SSE,
        sse(chat({"content": "a"}), chat({"content": "b"}),
            chat({"content": "c", "function_call": {"name": "f", "arguments": "{}"}}), chat({}, "stop")),
        {"text": "abc", "calls": [["<made>", "f", "{}"]], "finish": "tool_calls"},
    ),
    "a call said in both ways is one": (
        "openai", SSE,
        sse(chat({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}],
                  "function_call": {"name": "f", "arguments": "{}"}}), chat({}, "tool_calls")),
        {"calls": [["a", "f", "{}"]], "finish": "tool_calls"},
    ),
    "calls of one function at index 0 without ids": (
        "openai", SSE,
        sse(called(0, None, "f", ""), called(0, None, None, '{"a":1}'), called(0, None, "f", ""),
            called(0, None, None, '{"a":2}'), chat({}, "stop")),
        {"calls": [["<made>", "f", '{"a":1}'], ["<made>", "f", '{"a":2}']], "finish": "tool_calls"},
    ),
    "a fragment that says nothing is no call": (
        "openai", SSE,
        sse(chat({"content": "a"}), chat({"tool_calls": [{"index": 0}]}), called(0, "null", "", None),
            chat({}, "stop")),
        {"text": "a", "finish": "stop"},
    ),
    "text in the last message alone": (
        "perplexity", SSE,
        sse(chat({"role": "assistant"}), chat({}, "stop", message={"content": "Sky blue"})),
        {"text": "Sky blue", "finish": "stop"},
    ),
    "text in messages alone, each with all so far": (
        "perplexity", SSE,
        sse({"choices": [{"message": {"content": "Sky"}}]}, {"choices": [{"message": {"content": "Sky blue"}}]},
            {"choices": [{"message": {"content": "Sky blue"}, "finish_reason": "stop"}]}),
        {"text": "Sky blue", "finish": "stop"},
    ),
    "a whole answer as the one event of a stream": (
        "openai", SSE,
        sse({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}, "[DONE]"),
        {"text": "Hi", "finish": "stop"},
    ),
    "a tool's result and other blocks use the names of ours": (
        "anthropic", SSE,
        sse(*message(
            *block(0, {"type": "of_tomorrow", "text": {"a": 1}, "id": 7}, {"type": "of_tomorrow_delta", "text": ["b"]}),
            *block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hi"}),
            *block(2, {"type": "tool_use", "id": "t", "name": "f", "input": {}},
                   {"type": "input_json_delta", "partial_json": '{"type":"x"}'}),
            stop="tool_use",
        )),
        {"text": "Hi", "calls": [["t", "f", '{"type":"x"}']], "finish": "tool_calls"},
    ),
    "so they do in a whole message": (
        "anthropic", JSON,
        lines({"content": [{"type": "of_tomorrow", "text": {"a": 1}}, {"type": "text", "text": "Hi"},
                           {"type": "tool_use", "id": "t", "name": "f", "input": {"type": "x", "text": {"deep": 1}}}],
               "stop_reason": "tool_use"}),
        {"text": "Hi", "calls": [["t", "f", '{"type":"x","text":{"deep":1}}']], "finish": "tool_calls"},
    ),
    "a part of a kind to come": (
        "gemini", SSE,
        sse({"candidates": [{"content": {"parts": [{"ofTomorrow": {}, "text": {"a": 1}}, {"text": "Hi"}]},
                             "finishReason": "STOP"}]}),
        {"text": "Hi", "finish": "stop"},
    ),
    "an event of a type to come": (
        "cohere", SSE,
        sse({"type": "of-tomorrow", "delta": {"message": {"content": "text"}}},
            {"type": "tool-result", "delta": {"message": {"content": {"text": "never told"}}}}, *TEXT["cohere"]),
        {"text": "Good day", "finish": "stop"},
    ),
    "text that only the event of its end says": (
        "openai-responses", SSE,
        sse({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hi"},
            {"type": "response.content_part.done", "output_index": 0, "content_index": 0,
             "part": {"type": "output_text", "text": "Hi"}},
            {"type": "response.output_item.done", "output_index": 0,
             "item": {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi"}]}},
            {"type": "response.completed", "response": {"status": "completed"}}),
        {"text": "Hi", "finish": "stop"},
    ),
    "text that only the response at the end says": (
        "openai-responses", SSE,
        sse({"type": "response.completed", "response": {"status": "completed", "output": [
            {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}]}}),
        {"text": "Hi", "finish": "stop"},
    ),
    "the end of a text that the deltas left out": (
        "openai-responses", SSE,
        sse({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "It is "},
            {"type": "response.completed", "response": {"status": "completed", "output": [
                {"type": "message", "id": "another", "content": [{"type": "output_text", "text": "It is four."}]}]}}),
        {"text": "It is four.", "finish": "stop"},
    ),
    "items that all have index 0 and other ids at the end": (
        "openai-responses", SSE,
        sse({"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "Hm."},
            {"type": "response.output_item.done", "output_index": 0,
             "item": {"type": "reasoning", "id": "r1", "content": [{"type": "reasoning_text", "text": "Hm."}]}},
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 3, "delta": "Hi"},
            {"type": "response.output_item.done", "output_index": 0,
             "item": {"type": "message", "id": "m1", "content": [{"type": "output_text", "text": "Hi"}]}},
            {"type": "response.completed", "response": {"status": "completed", "output": [
                {"type": "reasoning", "id": "r2", "content": [{"type": "reasoning_text", "text": "Hm."}]},
                {"type": "message", "id": "m2", "content": [{"type": "output_text", "text": "Hi"}]}]}}),
        {"reasoning": "Hm.", "text": "Hi", "finish": "stop"},
    ),
    "a call's arguments in the event of their end": (
        "openai-responses", SSE,
        sse({"type": "response.output_item.added", "output_index": 0,
             "item": {"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": ""}},
            {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"a":1}'},
            {"type": "response.output_item.done", "output_index": 0,
             "item": {"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": '{"a":1}'}},
            {"type": "response.completed", "response": {"status": "completed"}}),
        {"calls": [["c", "f", '{"a":1}']], "finish": "tool_calls"},
    ),
    "calls that only the response at the end says": (
        "openai-responses", SSE,
        sse({"type": "response.completed", "response": {"status": "completed", "output": [
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'},
            {"type": "function_call", "call_id": "d", "name": "g", "arguments": ""}]}}),
        {"calls": [["c", "f", '{"a":1}'], ["d", "g", "{}"]], "finish": "tool_calls"},
    ),
    "a call whose pieces came without its beginning": (
        "openai-responses", SSE,
        sse({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"a":1}'},
            {"type": "response.completed", "response": {"status": "completed", "output": [
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}]}}),
        {"calls": [["<made>", "f", '{"a":1}']], "finish": "tool_calls"},
    ),
    "an incomplete response that calls itself complete, and says why": (
        "openai-responses", JSON,
        lines({"status": "completed", "incomplete_details": {"reason": "max_output_tokens"},
               "output": [{"type": "message", "content": [{"type": "output_text", "text": "It"}]}]}),
        {"text": "It", "finish": "length"},
    ),
    "an incomplete response whose status is complete": (
        "openai-responses", SSE,
        sse({"type": "response.incomplete", "response": {"status": "completed", "incomplete_details": None}}),
        {"finish": "length"},
    ),
    "a failed response that calls itself complete": (
        "openai-responses", SSE,
        sse({"type": "response.completed", "response": {"status": "failed", "error": {"code": "server_error"}}}),
        {"error_kind": "server_error"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ANSWERS)
def test_of_an_answer(what: str) -> None:
    dialect, kind, body, wanted = ANSWERS[what]
    for cuts in ways_to_cut(body):
        said = outcome(dialect, kind, body, cuts)
        said.pop("usage", None)
        assert said == wanted, cuts[:2]


WORDS = {
    "openai": (lambda word: sse(chat({"content": "a"}), chat({}, word)), SSE),
    "anthropic": (lambda word: sse(*message(*block(0, {"type": "text", "text": "a"}), stop=word)), SSE),
    "cohere": (lambda word: sse(*TEXT["cohere"][:2], {"type": "message-end", "delta": {"finish_reason": word}}), SSE),
    "gemini": (lambda word: sse({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": word}]}), SSE),
    "ollama": (lambda word: lines({"message": {"content": "a"}, "done": True, "done_reason": word}), NDJSON),
}


@pytest.mark.parametrize("dialect", WORDS)
@pytest.mark.parametrize(
    ("word", "reason"),
    [("model_context_window_exceeded", "length"), ("sensitive", "content_filter"), ("pause_turn", "pause"),
     ("refusal", "content_filter"), ("MAX_TOKENS", "length"), ("eos_token", "stop"), ("Stop", "stop"),
     ("max_output_tokens", "length"), ("content_filter: PROHIBITED_CONTENT", "content_filter"), ("compaction", "other"),
     ("of_tomorrow", "other"), ("tool_use", "tool_calls")],
)  # fmt: skip
def test_finish_words_are_understood_wherever_they_come_from(dialect: str, word: str, reason: str) -> None:
    say, kind = WORDS[dialect]
    assert outcome(dialect, kind, say(word))["finish"] == reason


@pytest.mark.parametrize("dialect", WORDS)
@pytest.mark.parametrize(
    ("word", "kind"),
    [("error", "server_error"), ("abort", "server_error"), ("network_error", "server_error"),
     ("MALFORMED_FUNCTION_CALL", "server_error"), ("malformed_tool_use", "server_error"), ("timeout", "timeout"),
     ("function_call_filter: MALFORMED_FUNCTION_CALL", "server_error"), ("insufficient_system_resource", "overloaded"),
     ("MISSING_THOUGHT_SIGNATURE", "bad_request")],
)  # fmt: skip
def test_a_word_that_is_no_finish_is_a_failure_wherever_it_comes_from(dialect: str, word: str, kind: str) -> None:
    say, content_type = WORDS[dialect]
    said = outcome(dialect, content_type, say(word))
    assert (said.get("finish"), said.get("error_kind")) == (None, kind)
    assert said["text"], "what was said before is told"


def test_bedrock_passes_over_what_is_to_come() -> None:
    need("botocore")
    answer = {
        "output": {"message": {"content": [{"ofTomorrow": {}, "text": {"a": 1}}, {"text": "Hi"}]}},
        "stopReason": "model_context_window_exceeded",
    }
    assert outcome("bedrock", JSON, json.dumps(answer).encode()) == {"text": "Hi", "finish": "length"}
