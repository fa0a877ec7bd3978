"""Mistral's official SDK reads at the simulator what our adapter reads there."""

from typing import Any

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.server import Simulator

from components import need
from telling import ANSWERS, KEY, MODEL, QUESTION, Told, failing, ours

need("mistralai")
import msgspec  # noqa: E402
from mistralai.client import Mistral, errors  # noqa: E402 - only where it is installed

MESSAGES: Any = [{"role": "user", "content": QUESTION}]


async def theirs(base_url: str, *, stream: bool) -> tuple[Told, str | None]:
    """What the SDK makes of the answer, and why it says that it ended."""
    told, reason = Told(), None
    async with Mistral(KEY, server_url=base_url) as client:
        if stream:
            async with await client.chat.stream_async(model=MODEL, messages=MESSAGES) as events:
                async for event in events:
                    choice = event.data.choices[0]
                    _read(choice.delta, told)
                    reason = choice.finish_reason or reason
                    told.usage = _usage(event.data.usage) or told.usage
        else:
            answer = await client.chat.complete_async(model=MODEL, messages=MESSAGES)
            _read(answer.choices[0].message, told)
            told.usage, reason = _usage(answer.usage), answer.choices[0].finish_reason
    return told, reason


def _read(said: Any, told: Told) -> None:
    parts = said.content if isinstance(said.content, list) else []
    told.text += said.content if isinstance(said.content, str) else ""
    for part in parts:
        if part.type == "text":
            told.text += part.text
        else:
            told.reasoning += "".join(piece.text for piece in part.thinking)
    calls = said.tool_calls or ()
    told.calls += [(call.function.name, msgspec.json.decode(call.function.arguments)) for call in calls]


def _usage(usage: Any) -> tuple[int, int] | None:
    return (usage.prompt_tokens, usage.completion_tokens) if usage else None


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("stream", [True, False])
async def test_both_read_the_same(simulator: Simulator, answer: str, stream: bool) -> None:
    simulator.play("p", ANSWERS[answer], dialect="mistral")
    told, _ = await theirs(simulator.base_url("p"), stream=stream)
    assert told == await ours("mistral", simulator.base_url("p") + "/v1", stream=stream)
    assert told.text == ANSWERS[answer].text


@pytest.mark.parametrize(
    "kind", [ErrorKind.AUTH, ErrorKind.BAD_REQUEST, ErrorKind.RATE_LIMITED, ErrorKind.SERVER_ERROR]
)
async def test_both_read_a_refusal(simulator: Simulator, kind: ErrorKind) -> None:
    simulator.play("p", Failure(kind), dialect="mistral")
    with pytest.raises(errors.MistralError) as caught:
        await theirs(simulator.base_url("p"), stream=True)
    error = (await ours("mistral", simulator.base_url("p") + "/v1", stream=True)).error
    assert error is not None
    assert error.kind is kind
    assert caught.value.status_code == error.status
    assert msgspec.json.decode(caught.value.body)["message"] == error.provider_message


async def test_the_sdk_ends_in_silence_where_we_see_a_failure(simulator: Simulator) -> None:
    simulator.play("p", Answer("One two", native_finish="error"), dialect="mistral")
    read, reason = await theirs(simulator.base_url("p"), stream=True)
    told = await ours("mistral", simulator.base_url("p") + "/v1", stream=True)
    assert told.text == read.text == "One two"
    assert told.error is not None
    assert told.error.kind is ErrorKind.SERVER_ERROR
    assert reason == told.error.native_code == "error"


async def test_both_stop_at_an_error_event(simulator: Simulator) -> None:
    simulator.play("p", failing(2, Failure(ErrorKind.OVERLOADED)), dialect="mistral")
    told = await ours("mistral", simulator.base_url("p") + "/v1", stream=True)
    assert told.text == "One two"
    assert told.error is not None
    assert told.error.kind is ErrorKind.OVERLOADED
    with pytest.raises(errors.MistralError):
        await theirs(simulator.base_url("p"), stream=True)
