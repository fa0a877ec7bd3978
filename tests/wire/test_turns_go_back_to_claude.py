"""Turns go back to the target that made them as they came, and to another without what only their origin reads."""

import json
from typing import Any

import pytest
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
