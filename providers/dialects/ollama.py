"""Ollama's native chat (`/api/chat`): newline-delimited JSON, tool arguments as objects, errors as plain strings.

Facts: the server's source (api/types.go, server/routes.go), its docs, and the Python SDK. The server streams unless it
is told not to, knows no tool choice, and proves the end with `"done": true`; some failures are a line in the stream.
"""

from collections.abc import Mapping
from typing import Any

from ..asked import unsaid
from ..capabilities import Capabilities
from ..chat import ChatRequest, JsonSchema, Message, Tool, ToolCall
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..errors import ProviderError
from ..fit import Row, arguments_object, left_out, refused, said_otherwise
from ..fitting import facts_for, fitted
from ..knowledge import known
from ..mapping import provider_error
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, WireRequest, here
from ..quirks import TURNS
from ..returning import Returning
from ..tool_calls import is_made
from .ollama_decoder import RULES, OllamaDecoder

STREAM_TYPE = "application/x-ndjson"

FIT: tuple[Row, ...] = (
    refused("images by URL", "Ollama takes the bytes of an image only"),
    left_out("image detail", "Ollama has one way of looking"),
    left_out("strict tools", "Ollama does not enforce a tool's schema"),
    said_otherwise("tool_choice none", "Ollama has no tool_choice: no tool is offered"),
    refused("tool_choice required", "Ollama has no tool_choice"),
    refused("tool_choice of one tool", "Ollama has no tool_choice"),
    left_out("parallel_tool_calls", "the model decides"),
    left_out("tool errors", "a tool's result has no mark of failure: its text must tell"),
    left_out("reasoning with prefill", "an answer that has begun is gone on with only where thinking is off"),
)


SAYS = frozenset({"refusals", "logprobs", "top_k", "min_p"})
"""What this API has words for, of `asked.FEATURES`."""


class Ollama:
    """The provider `ollama`. `options` that it does not name itself (`num_ctx`, …) go into the target's body."""

    name = "ollama"
    info = ProviderInfo(
        title="Ollama",
        dialect="ollama",
        site_url="https://ollama.com",
        base_url="http://localhost:11434",
        endpoint="/api/chat",
        key_env="OLLAMA_API_KEY",
        key_required=False,
        note="A key is needed at https://ollama.com only. Fields of `options` in a target's body are added to ours.",
        options=(),
        quirks=TURNS,
        prefill_shown_by="",  # which renderer a model has is the server's release and the model's file: no header tells
    )

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model, by the beginning of its name."""
        return known(self.name, model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a body of `/api/chat`.

        Raises:
            Unsupported: See `FIT`.
        """
        chat, moved = fitted(chat, facts_for(self, endpoint), FIT)
        notes = (*moved, *unsaid(chat, SAYS, endpoint.fit))
        returning = Returning(lambda: here(self, endpoint))
        body: dict[str, Any] = {
            "model": endpoint.model,
            "stream": endpoint.stream,
            "messages": _messages(chat, returning),
        }
        if chat.prefill is not None:
            body["think"] = False
        elif chat.reasoning_effort is not None:
            body["think"] = False if chat.reasoning_effort == "none" else chat.reasoning_effort
        if chat.tools and chat.tool_choice != "none":
            body["tools"] = [_tool(tool) for tool in chat.tools]
        if chat.logprobs or chat.top_logprobs:
            body["logprobs"] = True
        if chat.top_logprobs:
            body["top_logprobs"] = chat.top_logprobs
        if options := _options(chat):
            body["options"] = options
        if chat.response_format is not None:
            body["format"] = _format(chat.response_format)
        own = {} if endpoint.key is None else {"authorization": f"Bearer {endpoint.key.reveal()}"}
        return WireRequest(
            url=endpoint.base_url + self.info.endpoint,
            headers=request_headers(endpoint, own, stream_type=STREAM_TYPE),
            body=request_body(body, chat, endpoint, joined=("options",)),
            notes=(*notes, *returning.notes(chat.messages)),
        )

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder: a whole answer is one line, so one decoder reads both."""
        return decoder_for(
            head, stream=lambda: OllamaDecoder(head), body=lambda: OllamaDecoder(head), stream_types=(STREAM_TYPE,)
        )

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means."""
        return provider_error(head, body, rules=RULES)


def _messages(chat: ChatRequest, returning: Returning) -> list[dict[str, Any]]:
    names = {call.id: call.name for message in chat.messages for call in message.tool_calls}
    own = {
        call.id
        for message in chat.messages
        for call in message.tool_calls
        if not is_made(call.id) and returning.owns(message)
    }
    said: list[dict[str, Any]] = [{"role": "system", "content": chat.system}] if chat.system else []
    said += [_message(message, names, own, returning) for message in chat.messages]
    if chat.prefill is not None:
        said.append({"role": "assistant", "content": chat.prefill})
    return said


def _message(message: Message, names: Mapping[str, str], own: set[str], returning: Returning) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.text + message.refusal}
    if images := [image.data[1] for image in message.images if image.data]:
        said["images"] = images
    if message.reasoning and returning.takes_thoughts(message):
        said["thinking"] = "".join(block.text for block in message.reasoning)
    if message.tool_calls:
        said["tool_calls"] = [_call(call, own) for call in message.tool_calls]
    if name := names.get(message.tool_call_id or ""):
        said["tool_name"] = name
    if message.tool_call_id in own:
        said["tool_call_id"] = message.tool_call_id
    return said


def _call(call: ToolCall, own: set[str]) -> dict[str, Any]:
    """A call; its id is said where the server gave it, as releases since late 2025 do (`api/types.go`: ToolCall.ID)."""
    known = {"id": call.id} if call.id in own else {}
    return {**known, "function": {"name": call.name, "arguments": arguments_object(call)}}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _options(chat: ChatRequest) -> dict[str, Any]:
    options = {
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "top_k": chat.top_k,
        "min_p": chat.min_p,
        "num_predict": chat.max_tokens,
        "stop": list(chat.stop) or None,
        "seed": chat.seed,
        "frequency_penalty": chat.frequency_penalty,
        "presence_penalty": chat.presence_penalty,
    }
    return {name: value for name, value in options.items() if value is not None}


def _format(wanted: JsonSchema) -> dict[str, Any] | str:
    return wanted.schema or "json"


provider = Ollama()
