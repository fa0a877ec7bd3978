"""What clients write in the words of the chat protocol: sense is read, and nonsense is named by its place."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from standby.providers.chat import (
    AllowedTools,
    AudioPart,
    ChatRequest,
    FilePart,
    ImagePart,
    InvalidRequest,
    JsonSchema,
    Message,
    NativeTool,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
    chat_request,
)
from standby.providers.parts import Citation

CALL = ToolCall("c1", "look", "{}")
NOTE = {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 3}}
NOTED = '{"type":"url_citation","url_citation":{"url":"https://a","title":"A","start_index":0,"end_index":3}}'


def said(**fields: Any) -> Message:
    """The assistant's turn that a dict becomes."""
    return chat_request([{"role": "assistant", "content": None, **fields}]).messages[0]


def look(city: str) -> str:
    """Look the weather up."""
    return city


TURNS: dict[str, tuple[dict[str, Any], tuple[Part, ...]]] = {
    "thinking in OpenRouter's field": ({"reasoning": "Hm."}, (Reasoning("Hm."),)),
    "thinking as a list of texts": (
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}, {"type": "text", "text": "."}]}
            ]
        },
        (Reasoning("Hm."),),
    ),
    "an annotation": (
        {"content": "a", "annotations": [NOTE]},
        (
            TextPart("a"),
            Citation("https://a", "A", start=0, end=3, details=NOTED),
        ),
    ),
    "an annotation without places": (
        {"annotations": [{"url_citation": {"url": "https://a", "start_index": "0"}}]},
        (Citation("https://a", details='{"url_citation":{"url":"https://a","start_index":"0"}}'),),
    ),
    "images": (
        {"images": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}]},
        (ImagePart("https://a/b.png"),),
    ),
    "a refusal among the parts": ({"content": [{"type": "refusal", "refusal": "No."}]}, (RefusalPart("No."),)),
    "parts and calls of our own types": (
        {"content": [TextPart("a")], "tool_calls": [CALL]},
        (TextPart("a"), CALL),
    ),
    "a file without its media type": (
        {"content": [{"type": "file", "file": {"file_data": "JVBERi0="}}]},
        (FilePart("data:application/pdf;base64,JVBERi0="),),
    ),
    "what the SDK's helper has parsed": ({"content": "{}", "parsed": {"city": "Oslo"}}, (TextPart("{}"),)),
    "a call of no function that Google's endpoint writes": (
        {"tool_calls": [{"id": "c1", "function": {"name": "look"}, "extra_content": {"google": {"other": 1}}}]},
        (CALL,),
    ),
}


@pytest.mark.parametrize("name", TURNS)
def test_an_assistants_turn_is_read(name: str) -> None:
    fields, parts = TURNS[name]
    assert said(**fields).content == parts


def test_calls_in_the_form_before_there_were_tools_have_ids_and_their_results_name_them() -> None:
    called = {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}}
    chat = chat_request(
        [{"role": "user", "content": "Look"}, called, {"role": "function", "name": "look", "content": "21"},
         called, {"role": "function", "name": "look", "content": "22"}]
    )  # fmt: skip
    calls = [call.id for message in chat.messages for call in message.tool_calls]
    results = [(message.tool_call_id, message.text) for message in chat.messages if message.role == "tool"]
    assert results == [(calls[0], "21"), (calls[1], "22")]
    assert calls[0] != calls[1]


CACHED = {"type": "ephemeral"}

CHOICES: dict[str, tuple[Any, Any]] = {
    "a function": ({"type": "function", "function": {"name": "look"}}, "look"),
    "a custom tool": ({"type": "custom", "custom": {"name": "look"}}, "look"),
    "a tool as Anthropic names it": ({"type": "tool", "name": "look"}, "look"),
    "a function of an unknown type": ({"type": "other", "function": {"name": "look"}}, "look"),
    "a list of allowed ones": ({"type": "allowed_tools", "tools": [{"name": "look"}]}, AllowedTools(("look",))),
    "allowed custom ones": (
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "custom": {"name": "look"}}]},
        AllowedTools(("look",), required=True),
    ),
    "ours": (AllowedTools(("look",)), AllowedTools(("look",))),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_of_tools_is_read(name: str) -> None:
    given, choice = CHOICES[name]
    assert chat_request("a", tools=[Tool("look")], tool_choice=given).tool_choice == choice


def test_a_mark_for_the_cache_stands_on_the_last_part_and_on_tools() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": "https://a/b.png"}]
    (turn,) = chat_request([{"role": "user", "content": parts, "cache_control": CACHED}]).messages
    assert turn.content == (TextPart("a"), ImagePart("https://a/b.png", cache="5m"))
    (tool,) = chat_request("a", tools=[{"function": {"name": "look"}, "cache_control": {**CACHED, "ttl": "1h"}}]).tools
    assert (tool.name, tool.cache) == ("look", "1h")


def test_what_a_tool_gave_may_hold_images() -> None:
    given = {
        "type": "tool_result",
        "tool_use_id": "c1",
        "content": [{"type": "text", "text": "21"}, {"type": "image_url", "image_url": {"url": "https://a/b.png"}}],
    }
    (turn,) = chat_request([{"role": "user", "content": [given]}]).messages
    assert turn == Message("tool", (TextPart("21"), ImagePart("https://a/b.png")), tool_call_id="c1")


def _breaks(**_: Any) -> Any:
    raise RuntimeError("SECRET TEXT")


class Unnamed:
    """A tool that is an object."""

    def __call__(self, city: str) -> str:
        return city


def test_an_object_that_can_be_called_is_a_tool_by_its_class() -> None:
    (tool,) = chat_request("a", tools=[Unnamed()]).tools
    assert (tool.name, tool.description, tool.parameters["required"]) == (
        "Unnamed",
        "A tool that is an object.",
        ["city"],
    )


def unreadable(city: "Nowhere") -> str:  # type: ignore[name-defined]  # noqa: F821
    return str(city)


def unsayable(what: Callable[[], int]) -> str:
    """Take what no JSON can say."""
    return str(what)


def user(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*parts], **fields}]}


def assistant(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": None, **fields}]}


THINKS_IN_BYTES = assistant(reasoning_details=[{"data": b"SECRET TEXT"}])

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an object that cannot be dumped": (
        {"messages": [SimpleNamespace(model_dump=_breaks)]},
        r"messages\[0\] is a Simple",
    ),
    "a key that is no text": (
        {"messages": [{"role": "user", "content": "a", 5: 1}]},
        "a key that is no text, but a int",
    ),
    "a key that is like no other": (user("a", xyzzy=1), "no field 'xyzzy'; known are annotations"),
    "thinking that is no text": (assistant(reasoning=["a"]), "reasoning_content is not a text, but a list"),
    "details that are no JSON": (THINKS_IN_BYTES, r"messages\[0\].reasoning_details holds a bytes"),
    "a refusal that is no text": (assistant(refusal=5), "refusal is not a text, but a int"),
    "annotations that are no list": (assistant(annotations="a"), "annotations is not a list, but a str"),
    "an annotation of another type": (
        assistant(annotations=[{"type": "file"}]),
        r"annotations\[0\] is not an annotation",
    ),
    "an annotation that is no dict": (assistant(annotations=["a"]), r"annotations\[0\] is not an annotation"),
    "an image that is none": (assistant(images=[{"type": "image"}]), r"images\[0\] is not a part of a known type"),
    "audio without an id": (assistant(audio={"data": "x"}), "audio names no id"),
    "calls as a text": (assistant(tool_calls="look"), "tool_calls is not a list, but a str"),
    "a call that is a text": (assistant(tool_calls=["look"]), r"tool_calls\[0\] lacks an id"),
    "a part that can carry no mark": (
        user({"type": "refusal", "refusal": "No.", "cache_control": CACHED}),
        "carries cache_control, which texts",
    ),
    "a mark that lasts another time": (
        user({"type": "text", "text": "a", "cache_control": {**CACHED, "ttl": "2h"}}),
        "with a ttl of 5m or 1h",
    ),
    "audio without its format": (
        user({"type": "input_audio", "input_audio": {"data": "eA=="}}),
        "is not a part of type input_audio",
    ),
    "a file of neither data nor id": (
        user({"type": "file", "file": {"filename": "a.pdf"}}),
        "is not a part of type file",
    ),
    "a file that is a text": (user({"type": "file", "file": "a.pdf"}), "is not a part of type file"),
    "a signature that is no text": (
        user({"type": "thinking", "thinking": "Hm.", "signature": 5}),
        "signature is not a text, but a int",
    ),
    "a result that is thinking": (
        user({"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "thinking", "thinking": "Hm."}]}),
        r"content holds other parts than texts, images, files and audio",
    ),
    "a result of no call": (
        user({"type": "tool_result", "content": "21"}),
        "tool_use_id is not a text, but a NoneType",
    ),
    "parameters that are a list": (
        {"tools": [{"function": {"name": "look", "parameters": ["city"]}}]},
        r"tools\[0\].function.parameters is not a dict",
    ),
    "a grammar that is a text": (
        {"tools": [{"custom": {"name": "look", "format": "lark"}}]},
        r"tools\[0\].custom.format is not a dict",
    ),
    "a function whose annotation is nowhere": ({"tools": [unreadable]}, "the parameters of unreadable cannot be read"),
    "a function that takes what JSON cannot say": ({"tools": [unsayable]}, "unsayable has no JSON schema"),
    "allowed tools without names": (
        {"tools": [look], "tool_choice": {"type": "allowed_tools", "tools": ["look"]}},
        "tools.*name is not a text",
    ),
    "a choice that is a number": ({"tools": [look], "tool_choice": 5}, "nor the name of a tool, but a int"),
    "a required tool where there is none": ({"tool_choice": "required"}, "required, but there are no tools"),
    "stop words as bytes": ({"stop": b"SECRET TEXT"}, "stop is not a text or a list of texts, but a bytes"),
    "an answer in the form of a number": ({"response_format": 5}, "response_format.*but a int"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_named_by_its_place_and_never_shown(name: str) -> None:
    given, words = REFUSED[name]
    with pytest.raises(InvalidRequest, match=words) as caught:
        chat_request(**{"messages": "a", **given})
    assert "SECRET TEXT" not in f"{caught.value!r} {caught.value.__cause__!r}"


MADE_BY_HAND: dict[str, tuple[Callable[[], Message], str]] = {
    "a content that is no list": (lambda: Message("user", cast(Any, 5)), "content is not a list of parts"),
    "no content at all": (lambda: Message("assistant", cast(Any, None)), "content is not a list of parts"),
    "calls that are no list": (
        lambda: Message("assistant", "a", cast(Any, 5)),
        "tool_calls or reasoning is not a list",
    ),
    "a part that is none": (lambda: Message("user", cast(Any, (5,))), r"content\[0\] is a int"),
    "a call that is none": (lambda: Message("assistant", (), cast(Any, (5,))), r"content\[0\] is a int"),
    "an origin that is none": (lambda: Message("user", "a", origin=cast(Any, 5)), "origin is not an Origin"),
    "a name that is no text": (lambda: Message("user", "a", name=cast(Any, 5)), "name is not a text"),
    "a result that holds none": (
        lambda: Message("user", (ToolResult("c1", cast(Any, (5,))),)),
        r"content\[0\].content\[0\] is a int",
    ),
    "an image at no URL": (lambda: Message("user", (ImagePart(""),)), r"content\[0\] is an image without a url"),
    "a file that is nowhere": (lambda: Message("user", (FilePart(),)), r"content\[0\] is a part without a url"),
    "audio that is no text": (lambda: Message("user", (AudioPart(cast(Any, 5)),)), r"content\[0\].url is not a text"),
}


@pytest.mark.parametrize("name", MADE_BY_HAND)
def test_a_turn_made_by_hand_is_looked_at_too(name: str) -> None:
    make, words = MADE_BY_HAND[name]
    for asked in ([make()], ChatRequest(messages=(make(),))):
        with pytest.raises(InvalidRequest, match=rf"^messages\[0\]\.{words}"):
            chat_request(asked)


NAN = float("nan")
LOOK = Tool("look")
OPTIONS_MADE_BY_HAND: dict[str, tuple[dict[str, Any], str]] = {
    "tools that are no list": ({"tools": 5}, "tools is not a list of tools"),
    "a tool that is none": ({"tools": (5,)}, r"tools\[0\] is a int, not a Tool"),
    "a grammar that is none": ({"tools": (Tool("a", format=cast(Any, "x")),)}, r"tools\[0\].format is not a dict"),
    "parameters that are none": ({"tools": (Tool("a", "", cast(Any, [1])),)}, r"tools\[0\].parameters is not a dict"),
    "a tool's mark that is no text": ({"tools": (Tool("a", cache=cast(Any, 5)),)}, r"tools\[0\].cache is not a text"),
    "native tools that are no list": ({"native_tools": 5}, "native_tools is not a list of tools"),
    "a native tool that is none": ({"native_tools": (LOOK,)}, r"native_tools\[0\] is a Tool, not a NativeTool"),
    "a native tool of no name": ({"native_tools": (NativeTool(cast(Any, 5), {}),)}, r"native_tools\[0\].provider"),
    "a native tool of no JSON": ({"native_tools": (NativeTool("a", {"x": NAN}),)}, r"native_tools\[0\].spec holds"),
    "a choice of none": ({"tools": (LOOK,), "tool_choice": AllowedTools(())}, "tool_choice allows no tool"),
    "a choice by numbers": (
        {"tools": (LOOK,), "tool_choice": AllowedTools(cast(Any, (5,)))},
        r"tool_choice\[0\] is not",
    ),
    "an answer of no schema": ({"response_format": JsonSchema(cast(Any, 5))}, "response_format.schema is not a dict"),
    "an answer of no form": ({"response_format": 5}, "response_format is a int, not a JsonSchema"),
    "a strictness that is none": (
        {"response_format": JsonSchema({}, strict=cast(Any, 5))},
        "response_format.strict is",
    ),
    "a verbosity that is no text": ({"verbosity": 5}, "verbosity is not one of low, medium, high, but a int"),
    "a verbosity of no name": ({"verbosity": "loud"}, "verbosity is not one of low, medium, high$"),
    "an effort that is no text": ({"reasoning_effort": 5}, "reasoning_effort is not one of .*, but a int"),
    "metadata of numbers": ({"metadata": {"a": 5}}, "metadata is not a dict of texts"),
    "a bias that is no dict": ({"logit_bias": 5}, "logit_bias is not a dict of tokens and numbers"),
    "a bias by words": ({"logit_bias": {"1": "x"}}, "logit_bias is not a number, but a str"),
    "extra fields that are no dict": ({"extra": 5}, "extra is not a dict of fields"),
    "extra fields without names": ({"extra": {5: 1}}, "extra holds a name that is no text"),
    "a truth that is a number": ({"logprobs": 1}, "logprobs is not true or false"),
    "several answers": ({"n": 3}, "n is more than 1"),
    "stop texts that are a number": ({"stop": 5}, "stop is not a text or a list of texts"),
}


@pytest.mark.parametrize("name", OPTIONS_MADE_BY_HAND)
def test_an_option_of_a_request_made_by_hand_is_looked_at_too(name: str) -> None:
    options, words = OPTIONS_MADE_BY_HAND[name]
    with pytest.raises(InvalidRequest, match=rf"^{words}"):
        chat_request(ChatRequest(messages=chat_request("a").messages, **options))


def test_the_turns_of_a_request_made_by_hand_are_a_list_of_messages() -> None:
    for messages, words in (
        (5, "messages is not a list of messages, but a int"),
        (("a",), r"messages\[0\] is not a Mess"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            chat_request(ChatRequest(messages=cast(Any, messages)))
    with pytest.raises(InvalidRequest, match="no user message"):
        chat_request(ChatRequest(messages=()))


def test_an_option_by_another_name_is_told_by_that_name() -> None:
    with pytest.raises(InvalidRequest, match=r"^max_completion_tokens is not a whole number"):
        chat_request("a", max_completion_tokens=0)
