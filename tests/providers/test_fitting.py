"""A request is made fit for its target by what is known of it: kind by kind, what is moved, noted, or refused."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.providers import registry
from standby.providers.capabilities import Capabilities
from standby.providers.chat import (
    AudioPart,
    ChatRequest,
    FilePart,
    JsonSchema,
    Message,
    Part,
    TextPart,
    Tool,
    chat_request,
)
from standby.providers.fitting.effort import nearest
from standby.providers.fitting.mechanism import RULES, Watched
from standby.providers.provider import Unsupported, WireRequest

from components import need
from conversation import TOOL, built

REGION = {"region": "eu-central-1"}
STRICT_TOOL = Tool("f", parameters={"type": "object", "properties": {"a": {"type": "string"}}}, strict=True)
CLAUDE = "anthropic.claude-opus-4-6-v1:0"


@pytest.fixture(autouse=True, scope="module")
def _with_botocore() -> None:
    need("botocore")


def fit(where: str, chat: ChatRequest, **to: Any) -> WireRequest:
    """The request at `provider/model`."""
    name, _, model = where.partition("/")
    return built(registry.get(name), chat, model or "m", options=REGION if name == "bedrock" else {}, **to)


def at(body: Any, path: str) -> Any:
    """What stands in a body at `a.b.0`; None where nothing does."""
    for part in path.split("."):
        if isinstance(body, list):
            body = body[int(part)] if int(part) < len(body) else None
        else:
            body = body.get(part) if isinstance(body, dict) else None
    return body


def ask(**options: Any) -> ChatRequest:
    return chat_request("Hi", **options)


def tooled(**options: Any) -> ChatRequest:
    return ask(tools=[TOOL], **options)


def effort(value: str) -> ChatRequest:
    return ask(reasoning_effort=value)


def effort_beside_tools(value: str) -> ChatRequest:
    return tooled(reasoning_effort=value)


# Efforts: E4 to E10.
EFFORTS: list[tuple[str, ChatRequest, str, Any, str]] = [
    # E5: by model
    ("openai/gpt-5-mini", effort("none"), "reasoning_effort", "minimal", "reasoning_effort none was"),
    ("openai/gpt-5-mini", effort("xhigh"), "reasoning_effort", "high", "reasoning_effort xhigh was"),
    ("openai/gpt-5.1", effort("minimal"), "reasoning_effort", "low", "reasoning_effort minimal was"),
    ("openai/gpt-5.1", effort("none"), "reasoning_effort", "none", ""),
    ("openai/gpt-5.2", effort("max"), "reasoning_effort", "xhigh", "reasoning_effort max was"),
    ("openai/gpt-5.6-sol", effort("max"), "reasoning_effort", "max", ""),
    ("openai/gpt-4o", effort("low"), "reasoning_effort", None, "reasoning_effort was"),
    ("openai/gpt-5-pro", effort("low"), "reasoning_effort", None, "reasoning_effort low was"),
    ("openai/o3", effort("minimal"), "reasoning_effort", "low", "reasoning_effort minimal was"),
    ("openai/o1-mini", effort("low"), "reasoning_effort", None, "reasoning_effort was"),
    ("openai/gpt-9", effort("max"), "reasoning_effort", "max", ""),
    ("openai-responses/gpt-5-mini", effort("max"), "reasoning.effort", "high", "reasoning_effort max was"),
    ("openai-responses/gpt-4.1", effort("low"), "reasoning", None, "reasoning_effort was"),
    ("azure-openai/our-gpt-5", effort("max"), "reasoning_effort", "max", ""),  # no model in the name
    # E4: beside tools
    ("openai/gpt-5.6-luna", tooled(), "reasoning_effort", "none", "reasoning_effort was said as none"),
    ("openai/gpt-5.5", effort_beside_tools("high"), "reasoning_effort", "none", "reasoning_effort high was"),
    ("openai/gpt-5.4", effort_beside_tools("high"), "reasoning_effort", None, "reasoning_effort high was"),
    ("openai/gpt-5.4-mini", tooled(), "reasoning_effort", None, ""),
    ("openai/gpt-5.1", effort_beside_tools("high"), "reasoning_effort", "high", ""),
    ("openai/gpt-5.6", effort("high"), "reasoning_effort", "high", ""),
    ("openai-responses/gpt-5.6", effort_beside_tools("high"), "reasoning.effort", "high", ""),
    # E6
    ("xai/grok-4", effort("high"), "reasoning_effort", None, "reasoning_effort was"),
    ("xai/grok-3", effort("low"), "reasoning_effort", None, "reasoning_effort was"),
    ("xai/grok-code-fast-1", effort("low"), "reasoning_effort", None, "reasoning_effort was"),
    ("xai/grok-4-fast-reasoning", effort("low"), "reasoning_effort", None, "reasoning_effort was"),
    ("xai/grok-3-mini", effort("medium"), "reasoning_effort", "low", "reasoning_effort medium was"),
    ("xai/grok-4.3", effort("none"), "reasoning_effort", "none", ""),
    # E7
    ("groq/qwen/qwen3-32b", effort("low"), "reasoning_effort", None, "reasoning_effort low was"),
    ("groq/qwen/qwen3-32b", effort("none"), "reasoning_effort", "none", ""),
    ("groq/openai/gpt-oss-20b", effort("none"), "reasoning_effort", "low", "reasoning_effort none was"),
    ("groq/llama-3.3-70b", effort("high"), "reasoning_effort", None, "reasoning_effort was"),
    # E8
    ("mistral/mistral-small-latest", effort("medium"), "reasoning_effort", "high", "reasoning_effort medium was"),
    ("mistral/mistral-medium-3-5", effort("none"), "reasoning_effort", "none", ""),
    ("mistral/mistral-large-latest", effort("low"), "reasoning_effort", None, "reasoning_effort was"),
    ("mistral/magistral-medium-latest", effort("low"), "reasoning_effort", None, "reasoning_effort was"),
    # E9
    ("anthropic/claude-fable-5", effort("none"), "output_config.effort", "low", "reasoning_effort none was"),
    ("anthropic/claude-fable-5", effort("none"), "thinking.type", "adaptive", "reasoning_effort none was"),
    ("anthropic/claude-opus-4-6", effort("xhigh"), "output_config.effort", "high", "reasoning_effort xhigh was"),
    ("anthropic/claude-sonnet-4-6", effort("max"), "output_config.effort", "max", ""),
    ("anthropic/claude-opus-5", effort("none"), "thinking.type", "disabled", ""),
    ("anthropic/claude-opus-9", effort("xhigh"), "output_config.effort", "xhigh", ""),
    (f"bedrock/{CLAUDE}", effort("xhigh"), "outputConfig.effort", "high", "reasoning_effort xhigh was"),
    ("bedrock/us.anthropic.claude-fable-5", effort("none"), "outputConfig.effort", "low", "reasoning_effort"),
    ("bedrock/amazon.nova-pro-v1:0", effort("xhigh"), "outputConfig.effort", "xhigh", ""),
    # and the others
    ("gemini/gemini-3-pro-preview", effort("medium"), "generationConfig.thinkingConfig.thinkingLevel",
     "LOW", "reasoning_effort medium was"),
    ("deepseek/deepseek-v4-pro", effort("xhigh"), "reasoning_effort", None, "reasoning_effort xhigh was"),
    ("deepseek/deepseek-v4-pro", effort("low"), "reasoning_effort", "low", ""),
    ("deepseek/deepseek-v4-pro", effort("none"), "thinking.type", "disabled", ""),
    ("ollama/gpt-oss:20b", effort("none"), "think", "low", "reasoning_effort none was"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "chat", "path", "value", "note"), EFFORTS)
def test_an_effort_is_moved_to_the_nearest_that_is_taken(
    where: str, chat: ChatRequest, path: str, value: Any, note: str
) -> None:
    wire = fit(where, chat)
    assert at(json.loads(wire.body), path) == value
    assert [each.startswith(note) for each in wire.notes] == ([True] if note else [])
    if note:
        with pytest.raises(Unsupported, match="reasoning_effort"):
            fit(where, chat, fit="strict")
        assert not fit(where, chat, fit="off").notes
    else:
        assert fit(where, chat, fit="strict").body == wire.body


@given(st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]), st.sets(st.sampled_from(
    ["none", "minimal", "low", "medium", "high", "xhigh", "max"])))  # fmt: skip
def test_the_nearest_effort_is_taken_and_thinking_is_not_switched_off_for_nothing(wanted: Any, allowed: Any) -> None:
    found = nearest(wanted, allowed)
    assert (found is None) == (not allowed)
    if wanted in allowed:
        assert found == wanted
    if wanted != "none" and allowed - {"none"}:
        assert found != "none"


LEFT_OUT: list[tuple[str, ChatRequest, tuple[str, ...]]] = [
    # E10, and what has no sampling at all
    ("openai/gpt-5.2", ask(temperature=0.3, reasoning_effort="high"), ("temperature",)),
    ("openai/gpt-5.2", ask(temperature=0.3), ()),
    ("openai/gpt-5.2", ask(temperature=0.3, reasoning_effort="none"), ()),
    ("openai/gpt-5.6", ask(temperature=0.3, top_p=0.9), ("temperature", "top_p")),  # it thinks by itself
    ("openai/gpt-5.6", tooled(temperature=0.3, reasoning_effort="none"), ()),
    ("openai-responses/gpt-5.2", ask(temperature=0.3, reasoning_effort="low"), ("temperature",)),
    ("openai/gpt-5-mini", ask(temperature=0.3, frequency_penalty=1.0), ("temperature", "frequency_penalty")),
    ("openai/gpt-5-chat-latest", ask(temperature=0.3), ()),
    ("anthropic/claude-opus-4-8", ask(temperature=0.3), ("temperature",)),
    ("moonshot/kimi-k2.6", ask(temperature=0.3, top_p=0.5), ("temperature", "top_p")),
    # E6: penalties
    ("xai/grok-4", ask(presence_penalty=0.5, frequency_penalty=0.5), ("frequency_penalty", "presence_penalty")),
    ("xai/grok-3", ask(presence_penalty=0.5), ()),
    ("xai/grok-4-fast-non-reasoning", ask(presence_penalty=0.5), ()),
    ("perplexity/sonar", ask(seed=1), ("seed",)),
    ("openai/gpt-4o", ask(verbosity="low"), ("verbosity",)),
    ("openai/gpt-5.1", ask(verbosity="low"), ()),
]


@pytest.mark.parametrize(("where", "chat", "names"), LEFT_OUT)
def test_what_only_shapes_an_answer_is_left_out_where_it_is_refused(
    where: str, chat: ChatRequest, names: tuple[str, ...]
) -> None:
    wire = fit(where, chat)
    assert [note.partition(" was left out: ")[0] for note in wire.notes if " was left out: " in note] == list(names)
    assert not any(name in json.loads(wire.body) for name in names)
    if names:
        with pytest.raises(Unsupported, match=f"^{names[0]}$"):
            fit(where, chat, fit="strict")
        assert names[0] in json.loads(fit(where, chat, fit="off").body) or where.startswith("anthropic")


@pytest.mark.parametrize(
    ("where", "asked", "sent"),
    [("anthropic/claude-haiku-4-5", 1.7, 1.0), ("mistral/mistral-small-latest", 2.0, 1.5), ("zai/glm-5", 1.2, 1.0),
     ("minimax/minimax-m2", 0.4, 0.4), ("openai/gpt-4o", 1.9, 1.9)],
)  # fmt: skip
def test_a_temperature_is_lowered_to_the_highest(where: str, asked: float, sent: float) -> None:
    wire = fit(where, ask(temperature=asked))
    assert json.loads(wire.body)["temperature"] == sent
    assert len(wire.notes) == (asked != sent)


def test_a_verbosity_is_moved_to_the_nearest() -> None:
    wire = fit("openai/gpt-5-chat-latest", ask(verbosity="high"))
    assert json.loads(wire.body)["verbosity"] == "medium"
    assert wire.notes == ("verbosity high was said as medium: gpt-5-chat-latest takes only medium",)


@pytest.mark.parametrize(
    ("model", "asked", "sent", "takes"),
    [
        ("gemini-2.5-flash", 100, 100, "0 to 24576"),
        ("gemini-2.5-flash", 24_576, 24_576, "0 to 24576"),
        ("gemini-2.5-flash", 100_000, 24_576, "0 to 24576"),
        ("gemini-2.5-flash-lite", 100, 512, "512 to 24576"),
        ("gemini-2.5-pro", 64, 128, "128 to 32768"),
        ("gemini-2.5-pro", 100_000, 32_768, "128 to 32768"),
    ],
)
def test_a_budget_is_moved_to_the_nearest(model: str, asked: int, sent: int, takes: str) -> None:
    wire = fit(f"gemini/{model}", ask(reasoning_budget_tokens=asked))
    assert at(json.loads(wire.body), "generationConfig.thinkingConfig.thinkingBudget") == sent
    moved = f"reasoning_budget_tokens {asked} was said as {sent}: {model} takes from {takes}"
    assert wire.notes == ((moved,) if asked != sent else ())
    if asked != sent:
        with pytest.raises(Unsupported, match=r"^reasoning_budget_tokens$"):
            fit(f"gemini/{model}", ask(reasoning_budget_tokens=asked), fit="strict")


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-2.5-flash-lite"])
def test_thinking_is_switched_off_whatever_the_least_budget_is(model: str) -> None:
    wire = fit(f"gemini/{model}", ask(reasoning_effort="none"))
    assert at(json.loads(wire.body), "generationConfig.thinkingConfig.thinkingBudget") in (0, None)
    assert not wire.notes


@pytest.mark.parametrize(
    ("where", "tier", "is_sent"),
    [
        ("openai/gpt-4o", "flex", False),
        ("openai/gpt-4o", "priority", True),
        ("openai-responses/o1", "priority", False),
        ("openai/o3", "flex", True),
        ("openai-responses/gpt-5-nano", "priority", False),
        ("openai-responses/gpt-5-nano", "flex", True),
        ("openai/gpt-5-chat-latest", "flex", False),
        ("openai/gpt-9", "flex", True),
        ("openai/gpt-4o", "default", True),
        ("groq/gpt-4o", "flex", True),
    ],
)
def test_a_tier_is_left_out_where_the_model_is_not_served_in_it(where: str, tier: str, is_sent: bool) -> None:
    wire = fit(where, ask(service_tier=tier))
    assert json.loads(wire.body).get("service_tier") == (tier if is_sent else None)
    model = where.partition("/")[2]
    assert wire.notes == (() if is_sent else (f"service_tier was left out: {model} is not served as {tier}",))


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
IMAGES = [{"type": "image_url", "image_url": {"url": "data:image/bmp;base64,Qk0="}}]
LINK = {"type": "image_url", "image_url": {"url": "https://x/a.png"}}
LARGE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 7_100_000}}]


def given_parts(*parts: Part) -> ChatRequest:
    return ChatRequest(messages=(Message("user", parts),))


def shown(*parts: dict[str, Any]) -> ChatRequest:
    return chat_request([{"role": "user", "content": list(parts)}])


REFUSED: list[tuple[str, ChatRequest, str]] = [
    ("deepseek/deepseek-chat", ask(response_format=JsonSchema(SCHEMA)), "response_format with a schema"),  # E12
    ("openai/gpt-3.5-turbo", ask(response_format=JsonSchema(SCHEMA)), "response_format with a schema"),
    ("anthropic/claude-3-haiku-20240307", ask(response_format=JsonSchema(SCHEMA)), "response_format with a schema"),
    ("anthropic/claude-haiku-4-5", ask(response_format=JsonSchema({})), "response_format without a schema"),
    ("gemini/gemini-2.5-flash", tooled(response_format=JsonSchema(SCHEMA)), "tools with a response_format"),  # E13
    ("gemini/gemini-2.0-flash", tooled(response_format=JsonSchema({})), "tools with a response_format"),
    ("cohere/command-a-03-2025", tooled(response_format=JsonSchema(SCHEMA)), "tools with a response_format"),
    ("openai/gpt-4o", ask(max_tokens=20_000), "max_tokens above 16384"),
    ("anthropic/claude-3-5-haiku-latest", ask(max_tokens=8193), "max_tokens above 8192"),
    ("openai/o3", ask(stop="x"), "stop"),
    ("xai/grok-4", ask(stop="x"), "stop"),
    ("perplexity/sonar", tooled(), "tools"),
    ("bedrock/anthropic.claude-haiku-4-5", shown(*IMAGES), "images other than png, jpeg, gif, webp"),
    ("openai/gpt-4o", shown(*IMAGES), "images other than png, jpeg, webp, gif"),
    ("anthropic/claude-haiku-4-5", shown(*LARGE), "an image above 5242880 bytes"),
    ("groq/meta-llama/llama-4", shown(*[LINK] * 6), "more than 5 images"),
    ("bedrock/amazon.nova-pro-v1:0", shown(*LARGE), "an image above 3932160 bytes"),
    ("bedrock/amazon.nova-pro-v1:0", given_parts(FilePart("data:application/pdf;base64," + "A" * 6_300_000)),
     "a file above 4718592 bytes"),
    ("gemini/gemini-3-flash-preview", shown(*IMAGES), "images other than png, jpeg, webp, heic, heif"),
    ("openai/gpt-audio", given_parts(AudioPart("data:audio/ogg;base64,T2dnUw==")),
     "audio other than wav, x-wav, wave, mpeg, mp3"),
    ("openai/o3", ask(logprobs=True), "logprobs"),
    ("openai/gpt-5-mini", ask(top_logprobs=3), "logprobs"),
    ("openai-responses/gpt-5", ask(top_logprobs=3), "logprobs"),
    ("gemini/gemini-3.5-flash", ask(logprobs=True), "logprobs"),
    ("openai/gpt-4o", ask(response_format=JsonSchema({"oneOf": [{"type": "object"}]})),
     "response_format: the keyword oneOf in a schema"),
    ("perplexity/sonar", chat_request([{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]),
     "a conversation that the assistant begins"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "chat", "feature"), REFUSED)
def test_what_cannot_be_moved_is_refused_before_anything_is_sent(where: str, chat: ChatRequest, feature: str) -> None:
    for mode in ("nearest", "strict"):
        with pytest.raises(Unsupported, match=f"^{feature}$"):
            fit(where, chat, fit=mode)


TAKEN: list[tuple[str, ChatRequest]] = [
    ("deepseek/deepseek-chat", ask(response_format=JsonSchema({}))),
    ("gemini/gemini-3-flash-preview", tooled(response_format=JsonSchema(SCHEMA))),
    ("openai/gpt-4o-of-tomorrow", ask(max_tokens=16_384)),
    ("openai/gpt-9", ask(max_tokens=9_000_000, temperature=1.9, presence_penalty=0.5, reasoning_effort="xhigh")),
    ("xai/grok-3", ask(stop="x", presence_penalty=0.5)),
    ("groq/new-model", ask(reasoning_effort="minimal")),
    ("openai/gpt-4o", ask(top_logprobs=3)),
    ("openai/gpt-5-chat-latest", ask(logprobs=True)),
    ("openai/gpt-5.1", ask(logprobs=True)),
    ("gemini/gemini-2.5-flash", ask(logprobs=True)),
    ("gemini/gemini-3.5-flash-lite", ask(logprobs=True)),
    ("openai/gpt-audio", given_parts(TextPart("Hear"), AudioPart("data:audio/mpeg;base64,SUQz"))),
    (
        "bedrock/amazon.nova-pro-v1:0",
        given_parts(TextPart("Read"), FilePart("data:application/pdf;base64,JVBERi0=", "a")),
    ),
    ("vllm/anything", chat_request([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])),
]


@pytest.mark.parametrize(("where", "chat"), TAKEN)
def test_what_is_taken_or_not_known_goes_as_it_was_written(where: str, chat: ChatRequest) -> None:
    wire = fit(where, chat)
    assert wire.notes == ()
    assert wire.body == fit(where, chat, fit="off").body == fit(where, chat, fit="strict").body


# Schemas: E11.
NESTED = {
    "type": "object",
    "title": "T",
    "properties": {
        "list": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "integer"}}}},
        "any": {"anyOf": [{"$ref": "#/$defs/c"}, {"type": "null"}]},
        "maybe": {"type": ["object", "null"], "properties": {}},
    },
    "$defs": {"c": {"type": "object", "properties": {"d": {"type": "string"}}, "additionalProperties": False}},
}


def objects(node: Any) -> list[dict[str, Any]]:
    """Every schema of an object in a schema."""
    found = (
        [node] if isinstance(node, dict) and ("properties" in node and not isinstance(node["properties"], str)) else []
    )
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return found + [each for part in parts for each in objects(part)]


@pytest.mark.parametrize(
    ("where", "path"),
    [("anthropic/claude-opus-4-6", "output_config.format.schema"),
     (f"bedrock/{CLAUDE}", "outputConfig.textFormat.structure.jsonSchema.schema")],
)  # fmt: skip
@pytest.mark.parametrize("strict", [False, True])
def test_every_object_of_a_schema_is_closed_with_one_note(where: str, path: str, strict: bool) -> None:
    before = json.dumps(NESTED)
    wire = fit(where, ask(response_format=JsonSchema(NESTED, strict=strict)))
    sent = at(json.loads(wire.body), path)
    sent = json.loads(sent) if isinstance(sent, str) else sent
    assert [each["additionalProperties"] for each in objects(sent)] == [False] * 4
    assert wire.notes == ("response_format: additionalProperties false was added to its objects",)
    assert json.dumps(NESTED) == before, "the caller's own schema is not touched"
    with pytest.raises(Unsupported, match="response_format as it is written"):
        fit(where, ask(response_format=JsonSchema(NESTED)), fit="strict")


def test_a_closed_schema_goes_as_it_is() -> None:
    closed = {**SCHEMA, "required": ["a"], "additionalProperties": False}
    for where in ("anthropic/claude-opus-4-6", "openai/gpt-4o", "openai-responses/gpt-5.2", f"bedrock/{CLAUDE}"):
        assert fit(where, ask(response_format=JsonSchema(closed))).notes == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": True}}},
        {"type": "object", "properties": {"a": {"type": "object", "patternProperties": {"^x": {}}}}},
    ],
)
def test_an_object_that_is_open_on_purpose_is_refused_where_objects_must_be_closed(schema: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match=r"^response_format: an object "):
        fit("anthropic/claude-opus-4-6", ask(response_format=JsonSchema(schema)))
    assert fit("openai/gpt-4o", ask(response_format=JsonSchema(schema, strict=False))).notes == ()


def test_a_keyword_that_only_describes_is_left_out_and_one_that_constrains_is_not() -> None:
    bounded = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1, "description": "n"}}}
    with pytest.raises(Unsupported, match="the keyword minimum in a schema"):
        fit("anthropic/claude-opus-4-6", ask(response_format=JsonSchema(bounded, strict=True)))
    loose = fit("anthropic/claude-opus-4-6", ask(response_format=JsonSchema(bounded, strict=False)))
    sent = json.loads(loose.body)["output_config"]["format"]["schema"]["properties"]["a"]
    assert sent == {"type": "integer", "description": "n (minimum: 1)"}
    assert any("minimum was left out of the schema, and is told in a description" in note for note in loose.notes)
    defaulted = {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}, "required": ["a"]}
    wire = fit("openai/gpt-4o", ask(response_format=JsonSchema(defaulted)))
    assert "default" not in json.loads(wire.body)["response_format"]["json_schema"]["schema"]["properties"]["a"]
    assert "response_format: the keyword default was left out of the schema" in wire.notes


def test_a_name_that_is_a_keyword_is_a_name() -> None:
    named = {"type": "object", "properties": {"minimum": {"type": "integer"}}, "additionalProperties": False}
    wire = fit("anthropic/claude-opus-4-6", ask(response_format=JsonSchema(named)))
    assert json.loads(wire.body)["output_config"]["format"]["schema"] == named


def test_strict_schemas_of_openai_are_narrowed_and_loose_ones_are_not() -> None:
    wire = fit("openai/gpt-4o", ask(response_format=JsonSchema(SCHEMA)))
    sent = json.loads(wire.body)["response_format"]["json_schema"]["schema"]
    assert sent == {**SCHEMA, "required": ["a"], "additionalProperties": False}
    assert "response_format: every property was made required" in wire.notes
    assert not fit("openai/gpt-4o", ask(response_format=JsonSchema(SCHEMA, strict=False))).notes
    tool = json.loads(fit("openai/gpt-4o", ask(tools=[STRICT_TOOL])).body)["tools"][0]["function"]
    assert tool["parameters"] == {**STRICT_TOOL.parameters, "required": ["a"], "additionalProperties": False}
    loose = msgspec.structs.replace(STRICT_TOOL, strict=None)
    assert json.loads(fit("openai/gpt-4o", ask(tools=[loose])).body)["tools"][0]["function"]["parameters"] == SCHEMA


@pytest.mark.parametrize("odd", [{"required": 5}, {"required": None}, {"description": 5, "default": 1}])
@pytest.mark.parametrize("where", ["openai/gpt-4o", "anthropic/claude-opus-4-6"])
def test_a_schema_that_is_none_is_fitted_or_left_to_its_provider_and_raises_nothing(where: str, odd: Any) -> None:
    schema = {**STRICT_TOOL.parameters, **odd}
    tool = msgspec.structs.replace(STRICT_TOOL, parameters=schema)
    for chat in (ask(tools=[tool]), ask(response_format=JsonSchema({**schema, "minimum": 1}, strict=False))):
        assert json.loads(fit(where, chat).body)


# The target's own word.
def test_a_target_says_what_its_model_takes() -> None:
    known = Capabilities(efforts=("low", "high"), sampling_efforts=("low",), effort_default="high")
    wire = fit("azure-openai/d", ask(reasoning_effort="medium", temperature=0.2), capabilities=known)
    body = json.loads(wire.body)
    assert (body["reasoning_effort"], body["temperature"]) == ("low", 0.2)
    assert [note.split(":")[0] for note in wire.notes] == ["reasoning_effort medium was said as low"]


@pytest.mark.parametrize(
    ("form", "wire"),
    [("json_schema", {"type": "json_schema"}), ("json_object_schema", {"type": "json_object", "schema": SCHEMA})],
)
def test_a_schema_is_asked_for_in_the_servers_form(form: str, wire: dict[str, Any]) -> None:
    chat = ask(response_format=JsonSchema(SCHEMA, strict=False))
    body = json.loads(fit("openai/m", chat, quirks={"json": form}).body)
    assert body["response_format"].items() >= wire.items()
    with pytest.raises(Unsupported, match="response_format with a schema"):
        fit("openai/m", chat, quirks={"json": "json_object"})


def test_a_rule_is_asked_only_where_a_field_that_it_watches_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    breaks = Watched(lambda chat, facts: 1 / 0, ("max_tokens",), lambda known, quirks: True)  # type: ignore[arg-type,return-value]
    monkeypatch.setattr("standby.providers.fitting.mechanism.RULES", (breaks,))
    assert fit("openai/gpt-5.6", ask()).notes == fit("openai/gpt-5.6", ask(seed=1)).notes == ()
    with pytest.raises(ZeroDivisionError):
        fit("openai/gpt-5.6", ask(max_tokens=5))


def test_a_rule_watches_fields_that_there_are() -> None:
    assert {field for watched in RULES for field in watched.fields} <= set(ChatRequest.__struct_fields__)
