"""Mistral's chat: OpenAI's protocol read strictly, with its own names, tool-call ids and prefill.

Facts: the types of the Python SDK; the echo of a prefix from its users' reports. A field that
the server does not know is refused with 422, so the body is made here, field by field; what comes back are chunks of
the chat protocol; its shared decoder knows Mistral's lists of typed content.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ..asked import unsaid
from ..capabilities import Capabilities
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..errors import ProviderError
from ..fit import Row, json_object, left_out, refused
from ..fitting import facts_for, fitted
from ..knowledge import known
from ..mapping import provider_error
from ..messages import (
    AllowedTools,
    AudioPart,
    ChatRequest,
    Citation,
    FilePart,
    ImagePart,
    JsonSchema,
    Message,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    Tool,
    ToolChoice,
)
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, Unsupported, WireRequest, here
from ..quirks import TURNS
from ..refusals.mistral import MISTRAL
from ..returning import Returning
from .openai_body_decoder import ChatBodyDecoder
from .openai_decoder import ChatStreamDecoder

FIT: tuple[Row, ...] = (
    refused("images in assistant turns", "Mistral takes images in user turns and tool results only"),
    left_out("image detail", "Mistral has one way of looking"),
    left_out("tool errors", "a tool's result has no mark of failure: its text must tell"),
    refused("prefill with a response_format", "the answer has begun already"),
    refused("prefill with a forced tool", "the answer has begun already"),
)

_RULES = MISTRAL.own

SAYS = frozenset({"refusals", "files", "files by URL", "audio", "citations"})
"""What this API has words for, of `asked.FEATURES`."""


class Mistral:
    """The provider `mistral`."""

    name = "mistral"
    info = ProviderInfo(
        title="Mistral",
        dialect="mistral",
        site_url="https://docs.mistral.ai",
        base_url="https://api.mistral.ai/v1",
        endpoint="/chat/completions",
        key_env="MISTRAL_API_KEY",
        default_model="mistral-small-latest",
        options=(),
        quirks=TURNS,
    )

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model, by the beginning of its name."""
        return known(self.name, model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a body that holds no field which Mistral does not know.

        Raises:
            Unsupported: See `FIT`.
        """
        chat, moved = fitted(chat, facts_for(self, endpoint), FIT)
        notes = (*moved, *unsaid(chat, SAYS, endpoint.fit))
        returning = Returning(lambda: here(self, endpoint))
        messages = _messages(chat, returning)
        fields = {
            "tools": [_tool(tool) for tool in chat.tools] or None,
            "tool_choice": _tool_choice(chat.tool_choice) if chat.tools else None,
            "parallel_tool_calls": chat.parallel_tool_calls if chat.tools else None,
            "max_tokens": chat.max_tokens,
            "temperature": chat.temperature,
            "top_p": chat.top_p,
            "random_seed": chat.seed,
            "stop": list(chat.stop) or None,
            "frequency_penalty": chat.frequency_penalty,
            "presence_penalty": chat.presence_penalty,
            "reasoning_effort": chat.reasoning_effort,
            "response_format": _response_format(chat.response_format),
        }
        body: dict[str, Any] = {"model": endpoint.model, "stream": endpoint.stream, "messages": messages}
        body |= {name: value for name, value in fields.items() if value is not None}
        own = {} if endpoint.key is None else {"authorization": f"Bearer {endpoint.key.reveal()}"}
        return WireRequest(
            url=endpoint.base_url + self.info.endpoint,
            headers=request_headers(endpoint, own),
            body=request_body(body, chat, endpoint),
            notes=(*notes, *_foreign_citations(chat), *returning.notes(chat.messages)),
        )

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, of the stream or of a whole answer."""
        return decoder_for(head, stream=ChatStreamDecoder, body=ChatBodyDecoder, given=(head, _RULES))

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means; its facts stand in the body without an `error` around them."""
        return provider_error(head, body, rules=_RULES)


def _messages(chat: ChatRequest, returning: Returning) -> list[dict[str, Any]]:
    names = {call.id: call.name for message in chat.messages for call in message.tool_calls}
    said: list[dict[str, Any]] = [{"role": "system", "content": chat.system}] if chat.system else []
    said += [_message(message, names, returning) for message in chat.messages]
    if chat.prefill is not None:
        said.append({"role": "assistant", "content": chat.prefill, "prefix": True})
    return said


def _message(message: Message, names: Mapping[str, str], returning: Returning) -> dict[str, Any]:
    parts = [wire for part in message.content if (wire := _part(part, message, returning)) is not None]
    alone = len(parts) < 2 and all(isinstance(part, dict) and part["type"] == "text" for part in parts)
    said: dict[str, Any] = {"role": message.role, "content": message.text + message.refusal if alone else parts}
    if message.role == "assistant" and not said["content"] and not message.tool_calls:
        said["content"] = " "  # a turn of nothing is refused: must have either content or tool_calls
    if message.tool_calls:
        said["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": call.arguments or "{}"}}
            for call in message.tool_calls
        ]
    if message.role == "tool" and message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
        if name := names.get(message.tool_call_id):
            said["name"] = name
    return said


def _foreign_citations(chat: ChatRequest) -> tuple[str, ...]:
    """A note on citations that are in no API's words; of those in another's the note on opaque state tells."""
    parts = (part for message in chat.messages for part in message.content)
    foreign = any(isinstance(part, Citation) and part.details is None for part in parts)
    return ("citations: left out where they are not this API's own: it takes them as it wrote them",) * foreign


def _part(part: Part, message: Message, returning: Returning) -> dict[str, Any] | msgspec.Raw | None:
    match part:
        case TextPart() | RefusalPart():
            return {"type": "text", "text": part.text}
        case ImagePart():
            return {"type": "image_url", "image_url": part.url}
        case FilePart() if part.id is None:
            named = {"document_name": part.name} if part.name else {}
            return {"type": "document_url", "document_url": part.url, **named}
        case AudioPart():
            return {"type": "input_audio", "input_audio": part.data[1] if part.data else part.url}
        case Reasoning() if returning.takes_thoughts(message):
            return _thinking(part.text, returning.state(part.signature, message))
        case Citation():
            return json_object(returning.state(part.details, message) or "")
        case _:
            return None


def _thinking(text: str, signature: str | None) -> dict[str, Any]:
    signed = {"signature": signature} if signature else {}
    said = [{"type": "text", "text": text}] if text or not signed else []
    return {"type": "thinking", "thinking": said, **signed}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice | None) -> str | dict[str, Any] | None:
    if isinstance(choice, AllowedTools):
        raise Unsupported("allowed tools")
    if choice == "required":
        return "any"
    if choice in (None, "auto", "none"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _response_format(wanted: JsonSchema | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if not wanted.schema:
        return {"type": "json_object"}
    described = {"description": wanted.description} if wanted.description else {}
    schema = {"name": wanted.name, "schema": wanted.schema, "strict": wanted.strict, **described}
    return {"type": "json_schema", "json_schema": schema}


provider = Mistral()
