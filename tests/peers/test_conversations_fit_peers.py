"""A conversation of every provider, gone on with at every other: the official SDKs know every field of what is sent."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from standby.simulator.server import Simulator

from components import need
from trips import TRIPS, ask, travelled

for package in ("anthropic", "botocore", "cohere", "google.genai", "mistralai", "ollama", "openai"):
    need(package)
import cohere.types as cohere_types  # noqa: E402 - only where they are installed
import ollama._types as ollama_types  # noqa: E402
from anthropic.types.message_create_params import MessageCreateParamsStreaming as Anthropic  # noqa: E402
from botocore.session import Session  # noqa: E402
from botocore.validate import ParamValidator  # noqa: E402
from google.genai import types as genai  # noqa: E402
from mistralai.client.models import ChatCompletionStreamRequest  # noqa: E402
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming as Chat  # noqa: E402
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming as Responses  # noqa: E402


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Of typed dicts, in which nothing unknown may stand: their setting is taken from the list around them."""
    return TypeAdapter(list[kind], config={"extra": "forbid"})


def _known(kind: Any) -> Callable[[Any], None]:
    def check(body: Any) -> None:
        _forced(_adapter(kind).validate_python([body]))

    return check


def _forced(found: Any) -> None:
    """Look at all of what was validated: what is an iterable by its type is validated when it is iterated over."""
    if isinstance(found, dict):
        found = found.values()
    if not isinstance(found, str | bytes) and hasattr(found, "__iter__"):
        for each in found:
            _forced(each)


def _nothing_beyond(found: Any) -> None:
    """Models that take more than they know have kept nothing unknown."""
    if isinstance(found, BaseModel):
        assert not found.model_extra, found.model_extra
        found = {name: getattr(found, name) for name in type(found).model_fields}
    if isinstance(found, dict):
        found = [*found.values()]
    if isinstance(found, list | tuple):
        for each in found:
            _nothing_beyond(each)


def _all_kept(given: Any, dumped: Any) -> None:
    """Models that drop what they do not know have dropped nothing."""
    if isinstance(given, dict):
        assert set(given) <= set(dumped), set(given) - set(dumped)
        for name, value in given.items():
            _all_kept(value, dumped[name])
    elif isinstance(given, list):
        for one, other in zip(given, dumped, strict=True):
            _all_kept(one, other)


def _mistral(body: Any) -> None:
    found = ChatCompletionStreamRequest.model_validate(body)
    _all_kept(body, found.model_dump(mode="json", by_alias=True))


def _cohere(body: Any) -> None:
    for message in body["messages"]:
        found = TypeAdapter(cohere_types.ChatMessageV2).validate_python(message)
        _nothing_beyond(found)
    for tool in body["tools"]:
        _nothing_beyond(cohere_types.ToolV2.model_validate(tool))


def _ollama(body: Any) -> None:
    ollama_types.ChatRequest.model_validate(body)
    for message in body["messages"]:  # ids of calls are newer than the SDK, which drops them
        message.pop("tool_call_id", None)
        for call in message.get("tool_calls", ()):
            call.pop("id", None)
        _all_kept(message, ollama_types.Message.model_validate(message).model_dump(mode="json"))
    for tool in body["tools"]:
        _all_kept(tool, ollama_types.Tool.model_validate(tool).model_dump(mode="json", by_alias=True))


def _gemini(body: Any) -> None:
    for content in body["contents"]:
        genai.Content.model_validate(content)
    for tool in body["tools"]:
        genai.Tool.model_validate(tool)
    genai.GenerationConfig.model_validate(body.get("generationConfig", {}))


@cache
def _converse() -> Any:
    return Session().get_service_model("bedrock-runtime").operation_model("ConverseStream").input_shape


def _bedrock(body: Any) -> None:
    report = ParamValidator().validate({"modelId": "m", **body}, _converse())
    assert not report.has_errors(), report.generate_report()


KNOWN: dict[str, Callable[[Any], None]] = {
    "anthropic": _known(Anthropic),
    "azure-openai": _known(Chat),
    "bedrock": _bedrock,
    "cohere": _cohere,
    "gemini": _gemini,
    "mistral": _mistral,
    "ollama": _ollama,
    "openai": _known(Chat),
    "openai-responses": _known(Responses),
}


@pytest.mark.parametrize("origin", TRIPS)
async def test_the_sdks_know_all_that_is_sent(simulator: Simulator, origin: str) -> None:
    """The conversation is held once, and goes on at its own provider and at every other."""
    turns = await travelled(simulator, origin)
    unknown: dict[str, str] = {}
    for name, check in KNOWN.items():
        if origin != name:
            simulator.play(name, "Bye.", dialect=TRIPS[name].dialect)
        await ask(simulator, name, turns, stream=True)
        try:
            check(simulator.exchanges[-1].request.json)
        except (ValueError, AssertionError) as error:
            unknown[name] = str(error)
    assert unknown == {}


@pytest.mark.parametrize("name", KNOWN)
async def test_the_sdk_would_miss_a_field_that_is_none(simulator: Simulator, name: str) -> None:
    """The check can fail: a field that nobody knows is found wherever it stands."""
    turns = await travelled(simulator, name)
    await ask(simulator, name, turns, stream=True)
    body = simulator.exchanges[-1].request.json
    turn = (body.get("messages") or body.get("contents") or body["input"])[1]
    turn["of_nobody"] = 1
    with pytest.raises((ValueError, AssertionError)):
        KNOWN[name](body)
