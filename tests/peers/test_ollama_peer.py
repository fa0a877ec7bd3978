"""Ollama's official SDK reads at the simulator what our adapter reads there."""

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.reply import Failure
from standby.simulator.server import Simulator

from components import need
from telling import ANSWERS, MODEL, QUESTION, Told, failing, ours

need("ollama")
import ollama as sdk  # noqa: E402 - only where it is installed

MESSAGES = [{"role": "user", "content": QUESTION}]


async def theirs(base_url: str, *, stream: bool) -> Told:
    """What the SDK makes of the answer."""
    client = sdk.AsyncClient(host=base_url)
    told = Told()
    try:
        if stream:
            parts = [part async for part in await client.chat(MODEL, MESSAGES, stream=True)]
        else:
            parts = [await client.chat(MODEL, MESSAGES)]
    finally:
        await client.close()
    for part in parts:
        told.text += part.message.content or ""
        told.reasoning += part.message.thinking or ""
        calls = part.message.tool_calls or ()
        told.calls += [(call.function.name, dict(call.function.arguments)) for call in calls]
    told.usage = (parts[-1].prompt_eval_count or 0, parts[-1].eval_count or 0)
    return told


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("stream", [True, False])
async def test_both_read_the_same(simulator: Simulator, answer: str, stream: bool) -> None:
    simulator.play("p", ANSWERS[answer], dialect="ollama")
    base_url = simulator.base_url("p")
    told = await theirs(base_url, stream=stream)
    assert told == await ours("ollama", base_url, stream=stream)
    assert told.text == ANSWERS[answer].text


@pytest.mark.parametrize("kind", [ErrorKind.NOT_FOUND, ErrorKind.OVERLOADED, ErrorKind.RATE_LIMITED])
async def test_both_read_a_refusal(simulator: Simulator, kind: ErrorKind) -> None:
    simulator.play("p", Failure(kind), dialect="ollama")
    base_url = simulator.base_url("p")
    with pytest.raises(sdk.ResponseError) as caught:
        await theirs(base_url, stream=True)
    error = (await ours("ollama", base_url, stream=True)).error
    assert error is not None
    assert error.kind is kind
    assert (caught.value.error, caught.value.status_code) == (error.provider_message, error.status)


async def test_both_read_an_error_inside_the_stream(simulator: Simulator) -> None:
    simulator.play("p", failing(2, Failure(ErrorKind.SERVER_ERROR)), dialect="ollama")
    base_url = simulator.base_url("p")
    told = await ours("ollama", base_url, stream=True)
    assert told.text == "One two"
    assert told.error is not None
    assert told.error.kind is ErrorKind.SERVER_ERROR
    with pytest.raises(sdk.ResponseError) as caught:
        await theirs(base_url, stream=True)
    assert caught.value.error == told.error.provider_message
