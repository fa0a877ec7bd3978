"""What was heard of one simulated answer, by whichever client: what a peer's reading and ours are compared by."""

import json
from typing import Any

import aiohttp
import msgspec
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message, TextPart, Tool, ToolCall
from standby.providers.errors import ErrorKind, ProviderError
from standby.providers.events import ReasoningDelta, TextDelta, ToolCallDelta, Usage
from standby.providers.provider import Endpoint, ResponseHead
from standby.providers.secret import Secret
from standby.simulator.scenario.faults import At, ErrorEvent
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.request import Reading
from standby.simulator.scenario.script import Script
from standby.simulator.server import Simulator

MODEL = "simulated-1"
KEY = "key-simulated"
WEATHER = ToolCall("call_A1", "get_weather", '{"city":"Paris"}')
TIME = ToolCall("call_B2", "get_time", "{}")
TOOLS = (Tool("get_weather", "Weather."), Tool("get_time", "Time."))

ANSWERS = {
    "text": Answer("Hello, wörld 🌍.", usage=Usage(14, 6, cached_input_tokens=4)),
    "one call": Answer(tool_calls=(WEATHER,), usage=Usage(14, 6)),
    "two parallel calls": Answer("Wait.", tool_calls=(WEATHER, TIME), usage=Usage(14, 6)),
    "thoughts": Answer("Four.", reasoning="Two and two.", usage=Usage(14, 6, reasoning_tokens=2)),
    "a cut answer": Answer("Once upon", finish="length", usage=Usage(14, 6)),
}
"""What is played to both."""

CHAT = ChatRequest(
    system="Be terse.",
    messages=(
        Message("user", (TextPart("Weather here?"),)),
        Message("assistant", (TextPart("Wait."),), (WEATHER,)),
        Message("tool", (TextPart('{"t":21}'),), tool_call_id="call_A1"),
    ),
    tools=TOOLS,
    max_tokens=100,
)
"""What both ask."""

BUSY = Failure(ErrorKind.RATE_LIMITED, message="Slow down, please.")
BROKEN = Script("One two three", [ErrorEvent(At.delta(2), Failure(ErrorKind.SERVER_ERROR, message="It broke."))])
SAID_BEFORE_IT_BROKE = "One two"


class Heard(msgspec.Struct):
    """One answer, as a client gives it to its caller.

    Attributes:
        calls: `(id, name, arguments)`.
        usage: `(input, output)` tokens.
    """

    text: str
    thoughts: str
    calls: list[tuple[str, str, Any]]
    usage: tuple[int, int]
    finish: str


async def ours(dialect: str, base_url: str, *, stream: bool) -> tuple[Heard, ProviderError | None]:
    """What our own adapter hears, over a real socket; and why it failed, if it did."""
    provider = registry.get(dialect)
    to = Endpoint(base_url=base_url, model=MODEL, key=Secret(KEY), stream=stream)
    wire = provider.build_request(CHAT, to)
    async with (
        aiohttp.ClientSession() as session,
        session.post(wire.url, data=wire.body, headers=wire.headers, allow_redirects=False) as response,
    ):
        head = ResponseHead(response.status, {name.lower(): value for name, value in response.headers.items()})
        body = await response.read()
    if head.status != 200:
        return Heard("", "", [], (0, 0), ""), provider.error_for(head, body)
    decoder = provider.decoder(head)
    events = decoder.feed(body) + decoder.end()
    calls: dict[int, list[str]] = {}
    usage = Usage(0, 0)
    for event in events:
        if isinstance(event, ToolCallDelta):
            call = calls.setdefault(event.index, [event.id or "", event.name or "", ""])
            call[2] += event.arguments
        elif isinstance(event, Usage):
            usage = event
    heard = Heard(
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        [(call_id, name, json.loads(arguments)) for call_id, name, arguments in calls.values()],
        (usage.input_tokens, usage.output_tokens),
        (decoder.finish and decoder.finish.native_reason) or "",
    )
    return heard, decoder.failure


def readings(simulator: Simulator) -> list[Reading]:
    """What the simulator made of each request."""
    return [exchange.request.reading for exchange in simulator.exchanges]
