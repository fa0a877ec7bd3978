"""What helpers of the official SDKs put together, they send back: the gateway takes it, from a target of each kind."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from anthropic import beta_async_tool
from openai import pydantic_function_tool
from pydantic import BaseModel
from standby.config import Config, Route
from standby.providers.parts import Reasoning, TextPart, ToolCall

from gateway_answers import SIGNED, STATE, strings
from gateway_sockets import OPEN, gateway
from sdk_clients import KEY, MESSAGES_TOOLS, MODEL, SDKS, TURN, WAYS, Way, facts
from standby import Target
from standby.testing import Answer, Simulator

pytestmark = [
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),  # the SDK's own doing
    pytest.mark.usefixtures("entrance"),
]


class Place(BaseModel):
    """A form for answers."""

    city: str


class look(BaseModel):  # noqa: N801 - the name of the tool
    """Look somewhere."""

    a: int


class Talk(NamedTuple):
    """A conversation at the gateway: what is said next, and the client."""

    client: Any
    says: Callable[..., None]


LOOKING = Answer(parts=(Reasoning("Hm."), TextPart("I look."), ToolCall("c1", "look", '{"a":1}')))
OSLO = Answer('{"city":"Oslo"}')
CHAT_LOOK: Any = [pydantic_function_tool(look)]
RESPONSES_LOOK: Any = [
    {"type": "function", "name": "look", "strict": True,
     "parameters": look.model_json_schema() | {"additionalProperties": False}},
]  # fmt: skip


def forms(kept: Any) -> list[Any]:
    """What a program may send back of an object that it was given: itself, or a dump of it."""
    return [kept, kept.model_dump(warnings=False), kept.to_dict(warnings=False)]


async def chat_parse(talk: Talk) -> None:
    talk.says(OSLO, "Bye.")
    completions = talk.client.chat.completions
    parsed = (await completions.parse(model=MODEL, messages=TURN, response_format=Place)).choices[0].message
    assert parsed.parsed == Place(city="Oslo")
    for form in forms(parsed):
        bye = await completions.create(model=MODEL, messages=[*TURN, form, *TURN])
        assert bye.choices[0].message.content == "Bye."


async def chat_stream_of_a_form(talk: Talk) -> None:
    talk.says(OSLO, "Bye.")
    completions = talk.client.chat.completions
    async with completions.stream(model=MODEL, messages=TURN, response_format=Place) as events:
        kinds = {event.type async for event in events}
        message = (await events.get_final_completion()).choices[0].message
    assert {"content.delta", "content.done"} <= kinds
    assert message.parsed == Place(city="Oslo")
    assert (await completions.create(model=MODEL, messages=[*TURN, message, *TURN])).choices[0].message.content


async def chat_tools(talk: Talk) -> None:
    completions = talk.client.chat.completions
    for streamed in (False, True):
        talk.says(LOOKING, "Bye.")
        if streamed:
            async with completions.stream(model=MODEL, messages=TURN, tools=CHAT_LOOK) as events:
                kinds = {event.type async for event in events}
                message = (await events.get_final_completion()).choices[0].message
            assert {"tool_calls.function.arguments.delta", "tool_calls.function.arguments.done"} <= kinds
        else:
            message = (await completions.parse(model=MODEL, messages=TURN, tools=CHAT_LOOK)).choices[0].message
        (call,) = message.tool_calls
        assert call.function.parsed_arguments == look(a=1)
        result = {"role": "tool", "tool_call_id": call.id, "content": "white"}
        for form in forms(message):
            bye = await completions.create(model=MODEL, messages=[*TURN, form, result], tools=CHAT_LOOK)
            assert bye.choices[0].message.content == "Bye."


async def responses_parse(talk: Talk) -> None:
    for streamed in (False, True):
        talk.says(OSLO, "Bye.")
        if streamed:
            async with talk.client.responses.stream(model=MODEL, input="Go.", text_format=Place) as events:
                answer: Any = await events.get_final_response()
        else:
            answer = await talk.client.responses.parse(model=MODEL, input="Go.", text_format=Place)
        assert answer.output_parsed == Place(city="Oslo")
        for form in zip(*map(forms, answer.output), strict=True):
            bye = await talk.client.responses.create(model=MODEL, input=[*TURN, *form, *TURN])
            assert bye.output_text == "Bye."


async def responses_tools(talk: Talk) -> None:
    talk.says(LOOKING, "Bye.")
    ask: Any = {"model": MODEL, "tools": RESPONSES_LOOK}
    async with talk.client.responses.stream(input="Go.", **ask) as events:
        answer = await events.get_final_response()
    (call,) = [item for item in answer.output if item.type == "function_call"]
    assert call.parsed_arguments == {"a": 1}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "white"}
    for form in zip(*map(forms, answer.output), strict=True):
        bye = await talk.client.responses.create(input=[*TURN, *form, result], **ask)
        assert bye.output_text == "Bye."


async def messages_parse(talk: Talk) -> None:
    ask: Any = {"model": MODEL, "max_tokens": 99}
    for streamed in (False, True):
        talk.says(OSLO, "Bye.")
        if streamed:
            async with talk.client.messages.stream(messages=TURN, output_format=Place, **ask) as events:
                message: Any = await events.get_final_message()
        else:
            message = await talk.client.messages.parse(messages=TURN, output_format=Place, **ask)
        assert message.parsed_output == Place(city="Oslo")
        for form in zip(*map(forms, message.content), strict=True):
            turns = [*TURN, {"role": "assistant", "content": form}, *TURN]
            bye = await talk.client.messages.create(messages=turns, **ask)
            assert bye.content[0].text == "Bye."


async def messages_tools(talk: Talk) -> None:
    ask: Any = {"model": MODEL, "max_tokens": 99, "tools": MESSAGES_TOOLS}
    for resource in (talk.client.messages, talk.client.beta.messages):
        talk.says(LOOKING, "Bye.")
        async with resource.stream(messages=TURN, **ask) as events:
            message = await events.get_final_message()
        (call,) = [block for block in message.content if block.type == "tool_use"]
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "white"}]}
        for form in zip(*map(forms, message.content), strict=True):
            bye = await resource.create(messages=[*TURN, {"role": "assistant", "content": form}, result], **ask)
            assert bye.content[0].text == "Bye."


async def messages_loop_of_tools(talk: Talk) -> None:
    """The SDK asks the server to keep the conversation, and sends it whole once it is told that nothing is kept."""
    asked: list[int] = []

    @beta_async_tool(name="look")
    async def run(a: int) -> str:
        """Look somewhere."""
        asked.append(a)
        return "white"

    for stream in (False, True):
        talk.says(LOOKING, "Bye.")
        loop = talk.client.beta.messages.tool_runner(
            model=MODEL, max_tokens=99, messages=TURN, tools=[run], stream=stream
        )
        message = await loop.until_done()
        assert [block.text for block in message.content] == ["Bye."]
    assert asked == [1, 1]


HELPERS: dict[str, tuple[Callable[[Talk], Awaitable[None]], str]] = {
    "chat: parse": (chat_parse, "chat"),
    "chat: stream of a form": (chat_stream_of_a_form, "chat"),
    "chat: tools": (chat_tools, "chat"),
    "responses: parse": (responses_parse, "responses"),
    "responses: tools": (responses_tools, "responses"),
    "messages: parse": (messages_parse, "messages"),
    "messages: tools": (messages_tools, "messages"),
    "messages: loop of tools": (messages_loop_of_tools, "messages"),
}


def config(simulator: Simulator, dialect: str) -> Config:
    base_url = simulator.base_url("behind") + ("" if dialect == "gemini" else "/v1")
    target = Target(dialect, model=MODEL, name="behind", key=KEY, base_url=base_url)
    return Config(targets={"behind": target}, routes={MODEL: Route(("behind",))}, serve=OPEN)


@pytest.mark.parametrize("dialect", ["openai", "openai-responses", "anthropic", "gemini"])
@pytest.mark.parametrize("name", HELPERS)
async def test_a_helper_and_what_it_sends_back(standby_simulator: Simulator, name: str, dialect: str) -> None:
    helper, sdk = HELPERS[name]
    standby_simulator.play("behind", "-", dialect=dialect)
    async with gateway(config(standby_simulator, dialect)) as url, SDKS[sdk].client(url) as client:
        await helper(Talk(client, lambda *said: standby_simulator.play("behind", *said, dialect=dialect)))


# State through a restart


def _held(found: Any) -> Any:
    """What a client has written down of an answer, and read again."""
    return json.loads(json.dumps([each.to_dict(warnings=False) for each in found]))


def _chat_turns(completion: Any) -> Any:
    message = completion.choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": "white"} for call in message.tool_calls]
    return {"messages": [*TURN, *_held([message]), *results]}


def _responses_turns(response: Any) -> Any:
    calls = [item.call_id for item in response.output if item.type == "function_call"]
    results = [{"type": "function_call_output", "call_id": call_id, "output": "white"} for call_id in calls]
    return {"input": [*TURN, *_held(response.output), *results]}


def _messages_turns(message: Any) -> Any:
    calls = [block.id for block in message.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call_id, "content": "white"} for call_id in calls]
    turns = [{"role": "assistant", "content": _held(message.content)}, {"role": "user", "content": results}]
    return {"messages": [*TURN, *turns]}


TURNS: dict[str, Callable[[Any], Any]] = {
    "chat": _chat_turns,
    "responses": _responses_turns,
    "messages": _messages_turns,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", SIGNED)
@pytest.mark.parametrize("name", TURNS)
async def test_state_comes_back_to_its_provider_through_a_restart(
    standby_simulator: Simulator, name: str, dialect: str, way: Way
) -> None:
    simulator, sdk = standby_simulator, SDKS[name]
    simulator.play("behind", SIGNED[dialect], "It is white.", dialect=dialect)
    settings = config(simulator, dialect)
    async with gateway(settings) as url, sdk.client(url) as client:
        turns = TURNS[name](await sdk.read(client, way, tools=sdk.tools))
    assert "standby1:" in json.dumps(turns), "marked with where it is from"
    async with gateway(settings) as url, sdk.client(url) as client:
        assert "It is white." in str(facts(await sdk.read(client, "whole", tools=sdk.tools, **turns)))
    second = simulator.exchanges[-1].request.body
    told = strings(json.loads(second))
    assert [state for state in STATE[dialect] if state not in told] == []
    assert b"standby1:" not in second


FILE = """
targets:
  behind: {{provider: {provider}, model: {model}, key: {key}, base_url: "{base_url}"}}
routes:
  {model}: {{targets: [behind]}}
serve: {{listen: "127.0.0.1:0", auth: none, admin: {{enabled: false}}}}
"""


@asynccontextmanager
async def process(file: Path) -> AsyncIterator[str]:
    """`standby serve` in a process of its own, which ends as when it is killed; gives the URL."""
    command = (sys.executable, "-m", "standby", "serve", str(file), "--quiet")
    running = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert running.stderr is not None
    try:
        async with asyncio.timeout(60):
            line = (await running.stderr.readline()).decode()
        yield line.removeprefix("standby serves at ").strip()
    finally:
        running.kill()
        await running.communicate()


@pytest.mark.parametrize("name", TURNS)
async def test_state_comes_back_by_way_of_another_process(
    standby_simulator: Simulator, tmp_path: Path, name: str
) -> None:
    simulator, sdk, dialect = standby_simulator, SDKS[name], "anthropic"
    simulator.play("behind", SIGNED[dialect], "It is white.", dialect=dialect)
    file = tmp_path / "standby.yaml"
    base_url = simulator.base_url("behind") + "/v1"
    file.write_text(FILE.format(provider=dialect, model=MODEL, key=KEY, base_url=base_url), "utf-8")
    async with process(file) as url, sdk.client(url) as client:
        turns = TURNS[name](await sdk.read(client, "stream", tools=sdk.tools))
    async with process(file) as url, sdk.client(url) as client:
        assert "It is white." in str(facts(await sdk.read(client, "whole", tools=sdk.tools, **turns)))
    told = strings(json.loads(simulator.exchanges[-1].request.body))
    assert [state for state in STATE[dialect] if state not in told] == []
