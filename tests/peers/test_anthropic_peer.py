"""Anthropic's official SDK hears from the simulator what our adapter hears, and asks it what our adapter asks."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.reply import Answer
from standby.simulator.server import Simulator

from components import need
from hearing import ANSWERS, BROKEN, BUSY, CHAT, KEY, MODEL, SAID_BEFORE_IT_BROKE, TIME, WEATHER, Heard, ours, readings

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import Message

NO_ARGUMENTS = {"type": "object", "properties": {}}
ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "system": CHAT.system,
    "messages": [
        {"role": "user", "content": "Weather here?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Wait."},
                {"type": "tool_use", "id": WEATHER.id, "name": WEATHER.name, "input": {"city": "Paris"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": WEATHER.id, "content": '{"t":21}'}]},
    ],
    "tools": [{"name": name, "input_schema": NO_ARGUMENTS} for name in (WEATHER.name, TIME.name)],
}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> "AsyncIterator[AsyncAnthropic]":
    need("anthropic")
    from anthropic import AsyncAnthropic

    simulator.play("p", "Hello", dialect="anthropic")
    async with AsyncAnthropic(base_url=simulator.base_url("p"), api_key=KEY, max_retries=0) as client:
        yield client


async def theirs(client: "AsyncAnthropic", *, stream: bool) -> Heard:
    if stream:
        async with client.messages.stream(**ASK) as events:
            return _heard(await events.get_final_message())
    return _heard(await client.messages.create(**ASK))


def _heard(message: "Message") -> Heard:
    usage = message.usage
    return Heard(
        "".join(block.text for block in message.content if block.type == "text"),
        "".join(block.thinking for block in message.content if block.type == "thinking"),
        [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"],
        (usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens),
        message.stop_reason or "",
    )


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "single"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_both_hear_the_same(simulator: Simulator, client: "AsyncAnthropic", answer: Answer, stream: bool) -> None:
    simulator.play("p", answer, dialect="anthropic")
    heard, failure = await ours("anthropic", simulator.base_url("p") + "/v1", stream=stream)
    assert failure is None
    assert heard == await theirs(client, stream=stream)
    assert heard.text == answer.text
    assert len(heard.calls) == len(answer.tool_calls)
    mine, peers = readings(simulator)
    assert mine == peers


async def test_both_hear_a_refusal(simulator: Simulator, client: "AsyncAnthropic") -> None:
    from anthropic import RateLimitError

    simulator.play("p", BUSY, dialect="anthropic")
    _, failure = await ours("anthropic", simulator.base_url("p") + "/v1", stream=True)
    with pytest.raises(RateLimitError) as caught:
        await theirs(client, stream=True)
    assert failure is not None
    assert failure.kind is ErrorKind.RATE_LIMITED
    assert (failure.status, failure.provider_message) == (
        caught.value.status_code,
        caught.value.body["error"]["message"],
    )
    assert failure.request_id is not None


async def test_both_hear_an_error_inside_the_stream(simulator: Simulator, client: "AsyncAnthropic") -> None:
    from anthropic import APIStatusError

    simulator.play("p", BROKEN, dialect="anthropic")
    heard, failure = await ours("anthropic", simulator.base_url("p") + "/v1", stream=True)
    said = []
    with pytest.raises(APIStatusError) as caught:
        async with client.messages.stream(**ASK) as events:
            async for text in events.text_stream:
                said.append(text)
    assert "".join(said) == heard.text == SAID_BEFORE_IT_BROKE
    assert failure is not None
    assert failure.kind is ErrorKind.SERVER_ERROR
    assert failure.provider_message == caught.value.body["error"]["message"] == "It broke."
