"""One conversation with everything in it, and what a provider makes of a request: for the tests of all dialects."""

import json
from pathlib import Path
from typing import Any

import msgspec
from standby.providers.chat import ChatRequest, ImagePart, Message, TextPart, Tool, ToolCall, chat_request
from standby.providers.provider import Endpoint, Provider, ResponseHead, WireRequest
from standby.providers.secret import Secret

REQUESTS = Path(__file__).parents[1] / "fixtures" / "wire" / "requests"
KEY = "sk-0123456789"
IMAGE = ImagePart("data:image/png;base64,iVBORw0KGgo=")
TOOL = Tool(
    "get_weather",
    "d",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
COUNT = chat_request("Count to five.", prefill="One, two,")
"""An answer that broke off, to be gone on with: the conversation of `requests/continuation.json`."""


def weather(call_id: str = "call_A1", **changes: Any) -> ChatRequest:
    """A question with an image, a call of a tool and its result: the conversation of `requests/*.json`."""
    whole = ChatRequest(
        system="Be terse.",
        messages=(
            Message("user", (TextPart("Weather here?"), IMAGE)),
            Message("assistant", (), (ToolCall(call_id, "get_weather", '{"city":"Paris"}'),)),
            Message("tool", (TextPart('{"t":21}'),), tool_call_id=call_id),
        ),
        tools=(TOOL,),
        temperature=0.2,
        max_tokens=100,
        stop=("END",),
    )
    return msgspec.structs.replace(whole, **changes)


def recorded(name: str) -> Any:
    """A recorded request body."""
    return json.loads((REQUESTS / f"{name}.json").read_bytes())


def endpoint(provider: Provider, model: str = "model-1", **changes: Any) -> Endpoint:
    """Where a target of this provider asks, with a key."""
    whole = Endpoint(base_url=provider.info.base_url or "https://example.test", model=model, key=Secret(KEY))
    return msgspec.structs.replace(whole, **changes)


def built(provider: Provider, chat: ChatRequest, model: str = "model-1", **changes: Any) -> WireRequest:
    """The request that a provider makes."""
    return provider.build_request(chat, endpoint(provider, model, **changes))


def body(provider: Provider, chat: ChatRequest, model: str = "model-1", **changes: Any) -> Any:
    """Its body, decoded."""
    return json.loads(built(provider, chat, model, **changes).body)


def refusal(status: int, **headers: str) -> ResponseHead:
    """The head of a refusal in JSON."""
    return ResponseHead(status, {"content-type": "application/json", **headers}, 1_795_000_000.0)
