"""Cohere's official SDK reads at the simulator what our adapter reads there, but for the ends that are failures."""

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.reply import Failure
from standby.simulator.server import Simulator

from components import need
from telling import ANSWERS, KEY, MODEL, QUESTION, Told, failing, ours

need("cohere")
import cohere as sdk  # noqa: E402 - only where it is installed
import httpx  # noqa: E402
import msgspec  # noqa: E402
from cohere.core.api_error import ApiError  # noqa: E402

MESSAGES = [{"role": "user", "content": QUESTION}]


async def theirs(base_url: str, *, stream: bool) -> tuple[Told, str | None]:
    """What the SDK makes of the answer, and why it says that it ended."""
    async with httpx.AsyncClient() as http:
        client = sdk.AsyncClientV2(KEY, base_url=base_url, httpx_client=http)
        if not stream:
            return _whole(await client.chat(model=MODEL, messages=MESSAGES, request_options={"max_retries": 0}))
        told, written, reason = Told(), {}, None
        async for event in client.chat_stream(model=MODEL, messages=MESSAGES, request_options={"max_retries": 0}):
            message = getattr(event.delta, "message", None) if hasattr(event, "delta") else None
            match event.type:
                case "content-delta":
                    told.text += message.content.text or ""
                    told.reasoning += message.content.thinking or ""
                case "tool-plan-delta":
                    told.reasoning += message.tool_plan
                case "tool-call-start" | "tool-call-delta":
                    call = written.setdefault(event.index, ["", ""])
                    call[0] += getattr(message.tool_calls.function, "name", None) or ""
                    call[1] += message.tool_calls.function.arguments or ""
                case "message-end":
                    reason = event.delta.finish_reason
                    told.usage = _usage(event.delta.usage)
        told.calls = [(name, msgspec.json.decode(arguments)) for name, arguments in written.values()]
        return told, reason


def _whole(answer: sdk.V2ChatResponse) -> tuple[Told, str | None]:
    told = Told(usage=_usage(answer.usage), reasoning=answer.message.tool_plan or "")
    for part in answer.message.content or ():
        told.text += part.text if part.type == "text" else ""
        told.reasoning += part.thinking if part.type == "thinking" else ""
    calls = answer.message.tool_calls or ()
    told.calls = [(call.function.name, msgspec.json.decode(call.function.arguments)) for call in calls]
    return told, answer.finish_reason


def _usage(usage: sdk.Usage) -> tuple[int, int]:
    return int(usage.tokens.input_tokens), int(usage.tokens.output_tokens)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("stream", [True, False])
async def test_both_read_the_same(simulator: Simulator, answer: str, stream: bool) -> None:
    simulator.play("p", ANSWERS[answer], dialect="cohere")
    base_url = simulator.base_url("p")
    told, _ = await theirs(base_url, stream=stream)
    assert told == await ours("cohere", base_url, stream=stream)
    assert told.text == ANSWERS[answer].text


@pytest.mark.parametrize("kind", [ErrorKind.AUTH, ErrorKind.NOT_FOUND, ErrorKind.OVERLOADED, ErrorKind.RATE_LIMITED])
async def test_both_read_a_refusal(simulator: Simulator, kind: ErrorKind) -> None:
    simulator.play("p", Failure(kind), dialect="cohere")
    base_url = simulator.base_url("p")
    with pytest.raises(ApiError) as caught:
        await theirs(base_url, stream=True)
    error = (await ours("cohere", base_url, stream=True)).error
    assert error is not None
    assert error.kind is kind
    assert (caught.value.body["message"], caught.value.status_code) == (error.provider_message, error.status)


@pytest.mark.parametrize(
    ("kind", "native"),
    [(ErrorKind.SERVER_ERROR, "ERROR"), (ErrorKind.OVERLOADED, "ERROR"), (ErrorKind.TIMEOUT, "TIMEOUT")],
)
async def test_the_sdk_ends_in_silence_where_we_see_a_failure(
    simulator: Simulator, kind: ErrorKind, native: str
) -> None:
    simulator.play("p", failing(2, Failure(kind)), dialect="cohere")
    base_url = simulator.base_url("p")
    read, reason = await theirs(base_url, stream=True)
    told = await ours("cohere", base_url, stream=True)
    assert told.text == read.text == "One two"
    assert told.error is not None
    assert (told.error.kind, told.error.native_code) == (kind, native)
    assert reason == native
