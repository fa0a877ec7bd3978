"""Cohere's chat, version 2 (`/v2/chat`): its own names for sampling, tool choice and thinking.

Facts: the types of the Python SDK. Nothing says that a trailing assistant turn is gone on with.
"""

from typing import Any

from ..asked import unsaid
from ..capabilities import Capabilities
from ..chat import ChatRequest, ImagePart, JsonSchema, Message, Reasoning, TextPart, Tool
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..errors import ProviderError
from ..fit import Row, json_object, left_out, refused, said_otherwise
from ..fitting import facts_for, fitted
from ..knowledge import known
from ..mapping import provider_error
from ..parts import RefusalPart
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, WireRequest, here
from ..quirks import TURNS
from ..returning import Returning
from .cohere_decoder import RULES, CohereDecoder, body_decoder

FIT: tuple[Row, ...] = (
    refused("images outside user turns", "Cohere takes images in user turns only"),
    left_out("only some tools strict", "strict_tools holds for all tools together"),
    refused("tool_choice of a tool that is not offered", "there would be nothing to choose from"),
    said_otherwise("tool_choice of one tool", "Cohere cannot name a tool: REQUIRED, and no other tool is offered"),
    left_out("parallel_tool_calls", "the model decides"),
    left_out("tool errors", "a tool's result has no mark of failure: its text must tell"),
    said_otherwise("reasoning_effort", "thinking is on or off"),
    refused("prefill", "Cohere does not say that it goes on from a trailing assistant turn"),
)

SAYS = frozenset({"refusals", "top_k"})
"""What this API has words for, of `asked.FEATURES`."""


class Cohere:
    """The provider `cohere`."""

    name = "cohere"
    info = ProviderInfo(
        title="Cohere",
        dialect="cohere",
        site_url="https://docs.cohere.com",
        base_url="https://api.cohere.com",
        endpoint="/v2/chat",
        key_env="CO_API_KEY",
        default_model="command-a-03-2025",
        options=(),
        quirks=TURNS,
    )

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model, by the beginning of its name."""
        return known(self.name, model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a body of `/v2/chat`.

        Raises:
            Unsupported: See `FIT`.
        """
        facts = facts_for(self, endpoint)
        chat, moved = fitted(chat, facts, FIT)
        notes = (*moved, *unsaid(chat, SAYS, endpoint.fit))
        returning = Returning(lambda: here(self, endpoint))
        body: dict[str, Any] = {
            "model": endpoint.model,
            "stream": endpoint.stream,
            "messages": _messages(chat, returning),
        }
        body |= _tools(chat)
        sampling = {
            "max_tokens": chat.max_tokens,
            "stop_sequences": list(chat.stop) or None,
            "temperature": chat.temperature,
            "p": chat.top_p,
            "k": chat.top_k,
            "seed": chat.seed,
            "frequency_penalty": chat.frequency_penalty,
            "presence_penalty": chat.presence_penalty,
        }
        body |= {name: value for name, value in sampling.items() if value is not None}
        if chat.response_format is not None:
            body["response_format"] = _response_format(chat.response_format)
        if chat.reasoning_effort not in (None, "none"):
            body["thinking"] = {"type": "enabled"}
        elif chat.reasoning_effort == "none" and facts.capabilities.reasoning:
            body["thinking"] = {"type": "disabled"}
        own = {} if endpoint.key is None else {"authorization": f"Bearer {endpoint.key.reveal()}"}
        return WireRequest(
            url=endpoint.base_url + self.info.endpoint,
            headers=request_headers(endpoint, own),
            body=request_body(body, chat, endpoint),
            notes=(*notes, *returning.notes(chat.messages)),
        )

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, of the stream or of a whole answer."""
        return decoder_for(head, stream=lambda: CohereDecoder(head), body=lambda: body_decoder(head))

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means. A rate limit's reset is told in epoch seconds, which `hints` knows."""
        return provider_error(head, body, rules=RULES)


def _messages(chat: ChatRequest, returning: Returning) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = [{"role": "system", "content": chat.system}] if chat.system else []
    return said + [_message(message, returning) for message in chat.messages]


def _message(message: Message, returning: Returning) -> dict[str, Any]:
    if message.role == "tool":
        document = json_object(message.text)  # an object can be cited by its fields, a text only as a whole
        content = message.text if document is None else [{"type": "document", "document": {"data": document}}]
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}
    said: dict[str, Any] = {"role": message.role}
    thinks = bool(message.reasoning) and returning.takes_thoughts(message)
    content = _content(message, thinks=thinks and not message.tool_calls)
    if not message.tool_calls:
        return {**said, "content": content}
    if content:
        said["content"] = content
    if plan := "".join(block.text for block in message.reasoning) if thinks else "":
        said["tool_plan"] = plan
    said["tool_calls"] = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
        for call in message.tool_calls
    ]
    return said


def _content(message: Message, *, thinks: bool) -> str | list[dict[str, Any]]:
    """A text where one stands alone, else its blocks, in their order. Before calls the thinking is the plan."""
    blocks = [
        _part(part)
        for part in message.content
        if isinstance(part, ImagePart)
        or (isinstance(part, TextPart | RefusalPart) and part.text)
        or (isinstance(part, Reasoning) and thinks)
    ]
    if len(blocks) < 2 and all(block["type"] == "text" for block in blocks):
        return message.text + message.refusal
    return blocks


def _part(part: TextPart | RefusalPart | ImagePart | Reasoning) -> dict[str, Any]:
    if isinstance(part, Reasoning):
        return {"type": "thinking", "thinking": part.text}
    if isinstance(part, TextPart | RefusalPart):
        return {"type": "text", "text": part.text}
    detail = {} if part.detail in (None, "original") else {"detail": part.detail}
    return {"type": "image_url", "image_url": {"url": part.url, **detail}}


def _tools(chat: ChatRequest) -> dict[str, Any]:
    choice = chat.tool_choice if chat.tools else None
    named = choice not in (None, "auto", "none", "required")
    tools = [tool for tool in chat.tools if not named or tool.name == choice]
    said: dict[str, Any] = {"tools": [_tool(tool) for tool in tools]} if tools else {}
    if tools and all(tool.strict for tool in chat.tools):
        said["strict_tools"] = True
    if named or choice == "required":
        said["tool_choice"] = "REQUIRED"
    elif choice == "none":
        said["tool_choice"] = "NONE"
    return said


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _response_format(wanted: JsonSchema) -> dict[str, Any]:
    return {"type": "json_object"} | ({"json_schema": wanted.schema} if wanted.schema else {})


provider = Cohere()
