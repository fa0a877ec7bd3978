"""Answers in odd forms, dialect by dialect: no text, call or finish is lost or doubled, whatever imitates the dialect.

More of the kinds of `test_kinds_2026`: messages among deltas, items and calls that share a place, contents and
arguments in another JSON form, words in another spelling.
"""

import json
from typing import Any

import pytest
from standby.providers import Usage, registry
from standby.providers.chat import Message, ToolCall, chat_request
from standby.providers.origin import Origin
from test_kinds_2026 import JSON, NDJSON, SSE, block, called, chat, lines, message, sse

from components import need
from conversation import body
from read_streams import outcome

IMAGE = "data:image/png;base64,iVBORw0KGgo="
ONE_TWO = {"calls": [["a", "f", '{"x":1}'], ["b", "g", '{"y":2}']], "finish": "tool_calls"}
Row = tuple[str, str, bytes, dict[str, Any]]


def calls(*each: tuple[Any, Any, Any, Any]) -> dict[str, Any]:
    """`(index, id, name, arguments)` of each."""
    return {
        "tool_calls": [
            {"id": call_id, "function": {"name": name, "arguments": arguments}, **({} if at is None else {"index": at})}
            for at, call_id, name, arguments in each
        ]
    }


def whole(said: Any, finish: str = "stop", **more: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": said, "finish_reason": finish}], **more}).encode()


F = (0, "a", "f", '{"x":1}')
PICTURE = {"images": [{"type": "image_url", "image_url": {"url": IMAGE}}]}
CHAT: dict[str, Row] = {
    "a message at the end says the deltas' calls again, without ids": (
        "openai", SSE,
        sse(chat(calls((0, None, "f", '{"x":1}'))),
            chat({}, "tool_calls", message={"content": None, **calls((0, None, "f", '{"x":1}'))})),
        {"calls": [["<made>", "f", '{"x":1}']], "finish": "tool_calls"},
    ),
    "a message at the end says the thinking again, and the text for the first time": (
        "perplexity", SSE,
        sse(chat({"reasoning_content": "Hm."}),
            chat({}, "stop", message={"reasoning_content": "Hm.", "content": "Hi"})),
        {"reasoning": "Hm.", "text": "Hi", "finish": "stop"},
    ),
    "a message at the end says the text again, and calls for the first time": (
        "perplexity", SSE,
        sse(chat({"content": "Hi"}), chat({}, "tool_calls", message={"content": "Hi", **calls(F)})),
        {"text": "Hi", "calls": [["a", "f", '{"x":1}']], "finish": "tool_calls"},
    ),
    "a message at the end shows the image again": (
        "openrouter", SSE, sse(chat(PICTURE), chat({}, "stop", message=PICTURE)), {"images": [IMAGE], "finish": "stop"},
    ),
    "a message at the end refuses again": (
        "openai", SSE, sse(chat({"refusal": "No."}), chat({}, "stop", message={"refusal": "No."})),
        {"refusal": "No.", "finish": "stop"},
    ),
    "messages alone, whose thinking and calls grow": (
        "openai", SSE,
        sse({"choices": [{"message": {"reasoning": "H", **calls((0, "a", "f", '{"x"'))}}]},
            {"choices": [{"message": {"reasoning": "Hm", **calls(F, (1, "b", "g", '{"y":2}'))},
                          "finish_reason": "tool_calls"}]}),
        {"reasoning": "Hm", **ONE_TWO},
    ),
    "messages alone, with a legacy call that grows": (
        "openai", SSE,
        sse({"choices": [{"message": {"function_call": {"name": "f", "arguments": '{"n"'}}}]},
            {"choices": [{"message": {"function_call": {"name": "f", "arguments": '{"n":1}'}},
                          "finish_reason": "function_call"}]}),
        {"calls": [["<made>", "f", '{"n":1}']], "finish": "tool_calls"},
    ),
    "messages alone, with lists that grow": (
        "openai", SSE,
        sse({"choices": [{"message": {"content": ["a"]}}]}, {"choices": [{"message": {"content": ["a", "b"]}}]},
            {"choices": [{"message": {"content": ["a", "b"]}, "finish_reason": "stop"}]}),
        {"text": "ab", "finish": "stop"},
    ),
    "calls at one index whose pieces are told apart by their ids": (
        "openai", SSE,
        sse(called(0, "a", "f", ""), called(0, "b", "g", ""), called(0, "a", None, '{"x"'),
            called(0, "b", None, '{"y"'), called(0, "a", None, ":1}"), called(0, "b", None, ":2}"),
            chat({}, "tool_calls")),
        ONE_TWO,
    ),
    "indices that are texts": (
        "openai", SSE,
        sse(chat(calls(("0", "a", "f", ""))), chat(calls(("1", "b", "g", ""))),
            chat(calls(("0", None, None, '{"x":1}'))), chat(calls(("1", None, None, '{"y":2}'))),
            chat({}, "tool_calls")),
        ONE_TWO,
    ),
    "calls at one index without ids, in one body": (
        "openai", JSON, whole(calls((0, "", "f", '{"x":1}'), (0, "", "g", {"y": 2})), "tool_calls"),
        {"calls": [["<made>", "f", '{"x":1}'], ["<made>", "g", '{"y":2}']], "finish": "tool_calls"},
    ),
    "a content that is a list of texts": (
        "openai", SSE, sse(chat({"content": ["a", "b"]}), chat({}, "stop")), {"text": "ab", "finish": "stop"},
    ),
    "a content that is one part": (
        "openai", JSON, whole({"content": {"type": "text", "text": "a"}}), {"text": "a", "finish": "stop"},
    ),
    "thinking that is an object": (
        "openai", SSE, sse(chat({"reasoning": {"content": "Hm."}}), chat({"content": "a"}), chat({}, "stop")),
        {"reasoning": "Hm.", "text": "a", "finish": "stop"},
    ),
    "a choice that stands alone": (
        "openai", SSE, sse({"choices": {"delta": {"content": "a"}}}, chat({}, "stop")), {"text": "a", "finish": "stop"},
    ),
    "images that are no objects, and bytes alone": (
        "openai", JSON, whole({"images": [IMAGE, {"b64_json": "AAAA"}]}),
        {"images": [IMAGE, "data:image/png;base64,AAAA"], "finish": "stop"},
    ),
    "null as a word is no finish": (
        "dashscope", SSE, sse(chat({"content": "a"}, "null"), chat({"content": "b"}, "null")),
        {"text": "ab", "error_kind": "truncated"},
    ),
    "nor in one body": ("dashscope", JSON, whole({"content": "a"}, "null"), {"text": "a", "error_kind": "truncated"}),
    "the state that Vertex AI writes beside a call": (
        "openai", SSE,
        sse(chat({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"},
                                  "extra_content": {"vertex": {"thought_signature": "SIG"}}}]}),
            chat({}, "tool_calls")),
        {"calls": [["a", "f", "{}"]], "state": ['{"vertex":{"thought_signature":"SIG"}}'], "finish": "tool_calls"},
    ),
}  # fmt: skip


def added(item: Any, index: int = 0) -> Any:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def ended(item: Any, index: int = 0) -> Any:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def of_item(kind: str, item_id: str, **more: Any) -> Any:
    return {"type": f"response.{kind}", "item_id": item_id, "output_index": 0, **more}


def completed(*output: Any, **more: Any) -> Any:
    return {"type": "response.completed", "response": {"status": "completed", "output": output, **more}}


def call_item(item_id: str, call_id: str, name: str, arguments: Any = "") -> Any:
    return {"type": "function_call", "id": item_id, "call_id": call_id, "name": name, "arguments": arguments}


def spoken(text: Any, **more: Any) -> Any:
    return {"type": "message", "id": "m", "content": [{"type": "output_text", "text": text}], **more}


ARGUE = "function_call_arguments.delta"
I1, I2 = call_item("i1", "a", "f", '{"x":1}'), call_item("i2", "b", "g", '{"y":2}')
HI = {"text": "Hi", "finish": "stop"}
SAY_HI = of_item("output_text.delta", "m", content_index=0, delta="Hi")
RESPONSES: dict[str, Row] = {
    "calls that are open at one place, in pieces that name their item": (
        "openai-responses", SSE,
        sse(added(call_item("i1", "a", "f")), added(call_item("i2", "b", "g")), of_item(ARGUE, "i1", delta='{"x"'),
            of_item(ARGUE, "i2", delta='{"y"'), of_item(ARGUE, "i1", delta=":1}"), of_item(ARGUE, "i2", delta=":2}"),
            ended(I1), ended(I2), completed(I1, I2)),
        ONE_TWO,
    ),
    "and whose arguments are told when they are done alone": (
        "openai-responses", SSE,
        sse(added(call_item("i1", "a", "f")), added(call_item("i2", "b", "g")),
            of_item("function_call_arguments.done", "i1", arguments='{"x":1}'),
            of_item("function_call_arguments.done", "i2", arguments='{"y":2}'), completed()),
        ONE_TWO,
    ),
    "a text and a call that are open at one place": (
        "openai-responses", SSE,
        sse(added({"type": "message", "id": "m", "content": []}), added(call_item("i1", "a", "f")), SAY_HI,
            of_item(ARGUE, "i1", delta='{"x":1}'), of_item("output_text.delta", "m", content_index=0, delta=" you"),
            completed(spoken("Hi you"), I1)),
        {"text": "Hi you", "calls": [["a", "f", '{"x":1}']], "finish": "tool_calls"},
    ),
    "items whose beginning is all that is said of them": (
        "openai-responses", SSE, sse(added(spoken("Hi")), added(I1, 1), completed()),
        {"text": "Hi", "calls": [["a", "f", '{"x":1}']], "finish": "tool_calls"},
    ),
    "items whose beginning says all, and deltas and the end again": (
        "openai-responses", SSE,
        sse(added(I1), of_item(ARGUE, "i1", delta='{"x":1}'), ended(I1), completed(I1)),
        {"calls": [["a", "f", '{"x":1}']], "finish": "tool_calls"},
    ),
    "arguments that are an object, at the end": (
        "openai-responses", SSE, sse(added(call_item("i1", "a", "f")), completed(call_item("i1", "a", "f", {"x": 1}))),
        {"calls": [["a", "f", '{"x":1}']], "finish": "tool_calls"},
    ),
    "arguments that are an object, in one body": (
        "openai-responses", JSON, lines({"status": "completed", "output": [call_item("i1", "a", "f", {"x": 1})]}),
        {"calls": [["a", "f", '{"x":1}']], "finish": "tool_calls"},
    ),
    "a message whose content is a text": (
        "openai-responses", JSON, lines({"status": "completed", "output": [{"type": "message", "content": "Hi"}]}), HI,
    ),
    "the same at the end of a stream that said it": (
        "openai-responses", SSE, sse(SAY_HI, completed({"type": "message", "content": "Hi"})), HI,
    ),
    "an item that was cut, in a response that is complete": (
        "openai-responses", SSE, sse(SAY_HI, completed(spoken("Hi", status="incomplete"))), HI | {"finish": "length"},
    ),
    "a response that is incomplete in a word of the chat API": (
        "openai-responses", JSON,
        lines({"status": "incomplete", "incomplete_details": {"reason": "max_tokens"}, "output": [spoken("Hi")]}),
        HI | {"finish": "length"},
    ),
    "a response that was cancelled and is called complete": (
        "openai-responses", SSE, sse(SAY_HI, completed(status="cancelled")),
        {"text": "Hi", "error_kind": "server_error"},
    ),
    "a response that was cancelled": (
        "openai-responses", SSE, sse(SAY_HI, {"type": "response.cancelled", "response": {"status": "cancelled"}}),
        {"text": "Hi", "error_kind": "server_error"},
    ),
    "an end in the word of the API's other transports": (
        "openai-responses", SSE,
        sse(SAY_HI, {"type": "response.done", "response": {"status": "completed", "output": [spoken("Hi")]}}), HI,
    ),
    "events whose types stand in their names alone": (
        "openai-responses", SSE,
        sse(("response.output_text.delta", {"output_index": 0, "content_index": 0, "delta": "Hi"}),
            ("response.completed", {"response": {"status": "completed", "output": []}})),
        HI,
    ),
}  # fmt: skip


def tool_use(call_id: str, name: str, given: Any = None) -> Any:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {} if given is None else given}


def argued(text: str) -> Any:
    return {"type": "input_json_delta", "partial_json": text}


def answered(*content: Any, stop: str = "end_turn", **more: Any) -> bytes:
    return lines({"type": "message", "content": content, "stop_reason": stop, **more})


def begins(index: int | None, call_id: str, name: str, arguments: Any = "") -> Any:
    call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": call}}}


def cohere(*events: Any, finish: str = "TOOL_CALL") -> bytes:
    return sse({"type": "message-start"}, *events, {"type": "message-end", "delta": {"finish_reason": finish}})


def parts(*each: Any) -> bytes:
    return sse({"candidates": [{"content": {"parts": each}, "finishReason": "STOP"}]})


def ollama(**said: Any) -> bytes:
    return lines({"message": said, "done": True, "done_reason": "stop"})


OTHERS: dict[str, Row] = {
    "blocks that are never closed": (
        "anthropic", SSE,
        sse(*message(block(0, tool_use("a", "f", {"x": 1}))[0], *block(1, tool_use("b", "g"), argued('{"y":2}'))[:2],
                     stop="tool_use")),
        {"calls": [["a", "f", '{"x": 1}'], ["b", "g", '{"y":2}']], "finish": "tool_calls"},
    ),
    "blocks that all have index 0": (
        "anthropic", SSE,
        sse(*message(*block(0, tool_use("a", "f")), *block(0, tool_use("b", "f")), stop="tool_use")),
        {"calls": [["a", "f", "{}"], ["b", "f", "{}"]], "finish": "tool_calls"},
    ),
    "an input that is a text": (
        "anthropic", JSON, answered(tool_use("a", "f", '{"x":1}'), {**tool_use("b", "g"), "input": None}),
        {"calls": [["a", "f", '{"x":1}'], ["b", "g", "{}"]], "finish": "tool_calls"},
    ),
    "a message's content that is a text": (
        "anthropic", JSON, lines({"type": "message", "content": "Hi", "stop_reason": "end_turn"}), HI,
    ),
    "one id for two calls of Gemini": (
        "gemini", SSE,
        parts({"functionCall": {"id": "a", "name": "f"}}, {"functionCall": {"id": "a", "name": "g", "args": None}}),
        {"calls": [["a", "f", "{}"], ["<made>", "g", "{}"]], "finish": "tool_calls"},
    ),
    "arguments of Gemini that are a text": (
        "gemini", SSE, parts({"functionCall": {"name": "f", "args": '{"x":1}'}}),
        {"calls": [["<made>", "f", '{"x":1}']], "finish": "tool_calls"},
    ),
    "one id for two calls of Ollama, and no arguments": (
        "ollama", NDJSON,
        ollama(tool_calls=[{"id": "a", "function": {"name": "f", "arguments": ""}},
                           {"id": "a", "function": {"name": "g", "arguments": None}}]),
        {"calls": [["a", "f", "{}"], ["<made>", "g", "{}"]], "finish": "tool_calls"},
    ),
    "calls of Ollama that call nothing": (
        "ollama", NDJSON, ollama(content="Hi", tool_calls=[{"function": None}, {"function": {"arguments": {}}}]), HI,
    ),
    "an image of Ollama's": (
        "ollama", NDJSON, ollama(content="", images=["iVBORw0KGgo=", "not base64"]),
        {"images": [IMAGE], "finish": "stop"},
    ),
    "arguments of Cohere that are an object": (
        "cohere", SSE, cohere(begins(0, "a", "f", {"x": 1}), begins(1, "b", "g", {"y": 2})), ONE_TWO,
    ),
    "calls of Cohere that all have index 0": (
        "cohere", SSE, cohere(begins(0, "a", "f", '{"x":1}'), begins(0, "b", "g", '{"y":2}')), ONE_TWO,
    ),
    "a content of Cohere that is a text": (
        "cohere", JSON, lines({"message": {"content": "Hi"}, "finish_reason": "COMPLETE"}), HI,
    ),
    "the same in a stream": (
        "cohere", SSE,
        cohere({"type": "content-delta", "index": 0, "delta": {"message": {"content": "Hi"}}}, finish="COMPLETE"), HI,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ROWS := {**CHAT, **RESPONSES, **OTHERS})
def test_an_odd_answer_is_told_once_and_whole(what: str) -> None:
    provider, kind, written, wanted = ROWS[what]
    for cuts in ((), tuple(range(1, len(written))), *((place,) for place in range(1, len(written), 3))):
        said = outcome(provider, kind, written, cuts)
        said.pop("usage", None)
        assert said == wanted, cuts[:2]


def test_an_input_of_bedrock_that_is_null_is_none() -> None:
    need("botocore")
    use = {"toolUse": {"toolUseId": "a", "name": "f", "input": None}}
    answer = lines({"output": {"message": {"content": [use]}}, "stopReason": "tool_use"})
    assert outcome("bedrock", JSON, answer) == {"calls": [["a", "f", ""]], "finish": "tool_calls"}


@pytest.mark.parametrize(
    ("word", "reason"),
    [("content-filter", "content_filter"), ("tool-calls", "tool_calls"), ("endTurn", "stop"), ("maxTokens", "length"),
     ("toolUse", "tool_calls"), ("contentFiltered", "content_filter"), ("FinishReason.MAX_TOKENS", "length"),
     ("FINISH_REASON_STOP", "stop"), ("max new tokens", "length"), ("STOP_CRITERIA_MET", "stop"),
     ("ERROR_LIMIT", "length"), ("content_policy_violation", "content_filter")],
)  # fmt: skip
def test_a_finish_word_is_known_in_another_spelling(word: str, reason: str) -> None:
    said = outcome("openai", SSE, sse(chat({"content": "a"}), chat({}, word)))
    assert said == {"text": "a", "finish": reason}


@pytest.mark.parametrize(
    ("word", "kind"),
    [("cancelled", "server_error"), ("USER_CANCEL", "server_error"), ("modelError", "server_error"),
     ("engine-overloaded", "overloaded"), ("FinishReason.MALFORMED_FUNCTION_CALL", "server_error")],
)  # fmt: skip
def test_so_is_a_word_that_is_no_finish(word: str, kind: str) -> None:
    assert outcome("openai", SSE, sse(chat({"content": "a"}), chat({}, word))) == {"text": "a", "error_kind": kind}


COUNTED: dict[str, tuple[str, bytes, Usage]] = {
    "the chat API, in the words of others": (
        "openai", whole({"content": "a"}, usage={"input_tokens": 5, "output_tokens": 3}), Usage(5, 3),
    ),
    "the Responses API, in the words of the chat API": (
        "openai-responses",
        lines({"status": "completed", "output": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}),
        Usage(5, 3),
    ),
    "what was compacted beside an answer of Claude's": (
        "anthropic",
        answered({"type": "text", "text": "a"}, usage={
            "input_tokens": 23_000, "output_tokens": 1000, "cache_read_input_tokens": 7,
            "iterations": [
                {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500, "cache_read_input_tokens": 1,
                 "cache_creation_input_tokens": 20, "cache_creation": {"ephemeral_1h_input_tokens": 20}},
                {"type": "message", "input_tokens": 23_000, "output_tokens": 1000},
            ],
        }),
        Usage(203_028, 4500, 8, cache_write_tokens=20, cache_write_1h_tokens=20),
    ),
    "searches of Gemini's": (
        "gemini",
        lines({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP",
                               "groundingMetadata": {"webSearchQueries": ["sky", "blue", "sky"]}}],
               "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1}}),
        Usage(5, 1, tool_uses={"web_search": 2}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", COUNTED)
def test_what_is_billed_is_counted(what: str) -> None:
    provider, written, usage = COUNTED[what]
    assert Usage(**outcome(provider, JSON, written)["usage"]) == usage


def test_nothing_is_counted_where_the_counts_have_other_names() -> None:
    written = lines({"status": "completed", "output": [], "usage": {"tokens": 5}})
    assert "usage" not in outcome("openai-responses", JSON, written)


@pytest.mark.parametrize(
    ("state", "beside"),
    [('{"vertex":{"thought_signature":"SIG"}}', {"vertex": {"thought_signature": "SIG"}}),
     ("SIG", {"google": {"thought_signature": "SIG"}}), ("{SIG", {"google": {"thought_signature": "{SIG"}})],
)  # fmt: skip
def test_the_state_of_a_call_goes_back_under_the_name_that_it_had(state: str, beside: Any) -> None:
    turn = Message("assistant", (ToolCall("a", "f", "{}", state),), origin=Origin("openai"))
    asked = chat_request([Message("user", "Go."), turn, Message("tool", "done", tool_call_id="a")])
    (call,) = body(registry.get("openai"), asked)["messages"][1]["tool_calls"]
    assert call["extra_content"] == beside
    read = chat_request([{"role": "assistant", "content": None, "tool_calls": [call]}]).messages[0].tool_calls[0]
    assert read.signature == state
