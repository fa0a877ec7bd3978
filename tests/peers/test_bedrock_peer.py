"""botocore reads at the simulator what our adapter reads there: text, calls, token counts, refusals, exceptions."""

import asyncio
from functools import cache
from typing import Any

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.reply import Failure
from standby.simulator.server import Simulator

from components import need
from telling import ANSWERS, MODEL, QUESTION, Told, failing, ours

need("botocore")
pytestmark = pytest.mark.leaves_behind  # botocore closes its client, but leaves the sockets of streams to the collector
import msgspec  # noqa: E402
from botocore.config import Config  # noqa: E402 - only where it is installed
from botocore.exceptions import ClientError, EventStreamError  # noqa: E402
from botocore.session import Session  # noqa: E402

MESSAGES = [{"role": "user", "content": [{"text": QUESTION}]}]
OPTIONS = {"region": "eu-central-1"}


async def theirs(base_url: str, *, stream: bool) -> Told:
    """What botocore makes of the answer; it only knows how to block, so it is asked in a thread."""
    return await asyncio.to_thread(_ask, base_url, stream)


@cache
def _session() -> Session:
    """One for all tests: it reads botocore's models, which takes its time."""
    return Session()


def _ask(base_url: str, stream: bool) -> Told:
    client = _session().create_client(
        "bedrock-runtime",
        region_name=OPTIONS["region"],
        endpoint_url=base_url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    try:
        if not stream:
            return _whole(client.converse(modelId=MODEL, messages=MESSAGES))
        answer = client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
        try:
            return _streamed(answer)
        finally:
            answer.close()
    finally:
        client.close()


def _streamed(events: Any) -> Told:
    told = Told()
    written: dict[int, list[str]] = {}
    try:
        for event in events:
            if start := event.get("contentBlockStart"):
                written[start["contentBlockIndex"]] = [start["start"]["toolUse"]["name"], ""]
            if piece := event.get("contentBlockDelta"):
                delta = piece["delta"]
                told.text += delta.get("text", "")
                told.reasoning += delta.get("reasoningContent", {}).get("text", "")
                if "toolUse" in delta:
                    written[piece["contentBlockIndex"]][1] += delta["toolUse"]["input"]
            if metadata := event.get("metadata"):
                told.usage = (metadata["usage"]["inputTokens"], metadata["usage"]["outputTokens"])
    except EventStreamError as error:
        error.told = told
        raise
    told.calls = [(name, msgspec.json.decode(arguments)) for name, arguments in written.values()]
    return told


def _whole(answer: Any) -> Told:
    told = Told(usage=(answer["usage"]["inputTokens"], answer["usage"]["outputTokens"]))
    for block in answer["output"]["message"]["content"]:
        told.text += block.get("text", "")
        told.reasoning += block.get("reasoningContent", {}).get("reasoningText", {}).get("text", "")
        if call := block.get("toolUse"):
            told.calls.append((call["name"], call["input"]))
    return told


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("stream", [True, False])
async def test_both_read_the_same(simulator: Simulator, answer: str, stream: bool) -> None:
    simulator.play("p", ANSWERS[answer], dialect="bedrock")
    base_url = simulator.base_url("p")
    told = await theirs(base_url, stream=stream)
    assert told == await ours("bedrock", base_url, stream=stream, **OPTIONS)
    assert told.text == ANSWERS[answer].text


@pytest.mark.parametrize("kind", [ErrorKind.AUTH, ErrorKind.NOT_FOUND, ErrorKind.OVERLOADED, ErrorKind.RATE_LIMITED])
async def test_both_read_a_refusal(simulator: Simulator, kind: ErrorKind) -> None:
    simulator.play("p", Failure(kind), dialect="bedrock")
    base_url = simulator.base_url("p")
    with pytest.raises(ClientError) as caught:
        await theirs(base_url, stream=True)
    error = (await ours("bedrock", base_url, stream=True, **OPTIONS)).error
    assert error is not None
    assert error.kind is kind
    response = caught.value.response
    assert (response["Error"]["Code"], response["Error"]["Message"]) == (error.native_type, error.provider_message)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == error.status


@pytest.mark.parametrize("kind", [ErrorKind.RATE_LIMITED, ErrorKind.SERVER_ERROR, ErrorKind.BAD_REQUEST])
async def test_both_read_an_exception_inside_the_stream(simulator: Simulator, kind: ErrorKind) -> None:
    simulator.play("p", failing(2, Failure(kind)), dialect="bedrock")
    base_url = simulator.base_url("p")
    told = await ours("bedrock", base_url, stream=True, **OPTIONS)
    assert told.text == "One two"
    assert told.error is not None
    assert told.error.kind is kind
    with pytest.raises(EventStreamError) as caught:
        await theirs(base_url, stream=True)
    said = caught.value.response["Error"]
    assert (said["Code"], said["Message"]) == (told.error.native_type, told.error.provider_message)
    assert caught.value.told.text == told.text


async def test_both_name_the_model_the_same_way_in_the_path(simulator: Simulator) -> None:
    simulator.play("p", "Hello", dialect="bedrock")
    base_url = simulator.base_url("p")
    await theirs(base_url, stream=True)
    await ours("bedrock", base_url, stream=True, **OPTIONS)
    first, second = simulator.exchanges
    assert first.request.path == second.request.path == f"/model/{MODEL}/converse-stream"
