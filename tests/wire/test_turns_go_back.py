<<<<<<< HEAD
"""A conversation with tools, at the public way: what an answer holds goes back to where it came from, exactly.

The same conversation goes on at the other dialects, too: nothing is invented there but Gemini's placeholder.
"""
=======
"""Turns go back to the target that made them as they came, and to another without what only their origin reads."""
>>>>>>> 52043d0 (simulator: say answers in parts, in order, in Anthropic's and Bedrock's words; tests: turns go back as they came)

import json
from typing import Any

import pytest
<<<<<<< HEAD
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
=======
from standby.providers.parts import Citation, NativePart, Part, Reasoning, TextPart, ToolCall

from components import need
from playing import Playing
from standby import Message, Router, Target, Tool
from standby.testing import Answer

LOOK = Tool("look", parameters={"type": "object", "properties": {"a": {"type": "integer"}}})
FIRST: tuple[Part, ...] = (
    Reasoning("Hm.", "c2lnMQ=="),
    TextPart("I look."),
    ToolCall("call_1", "look", '{"a":1}'),
    Reasoning("And again.", "c2lnMg=="),
    ToolCall("call_2", "look", "{}"),
)
SECOND: tuple[Part, ...] = (Reasoning("", redacted="bG9ja2Vk"), TextPart("Done."))
SEARCH = '{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"query":"salt"}}'
FOUND = '{"type":"web_search_tool_result","tool_use_id":"srv_1","content":[{"encrypted_content":"Eo0="}]}'
PLACE = '{"type":"web_search_result_location","url":"https://x/y","title":"Y","cited_text":"Why?"}'
GROUNDING = '{"toolUse":{"toolUseId":"g1","name":"nova_grounding","type":"server_tool_use","input":{"q":"salt"}}}'
GROUND = '{"toolResult":{"toolUseId":"g1","status":"success","content":[{"text":"White."}]}}'
WEB = '{"title":"Y","sourceContent":[{"text":"Why?"}],"location":{"web":{"url":"https://x/y"}}}'
SEARCHED: dict[str, tuple[Part, ...]] = {
    "anthropic": (
        TextPart("I search."),
        NativePart("server_tool_use", SEARCH, "web_search", "srv_1"),
        NativePart("web_search_tool_result", FOUND, "", "srv_1"),
        TextPart("It is "),
        TextPart("white"),
        Citation("https://x/y", "Y", "Why?", details=PLACE),
        TextPart("."),
    ),
    "bedrock": (
        TextPart("I search."),
        NativePart("server_tool_use", GROUNDING, "nova_grounding", "g1"),
        NativePart("toolResult", GROUND, "", "g1"),
        TextPart("It is "),
        TextPart("white"),
        Citation("https://x/y", "Y", "Why?", details=WEB),
    ),
}

BLOCKS: dict[str, Any] = {
    "anthropic": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2lnMQ=="},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "call_1", "name": "look", "input": {"a": 1}},
        {"type": "thinking", "thinking": "And again.", "signature": "c2lnMg=="},
        {"type": "tool_use", "id": "call_2", "name": "look", "input": {}},
    ],
    "bedrock": [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2lnMQ=="}}},
        {"text": "I look."},
        {"toolUse": {"toolUseId": "call_1", "name": "look", "input": {"a": 1}}},
        {"reasoningContent": {"reasoningText": {"text": "And again.", "signature": "c2lnMg=="}}},
        {"toolUse": {"toolUseId": "call_2", "name": "look", "input": {}}},
    ],
}
LAST: dict[str, Any] = {
    "anthropic": [{"type": "redacted_thinking", "data": "bG9ja2Vk"}, {"type": "text", "text": "Done."}],
    "bedrock": [{"reasoningContent": {"redactedContent": "bG9ja2Vk"}}, {"text": "Done."}],
}
OTHER = {"anthropic": "bedrock", "bedrock": "anthropic"}


def target(simulator: Playing, dialect: str) -> Target:
    base_url = simulator.base_url(dialect)
    if dialect == "bedrock":
        need("botocore")
        model, options = "eu.anthropic.claude-haiku-4-5-20251001-v1:0", {"region": "eu-central-1"}
        return Target("bedrock", model=model, name=dialect, key="k", base_url=base_url, options=options)
    return Target("anthropic", model="claude-haiku-4-5", name=dialect, key="k", base_url=f"{base_url}/v1")


def said(simulator: Playing, place: int) -> Any:
    """The turns of the request at a place among all that were sent."""
    return simulator.exchanges[place].request.json["messages"]


async def ask(router: Router, turns: list[Message], *, stream: bool) -> Message:
    """One more answer, added to the turns."""
    if stream:
        async with router.stream(turns, tools=[LOOK]) as streaming:
            answer = await streaming.answer()
    else:
        answer = await router.complete(turns, tools=[LOOK])
    turns.append(answer.message)
    return answer.message


def results(message: Message) -> list[Message]:
    return [Message("tool", f"result of {call.id}", tool_call_id=call.id) for call in message.tool_calls]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "single"])
@pytest.mark.parametrize("dialect", ["anthropic", "bedrock"])
async def test_three_turns_with_thinking_between_calls(simulator: Playing, dialect: str, stream: bool) -> None:
    simulator.play(dialect, Answer(parts=FIRST), Answer(parts=SECOND), "Bye.", dialect=dialect)
    turns = [Message("user", "Go.")]
    async with Router([target(simulator, dialect)]) as router:
        first = await ask(router, turns, stream=stream)
        assert first.content == FIRST
        turns += results(first)
        second = await ask(router, turns, stream=stream)
        assert second.content == SECOND
        turns.append(Message("user", "Thanks."))
        await ask(router, turns, stream=stream)
    assert said(simulator, 1)[1]["content"] == BLOCKS[dialect]
    assert said(simulator, 2)[:3] == said(simulator, 1), "what was sent once is sent again as it was"
    assert said(simulator, 2)[3]["content"] == LAST[dialect]


@pytest.mark.parametrize("dialect", ["anthropic", "bedrock"])
async def test_the_same_conversation_goes_on_at_the_other(simulator: Playing, dialect: str) -> None:
    other = OTHER[dialect]
    simulator.play(dialect, Answer(parts=FIRST), Answer(parts=SECOND), dialect=dialect)
    simulator.play(other, "Bye.", dialect=other)
    turns = [Message("user", "Go.")]
    async with Router([target(simulator, dialect)]) as router:
        turns += results(await ask(router, turns, stream=True))
        await ask(router, turns, stream=True)
    turns.append(Message("user", "Thanks."))
    async with Router([target(simulator, other)]) as router:
        answer = await router.complete(turns, tools=[LOOK])
    assert answer.text == "Bye."
    assert any("3 times" in note for note in answer.report.attempts[0].notes)
    user, calls, given, done, thanks = said(simulator, 2)
    assert calls["content"] == [block for block in BLOCKS[other] if not _is_thought(block)]
    assert done["content"] in ("Done.", [{"text": "Done."}])
    assert "c2ln" not in json.dumps([user, calls, given, done, thanks])


def _is_thought(block: dict[str, Any]) -> bool:
    return block.get("type") == "thinking" or "reasoningContent" in block


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "single"])
@pytest.mark.parametrize("dialect", ["anthropic", "bedrock"])
async def test_what_the_provider_did_itself_goes_back_as_it_came(
    simulator: Playing, dialect: str, stream: bool
) -> None:
    simulator.play(dialect, Answer(parts=SEARCHED[dialect]), "Bye.", dialect=dialect)
    turns = [Message("user", "Go.")]
    async with Router([target(simulator, dialect)]) as router:
        assert (await ask(router, turns, stream=stream)).content == SEARCHED[dialect]
        turns.append(Message("user", "Thanks."))
        await ask(router, turns, stream=stream)
    blocks = said(simulator, 1)[1]["content"]
    if dialect == "anthropic":
        assert blocks[1:3] == [json.loads(SEARCH), json.loads(FOUND)]
        assert blocks[4] == {"type": "text", "text": "white", "citations": [json.loads(PLACE)]}
    else:
        assert blocks[1:3] == [json.loads(GROUNDING), json.loads(GROUND)]
        assert blocks[4] == {"citationsContent": {"content": [{"text": "white"}], "citations": [json.loads(WEB)]}}
    texts = [block.get("text") for block in blocks]
    assert texts[0] == "I search."
    assert texts[3] == "It is "
>>>>>>> 52043d0 (simulator: say answers in parts, in order, in Anthropic's and Bedrock's words; tests: turns go back as they came)
