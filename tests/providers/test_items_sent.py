"""What a conversation is among the items of a Responses request: each part as it stood, or refused, or noted."""

from typing import Any

import pytest
from standby.providers.chat import ChatRequest, Message, Tool
from standby.providers.dialects.openai_responses import provider
from standby.providers.messages import AllowedTools, NativeTool
from standby.providers.origin import Origin, credential_mark
from standby.providers.parts import (
    AudioPart,
    Citation,
    FilePart,
    ImagePart,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
)
from standby.providers.provider import Unsupported
from standby.providers.returning import wrapped
from standby.providers.secret import Secret

from conversation import KEY, body, built

MINI = "gpt-5-mini"
BASE = "https://api.openai.com/v1"
HERE = Origin("openai-responses", BASE, MINI, credential_mark(Secret(KEY)))
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
WAV = "data:audio/wav;base64,UklGRg=="
SEARCH = '{"type":"web_search_call","id":"ws_1",  "status":"completed"}'
COMPACTION = '{"type":"compaction","id":"cmp_1","encrypted_content":"Zm9v"}'
DRAWN = '{"type":"image_generation_call","id":"ig_1","status":"completed"}'
RUN = Tool("run", "Run.", custom=True, format={"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}})
LOOK = Tool("look")


def items(*messages: Message, model: str = MINI) -> Any:
    return body(provider, ChatRequest(messages=messages), model)["input"]


def answer(*parts: Part, origin: Any = HERE) -> Message:
    return Message("assistant", parts, origin=origin)


def sent(model: str = MINI, **options: Any) -> Any:
    return body(provider, ChatRequest(messages=(Message("user", "Hi"),), **options), model)


TURNS: dict[str, tuple[Message, Any]] = {
    "files": (
        Message("user", (FilePart(PDF, "a.pdf"), FilePart("https://x/b.pdf"), FilePart(id="file_1"), FilePart(PDF))),
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
                    {"type": "input_file", "file_url": "https://x/b.pdf"},
                    {"type": "input_file", "file_id": "file_1"},
                    {"type": "input_file", "file_data": PDF},
                ],
            }
        ],
    ),
    "audio and images": (
        Message("user", (AudioPart(WAV), ImagePart(PNG, "original"))),
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                    {"type": "input_image", "image_url": PNG, "detail": "original"},
                ],
            }
        ],
    ),
    "a late system text stays where it is": (Message("system", "Terse."), [{"role": "system", "content": "Terse."}]),
    "what a tool gave": (
        Message("tool", (TextPart("See"), ImagePart(PNG), FilePart(PDF, "a.pdf")), tool_call_id="call_1"),
        [
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": [
                    {"type": "input_text", "text": "See"},
                    {"type": "input_image", "image_url": PNG, "detail": "auto"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
                ],
            }
        ],
    ),
    "texts with their phases": (
        answer(TextPart("A", phase="commentary"), TextPart("B"), RefusalPart("No.")),
        [
            {"role": "assistant", "content": "A", "phase": "commentary"},
            {"role": "assistant", "content": "B"},
            {"role": "assistant", "content": "No."},
        ],
    ),
    "thinking, text and calls, as they came": (
        answer(
            Reasoning("Plan.", "rs_1", "l1"), TextPart("One."), ToolCall("c1", "f", "{}"), Reasoning("", "rs_2", "l2"),
            ToolCall("c2", "run", "1+1", custom=True),
        ),
        [
            {
                "type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Plan."}],
                "encrypted_content": "l1",
            },
            {"role": "assistant", "content": "One."},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "l2"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "1+1"},
        ],
    ),
    "a summary belongs to the item right before which it stands": (
        answer(Reasoning("Lost."), TextPart("One."), Reasoning("Kept."), Reasoning("", "rs_1", "l1")),
        [
            {"role": "assistant", "content": "One."},
            {
                "type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Kept."}],
                "encrypted_content": "l1",
            },
        ],
    ),
    "wrapped state of its own": (
        answer(Reasoning("", wrapped("rs_1", HERE), wrapped("l1", HERE)), origin=None),
        [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "l1"}],
    ),
    "wrapped state of another's": (
        answer(Reasoning("", wrapped("rs_1", Origin("x")), wrapped("l1", Origin("x"))), TextPart("a"), origin=None),
        [{"role": "assistant", "content": "a"}],
    ),
    "an item of the provider's own": (
        answer(NativePart("web_search_call", SEARCH), TextPart("a"), NativePart("compaction", COMPACTION)),
        [
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"role": "assistant", "content": "a"},
            {"type": "compaction", "id": "cmp_1", "encrypted_content": "Zm9v"},
        ],
    ),
    "sealed items of another account": (
        answer(
            NativePart("web_search_call", SEARCH), NativePart("compaction", COMPACTION), Reasoning("", "rs_1", "l1"),
            origin=Origin("openai-responses", BASE, MINI, "another"),
        ),
        [{"type": "web_search_call", "id": "ws_1", "status": "completed"}],
    ),
    "items of another provider": (
        answer(NativePart("server_tool_use", '{"type":"server_tool_use"}'), TextPart("a"), origin="anthropic"),
        [{"role": "assistant", "content": "a"}],
    ),
    "a picture that it drew": (
        answer(TextPart("See:"), ImagePart(PNG), NativePart("image_generation_call", DRAWN)),
        [
            {"role": "assistant", "content": "See:"},
            {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="},
        ],
    ),
    "the output of the caller's own shell": (
        Message("user", (NativePart("shell_call_output", '{"type":"shell_call_output","call_id":"c"}'),), origin=HERE),
        [{"type": "shell_call_output", "call_id": "c"}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TURNS)
def test_a_turn_is_these_items(name: str) -> None:
    turn, expected = TURNS[name]
    assert items(Message("user", "Hi"), turn)[1:] == expected


def test_an_item_goes_back_as_it_was_written() -> None:
    chat = ChatRequest(messages=(answer(NativePart("web_search_call", SEARCH)),))
    assert SEARCH.encode() in built(provider, chat, MINI).body


def test_the_result_of_a_custom_call_is_one_of_its_own() -> None:
    made = answer(ToolCall("c1", "run", "1+1", custom=True), ToolCall("c2", "look", "{}"))
    results = [Message("tool", "2", tool_call_id="c1"), Message("tool", "3", tool_call_id="c2")]
    assert items(made, *results)[2:] == [
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "2"},
        {"type": "function_call_output", "call_id": "c2", "output": "3"},
    ]


@pytest.mark.parametrize(
    ("what", "turn"),
    [
        ("images in assistant turns", answer(ImagePart(PNG))),
        ("images in assistant turns", answer(ImagePart(PNG), TextPart("a"))),
        (
            "images in assistant turns",
            answer(ImagePart(PNG), NativePart("image_generation_call", DRAWN), origin="another"),
        ),
        ("files in assistant turns", answer(FilePart(PDF))),
        ("audio in assistant turns", answer(AudioPart(id="audio_1"))),
        ("audio by URL", Message("user", (AudioPart("https://x/a.wav"),))),
        ("audio other than WAV and MP3", Message("user", (AudioPart("data:audio/ogg;base64,AAAA"),))),
        ("audio in tool results", Message("tool", (AudioPart(WAV),), tool_call_id="c")),
    ],
)
def test_a_part_that_cannot_be_said_is_refused(what: str, turn: Message) -> None:
    with pytest.raises(Unsupported, match=f"^{what}$"):
        items(Message("user", "Hi"), turn)


def test_what_is_left_out_of_a_turn_is_told() -> None:
    turn = answer(TextPart("a"), Citation("https://x", details="{}"), NativePart("x", "{}"), origin="another")
    notes = built(provider, ChatRequest(messages=(turn, Message("user", "So?"))), MINI).notes
    assert any(note.startswith("opaque state was left out, 2 times") for note in notes)


def test_custom_and_native_tools() -> None:
    search = NativeTool("openai-responses", {"type": "web_search"})
    taken = sent(tools=(RUN, LOOK), native_tools=(search,), tool_choice="run")
    assert taken["tools"] == [
        {
            "type": "custom",
            "name": "run",
            "description": "Run.",
            "format": {"type": "grammar", "syntax": "regex", "definition": "a+"},
        },
        {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "web_search"},
    ]
    assert taken["tool_choice"] == {"type": "custom", "name": "run"}
    assert sent(native_tools=(search,), tool_choice="required")["tool_choice"] == "required"


@pytest.mark.parametrize(("required", "mode"), [(False, "auto"), (True, "required")])
def test_some_of_the_tools_are_allowed(required: bool, mode: str) -> None:
    taken = sent(tools=(RUN, LOOK), tool_choice=AllowedTools(("run", "look"), required))
    allowed = [{"type": "custom", "name": "run"}, {"type": "function", "name": "look"}]
    assert taken["tool_choice"] == {"type": "allowed_tools", "mode": mode, "tools": allowed}


def test_options_of_the_answer() -> None:
    options: dict[str, Any] = {
        "user": "u", "safety_identifier": "s", "metadata": {"team": "a"}, "service_tier": "flex", "top_logprobs": 2,
    }  # fmt: skip
    taken = sent("gpt-5.1", **options, verbosity="low")
    assert {name: taken[name] for name in options} == options
    assert taken["text"] == {"verbosity": "low"}
    assert taken["include"] == ["reasoning.encrypted_content", "message.output_text.logprobs"]
    assert sent("gpt-5.1", logprobs=True)["include"] == taken["include"]


@pytest.mark.parametrize("summary", ["concise", "none"])
def test_a_target_says_what_is_shown_of_the_thinking(summary: str) -> None:
    chat = ChatRequest(messages=(Message("user", "Hi"),), reasoning_effort="high")
    shown = {} if summary == "none" else {"summary": summary}
    assert body(provider, chat, MINI, options={"reasoning_summary": summary})["reasoning"] == {
        "effort": "high",
        **shown,
    }
    with pytest.raises(Unsupported, match="reasoning_summary"):
        body(provider, chat, MINI, options={"reasoning_summary": "loud"})
