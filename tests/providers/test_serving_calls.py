"""Calls that come in odd orders reach clients of the two dialects that tell them in blocks: each whole, and once."""

import pytest
from standby.providers.events import Finished, Started, TextDelta, ToolCallDelta
from standby.providers.parts import TextPart, ToolCall
from standby.providers.serving import Dialect
from standby.providers.serving.messages import messages
from standby.providers.serving.responses import responses
from standby.router.result.collecting import put_together

from served import BODY, heard, streamed, whole_body

SERVED = pytest.mark.parametrize(
    ("provider", "dialect"), [("anthropic", messages), ("openai-responses", responses)], ids=["messages", "responses"]
)


@SERVED
def test_calls_that_are_announced_before_the_arguments_of_the_first_are_told_whole_and_in_their_order(
    provider: str, dialect: Dialect
) -> None:
    announced = [ToolCallDelta(0, "a", "f"), ToolCallDelta(1, "b", "g"), ToolCallDelta(2, "c", "h")]
    argued = [ToolCallDelta(0, arguments='{"x":1}'), ToolCallDelta(1, arguments='{"y":2}')]
    events = [Started("m", "i"), TextDelta("One"), *announced, *argued, TextDelta("Two"), Finished("tool_calls")]
    expected = [TextPart("One"), ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", '{"y":2}'), ToolCall("c", "h", "{}")]
    for told in (
        heard(provider, streamed(dialect, events)),
        heard(provider, whole_body(dialect, events), BODY),
    ):
        assert list(put_together(told).parts) == [*expected, TextPart("Two")]


@pytest.mark.parametrize("pieces", [("", ""), ('{"a":', "1}"), ('{"a":1}', "")])
@SERVED
def test_a_name_that_comes_behind_arguments_is_told_with_its_call(
    provider: str, dialect: Dialect, pieces: tuple[str, str]
) -> None:
    calls = [
        ToolCallDelta(0, "call_1", None, pieces[0]),
        ToolCallDelta(1, "call_2", "tell", "{}"),
        ToolCallDelta(0, None, "look", pieces[1]),
    ]
    events = [Started("model-1", "id-1"), *calls, Finished("tool_calls")]
    nameless = [*events[:-1], ToolCallDelta(2, "call_3", None, "[]"), events[-1]]
    for told in (
        heard(provider, streamed(dialect, nameless)),
        heard(provider, whole_body(dialect, events), BODY),
    ):
        found = {call.name: call.arguments for call in put_together(told).parts if isinstance(call, ToolCall)}
        assert (found["look"], found["tell"]) == ("".join(pieces) or "{}", "{}")
