"""OpenAI's official SDK hears from the simulated Responses API what our adapter hears, and asks it the same."""

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.reply import Answer
from standby.simulator.server import Simulator

from components import need
from hearing import ANSWERS, BROKEN, BUSY, CHAT, KEY, MODEL, SAID_BEFORE_IT_BROKE, TIME, WEATHER, Heard, ours, readings

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.responses import Response

DIALECT = "openai-responses"
NO_ARGUMENTS = {"type": "object", "properties": {}}
ASK: dict[str, Any] = {
    "model": MODEL,
    "max_output_tokens": 100,
    "instructions": CHAT.system,
    "input": [
        {"role": "user", "content": "Weather here?"},
        {"role": "assistant", "content": "Wait."},
        {"type": "function_call", "call_id": WEATHER.id, "name": WEATHER.name, "arguments": WEATHER.arguments},
        {"type": "function_call_output", "call_id": WEATHER.id, "output": '{"t":21}'},
    ],
    "tools": [
        {"type": "function", "name": name, "parameters": NO_ARGUMENTS, "strict": False}
        for name in (WEATHER.name, TIME.name)
    ],
}
ENDS = ("response.completed", "response.incomplete", "response.failed")


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> "AsyncIterator[AsyncOpenAI]":
    need("openai")
    from openai import AsyncOpenAI

    simulator.play("p", "Hello", dialect=DIALECT)
    async with AsyncOpenAI(base_url=simulator.base_url("p") + "/v1", api_key=KEY, max_retries=0) as client:
        yield client


async def theirs(client: "AsyncOpenAI", *, stream: bool) -> Heard:
    if not stream:
        return _heard(await client.responses.create(**ASK))
    async with client.responses.stream(**ASK) as events:  # the SDK's own accumulator: it minds every event's order
        said = [event async for event in events]
    deltas = "".join(event.delta for event in said if event.type == "response.output_text.delta")
    whole = next(event.response for event in said if event.type in ENDS)
    assert deltas == whole.output_text
    return _heard(whole)


def _heard(response: "Response") -> Heard:
    items, usage = response.output, response.usage
    assert usage is not None
    details = response.incomplete_details
    return Heard(
        response.output_text,
        "".join(part.text for item in items if item.type == "reasoning" for part in item.summary),
        [(item.call_id, item.name, json.loads(item.arguments)) for item in items if item.type == "function_call"],
        (usage.input_tokens, usage.output_tokens),
        f"incomplete:{details.reason}" if details else str(response.status),
    )


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "single"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_both_hear_the_same(simulator: Simulator, client: "AsyncOpenAI", answer: Answer, stream: bool) -> None:
    simulator.play("p", answer, dialect=DIALECT)
    heard, failure = await ours(DIALECT, simulator.base_url("p") + "/v1", stream=stream)
    assert failure is None
    assert heard == await theirs(client, stream=stream)
    assert heard.text == answer.text
    assert len(heard.calls) == len(answer.tool_calls)
    mine, peers = readings(simulator)
    assert mine == peers


async def test_both_hear_a_refusal(simulator: Simulator, client: "AsyncOpenAI") -> None:
    from openai import RateLimitError

    simulator.play("p", BUSY, dialect=DIALECT)
    _, failure = await ours(DIALECT, simulator.base_url("p") + "/v1", stream=True)
    with pytest.raises(RateLimitError) as caught:
        await client.responses.create(**ASK, stream=True)
    assert failure is not None
    assert failure.kind is ErrorKind.RATE_LIMITED
    assert (failure.status, failure.provider_message) == (caught.value.status_code, caught.value.body["message"])
    assert failure.native_code == caught.value.code


async def test_both_hear_an_error_inside_the_stream(simulator: Simulator, client: "AsyncOpenAI") -> None:
    from openai import APIError

    simulator.play("p", BROKEN, dialect=DIALECT)
    heard, failure = await ours(DIALECT, simulator.base_url("p") + "/v1", stream=True)
    said = []
    with pytest.raises(APIError) as caught:
        async for event in await client.responses.create(**ASK, stream=True):
            if event.type == "response.output_text.delta":
                said.append(event.delta)
    assert "".join(said) == heard.text == SAID_BEFORE_IT_BROKE
    assert failure is not None
    assert failure.kind is ErrorKind.SERVER_ERROR
    assert failure.provider_message == caught.value.message == "It broke."
