"""The tables of what a dialect cannot say: every row is kept by the dialect it belongs to."""

from typing import Any

import msgspec
import pytest
from standby.providers.chat import ChatRequest, ImagePart, JsonSchema, Message, TextPart, Tool, chat_request
from standby.providers.dialects import anthropic, bedrock, cohere, gemini, mistral, ollama, openai_responses
from standby.providers.fit import FEATURES, Row, json_object, left_out, refused, said_otherwise
from standby.providers.provider import Unsupported

from components import need
from conversation import COUNT, IMAGE, TOOL, built, endpoint, weather

DIALECTS: dict[str, Any] = {"bedrock": bedrock, "cohere": cohere, "mistral": mistral, "ollama": ollama}
REGION = {"region": "eu-central-1"}


def image(part: ImagePart, role: Any = "user") -> ChatRequest:
    """A conversation that shows an image."""
    return weather(messages=(Message(role, (TextPart("See"), part), tool_call_id="1" if role == "tool" else None),))


ASKS: dict[str, ChatRequest] = {
    "images by URL": image(ImagePart("https://example.test/a.png")),
    "images outside user turns": image(IMAGE, "tool"),
    "images in assistant turns": image(IMAGE, "assistant"),
    "image detail": image(ImagePart(IMAGE.url, "low")),
    "strict tools": weather(tools=(msgspec.structs.replace(TOOL, strict=True),)),
    "only some tools strict": weather(tools=(TOOL, Tool("other", strict=True))),
    "tool_choice none": chat_request("Hi", tools=[TOOL], tool_choice="none"),
    "tool_choice required": weather(tool_choice="required"),
    "tool_choice of one tool": weather(tool_choice="get_weather"),
    "tool_choice of a tool that is not offered": weather(tool_choice="nobody"),
    "parallel_tool_calls": weather(parallel_tool_calls=False),
    "tool errors": weather(messages=(Message("tool", (TextPart("no"),), tool_call_id="1", is_error=True),)),
    "tool history without tools": weather(tools=()),
    "tool results without their call": weather(messages=(Message("tool", (TextPart("21"),), tool_call_id="1"),)),
    "temperature": weather(temperature=0.5),
    "top_p": weather(top_p=0.5),
    "top_p beside temperature": weather(top_p=0.5, temperature=0.5),
    "stop": weather(stop=("END",)),
    "stop texts of white space": weather(stop=("END", "\n")),
    "seed": weather(seed=1),
    "frequency_penalty": weather(frequency_penalty=0.5),
    "presence_penalty": weather(presence_penalty=0.5),
    "response_format without a schema": weather(response_format=JsonSchema({})),
    "reasoning_effort": weather(reasoning_effort="high"),
    "reasoning with prefill": msgspec.structs.replace(COUNT, reasoning_effort="high"),
    "prefill": COUNT,
    "prefill with a response_format": msgspec.structs.replace(COUNT, response_format=JsonSchema({"type": "object"})),
    "prefill with a forced tool": msgspec.structs.replace(COUNT, tools=(TOOL,), tool_choice="required"),
}
"""Feature -> a request that asks it."""


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_is_seen_where_it_is_asked_and_not_in_a_plain_question(feature: str) -> None:
    assert FEATURES[feature](ASKS[feature])
    assert not FEATURES[feature](chat_request("Hi"))


def test_every_feature_is_one_that_some_dialect_lacks() -> None:
    lacking = {
        row.feature for module in (*DIALECTS.values(), anthropic, gemini, openai_responses) for row in module.FIT
    }
    assert lacking == set(FEATURES)


@pytest.mark.parametrize(
    ("name", "row"),
    [(name, row) for name, module in DIALECTS.items() for row in module.FIT],
    ids=lambda value: value if isinstance(value, str) else value.feature,
)
def test_every_row_is_kept(name: str, row: Row) -> None:
    if name == "bedrock":
        need("botocore")
    provider, chat = DIALECTS[name].provider, ASKS[row.feature]
    if row.treatment == "refused":
        with pytest.raises(Unsupported, match=row.feature):
            built(provider, chat, options=REGION)
    else:
        wire = provider.build_request(chat, endpoint(provider, options=REGION))
        assert f"{row.feature} was {row.treatment}: {row.why}" in wire.notes


@pytest.mark.parametrize("make", [refused, left_out, said_otherwise])
def test_a_row_of_an_unknown_feature_is_a_mistake(make: Any) -> None:
    with pytest.raises(KeyError):
        make("telepathy", "nobody has it")


@pytest.mark.parametrize("text", ["", "[]", "7", '{"a":', "{} x", '{"a": NaN}'])
def test_what_is_no_json_object_is_told_apart(text: str) -> None:
    assert json_object(text) is None
    found = json_object(' {"a": [1.50]} ')
    assert found is not None
    assert bytes(found) == b' {"a": [1.50]} '
