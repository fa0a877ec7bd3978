"""AWS Bedrock's Converse and ConverseStream: content blocks, tools in `toolConfig`, sampling in `inferenceConfig`.

Facts: botocore's model of bedrock-runtime. A key is a Bedrock API key, sent as a bearer token; without one, requests
are signed with AWS credentials. Needs the extra `bedrock`.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from ..asked import unsaid
from ..capabilities import Capabilities
from ..decoding import decoder_for
from ..envelope import request_body, request_headers
from ..error_facts import error_facts
from ..errors import ProviderError
from ..fit import Row, arguments_object, json_object, left_out, refused, said_otherwise
from ..fitting import facts_for, fitted
from ..knowledge import known
from ..mapping import provider_error
from ..messages import (
    ChatRequest,
    ImagePart,
    JsonSchema,
    Message,
    Reasoning,
    RefusalPart,
    TextPart,
    Tool,
    ToolCall,
)
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, Unsupported, WireRequest, here
from ..quirks import TURNS
from ..returning import Returning
from ..turns import lifted, without_end_blanks
from .bedrock_auth import credentials, region, signed_headers, utc_now
from .bedrock_decoder import RULES, BedrockDecoder, body_decoder
from .bedrock_eventstream import botocore

STREAM_TYPE = "application/vnd.amazon.eventstream"

FIT: tuple[Row, ...] = (
    refused("images by URL", "Bedrock takes the bytes of an image only"),
    refused("images in assistant turns", "Bedrock takes images in user turns and tool results only"),
    left_out("image detail", "Bedrock has one way of looking"),
    refused("tool history without tools", "Bedrock wants the tools of every call in the conversation"),
    said_otherwise("tool_choice none", "Converse has no such choice: no tool is offered"),
    left_out("parallel_tool_calls", "the model decides"),
    left_out("seed", "Converse has none"),
    left_out("frequency_penalty", "Converse has none"),
    left_out("presence_penalty", "Converse has none"),
    refused("response_format without a schema", "Converse answers JSON of a given schema only"),
    left_out("reasoning with prefill", "an answer that has begun is gone on with only where thinking is off"),
    refused("prefill with a response_format", "the answer has begun already"),
    refused("prefill with a forced tool", "the answer has begun already"),
)

SAYS = frozenset({"refusals"})
"""What Converse has words for, of `asked.FEATURES`."""

_IMAGE_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}


class Bedrock:
    """The provider `bedrock`.

    Args:
        environment: Where region and credentials are looked for when a target's options have none.
        now: The date of a signature.
    """

    name = "bedrock"
    info = ProviderInfo(
        title="AWS Bedrock",
        dialect="bedrock",
        site_url="https://aws.amazon.com/bedrock",
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        endpoint="/model/{model}/converse-stream",
        key_env="AWS_BEARER_TOKEN_BEDROCK",
        key_required=False,
        note="Options: region, and without an API key access_key_id, secret_access_key, session_token;"
        " else from the AWS_ variables of the environment.",
        options=("region", "access_key_id", "secret_access_key", "session_token"),
        quirks=TURNS,
        extra="bedrock",
        extra_module="botocore",
    )

    def __init__(self, environment: Mapping[str, str] = os.environ, now: Callable[[], datetime] = utc_now) -> None:
        self._environment = environment
        self._now = now

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model, wherever its name stands in an id, a profile or an ARN."""
        return known(self.name, model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into a body of Converse, and sign it.

        Raises:
            Unsupported: See `FIT`; or an image is of a format that Bedrock does not take.
            ProviderError: No region or no credentials are configured.
            MissingExtraError: botocore is not installed.
        """
        botocore("eventstream")  # missing, it is missed here: before anything is sent
        chat, moved = lifted(chat)
        chat, notes = fitted(chat, facts_for(self, endpoint), FIT)
        more, returning = unsaid(chat, SAYS, endpoint.fit), Returning(lambda: here(self, endpoint))
        base_url = endpoint.base_url
        if "{region}" in base_url:
            base_url = base_url.replace("{region}", region(endpoint.options, self._environment))
        operation = "converse-stream" if endpoint.stream else "converse"
        url = f"{base_url}/model/{quote(endpoint.model, safe='')}/{operation}"
        body = request_body(
            _body(chat, returning),
            chat,
            endpoint,
            joined=("inferenceConfig", "additionalModelRequestFields", "outputConfig"),
        )
        if endpoint.key is not None:
            own = {"authorization": f"Bearer {endpoint.key.reveal()}"}
        else:
            who = credentials(endpoint.options, self._environment)
            own = signed_headers(url, body, who, region(endpoint.options, self._environment), self._now())
        headers = request_headers(endpoint, own, stream_type=STREAM_TYPE)
        cut = without_end_blanks(chat.prefill)[1] if chat.prefill else ""
        notes = (*moved, *notes, *more, *returning.notes(chat.messages))
        return WireRequest(url, headers, body, notes=notes, prefill_cut=cut)

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder, of the stream or of a whole answer."""
        return decoder_for(
            head,
            stream=lambda: BedrockDecoder(head),
            body=lambda: body_decoder(head),
            stream_types=(STREAM_TYPE,),
        )

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means: its class is in a header, before a colon, or in the body."""
        facts = error_facts(body)
        said = head.headers.get("x-amzn-errortype") or str(facts.error.get("__type") or "")
        name = said.partition(":")[0].rpartition("#")[2].strip()
        if name:
            body = msgspec.json.encode({**facts.error, "message": facts.message, "type": name})
        return provider_error(head, body, rules=RULES)


def _body(chat: ChatRequest, returning: Returning) -> dict[str, Any]:
    config = {
        "maxTokens": chat.max_tokens,
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "stopSequences": list(chat.stop) or None,
    }
    output: dict[str, Any] = {}
    if chat.response_format is not None:
        output["textFormat"] = _text_format(chat.response_format)
    if chat.reasoning_effort not in (None, "none") and chat.prefill is None:
        output["effort"] = chat.reasoning_effort
    body: dict[str, Any] = {
        "system": [{"text": chat.system}] if chat.system else None,
        "messages": _messages(chat, returning),
        "toolConfig": _tool_config(chat),
        "inferenceConfig": {name: value for name, value in config.items() if value is not None} or None,
        "outputConfig": output or None,
    }
    return {name: value for name, value in body.items() if value is not None}


def _messages(chat: ChatRequest, returning: Returning) -> list[dict[str, Any]]:
    """The turns; blocks of the same role in a row are one turn, as results of parallel calls must be."""
    turns: list[dict[str, Any]] = []
    said = [("assistant" if m.role == "assistant" else "user", _blocks(m, returning)) for m in chat.messages]
    if chat.prefill is not None:
        begun = Message("assistant", (TextPart(without_end_blanks(chat.prefill)[0]),))
        said.append(("assistant", _blocks(begun, returning)))
    for role, blocks in said:
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message, returning: Returning) -> list[dict[str, Any]]:
    """A turn's blocks as they came."""
    if message.role == "tool":
        return [{"toolResult": _result(message)}]
    blocks: list[dict[str, Any]] = []
    for part in message.content:
        match part:
            case Reasoning():
                blocks += _reasoning(part, message, returning)
            case ToolCall():
                blocks.append({"toolUse": {"toolUseId": part.id, "name": part.name, "input": arguments_object(part)}})
            case RefusalPart():
                blocks.append({"text": part.text})
            case TextPart() | ImagePart() if not isinstance(part, TextPart) or part.text.strip():
                blocks.append(_part(part))
            case _:
                pass
    return blocks


def _result(message: Message) -> dict[str, Any]:
    found = json_object(message.text)
    content: list[dict[str, Any]] = [{"json": found}] if found is not None else []
    if found is None and message.text.strip():  # a blank text is refused
        content.append({"text": message.text})
    content += [_part(image) for image in message.images]
    return {
        "toolUseId": message.tool_call_id,
        "content": content,
        "status": "error" if message.is_error else "success",
    }


def _part(part: TextPart | ImagePart) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"text": part.text}
    kind, data = part.data or ("", "")
    if kind not in _IMAGE_FORMATS:
        raise Unsupported(f"images other than {', '.join(_IMAGE_FORMATS.values())}")
    return {"image": {"format": _IMAGE_FORMATS[kind], "source": {"bytes": data}}}


def _reasoning(block: Reasoning, message: Message, returning: Returning) -> list[dict[str, Any]]:
    redacted = returning.state(block.redacted, message)
    if redacted is not None:
        return [{"reasoningContent": {"redactedContent": redacted}}]
    signature = returning.state(block.signature, message)
    if not returning.owns(message) or (block.signature is not None and signature is None) or not block.text:
        return []
    signed = {"signature": signature} if signature else {}
    return [{"reasoningContent": {"reasoningText": {"text": block.text, **signed}}}]


def _tool_config(chat: ChatRequest) -> dict[str, Any] | None:
    if not chat.tools or chat.tool_choice == "none":
        return None
    said: dict[str, Any] = {"tools": [{"toolSpec": _tool(tool)} for tool in chat.tools]}
    if chat.tool_choice == "required":
        said["toolChoice"] = {"any": {}}
    elif chat.tool_choice not in (None, "auto"):
        said["toolChoice"] = {"tool": {"name": chat.tool_choice}}
    return said


def _tool(tool: Tool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": tool.parameters}}
    if tool.description:
        said["description"] = tool.description  # an empty one is refused
    if tool.strict is not None:
        said["strict"] = tool.strict
    return said


def _text_format(wanted: JsonSchema) -> dict[str, Any]:
    described = {"description": wanted.description} if wanted.description else {}
    schema = {"schema": msgspec.json.encode(wanted.schema).decode(), "name": wanted.name, **described}
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


provider = Bedrock()
