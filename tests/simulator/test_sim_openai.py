"""The openai dialect, read by the official SDK over a real socket, and compared with recorded chunks."""

from collections.abc import AsyncIterator

import msgspec
import openai as sdk
import pytest
from standby.providers.chat import ToolCall
from standby.providers.errors import ErrorKind
from standby.providers.events import Usage
from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.faults import At, Cut, ErrorEvent
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.request import Reading, Request
from standby.simulator.scenario.script import Chooser, Script, Step
from standby.simulator.server import Simulator

OPENAI = DIALECTS["openai"]
ASK = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello"}]}
WEATHER = ToolCall("call_A1", "get_weather", '{"city":"Paris"}')
TIME = ToolCall("call_B2", "get_time", "{}")
REQUEST = Request(
    provider="p", number=3, method="POST", path="/", reading=Reading("gpt-5-mini", stream=True, wants_usage=True)
)


class Peer:
    """The official SDK, pointed at a simulated provider."""

    def __init__(self, simulator: Simulator, client: sdk.AsyncOpenAI) -> None:
        self._simulator, self._client = simulator, client

    def play(self, *played: Chooser | Step) -> None:
        self._simulator.play("p", *played)

    async def single(self) -> sdk.types.chat.ChatCompletion:
        return await self._client.chat.completions.create(**ASK)  # type: ignore[call-overload, no-any-return]

    async def stream(self) -> sdk.types.chat.ChatCompletion:
        """Through the SDK's own accumulator of streams."""
        async with self._client.chat.completions.stream(**ASK, stream_options={"include_usage": True}) as stream:  # type: ignore[arg-type]
            async for _ in stream:
                pass
            return await stream.get_final_completion()

    async def deltas(self) -> list[str]:
        """The text deltas, one by one."""
        told = []
        async for chunk in await self._client.chat.completions.create(**ASK, stream=True):  # type: ignore[call-overload]
            told += [choice.delta.content for choice in chunk.choices if choice.delta.content]
        return told


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with Simulator({"p": "Hello"}) as simulator:
        base_url = simulator.base_url("p") + "/v1"
        async with sdk.AsyncOpenAI(base_url=base_url, api_key="sk-simulated", max_retries=0) as client:
            yield Peer(simulator, client)


@pytest.mark.parametrize("way", ["single", "stream"])
async def test_the_sdk_reads_text_and_usage(peer: Peer, way: str) -> None:
    peer.play(Answer("Hello, wörld 🌍.", usage=Usage(14, 6, cached_input_tokens=4, reasoning_tokens=2)))
    told = await getattr(peer, way)()
    assert told.choices[0].message.content == "Hello, wörld 🌍."
    assert told.choices[0].message.role == "assistant"
    assert told.choices[0].finish_reason == "stop"
    assert told.model == "gpt-5-mini"
    assert told.id == "chatcmpl-simulated1"
    assert told.usage is not None
    assert (told.usage.prompt_tokens, told.usage.completion_tokens, told.usage.total_tokens) == (14, 6, 20)
    assert told.usage.prompt_tokens_details.cached_tokens == 4
    assert told.usage.completion_tokens_details.reasoning_tokens == 2


@pytest.mark.parametrize("way", ["single", "stream"])
@pytest.mark.parametrize("calls", [(WEATHER,), (WEATHER, TIME)])
async def test_the_sdk_reads_tool_calls(peer: Peer, way: str, calls: tuple[ToolCall, ...]) -> None:
    peer.play(Answer(tool_calls=calls))
    told = (await getattr(peer, way)()).choices[0]
    read = [ToolCall(call.id, call.function.name, call.function.arguments) for call in told.message.tool_calls]
    assert tuple(read) == calls
    assert told.message.content is None
    assert told.finish_reason == "tool_calls"


@pytest.mark.parametrize("way", ["single", "stream"])
async def test_the_sdk_reads_a_refusal(peer: Peer, way: str) -> None:
    peer.play(Answer(refusal="I can't help with that."))
    assert (await getattr(peer, way)()).choices[0].message.refusal == "I can't help with that."


@pytest.mark.parametrize("way", ["single", "stream"])
async def test_the_sdk_reads_reasoning_as_an_extra_field(peer: Peer, way: str) -> None:
    peer.play(Answer("Four.", reasoning="Two and two."))
    message = (await getattr(peer, way)()).choices[0].message
    assert message.content == "Four."
    assert message.model_extra["reasoning_content"] == "Two and two."


async def test_the_sdk_reads_an_empty_answer(peer: Peer) -> None:
    peer.play(Answer())
    assert await peer.deltas() == []


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        (ErrorKind.BAD_REQUEST, sdk.BadRequestError, 400),
        (ErrorKind.CONTEXT_LENGTH, sdk.BadRequestError, 400),
        (ErrorKind.CONTENT_FILTER, sdk.BadRequestError, 400),
        (ErrorKind.PREFILL_UNSUPPORTED, sdk.BadRequestError, 400),
        (ErrorKind.AUTH, sdk.AuthenticationError, 401),
        (ErrorKind.BLOCKED, sdk.PermissionDeniedError, 403),
        (ErrorKind.NOT_FOUND, sdk.NotFoundError, 404),
        (ErrorKind.TIMEOUT, sdk.APIStatusError, 408),
        (ErrorKind.UNKNOWN, sdk.APIStatusError, 418),
        (ErrorKind.RATE_LIMITED, sdk.RateLimitError, 429),
        (ErrorKind.QUOTA_EXHAUSTED, sdk.RateLimitError, 429),
        (ErrorKind.SERVER_ERROR, sdk.InternalServerError, 500),
        (ErrorKind.OVERLOADED, sdk.InternalServerError, 503),
    ],
)
async def test_the_sdk_reads_refusals(
    peer: Peer, kind: ErrorKind, error: type[sdk.APIStatusError], status: int
) -> None:
    peer.play(Failure(kind, retry_after_s=2.5, headers={"x-should-retry": "false"}))
    with pytest.raises(error) as caught:
        await peer.deltas()
    assert caught.value.status_code == status
    assert caught.value.response.headers["x-should-retry"] == "false"
    if kind is not ErrorKind.BLOCKED:
        assert caught.value.response.headers["retry-after"] == "2.5"
        assert caught.value.request_id == "req_simulated1"
        assert isinstance(caught.value.body, dict)


async def test_the_sdk_reads_an_error_inside_the_stream(peer: Peer) -> None:
    failure = Failure(ErrorKind.RATE_LIMITED, message="Slow down.", code="slow_down", type="requests")
    peer.play(Script(("Hel lo"), [ErrorEvent(At.delta(1), failure)]))
    with pytest.raises(sdk.APIError, match=r"Slow down\.") as caught:
        await peer.deltas()
    assert caught.value.body == {"message": "Slow down.", "type": "requests", "param": None, "code": "slow_down"}


async def test_the_sdk_meets_a_reset_inside_the_stream(peer: Peer) -> None:
    peer.play(Script("One two three", [Cut(At.delta(2), rst=True)]))
    with pytest.raises(sdk.APIConnectionError):
        await peer.deltas()


def test_chunks_have_the_recorded_shape() -> None:
    frames = OPENAI.frames(Answer(("Hel",), finish="length", native_finish="max", model="gpt-4o", id="x"), REQUEST)
    assert [frame.part for frame in frames] == ["opening", "delta", "finish", "usage", "marker"]
    chunks = [msgspec.json.decode(frame.data.removeprefix(b"data: ")) for frame in frames[:-1]]
    about = {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": 1795000000,
        "model": "gpt-4o",
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    }
    assert chunks[0] == {
        **about,
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": "", "refusal": None},
                "logprobs": None,
                "finish_reason": None,
            }
        ],
        "usage": None,
    }
    assert chunks[1]["choices"] == [{"index": 0, "delta": {"content": "Hel"}, "logprobs": None, "finish_reason": None}]
    assert chunks[2]["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "max"}]
    assert (chunks[3]["choices"], chunks[3]["usage"]["total_tokens"]) == ([], 1)
    assert frames[-1].data == b"data: [DONE]\n\n"


def test_usage_is_told_only_when_it_was_asked_for() -> None:
    plain = msgspec.structs.replace(REQUEST, reading=Reading("m", stream=True))
    frames = OPENAI.frames(Answer("Hello"), plain)
    assert not any(b"usage" in frame.data for frame in frames)


def test_a_request_is_read() -> None:
    body = msgspec.json.encode(
        {
            "model": "gpt-5-mini",
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [
                {"role": "system", "content": "Be terse."},
                {"role": "user", "content": [{"type": "text", "text": "Weather "}, {"type": "text", "text": "here?"}]},
                {"role": "assistant", "content": None, "tool_calls": []},
            ],
            "tools": [{"type": "function", "function": {"name": "get_weather"}}],
        }
    )
    reading = OPENAI.read({}, "/", body)
    assert reading.messages == (("system", "Be terse."), ("user", "Weather here?"), ("assistant", ""))
    assert reading.tools == ("get_weather",)
    assert (reading.stream, reading.wants_usage, reading.prefilled, reading.words) == (True, True, True, 4)
    assert not Reading().prefilled


def test_what_the_dialect_cannot_say_is_an_error() -> None:
    with pytest.raises(ValueError, match="dns"):
        OPENAI.refusal(Failure(ErrorKind.DNS))
