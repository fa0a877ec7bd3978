"""Mistral's dialect: its requests, its answers, and what it cannot say."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.providers.chat import ImagePart, JsonSchema, Message, Reasoning, TextPart, ToolCall, chat_request
from standby.providers.dialects.mistral import provider
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta, Usage
from standby.providers.fitting.call_ids import sent_ids
from standby.providers.knowledge import known
from standby.providers.parts import Citation
from standby.providers.provider import ResponseHead, Unsupported
from standby.router.result.collecting import put_together

from conversation import COUNT, IMAGE, KEY, TOOL, body, built, refusal, weather

JSON = ResponseHead(200, {"content-type": "application/json"})
FORM = known("mistral", "mistral-small-latest").quirks["call_id"]


def call_id(foreign: str) -> str:
    """The id under which a call is sent."""
    return sent_ids([foreign], FORM).get(foreign, foreign)


def test_address_and_credentials() -> None:
    wire = built(provider, chat_request("Hi"))
    assert wire.url == "https://api.mistral.ai/v1/chat/completions"
    assert wire.headers["authorization"] == f"Bearer {KEY}"


def test_a_plain_request_holds_no_field_that_was_not_asked_for() -> None:
    assert body(provider, chat_request("Hi")).keys() == {"model", "stream", "messages"}


@given(st.text(max_size=60))
def test_every_foreign_id_becomes_nine_letters_and_digits_and_stays_the_same(foreign: str) -> None:
    ours = call_id(foreign)
    assert len(ours) == 9
    assert ours.isascii()
    assert ours.isalnum()
    assert call_id(foreign) == ours
    assert call_id(ours) == ours


@given(st.lists(st.text(max_size=40), unique=True, max_size=30))
def test_ids_that_differ_stay_different(foreign: list[str]) -> None:
    sent = sent_ids(foreign, FORM)
    assert len({sent.get(each, each) for each in foreign}) == len(foreign)


def test_calls_and_results_keep_belonging_together() -> None:
    calls = (ToolCall("call_A", "f", "{}"), ToolCall("toolu_B", "g", "{}"))
    chat = weather(
        messages=(
            Message("assistant", (), calls),
            Message("tool", (TextPart("b"),), tool_call_id="toolu_B"),
            Message("tool", (TextPart("a"), IMAGE), tool_call_id="call_A"),
        )
    )
    asked, second, first = body(provider, chat)["messages"][1:]
    assert [call["id"] for call in asked["tool_calls"]] == [first["tool_call_id"], second["tool_call_id"]]
    assert (first["name"], second["name"]) == ("f", "g")
    assert first["content"] == [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": IMAGE.url}]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "any"),
        ("get_weather", {"type": "function", "function": {"name": "get_weather"}}),
    ],
)
def test_tool_choice(choice: str, sent: object) -> None:
    assert body(provider, weather(tool_choice=choice))["tool_choice"] == sent


def test_a_json_schema() -> None:
    wanted = JsonSchema({"type": "object"}, name="r", description="d")
    assert body(provider, chat_request("Hi", response_format=wanted))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "r", "schema": {"type": "object"}, "strict": True, "description": "d"},
    }
    anything = chat_request("Hi", response_format=JsonSchema({}))
    assert body(provider, anything)["response_format"] == {"type": "json_object"}


def test_a_strict_tool_and_parallel_calls() -> None:
    strict = msgspec.structs.replace(TOOL, strict=True, description="")
    said = body(provider, weather(tools=(strict,), parallel_tool_calls=False))
    assert said["tools"][0]["function"].keys() == {"name", "parameters", "strict"}
    assert said["parallel_tool_calls"] is False


def test_thinking_goes_back_to_mistral_only() -> None:
    thought = (Reasoning("Hm.", signature="sig"),)
    ours = Message("assistant", (TextPart("Yes"),), reasoning=thought, origin="mistral")
    theirs = Message("assistant", (TextPart("No"),), reasoning=thought, origin="anthropic")
    first, second = body(provider, weather(messages=(ours, theirs)))["messages"][1:]
    assert first["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "signature": "sig"},
        {"type": "text", "text": "Yes"},
    ]
    assert second["content"] == "No"


@pytest.mark.parametrize(
    "turn",
    [
        Message("assistant", ()),
        Message("assistant", (TextPart(""),)),
        Message("assistant", (), reasoning=(Reasoning("Hm.", signature="sig"),), origin="anthropic"),
    ],
)
def test_a_turn_that_says_nothing_here_is_a_blank_since_an_empty_one_is_refused(turn: Message) -> None:
    _, said, _ = body(provider, chat_request([Message("user", "Hi"), turn, Message("user", "Well?")]))["messages"]
    assert said == {"role": "assistant", "content": " "}


@pytest.mark.parametrize(
    "chat",
    [
        weather(messages=(Message("assistant", (ImagePart("https://example.test/a.png"),)),)),
        msgspec.structs.replace(COUNT, response_format=JsonSchema({"type": "object"})),
        msgspec.structs.replace(COUNT, tools=(TOOL,), tool_choice="required"),
    ],
)
def test_what_it_cannot_say_is_refused(chat: Any) -> None:
    with pytest.raises(Unsupported):
        built(provider, chat)


def test_a_whole_answer() -> None:
    answer = {
        "id": "cmpl-1",
        "model": "magistral-small",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                        {"type": "text", "text": "Oui."},
                    ],
                    "tool_calls": [{"id": "D681PevKs", "function": {"name": "f", "arguments": {"a": 1}}}],
                },
                "finish_reason": "model_length",
            }
        ],
        "usage": {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9},
    }
    found = provider.decoder(JSON)
    assert found.feed(msgspec.json.encode(answer)) + found.end() == [
        Started("magistral-small", "cmpl-1"),
        ReasoningDelta("Hm."),
        TextDelta("Oui."),
        ToolCallDelta(0, "D681PevKs", "f", '{"a":1}'),
        Usage(4, 5),
    ]
    assert found.finish == Finished("length", "model_length")


END = {"delta": {}, "finish_reason": "stop"}
SOURCE = {"type": "reference", "reference_ids": [1, "a"]}
INTERLEAVED: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "signature": "s1"},
    {"type": "text", "text": "One."},
    SOURCE,
    {"type": "text", "text": "Two."},
    {"type": "thinking", "thinking": [{"type": "text", "text": "Oh."}], "closed": True},
    {"type": "thinking", "thinking": [{"type": "text", "text": "Ah."}], "signature": None},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}},
    {"type": "text", "text": "Three."},
    {"type": "text", "text": "Four."},
    {"type": "of_tomorrow", "text": 5},
]
IN_ORDER = (
    Reasoning("Hm.", "s1"), TextPart("One."), Citation(details=msgspec.json.encode(SOURCE).decode()), TextPart("Two."),
    Reasoning("Oh."), Reasoning("Ah."), ImagePart("data:image/png;base64,QQ=="), TextPart("Three."), TextPart("Four."),
)  # fmt: skip


PLAINLY = [chunk["text"] if chunk["type"] == "text" else [chunk] for chunk in INTERLEAVED[:7]]
"""Each by itself, the texts as servers stream them."""


@pytest.mark.parametrize("deltas", [None, [INTERLEAVED], [*PLAINLY, INTERLEAVED[7:]]], ids=["whole", "list", "lists"])
def test_chunks_of_content_keep_their_order(deltas: list[Any] | None) -> None:
    """Thinking, texts, references and pictures: in one body, and in a stream of lists and plain texts."""
    if deltas is None:
        found = provider.decoder(JSON)
        wire = msgspec.json.encode({"choices": [{"message": {"content": INTERLEAVED}, "finish_reason": "stop"}]})
    else:
        found = provider.decoder(ResponseHead(200, {"content-type": "text/event-stream"}))
        choices = [{"delta": {"content": each}} for each in deltas]
        wire = b"".join(b"data: " + msgspec.json.encode({"choices": [each]}) + b"\n\n" for each in (*choices, END))
    assert put_together(found.feed(wire) + found.end()).parts == IN_ORDER
    assert found.finish == Finished("stop", "stop")


def test_references_go_back_to_mistral_only() -> None:
    cited = (TextPart("One."), IN_ORDER[2], TextPart("Two."), Citation("https://x/y"))
    ours, theirs = Message("assistant", cited, origin="mistral"), Message("assistant", cited, origin="cohere")
    wire = built(provider, weather(messages=(ours, theirs)))
    first, second = msgspec.json.decode(wire.body)["messages"][1:]
    one, two = {"type": "text", "text": "One."}, {"type": "text", "text": "Two."}
    assert first["content"] == [one, SOURCE, two]
    assert second["content"] == [one, two]
    assert any(note.startswith("citations: left out where") for note in wire.notes)
    assert any(note.startswith("opaque state was left out, 1 times") for note in wire.notes)


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (400, {"object": "error", "message": "Prompt contains 40000 tokens", "code": "3051"}, ErrorKind.CONTEXT_LENGTH),
        (400, {"object": "error", "message": "Invalid model: x", "code": "1500"}, ErrorKind.NOT_FOUND),
        (429, {"object": "error", "message": "Service tier capacity exceeded for this model."}, ErrorKind.OVERLOADED),
        (503, {"object": "error", "message": "Service tier capacity exceeded for this model."}, ErrorKind.OVERLOADED),
        (422, {"detail": [{"loc": ["body"], "msg": "Field required"}]}, ErrorKind.BAD_REQUEST),
    ],
)
def test_refusals_mean(status: int, answer: Any, kind: ErrorKind) -> None:
    assert provider.error_for(refusal(status), msgspec.json.encode(answer)).kind is kind


def test_capabilities() -> None:
    assert provider.capabilities("magistral-medium-latest").reasoning is True
    assert provider.capabilities("pixtral-12b").images is True
    assert provider.capabilities("codestral-latest").images is None
