"""Plain requests and plain answers take a shorter way, and come out as by the careful one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.providers.events import Finished, Started, TextDelta, Usage
from standby.providers.serving import Asked, Dialect, Refused
from standby.providers.serving.chat import chat
from standby.providers.serving.messages import messages
from standby.providers.serving.plain import plain_messages, plain_responses
from standby.providers.serving.responses import responses

from served import ABOUT, READY, TEXTS, asked, from_here, whole

PARTS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), min_size=1, max_size=3)
NUMBERS = st.none() | st.floats(0, 2) | st.integers(0, 2)
COUNTS = st.integers(1, 2**40)

MESSAGES = st.fixed_dictionaries(
    {
        "model": TEXTS,
        "max_tokens": COUNTS,
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXTS | PARTS}),
            max_size=3,
        ).map(lambda turns: [*turns, {"role": "user", "content": "So?"}]),
    },
    optional={
        "system": st.none() | st.just("") | TEXTS | PARTS.map(lambda parts: parts[:1]),
        "stream": st.booleans(),
        "temperature": NUMBERS,
        "top_p": NUMBERS,
        "top_k": st.none() | COUNTS,
    },
)
RESPONSES = st.fixed_dictionaries(
    {
        "model": TEXTS,
        "input": TEXTS
        | st.lists(
            st.fixed_dictionaries(
                {"role": st.just("user"), "content": TEXTS}, optional={"type": st.sampled_from(["message", None])}
            ),
            min_size=1,
            max_size=3,
        ),
    },
    optional={
        "instructions": st.none() | TEXTS,
        "store": st.sampled_from([None, False]),
        "stream": st.booleans(),
        "max_output_tokens": st.none() | COUNTS,
        "temperature": NUMBERS,
        "top_p": NUMBERS,
    },
)
CAREFULLY: dict[str, Any] = {"thinking": None, "include": None}
"""Fields that say nothing when they are null, and are known with care alone."""


def both(dialect: Dialect, plain: Callable[[bytes], Asked | None], fields: dict[str, Any]) -> None:
    quick, slow = (json.dumps(each).encode() for each in (fields, fields | CAREFULLY))
    assert plain(quick) is not None
    assert plain(slow) is None
    assert dialect.read(quick) == dialect.read(slow)


@READY
@given(MESSAGES)
def test_a_plain_request_of_messages_is_read_as_any_other(fields: dict[str, Any]) -> None:
    both(messages, plain_messages, fields)


@READY
@given(RESPONSES)
def test_a_plain_request_of_responses_is_read_as_any_other(fields: dict[str, Any]) -> None:
    both(responses, plain_responses, fields)


USER = {"role": "user", "content": "Hi"}
NOT_PLAIN = [
    (messages, plain_messages, {"max_tokens": 0, "messages": [USER]}),
    (messages, plain_messages, {"max_tokens": 9, "messages": []}),
    (messages, plain_messages, {"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text"}]}]}),
    (messages, plain_messages, {"max_tokens": 9, "messages": [USER], "temperature": True}),
    (messages, plain_messages, {"max_tokens": 9, "messages": [USER], "standby": "x" * 3_000_000, "system": 1}),
    (responses, plain_responses, {"input": ""}),
    (responses, plain_responses, {"input": "Hi", "store": True}),
    (responses, plain_responses, {"input": "Hi", "max_output_tokens": 1.5}),
    (responses, plain_responses, {"input": [{"role": "tool", "content": "x"}]}),
    (chat, lambda body: None, {"messages": [USER], "n": 2}),
    (chat, lambda body: None, {"messages": [USER], "seed": 1.5}),
    (chat, lambda body: None, {"messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]}),
]


@pytest.mark.parametrize("case", range(len(NOT_PLAIN)))
def test_what_is_not_plain_is_refused_with_care(case: int) -> None:
    dialect, plain, fields = NOT_PLAIN[case]
    body = json.dumps({"model": "m", **fields}).encode()
    assert plain(body) is None
    with pytest.raises(Refused) as caught:
        dialect.read(body)
    assert caught.value.param is not None


@pytest.mark.parametrize(
    "more",
    [
        {"messages": [USER, {"role": "assistant", "content": "So"}]},
        {"system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}, USER]},
    ],
)
def test_what_has_more_to_say_is_left_to_care(more: dict[str, Any]) -> None:
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": [USER], **more}).encode()
    assert plain_messages(body) is None
    assert isinstance(messages.read(body), Asked)


@pytest.mark.parametrize("usage", [None, Usage(1, 2), Usage(9, 8, 7, 6, 5, cost=0.5, tool_uses={"a_requests": 1})])
@pytest.mark.parametrize("texts", [("Hi", " there"), (), ("",), ("\ud83d",)])
@pytest.mark.parametrize("finish", [Finished("stop", "stop_sequence"), Finished("length"), Finished("pause")])
@pytest.mark.parametrize("dialect", [messages, responses])
def test_a_plain_answer_is_written_as_any_other(
    dialect: Dialect, usage: Usage | None, texts: tuple[str, ...], finish: Finished
) -> None:
    events = [Started("m"), *map(TextDelta, texts), *([usage] if usage else []), finish]
    slow = [*events[:1], "handed over", *events[1:]]
    quick = dialect.whole(asked(), ABOUT, from_here(), events)
    assert json.loads(quick.body) == whole(dialect, slow)
    assert quick.notes == dialect.whole(asked(), ABOUT, from_here(), slow).notes
