"""The content of an answer, as our adapter or the vendor's own SDK reads it. Both are asked over real sockets."""

from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from standby.providers import registry
from standby.providers.chat import ToolCall, chat_request
from standby.providers.errors import ProviderError
from standby.providers.events import ReasoningDelta, TextDelta, ToolCallDelta, Usage
from standby.providers.provider import Endpoint, ResponseHead
from standby.providers.secret import Secret
from standby.simulator.scenario.faults import At, ErrorEvent
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.script import Script
from yarl import URL

WEATHER = ToolCall("D681PevKs", "get_weather", '{"city":"Paris"}')
TIME = ToolCall("D681PevKt", "get_time", '{"zone":"CET"}')
USAGE = Usage(14, 6)
ANSWERS = {
    "text": Answer("Hello, wörld 🌍.", usage=USAGE),
    "thinking": Answer("Four.", reasoning="Two and two.", usage=USAGE),
    "a call": Answer(tool_calls=(WEATHER,), usage=USAGE),
    "two calls": Answer(tool_calls=(WEATHER, TIME), usage=USAGE),
    "text and a call": Answer("Let me look.", tool_calls=(WEATHER,), usage=USAGE),
}
"""Answers that every dialect can give."""

QUESTION = "Hello"
MODEL = "simulated-1"
KEY = "sk-0123456789"


@dataclass
class Told:
    """The content of an answer, as one client reads it.

    Attributes:
        calls: Name and arguments of each call.
        usage: Tokens of the prompt and of the answer.
        error: Our verdict, when it failed.
    """

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    usage: tuple[int, int] | None = None
    error: ProviderError | None = None


async def ours(name: str, base_url: str, *, stream: bool, **options: str) -> Told:
    """What our adapter makes of the answer."""
    provider = registry.get(name)
    endpoint = Endpoint(base_url=base_url, model=MODEL, key=Secret(KEY), stream=stream, options=options)
    wire = provider.build_request(chat_request(QUESTION), endpoint)
    url = URL(wire.url, encoded=True)
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=wire.body, headers=wire.headers) as response,
    ):
        head = ResponseHead(response.status, {name.lower(): value for name, value in response.headers.items()})
        body = await response.read()
    if head.status != 200:
        return Told(error=provider.error_for(head, body))
    decoder = provider.decoder(head)
    told = _told([*decoder.feed(body), *decoder.end()])
    told.error = decoder.failure
    return told


def failing(after: int, failure: Failure) -> Script:
    """An answer in which a failure comes after so many deltas."""
    return Script(Answer(("One", " two", " three")), [ErrorEvent(At.delta(after), failure)])


def _told(events: list[Any]) -> Told:
    told = Told()
    written: dict[int, list[str]] = {}
    for event in events:
        match event:
            case TextDelta(text):
                told.text += text
            case ReasoningDelta(text):
                told.reasoning += text
            case ToolCallDelta(index, _, name, arguments):
                call = written.setdefault(index, ["", ""])
                call[0] += name or ""
                call[1] += arguments
            case Usage(spent, made):
                told.usage = (spent, made)
    told.calls = [(name, msgspec.json.decode(arguments)) for name, arguments in written.values()]
    return told
