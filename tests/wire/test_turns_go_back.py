"""A conversation with tools, at the public way: what an answer holds goes back to where it came from, exactly.

The same conversation goes on at the other dialects, too: nothing is invented there but Gemini's placeholder.
"""

import json
from typing import Any

import pytest
from standby.providers.messages import Message, Tool

from standby import Answer, Router, Target
from standby.testing import Page, Request, Simulator

TOOLS = (Tool("f"), Tool("g"))
MODELS = {"openai-responses": "gpt-5-mini", "gemini": "gemini-3-flash-preview"}
PLACEHOLDER = "skip_thought_signature_validator"

RESPONSES_ITEMS: list[dict[str, Any]] = [
    {
        "type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Plan."}],
        "encrypted_content": "locked1",
    },
    {
        "type": "message", "id": "msg_1", "role": "assistant", "phase": "commentary",
        "content": [{"type": "output_text", "text": "Looking.", "annotations": []}],
    },
    {"type": "function_call", "id": "fc_1", "call_id": "call_f", "name": "f", "arguments": '{"a":1}'},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "locked2"},
    {"type": "function_call", "id": "fc_2", "call_id": "call_g", "name": "g", "arguments": '{"a":2}'},
]  # fmt: skip
GEMINI_PARTS: list[dict[str, Any]] = [
    {"text": "Plan.", "thought": True, "thoughtSignature": "s1"},
    {"text": "Looking.", "thoughtSignature": "s2"},
    {"functionCall": {"name": "f", "args": {"a": 1}, "id": "call_f"}, "thoughtSignature": "s3"},
    {"executableCode": {"language": "PYTHON", "code": "1"}},
    {"text": "More.", "thought": True, "thoughtSignature": "s4"},
    {"functionCall": {"name": "g", "args": {"a": 2}, "id": "call_g"}},
]


def written(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def body_of(dialect: str, *, stream: bool) -> Page:
    kind = "text/event-stream" if stream else "application/json"
    if dialect == "gemini":
        chunks: list[Any] = [{"candidates": [{"content": {"parts": [part]}, "index": 0}]} for part in GEMINI_PARTS]
        chunks.append({"candidates": [{"content": {"parts": []}, "finishReason": "STOP", "index": 0}]})
        whole: Any = {"candidates": [{"content": {"parts": GEMINI_PARTS}, "finishReason": "STOP", "index": 0}]}
    else:
        items = enumerate(RESPONSES_ITEMS)
        whole = {"id": "resp_1", "model": "m", "status": "completed", "output": RESPONSES_ITEMS}
        chunks = [{"type": "response.output_item.done", "output_index": at, "item": item} for at, item in items]
        chunks.append({"type": "response.completed", "response": whole})
    events = b"".join(b"data: " + written(each) + b"\n\n" for each in chunks)
    return Page(events if stream else written(whole), 200, kind)


def told(dialect: str) -> Any:
    """A reply in the form that is asked for."""

    def reply(request: Request) -> Page:
        return body_of(dialect, stream=request.reading.stream)

    return reply


def target(dialect: str, simulator: Simulator) -> Target:
    return Target(dialect, model=MODELS[dialect], key="key-12345678", base_url=simulator.base_url(dialect))


async def answered(simulator: Simulator, dialect: str, turns: tuple[Message, ...], *, stream: bool) -> Answer:
    async with Router([target(dialect, simulator)]) as router:
        if not stream:
            return await router.complete(turns, tools=TOOLS)
        async with router.stream(turns, tools=TOOLS) as events:
            async for _ in events:
                pass
            return await events.answer()


async def conversation(simulator: Simulator, dialect: str, *, stream: bool) -> tuple[Message, ...]:
    """Two turns with calls, and their results."""
    simulator.play(dialect, told(dialect), dialect=dialect)
    turns: tuple[Message, ...] = (Message("user", "Go."),)
    for _ in range(2):
        answer = await answered(simulator, dialect, turns, stream=stream)
        results = [Message("tool", "seen", tool_call_id=call.id) for call in answer.message.tool_calls]
        turns = (*turns, answer.message, *results)
    await answered(simulator, dialect, turns, stream=stream)
    return turns


RESPONSES_BACK = [
    RESPONSES_ITEMS[0],
    {"role": "assistant", "content": "Looking.", "phase": "commentary"},
    {"type": "function_call", "call_id": "call_f", "name": "f", "arguments": '{"a":1}'},
    RESPONSES_ITEMS[3],
    RESPONSES_ITEMS[4],
    {"type": "function_call", "call_id": "call_g", "name": "g", "arguments": '{"a":2}'},
    {"type": "function_call_output", "call_id": "call_f", "output": "seen"},
    {"type": "function_call_output", "call_id": "call_g", "output": "seen"},
]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "complete"])
async def test_items_go_back_to_responses_as_they_came(standby_simulator: Simulator, stream: bool) -> None:
    await conversation(standby_simulator, "openai-responses", stream=stream)
    first, second, third = (exchange.request.json["input"] for exchange in standby_simulator.exchanges)
    assert first == [{"role": "user", "content": "Go."}]
    assert second == [*first, *RESPONSES_BACK]
    assert third == [*second, *RESPONSES_BACK]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "complete"])
async def test_parts_go_back_to_gemini_as_they_came(standby_simulator: Simulator, stream: bool) -> None:
    await conversation(standby_simulator, "gemini", stream=stream)
    first, second, third = (exchange.request.json["contents"] for exchange in standby_simulator.exchanges)
    results = [
        {"functionResponse": {"name": name, "response": {"output": "seen"}, "id": f"call_{name}"}}
        for name in ("f", "g")
    ]
    back = [{"role": "model", "parts": GEMINI_PARTS}, {"role": "user", "parts": results}]
    assert second == [*first, *back]
    assert third == [*second, *back]


async def test_a_conversation_of_responses_goes_on_at_gemini(standby_simulator: Simulator) -> None:
    turns = await conversation(standby_simulator, "openai-responses", stream=True)
    standby_simulator.play("gemini", told("gemini"), dialect="gemini")
    answer = await answered(standby_simulator, "gemini", turns, stream=True)
    contents = standby_simulator.exchanges[-1].request.json["contents"]
    model = {
        "role": "model",
        "parts": [
            {"text": "Looking."},
            {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": PLACEHOLDER},
            {"functionCall": {"name": "g", "args": {"a": 2}}},
        ],
    }
    assert [turn for turn in contents if turn["role"] == "model"] == [model, model]
    assert "locked" not in json.dumps(contents)
    assert any("placeholder, 2 times" in note for note in answer.report.attempts[0].notes)


async def test_a_conversation_of_gemini_goes_on_at_responses(standby_simulator: Simulator) -> None:
    turns = await conversation(standby_simulator, "gemini", stream=True)
    standby_simulator.play("openai-responses", told("openai-responses"), dialect="openai-responses")
    answer = await answered(standby_simulator, "openai-responses", turns, stream=False)
    items = standby_simulator.exchanges[-1].request.json["input"]
    back = [
        {"role": "assistant", "content": "Looking."},
        *(item for item in RESPONSES_BACK if item.get("type", "").startswith("function_call")),
    ]
    assert items == [{"role": "user", "content": "Go."}, *back, *back]
    assert any(note.startswith("opaque state was left out") for note in answer.report.attempts[0].notes)
