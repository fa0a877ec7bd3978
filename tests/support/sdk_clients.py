"""The official SDKs as clients of one URL: an answer as each of them reads it, whole, as it comes, or by its helper.

What they read directly from a provider, and by way of the gateway, is compared as `facts`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from inspect import isawaitable
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from components import need
from entrances import Url

for _package in ("anthropic", "openai"):
    need(_package)
import anthropic  # noqa: E402 - only where they are installed
import openai  # noqa: E402
from openai.lib.streaming.chat import ChatCompletionStreamState  # noqa: E402

T = TypeVar("T")

Way: TypeAlias = Literal["whole", "stream", "helper"]
"""One body; the events, put together by hand or by the SDK's code; the SDK's own helper for streams."""
WAYS: tuple[Way, ...] = ("whole", "stream", "helper")

MODEL = "m-1"
"""Of the provider, and the name of the route: so both say the same."""
KEY = "key-12345678"
TURN: Any = [{"role": "user", "content": "Go."}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
NAMES = ("look", "read")

CHAT_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in NAMES]
RESPONSES_TOOLS: Any = [{"type": "function", "name": name, "parameters": SCHEMA, "strict": False} for name in NAMES]
MESSAGES_TOOLS: Any = [{"name": name, "input_schema": SCHEMA} for name in NAMES]


async def settled(value: Any) -> Any:
    """What a synchronous client gives at once, and an asynchronous one when it is awaited."""
    return await value if isawaitable(value) else value


async def each(stream: Any) -> AsyncIterator[Any]:
    """The events of a stream of either client."""
    if hasattr(stream, "__aiter__"):
        async for event in stream:
            yield event
    else:
        for event in stream:
            yield event


@asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    """A context of either client."""
    if hasattr(manager, "__aenter__"):
        async with manager as held:
            yield held
    else:
        with manager as held:
            yield held


async def chat(client: Any, way: Way, **more: Any) -> Any:
    """A completion, of OpenAI's chat."""
    ask = {"model": MODEL, "messages": TURN} | more
    completions = client.chat.completions
    if way == "whole":
        return await settled(completions.create(**ask))
    ask["stream_options"] = {"include_usage": True}
    if way == "helper":
        async with entered(completions.stream(**ask)) as events:
            return await settled(events.get_final_completion())
    state: Any = ChatCompletionStreamState()
    async for chunk in each(await settled(completions.create(**ask, stream=True))):
        state.handle_chunk(chunk)
    return state.get_final_completion()


async def responses(client: Any, way: Way, **more: Any) -> Any:
    """A response, of OpenAI's Responses."""
    ask = {"model": MODEL, "input": "Go.", "store": False} | more
    if way == "whole":
        return await settled(client.responses.create(**ask))
    if way == "helper":
        async with entered(client.responses.stream(**ask)) as events:
            return await settled(events.get_final_response())
    numbers: list[int] = []
    last: Any = None
    async for event in each(await settled(client.responses.create(**ask, stream=True))):
        numbers.append(event.sequence_number)
        last = event
    assert numbers == [*range(len(numbers))]
    return last.response


async def messages(client: Any, way: Way, **more: Any) -> Any:
    """A message, of Anthropic's Messages."""
    ask = {"model": MODEL, "max_tokens": 99, "messages": TURN} | more
    if way == "whole":
        return await settled(client.messages.create(**ask))
    if way == "helper":
        async with entered(client.messages.stream(**ask)) as events:
            return await settled(events.get_final_message())
    from anthropic.lib.streaming._messages import accumulate_event

    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    async for event in each(await settled(client.messages.create(**ask, stream=True))):
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    return snapshot


class Sdk(NamedTuple):
    """One SDK's client for one protocol.

    Attributes:
        dialect: The protocol, as providers name it.
        read: Asks, and puts the answer together.
        tools: The caller's tools, as it has them.
        root: What its base URL ends with.
    """

    dialect: str
    read: Callable[..., Awaitable[Any]]
    tools: Any
    asynchronous: Callable[..., Any]
    synchronous: Callable[..., Any]
    root: str = ""

    def client(self, url: str, *, sync: bool = False, **more: Any) -> Any:
        """A client; one that asks once unless it is told otherwise."""
        make = self.synchronous if sync else self.asynchronous
        inside = url.client(sync=sync) if isinstance(url, Url) else {}
        return make(base_url=url + self.root, **({"api_key": KEY, "max_retries": 0} | inside | more))


SDKS = {
    "chat": Sdk("openai", chat, CHAT_TOOLS, openai.AsyncOpenAI, openai.OpenAI, "/v1"),
    "responses": Sdk("openai-responses", responses, RESPONSES_TOOLS, openai.AsyncOpenAI, openai.OpenAI, "/v1"),
    "messages": Sdk("anthropic", messages, MESSAGES_TOOLS, anthropic.AsyncAnthropic, anthropic.Anthropic),
}


async def apart(asking: Coroutine[Any, Any, T]) -> T:
    """Wait for what asks by a synchronous client: in a thread, so that what answers goes on meanwhile."""
    return await asyncio.to_thread(asyncio.run, asking)


_ID = re.compile(r"(?:chatcmpl-|msg_|resp_|rs_|fc_|ctc_|ig_)\w+")
_OF_THE_ANSWERER = frozenset(
    {
        "created", "created_at", "completed_at",  # when it was asked
        "system_fingerprint", "service_tier",  # the provider's own account of itself
        "metadata", "parallel_tool_calls", "store", "text", "tool_choice", "tools", "truncation",  # the request again
    }
)  # fmt: skip
"""Fields of an answer as a whole that are another's where another answers."""
_STATE = frozenset({"reasoning_details", "signature", "encrypted_content", "standby"})
"""State goes out marked with its origin: whether it comes back as it was is a test of its own."""
_MARK = re.compile(r"standby1:[0-9a-f]+:")


def facts(answer: Any) -> Any:
    """All that an answer says, but for what is the answerer's own, for state, and for ids of the answer's parts."""
    return of_dump(answer.model_dump(warnings=False))


def of_dump(told: dict[str, Any]) -> Any:
    """The facts of an answer that is JSON already."""
    found: dict[str, Any] = _facts({name: value for name, value in told.items() if name not in _OF_THE_ANSWERER})
    for item in found.get("output", ()):  # that an item was cut, too, is said by servers, and not by the simulator
        item.pop("status", None)
    return found


def _facts(found: Any, name: str = "") -> Any:
    if isinstance(found, dict):
        said = {key: value for key, value in found.items() if key not in _STATE and value not in (None, [], "")}
        return {key: _facts(value, key) for key, value in said.items()}
    if isinstance(found, list):
        return [_facts(each, name) for each in found]
    if name == "id" and isinstance(found, str) and _ID.fullmatch(found):
        return "<id>"
    return _MARK.sub("", found) if isinstance(found, str) else found
