"""What SDKs hand back: the objects of their answers as turns of a request, and the shapes of OpenAI's newer API.

A field that is not known and says something is refused by its name, also within a part, a tool or a schema.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.chat import (
    AllowedTools,
    ChatRequest,
    ImagePart,
    InvalidRequest,
    Message,
    Part,
    Reasoning,
    TextPart,
    ToolCall,
    chat_request,
)
from standby.providers.origin import Origin

from components import need
from conversation import body
from read_streams import outcome

SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "SIG"}
GOOGLE = {"google": {"thought_signature": "SIG"}}


class Dumped:
    """A message object of some SDK, with fields of its own."""

    def __init__(self, **fields: Any) -> None:
        self._fields = {"role": "assistant", **fields}

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return self._fields


TURNS: dict[str, tuple[object, tuple[Part, ...]]] = {
    "what OpenAI's client has parsed": (Dumped(content="{}", parsed={"a": 1}), (TextPart("{}"),)),
    "the same, dumped before": ({"role": "assistant", "content": "{}", "parsed": {"a": 1}}, (TextPart("{}"),)),
    "empty fields of an SDK's own": (
        Dumped(content="a", prefix=False, token_ids=None, executed_tools=[], weight=""), (TextPart("a"),),
    ),
    "thinking by the name that it has at Ollama": (
        Dumped(content="a", thinking="Hm."), (Reasoning("Hm."), TextPart("a")),
    ),
    "blocks of thinking that LiteLLM hands through": (
        Dumped(content="a", reasoning_content="Hm.", thinking_blocks=[SIGNED], provider_specific_fields={"a": 1}),
        (Reasoning("Hm.", details=json.dumps([SIGNED], separators=(",", ":"))), TextPart("a")),
    ),
    "state of a text at Google's compatible endpoint": (
        Dumped(content="a", extra_content=GOOGLE), (TextPart("a"), Reasoning("", "SIG")),
    ),
    "parts of other APIs": (
        {"role": "assistant", "content": [
            SIGNED, {"type": "redacted_thinking", "data": "X"}, {"type": "output_text", "text": "a", "annotations": []},
            {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]},
        (Reasoning("Hm.", "SIG"), Reasoning("", redacted="X"), TextPart("a"), ToolCall("c", "f", '{"a":1}')),
    ),
    "parts of OpenAI's newer API": (
        {"role": "user", "content": [{"type": "input_text", "text": "a"},
                                     {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"}]},
        (TextPart("a"), ImagePart("https://a/b.png", "low")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TURNS)
def test_a_turn_is_taken(what: str) -> None:
    given, parts = TURNS[what]
    turns: Any = ["Go.", given]
    turns[0] = {"role": "user", "content": "Go."}
    assert chat_request(turns).messages[-1].content == parts


def test_the_objects_of_openai_s_own_client_are_taken() -> None:
    need("openai")
    from openai.types.chat import ParsedChatCompletionMessage

    said: Any = ParsedChatCompletionMessage(role="assistant", content="{}", parsed={"a": 1})
    asked = chat_request([{"role": "user", "content": "Go."}, said, said.model_dump()])
    assert [message.content for message in asked.messages[1:]] == [(TextPart("{}"),)] * 2


def _user(*parts: Any) -> Callable[[], ChatRequest]:
    return lambda: chat_request([{"role": "user", "content": [*parts]}])


URL = {"url": "https://a/b.png"}
REFUSED: dict[str, tuple[Callable[[], ChatRequest], str]] = {
    "of a part": (_user({"type": "text", "txt": "a", "text": "b"}), "messages[0].content[0] has no field 'txt'"),
    "with what may be meant": (
        _user({"type": "text", "text": "b", "cache_controll": {"type": "ephemeral"}}), "did you mean 'cache_control'?",
    ),
    "of an image": (
        _user({"type": "image_url", "image_url": {**URL, "size": 1}}),
        "messages[0].content[0].image_url has no field 'size'",
    ),
    "of a file": (
        _user({"type": "file", "file": {"file_id": "f", "format": "pdf"}}),
        "messages[0].content[0].file has no field 'format'",
    ),
    "of audio": (
        _user({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav", "rate": 1}}),
        "messages[0].content[0].input_audio has no field 'rate'",
    ),
    "of a tool": (
        lambda: chat_request("Go.", tools=[{"type": "function", "function": {"name": "f", "args": 1}}]),
        "tools[0].function has no field 'args'",
    ),
    "of a schema": (
        lambda: chat_request(
            "Go.", response_format={"type": "json_schema", "json_schema": {"schema": {"type": "object"}, "scrict": 1}}
        ),
        "response_format.json_schema has no field 'scrict'; did you mean 'strict'?",
    ),
    "of an SDK's object that says something": (
        lambda: chat_request([{"role": "user", "content": "Go."}, Dumped(content="a", prefix=True)]),
        "messages[1] has no field 'prefix'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_field_that_is_not_known_is_refused_by_its_name(what: str) -> None:
    asked, problem = REFUSED[what]
    with pytest.raises(InvalidRequest) as refusal:
        asked()
    assert problem in str(refusal.value)


SCHEMA = {"type": "object", "properties": {}}
GRAMMAR = {"syntax": "lark", "definition": "start: /a/"}


def test_tools_of_openai_s_newer_api_have_one_level_less() -> None:
    function, custom = chat_request(
        "Go.",
        tools=[
            {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True, "description": "d"},
            {"type": "custom", "name": "g", "format": {"type": "grammar", **GRAMMAR}},
        ],
    ).tools
    assert (function.name, function.parameters, function.strict, function.description) == ("f", SCHEMA, True, "d")
    assert (custom.name, custom.custom, custom.format) == ("g", True, {"type": "grammar", "grammar": GRAMMAR})


@pytest.mark.parametrize(
    ("choice", "read"),
    [({"type": "auto"}, "auto"), ({"type": "none"}, "none"), ({"type": "any"}, "required"),
     ({"type": "required"}, "required"), ({"type": "function", "name": "f"}, "f"),
     ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
      AllowedTools(("f",), True))],
)  # fmt: skip
def test_a_choice_of_tools_in_another_api_s_words(choice: Any, read: Any) -> None:
    tools = [{"type": "function", "name": "f"}]
    assert chat_request("Go.", tools=tools, tool_choice=choice).tool_choice == read


def test_a_schema_of_openai_s_newer_api_has_one_level_less() -> None:
    said = {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}
    form = chat_request("Go.", response_format=said).response_format
    assert form is not None
    assert (form.name, form.schema, form.strict) == ("answer", SCHEMA, True)


def _stream(*deltas: dict[str, Any]) -> bytes:
    chunks = [{"choices": [{"delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


BLOCKS = [{"type": "thinking", "thinking": "Hm.", "signature": "S1"}, {"type": "redacted_thinking", "data": "X"},
          {"type": "thinking", "thinking": "So", "signature": "S2"}]  # fmt: skip


def test_blocks_of_thinking_come_in_pieces_and_go_back_whole_where_they_came_from() -> None:
    pieces = [
        {"reasoning_content": "Hm", "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": None}]},
        {"reasoning_content": ".", "thinking_blocks": [{"type": "thinking", "thinking": ".", "signature": ""}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "S1"}]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "X"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "So", "signature": "S2"}]},
        {"content": "Hi"},
    ]
    said = outcome("litellm", "text/event-stream", _stream(*pieces))
    assert (said["text"], said["reasoning"]) == ("Hi", "Hm.")
    (state,) = said["state"]
    assert json.loads(state) == BLOCKS
    turn = Message("assistant", (Reasoning("Hm.", details=state), TextPart("Hi")), origin=Origin("litellm"))
    asked = chat_request([Message("user", "Go."), turn, Message("user", "On.")])
    wire = body(registry.get("litellm"), asked)["messages"][1]
    assert wire["thinking_blocks"] == BLOCKS
    assert "reasoning_details" not in wire
    assert "thinking_blocks" not in body(registry.get("openai"), asked)["messages"][1]


@pytest.mark.parametrize("where", ["stream", "body"])
def test_the_state_of_a_text_goes_back_beside_it(where: str) -> None:
    if where == "stream":
        written, kind = _stream({"content": "Hi"}, {"content": "", "extra_content": GOOGLE}), "text/event-stream"
    else:
        answer = {"message": {"content": "Hi", "extra_content": GOOGLE}, "finish_reason": "stop"}
        written, kind = json.dumps({"choices": [answer]}).encode(), "application/json"
    assert outcome("openai", kind, written) == {"text": "Hi", "state": ["SIG"], "finish": "stop"}
    turn = Message("assistant", (TextPart("Hi"), Reasoning("", "SIG")), origin=Origin("openai"))
    asked = chat_request([Message("user", "Go."), turn, Message("user", "On.")])
    assert body(registry.get("openai"), asked)["messages"][1] == {
        "role": "assistant", "content": "Hi", "extra_content": GOOGLE,
    }  # fmt: skip
    assert "extra_content" not in body(registry.get("groq"), asked)["messages"][1]
