"""The official SDKs ask the gateway by each way in, and read what they read from the provider itself."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import openai
import pytest
from standby.config import Config, Route

from entrances import Entrance, Url
from gateway_sockets import OPEN, gateway
from sdk_clients import SDKS
from standby import ErrorKind, Target, ToolCall
from standby.testing import Answer, At, Cut, Failure, Script, Simulator

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]


class Stand:
    """A gateway over two simulated targets, at a URL."""

    def __init__(self, url: Url, simulator: Simulator) -> None:
        self.url, self.simulator = url, simulator

    def openai(self, *, sync: bool = False, **more: Any) -> Any:
        return SDKS["chat"].client(self.url, sync=sync, **({"max_retries": 2} | more))

    def anthropic(self, *, sync: bool = False, **more: Any) -> Any:
        return SDKS["messages"].client(self.url, sync=sync, **({"max_retries": 2} | more))


@pytest.fixture
async def stand(entrance: Entrance, standby_simulator: Simulator) -> AsyncIterator[Stand]:
    simulator = standby_simulator
    targets = {}
    for name in ("one", "two"):
        simulator.play(name, Script(Answer("Once upon a time.")), dialect="openai")
        targets[name] = Target("openai", model="m", name=name, key="k", base_url=simulator.base_url(name))
    config = Config(targets=targets, routes={"chat": Route(("one", "two"))}, serve=OPEN)
    async with gateway(config) as url:
        yield Stand(url, simulator)


def asking(**more: Any) -> Any:
    return {"model": "chat", "messages": [{"role": "user", "content": "Tell me."}]} | more


async def test_openai_chat(stand: Stand) -> None:
    async with stand.openai() as client:
        whole = await client.chat.completions.create(**asking())
        assert whole.choices[0].message.content == "Once upon a time."
        assert whole.choices[0].finish_reason == "stop"
        stream = await client.chat.completions.create(**asking(stream=True, stream_options={"include_usage": True}))
        text, finishes, usage = "", [], None
        async for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finishes += [choice.finish_reason] if choice.finish_reason else []
        assert (text, finishes) == ("Once upon a time.", ["stop"])
        assert usage is not None
        assert [model.id async for model in client.models.list()] == ["chat", "one", "two"]


async def test_openai_responses(stand: Stand) -> None:
    async with stand.openai() as client:
        whole = await client.responses.create(model="chat", input="Tell me.", store=False)
        assert whole.output_text == "Once upon a time."
        async with client.responses.stream(model="chat", input="Tell me.", store=False) as stream:
            async for _ in stream:
                pass
            assert (await stream.get_final_response()).output_text == "Once upon a time."


async def test_anthropic_messages(stand: Stand) -> None:
    async with stand.anthropic() as client:
        whole = await client.messages.create(**asking(max_tokens=50))
        assert [block.text for block in whole.content if block.type == "text"] == ["Once upon a time."]
        async with client.messages.stream(**asking(max_tokens=50)) as stream:
            message = await stream.get_final_message()
            assert message.stop_reason == "end_turn"
            assert [block.text for block in message.content if block.type == "text"] == ["Once upon a time."]
        counted = await client.messages.count_tokens(**asking())
        assert counted.input_tokens > 0
        assert (await client.models.list()).data[0].id == "chat"


async def test_tools_reach_and_come_back(stand: Stand) -> None:
    calls = (ToolCall("c1", "weather", '{"city":"Oslo"}'), ToolCall("c2", "weather", '{"city":"Rome"}'))
    stand.simulator.play("one", Script(Answer("", tool_calls=calls)), dialect="openai")
    async with stand.openai() as client:
        whole = await client.chat.completions.create(**asking(tools=TOOLS))
        found = whole.choices[0].message.tool_calls or []
        assert [(call.id, call.function.arguments) for call in found if call.type == "function"] == [
            ("c1", '{"city":"Oslo"}'), ("c2", '{"city":"Rome"}'),
        ]  # fmt: skip
        assert whole.choices[0].finish_reason == "tool_calls"


async def test_a_break_in_mid_sentence_is_not_seen(stand: Stand) -> None:
    stand.simulator.play("one", Script(Answer("Once upon a time."), (Cut(At.delta(2)),)), dialect="openai")
    async with stand.openai() as client:
        text = ""
        async for chunk in await client.chat.completions.create(**asking(stream=True)):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
        assert text == "Once upon a time."


async def test_a_break_that_cannot_be_mended_raises_in_every_sdk(stand: Stand) -> None:
    for name in ("one", "two"):
        stand.simulator.play(name, Script(Answer("Once upon a time."), (Cut(At.delta(2)),)), dialect="openai")
    headers = {"x-standby-mid-stream": "none"}
    async with stand.openai(max_retries=0) as client:
        with pytest.raises(openai.APIError):
            async for _ in await client.chat.completions.create(**asking(stream=True, extra_headers=headers)):
                pass
        with pytest.raises(openai.APIError):
            events = await client.responses.create(model="chat", input="?", stream=True, extra_headers=headers)
            async for _ in events:
                pass
    async with stand.anthropic(max_retries=0) as other:
        with pytest.raises(anthropic.APIError):
            async with other.messages.stream(**asking(max_tokens=5, extra_headers=headers)) as stream:
                async for _ in stream:
                    pass


async def test_errors_are_of_the_classes_that_clients_know(stand: Stand) -> None:
    async with stand.openai() as client:
        with pytest.raises(openai.NotFoundError) as missing:
            await client.chat.completions.create(**asking(model="nope"))
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
        stand.simulator.play("one", Script(Failure(ErrorKind.CONTENT_FILTER)), dialect="openai")
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(**asking())
        for name in ("one", "two"):
            stand.simulator.play(name, Script(Failure(ErrorKind.AUTH)), dialect="openai")
        with pytest.raises(openai.InternalServerError) as operator:
            await client.chat.completions.create(**asking())
        assert operator.value.status_code == 502
    async with stand.anthropic() as other:
        with pytest.raises(anthropic.NotFoundError):
            await other.messages.create(**asking(model="nope", max_tokens=5))


async def test_synchronous_clients_read_the_same(stand: Stand) -> None:
    def sync() -> tuple[str, str]:
        with stand.openai(sync=True) as client:
            chunks = client.chat.completions.create(**asking(stream=True))
            said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        with (
            stand.anthropic(sync=True) as other,
            other.messages.stream(**asking(max_tokens=9)) as stream,
        ):
            return said, stream.get_final_text()

    assert await asyncio.to_thread(sync) == ("Once upon a time.", "Once upon a time.")
