"""`chat_request`: a text, dicts and our types become one request, and what makes no sense is named by its place."""

from typing import Any

import pytest
from standby.providers.chat import (
    ChatRequest,
    FilePart,
    ImagePart,
    InvalidRequest,
    JsonSchema,
    Message,
    Reasoning,
    TextPart,
    Tool,
    ToolCall,
    chat_request,
)
from standby.providers.turns import in_place, lifted

WEATHER = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}}}


def test_a_text_is_what_the_user_says() -> None:
    assert chat_request("Hello") == ChatRequest(messages=(Message("user", (TextPart("Hello"),)),))


def test_dicts_and_our_types_make_the_same_request() -> None:
    dicts: list[Any] = [
        {"role": "system", "content": "Be terse."},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": [
            {"type": "text", "text": "Here?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"a":1}'}},
        ]},
        {"role": "tool", "tool_call_id": "c1", "content": "21", "is_error": True},
        {"role": "assistant", "content": ""},
    ]  # fmt: skip
    ours = [
        Message("system", (TextPart("Be terse."),)),
        Message("system", (TextPart("Be kind."),)),
        Message("user", (TextPart("Here?"), ImagePart("data:image/png;base64,iVBO", "low"))),
        Message("assistant", (), (ToolCall("c1", "weather", '{"a":1}'),)),
        Message("tool", (TextPart("21"),), tool_call_id="c1", is_error=True),
        Message("assistant"),
    ]
    chat = chat_request(dicts, tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "weather"}})
    assert chat == chat_request(ours, tools=[Tool("weather", "d", {"type": "object"})], tool_choice="weather")
    assert chat.system == "Be terse."
    assert chat.messages == tuple(ours[1:])
    assert chat.has_images
    assert chat.has_tools


def test_dicts_may_hold_our_parts_and_calls() -> None:
    part, call = TextPart("a"), ToolCall("c", "f", "{}")
    chat = chat_request([{"role": "assistant", "content": [part], "tool_calls": [call]}])
    assert chat.messages == (Message("assistant", (part,), (call,)),)


def test_system_texts_stay_where_they_are_and_empty_ones_are_left_out() -> None:
    turns = [{"role": "system", "content": ""}, {"role": "user", "content": "a"}, {"role": "system", "content": "late"}]
    chat = chat_request(turns, system="first")
    assert (chat.system, [turn.role for turn in chat.messages]) == ("first", ["user", "system"])
    assert chat_request(turns[:2]).system is None
    alone = chat_request([{"role": "developer", "content": "Be kind."}])
    assert (alone.system, alone.messages) == (None, (Message("system", "Be kind."),))


def test_a_dialect_with_one_system_text_gets_all_of_them_before_the_conversation_and_is_told() -> None:
    turns = [
        {"role": "system", "content": "one"},
        {"role": "user", "content": "a"},
        {"role": "system", "content": "two"},
    ]
    chat, notes = lifted(chat_request(turns))
    assert (chat.system, chat.messages) == ("one\n\ntwo", (Message("user", "a"),))
    assert len(notes) == 1
    first, silent = lifted(chat_request([{"role": "system", "content": "one"}, *turns[:2]]))
    assert (first.system, silent) == ("one\n\none", ())
    alone, told = lifted(chat_request([turns[0]]))
    assert (alone.system, alone.messages) == (None, (Message("user", "one"),))
    assert len(told) == 1


def test_a_message_takes_a_text_for_its_one_part() -> None:
    assert Message("user", "Hello").content == (TextPart("Hello"),)  # type: ignore[arg-type]
    assert Message("assistant", "").content == ()  # type: ignore[arg-type]


def test_a_request_gets_more_options_and_keeps_the_others() -> None:
    chat = chat_request("a", temperature=0.5, stop="x", seed=None)
    assert (chat.stop, chat.seed) == (("x",), None)
    assert chat_request(chat) is chat
    assert chat_request(chat, max_tokens=5, stop=["y", "z"]) == ChatRequest(
        messages=chat.messages, temperature=0.5, max_tokens=5, stop=("y", "z")
    )


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, JsonSchema({})),
        (JsonSchema({"type": "object"}), JsonSchema({"type": "object"})),
        (
            {"type": "json_schema", "json_schema": {"name": "r", "strict": True, "schema": {"type": "object"}}},
            JsonSchema({"type": "object"}, "r", True),
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "r", "schema": {}, "description": "d"}},
            JsonSchema({}, "r", False, "d"),
        ),
    ],
)
def test_the_form_of_the_answer(form: Any, wanted: JsonSchema | None) -> None:
    assert chat_request("a", response_format=form).response_format == wanted


def test_a_tool_without_parameters_takes_none() -> None:
    tool = {"type": "function", "function": {"name": "now", "strict": True}}
    assert chat_request("a", tools=[tool]).tools == (Tool("now", "", {"type": "object", "properties": {}}, True),)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ("", "the message is empty"),
        (None, "messages is a NoneType; expected a text"),
        (7, "messages is a int"),
        ({"role": "user", "content": "a"}, "messages is a dict"),
        (Message("user", (TextPart("a"),)), "messages is a Message"),
        ([], "no user message"),
        ([{"role": "system", "content": ""}], "no user message"),
        (["SECRET TEXT"], r"messages\[0\] is a str"),
        ([{"content": "SECRET TEXT"}], r"messages\[0\].role is not one of"),
        ([{"role": ["user"], "content": "a"}], r"messages\[0\].role is not one of"),
        ([{"role": "robot", "content": "SECRET TEXT"}], r"messages\[0\].role is not one of"),
        ([{"role": "user"}], r"messages\[0\].content is neither"),
        ([{"role": "user", "content": 5}], r"messages\[0\].content is neither"),
        ([{"role": "user", "content": {"text": "SECRET TEXT"}}], r"messages\[0\].content is neither"),
        ([{"role": "user", "content": ["SECRET TEXT"]}], r"messages\[0\].content\[0\] is not a part"),
        ([{"role": "user", "content": [{"type": "text"}]}], r"messages\[0\].content\[0\] is not a part"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], r"content\[0\] is not a part"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "detail": "?"}}]}],
            "not a part",
        ),
        ([{"role": "user", "content": "a"}, {"role": "system"}], r"messages\[1\].content is neither"),
        (
            [{"role": "user", "content": "a", "contents": "SECRET"}],
            r"messages\[0\] has no field 'contents'; did you mean",
        ),
        ([{"role": "user", "content": "a", "name": 5}], r"messages\[0\].name is not a text"),
        (
            [{"role": "user", "content": [{"type": "text", "text": "a", "cache_control": "x"}]}],
            r"content\[0\].cache_control",
        ),
        ([{"role": "tool", "content": "a"}], r"messages\[0\].tool_call_id is missing"),
        ([{"role": "tool", "tool_call_id": "c", "content": 5}], r"messages\[0\].content is neither"),
        ([{"role": "assistant", "tool_calls": 5}], r"messages\[0\].tool_calls is not a list"),
        ([{"role": "assistant", "tool_calls": [{"id": "c"}]}], r"messages\[0\].tool_calls\[0\] lacks"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]}],
            r"tool_calls\[0\] lacks an id, a function.name, or function.arguments as JSON text",
        ),
        (
            [{"role": "system", "content": [{"type": "image_url", "image_url": "u"}]}],
            "a system message holds text only",
        ),
    ],
)
def test_bad_messages_are_named_by_their_place_and_never_shown(messages: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        chat_request(messages)
    assert "SECRET TEXT" not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temprature": 1}, "unknown option 'temprature'; known are extra, frequency_penalty"),
        ({"messages": []}, "unknown option 'messages'|multiple values"),
        ({"temperature": "hot"}, "temperature is not a number"),
        ({"temperature": float("nan")}, "temperature holds a number that is not finite"),
        ({"top_p": True}, "top_p is not a number"),
        ({"max_tokens": 0}, "max_tokens is not a whole number above zero"),
        ({"max_tokens": 1.5}, "max_tokens is not a whole number above zero"),
        ({"seed": "1"}, "seed is not a whole number"),
        ({"stop": [1]}, r"stop\[0\] is not a text, but a int"),
        ({"system": ["a"]}, "system is not a text"),
        ({"prefill": 1}, "prefill is not a text"),
        ({"extra": ["a"]}, "extra is not a dict of fields"),
        ({"parallel_tool_calls": "yes"}, "parallel_tool_calls is not true or false"),
        ({"reasoning_effort": "much"}, "reasoning_effort is not one of none, minimal, low"),
        ({"tools": "weather"}, "tools is not a list of tools"),
        ({"tools": [{"name": "weather"}]}, r"tools\[0\] is not a Tool"),
        ({"tool_choice": {"type": "function"}}, "tool_choice is not auto, none, required"),
        ({"tool_choice": ""}, "tool_choice is not auto, none, required"),
        ({"response_format": "json"}, "response_format is not a JsonSchema"),
        ({"response_format": {"type": "json_schema"}}, "response_format is not a JsonSchema"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises((InvalidRequest, TypeError), match=words):
        chat_request("a", **options)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("data:image/png;base64,iVBO", ("image/png", "iVBO")),
        ("data:image/PNG;base64,iVBO", ("image/PNG", "iVBO")),
        ("data:image/svg+xml;base64,a,b", ("image/svg+xml", "a,b")),
        ("data:image/svg+xml,<svg>", None),
        ("https://example.org/a.png", None),
    ],
)
def test_the_bytes_of_an_image(url: str, wanted: tuple[str, str] | None) -> None:
    assert ImagePart(url).data == wanted


def test_nothing_that_was_said_shows_in_a_repr() -> None:
    said = "SECRET TEXT"
    chat = chat_request(
        [
            Message("user", (TextPart(said), ImagePart(f"data:image/png;base64,{said}"))),
            Message("assistant", (), (ToolCall("c", "f", said),), reasoning=(Reasoning(said, said, said),)),
        ],
        system=said,
        prefill=said,
    )
    parts = [*chat.messages[0].content, *chat.messages[1].tool_calls, *chat.messages[1].reasoning, *chat.messages]
    assert said not in repr(chat) + "".join(map(repr, parts)) + str(chat)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (Message("user", (TextPart("a", cache="2h"),)), "messages[0].content[0].cache is not one of 5m, 1h"),  # type: ignore[arg-type]
        (Message("user", (TextPart("a", cache=5),)), "messages[0].content[0].cache is not a text, but a int"),  # type: ignore[arg-type]
        (Message("user", (TextPart("a", phase=5),)), "messages[0].content[0].phase is not a text, but a int"),  # type: ignore[arg-type]
        (
            Message("user", (TextPart("a"), ImagePart("https://x/y.png", cache="x"))),  # type: ignore[arg-type]
            "messages[0].content[1].cache is not one of 5m, 1h",
        ),
        (
            Message("user", (ImagePart("https://x/y.png", "sharp"),)),  # type: ignore[arg-type]
            "messages[0].content[0].detail is not one of auto, low, high, original",
        ),
        (
            Message("user", (FilePart("https://x/y.pdf", cache="5 m"),)),  # type: ignore[arg-type]
            "messages[0].content[0].cache is not one of 5m, 1h",
        ),
    ],
)
def test_a_word_that_is_none_is_told_at_its_place(given: Message, problem: str) -> None:
    for messages in ([given], ChatRequest(messages=(given,))):
        with pytest.raises(InvalidRequest) as caught:
            chat_request(messages)
        assert str(caught.value) == problem


def test_a_tools_mark_for_the_cache_is_one_of_two() -> None:
    with pytest.raises(InvalidRequest, match=r"^tools\[1\].cache is not one of 5m, 1h$"):
        chat_request("Hi", tools=[Tool("f", cache="1h"), Tool("g", cache="1d")])  # type: ignore[arg-type]


PLACED: dict[str, tuple[list[str], list[int]]] = {
    "behind the user, at the end": (["user", "system"], [1]),
    "behind the user, before the model": (["user", "system", "assistant", "user"], [1]),
    "behind a tool's result": (["user", "assistant", "tool", "system"], [3]),
    "two in a row, which are one": (["user", "system", "system"], [1, 2]),
    "first of all": (["system", "user"], []),
    "before another turn of the user": (["user", "system", "user"], []),
    "behind the model": (["user", "assistant", "system", "user"], []),
    "behind an empty turn": (["", "system"], []),
    "an empty turn between": (["user", "system", "", "assistant"], [1]),
    "some of them": (["system", "user", "system", "assistant", "system", "user", "system"], [2, 6]),
}


@pytest.mark.parametrize("what", PLACED)
def test_where_a_system_message_may_stay(what: str) -> None:
    roles, places = PLACED[what]
    turns = [Message(role or "user", (TextPart("x" if role else ""),), tool_call_id="c") for role in roles]  # type: ignore[arg-type]
    assert in_place(turns) == set(places)
    chat, notes = lifted(ChatRequest(messages=tuple(turns)), in_place(turns))
    assert sum(turn.role == "system" for turn in chat.messages) == len(places)
    first = next(place for place, role in enumerate(roles) if role != "system")
    moved = [place for place, role in enumerate(roles) if role == "system" and place not in places]
    assert bool(notes) == any(place > first for place in moved)
