"""Google's official SDK hears from the simulator what our adapter hears, and asks it what our adapter asks."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.reply import Answer
from standby.simulator.server import Simulator

from components import need
from hearing import ANSWERS, BROKEN, BUSY, CHAT, KEY, MODEL, SAID_BEFORE_IT_BROKE, TIME, WEATHER, Heard, ours, readings

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.types import GenerateContentResponse

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession")  # the SDK's own doing
NO_ARGUMENTS = {"type": "object", "properties": {}}
ASK: dict[str, Any] = {
    "model": MODEL,
    "contents": [
        {"role": "user", "parts": [{"text": "Weather here?"}]},
        {
            "role": "model",
            "parts": [{"text": "Wait."}, {"function_call": {"name": WEATHER.name, "args": {"city": "Paris"}}}],
        },
        {"role": "user", "parts": [{"function_response": {"name": WEATHER.name, "response": {"t": 21}}}]},
    ],
    "config": {
        "system_instruction": CHAT.system,
        "max_output_tokens": 100,
        "tools": [
            {
                "function_declarations": [
                    {"name": name, "description": "d", "parameters_json_schema": NO_ARGUMENTS}
                    for name in (WEATHER.name, TIME.name)
                ]
            }
        ],
        "automatic_function_calling": {"disable": True},
    },
}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> "AsyncIterator[Client]":
    need("google.genai")
    from google.genai import Client

    simulator.play("p", "Hello", dialect="gemini")
    client = Client(api_key=KEY, http_options={"base_url": simulator.base_url("p"), "api_version": "v1beta"})
    try:
        yield client
    finally:
        await client.aio.aclose()
        client.close()


async def theirs(client: "Client", *, stream: bool) -> Heard:
    if not stream:
        return _heard([await client.aio.models.generate_content(**ASK)])
    return _heard([chunk async for chunk in await client.aio.models.generate_content_stream(**ASK)])


def _heard(chunks: "list[GenerateContentResponse]") -> Heard:
    candidates = [candidate for chunk in chunks for candidate in chunk.candidates or ()]
    parts = [part for each in candidates for part in (each.content and each.content.parts) or ()]
    usage = chunks[-1].usage_metadata
    assert usage is not None
    finish = candidates[-1].finish_reason
    return Heard(
        "".join(part.text or "" for part in parts if not part.thought),
        "".join(part.text or "" for part in parts if part.thought),
        [(call.id or "", call.name or "", call.args) for part in parts if (call := part.function_call)],
        (usage.prompt_token_count or 0, (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)),
        finish.value if finish else "",
    )


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "single"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_both_hear_the_same(simulator: Simulator, client: "Client", answer: Answer, stream: bool) -> None:
    simulator.play("p", answer, dialect="gemini")
    heard, failure = await ours("gemini", simulator.base_url("p") + "/v1beta", stream=stream)
    assert failure is None
    assert heard == await theirs(client, stream=stream)
    assert heard.text == answer.text
    assert len(heard.calls) == len(answer.tool_calls)
    mine, peers = readings(simulator)
    assert mine == peers


async def test_both_hear_a_refusal(simulator: Simulator, client: "Client") -> None:
    from google.genai.errors import ClientError

    simulator.play("p", BUSY, dialect="gemini")
    _, failure = await ours("gemini", simulator.base_url("p") + "/v1beta", stream=True)
    with pytest.raises(ClientError) as caught:
        await theirs(client, stream=True)
    assert failure is not None
    assert failure.kind is ErrorKind.RATE_LIMITED
    assert (failure.status, failure.provider_message) == (caught.value.code, caught.value.message)
    assert failure.native_type == caught.value.status


async def test_both_hear_an_error_inside_the_stream(simulator: Simulator, client: "Client") -> None:
    from google.genai.errors import ServerError

    simulator.play("p", BROKEN, dialect="gemini")
    heard, failure = await ours("gemini", simulator.base_url("p") + "/v1beta", stream=True)
    said = []
    with pytest.raises(ServerError) as caught:
        async for chunk in await client.aio.models.generate_content_stream(**ASK):
            said.append(chunk.text or "")
    assert "".join(said) == heard.text == SAID_BEFORE_IT_BROKE
    assert failure is not None
    assert failure.kind is ErrorKind.SERVER_ERROR
    assert failure.provider_message == caught.value.message == "It broke."
