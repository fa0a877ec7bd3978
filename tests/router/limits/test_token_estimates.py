"""The estimate of a request's tokens, by which budgets are charged and windows compared before anything is sent."""

from typing import Any

import pytest
from standby.providers.chat import chat_request
from standby.router.limits.token_estimate import (
    LIKELY_ANSWER_TOKENS,
    LONG_ANSWER_TOKENS,
    demand,
    estimated_tokens,
    plain_tokens,
)

from standby import ImagePart, JsonSchema, Message, TextPart, Tool, ToolCall

QUESTION = "What do you see there?"
PICTURE = ImagePart("https://pictures.test/1.png")
CALL = ToolCall("call_1", "look", '{"where":"' + "up there " * 40 + '"}')
TOOL = Tool("look", "Looks at a place. " * 20, {"type": "object", "properties": {"where": {"type": "string"}}})


def messages(*parts: Any) -> list[Message]:
    return [Message("user", tuple(parts))]


def test_the_estimate_of_a_text_is_the_same_by_the_short_way() -> None:
    chat = chat_request([Message("user", QUESTION), Message("assistant", "A bird."), Message("user", QUESTION)])
    assert estimated_tokens(chat) == plain_tokens(chat) == (2 * len(QUESTION) + len("A bird.")) // 4


def test_each_image_counts_beside_the_text() -> None:
    text = estimated_tokens(chat_request(messages(TextPart(QUESTION))))
    one, two = (estimated_tokens(chat_request(messages(TextPart(QUESTION), *[PICTURE] * n))) for n in (1, 2))
    assert text < one < two
    assert two - one == one - text


def test_arguments_of_calls_and_descriptions_of_tools_count() -> None:
    asked = Message("user", QUESTION)
    before = [asked, Message("assistant", "", tool_calls=(CALL,)), Message("tool", "A bird.", tool_call_id="call_1")]
    assert estimated_tokens(chat_request(before)) >= (len(QUESTION) + len(CALL.arguments)) // 4
    without, with_tool = demand(chat_request([asked])), demand(chat_request([asked], tools=[TOOL]))
    assert with_tool.prompt - without.prompt >= len(TOOL.description) // 4


@pytest.mark.parametrize(
    ("asked", "settings"),
    [
        (messages(TextPart(QUESTION), PICTURE), {}),
        ([Message("user", QUESTION)], {"tools": [TOOL]}),
        ([Message("user", QUESTION)], {"response_format": JsonSchema({"type": "object"})}),
    ],
    ids=["an image", "a tool", "a schema"],
)
def test_the_short_way_leaves_all_other_requests_to_the_long_one(asked: list[Message], settings: Any) -> None:
    assert plain_tokens(chat_request(asked, **settings)) is None


@pytest.mark.parametrize(
    ("of_request", "of_target", "likely", "most"),
    [
        (None, None, LIKELY_ANSWER_TOKENS, LONG_ANSWER_TOKENS),
        (None, 300, 300, 300),
        (200, None, 200, 200),
        (200, 300, 200, 200),
    ],
)
def test_an_answer_is_bounded_by_its_request_before_its_target(
    of_request: int | None, of_target: int | None, likely: int, most: int
) -> None:
    estimate = demand(chat_request(QUESTION, max_tokens=of_request), of_target)
    assert (estimate.likely.output_tokens, estimate.most.output_tokens) == (likely, most)
    assert estimate.tokens == estimate.prompt + likely
    assert estimate.most.input_tokens > 1.4 * estimate.likely.input_tokens, "for money, rather too many"
