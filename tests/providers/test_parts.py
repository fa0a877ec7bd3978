"""The parts of a turn: what stands in order stays in order, and whatever clients hand over becomes the same parts."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import msgspec
import pytest
from pydantic import BaseModel
from standby.providers.chat import (
    AllowedTools,
    AudioPart,
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
from standby.providers.origin import Origin, credential_mark
from standby.providers.parts import ATTACHMENT_BYTES_MAX, Citation
from standby.providers.returning import Returning, wrapped
from standby.providers.secret import Secret

PNG = b"\x89PNG\r\n\x1a\n\0\0"
CALL = ToolCall("c1", "look", "{}")
THOUGHT = Reasoning("Hm.", "sig")

MESSAGES: dict[str, tuple[dict[str, Any], Message]] = {
    "a refusal": (
        {"role": "assistant", "content": None, "refusal": "No."},
        Message("assistant", (RefusalPart("No."),)),
    ),
    "a turn without a word": ({"role": "assistant", "content": None}, Message("assistant")),
    "a name": ({"role": "user", "content": "a", "name": "Ann"}, Message("user", "a", name="Ann")),
    "two texts": (
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        Message("user", (TextPart("a"), TextPart("b"))),
    ),
    "a cache mark": (
        {
            "role": "user",
            "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        },
        Message("user", (TextPart("a", cache="1h"),)),
    ),
    "a cache mark on the message": (
        {"role": "user", "content": "a", "cache_control": {"type": "ephemeral"}},
        Message("user", (TextPart("a", cache="5m"),)),
    ),
    "a file": (
        {
            "role": "user",
            "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:a/b;base64,eA=="}}],
        },
        Message("user", (FilePart("data:a/b;base64,eA==", "a.pdf"),)),
    ),
    "an uploaded file": (
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
        Message("user", (FilePart(id="file-1"),)),
    ),
    "audio": (
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "eA==", "format": "wav"}}]},
        Message("user", (AudioPart("data:audio/wav;base64,eA=="),)),
    ),
    "audio that was answered": (
        {"role": "assistant", "content": None, "audio": {"id": "audio_1", "data": "x"}},
        Message("assistant", (AudioPart(id="audio_1"),)),
    ),
    "thinking beside the text": (
        {"role": "assistant", "content": "a", "reasoning_content": "Hm."},
        Message("assistant", (Reasoning("Hm."), TextPart("a"))),
    ),
    "thinking among the parts": (
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "sig"}]},
        Message("assistant", (THOUGHT,)),
    ),
    "details of thinking": (
        {"role": "assistant", "content": "a", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]},
        Message("assistant", (Reasoning("", details='[{"type":"reasoning.encrypted","data":"x"}]'), TextPart("a"))),
    ),
    "a call of a custom tool": (
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "run", "input": "1+1"}}]},
        Message("assistant", (ToolCall("c", "run", "1+1", custom=True),)),
    ),
    "a legacy call": (
        {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
        Message("assistant", (ToolCall("call_0", "look", "{}"),)),
    ),
    "a call with Google's state": (
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "c1",
                    "function": {"name": "look", "arguments": "{}"},
                    "extra_content": {"google": {"thought_signature": "SIG"}},
                }
            ],
        },
        Message("assistant", (msgspec.structs.replace(CALL, signature="SIG"),)),
    ),
    "fields that an SDK writes as null": (
        {
            "role": "assistant",
            "content": "a",
            "audio": None,
            "annotations": None,
            "function_call": None,
            "refusal": None,
        },
        Message("assistant", "a"),
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_dict_becomes_parts(name: str) -> None:
    given, wanted = MESSAGES[name]
    assert chat_request([given]).messages == (wanted,)


@pytest.mark.parametrize("name", MESSAGES)
def test_an_object_of_an_sdk_is_taken_for_its_dict(name: str) -> None:
    given, wanted = MESSAGES[name]
    sdk = SimpleNamespace(model_dump=lambda **_: {key: value for key, value in given.items() if value is not None})
    assert chat_request([sdk]).messages == (wanted,)


def test_an_answers_parts_stay_in_order_and_calls_and_thoughts_are_seen() -> None:
    parts: tuple[Part, ...] = (THOUGHT, TextPart("a"), CALL, Reasoning("So."), TextPart("b"))
    turn = Message("assistant", parts)
    assert (turn.content, turn.tool_calls, turn.reasoning) == (parts, (CALL,), (THOUGHT, Reasoning("So.")))
    assert turn.text == "ab"
    beside = Message("assistant", "a", tool_calls=[CALL], reasoning=[THOUGHT])
    assert beside == Message("assistant", (THOUGHT, TextPart("a"), CALL))
    again = msgspec.convert(msgspec.json.decode(msgspec.json.encode(turn)), Message)
    assert again == turn


def test_results_among_a_users_parts_are_turns_of_their_tools() -> None:
    result = ToolResult("c1", (TextPart("21"),), is_error=True)
    asked = chat_request([Message("user", (result, TextPart("And now?")))])
    assert asked.messages == (
        Message("tool", (TextPart("21"),), tool_call_id="c1", is_error=True),
        Message("user", "And now?"),
    )
    given = {"type": "tool_result", "tool_use_id": "c1", "content": "21", "is_error": True}
    assert chat_request([{"role": "user", "content": [given]}]).messages == asked.messages[:1]


class Weather(BaseModel):
    """What the weather is."""

    city: str
    degrees: float


@dataclass
class Place:
    name: str
    kind: Literal["town", "village"] = "town"


def test_a_class_is_the_schema_of_an_answer() -> None:
    model = chat_request("a", response_format=Weather).response_format
    assert model is not None
    assert (model.name, model.strict, model.description) == ("Weather", False, "What the weather is.")
    assert model.schema["required"] == ["city", "degrees"]
    place = chat_request("a", response_format=Place).response_format
    assert place is not None
    assert place.schema["properties"]["kind"]["enum"] == ["town", "village"]
    for wrong in (int, SimpleNamespace):
        with pytest.raises(InvalidRequest, match="response_format"):
            chat_request("a", response_format=wrong)


def look(city: str, days: int = 1) -> str:
    """Look the weather up."""
    return f"{city} {days}"


def test_a_function_with_annotations_is_a_tool() -> None:
    (tool,) = chat_request("a", tools=[look]).tools
    assert (tool.name, tool.description) == ("look", "Look the weather up.")
    assert tool.parameters["required"] == ["city"]
    assert tool.parameters["properties"]["days"]["type"] == "integer"

    def untyped(city) -> None:  # type: ignore[no-untyped-def]
        """Take what has no type."""

    def many(*cities: str) -> None:
        """Take any number."""

    for wrong, words in ((untyped, "city of untyped has no annotation"), (many, "any number of values")):
        with pytest.raises(InvalidRequest, match=words):
            chat_request("a", tools=[wrong])


def test_tools_of_every_kind() -> None:
    custom = {"type": "custom", "custom": {"name": "run", "format": {"type": "text"}}}
    native = NativeTool("anthropic", {"type": "web_search_20250305", "name": "web_search"})
    chat = chat_request("a", tools=[custom, native, Tool("f")], tool_choice={
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
    })  # fmt: skip
    assert chat.tools == (Tool("run", custom=True, format={"type": "text"}), Tool("f"))
    assert chat.native_tools == (native,)
    assert chat.tool_choice == AllowedTools(("f",), required=True)


def test_a_result_may_be_nothing_and_any_tool_is_a_required_one() -> None:
    turns = [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": None}]
    assert chat_request(turns).messages[1] == Message("tool", tool_call_id="c1")
    assert chat_request("a", tools=[look], tool_choice="any").tool_choice == "required"


def test_options_of_openais_clients() -> None:
    chat = chat_request(
        "a", max_completion_tokens=5, stream_options={"include_usage": True}, n=1, logit_bias={50: -100}
    )
    assert (chat.max_tokens, chat.n, chat.logit_bias) == (5, 1, {"50": -100})
    with pytest.raises(InvalidRequest, match="n is more than 1"):
        chat_request("a", n=2)
    with pytest.raises(InvalidRequest, match="different things"):
        chat_request("a", max_completion_tokens=5, max_tokens=6)
    assert chat_request("a", response_format={"type": "text"}).response_format is None
    assert chat_request("a", response_format=JsonSchema({})).response_format == JsonSchema({})


# Files


def test_bytes_and_paths_become_data_urls(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.pdf").write_bytes(b"%PDF")
    (tmp_path / "c.wav").write_bytes(b"RIFF")
    assert ImagePart.from_path(tmp_path / "a.png") == ImagePart.from_bytes(PNG)
    assert ImagePart.from_bytes(PNG).data == ("image/png", "iVBORw0KGgoAAA==")
    document = FilePart.from_path(tmp_path / "b.pdf")
    assert (document.name, document.media_type) == ("b.pdf", "application/pdf")
    audio = AudioPart.from_path(tmp_path / "c.wav").media_type
    assert audio is not None
    assert audio.startswith("audio/")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ImagePart.from_bytes(b"no image"), "say media_type"),
        (lambda: ImagePart.from_bytes(b""), "say media_type"),
        (lambda: ImagePart.from_bytes(PNG, "text/plain"), "none of images"),
        (lambda: FilePart.from_bytes(b"", "application/pdf"), "is empty"),
        (lambda: FilePart.from_bytes("text", "text/plain"), "is not bytes, but a str"),  # type: ignore[arg-type]
        (lambda: FilePart.from_bytes(bytes(ATTACHMENT_BYTES_MAX + 1), "a/b"), "maximum is"),
        (lambda: FilePart.from_path("/nowhere/a.pdf"), "a.pdf' cannot be read"),
        (lambda: FilePart.from_path("/dev/zero"), "is a device"),
        (lambda: AudioPart.from_bytes(b"x", "video/mp4"), "none of audio"),
    ],
)
def test_what_is_no_file_of_its_kind_is_refused(make: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        make()


@pytest.mark.parametrize(
    "part", [THOUGHT, CALL, TextPart("secret"), FilePart("data:a/b;base64,secret"), Citation("secret")]
)
def test_no_part_shows_what_it_holds(part: Part) -> None:
    assert "secret" not in repr(part).replace("id='c1'", "")
    assert "Hm." not in repr(part)


# The origin of state

HERE = Origin("openai-responses", "https://host/v1", "gpt-5", credential_mark(Secret("sk-here-123456")))

ORIGINS = {
    "the same target": (HERE, True, True),
    "a provider by its name": (Origin("openai-responses"), True, True),
    "another provider": (msgspec.structs.replace(HERE, provider="openai"), False, False),
    "another base URL": (msgspec.structs.replace(HERE, base_url="https://else/v1"), False, False),
    "another model": (msgspec.structs.replace(HERE, model="gpt-4o"), False, False),
    "another account": (msgspec.structs.replace(HERE, credential=credential_mark(Secret("sk-else"))), True, False),
}


@pytest.mark.parametrize("name", ORIGINS)
@pytest.mark.parametrize("as_json", [False, True])
def test_state_goes_back_to_its_origin_only(name: str, as_json: bool) -> None:
    origin, plain, bound = ORIGINS[name]
    for is_bound, wanted in ((False, plain), (True, bound)):
        returning = Returning(lambda: HERE)
        if as_json and not origin.base_url:
            continue  # a wrapped state tells all of its origin
        state = wrapped("SIG", origin) if as_json else "SIG"
        turn = Message("assistant", (Reasoning("", state),), origin=None if as_json else origin)
        assert returning.state(state, turn, bound=is_bound) == ("SIG" if wanted else None)
        assert bool(returning.notes([turn])) == (not wanted)


def test_a_mark_of_a_key_is_no_key() -> None:
    mark = credential_mark(Secret("sk-here-123456"))
    assert mark == credential_mark(Secret("sk-here-123456"))
    assert len(mark) == 12
    assert "here" not in wrapped("SIG", HERE)
